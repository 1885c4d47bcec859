//go:build kernel

package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// shrunk is the smallest network found within a span that still shows a
// mismatch. Steps that make no valid network, or one without a mismatch, are
// taken back.
func shrunk(d *Design, within time.Duration) (*Design, []Row) {
	wrong := mismatchesOf(d)
	until := time.Now().Add(within)
	for again := true; again; {
		again = false
		for i := 0; ; i++ {
			c := copied(d)
			if !step(c, i) {
				break
			}
			if time.Now().After(until) || interrupted.Err() != nil {
				return d, wrong
			}
			if w := mismatchesOf(c); len(w) > 0 {
				d, wrong, again = c, w, true
				i--
			}
		}
	}
	return d, wrong
}

// mismatchesOf measures a network; none if it cannot be built.
func mismatchesOf(d *Design) []Row {
	p, err := NewPlan(d)
	if err != nil {
		return nil
	}
	rows, err := fates(d, p)
	if err != nil {
		return nil
	}
	return unexcused(d, rows)
}

func copied(d *Design) *Design {
	s := *d.Spec
	s.Networks, s.Boxes, s.Legs = slices.Clone(s.Networks), slices.Clone(s.Boxes), slices.Clone(s.Legs)
	s.Hosts, s.Views = slices.Clone(s.Hosts), slices.Clone(s.Views)
	for i := range s.Boxes {
		s.Boxes[i].Rules = slices.Clone(s.Boxes[i].Rules)
	}
	return &Design{&s, slices.Clone(d.Clients)}
}

// step makes a network smaller in the i-th way; false if there is none. A way
// that changes nothing is one that is tried in vain at most.
func step(d *Design, i int) bool {
	s := d.Spec
	ways := []func(n int) bool{
		func(n int) bool {
			if n < len(d.Clients) && len(d.Clients) > 1 {
				d.Clients = slices.Delete(d.Clients, n, n+1)
			}
			return n < len(d.Clients)
		},
		func(n int) bool {
			if n < len(s.Legs) {
				s.Legs = slices.Delete(s.Legs, n, n+1)
			}
			return n < len(s.Legs)+1
		},
	}
	for _, w := range ways {
		count := max(len(d.Clients), len(s.Legs)) + 1
		if i < count {
			w(i)
			return true
		}
		i -= count
	}
	for _, pop := range []func(){
		func() { s.Hosts = s.Hosts[:len(s.Hosts)-1] }, func() { s.Boxes = s.Boxes[:len(s.Boxes)-1] },
		func() { s.Networks = s.Networks[:len(s.Networks)-1] },
	} {
		if i == 0 {
			if len(s.Hosts) > 1 && len(s.Boxes) > 1 && len(s.Networks) > 1 {
				pop()
			}
			return true
		}
		i--
	}
	for b := range s.Boxes {
		for r := range s.Boxes[b].Rules {
			if i == 0 {
				s.Boxes[b].Rules = slices.Delete(s.Boxes[b].Rules, r, r+1)
				return true
			}
			i--
		}
	}
	for _, p := range plainer(d) {
		if i == 0 {
			p()
			return true
		}
		i--
	}
	return false
}

// plainer are ways to take single features away; only those that are there.
func plainer(d *Design) (all []func()) {
	s := d.Spec
	add := func(there bool, f func()) {
		if there {
			all = append(all, f)
		}
	}
	for i := range s.Boxes {
		b := &s.Boxes[i]
		add(b.NAT != nil, func() { b.NAT = nil })
		add(b.Drops != nil, func() { b.Drops = nil })
		add(b.Silent, func() { b.Silent = false })
		add(b.EatsExpiring, func() { b.EatsExpiring = false })
		add(b.Otherwise != topology.Accept, func() { b.Otherwise = topology.Accept })
		add(!b.RelatedErrors, func() { b.RelatedErrors = true })
	}
	for i := range s.Legs {
		add(s.Legs[i].Routers > 0, func() { s.Legs[i].Routers = 0 })
	}
	for i := range s.Networks {
		n := &s.Networks[i]
		add(n.InsideRouters > 0, func() { n.InsideRouters = 0 })
		add(n.HasView, func() { n.HasView = false })
		add(slices.Max(append(n.Access, 0)) > 0, func() { n.Access = make([]int, len(n.Access)) })
	}
	for i := range s.Hosts {
		add(s.Hosts[i].Guard != 0, func() { s.Hosts[i].Guard = 0 })
	}
	for i := range d.Clients {
		add(d.Clients[i].At.Guard != 0, func() { d.Clients[i].At.Guard = 0 })
	}
	return all
}

// describe tells what a network is made of.
func describe(d *Design) string {
	var out strings.Builder
	for _, n := range d.Spec.Networks {
		fmt.Fprintf(&out, "  network %s: inside %d, access %v, %v, view %v\n", n.Name, n.InsideRouters, n.Access, n.Prefixes, n.HasView)
	}
	for _, b := range d.Spec.Boxes {
		fmt.Fprintf(&out, "  box %s: %s, otherwise %d, related %v, silent %v, eats %v, drops %v\n", b.Name, kindNames[b.Kind], b.Otherwise, b.RelatedErrors, b.Silent, b.EatsExpiring, b.Drops)
		if b.NAT != nil {
			fmt.Fprintf(&out, "    nat %+v\n", *b.NAT)
		}
		for _, r := range b.Rules {
			fmt.Fprintf(&out, "    rule %q: from %+v to %+v, sides %b to %b, %v, verdict %d with %d, untracked %v\n", r.Name, r.From, r.To, r.FromSides, r.ToSides, r.Kinds, r.Verdict, r.With, r.Untracked)
		}
	}
	for _, l := range d.Spec.Legs {
		fmt.Fprintf(&out, "  leg %s: network %d to side %d of box %d, routers %d, metric %d\n", l.Name, l.Network, l.Side, l.Box, l.Routers, l.Metric)
	}
	for _, h := range d.Spec.Hosts {
		fmt.Fprintf(&out, "  host %s: network %d, role %d, %v, guard %d\n", h.Name, h.Network, h.Role, h.Addrs, h.Guard)
	}
	for _, c := range d.Clients {
		fmt.Fprintf(&out, "  client %s: %+v\n", c.Name, c.At)
	}
	return out.String()
}
