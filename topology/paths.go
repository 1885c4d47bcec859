package topology

import (
	"cmp"
	"slices"
)

// step is one step of a path, from a network over a leg to a box and over
// another leg to the next network.
type step struct {
	in  LegID
	box BoxID
	out LegID
}

// path is the way between two networks: part of a shared list of steps, and
// the number of routers on it.
type path struct {
	from, to uint32 // bounds in paths.steps
	hops     int32  // routers, boxes that are hops included; -1 without a path
}

// paths has the path between each pair of networks.
type paths struct {
	networks int
	table    []path
	steps    []step
}

func (t *paths) between(a, b NetworkID) path { return t.table[int(a)*t.networks+int(b)] }

func (t *paths) of(p path) []step { return t.steps[p.from:p.to] }

// A node of the graph is a network, or a box together with the side on which
// a packet is about to leave it. With the side in the node, a firewall cannot
// be entered and left on the same one; a Routed box has one node for both.
type node int

// cost orders ways: routers first, then the number of legs. Each leg costs
// something even where it has no routers, so that no way goes in circles.
type cost uint64

const unreached = ^cost(0)

func costOf(routers int) cost { return cost(routers)<<32 | 1 }

func (c cost) routers() int { return int(c >> 32) }

// graph is the Spec as Dijkstra's algorithm needs it.
type graph struct {
	spec *Spec
	rank []int        // of the legs, by name
	of   [][]LegID    // legs of a network
	at   [][2][]LegID // legs of a box, by side

	// Ways to one destination: the cost from each node, and its first leg.
	cost []cost
	next []LegID
	heap []entry
}

// ranks numbers things by name: the result's i-th element is the place of the
// i-th name among all.
func ranks(n int, name func(int) string) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(name(a), name(b)) })
	rank := make([]int, n)
	for r, i := range order {
		rank[i] = r
	}
	return rank
}

func newGraph(s *Spec) *graph {
	nodes := len(s.Networks) + 2*len(s.Boxes)
	g := &graph{
		spec: s,
		rank: ranks(len(s.Legs), func(i int) string { return s.Legs[i].Name }),
		of:   make([][]LegID, len(s.Networks)),
		at:   make([][2][]LegID, len(s.Boxes)),
		cost: make([]cost, nodes),
		next: make([]LegID, nodes),
	}
	for i := range s.Legs {
		l := &s.Legs[i]
		g.of[l.Network] = append(g.of[l.Network], LegID(i))
		g.at[l.Box][l.Side] = append(g.at[l.Box][l.Side], LegID(i))
	}
	return g
}

// leaving is the node of a packet about to leave box b on a side.
func (g *graph) leaving(b BoxID, side uint8) node {
	if g.spec.Boxes[b].Kind == Routed {
		side = 0
	}
	return node(len(g.spec.Networks) + 2*int(b) + int(side))
}

// to finds the cheapest way from every node to the network d, backwards from
// d (Dijkstra). Of equally cheap ways a node takes the one whose first leg
// comes first by name. Every successor of a node on a cheapest way is settled
// before it, because each leg costs something; so the choice is complete.
func (g *graph) to(d NetworkID) {
	for i := range g.cost {
		g.cost[i], g.next[i] = unreached, NoLeg
	}
	g.cost[d] = 0
	g.heap = append(g.heap[:0], entry{0, node(d)})
	for len(g.heap) > 0 {
		e := g.pop()
		switch {
		case e.cost > g.cost[e.node]: // settled by a cheaper way
		case int(e.node) < len(g.spec.Networks):
			g.intoNetwork(NetworkID(e.node))
		default:
			g.intoBox(e.node)
		}
	}
}

// intoNetwork offers a settled network to the boxes that it is attached to.
func (g *graph) intoNetwork(n NetworkID) {
	for _, id := range g.of[n] {
		l := &g.spec.Legs[id]
		g.offer(g.leaving(l.Box, l.Side), id, g.cost[n]+costOf(l.Routers))
	}
}

// intoBox offers a settled exit of a box to the networks that can reach it.
func (g *graph) intoBox(exit node) {
	i := int(exit) - len(g.spec.Networks)
	b, side := i/2, i%2
	hop := 1
	sides := g.at[b][1-side : 2-side]
	if g.spec.Boxes[b].Kind == Routed {
		hop, sides = 0, g.at[b][:]
	}
	for _, legs := range sides {
		for _, id := range legs {
			l := &g.spec.Legs[id]
			g.offer(node(l.Network), id, g.cost[exit]+costOf(l.Routers+hop))
		}
	}
}

// offer lets a node start with the leg at cost c, if that is better.
func (g *graph) offer(n node, leg LegID, c cost) {
	switch {
	case c < g.cost[n]:
		g.cost[n], g.next[n] = c, leg
		g.push(entry{c, n})
	case c == g.cost[n] && g.next[n] != NoLeg && g.rank[leg] < g.rank[g.next[n]]:
		g.next[n] = leg
	}
}

// appendPath appends the steps of the way from a to the destination that was
// last given to the method to.
func (g *graph) appendPath(steps []step, a, d NetworkID) []step {
	for n := a; n != d; {
		in := g.next[n]
		box := g.spec.Legs[in].Box
		out := g.next[g.leaving(box, 1-g.spec.Legs[in].Side)]
		steps = append(steps, step{in, box, out})
		n = g.spec.Legs[out].Network
	}
	return steps
}

// findPaths computes the path of every pair of networks: the fewest routers,
// then the fewest legs, then the first leg by name that differs, seen from
// the network whose name comes first. The other direction is the same path
// reversed, so that a reply meets the boxes that saw the request.
func findPaths(s *Spec) paths {
	n := len(s.Networks)
	t := paths{networks: n, table: make([]path, n*n)}
	g := newGraph(s)
	rank := ranks(n, func(i int) string { return s.Networks[i].Name })
	for d := range n {
		g.to(NetworkID(d))
		for a := range n {
			if rank[a] < rank[d] {
				t.add(g, NetworkID(a), NetworkID(d))
			}
		}
	}
	return t
}

// add records the path from a to d, the destination last given to g.to, in
// both directions.
func (t *paths) add(g *graph, a, d NetworkID) {
	there, back := path{hops: -1}, path{hops: -1}
	if c := g.cost[a]; c != unreached {
		there.hops, back.hops = int32(c.routers()), int32(c.routers())
		there.from = uint32(len(t.steps))
		t.steps = g.appendPath(t.steps, a, d)
		there.to = uint32(len(t.steps))
		back.from = there.to
		for i := int(there.to) - 1; i >= int(there.from); i-- {
			s := t.steps[i]
			t.steps = append(t.steps, step{s.out, s.box, s.in})
		}
		back.to = uint32(len(t.steps))
	}
	t.table[int(a)*t.networks+int(d)] = there
	t.table[int(d)*t.networks+int(a)] = back
}
