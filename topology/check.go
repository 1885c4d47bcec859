package topology

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// checker collects what is wrong with a Spec, in its order.
type checker struct {
	spec *Spec
	errs []error
	// owner tells which host or box has an address.
	owner map[netip.Addr]string
}

func (c *checker) addf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// check reports everything that is wrong with s, joined in the order
// networks, boxes, legs, hosts, routes, views.
func check(s *Spec) error {
	c := &checker{spec: s, owner: make(map[netip.Addr]string)}
	c.sizes()
	c.networks()
	c.boxes()
	c.legs()
	c.hosts()
	c.routes()
	c.views()
	return errors.Join(c.errs...)
}

// sizes keeps the numbers of things apart from the sentinels of their types.
func (c *checker) sizes() {
	for _, t := range []struct {
		what    string
		n, most int
	}{
		{"networks", len(c.spec.Networks), int(NoNetwork)},
		{"boxes", len(c.spec.Boxes), int(NoBox)},
		{"legs", len(c.spec.Legs), int(NoLeg)},
		{"hosts", len(c.spec.Hosts), math.MaxInt32},
		{"views", len(c.spec.Views), int(NoView)},
	} {
		if t.n > t.most {
			c.addf("%d %s (at most %d)", t.n, t.what, t.most)
		}
	}
	if c.spec.Balance >= numBalances {
		c.addf("unknown balance %d", c.spec.Balance)
	}
}

// names reports missing names and names given twice.
type names struct {
	c    *checker
	what string
	seen map[string]bool
}

func (c *checker) names(what string) names { return names{c, what, map[string]bool{}} }

func (n names) add(name string) string {
	subject := fmt.Sprintf("%s %q", n.what, name)
	switch {
	case name == "":
		n.c.addf("%s: name is empty", subject)
	case n.seen[name]:
		n.c.addf("%s: defined twice", subject)
	}
	n.seen[name] = true
	return subject
}

func (c *checker) networks() {
	seen := c.names("network")
	for i := range c.spec.Networks {
		n := &c.spec.Networks[i]
		subject := seen.add(n.Name)
		c.routers(subject, "inside routers", n.InsideRouters)
		c.delay(subject, "inside delay", n.InsideDelay)
		for j, a := range n.Access {
			c.routers(subject, fmt.Sprintf("access variant %d: routers", j), a)
		}
		if len(n.Access) > math.MaxUint16 {
			c.addf("%s: %d access variants (at most %d)", subject, len(n.Access), math.MaxUint16)
		}
		c.prefixes(subject, n.Prefixes)
		c.strangers(subject, n.Strangers)
		if n.HasView && int(n.View) >= len(c.spec.Views) {
			c.addf("%s: view %d does not exist (%d views)", subject, n.View, len(c.spec.Views))
		}
		if n.Tunneled != nil {
			c.tunneled(subject, NetworkID(i))
		}
	}
}

// prefixes of a network do not overlap, so that each address counts once.
func (c *checker) prefixes(subject string, prefixes []netip.Prefix) {
	for i, p := range prefixes {
		if !c.prefix(subject, p) {
			continue
		}
		for _, q := range prefixes[:i] {
			if p.Overlaps(q) {
				c.addf("%s: prefixes %v and %v overlap", subject, q, p)
			}
		}
	}
}

func (c *checker) prefix(subject string, p netip.Prefix) bool {
	switch {
	case !p.IsValid() || p.Addr().Is4In6():
		c.addf("%s: prefix %v is not one of IPv4 or IPv6", subject, p)
		return false
	case p != p.Masked():
		c.addf("%s: prefix %v has bits beyond its length (%v has not)", subject, p, p.Masked())
		return false
	}
	return true
}

func (c *checker) strangers(subject string, strangers []StrangerSpec) {
	seen := c.names(subject + ": stranger")
	at := make(map[netip.Prefix]bool)
	for i := range strangers {
		s := &strangers[i]
		subject := seen.add(s.Name)
		if c.prefix(subject, s.Prefix) && at[s.Prefix] {
			c.addf("%s: %v is another's too", subject, s.Prefix)
		}
		at[s.Prefix] = true
	}
}

// tunneled checks what a place of VPN clients says of it.
func (c *checker) tunneled(subject string, id NetworkID) {
	t := c.spec.Networks[id].Tunneled
	subject += ": tunneled"
	if n := len(c.spec.Networks[id].Access); n > 0 {
		c.addf("%s: %d access variants of its own (it has those of its underlay)", subject, n)
	}
	for _, into := range t.Into {
		c.network(subject+": into", into)
	}
	if !c.network(subject+": underlay", t.Underlay) {
		return
	}
	under := &c.spec.Networks[t.Underlay]
	if under.Tunneled != nil {
		c.addf("%s: underlay %q is tunneled itself", subject, under.Name)
	}
	for i := range c.spec.Legs {
		l := &c.spec.Legs[i]
		if l.Network == id && (l.Tunnel == nil || l.Tunnel.Over != t.Underlay) {
			c.addf("%s: leg %q is no tunnel over %q", subject, l.Name, under.Name)
		}
	}
}

// address tells whether a is the address of one host.
func (c *checker) address(subject string, a netip.Addr) bool {
	if !a.IsValid() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		c.addf("%s: %v is no address of a host", subject, a)
		return false
	}
	return true
}

// own checks that an address has one owner.
func (c *checker) own(subject, owner string, a netip.Addr) {
	if other := c.owner[a]; other != "" {
		c.addf("%s: %v belongs to %s", subject, a, other)
		return
	}
	c.owner[a] = owner
}

// addresses are valid, and at most one of each family.
func (c *checker) addresses(subject string, addrs []netip.Addr) {
	var seen Families
	for _, a := range addrs {
		if !c.address(subject, a) {
			continue
		}
		if seen&familyOf(a) != 0 {
			c.addf("%s: %v is the second address of its family", subject, a)
		}
		seen |= familyOf(a)
	}
}

func (c *checker) routers(subject, what string, n int) {
	if n < 0 || n > MaxRouters {
		c.addf("%s: %s %d is outside [0, %d]", subject, what, n, MaxRouters)
	}
}

func (c *checker) delay(subject, what string, d time.Duration) {
	if d < 0 {
		c.addf("%s: %s %v is negative", subject, what, d)
	}
}

func (c *checker) network(subject string, id NetworkID) bool {
	if int(id) < len(c.spec.Networks) {
		return true
	}
	c.addf("%s: network %d does not exist (%d networks)", subject, id, len(c.spec.Networks))
	return false
}

func (c *checker) host(subject string, id HostID) bool {
	if int64(id) < int64(len(c.spec.Hosts)) {
		return true
	}
	c.addf("%s: host %d does not exist (%d hosts)", subject, id, len(c.spec.Hosts))
	return false
}

func (c *checker) legs() {
	seen := c.names("leg")
	for i := range c.spec.Legs {
		l := &c.spec.Legs[i]
		subject := seen.add(l.Name)
		c.network(subject, l.Network)
		if int(l.Box) >= len(c.spec.Boxes) {
			c.addf("%s: box %d does not exist (%d boxes)", subject, l.Box, len(c.spec.Boxes))
		} else if b := &c.spec.Boxes[l.Box]; b.Kind == Guard {
			c.addf("%s: box %q is the guard of hosts and has no legs", subject, b.Name)
		}
		if l.Side >= MaxSides {
			c.addf("%s: side %d is outside [0, %d]", subject, l.Side, MaxSides-1)
		}
		c.routers(subject, "routers", l.Routers)
		if l.Metric < 0 || l.Metric > maxMetric {
			c.addf("%s: metric %d is outside [0, %d]", subject, l.Metric, maxMetric)
		}
		c.delay(subject, "delay", l.Delay)
		c.weather(subject, l)
		if t := l.Tunnel; t != nil {
			c.carrier(subject+": tunnel: over", t.Over)
			c.carrier(subject+": tunnel: gateway", t.Gateway)
		}
	}
}

// maxJitter bounds the mean of jitter, so that no draw overflows an Instant.
const maxJitter = time.Hour

// weather checks what befalls packets on a leg by chance.
func (c *checker) weather(subject string, l *LegSpec) {
	if l.Jitter.Law >= numJitterLaws {
		c.addf("%s: jitter: unknown law %d", subject, l.Jitter.Law)
	}
	if m := l.Jitter.Mean; m < 0 || m > maxJitter {
		c.addf("%s: jitter: mean %v is outside [0, %v]", subject, m, maxJitter)
	}
	c.delay(subject, "reordered by", l.ReorderedBy)
	if l.Reordered != rng.Never && l.ReorderedBy == 0 {
		c.addf("%s: reordered by nothing (> 0)", subject)
	}
	b := l.Bursts
	if b == nil {
		return
	}
	if b.Slot <= 0 {
		c.addf("%s: bursts: slot %v (> 0)", subject, b.Slot)
	}
	if b.Begin == rng.Never || b.End == rng.Never {
		c.addf("%s: bursts: begin %v, end %v (both > 0)", subject, b.Begin.Float(), b.End.Float())
	}
}

// carrier checks a network at which outer packets begin or end.
func (c *checker) carrier(subject string, id NetworkID) {
	if c.network(subject, id) && c.spec.Networks[id].Tunneled != nil {
		c.addf("%s: network %q is tunneled itself", subject, c.spec.Networks[id].Name)
	}
}

func (c *checker) hosts() {
	seen := c.names("host")
	for i := range c.spec.Hosts {
		h := &c.spec.Hosts[i]
		subject := seen.add(h.Name)
		attached := c.network(subject, h.Network)
		if h.Role != Relay && h.Role != Root {
			c.addf("%s: role %d is neither relay nor root", subject, h.Role)
		}
		c.addresses(subject, h.Addrs)
		for _, a := range h.Addrs {
			if attached && a.IsValid() {
				c.inNetwork(subject, a, &c.spec.Networks[h.Network])
			}
			c.own(subject, subject, a)
		}
		if h.ListedAs.IsValid() {
			c.address(subject+": listed as", h.ListedAs)
		}
		if g := h.Guard; g != 0 {
			c.guard(subject, g.Box())
		}
	}
}

func (c *checker) inNetwork(subject string, a netip.Addr, n *NetworkSpec) {
	if !slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
		c.addf("%s: %v is in no prefix of network %q", subject, a, n.Name)
	}
}

func (c *checker) guard(subject string, b BoxID) {
	if int(b) >= len(c.spec.Boxes) {
		c.addf("%s: guard: box %d does not exist (%d boxes)", subject, b, len(c.spec.Boxes))
	} else if c.spec.Boxes[b].Kind != Guard {
		c.addf("%s: box %q is no guard", subject, c.spec.Boxes[b].Name)
	}
}

func (c *checker) views() {
	seen := c.names("view")
	for i := range c.spec.Views {
		v := &c.spec.Views[i]
		subject := seen.add(v.Name)
		if v.Wildcard.IsValid() {
			c.address(subject+": wildcard", v.Wildcard)
		}
		if v.Wildcard.IsValid() && v.Closed {
			c.addf("%s: closed, and yet with a wildcard", subject)
		}
		answered := make(map[HostID]bool)
		for _, a := range v.Answers {
			if !c.host(subject, a.Host) {
				continue
			}
			name := c.spec.Hosts[a.Host].Name
			if answered[a.Host] {
				c.addf("%s: two answers for %q", subject, name)
			}
			answered[a.Host] = true
			c.addresses(fmt.Sprintf("%s: %q", subject, name), a.Addrs)
		}
	}
}
