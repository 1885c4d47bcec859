package topology

import (
	"net/netip"
	"slices"
)

// box is a compiled BoxSpec.
type box struct {
	id         BoxID
	name       string
	kind       BoxKind
	rules      []rule
	otherwise  Verdict
	related    bool
	silent     bool
	eats       bool
	drops      kindSet
	counts     kindSet // what is counted of them depends on who else comes
	lifetimes  Lifetimes
	flows      int         // at most, if not 0
	errors     *errorLimit // nil for none
	errorsFrom AddrID
	echoFor    []match
	nat        *translator // nil for none
}

// rule is a compiled Rule.
type rule struct {
	name, source       string
	from, to           match
	fromSides, toSides uint8
	kinds              kindSet
	families           Families
	verdict            Verdict
	with               Refusal
	untracked          bool
	limit              int32 // number of its meter, or noLimit
}

const noLimit = -1

// match is a compiled Match. An empty set or no roles match anything.
type match struct {
	networks idSet
	roles    Role
	hosts    idSet
	prefixes *area // nil for any
}

// area is what a Match's Prefixes contain: known addresses, and networks
// all of whose addresses of a family lie in them.
type area struct {
	addrs  idSet
	v4, v6 idSet
}

// idSet is a set of ids, one bit each.
type idSet []uint64

func (s idSet) has(id uint32) bool {
	word := int64(id >> 6)
	return word < int64(len(s)) && s[word]>>(id&63)&1 != 0
}

func setOf[ID ~uint16 | ~uint32](ids []ID) idSet {
	if len(ids) == 0 {
		return nil
	}
	s := make(idSet, slices.Max(ids)>>6+1)
	for _, id := range ids {
		s[id>>6] |= 1 << (id & 63)
	}
	return s
}

func (n *Network) newMatch(s *Spec, m *Match) match {
	c := match{networks: setOf(m.Networks), roles: m.Roles, hosts: setOf(m.Hosts)}
	if len(m.Prefixes) > 0 {
		c.prefixes = n.newArea(s, m.Prefixes)
	}
	return c
}

func (n *Network) newArea(s *Spec, list []netip.Prefix) *area {
	var addrs []AddrID
	for id := AddrID(1); int(id) < len(n.known); id++ {
		if slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(n.Addr(id)) }) {
			addrs = append(addrs, id)
		}
	}
	return &area{addrs: setOf(addrs), v4: within(s, list, true), v6: within(s, list, false)}
}

// within is the set of networks that have prefixes of a family, all of which
// lie in those of the list.
func within(s *Spec, list []netip.Prefix, v4 bool) idSet {
	var ids []NetworkID
	for i := range s.Networks {
		has, all := false, true
		for _, p := range s.Networks[i].Prefixes {
			if p.Addr().Is4() == v4 {
				has = true
				all = all && slices.ContainsFunc(list, func(q netip.Prefix) bool {
					return q.Bits() <= p.Bits() && q.Contains(p.Addr())
				})
			}
		}
		if has && all {
			ids = append(ids, NetworkID(i))
		}
	}
	return setOf(ids)
}

func (m *match) matches(e *Endpoint, v6 bool) bool {
	return (m.networks == nil || m.networks.has(uint32(e.At.Network))) &&
		(m.roles == 0 || m.roles&e.Role != 0) &&
		(m.hosts == nil || m.hosts.has(uint32(e.Host))) &&
		(m.prefixes == nil || m.prefixes.contain(e, v6))
}

// contain tells whether all addresses that an endpoint may have are in the
// prefixes.
func (p *area) contain(e *Endpoint, v6 bool) bool {
	switch {
	case e.Addr != NoAddr:
		return p.addrs.has(uint32(e.Addr))
	case v6:
		return p.v6.has(uint32(e.At.Network))
	}
	return p.v4.has(uint32(e.At.Network))
}

func (r *rule) matches(p *Packet, from, to uint8) bool {
	return r.kinds.has(p.Kind) && r.fromSides&from != 0 && r.toSides&to != 0 && r.families&familyBit(p.V6) != 0 &&
		r.from.matches(&p.Src, p.V6) && r.to.matches(&p.Dst, p.V6)
}

func familyBit(v6 bool) Families {
	if v6 {
		return IPv6
	}
	return IPv4
}

// answersFor tells whether the box answers echo requests for a destination.
func (b *box) answersFor(to *Endpoint, v6 bool) bool {
	for i := range b.echoFor {
		if b.echoFor[i].matches(to, v6) {
			return true
		}
	}
	return false
}

func (n *Network) addBox(s *Spec, id BoxID) {
	spec := &s.Boxes[id]
	b := box{
		id: id, name: spec.Name, kind: spec.Kind, otherwise: spec.Otherwise,
		related: spec.RelatedErrors, silent: spec.Silent, eats: spec.EatsExpiring, drops: kindsOf(spec.Drops),
		lifetimes: spec.Lifetimes.withDefaults(), flows: spec.Flows, errors: newErrorLimit(spec.Errors),
	}
	if spec.ErrorsFrom.IsValid() {
		b.errorsFrom = n.idOf(spec.ErrorsFrom)
	}
	for i := range spec.Rules {
		b.rules = append(b.rules, n.newRule(s, &spec.Rules[i]))
	}
	for i := range spec.EchoFor {
		b.echoFor = append(b.echoFor, n.newMatch(s, &spec.EchoFor[i]))
	}
	if spec.NAT != nil {
		b.nat = n.newTranslator(spec)
	}
	b.counts = b.counted()
	n.boxes = append(n.boxes, b)
}

// counted are the kinds of packets whose order at the box matters: that a limit
// counts, or any where a table may be full.
func (b *box) counted() (kinds kindSet) {
	if b.flows > 0 || b.nat != nil && b.nat.limited() {
		return allKinds
	}
	for i := range b.rules {
		if b.rules[i].limit != noLimit {
			kinds |= b.rules[i].kinds
		}
	}
	return kinds
}

func (n *Network) newRule(s *Spec, spec *Rule) rule {
	r := rule{
		name: spec.Name, source: spec.Source, verdict: spec.Verdict, with: spec.With, untracked: spec.Untracked,
		from: n.newMatch(s, &spec.From), to: n.newMatch(s, &spec.To),
		fromSides: orAny(spec.FromSides), toSides: orAny(spec.ToSides), families: orAny(spec.Families),
		kinds: kindsOf(spec.Kinds), limit: noLimit,
	}
	if len(spec.Kinds) == 0 {
		r.kinds = 1<<NumKinds - 1
	}
	if spec.Limit != nil {
		m, _ := newMeter(spec.Limit) // checked before
		r.limit = int32(len(n.meters))
		n.meters = append(n.meters, m)
	}
	return r
}

// orAny is a bit set in which 0 stands for all.
func orAny[T ~uint8](set T) T {
	if set == 0 {
		return ^T(0)
	}
	return set
}

// judgement is what a firewall made of a packet, and why.
type judgement struct {
	verdict   Verdict
	with      Refusal
	rule      int  // that matched, or -1
	over      bool // a limit kept a rule from matching
	untracked bool
	reason    string
}

// judge applies a firewall's connection tracking and rules.
func (w *walker) judge(b *box, e *element) judgement {
	if b.tracks() {
		if key := w.flowKey(b, e); w.tables.flows.live(key, w.at) {
			switch {
			case w.p.Kind.IsError() && b.related:
				return judgement{rule: -1, reason: "related error"}
			case w.p.Back && !w.p.Kind.IsError():
				w.tables.flows.keep(key, b.lifetimes.of(w.p.Kind), w.at, w.sent)
				return judgement{rule: -1, reason: "established"}
			}
		}
	}
	return w.apply(b, e)
}

// apply finds the first rule that matches, or the default.
func (w *walker) apply(b *box, e *element) judgement {
	over := false
	from, to := w.sides(b, e)
	for i := range b.rules {
		r := &b.rules[i]
		if !r.matches(&w.p, from, to) {
			continue
		}
		if r.limit != noLimit && !w.token(b, e, r.limit) {
			over = true
			continue
		}
		return judgement{verdict: r.verdict, with: r.with, rule: i, over: over, untracked: r.untracked, reason: "rule"}
	}
	if b.kind == Guard && e.outward {
		return judgement{verdict: Accept, rule: -1, over: over, reason: "sent by the host"}
	}
	return judgement{verdict: b.otherwise, rule: -1, over: over, reason: "default"}
}

// sides are the bits of the sides that the packet comes from and leaves by.
func (w *walker) sides(b *box, e *element) (from, to uint8) {
	switch {
	case b.kind != Guard:
		return 1 << w.net.segments[e.in].side, 1 << w.net.segments[e.out].side
	case e.outward:
		return 1 << 0, 1 << 1
	}
	return 1 << 1, 1 << 0
}

// token asks a limit for a token: that of a guard, which each host has for
// itself, the one of its host. A dry walk only notes that it would have to.
func (w *walker) token(b *box, e *element, limit int32) bool {
	w.coupled = true
	var guarded *Endpoint
	switch {
	case b.kind != Guard:
	case e.outward:
		guarded = &w.p.Src
	default:
		guarded = &w.p.Dst
	}
	return w.dry || w.st.buckets.take(limit, w.net.meters[limit], &w.p.Src, guarded, w.at)
}

// end is how a packet that was not accepted ended.
func (j *judgement) end() End {
	switch {
	case j.verdict == Reject:
		return Refused
	case j.over && j.rule < 0:
		return OverLimit
	}
	return Filtered
}

// code is the code of icmp/unreachable that a refusal is sent with (RFC 792,
// RFC 1812 section 5.2.7.1; RFC 4443 section 3.1).
func (r Refusal) code(v6 bool) uint8 {
	codes := [numRefusals]uint8{Prohibited: 13, NetUnreachable: 0, HostUnreachable: 1, PortUnreachable: 3, TCPReset: 13}
	if v6 {
		codes = [numRefusals]uint8{Prohibited: 1, NetUnreachable: 0, HostUnreachable: 3, PortUnreachable: 4, TCPReset: 1}
	}
	return codes[r]
}

// code is the code of the error that an end calls for.
func (w *walker) code(e End) uint8 {
	if e == NoHost {
		return HostUnreachable.code(w.p.V6)
	}
	return 0
}
