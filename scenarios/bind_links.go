package scenarios

import (
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

var jitterLaws = map[string]topology.JitterLaw{
	"exponential": topology.Exponential, "uniform": topology.Uniform, "pareto": topology.Pareto,
}

// carriage gives a leg what a place or a link says of delay and loss, key by
// key: what n lacks stays as it is.
func (b *binder) carriage(l *topology.LegSpec, n *node) {
	for _, k := range n.names() {
		switch k {
		case "rtt":
			l.Delay = n.span(k) / 2
		case "loss":
			l.Loss = rng.ChanceOf(n.number(k))
		case "jitter":
			l.Jitter.Mean = n.span(k)
		case "jitter_law":
			l.Jitter.Law = jitterLaws[n.str(k)]
		case "bursts":
			l.Bursts = b.bursts(n.get(k))
		case "duplicates":
			l.Duplicates = rng.ChanceOf(n.number(k))
		case "reordered":
			l.Reordered = rng.ChanceOf(n.number(k))
		case "reordered_by":
			l.ReorderedBy = n.span(k)
		}
	}
}

// bursts reads the share of time that a leg is bad and for how long at a time;
// nil if that cannot be, which checkBursts reports.
func (b *binder) bursts(n *node) *topology.Bursts {
	begin, end, ok := changes(n)
	if !ok {
		return nil
	}
	return &topology.Bursts{
		Slot:  n.span("slot"),
		Begin: rng.ChanceOf(begin), End: rng.ChanceOf(end),
		Loss: rng.ChanceOf(n.number("loss")),
	}
}

// changes are the chances per slot that a good link becomes bad and a bad one
// good, so that it is bad for the share of time and for as long at a time as n
// says.
func changes(n *node) (begin, end float64, ok bool) {
	if n.kind != table {
		return 0, 0, false
	}
	bad, lasts, slot := n.number("bad"), n.span("lasts"), n.span("slot")
	if !(bad > 0 && bad < 1) || lasts < slot || slot <= 0 {
		return 0, 0, false
	}
	end = slot.Seconds() / lasts.Seconds()
	begin = end * bad / (1 - bad)
	return begin, end, begin <= 1
}

// checkBursts reports bursts that cannot be.
func (b *binder) checkBursts(n *node, subject string) {
	v := n.get("bursts")
	if v == nil || v.kind != table {
		return
	}
	subject += ": bursts"
	b.missing(v, burstKeys, subject)
	b.rangesOf(v, burstKeys, subject)
	_, _, ok := changes(v)
	lasts, slot := v.span("lasts"), v.span("slot")
	switch {
	case ok || !v.has("bad") || !v.has("lasts") || lasts <= 0 || slot <= 0:
	case lasts < slot:
		b.add(v.spotOf("lasts"), subject, "lasts %s is shorter than the slot of %s", formatSpan(lasts), formatSpan(slot))
	case v.number("bad") > 0 && v.number("bad") < 1:
		b.add(v.spotOf("bad"), subject, "bad for %v of the time, %s at a time, leaves good spells shorter than the slot of %s", v.number("bad"), formatSpan(lasts), formatSpan(slot))
	}
}

// links lays what [link] says of single legs over what their places say.
func (b *binder) links() {
	sec := b.section("link")
	for _, name := range sec.names() {
		n := sec.get(name)
		i := slices.IndexFunc(b.legs, func(l leg) bool { return l.Name == name })
		if i < 0 && !b.lostSides {
			b.add(sec.spotOf(name), "link "+strconv.Quote(short(name)), "is not a leg (PLACE-BOX is accepted)%s", hint(name, b.legNames()))
		}
		if i < 0 || n.kind != table {
			continue
		}
		l := &b.legs[i]
		b.carriage(&l.LegSpec, n)
		if v := n.get("hops"); v != nil && v.kind != bad {
			l.hops = v
			l.Routers, _, _ = hopRange(v)
		}
		if v := n.get("metric"); v != nil {
			l.Metric = int(min(v.whole, 1<<16))
		}
	}
}

func (b *binder) legNames() []string {
	var out []string
	for i := range b.legs {
		out = append(out, b.legs[i].Name)
	}
	return out
}

// tunnel makes the leg between a place and a box a tunnel and, if it is one of
// VPN clients, the place one of theirs.
func (b *binder) tunnel(place *node, id topology.NetworkID, subject string) {
	n := place.get("tunnel")
	if n == nil || n.kind != table {
		return
	}
	subject += ": tunnel"
	over, ok1 := b.onePlace(n, "over", subject)
	gateway, ok2 := b.onePlace(n, "gateway", subject)
	box := n.str("box")
	i := slices.IndexFunc(b.legs, func(l leg) bool { return l.Network == id && b.boxes[l.Box].name == box })
	switch {
	case i >= 0:
		l := &b.legs[i]
		l.Tunnel = &topology.TunnelSpec{Over: over, Gateway: gateway}
		if n.has("hops") {
			b.give(l, n, "hops", false, subject)
		}
	case b.lostSides || box == "":
	case !b.section("box").has(box):
		b.add(n.spotOf("box"), subject, "box %q is not defined%s", short(box), hint(box, b.section("box").names()))
	default:
		b.add(n.spotOf("box"), subject, "the box %q is not next to this place", box)
	}
	if ok1 && over == id {
		b.add(n.spotOf("over"), subject, "leads over the place itself")
	}
	if ok2 && gateway == id {
		b.add(n.spotOf("gateway"), subject, "has its far end in the place itself")
	}
	if ok1 {
		b.noChain(n, "over", over, subject)
	}
	if ok2 {
		b.noChain(n, "gateway", gateway, subject)
	}
	if !n.truth("clients") {
		if n.has("into") {
			b.add(n.spotOf("into"), subject, "into means nothing without clients = true")
		}
		return
	}
	t := &topology.TunneledSpec{Underlay: over}
	for _, v := range n.items("into") {
		if v.kind == text {
			t.Into = append(t.Into, b.placesOf(v, v.text, subject+": into")...)
		}
	}
	slices.Sort(t.Into)
	t.Into = slices.Compact(t.Into)
	b.tunneled[id] = t
	for i := range b.legs {
		if l := &b.legs[i]; l.Network == id && l.Tunnel == nil {
			b.add(n.at, subject, "the place has another leg, %q, but VPN clients have none besides the tunnel", l.Name)
		}
	}
}

// noChain refuses tunnels that begin or end at a place of VPN clients.
func (b *binder) noChain(n *node, key string, at topology.NetworkID, subject string) {
	if b.section("place").get(b.plan.Networks[at].Name).get("tunnel").truth("clients") {
		b.add(n.spotOf(key), subject, "%s: %q is a place of VPN clients itself", key, b.plan.Networks[at].Name)
	}
}

// onePlace reads the name of a place.
func (b *binder) onePlace(n *node, key, subject string) (topology.NetworkID, bool) {
	id, ok := b.places[n.str(key)]
	if v := n.get(key); !ok && v != nil && v.kind == text {
		b.add(v.at, subject, "%s: place %q is not defined%s", key, short(v.text), hint(v.text, b.section("place").names()))
	}
	return id, ok
}

// bindRoutes reads the static routes, by name.
func (b *binder) bindRoutes() {
	type to struct{ at, network topology.NetworkID }
	first := map[to]*node{}
	sec := b.section("route")
	for _, name := range slices.Sorted(slices.Values(sec.names())) {
		n := sec.get(name)
		if n.kind != table {
			continue
		}
		subject := "route " + strconv.Quote(name)
		r := topology.RouteSpec{Leg: topology.NoLeg}
		at, ok := b.onePlace(n, "at", subject)
		r.At = at
		for _, v := range n.items("to") {
			if v.kind == text {
				r.To = append(r.To, b.placesOf(v, v.text, subject+": to")...)
			}
		}
		slices.Sort(r.To)
		r.To = slices.Compact(r.To)
		if v := n.get("to"); v != nil && v.kind == list && len(v.list) == 0 {
			b.add(v.at, subject, "to names no place")
		}
		if ok {
			r.Leg = b.legOf(n, at, subject)
		}
		for _, id := range r.To {
			if !ok {
				break
			}
			switch before := first[to{at, id}]; {
			case id == at:
				b.add(n.spotOf("to"), subject, "leads from %q to itself", b.plan.Networks[id].Name)
			case before != nil:
				b.add(n.spotOf("to"), subject, "there is another route from %q to %q (at %s)", b.plan.Networks[at].Name, b.plan.Networks[id].Name, before.at)
			}
			first[to{at, id}] = n
		}
		b.routes, b.routeNames = append(b.routes, r), append(b.routeNames, name)
	}
}

// routesUnder are the routes that a policy leaves in place.
func (b *binder) routesUnder(p *policy, subject string) []topology.RouteSpec {
	var out []topology.RouteSpec
	gone := p.node.items("without_routes")
	for _, v := range gone {
		if sec := b.section("route"); v.kind == text && !sec.has(v.text) {
			b.add(v.at, subject, "without_routes: route %q is not defined%s", short(v.text), hint(v.text, sec.names()))
		}
	}
	for i, name := range b.routeNames {
		if !slices.ContainsFunc(gone, func(v *node) bool { return v.text == name }) {
			out = append(out, b.routes[i])
		}
	}
	return out
}

// legOf is the leg between a place and the box that a route goes over.
func (b *binder) legOf(n *node, at topology.NetworkID, subject string) topology.LegID {
	v := n.get("over")
	if v == nil || v.kind != text {
		return topology.NoLeg
	}
	for i := range b.legs {
		if l := &b.legs[i]; l.Network == at && b.boxes[l.Box].name == v.text {
			return topology.LegID(i)
		}
	}
	switch {
	case b.lostSides:
	case !b.section("box").has(v.text):
		b.add(v.at, subject, "over: box %q is not defined%s", short(v.text), hint(v.text, b.section("box").names()))
	default:
		b.add(v.at, subject, "over: the box %q is not next to %q", v.text, b.plan.Networks[at].Name)
	}
	return topology.NoLeg
}

var balances = map[string]topology.Balance{
	"one-way": topology.OneWay, "per-flow": topology.PerFlow, "per-packet": topology.PerPacket,
}
