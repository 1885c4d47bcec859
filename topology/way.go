package topology

import (
	"slices"
	"sync"
	"sync/atomic"
)

// step is one step of a way: over a leg into a box, and out of it over another
// leg.
type step struct {
	in  LegID
	box BoxID
	out LegID
}

// ways are the trees that have been asked for so far, and what is needed to
// grow others. A tree is grown when it is first needed and then kept; which of
// several workers does so makes no difference, as all would grow the same.
type ways struct {
	graph  *graph
	trees  []atomic.Pointer[tree] // by family and goal: networks, then boxes
	spare  sync.Pool              // of *search
	many   bool                   // ways of equal cost are balanced
	routes map[atFor]LegID        // static ones
	// outside lists the networks at which a translator's public addresses are
	// reached, in the order of their names; by box, nil for any other.
	outside [][]NetworkID
	outward *tree // to the outside of the nearest translator; nil without any
}

// atFor is where a static route applies, and for what.
type atFor struct{ at, to NetworkID }

func (n *Network) addWays(s *Spec) {
	g := newGraph(s)
	n.graph, n.many = g, s.Balance != OneWay
	n.trees = make([]atomic.Pointer[tree], g.families*(g.networks+len(g.at)))
	n.spare.New = func() any { return &search{g: g} }
	n.outside = make([][]NetworkID, len(s.Boxes))
	for i := range s.Boxes {
		if nat := s.Boxes[i].NAT; nat != nil {
			n.outside[i] = outsideOf(s, g.at[i], nat.Outside)
		}
	}
	if g.families > 1 {
		n.outward = (&search{g: g}).outward(s)
	}
	if len(s.Routes) > 0 {
		n.routes = make(map[atFor]LegID)
	}
	for i := range s.Routes {
		r := &s.Routes[i]
		for _, to := range r.To {
			n.routes[atFor{r.At, to}] = r.Leg
		}
	}
}

// outsideOf lists the networks of those of the legs that are on a side.
func outsideOf(s *Spec, legs []LegID, side uint8) (nets []NetworkID) {
	for _, id := range legs {
		if l := &s.Legs[id]; l.Side == side && !slices.Contains(nets, l.Network) {
			nets = append(nets, l.Network)
		}
	}
	slices.SortFunc(nets, func(a, b NetworkID) int {
		if s.Networks[a].Name < s.Networks[b].Name {
			return -1
		}
		return 1
	})
	return nets
}

// tree is the tree of a goal and a family.
func (n *Network) tree(d goal, v6 bool) *tree {
	g := n.graph
	i, family := int(d.network), 0
	if d.box != NoBox {
		i = g.networks + int(d.box)
	}
	if v6 && g.families > 1 {
		family = 1
		i += g.networks + len(g.at)
	}
	if t := n.trees[i].Load(); t != nil {
		return t
	}
	s := n.spare.Get().(*search)
	s.family = family
	t := s.to(d)
	if n.many {
		n.balance(s, t)
	}
	n.spare.Put(s)
	if !n.trees[i].CompareAndSwap(nil, t) {
		t = n.trees[i].Load()
	}
	return t
}

// divert is the leg of the static route at network a for what is for network
// d, NoLeg without one.
func (n *Network) divert(a, d NetworkID) LegID {
	if n.routes == nil {
		return NoLeg
	}
	if leg, ok := n.routes[atFor{a, d}]; ok {
		return leg
	}
	return NoLeg
}

// divertTo is divert for any goal. A public address of a box counts to the
// networks outside it.
func (n *Network) divertTo(a NetworkID, d goal) LegID {
	if n.routes == nil {
		return NoLeg
	}
	if d.box == NoBox {
		return n.divert(a, d.network)
	}
	for _, out := range n.outside[d.box] {
		if leg := n.divert(a, out); leg != NoLeg {
			return leg
		}
	}
	return NoLeg
}

// choices are the legs that a way may take from a node: that of a static
// route, or those of the cheapest ways.
func (n *Network) choices(t *tree, at node) []LegID {
	if int(at) < n.graph.networks {
		if leg := n.divertTo(NetworkID(at), t.goal); leg != NoLeg {
			return []LegID{leg}
		}
	}
	if legs := t.several[at]; legs != nil {
		return legs
	}
	if t.next[at] == NoLeg {
		return nil
	}
	return t.next[at : at+1]
}

// way appends the steps from network a to network b to buf. It is not ok
// without a way: the steps are then those of wayOut from where that is found
// out, or end with a box that has no way on (out is NoLeg), or go in circles
// for so long that the packet expires.
//
// Where ways of equal cost are balanced, pick chooses among them, each router
// by itself; 0 is the first by name. Picks that are equal modulo waysTo make
// the same choices, and each way has its share of that many picks.
//
// For v6, translators are ordinary firewalls.
func (n *Network) way(buf []step, a, b NetworkID, pick uint64, v6 bool) ([]step, bool) {
	return n.follow(buf, n.tree(goal{b, NoBox}, v6), a, pick, v6)
}

// wayToBox appends the steps from network a to where a packet for a public
// address of the translator b enters it, from any side; the last step has no
// leg out. See way.
func (n *Network) wayToBox(buf []step, a NetworkID, b BoxID, pick uint64, v6 bool) ([]step, bool) {
	return n.follow(buf, n.tree(goal{0, b}, v6), a, pick, v6)
}

// wayFromBox appends the steps from the translator b, which the packet entered
// by leg in, to network d on an inner side of it, be it by the side that it
// came from (RFC 4787 section 6). The first step has in as its leg in. See way.
func (n *Network) wayFromBox(buf []step, in LegID, b BoxID, d NetworkID, pick uint64, v6 bool) ([]step, bool) {
	t := n.tree(goal{d, NoBox}, v6)
	inward := n.graph.inward(b)
	pick = t.reduce(inward, pick)
	out := n.choose(t, inward, &pick)
	buf = append(buf, step{in, b, out})
	if out == NoLeg {
		return buf, false
	}
	return n.follow(buf, t, n.graph.arcs[out].network, pick, v6)
}

func (t *tree) waysFrom(at node) int {
	if t.ways == nil {
		return 1
	}
	return int(t.ways[at])
}

// reduce is the least pick that chooses as pick does from a node on.
func (t *tree) reduce(at node, pick uint64) uint64 {
	if t.ways == nil {
		return 0
	}
	return pick % uint64(t.ways[at])
}

// choose takes one digit of the pick for the choice at a node. Digits of a
// number drawn uniformly are independent of each other, so the choice of a
// router says nothing about that of the next.
func (n *Network) choose(t *tree, at node, pick *uint64) LegID {
	if t.several == nil {
		return t.next[at]
	}
	legs := t.several[at]
	if legs == nil {
		return t.next[at]
	}
	k := uint64(len(legs))
	i := *pick % k
	*pick /= k
	return legs[i]
}

// follow appends the steps from network a to the goal of a tree.
func (n *Network) follow(buf []step, t *tree, a NetworkID, pick uint64, v6 bool) ([]step, bool) {
	pick = t.reduce(node(a), pick)
	for c := (circle{n: n}); t.goal != (goal{a, NoBox}); {
		in := n.divertTo(a, t.goal)
		if in == NoLeg {
			in = n.choose(t, node(a), &pick)
		}
		if in == NoLeg {
			return n.wayOut(buf, a, v6), false
		}
		e := &n.graph.arcs[in]
		if e.box == t.goal.box {
			return append(buf, step{in, e.box, NoLeg}), true
		}
		s := step{in, e.box, n.choose(t, e.into, &pick)}
		if s.out == NoLeg {
			return n.stepOut(buf, s, v6), false
		}
		buf = append(buf, s)
		if c.closed(s) {
			return buf, false
		}
		a = n.graph.arcs[s.out].network
	}
	return buf, true
}

// circle watches a way for going in circles, as static routes may let it.
type circle struct {
	n       *Network
	steps   int // so far
	routers int
	idle    int // steps since the last router
}

// closed tells that the way need not be followed beyond the step s: a packet
// has expired, or there is no router in the circle that would let it.
func (c *circle) closed(s step) bool {
	hops := c.n.routersIn(s)
	c.routers += hops
	c.steps, c.idle = c.steps+1, c.idle+1
	if hops > 0 {
		c.idle = 0
	}
	most := len(c.n.networks) // steps of a way that visits each once
	return c.idle > most || c.steps > most && c.routers > int(MaxTTL)
}

// routersIn is the number of routers of a step.
func (n *Network) routersIn(s step) int {
	hops := n.segments[s.in].routers
	if s.out != NoLeg {
		hops += n.segments[s.out].routers
	}
	if n.boxes[s.box].kind != Routed {
		hops++
	}
	return hops
}

// routersOn is the number of routers on a way.
func (n *Network) routersOn(way []step) (hops int) {
	for _, s := range way {
		hops += n.routersIn(s)
	}
	return hops
}

// wayOut appends the steps of a packet from network a that is for nobody whom
// a way leads to: what a translator is in front of has its default route
// there, so the packet gets outside of the outermost one, where it ends
// without a route. Of several translators it takes the nearest, and of those
// the first by name. In IPv6 every router knows all networks.
func (n *Network) wayOut(buf []step, a NetworkID, v6 bool) []step {
	if v6 || n.outward == nil {
		return buf
	}
	for {
		start := len(buf)
		for at, inside := a, true; inside; {
			in := n.outward.next[at]
			if in == NoLeg {
				return buf[:start]
			}
			e := &n.graph.arcs[in]
			out := n.outward.next[e.into]
			buf = append(buf, step{in, e.box, out})
			at, inside = n.graph.arcs[out].network, n.outside[e.box] == nil
			if !inside && n.leads(at, goal{a, NoBox}, false) {
				return buf[:start] // it is not outside of where the packet is
			}
			if !inside {
				a = at
			}
		}
	}
}

// stepOut is wayOut from a box into which a static route led the packet.
func (n *Network) stepOut(buf []step, s step, v6 bool) []step {
	if !v6 && n.outward != nil {
		s.out = n.outward.next[n.graph.arcs[s.in].into]
	}
	buf = append(buf, s)
	if s.out == NoLeg {
		return buf
	}
	return n.wayOut(buf, n.graph.arcs[s.out].network, v6)
}

// leads tells whether a packet at network a knows a way to the goal.
func (n *Network) leads(a NetworkID, d goal, v6 bool) bool {
	return d == goal{a, NoBox} || n.tree(d, v6).next[a] != NoLeg || n.divertTo(a, d) != NoLeg
}
