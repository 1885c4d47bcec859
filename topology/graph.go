package topology

import (
	"cmp"
	"math/bits"
	"slices"
)

// node is a node of the graph in which ways are sought: a network, or a gate of
// a box. Networks come first, by NetworkID.
type node int32

// graph is what ways are sought in: which leg leads where, and at what cost.
// It is immutable.
type graph struct {
	networks int
	arcs     []arc     // by LegID
	of       [][]LegID // legs of a network, in the order of their names
	at       [][]LegID // legs of a box, in the order of their names
	gates    []gate    // by node, after the networks
	first    []node    // the first gate of each box
	from     []node    // see arc
	// hops lead into a network, as bounds in list, by family and network.
	hops [2][]span
	list []hop
	// transit tells through which networks ways may lead: not through those of
	// VPN clients, and dead ends need not be tried.
	transit []bool
	rank    []int32 // of the legs, by name
	order   []node  // all nodes, in the order of names
	// families is 2 where ways of IPv6 differ from those of IPv4.
	families int
}

// arc is a leg as a way takes it: from its network to a gate of its box, or
// from a box to the network.
type arc struct {
	network NetworkID
	box     BoxID
	side    uint8
	into    node
	cost    cost
	// from are the gates that packets have come in by which leave over the
	// leg, as bounds in graph.from, by family.
	from [2]span
}

// hop is what leads into a network: a step from another network over a small
// gate, or the leg out of a large one.
type hop struct {
	cost cost
	from node  // network or large gate
	leg  LegID // by which it begins
}

// smallGate is how many legs may lead into a gate for the steps over it to be
// listed one by one. That makes the search a good deal shorter where networks
// are joined in pairs, and would make it longer where many meet in one box.
const smallGate = 4

func (gt *gate) small() bool { return len(gt.legs) <= smallGate }

// span is a part of a list, from first to before end.
type span struct{ first, end uint32 }

// gate is one way into a box. A Routed box has one for all its legs, any other
// box one for each side, so that a packet does not leave by the side that it
// came from. A translator has one more, for what it has translated.
type gate struct {
	box   BoxID
	hop   cost
	legs  []LegID  // that lead in
	sides [2]uint8 // bit set of sides by which packets leave, by family
}

// cost orders ways: by their metric, then by the number of legs. Each leg
// costs something even where its metric is 0, so that no way goes in circles.
type cost uint64

const unreached = ^cost(0)

// maxMetric bounds the Metric of a leg, so that all legs together do not
// overflow a cost.
const maxMetric = 1<<16 - 1

func costOf(metric, legs int) cost { return cost(metric)<<32 | cost(legs) }

// byName lists the numbers of things in the order of their names.
func byName(n int, name func(int) string) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(name(a), name(b)) })
	return order
}

func newGraph(s *Spec) *graph {
	g := &graph{
		networks: len(s.Networks),
		arcs:     make([]arc, len(s.Legs)),
		of:       make([][]LegID, len(s.Networks)),
		at:       make([][]LegID, len(s.Boxes)),
		transit:  make([]bool, len(s.Networks)),
		rank:     make([]int32, len(s.Legs)),
		families: 1,
	}
	for r, i := range byName(len(s.Legs), func(i int) string { return s.Legs[i].Name }) {
		l := &s.Legs[i]
		g.rank[i] = int32(r)
		g.of[l.Network] = append(g.of[l.Network], LegID(i))
		g.at[l.Box] = append(g.at[l.Box], LegID(i))
	}
	for i := range s.Networks {
		g.transit[i] = s.Networks[i].Tunneled == nil && !g.deadEnd(s, NetworkID(i))
	}
	for i := range s.Boxes {
		g.addGates(s, BoxID(i))
	}
	g.addFrom()
	g.addHops()
	g.sort(s)
	return g
}

// sort lists the nodes by name.
func (g *graph) sort(s *Spec) {
	for _, i := range byName(len(s.Networks), func(i int) string { return s.Networks[i].Name }) {
		g.order = append(g.order, node(i))
	}
	for _, b := range byName(len(s.Boxes), func(i int) string { return s.Boxes[i].Name }) {
		first, end := g.gatesOf(BoxID(b))
		for at := first; at < end; at++ {
			g.order = append(g.order, at)
		}
	}
}

// deadEnd tells whether a network can only be left to the box that a packet came
// from: a Routed box would have brought it there at once, and a firewall is not
// entered twice to get round its sides.
func (g *graph) deadEnd(s *Spec, n NetworkID) bool {
	for _, id := range g.of[n] {
		if s.Legs[id].Box != s.Legs[g.of[n][0]].Box {
			return false
		}
	}
	return true
}

// addGates adds the gates of a box and the arcs of its legs.
func (g *graph) addGates(s *Spec, b BoxID) {
	spec := &s.Boxes[b]
	first := node(g.networks + len(g.gates))
	g.first = append(g.first, first)
	var used uint8
	for _, id := range g.at[b] {
		used |= 1 << s.Legs[id].Side
	}
	count := bits.Len8(used)
	if spec.Kind == Routed {
		count = min(count, 1)
	}
	for side := range count {
		g.gates = append(g.gates, newGate(spec, b, used, uint8(side)))
	}
	if spec.NAT != nil {
		inside := used &^ (1 << spec.NAT.Outside)
		g.gates = append(g.gates, gate{box: b, sides: [2]uint8{inside, inside}})
		g.families = 2
	}
	for _, id := range g.at[b] {
		l := &s.Legs[id]
		into := first
		if spec.Kind != Routed {
			into += node(l.Side)
		}
		metric := l.Metric
		if metric == 0 {
			metric = l.Routers
		}
		g.arcs[id] = arc{network: l.Network, box: b, side: l.Side, into: into, cost: costOf(metric, 1)}
		gt := g.gate(into)
		gt.legs = append(gt.legs, id)
	}
}

// newGate is where packets come in by a side of a box with legs on the sides
// used. An ordinary IPv4 packet does not enter a translator from Outside; from
// one inside to another it passes as it is.
func newGate(spec *BoxSpec, b BoxID, used, side uint8) gate {
	if spec.Kind == Routed {
		return gate{box: b, sides: [2]uint8{used, used}}
	}
	others := used &^ (1 << side)
	gt := gate{box: b, hop: costOf(1, 0), sides: [2]uint8{others, others}}
	if spec.NAT != nil && side == spec.NAT.Outside {
		gt.sides[0] = 0
	}
	return gt
}

func (g *graph) gate(n node) *gate { return &g.gates[int(n)-g.networks] }

// gatesOf are the nodes of the gates of a box: from first to before end.
func (g *graph) gatesOf(b BoxID) (first, end node) {
	if int(b)+1 < len(g.first) {
		return g.first[b], g.first[b+1]
	}
	return g.first[b], node(g.networks + len(g.gates))
}

// inward is the gate of a translator for packets that it sends inside.
func (g *graph) inward(b BoxID) node {
	_, end := g.gatesOf(b)
	return end - 1
}

// leaves tells whether packets that came in by a gate of its box leave by a
// leg.
func (g *graph) leaves(gt *gate, leg LegID, family int) bool {
	return gt.sides[family]>>g.arcs[leg].side&1 != 0
}

// addFrom notes of each leg the gates of its box that lead to it.
func (g *graph) addFrom() {
	for i := range g.arcs {
		first, end := g.gatesOf(g.arcs[i].box)
		for family := range g.arcs[i].from {
			from := uint32(len(g.from))
			for at := first; at < end; at++ {
				if g.leaves(g.gate(at), LegID(i), family) {
					g.from = append(g.from, at)
				}
			}
			g.arcs[i].from[family] = span{from, uint32(len(g.from))}
		}
	}
}

// over are the gates through which a leg is reached.
func (g *graph) over(leg LegID, family int) []node {
	from := g.arcs[leg].from[family]
	return g.from[from.first:from.end]
}

// addHops lists what leads into each network.
func (g *graph) addHops() {
	for family := range g.families {
		g.hops[family] = make([]span, g.networks)
		for n := range g.networks {
			first := uint32(len(g.list))
			for _, leg := range g.of[n] {
				for _, at := range g.over(leg, family) {
					g.addHopsOver(at, leg)
				}
			}
			g.hops[family][n] = span{first, uint32(len(g.list))}
		}
	}
}

// addHopsOver lists the steps over a gate and then a leg, or the leg alone.
func (g *graph) addHopsOver(at node, out LegID) {
	gt, last := g.gate(at), &g.arcs[out]
	if !gt.small() {
		g.list = append(g.list, hop{last.cost, at, out})
		return
	}
	for _, in := range gt.legs {
		if a := &g.arcs[in]; a.network != last.network {
			g.list = append(g.list, hop{a.cost + gt.hop + last.cost, node(a.network), in})
		}
	}
}

// goal is what a tree leads to: a network, or a box if box is not NoBox.
type goal struct {
	network NetworkID
	box     BoxID
}

// tree has the first leg of the cheapest way from each node to a goal. It is
// immutable.
type tree struct {
	goal goal
	next []LegID // by node; NoLeg at the goal and where no way begins
	// Where ways of equal cost are balanced: several has all first legs of a
	// node that has more than one, in the order of their names, and ways the
	// number of picks that differ.
	several map[node][]LegID
	ways    []uint32 // by node; nil if there is one way from everywhere
}

// search is the working memory of the search for one tree.
type search struct {
	g      *graph
	family int
	cost   []cost // by node
	next   []LegID
	heap   heap[cost, node]
}

// to finds the cheapest way from every node to a goal, backwards from there
// (Dijkstra). Of equally cheap ways a node takes the one whose first leg comes
// first by name. Every successor of a node on a cheapest way is settled before
// it, because each leg costs something; so the choice is complete.
func (s *search) to(d goal) *tree {
	t := s.begin(d)
	if d.box == NoBox {
		s.cost[d.network] = 0
		s.fromNetwork(d.network)
	} else {
		for _, leg := range s.g.at[d.box] {
			a := &s.g.arcs[leg]
			s.offer(node(a.network), leg, a.cost)
		}
	}
	s.settle()
	s.finish(d)
	return t
}

// outward finds the ways over the nearest translator to the outside of it.
func (s *search) outward(spec *Spec) *tree {
	t := s.begin(goal{NoNetwork, NoBox})
	for b := range spec.Boxes {
		nat := spec.Boxes[b].NAT
		if nat == nil {
			continue
		}
		for _, leg := range s.g.at[b] {
			for _, at := range s.g.over(leg, 0) {
				if at != s.g.inward(BoxID(b)) {
					s.offer(at, leg, s.g.arcs[leg].cost)
				}
			}
		}
	}
	s.settle()
	s.finish(t.goal)
	return t
}

// begin prepares a search for the tree of a goal.
func (s *search) begin(d goal) *tree {
	nodes := s.g.networks + len(s.g.gates)
	s.cost = slices.Grow(s.cost[:0], nodes)[:nodes]
	for i := range s.cost {
		s.cost[i] = unreached
	}
	t := &tree{goal: d, next: slices.Repeat([]LegID{NoLeg}, nodes)}
	s.next, s.heap.entries = t.next, s.heap.entries[:0]
	return t
}

func (s *search) settle() {
	for len(s.heap.entries) > 0 {
		e := s.heap.pop()
		switch {
		case e.key > s.cost[e.what]: // settled by a cheaper way
		case int(e.what) < s.g.networks:
			s.fromNetwork(NetworkID(e.what))
		default:
			s.fromGate(e.what)
		}
	}
}

// fromNetwork offers a settled network to all from where it is a hop away.
func (s *search) fromNetwork(n NetworkID) {
	c, hops := s.cost[n], s.g.hops[s.family][n]
	for _, h := range s.g.list[hops.first:hops.end] {
		s.offer(h.from, h.leg, c+h.cost)
	}
}

// finish finds the way on from each small gate, now that all networks are
// settled.
func (s *search) finish(d goal) {
	for i := range s.g.gates {
		if gt := &s.g.gates[i]; gt.small() {
			at := node(s.g.networks + i)
			s.finishGate(gt, at, d)
		}
	}
}

func (s *search) finishGate(gt *gate, at node, d goal) {
	for _, leg := range s.g.at[gt.box] { // in the order of names
		if !s.g.leaves(gt, leg, s.family) || !s.onward(leg, d) {
			continue
		}
		a := &s.g.arcs[leg]
		if c := s.cost[a.network] + a.cost; c < s.cost[at] {
			s.cost[at], s.next[at] = c, leg
		}
	}
}

// onward tells whether a way to the goal leads on from the network of a leg.
func (s *search) onward(leg LegID, d goal) bool {
	n := s.g.arcs[leg].network
	return d == goal{n, NoBox} || s.g.transit[n] && s.cost[n] != unreached
}

// fromGate offers a settled gate to the networks from which legs lead into it.
func (s *search) fromGate(at node) {
	gt := s.g.gate(at)
	c := s.cost[at] + gt.hop
	for _, leg := range gt.legs {
		a := &s.g.arcs[leg]
		s.offer(node(a.network), leg, c+a.cost)
	}
}

// offer lets a node start with the leg at cost c, if that is better.
func (s *search) offer(n node, leg LegID, c cost) {
	switch {
	case c < s.cost[n]:
		s.cost[n], s.next[n] = c, leg
		if int(n) >= s.g.networks || s.g.transit[n] {
			s.heap.push(c, n)
		}
	case c == s.cost[n] && s.next[n] != NoLeg && s.g.rank[leg] < s.g.rank[s.next[n]]:
		s.next[n] = leg
	}
}
