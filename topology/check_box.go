package topology

import (
	"fmt"
	"net/netip"
)

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
			subject := fmt.Sprintf("%s: rule %d %q", subject, j, b.Rules[j].Name)
			c.rule(subject, &b.Rules[j])
			if b.Rules[j].Untracked && !b.tracks() {
				c.addf("%s: untracked, though the box tracks nothing", subject)
			}
		}
		c.tracking(subject, b)
		c.answers(subject, b)
		if b.NAT != nil {
			c.translator(subject, BoxID(i))
		}
	}
}

// tracks tells whether the box has a table of flows.
func (b *BoxSpec) tracks() bool { return b.Kind == Stateful || b.Kind == Guard }

func (c *checker) tracking(subject string, b *BoxSpec) {
	if (b.Lifetimes != Lifetimes{}) && !b.tracks() {
		c.addf("%s: lifetimes, though the box tracks nothing", subject)
	}
	c.delay(subject, "lifetime of TCP", b.Lifetimes.TCP)
	c.delay(subject, "lifetime of UDP", b.Lifetimes.UDP)
	c.delay(subject, "lifetime of ICMP", b.Lifetimes.ICMP)
	c.count(subject, "flows", b.Flows)
	if b.Flows > 0 && b.Kind != Stateful {
		c.addf("%s: a most of %d flows (of stateful boxes only)", subject, b.Flows)
	}
}

func (c *checker) count(subject, what string, n int) {
	if n < 0 {
		c.addf("%s: %s %d is negative", subject, what, n)
	}
}

// answers checks what the box sends itself.
func (c *checker) answers(subject string, b *BoxSpec) {
	if e := b.Errors; e != nil {
		c.limit(subject+": errors per destination", e.PerDestination)
		c.limit(subject+": errors", e.Global)
	}
	if b.ErrorsFrom.IsValid() {
		c.address(subject+": errors from", b.ErrorsFrom)
	}
	if len(b.EchoFor) > 0 && b.Kind != Stateful && b.Kind != Stateless {
		c.addf("%s: echo for others (of stateful and stateless boxes only)", subject)
	}
	for i := range b.EchoFor {
		c.match(subject+": echo for", &b.EchoFor[i])
	}
}

func (c *checker) rule(subject string, r *Rule) {
	c.match(subject+": from", &r.From)
	c.match(subject+": to", &r.To)
	c.kinds(subject, r.Kinds)
	c.verdict(subject, r.Verdict)
	if r.Families&^(IPv4|IPv6) != 0 {
		c.addf("%s: unknown families %#x", subject, r.Families&^(IPv4|IPv6))
	}
	if r.With >= numRefusals {
		c.addf("%s: unknown refusal %d", subject, r.With)
	}
	c.limit(subject, r.Limit)
}

func (c *checker) limit(subject string, l *Limit) {
	if l == nil {
		return
	}
	if _, ok := newMeter(l); !ok {
		c.addf("%s: limit of %v a second with a burst of %d is out of range", subject, l.PerSecond, l.Burst)
	}
}

func (c *checker) match(subject string, m *Match) {
	for _, id := range m.Networks {
		c.network(subject, id)
	}
	for _, id := range m.Hosts {
		c.host(subject, id)
	}
	if m.Roles&^allRoles != 0 {
		c.addf("%s: unknown roles %#x", subject, m.Roles&^allRoles)
	}
	for _, p := range m.Prefixes {
		if c.prefix(subject, p) && !p.IsSingleIP() {
			c.splits(subject, p)
		}
	}
}

// splits reports networks of whose clients nobody can tell whether they are in
// the prefix. A single address is that of a host.
func (c *checker) splits(subject string, p netip.Prefix) {
	for i := range c.spec.Networks {
		n := &c.spec.Networks[i]
		for _, q := range n.Prefixes {
			if p.Bits() > q.Bits() && q.Contains(p.Addr()) {
				c.addf("%s: %v splits %v of network %q", subject, p, q, n.Name)
			}
		}
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

// translator checks the NATSpec of a box.
func (c *checker) translator(subject string, id BoxID) {
	b := &c.spec.Boxes[id]
	nat := b.NAT
	subject += ": nat"
	if b.Kind != Stateful {
		c.addf("%s: the box is not stateful", subject)
	}
	c.outside(subject, id)
	if nat.Mapping >= numDependences || nat.Filtering >= numDependences {
		c.addf("%s: unknown dependence (mapping %d, filtering %d)", subject, nat.Mapping, nat.Filtering)
	}
	if nat.ErrorSource >= numErrorSources {
		c.addf("%s: unknown source of errors %d", subject, nat.ErrorSource)
	}
	c.count(subject, "mappings", nat.Mappings)
	c.count(subject, "mappings per host", nat.PerHost)
	if len(nat.Pool) == 0 && !nat.PerClient {
		c.addf("%s: no pool (at least one address unless per client)", subject)
	}
	if nat.PerClient && len(nat.Static)+len(nat.Forwards) > 0 {
		c.addf("%s: per client, and yet leading to hosts inside", subject)
	}
	c.published(subject, fmt.Sprintf("box %q", b.Name), nat)
}

// outside checks that a translator has an outside and an inside.
func (c *checker) outside(subject string, id BoxID) {
	var outer, inner bool
	for i := range c.spec.Legs {
		if l := &c.spec.Legs[i]; l.Box == id {
			outer = outer || l.Side == c.spec.Boxes[id].NAT.Outside
			inner = inner || l.Side != c.spec.Boxes[id].NAT.Outside
		}
	}
	if !outer {
		c.addf("%s: no leg on its outside, side %d", subject, c.spec.Boxes[id].NAT.Outside)
	}
	if !inner {
		c.addf("%s: no leg on an inner side", subject)
	}
}

// published checks the public addresses of a translator: each belongs to it
// alone, a static one to one host, and of the others each kind of packet.
func (c *checker) published(subject, owner string, nat *NATSpec) {
	for _, a := range nat.Pool {
		c.public(subject+": pool", owner, a)
	}
	of := make(map[HostID]bool)
	for _, m := range nat.Static {
		c.public(subject+": static", owner, m.Public)
		if c.host(subject+": static", m.Host) && of[m.Host] {
			c.addf("%s: static: two addresses of %q", subject, c.spec.Hosts[m.Host].Name)
		}
		of[m.Host] = true
	}
	pool := make(map[netip.Addr]bool)
	for _, a := range nat.Pool {
		pool[a] = true
	}
	led := make(map[netip.Addr]kindSet)
	for _, f := range nat.Forwards {
		subject := subject + ": forward"
		if _, ok := led[f.Public]; !ok && !pool[f.Public] {
			c.public(subject, owner, f.Public)
		}
		c.host(subject, f.Host)
		c.kinds(subject, f.Kinds)
		if len(f.Kinds) == 0 {
			c.addf("%s: %v forwards nothing", subject, f.Public)
		}
		for _, k := range f.Kinds {
			if k < NumKinds && led[f.Public].has(k) {
				c.addf("%s: %v forwards %v twice", subject, f.Public, k)
			}
		}
		led[f.Public] |= kindsOf(f.Kinds)
	}
}

// public checks a public address of a translator.
func (c *checker) public(subject, owner string, a netip.Addr) {
	if !c.address(subject, a) {
		return
	}
	if !a.Is4() {
		c.addf("%s: %v is not translated (only IPv4 is)", subject, a)
	}
	c.own(subject, owner, a)
}
