package scenarios

import (
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

// boxNode is a box with its sides.
type boxNode struct {
	name  string
	node  *node
	sides [][]topology.NetworkID
}

// side is the number of the side where a place is.
func (x *boxNode) side(place topology.NetworkID) (uint8, bool) {
	i := slices.IndexFunc(x.sides, func(s []topology.NetworkID) bool { return slices.Contains(s, place) })
	return uint8(max(i, 0)), i >= 0
}

// leg is the leg between a place and a box. hops and metric are where its
// routers and its cost were given, or nil.
type leg struct {
	topology.LegSpec
	hops, metric *node
}

// wiring makes the boxes and a leg for each pair of a place and a box.
func (b *binder) wiring() {
	for _, name := range b.section("box").names() {
		n := b.section("box").get(name)
		if n.kind != table {
			continue
		}
		subject := "box " + strconv.Quote(name)
		box := boxNode{name: name, node: n}
		before := len(b.errors)
		b.sides(&box, subject)
		b.lostSides = b.lostSides || len(b.errors) > before
		b.connect(&box, subject)
		b.boxes = append(b.boxes, box)
	}
	at := make([][]*leg, len(b.plan.Networks))
	for i := range b.legs {
		l := &b.legs[i]
		at[l.Network] = append(at[l.Network], l)
	}
	for _, name := range b.section("place").names() {
		b.distances(name, at[b.places[name]])
	}
	b.links()
}

// sides reads the sides of a box. A host's own firewall has none.
func (b *binder) sides(box *boxNode, subject string) {
	n := box.node
	sides := n.items("between")
	switch {
	case n.str("kind") == "host":
	case !n.has("between"):
		b.add(n.at, subject, "between is missing (%s is accepted)", boxKeys.find("between").form.want)
	case len(sides) >= 2 && len(sides) <= topology.MaxSides:
		for _, side := range sides {
			var places []topology.NetworkID
			if side.kind == text {
				places = b.placesOf(side, side.text, subject)
			}
			box.sides = append(box.sides, places)
		}
	case n.get("between").kind == list:
		b.add(n.spotOf("between"), subject, "between has %d %s (2 to %d are accepted)", len(sides), plural(len(sides), "side"), topology.MaxSides)
	default:
		b.lostSides = true
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// connect makes the legs of a box.
func (b *binder) connect(box *boxNode, subject string) {
	for side, places := range box.sides {
		for _, id := range places {
			if first, _ := box.side(id); int(first) < side {
				b.add(box.node.spotOf("between"), subject, "%q is on %s sides", b.plan.Networks[id].Name, bothOrTwo(len(box.sides)))
				continue
			}
			b.legs = append(b.legs, leg{LegSpec: topology.LegSpec{
				Name:    b.plan.Networks[id].Name + "-" + box.name,
				Network: id,
				Box:     topology.BoxID(len(b.boxes)),
				Side:    uint8(side),
			}})
		}
	}
}

func bothOrTwo(sides int) string {
	if sides == 2 {
		return "both"
	}
	return "two"
}

// distances gives the legs of a place what the place says of them.
func (b *binder) distances(place string, legs []*leg) {
	n := b.section("place").get(place)
	if n.kind != table {
		return
	}
	subject := "place " + strconv.Quote(place)
	for _, k := range n.names() {
		key := placeKeys.find(k)
		prefix, open := key.prefix()
		if !open || n.get(k).kind == bad {
			continue
		}
		b.distance(n, k, k[len(prefix):], prefix == "metric_to_", legs, subject)
	}
	for _, l := range legs {
		b.carriage(&l.LegSpec, n)
	}
	b.tunnel(n, b.places[place], subject)
}

// distance sets the routers, or the metric, of those legs of a place that one
// of its keys speaks of.
func (b *binder) distance(n *node, k, target string, metric bool, legs []*leg, subject string) {
	other, isPlace := b.places[target]
	found := false
	isBox := slices.ContainsFunc(b.boxes, func(x boxNode) bool { return x.name == target })
	for _, l := range legs {
		side, next := b.boxes[l.Box].side(other)
		between := isPlace && next && side != l.Side
		if b.boxes[l.Box].name != target && !between {
			continue
		}
		found = true
		b.give(l, n, k, metric, subject)
	}
	switch {
	case b.lostSides: // the leg may be one of those not made
	case !isPlace && !isBox:
		known := b.section("box").names()
		b.add(n.spotOf(k), subject, "%s: %q is neither a box nor a place%s", k, short(target), hint(target, append(slices.Clone(known), b.section("place").names()...)))
	case !found && isBox:
		b.add(n.spotOf(k), subject, "%s: the box %q is not next to this place", k, target)
	case !found:
		b.add(n.spotOf(k), subject, "%s: no box lies between this place and %q", k, target)
	}
}

// give sets the routers or the metric of a leg, which it must not have yet.
func (b *binder) give(l *leg, n *node, k string, metric bool, subject string) {
	at, what := &l.hops, "hops"
	if metric {
		at, what = &l.metric, "metric"
	}
	if *at != nil {
		b.add(n.spotOf(k), subject, "%s gives the leg %q its %s, which it has already (at %s)", k, l.Name, what, (*at).at)
		return
	}
	*at = n.get(k)
	if metric {
		l.Metric = int(min((*at).whole, 1<<16))
		return
	}
	l.Routers, _, _ = hopRange(*at)
}

// network is a place as the topology has it. Of a range of hops the smallest
// is on the leg; the rest are access variants.
func (b *binder) network(name string) topology.NetworkSpec {
	n := b.section("place").get(name)
	id := b.places[name]
	spec := topology.NetworkSpec{
		Name:          name,
		InsideRouters: int(min(n.int("hops_inside"), topology.MaxRouters)),
		InsideDelay:   n.span("rtt_inside") / 2,
		InsideLoss:    rng.ChanceOf(n.number("loss_inside")),
		Prefixes:      b.prefixes[id],
		TellsAbsent:   n.truth("tells_absent"),
		Tunneled:      b.tunneled[id],
	}
	b.resolver(&spec, n)
	spec.Strangers = b.strangers(n, id)
	for i := range b.legs {
		l := &b.legs[i]
		if l.Network != id || l.hops == nil || l.hops.kind != text {
			continue
		}
		if spec.Tunneled != nil {
			b.add(l.hops.at, "place "+strconv.Quote(name), "has a range of hops, but its clients are as far away as those of %q", b.plan.Networks[spec.Tunneled.Underlay].Name)
			return spec
		}
		if len(spec.Access) > 0 {
			b.add(l.hops.at, "place "+strconv.Quote(name), "has two ranges of hops (one is accepted: it says how far clients are from the place)")
			return spec
		}
		least, most, _ := hopRange(l.hops)
		for d := 0; d <= min(most-least, topology.MaxRouters); d++ {
			spec.Access = append(spec.Access, d)
		}
	}
	return spec
}

// outside tells which places are outside: not sites, without a relay or the
// root, without a tunnel, and joined to the root's place by no chain of routers
// alone.
func (b *binder) outside() {
	inside := map[topology.NetworkID]bool{b.home: true}
	for range b.boxes { // a chain has at most as many boxes as there are
		for i := range b.boxes {
			if b.boxes[i].node.str("kind") == "router" {
				spreadOver(inside, &b.boxes[i])
			}
		}
	}
	for i := range b.plan.Relays {
		inside[b.plan.Relays[i].Network] = true
	}
	for i := range b.plan.Networks {
		p := &b.plan.Networks[i]
		n := b.section("place").get(p.Name)
		p.Outside = !p.Site && !inside[topology.NetworkID(i)] && !n.has("tunnel")
		if n.has("outside") {
			p.Outside = n.truth("outside")
		} else if n.kind == table {
			n.set("outside", newFlag(n.at, p.Outside))
		}
	}
}

func spreadOver(inside map[topology.NetworkID]bool, box *boxNode) {
	all := slices.Concat(box.sides...)
	if slices.ContainsFunc(all, func(id topology.NetworkID) bool { return inside[id] }) {
		for _, id := range all {
			inside[id] = true
		}
	}
}
