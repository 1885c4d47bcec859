package topology

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// checker collects what is wrong with a Spec, in its order.
type checker struct {
	spec *Spec
	errs []error
}

func (c *checker) addf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// check reports everything that is wrong with s, joined in the order
// networks, boxes, legs, hosts.
func check(s *Spec) error {
	c := &checker{spec: s}
	c.sizes()
	c.networks()
	c.boxes()
	c.legs()
	c.hosts()
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
	} {
		if t.n > t.most {
			c.addf("%d %s (at most %d)", t.n, t.what, t.most)
		}
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

func (c *checker) boxes() {
	seen := c.names("box")
	for i := range c.spec.Boxes {
		b := &c.spec.Boxes[i]
		subject := seen.add(b.Name)
		if b.Kind >= numBoxKinds {
			c.addf("%s: unknown kind of box %d", subject, b.Kind)
		}
		c.verdict(subject+": otherwise", b.Otherwise)
		c.kinds(subject+": drops", b.Drops)
		if b.Kind == Routed && len(b.Rules) > 0 {
			c.addf("%s: a routed box has no rules, not %d", subject, len(b.Rules))
		}
		for j := range b.Rules {
			c.rule(fmt.Sprintf("%s: rule %d %q", subject, j, b.Rules[j].Name), &b.Rules[j])
		}
	}
}

func (c *checker) rule(subject string, r *Rule) {
	c.match(subject+": from", &r.From)
	c.match(subject+": to", &r.To)
	c.kinds(subject, r.Kinds)
	c.verdict(subject, r.Verdict)
	if l := r.Limit; l != nil {
		if _, ok := newMeter(l); !ok {
			c.addf("%s: limit of %v a second with a burst of %d is out of range", subject, l.PerSecond, l.Burst)
		}
	}
}

func (c *checker) match(subject string, m *Match) {
	for _, id := range m.Networks {
		c.network(subject, id)
	}
	for _, id := range m.Hosts {
		if int64(id) >= int64(len(c.spec.Hosts)) {
			c.addf("%s: host %d does not exist (%d hosts)", subject, id, len(c.spec.Hosts))
		}
	}
	if m.Roles&^allRoles != 0 {
		c.addf("%s: unknown roles %#x", subject, m.Roles&^allRoles)
	}
}

func (c *checker) kinds(subject string, kinds []Kind) {
	for _, k := range kinds {
		if k >= NumKinds {
			c.addf("%s: unknown kind of packet %d", subject, uint8(k))
		}
	}
}

func (c *checker) verdict(subject string, v Verdict) {
	if v >= numVerdicts {
		c.addf("%s: unknown verdict %d", subject, v)
	}
}

func (c *checker) network(subject string, id NetworkID) {
	if int(id) >= len(c.spec.Networks) {
		c.addf("%s: network %d does not exist (%d networks)", subject, id, len(c.spec.Networks))
	}
}

func (c *checker) legs() {
	seen := c.names("leg")
	for i := range c.spec.Legs {
		l := &c.spec.Legs[i]
		subject := seen.add(l.Name)
		c.network(subject, l.Network)
		if int(l.Box) >= len(c.spec.Boxes) {
			c.addf("%s: box %d does not exist (%d boxes)", subject, l.Box, len(c.spec.Boxes))
		}
		if l.Side > 1 {
			c.addf("%s: side %d is neither 0 nor 1", subject, l.Side)
		}
		c.routers(subject, "routers", l.Routers)
		c.delay(subject, "delay", l.Delay)
	}
}

func (c *checker) hosts() {
	seen := c.names("host")
	for i := range c.spec.Hosts {
		h := &c.spec.Hosts[i]
		subject := seen.add(h.Name)
		c.network(subject, h.Network)
		if h.Role != Relay && h.Role != Root {
			c.addf("%s: role %d is neither relay nor root", subject, h.Role)
		}
	}
}
