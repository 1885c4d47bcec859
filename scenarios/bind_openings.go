package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// opening is a named opening with the boxes it is made in.
type opening struct {
	node  *node
	boxes []openingAt
	rules []topology.Rule
}

// openingAt is a box with the sides of it that an opening is about.
type openingAt struct {
	box                topology.BoxID
	fromSides, toSides uint8
}

// rulesAt are the rules of the opening in a box, none if it is not made there.
func (o *opening) rulesAt(id topology.BoxID) []topology.Rule {
	i := slices.IndexFunc(o.boxes, func(x openingAt) bool { return x.box == id })
	if i < 0 {
		return nil
	}
	out := slices.Clone(o.rules)
	for j := range out {
		out[j].FromSides, out[j].ToSides = o.boxes[i].fromSides, o.boxes[i].toSides
	}
	return out
}

func (o *opening) isAt(id topology.BoxID) bool {
	return slices.ContainsFunc(o.boxes, func(x openingAt) bool { return x.box == id })
}

func (b *binder) bindOpenings() {
	for _, name := range b.section("opening").names() {
		n := b.section("opening").get(name)
		if n.kind != table {
			continue
		}
		subject := "opening " + strconv.Quote(name)
		o := &opening{node: n}
		rule := topology.Rule{
			Name: name, Source: n.at.lineOnly(),
			Limit: b.limit(n.get("limit"), subject), Untracked: n.truth("untracked"),
		}
		rule.Verdict, rule.With = verdict(n.str("action"))
		from, to := b.end(n.get("from"), subject), b.end(n.get("to"), subject)
		if rule.Limit != nil && len(from)*len(to) > 1 {
			b.add(n.spotOf("limit"), subject, "has a limit, which holds for one rule, and ends of several sorts (places, relays or prefixes alone are accepted)")
		}
		b.otherFamily(n, subject)
		for _, r := range b.byFamily(rule, b.services(n, "service", subject), n.str("families")) {
			o.rules = append(o.rules, crossed(r, from, to)...)
		}
		if s := n.get("service"); s != nil && s.kind == list && len(s.list) == 0 {
			b.add(s.at, subject, "names no service")
		}
		o.boxes = b.boxesOf(n, subject)
		b.openings[name] = o
	}
}

// otherFamily warns of services that the family of an opening does not have.
func (b *binder) otherFamily(n *node, subject string) {
	family := n.str("families")
	for _, v := range n.items("service") {
		s, ok := parseService(v.text)
		if ok && (family == "ipv4" && s.v4 == 0 && s.v6 != 0 || family == "ipv6" && s.v6 == 0 && s.v4 != 0) {
			b.warn(v.at, subject, "service: no packet of %q is of the family %q", short(v.text), family)
		}
	}
}

func (b *binder) boxesOf(n *node, subject string) []openingAt {
	var out []openingAt
	from, to := b.zone(n, "side_from", subject), b.zone(n, "side_to", subject)
	for _, v := range n.items("at") {
		i := slices.IndexFunc(b.boxes, func(x boxNode) bool { return x.name == v.text })
		switch {
		case i >= 0:
			out = append(out, openingAt{
				topology.BoxID(i), b.sidesOf(n, "side_from", &b.boxes[i], from, subject), b.sidesOf(n, "side_to", &b.boxes[i], to, subject),
			})
		case v.kind == text:
			b.add(v.at, subject, "at: box %q is not defined%s", short(v.text), hint(v.text, b.section("box").names()))
		}
	}
	return out
}

// zone reads the places that stand for a side of each box.
func (b *binder) zone(n *node, key, subject string) []topology.NetworkID {
	if v := n.get(key); v != nil && v.kind == text {
		return b.placesOf(v, v.text, subject+": "+key)
	}
	return nil
}

// sidesOf is the bit set of the sides of a box where the places are.
func (b *binder) sidesOf(n *node, key string, box *boxNode, places []topology.NetworkID, subject string) uint8 {
	set := uint8(0)
	for _, id := range places {
		side, ok := box.side(id)
		switch {
		case ok:
			set |= 1 << side
		case b.lostSides:
		case box.node.str("kind") == "host":
			b.add(n.spotOf(key), subject, "%s means nothing at %q, a host's own firewall", key, box.name)
			return 0
		default:
			b.add(n.spotOf(key), subject, "%s: %q is on no side of the box %q", key, b.plan.Networks[id].Name, box.name)
		}
	}
	return set
}

// verdict is what an action does, and how it answers.
func verdict(s string) (topology.Verdict, topology.Refusal) {
	switch s {
	case "drop":
		return topology.Drop, 0
	case "reject":
		return topology.Reject, topology.Prohibited
	case "reject-net":
		return topology.Reject, topology.NetUnreachable
	case "reject-host":
		return topology.Reject, topology.HostUnreachable
	case "reject-port":
		return topology.Reject, topology.PortUnreachable
	case "reject-reset":
		return topology.Reject, topology.TCPReset
	}
	return topology.Accept, 0
}

// Bounds of a limit's rate, in packets a second.
const (
	leastRate = 1.0 / 3600
	mostRate  = 1e6
	mostBurst = 1e6
	// standardBurst is nftables' default burst of "limit rate".
	standardBurst = 5
)

// limit reads "5/s", "5/s burst 10 per source", "30/m per source".
func (b *binder) limit(v *node, subject string) *topology.Limit {
	if v == nil || v.kind != text {
		return nil
	}
	words := strings.Fields(v.text)
	l := &topology.Limit{Burst: standardBurst}
	if n := len(words); n >= 2 && words[n-2] == "per" && words[n-1] == "source" {
		l.PerSource = true
		words = words[:n-2]
	}
	ok := len(words) == 1 || len(words) == 3 && words[1] == "burst"
	if ok && len(words) == 3 {
		burst, err := strconv.ParseUint(words[2], 10, 32)
		ok = err == nil && burst >= 1 && burst <= mostBurst
		l.Burst = int(burst)
	}
	if ok {
		l.PerSecond, ok = parseRate(words[0])
	}
	if !ok {
		b.add(v.at, subject, "limit %q is not a rate (\"5/s\", \"30/m\" or \"100/h\" is accepted, then \"burst N\", then \"per source\"; at most %.0f a second)", short(v.text), mostRate)
		return nil
	}
	return l
}

func parseRate(s string) (perSecond float64, ok bool) {
	number, unit, found := strings.Cut(s, "/")
	x, err := strconv.ParseUint(number, 10, 32)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !found || err != nil || per == 0 {
		return 0, false
	}
	perSecond = float64(x) / per.Seconds()
	return perSecond, perSecond >= leastRate && perSecond <= mostRate
}
