package lab

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// refuse finds what of a Spec no lab can stand for.
func (p *planner) refuse() {
	s := p.spec
	if s.Balance != topology.OneWay {
		p.refusef("ways of equal cost are balanced, by a hash that is not Linux's")
	}
	if len(s.Routes) > 0 {
		p.refusef("static routes make ways that routes by destination do not")
	}
	for i := range s.Networks {
		p.refuseNetwork(&s.Networks[i])
	}
	for i := range s.Boxes {
		p.refuseBox(&s.Boxes[i])
	}
	for i := range s.Legs {
		if s.Legs[i].Tunnel != nil {
			p.refusef("leg %q is a tunnel", s.Legs[i].Name)
		}
	}
}

func (p *planner) refuseNetwork(n *topology.NetworkSpec) {
	switch {
	case n.Tunneled != nil:
		p.refusef("place %q is behind a tunnel", n.Name)
	case len(n.Strangers) > 0:
		p.refusef("place %q has strangers", n.Name)
	case n.TellsAbsent:
		p.refusef("place %q tells of absent hosts", n.Name)
	}
	if _, ok := prefix4(n); !ok && len(n.Prefixes) > 0 {
		p.refusef("place %q has IPv6 alone", n.Name)
	}
}

func (p *planner) refuseBox(b *topology.BoxSpec) {
	if len(b.EchoFor) > 0 {
		p.refusef("box %q answers echo requests in the name of others", b.Name)
	}
	if b.Flows > 0 {
		p.refusef("box %q has a table of limited size, which Linux has for the whole machine", b.Name)
	}
	if e := b.Errors; e != nil && !isLinux(e) {
		p.refusef("box %q limits its errors in another way than Linux does by default", b.Name)
	}
	if b.ErrorsFrom.IsValid() && b.Kind == topology.Routed {
		p.refusef("routers of box %q share the address that they send errors from", b.Name)
	}
	for i := range b.Rules {
		p.refuseRule(b, &b.Rules[i])
	}
	if b.NAT != nil {
		p.refuseNAT(b)
	}
}

// isLinux tells whether a limit is that of LinuxErrors.
func isLinux(e *topology.ErrorLimit) bool {
	l := topology.LinuxErrors()
	return e.PerDestination != nil && e.Global != nil && *e.PerDestination == *l.PerDestination && *e.Global == *l.Global
}

func (p *planner) refuseRule(b *topology.BoxSpec, r *topology.Rule) {
	switch {
	case r.Limit != nil && r.Limit.PerSource:
		p.refusef("rule %q of box %q limits by source", r.Name, b.Name)
	case r.Untracked && b.Kind == topology.Guard:
		p.refusef("rule %q of guard %q is untracked", r.Name, b.Name)
	case r.Untracked && b.NAT != nil:
		p.refusef("rule %q of translator %q is untracked: what Linux does not track it does not translate", r.Name, b.Name)
	}
	if r.Untracked && limits(b) {
		p.refusef("box %q has untracked rules and limits, which would be asked twice", b.Name)
	}
}

func (p *planner) refuseNAT(b *topology.BoxSpec) {
	nat := b.NAT
	switch {
	case nat.Filtering != topology.AddressAndPortDependent:
		p.refusef("translator %q filters in another way than Linux, which is address- and port-dependent", b.Name)
	case nat.Mappings > 0 || nat.PerHost > 0:
		p.refusef("translator %q limits its mappings", b.Name)
	}
}

// leaveOut names what the lab does without.
func (p *planner) leaveOut() {
	add := func(format string, args ...any) {
		p.plan.LeftOut = append(p.plan.LeftOut, fmt.Sprintf(format, args...))
	}
	delays := 0
	for i := range p.spec.Legs {
		l := &p.spec.Legs[i]
		if l.Delay > 0 {
			delays++
		}
		if l.Loss != 0 || l.Bursts != nil || l.Duplicates != 0 || l.Reordered != 0 || l.Jitter.Mean > 0 {
			add("weather of leg %q", l.Name)
		}
	}
	for i := range p.spec.Networks {
		if p.spec.Networks[i].InsideLoss != 0 {
			add("loss inside %q", p.spec.Networks[i].Name)
		}
		if p.addresses.outside[topology.NetworkID(i)] && p.speaksOfPrefixes() {
			p.refusef("place %q has no room for its routers in its prefix, and rules speak of prefixes", p.spec.Networks[i].Name)
		}
	}
	if delays > 0 {
		add("delays of %d legs", delays)
	}
	for i := range p.spec.Boxes {
		if b := &p.spec.Boxes[i]; b.NAT != nil && b.NAT.ErrorSource != topology.FromDestination {
			add("own source of the errors that translator %q sends outside: Linux sends them from the destination of the packet, and so does the model here", b.Name)
		}
	}
}

// speaksOfPrefixes tells whether a rule matches by prefixes.
func (p *planner) speaksOfPrefixes() bool {
	has := func(list []netip.Prefix) bool { return len(list) > 0 }
	for i := range p.spec.Boxes {
		for j := range p.spec.Boxes[i].Rules {
			if r := &p.spec.Boxes[i].Rules[j]; has(r.From.Prefixes) || has(r.To.Prefixes) {
				return true
			}
		}
	}
	return false
}

// Calm is a Spec without what a lab leaves out, for the model to be compared
// with it.
func Calm(s *topology.Spec) *topology.Spec {
	c := *s
	c.Networks, c.Legs, c.Boxes = slices.Clone(s.Networks), slices.Clone(s.Legs), slices.Clone(s.Boxes)
	for i := range c.Boxes {
		if nat := c.Boxes[i].NAT; nat != nil {
			linux := *nat
			linux.ErrorSource = topology.FromDestination
			c.Boxes[i].NAT = &linux
		}
	}
	for i := range c.Networks {
		c.Networks[i].InsideLoss = 0
	}
	for i := range c.Legs {
		l := &c.Legs[i]
		l.Loss, l.Bursts, l.Duplicates, l.Reordered, l.Jitter = 0, nil, 0, 0, topology.Jitter{}
	}
	return &c
}
