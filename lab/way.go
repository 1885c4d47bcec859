package lab

import (
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// crossing is one step of a way: over a leg into a box, and out of it over
// another; out is NoLeg where the way ends at the box.
type crossing struct {
	in  topology.LegID
	box topology.BoxID
	out topology.LegID
}

// place is where a search for a way has come to: a network, or a box that was
// entered by a side.
type place struct {
	network topology.NetworkID // or NoNetwork
	box     topology.BoxID
	side    uint8
}

// inward is the side of a translator for what it has translated to an inside
// host.
const inward = topology.MaxSides

func atNetwork(n topology.NetworkID) place { return place{network: n, box: topology.NoBox} }

// toward is the first leg of the cheapest way from a place, and what it costs.
type toward struct {
	cost int64
	leg  topology.LegID
}

// ways has the cheapest way from every place to a goal: the one of the least
// metric, then of the fewest legs; of equal ones each place takes that whose
// first leg comes first by name. It is found by trying until nothing gets
// better, which is slow and hard to get wrong.
type ways struct {
	spec *topology.Spec
	best map[place]toward
}

// waysTo finds the ways to a network or, if b is a box, to that.
func waysTo(s *topology.Spec, n topology.NetworkID, b topology.BoxID) *ways {
	w := &ways{spec: s, best: map[place]toward{}}
	goal := atNetwork(n)
	if b != topology.NoBox {
		for side := range topology.MaxSides {
			w.best[place{topology.NoNetwork, b, uint8(side)}] = toward{0, topology.NoLeg}
		}
	} else {
		w.best[goal] = toward{0, topology.NoLeg}
	}
	for better := true; better; {
		better = false
		for i := range s.Legs {
			better = w.tryIn(topology.LegID(i), b) || better
			better = w.tryOut(topology.LegID(i), b) || better
		}
	}
	return w
}

// costOf is the cost of a leg: its metric, and that it is one.
func costOf(l *topology.LegSpec) int64 {
	metric := l.Metric
	if metric == 0 {
		metric = l.Routers
	}
	return int64(metric)<<32 + 1
}

// tryIn lets the network of a leg go over it into the box.
func (w *ways) tryIn(id topology.LegID, goal topology.BoxID) bool {
	l := &w.spec.Legs[id]
	on, ok := w.best[place{topology.NoNetwork, l.Box, w.gate(l)}]
	if !ok {
		return false
	}
	cost := on.cost + costOf(l)
	if l.Box != goal && w.spec.Boxes[l.Box].Kind != topology.Routed {
		cost += 1 << 32
	}
	return w.offer(atNetwork(l.Network), toward{cost, id})
}

// gate is the side by which a leg enters its box. A Routed box has one for all.
func (w *ways) gate(l *topology.LegSpec) uint8 {
	if w.spec.Boxes[l.Box].Kind == topology.Routed {
		return 0
	}
	return l.Side
}

// tryOut lets what has entered the box of a leg leave over it.
func (w *ways) tryOut(id topology.LegID, goal topology.BoxID) bool {
	l := &w.spec.Legs[id]
	on, ok := w.best[atNetwork(l.Network)]
	if !ok || l.Box == goal || on.leg != topology.NoLeg && w.deadEnd(l.Network) {
		return false
	}
	better := false
	for side := range uint8(inward + 1) {
		if w.passes(l, side) {
			better = w.offer(place{topology.NoNetwork, l.Box, side}, toward{on.cost + costOf(l), id}) || better
		}
	}
	return better
}

// deadEnd tells whether all legs of a network lead to one box: nobody goes
// through it, since he would come back to where he was.
func (w *ways) deadEnd(n topology.NetworkID) bool {
	box := topology.NoBox
	for i := range w.spec.Legs {
		if l := &w.spec.Legs[i]; l.Network == n {
			if box != topology.NoBox && l.Box != box {
				return false
			}
			box = l.Box
		}
	}
	return true
}

// passes tells whether what came in by a side of a box may leave over a leg.
func (w *ways) passes(out *topology.LegSpec, side uint8) bool {
	b := &w.spec.Boxes[out.Box]
	switch {
	case b.Kind == topology.Routed:
		return side == 0
	case side == inward:
		return b.NAT != nil && out.Side != b.NAT.Outside
	case b.NAT != nil:
		return side != b.NAT.Outside && side != out.Side
	}
	return out.Side != side
}

func (w *ways) offer(at place, t toward) bool {
	old, ok := w.best[at]
	if ok && (t.cost > old.cost || t.cost == old.cost && !w.first(t.leg, old.leg)) {
		return false
	}
	w.best[at] = t
	return true
}

// first tells whether leg a comes before leg b by name.
func (w *ways) first(a, b topology.LegID) bool {
	return a != b && b != topology.NoLeg && w.spec.Legs[a].Name < w.spec.Legs[b].Name
}

// from is the way from a network to the goal.
func (w *ways) from(n topology.NetworkID) (way []crossing, ok bool) {
	return w.follow(nil, atNetwork(n))
}

// fromBox is the way out of a translator to an inside host: the leg by which it
// goes out, and the rest.
func (w *ways) fromBox(b topology.BoxID) (out topology.LegID, way []crossing, ok bool) {
	t, ok := w.best[place{topology.NoNetwork, b, inward}]
	if !ok {
		return topology.NoLeg, nil, false
	}
	way, ok = w.follow(nil, atNetwork(w.spec.Legs[t.leg].Network))
	return t.leg, way, ok
}

func (w *ways) follow(way []crossing, at place) ([]crossing, bool) {
	for len(way) <= len(w.spec.Legs) {
		t, ok := w.best[at]
		if !ok || t.leg == topology.NoLeg {
			return way, ok
		}
		l := &w.spec.Legs[t.leg]
		c := crossing{t.leg, l.Box, topology.NoLeg}
		if out, ok := w.best[place{topology.NoNetwork, l.Box, w.gate(l)}]; ok {
			c.out = out.leg
		}
		way = append(way, c)
		if c.out == topology.NoLeg {
			return way, true
		}
		at = atNetwork(w.spec.Legs[c.out].Network)
	}
	return way, false
}

// outsideOf is the network at which the public addresses of a translator are
// reached: the first by name.
func outsideOf(s *topology.Spec, b topology.BoxID) topology.NetworkID {
	var all []topology.NetworkID
	for i := range s.Legs {
		if l := &s.Legs[i]; l.Box == b && l.Side == s.Boxes[b].NAT.Outside {
			all = append(all, l.Network)
		}
	}
	return slices.MinFunc(all, func(x, y topology.NetworkID) int {
		if s.Networks[x].Name < s.Networks[y].Name {
			return -1
		}
		return 1
	})
}
