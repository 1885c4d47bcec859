package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// NetworkMap is the network under one policy for a picture of it: plain data,
// in words and names, and the distances on request.
type NetworkMap struct {
	Scenario, Title    string
	Policy, PolicyText string
	Places             []MapPlace
	Boxes              []MapBox // firewalls of hosts last
	Links              []MapLink

	plan   *Plan
	policy *PolicyPlan
}

// MapPlace is a network.
type MapPlace struct {
	Name          string
	Site, Outside bool
	// Groups are the labels of the clients at home here, Visitors those of
	// clients that come from elsewhere.
	Groups   []MapGroup
	Visitors []string
	// Relays by name; Root is the root server if it is here.
	Relays []string
	Root   string
	// Advertise are the affiliations of the relays, but for the place's name.
	Advertise []string
	Inside    int // routers between two hosts here
	// AccessMin and AccessMax are the numbers of access routers of clients.
	AccessMin, AccessMax int
	// Notes say what else there is: addresses, views, strangers, routes.
	Notes []string
}

// MapGroup is a number of clients with one label.
type MapGroup struct {
	Label string
	Count int
}

// Clients is the number of clients at home in the place.
func (p *MapPlace) Clients() int {
	n := 0
	for _, g := range p.Groups {
		n += g.Count
	}
	return n
}

// MapBox is a box.
type MapBox struct {
	Name string
	// Kind is "router", "stateful", "stateless" or "host".
	Kind string
	// Rules are its openings in order; Otherwise is what happens to the rest,
	// "" for a router.
	Rules     []MapRule
	Otherwise string
	// Notes say what else it does: translation, drops, silence, limits.
	Notes []string
	// Guards are the hosts and groups whose own firewall it is.
	Guards []string
}

// MapRule is a rule in words.
type MapRule struct {
	Name, Source string
	Verdict      string // "accept", "drop" or "reject"
	Text         string // "any to dmz relays: tcp/52311"
}

// MapLink is a leg, between Places[Place] and Boxes[Box].
type MapLink struct {
	Name       string
	Place, Box int
	Side       int
	Routers    int
	RTT        time.Duration // of the leg alone
	Loss       float64
	// Tunnel says between what it is one, "" for a common leg.
	Tunnel string
	Notes  []string
}

// Map is the network under a policy, or nil for a plan whose networks were
// compiled elsewhere.
func (p *Plan) Map(policy int) *NetworkMap {
	pol := &p.Policies[policy]
	if pol.Spec == nil {
		return nil
	}
	m := &NetworkMap{
		Scenario: p.Name, Title: p.Title, Policy: pol.Name, PolicyText: pol.Text, plan: p, policy: pol,
	}
	for i := range pol.Spec.Networks {
		m.Places = append(m.Places, m.place(topology.NetworkID(i)))
	}
	for i := range pol.Spec.Boxes {
		m.Boxes = append(m.Boxes, m.box(topology.BoxID(i)))
	}
	for i := range pol.Spec.Legs {
		m.Links = append(m.Links, m.link(&pol.Spec.Legs[i]))
	}
	return m
}

// Hops are the least and most routers between the clients of a place and the
// hosts of another; it is not ok if there are no hosts or no path, or for a map
// that was made of nothing.
func (m *NetworkMap) Hops(from, to int) (least, most int, ok bool) {
	if m.plan == nil {
		return 0, 0, false
	}
	h := slices.IndexFunc(m.plan.Relays, func(r RelayPlan) bool { return int(r.Network) == to })
	if h < 0 {
		return 0, 0, false
	}
	n, ok := m.policy.Network.Hops(topology.Attachment{Network: topology.NetworkID(from)}, topology.HostID(h))
	if !ok {
		return 0, 0, false
	}
	if access := m.policy.Spec.Networks[from].Access; len(access) > 0 {
		n -= access[0]
	}
	return n + m.Places[from].AccessMin, n + m.Places[from].AccessMax, true
}

func (m *NetworkMap) place(id topology.NetworkID) MapPlace {
	spec, plan := &m.policy.Spec.Networks[id], &m.plan.Networks[id]
	p := MapPlace{Name: spec.Name, Site: plan.Site, Outside: plan.Outside, Inside: spec.InsideRouters}
	if len(spec.Access) > 0 {
		p.AccessMin, p.AccessMax = slices.Min(spec.Access), slices.Max(spec.Access)
	}
	for i := range m.plan.Groups {
		m.residents(&p, &m.plan.Groups[i], id)
	}
	for i := range m.plan.Relays {
		r := &m.plan.Relays[i]
		switch {
		case r.Network != id:
		case r.Root:
			p.Root = r.Name
		default:
			p.Relays = append(p.Relays, r.Name)
			p.advertise(r.Advertise)
		}
	}
	p.Notes = m.placeNotes(spec)
	return p
}

// residents adds what a group means to a place.
func (m *NetworkMap) residents(p *MapPlace, g *GroupPlan, id topology.NetworkID) {
	label := m.plan.Labels[g.Label]
	if slices.ContainsFunc(g.Away, func(a AwayPlan) bool { return a.Network == id }) && !slices.Contains(p.Visitors, label) {
		p.Visitors = append(p.Visitors, label)
	}
	if g.Home != id || g.Count == 0 {
		return
	}
	i := slices.IndexFunc(p.Groups, func(x MapGroup) bool { return x.Label == label })
	if i < 0 {
		i = len(p.Groups)
		p.Groups = append(p.Groups, MapGroup{Label: label})
	}
	p.Groups[i].Count += g.Count
}

func (p *MapPlace) advertise(labels []string) {
	for _, l := range labels {
		if !strings.EqualFold(l, p.Name) && !slices.Contains(p.Advertise, l) {
			p.Advertise = append(p.Advertise, l)
		}
	}
}

var mapKinds = map[topology.BoxKind]string{
	topology.Routed: "router", topology.Stateful: "stateful", topology.Stateless: "stateless", topology.Guard: "host",
}

var mapVerdicts = map[topology.Verdict]string{topology.Accept: "accept", topology.Drop: "drop", topology.Reject: "reject"}

func (m *NetworkMap) box(id topology.BoxID) MapBox {
	b := &m.policy.Spec.Boxes[id]
	out := MapBox{Name: b.Name, Kind: mapKinds[b.Kind], Notes: m.boxNotes(b)}
	if b.Kind != topology.Routed {
		out.Otherwise = mapVerdicts[b.Otherwise]
	}
	for i := range b.Rules {
		r := &b.Rules[i]
		text := fmt.Sprintf("%s to %s: %s", m.match(&r.From), m.match(&r.To), kindsWords(r.Kinds))
		if r.Limit != nil {
			text += ", " + limitWords(r.Limit)
		}
		out.Rules = append(out.Rules, MapRule{Name: r.Name, Source: r.Source, Verdict: mapVerdicts[r.Verdict], Text: text})
	}
	if b.Kind == topology.Guard {
		for i := range m.policy.Spec.Hosts {
			if h := &m.policy.Spec.Hosts[i]; h.Guard == topology.GuardOf(id) {
				out.Guards = append(out.Guards, h.Name)
			}
		}
		for i := range m.plan.Groups {
			g := &m.plan.Groups[i]
			if label := m.plan.Labels[g.Label]; g.Guard == topology.GuardOf(id) && !slices.Contains(out.Guards, label) {
				out.Guards = append(out.Guards, label)
			}
		}
	}
	return out
}

func (m *NetworkMap) link(l *topology.LegSpec) MapLink {
	s := m.policy.Spec
	out := MapLink{
		Name: l.Name, Place: int(l.Network), Box: int(l.Box), Side: int(l.Side),
		Routers: l.Routers, RTT: 2 * l.Delay, Loss: l.Loss.Float(),
	}
	if l.Tunnel != nil {
		out.Tunnel = fmt.Sprintf("tunnel over %s to %s", s.Networks[l.Tunnel.Over].Name, s.Networks[l.Tunnel.Gateway].Name)
	}
	if l.Metric > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("metric %d", l.Metric))
	}
	if l.Jitter.Mean > 0 {
		out.Notes = append(out.Notes, "jitter "+l.Jitter.Mean.String())
	}
	if l.Bursts != nil {
		out.Notes = append(out.Notes, "lossy in bursts")
	}
	if l.Duplicates > 0 {
		out.Notes = append(out.Notes, "duplicates")
	}
	if l.Reordered > 0 {
		out.Notes = append(out.Notes, "reorders")
	}
	return out
}
