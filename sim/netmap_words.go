package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// placeNotes say what a place has besides hosts.
func (m *NetworkMap) placeNotes(n *topology.NetworkSpec) []string {
	s := m.policy.Spec
	var notes []string
	for _, x := range n.Prefixes {
		notes = append(notes, x.String())
	}
	if n.HasView {
		notes = append(notes, "names: view "+s.Views[n.View].Name)
	}
	for i := range n.Strangers {
		x := &n.Strangers[i]
		notes = append(notes, fmt.Sprintf("%s has %s (%s)", x.Name, x.Prefix, strangerWords(x)))
	}
	if t := n.Tunneled; t != nil {
		text := "VPN clients in " + s.Networks[t.Underlay].Name + ", tunnel for "
		if len(t.Into) == 0 {
			text += "everything"
		} else {
			text += m.networks(t.Into)
		}
		notes = append(notes, text)
	}
	for i := range s.Routes {
		if r := &s.Routes[i]; s.Networks[r.At].Name == n.Name {
			notes = append(notes, fmt.Sprintf("route to %s by %s", m.networks(r.To), s.Boxes[s.Legs[r.Leg].Box].Name))
		}
	}
	return notes
}

func strangerWords(s *topology.StrangerSpec) string {
	switch {
	case s.AnswersEcho && s.AnswersTCP:
		return "answers echo and TCP"
	case s.AnswersEcho:
		return "answers echo"
	case s.AnswersTCP:
		return "answers TCP"
	}
	return "silent"
}

// networks names places; all sites together are "sites", of many the number.
func (m *NetworkMap) networks(ids []topology.NetworkID) string {
	sites := 0
	for i := range m.plan.Networks {
		if m.plan.Networks[i].Site {
			sites++
		}
	}
	var names []string
	named := 0
	for _, id := range ids {
		if m.plan.Networks[id].Site {
			named++
		}
	}
	if sites > 0 && named == sites {
		names = append(names, "sites")
	}
	for _, id := range ids {
		if len(names) == 0 || names[0] != "sites" || !m.plan.Networks[id].Site {
			names = append(names, m.plan.Networks[id].Name)
		}
	}
	if len(names) > 4 {
		return fmt.Sprintf("%d places", len(ids))
	}
	return strings.Join(names, "+")
}

// match is one end of a rule in words.
func (m *NetworkMap) match(x *topology.Match) string {
	var parts []string
	if len(x.Networks) > 0 {
		parts = append(parts, m.networks(x.Networks))
	}
	for _, h := range x.Hosts {
		parts = append(parts, m.policy.Spec.Hosts[h].Name)
	}
	for _, p := range x.Prefixes {
		parts = append(parts, p.String())
	}
	text := strings.Join(parts, " ")
	if len(x.Hosts) > 1 && len(parts) == len(x.Hosts) {
		text = strings.Join(parts, "+")
	}
	if text == "" {
		text = "any"
	}
	switch x.Roles {
	case topology.Relay:
		text += " relays"
	case topology.Client:
		text += " clients"
	}
	return text
}

// kindsWords names services; all four of ICMP are icmp/any.
func kindsWords(kinds []topology.Kind) string {
	if len(kinds) == 0 {
		return "any"
	}
	icmp := []topology.Kind{topology.EchoRequest, topology.EchoReply, topology.TimeExceeded, topology.Unreachable}
	all := true
	for _, k := range icmp {
		all = all && slices.Contains(kinds, k)
	}
	var names []string
	if all {
		names = append(names, "icmp/any")
	}
	for _, k := range kinds {
		if k == topology.Reset && slices.Contains(kinds, topology.TCP) {
			continue // a service of TCP has its refusals with it
		}
		if !all || !k.IsICMP() {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ", ")
}

// boxNotes say what a box does besides judging packets.
func (m *NetworkMap) boxNotes(b *topology.BoxSpec) []string {
	var notes []string
	if b.NAT != nil {
		notes = append(notes, m.natNotes(b)...)
	}
	if len(b.Drops) > 0 {
		notes = append(notes, "forwards no "+kindsWords(b.Drops))
	}
	if b.Silent {
		notes = append(notes, "sends no ICMP errors")
	}
	if b.EatsExpiring {
		notes = append(notes, "drops what expires without a word")
	}
	if b.Errors != nil {
		notes = append(notes, "ICMP errors limited"+errorLimits(b.Errors))
	}
	if b.Flows > 0 {
		notes = append(notes, fmt.Sprintf("tracks %d flows at most", b.Flows))
	}
	for i := range b.EchoFor {
		notes = append(notes, "answers echo for "+m.match(&b.EchoFor[i]))
	}
	return notes
}

func errorLimits(l *topology.ErrorLimit) string {
	var parts []string
	if l.PerDestination != nil {
		parts = append(parts, limitWords(l.PerDestination)+" per destination")
	}
	if l.Global != nil {
		parts = append(parts, limitWords(l.Global))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// natNotes say what a translator does.
func (m *NetworkMap) natNotes(b *topology.BoxSpec) []string {
	n, s := b.NAT, m.policy.Spec
	var outside []topology.NetworkID
	for i := range s.Legs {
		if l := &s.Legs[i]; s.Boxes[l.Box].Name == b.Name && l.Side == n.Outside {
			outside = append(outside, l.Network)
		}
	}
	text := "NAT towards " + m.networks(outside)
	switch {
	case n.PerClient:
		text += ", one for each client"
	case len(n.Pool) > 0:
		text += ", " + strconv.Itoa(len(n.Pool)) + " " + plural(len(n.Pool), "address", "addresses")
	}
	notes := []string{text}
	for _, x := range n.Static {
		notes = append(notes, fmt.Sprintf("%s is %s", x.Public, s.Hosts[x.Host].Name))
	}
	for _, x := range n.Forwards {
		notes = append(notes, fmt.Sprintf("%s %s goes to %s", x.Public, kindsWords(x.Kinds), s.Hosts[x.Host].Name))
	}
	return notes
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
