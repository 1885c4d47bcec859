package topology

// maxWays bounds how many picks differ: a router from which there would be more
// takes the first of its legs.
const maxWays = 1 << 12

// balance notes all first legs of nodes that have several, and how many picks
// differ at each node.
func (n *Network) balance(s *search, t *tree) {
	for at := range t.next {
		if legs := s.cheapest(node(at), t.goal); len(legs) > 1 {
			if t.several == nil {
				t.several = make(map[node][]LegID)
			}
			t.several[node(at)] = legs
		}
	}
	if t.several == nil {
		return
	}
	t.ways = make([]uint32, len(t.next))
	for _, at := range n.graph.order { // which matters in circles
		n.countWays(t, at)
	}
}

// cheapest lists the first legs of all ways from a node that cost no more than
// any, in the order of their names.
func (s *search) cheapest(at node, d goal) (legs []LegID) {
	if s.next[at] == NoLeg {
		return nil
	}
	if int(at) < s.g.networks {
		for _, leg := range s.g.of[at] {
			if s.costInto(leg, d) == s.cost[at] {
				legs = append(legs, leg)
			}
		}
		return legs
	}
	gt := s.g.gate(at)
	for _, leg := range s.g.at[gt.box] {
		e := &s.g.arcs[leg]
		if s.g.leaves(gt, leg, s.family) && s.onward(leg, d) && s.cost[e.network]+e.cost == s.cost[at] {
			legs = append(legs, leg)
		}
	}
	return legs
}

// costInto is what a way costs that begins with a leg of a network.
func (s *search) costInto(leg LegID, d goal) cost {
	e := &s.g.arcs[leg]
	switch {
	case e.box == d.box:
		return e.cost
	case s.cost[e.into] == unreached:
		return unreached
	}
	return s.cost[e.into] + s.g.gate(e.into).hop + e.cost
}

// countWays finds in how many picks ways from a node differ: as many as its
// legs times the least number that serves behind each of them alike. Ways that
// go in circles are one.
func (n *Network) countWays(t *tree, at node) uint32 {
	if t.ways[at] != 0 {
		return t.ways[at]
	}
	t.ways[at] = 1 // for circles
	legs := n.choices(t, at)
	behind := uint32(1)
	for _, leg := range legs {
		if to := n.graph.after(leg, at, t); to != none {
			behind = min(lcm(behind, n.countWays(t, to)), maxWays)
		}
	}
	t.ways[at] = behind
	if k := uint32(len(legs)); k > 1 {
		if behind*k > maxWays {
			delete(t.several, at)
		} else {
			t.ways[at] = behind * k
		}
	}
	return t.ways[at]
}

// none is no node.
const none node = -1

// after is the node that a leg leads to from another; none if the way ends
// there.
func (g *graph) after(leg LegID, at node, t *tree) node {
	e := &g.arcs[leg]
	switch {
	case int(at) >= g.networks:
		if t.goal == (goal{e.network, NoBox}) {
			return none
		}
		return node(e.network)
	case e.box == t.goal.box:
		return none
	}
	return e.into
}

// lcm is the least common multiple of two numbers up to maxWays.
func lcm(a, b uint32) uint32 {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
