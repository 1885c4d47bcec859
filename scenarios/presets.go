package scenarios

import "github.com/relaysim/relaysim/topology"

// preset is a set of rules under a name that administrators know, with what
// becomes of everything else. docs/scenario.md has them as a table.
type preset struct {
	name      string
	otherwise topology.Verdict
	// related lets errors about accepted flows back.
	related bool
	// accepts are the services accepted from any side to any other; replies
	// besides, of a stateless box, which knows no replies.
	accepts, replies []topology.Kind
	// hostOnly presets are those of a host's own firewall.
	hostOnly bool
}

var presets = []preset{
	{name: "allow-all", otherwise: topology.Accept, related: true},
	{name: "tcp-only", otherwise: topology.Drop, accepts: []topology.Kind{topology.TCP, topology.Reset}},
	{
		name: "echo-only", otherwise: topology.Drop,
		accepts: []topology.Kind{topology.EchoRequest},
		replies: []topology.Kind{topology.EchoReply},
	},
	{
		name: "echo-and-time-exceeded", otherwise: topology.Drop, related: true,
		accepts: []topology.Kind{topology.EchoRequest},
		replies: []topology.Kind{topology.EchoReply, topology.TimeExceeded},
	},
	{name: "windows-defender-default", otherwise: topology.Drop, related: true, hostOnly: true},
	{name: "closed", otherwise: topology.Drop},
}

func presetNames() []string {
	var out []string
	for i := range presets {
		out = append(out, presets[i].name)
	}
	return out
}

func presetOf(name string) *preset {
	for i := range presets {
		if presets[i].name == name {
			return &presets[i]
		}
	}
	return nil
}

// rules are those of the preset in a box of a kind, written at a spot.
func (p *preset) rules(kind topology.BoxKind, at spot) []topology.Rule {
	rule := topology.Rule{Name: p.name, Source: at.lineOnly()}
	var out []topology.Rule
	if kind == topology.Guard { // everything that the host sends
		own := rule
		own.FromSides = 1
		out = append(out, own)
	}
	set := setOf(p.accepts...)
	if kind == topology.Stateless {
		set |= setOf(p.replies...)
	}
	if set != 0 {
		rule.Kinds = set.kinds()
		out = append(out, rule)
	}
	return out
}
