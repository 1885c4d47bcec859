package topology

import "slices"

// box is a compiled BoxSpec.
type box struct {
	id        BoxID
	name      string
	kind      BoxKind
	rules     []rule
	otherwise Verdict
	related   bool
	silent    bool
	drops     kindSet
}

// rule is a compiled Rule.
type rule struct {
	name, source string
	from, to     match
	kinds        kindSet
	verdict      Verdict
	limit        int32 // number of its meter, or noLimit
}

const noLimit = -1

// match is a compiled Match. An empty set or no roles match anything.
type match struct {
	networks idSet
	roles    Role
	hosts    idSet
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

func newMatch(m *Match) match {
	return match{networks: setOf(m.Networks), roles: m.Roles, hosts: setOf(m.Hosts)}
}

func (m *match) matches(e *Endpoint) bool {
	return (m.networks == nil || m.networks.has(uint32(e.At.Network))) &&
		(m.roles == 0 || m.roles&e.Role != 0) &&
		(m.hosts == nil || m.hosts.has(uint32(e.Host)))
}

func (r *rule) matches(p *Packet) bool {
	return r.kinds.has(p.Kind) && r.from.matches(&p.Src) && r.to.matches(&p.Dst)
}

func (n *Network) addBox(id BoxID, spec *BoxSpec) {
	b := box{
		id: id, name: spec.Name, kind: spec.Kind, otherwise: spec.Otherwise,
		related: spec.RelatedErrors, silent: spec.Silent, drops: kindsOf(spec.Drops),
	}
	for i := range spec.Rules {
		b.rules = append(b.rules, n.newRule(&spec.Rules[i]))
	}
	n.boxes = append(n.boxes, b)
}

func (n *Network) newRule(spec *Rule) rule {
	r := rule{
		name: spec.Name, source: spec.Source, verdict: spec.Verdict,
		from: newMatch(&spec.From), to: newMatch(&spec.To),
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

// judgement is what a firewall made of a packet, and why.
type judgement struct {
	verdict Verdict
	rule    int  // that matched, or -1
	over    bool // a limit kept a rule from matching
	reason  string
}

// judge applies a firewall's connection tracking and rules.
func (w *walker) judge(b *box) judgement {
	if b.kind == Stateful && w.flows.live(b.id, w.p.Flow, w.at) {
		switch {
		case w.p.Kind.IsError() && b.related:
			return judgement{rule: -1, reason: "related error"}
		case w.p.Back && !w.p.Kind.IsError():
			w.flows.keep(b.id, w.p.Flow, w.p.Kind, w.at)
			return judgement{rule: -1, reason: "established"}
		}
	}
	j := w.apply(b)
	// Only a packet in the flow's own direction begins one. What the rules let
	// back is judged by them again the next time.
	if j.verdict == Accept && b.kind == Stateful && !w.p.Back && !w.p.Kind.IsError() {
		w.flows.keep(b.id, w.p.Flow, w.p.Kind, w.at)
	}
	return j
}

// apply finds the first rule that matches, or the default.
func (w *walker) apply(b *box) judgement {
	over := false
	for i := range b.rules {
		r := &b.rules[i]
		if !r.matches(w.p) {
			continue
		}
		if r.limit != noLimit && !w.token(r.limit) {
			over = true
			continue
		}
		return judgement{verdict: r.verdict, rule: i, over: over, reason: "rule"}
	}
	return judgement{verdict: b.otherwise, rule: -1, over: over, reason: "default"}
}

// token asks a limit for a token. A dry walk only notes that it would have to.
func (w *walker) token(limit int32) bool {
	w.coupled = true
	return w.dry || w.st.buckets.take(limit, w.net.meters[limit], w.p.Src, w.at)
}

// end is how a packet that was not accepted ended.
func (j judgement) end() End {
	switch {
	case j.verdict == Reject:
		return Refused
	case j.over && j.rule < 0:
		return OverLimit
	}
	return Filtered
}
