package sim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// told tells the way of a packet.
func (t *tracer) told(p *topology.Packet, r *topology.Rehearsal, sent vtime.Instant) *TracedPacket {
	out := &TracedPacket{
		Packet: p.Kind.String(), Back: p.Back, Code: int(p.Code), TTL: int(max(p.TTL, 1)), End: r.End.String(),
		From: t.end(&p.Src), To: t.end(&p.Dst), Took: r.At.Sub(sent), Routers: r.Hops, Loss: r.Loss.Float(), Limited: r.Limited, Varies: r.Varies,
	}
	for i := range r.Way {
		out.Hops = append(out.Hops, t.hop(out.Hops, &r.Way[i], sent))
	}
	if r.End == topology.Delivered {
		return out
	}
	out.Where = t.where(r)
	kind := p.Kind
	if n := len(r.Way); n > 0 && r.Way[n-1].Tunnel != "" {
		out.Tunnel, kind = r.Way[n-1].Tunnel, topology.VPN
	}
	t.decided(out, kind, r)
	if r.End == topology.Cut || r.End == topology.NoHost {
		out.Cause = t.happened(out.Where)
	}
	return out
}

// decided says what of a box ended a packet of a kind.
func (t *tracer) decided(out *TracedPacket, kind topology.Kind, r *topology.Rehearsal) {
	if r.Box == topology.NoBox {
		return
	}
	out.Box = t.net.BoxName(r.Box)
	b := t.box(r.Box)
	switch {
	case r.End == topology.Expired:
	case r.Rule >= 0:
		out.Decided = DecidedByRule
		out.Rule, out.Source = t.net.RuleName(r.Box, r.Rule)
	case b != nil && slices.Contains(b.Drops, kind):
		out.Decided, out.Source = DecidedByDrops, b.DropsSource
	default:
		out.Decided = DecidedByBox
		if r.End == topology.OverLimit || len(r.Way) > 0 && strings.Contains(r.Way[len(r.Way)-1].Note, "default") {
			out.Decided = DecidedByDefault
		}
		if b != nil {
			out.Source = b.Source
		}
	}
}

// where is the last element of a packet's way.
func (t *tracer) where(r *topology.Rehearsal) string {
	if len(r.Way) == 0 {
		return ""
	}
	return r.Way[len(r.Way)-1].Name
}

// end names one end of a packet.
func (t *tracer) end(e *topology.Endpoint) string {
	switch {
	case e.Host != topology.AnyHost:
		return t.net.HostName(e.Host)
	case e.Role == topology.Router:
		return "router"
	case e.Role == topology.Client:
		return t.from.Name
	}
	return t.plan.Relays[t.q.To].Name
}

// hop is one element after those before it. A router or firewall that has
// several things to say keeps its number, one that is met again has another, by
// the TTL; what the outer packet of a tunnel meets has none.
func (t *tracer) hop(before []TracedHop, h *topology.Hop, sent vtime.Instant) TracedHop {
	out := TracedHop{
		Name: h.Name, TTL: int(h.TTL), After: h.At.Sub(sent),
		Rule: h.Rule, Source: h.Source, Translated: h.Translated, Note: h.Note, Tunnel: h.Tunnel,
	}
	rule := t.rule(h)
	out.Table = t.table(h, rule)
	if rule != nil {
		out.Limit = limitWords(rule.Limit)
		if out.Source == "" {
			out.Source = rule.Source
		}
	}
	last := 0
	for _, b := range slices.Backward(before) {
		if b.Number > 0 {
			last = b.Number
			if again := before[len(before)-1]; again.Name == h.Name && again.TTL == int(h.TTL) {
				last--
			}
			break
		}
	}
	if t.isRouter(h.Name) && h.Tunnel == "" {
		out.Number = last + 1
	}
	return out
}

// isRouter tells a router or firewall from hosts, legs and networks.
func (t *tracer) isRouter(name string) bool {
	if b := t.boxByName(name); b != nil {
		return b.Kind != topology.Guard
	}
	_, _, ok := routerName(name)
	return ok && !slices.ContainsFunc(t.plan.Relays, func(r RelayPlan) bool { return r.Name == name })
}

// routerName splits the name of a router: "home-edge.r3" is the third of the
// leg home-edge.
func routerName(name string) (of string, number int, ok bool) {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] < '0' || name[i] > '9' {
			for _, sort := range []string{".r", ".lan", ".a"} {
				if cut := i + 1 - len(sort); cut > 0 && name[cut:i+1] == sort {
					n, err := strconv.Atoi(name[i+1:])
					return name[:cut], n, err == nil
				}
			}
			break
		}
	}
	return "", 0, false
}

// rule is the rule that matched at an element, or nil.
func (t *tracer) rule(h *topology.Hop) *topology.Rule {
	b := t.boxByName(h.Name)
	if b == nil || h.Rule == "" {
		return nil
	}
	i := slices.IndexFunc(b.Rules, func(r topology.Rule) bool {
		return r.Name == h.Rule && (h.Source == "" || r.Source == h.Source)
	})
	if i < 0 {
		return nil
	}
	return &b.Rules[i]
}

// table says what room a box has for what it keeps of a packet that it accepts.
// Answers find an entry there.
func (t *tracer) table(h *topology.Hop, rule *topology.Rule) string {
	b := t.boxByName(h.Name)
	if b == nil || rule == nil && h.Note != "accepted: default" || rule != nil && rule.Verdict != topology.Accept {
		return ""
	}
	var room []string
	add := func(n int, of string) {
		if n > 0 {
			room = append(room, strconv.Itoa(n)+" "+of)
		}
	}
	if b.Kind == topology.Stateful && (rule == nil || !rule.Untracked) {
		add(b.Flows, "flows")
	}
	if b.NAT != nil && strings.HasPrefix(h.Translated, "source") {
		add(b.NAT.Mappings, "mappings")
		add(b.NAT.PerHost, "mappings of one host")
	}
	return strings.Join(room, ", ")
}

func limitWords(l *topology.Limit) string {
	if l == nil {
		return ""
	}
	text := strconv.FormatFloat(l.PerSecond, 'g', 4, 64) + "/s burst " + strconv.Itoa(l.Burst)
	if l.PerSource {
		text += " per source"
	}
	return text
}

// box is the Spec of a box, or nil.
func (t *tracer) box(id topology.BoxID) *topology.BoxSpec {
	if t.pol.Spec == nil || id == topology.NoBox {
		return nil
	}
	return &t.pol.Spec.Boxes[id]
}

func (t *tracer) boxByName(name string) *topology.BoxSpec {
	if t.pol.Spec == nil {
		return nil
	}
	i := slices.IndexFunc(t.pol.Spec.Boxes, func(b topology.BoxSpec) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return &t.pol.Spec.Boxes[i]
}

// boxOfRouter is the Routed box on whose leg a router is, or nil.
func (t *tracer) boxOfRouter(name string) *topology.BoxSpec {
	leg, _, ok := routerName(name)
	if !ok {
		return nil
	}
	id, ok := t.net.LegByName(leg)
	if !ok || t.pol.Spec == nil {
		return nil
	}
	return &t.pol.Spec.Boxes[t.pol.Spec.Legs[id].Box]
}

// happened is the last event until then that put a relay or a leg out of
// order, in the scenario's words.
func (t *tracer) happened(to string) string {
	for _, e := range slices.Backward(t.plan.Events) {
		if vtime.Instant(e.At) > t.at {
			continue
		}
		switch e.Kind {
		case HostDown, ServiceDown, RelayRetired:
			if t.plan.Relays[e.Relay].Name == to {
				return e.Text
			}
		case LegDown:
			if t.net.LegName(e.Leg) == to {
				return e.Text
			}
		case NamesDown:
			if s := t.pol.Spec; s != nil && s.Views[e.View].Name == to {
				return e.Text
			}
		}
	}
	return ""
}
