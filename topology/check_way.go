package topology

import (
	"errors"
	"fmt"
)

func (c *checker) routes() {
	seen := make(map[atFor]bool)
	for i := range c.spec.Routes {
		r := &c.spec.Routes[i]
		subject := fmt.Sprintf("route %d", i)
		if !c.network(subject+": at", r.At) {
			continue
		}
		subject += fmt.Sprintf(" at %q", c.spec.Networks[r.At].Name)
		if int(r.Leg) >= len(c.spec.Legs) {
			c.addf("%s: leg %d does not exist (%d legs)", subject, r.Leg, len(c.spec.Legs))
		} else if l := &c.spec.Legs[r.Leg]; l.Network != r.At {
			c.addf("%s: leg %q is not one of it", subject, l.Name)
		}
		if len(r.To) == 0 {
			c.addf("%s: for no network", subject)
		}
		for _, to := range r.To {
			if !c.network(subject+": to", to) {
				continue
			}
			name, at := c.spec.Networks[to].Name, atFor{r.At, to}
			switch {
			case to == r.At:
				c.addf("%s: for %q itself", subject, name)
			case seen[at]:
				c.addf("%s: the second one for %q", subject, name)
			}
			seen[at] = true
		}
	}
}

// checkWays reports tunnels whose outer packets get nowhere or go through the
// tunnel itself, and public addresses of hosts to which no way leads from
// their translator. It needs the ways of a Network to tell.
func (n *Network) checkWays(s *Spec) error {
	var errs []error
	through := make(map[LegID][]LegID)
	for i := range s.Legs {
		t := s.Legs[i].Tunnel
		if t == nil {
			continue
		}
		subject := fmt.Sprintf("leg %q: tunnel", s.Legs[i].Name)
		inner, ok := n.tunnelsBetween(s, t.Over, t.Gateway)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: no way leads from %q to %q", subject, n.NetworkName(t.Over), n.NetworkName(t.Gateway)))
		}
		through[LegID(i)] = inner
	}
	for i := range s.Legs {
		if reaches(through, LegID(i), LegID(i), make(map[LegID]bool)) {
			errs = append(errs, fmt.Errorf("leg %q: tunnel: its outer packets go through itself", s.Legs[i].Name))
		}
	}
	for id := range n.known {
		k := &n.known[id]
		for _, l := range k.lead {
			inward := n.graph.inward(k.box)
			if at := n.hosts[l.host].at; n.tree(goal{at, NoBox}, false).next[inward] == NoLeg {
				errs = append(errs, fmt.Errorf("box %q: nat: no way leads from inside of it to %q for %v", n.BoxName(k.box), n.HostName(l.host), k.addr))
			}
		}
	}
	return errors.Join(errs...)
}

// reaches tells whether tunnel to is among those that the outer packets of
// another go through, and theirs.
func reaches(through map[LegID][]LegID, from, to LegID, seen map[LegID]bool) bool {
	for _, next := range through[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if reaches(through, next, to, seen) {
				return true
			}
		}
	}
	return false
}

// tunnelsBetween lists the tunnels on any of the ways from network a to
// network b; it is not ok if there is no way.
func (n *Network) tunnelsBetween(s *Spec, a, b NetworkID) (legs []LegID, ok bool) {
	v6 := n.networks[a].families&n.networks[b].families&IPv4 == 0
	t := n.tree(goal{b, NoBox}, v6)
	if a == b {
		return nil, true
	}
	seen := map[node]bool{node(a): true}
	for open := []node{node(a)}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		for _, leg := range n.choices(t, at) {
			if s.Legs[leg].Tunnel != nil {
				legs = append(legs, leg)
			}
			to := n.graph.after(leg, at, t)
			ok = ok || to == none
			if to != none && !seen[to] {
				seen[to] = true
				open = append(open, to)
			}
		}
	}
	return legs, ok
}
