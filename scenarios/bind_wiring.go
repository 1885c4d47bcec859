package scenarios

import (
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

// boxNode is a box with its two sides.
type boxNode struct {
	name  string
	node  *node
	sides [2][]topology.NetworkID
}

// leg is the leg between a place and a box. hops is where its routers were
// given, or nil.
type leg struct {
	topology.LegSpec
	hops *node
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
		switch sides := n.items("between"); {
		case len(sides) == 2:
			for i, side := range sides {
				if side.kind == text {
					box.sides[i] = b.placesOf(side, side.text, subject)
				}
			}
		case n.has("between") && n.get("between").kind == list:
			b.add(n.spotOf("between"), subject, "between has %d %s (two are accepted)", len(sides), plural(len(sides), "side"))
		default:
			b.lostSides = true
		}
		b.lostSides = b.lostSides || len(b.errors) > before
		b.connect(&box, subject)
		b.boxes = append(b.boxes, box)
	}
	for _, name := range b.section("place").names() {
		b.distances(name)
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
			if side == 1 && slices.Contains(box.sides[0], id) {
				b.add(box.node.spotOf("between"), subject, "%q is on both sides", b.plan.Networks[id].Name)
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

// distances gives the legs of a place their routers, delay and loss.
func (b *binder) distances(place string) {
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
		b.distance(n, k, k[len(prefix):], b.places[place], subject)
	}
	for i := range b.legs {
		if l := &b.legs[i]; l.Network == b.places[place] {
			l.Delay = n.span("rtt") / 2
			l.Loss = rng.ChanceOf(n.number("loss"))
		}
	}
}

// distance sets the routers of the legs that one hops key speaks of.
func (b *binder) distance(n *node, k, target string, place topology.NetworkID, subject string) {
	other, isPlace := b.places[target]
	found, isBox := false, false
	for i := range b.boxes {
		isBox = isBox || b.boxes[i].name == target
	}
	for i := range b.legs {
		l := &b.legs[i]
		if l.Network != place {
			continue
		}
		between := isPlace && slices.Contains(b.boxes[l.Box].sides[1-l.Side], other)
		if b.boxes[l.Box].name != target && !between {
			continue
		}
		found = true
		if l.hops != nil {
			b.add(n.spotOf(k), subject, "%s gives the leg %q its hops, which it has already (at %s)", k, l.Name, l.hops.at)
			continue
		}
		l.hops = n.get(k)
		l.Routers, _, _ = hopRange(l.hops)
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

// network is a place as the topology has it. Of a range of hops the smallest
// is on the leg; the rest are access variants.
func (b *binder) network(name string) topology.NetworkSpec {
	n := b.section("place").get(name)
	spec := topology.NetworkSpec{
		Name:          name,
		InsideRouters: int(min(n.int("hops_inside"), topology.MaxRouters)),
		InsideDelay:   n.span("rtt_inside") / 2,
		InsideLoss:    rng.ChanceOf(n.number("loss_inside")),
	}
	for i := range b.legs {
		l := &b.legs[i]
		if l.Network != b.places[name] || l.hops == nil || l.hops.kind != text {
			continue
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
// root, and joined to the root's place by no chain of routers alone.
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
		p.Outside = !p.Site && !inside[topology.NetworkID(i)]
		if n.has("outside") {
			p.Outside = n.truth("outside")
		} else if n.kind == table {
			n.set("outside", newFlag(n.at, p.Outside))
		}
	}
}

func spreadOver(inside map[topology.NetworkID]bool, box *boxNode) {
	all := slices.Concat(box.sides[0], box.sides[1])
	if slices.ContainsFunc(all, func(id topology.NetworkID) bool { return inside[id] }) {
		for _, id := range all {
			inside[id] = true
		}
	}
}
