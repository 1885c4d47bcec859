package topology

import (
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawMaze draws a network for ways alone: boxes with up to four sides, some of
// them translators, metrics, static routes, and a place of VPN clients.
func drawMaze(t *rapid.T) *Spec {
	s := &Spec{}
	networks := rapid.IntRange(2, 5).Draw(t, "networks")
	for _, name := range drawNames(t, "network", networks) {
		s.Networks = append(s.Networks, NetworkSpec{Name: name})
	}
	for _, name := range drawNames(t, "box", rapid.IntRange(1, 4).Draw(t, "boxes")) {
		s.Boxes = append(s.Boxes, BoxSpec{Name: name, Kind: rapid.SampledFrom([]BoxKind{Routed, Stateful, Stateful, Stateless}).Draw(t, "kind")})
	}
	for _, name := range drawNames(t, "leg", rapid.IntRange(1, 9).Draw(t, "legs")) {
		s.Legs = append(s.Legs, LegSpec{
			Name: name, Network: NetworkID(rapid.IntRange(0, networks-1).Draw(t, "network")),
			Box: BoxID(rapid.IntRange(0, len(s.Boxes)-1).Draw(t, "box")), Side: uint8(rapid.IntRange(0, 3).Draw(t, "side")),
			Routers: rapid.IntRange(0, 2).Draw(t, "routers"), Metric: rapid.SampledFrom([]int{0, 0, 1, 5}).Draw(t, "metric"),
		})
	}
	for i := range s.Boxes {
		if outside := uint8(rapid.IntRange(0, 3).Draw(t, "outside")); s.Boxes[i].Kind == Stateful && s.hasSides(BoxID(i), outside) {
			s.Boxes[i].NAT = &NATSpec{Outside: outside, PerClient: true}
		}
	}
	seen := map[atFor]bool{}
	for range rapid.IntRange(0, 3).Draw(t, "routes") {
		leg := LegID(rapid.IntRange(0, len(s.Legs)-1).Draw(t, "leg"))
		r := RouteSpec{At: s.Legs[leg].Network, Leg: leg, To: []NetworkID{NetworkID(rapid.IntRange(0, networks-1).Draw(t, "to"))}}
		if at := (atFor{r.At, r.To[0]}); r.At != r.To[0] && !seen[at] {
			seen[at] = true
			s.Routes = append(s.Routes, r)
		}
	}
	return s
}

// hasSides tells whether a box has legs on a side and on another.
func (s *Spec) hasSides(b BoxID, side uint8) bool {
	on, off := false, false
	for _, l := range s.Legs {
		on, off = on || l.Box == b && l.Side == side, off || l.Box == b && l.Side != side
	}
	return on && off
}

// plain finds ways in the most obvious manner: by trying all legs until nothing
// gets better.
type plain struct {
	s     *Spec
	v6    bool
	toBox BoxID     // the goal if not NoBox
	to    NetworkID // the goal otherwise
	cost  []cost    // by network
}

func (p *plain) leg(l LegID) cost {
	spec := &p.s.Legs[l]
	if spec.Metric != 0 {
		return costOf(spec.Metric, 1)
	}
	return costOf(spec.Routers, 1)
}

// crosses tells whether a packet passes a box from one leg to another.
func (p *plain) crosses(in, out LegID) bool {
	a, b := &p.s.Legs[in], &p.s.Legs[out]
	box := &p.s.Boxes[a.Box]
	switch {
	case a.Box != b.Box:
		return false
	case box.Kind == Routed:
		return true
	case a.Side == b.Side:
		return false
	case box.NAT != nil && !p.v6:
		return a.Side != box.NAT.Outside
	}
	return true
}

// behind is what a way costs from a leg into a box on; over tells the leg out.
func (p *plain) behind(in LegID, leaves func(in, out LegID) bool) (best cost, over LegID) {
	best, over = unreached, NoLeg
	for out := range p.s.Legs {
		out := LegID(out)
		n := p.s.Legs[out].Network
		if !leaves(in, out) || p.cost[n] == unreached || p.deadEnd(n) {
			continue
		}
		if c := p.leg(out) + p.cost[n]; c < best || c == best && p.s.Legs[out].Name < p.s.Legs[over].Name {
			best, over = c, out
		}
	}
	return best, over
}

// deadEnd tells whether a network that is not the goal has one box alone.
func (p *plain) deadEnd(n NetworkID) bool {
	boxes := map[BoxID]bool{}
	for _, l := range p.s.Legs {
		if l.Network == n {
			boxes[l.Box] = true
		}
	}
	return len(boxes) < 2 && (p.toBox != NoBox || n != p.to)
}

// from is what the best way from a network costs, and its first leg.
func (p *plain) from(n NetworkID) (best cost, first LegID) {
	best, first = unreached, NoLeg
	for l := range p.s.Legs {
		l := LegID(l)
		if p.s.Legs[l].Network != n {
			continue
		}
		c := p.leg(l)
		if p.s.Legs[l].Box != p.toBox {
			rest, _ := p.behind(l, p.crosses)
			if rest == unreached {
				continue
			}
			if c += rest; p.s.Boxes[p.s.Legs[l].Box].Kind != Routed {
				c += costOf(1, 0)
			}
		}
		if c < best || c == best && p.s.Legs[l].Name < p.s.Legs[first].Name {
			best, first = c, l
		}
	}
	return best, first
}

func (p *plain) find() *plain {
	p.cost = slices.Repeat([]cost{unreached}, len(p.s.Networks))
	if p.toBox == NoBox {
		p.cost[p.to] = 0
	}
	for better := true; better; {
		better = false
		for n := range p.cost {
			if c, _ := p.from(NetworkID(n)); c < p.cost[n] {
				p.cost[n], better = c, true
			}
		}
	}
	return p
}

// route is the leg of a static route at a network. A public address counts to
// the networks outside its box.
func (p *plain) route(at NetworkID) LegID {
	goals := []NetworkID{p.to}
	if p.toBox != NoBox {
		goals = nil
		for _, l := range p.s.Legs {
			if l.Box == p.toBox && l.Side == p.s.Boxes[p.toBox].NAT.Outside {
				goals = append(goals, l.Network)
			}
		}
		slices.SortFunc(goals, func(a, b NetworkID) int {
			if p.s.Networks[a].Name < p.s.Networks[b].Name {
				return -1
			}
			return 1
		})
	}
	for _, g := range goals {
		for _, r := range p.s.Routes {
			if r.At == at && r.To[0] == g {
				return r.Leg
			}
		}
	}
	return NoLeg
}

// way is the way from a network as far as it leads; ended tells that it leads
// to the goal.
func (p *plain) way(at NetworkID) (way []step, ended bool) {
	for len(way) <= len(p.s.Networks) {
		if p.toBox == NoBox && at == p.to {
			return way, true
		}
		in := p.route(at)
		if in == NoLeg {
			_, in = p.from(at)
		}
		if in == NoLeg {
			return way, false
		}
		box := p.s.Legs[in].Box
		if box == p.toBox {
			return append(way, step{in, box, NoLeg}), true
		}
		_, out := p.behind(in, p.crosses)
		way = append(way, step{in, box, out})
		if out == NoLeg {
			return way, false
		}
		at = p.s.Legs[out].Network
	}
	return way, false // in circles
}

// compare holds a way to the plain one. A way that leads nowhere may go on
// outward or in circles.
func compareWays(t *rapid.T, what string, got, want []step, ok, wantOK bool) {
	if !wantOK && len(got) >= len(want) {
		got = slices.Clone(got[:len(want)])
		if last := len(want) - 1; last >= 0 && want[last].out == NoLeg {
			got[last].out = NoLeg
		}
	}
	if ok != wantOK || !slices.Equal(got, want) {
		t.Fatalf("%s: %v %v, plainly %v %v", what, got, ok, want, wantOK)
	}
}

// Ways are those that a plain search finds: to networks and to translators, for
// both families, with static routes.
func TestWaysAreThoseOfAPlainSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawMaze(t)
		n := compiled(t, s)
		for _, v6 := range []bool{false, true} {
			for a := range s.Networks {
				for d := range s.Networks {
					want, wantOK := (&plain{s: s, v6: v6, to: NetworkID(d), toBox: NoBox}).find().way(NetworkID(a))
					got, ok := n.way(nil, NetworkID(a), NetworkID(d), 0, v6)
					compareWays(t, fmt.Sprintf("v6 %v, %s to %s", v6, s.Networks[a].Name, s.Networks[d].Name), got, want, ok, wantOK)
				}
				for b := range s.Boxes {
					if s.Boxes[b].NAT == nil {
						continue
					}
					want, wantOK := (&plain{s: s, v6: v6, toBox: BoxID(b)}).find().way(NetworkID(a))
					got, ok := n.wayToBox(nil, NetworkID(a), BoxID(b), 0, v6)
					compareWays(t, fmt.Sprintf("v6 %v, %s to box %s", v6, s.Networks[a].Name, s.Boxes[b].Name), got, want, ok, wantOK)
				}
			}
		}
	})
}

// From a translator a way leads inside by any of the inner sides, also the one
// that the packet came from.
func TestWaysFromTranslators(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawMaze(t)
		n := compiled(t, s)
		for in := range s.Legs {
			b := s.Legs[in].Box
			if s.Boxes[b].NAT == nil {
				continue
			}
			inner := func(_, out LegID) bool {
				return s.Legs[out].Box == b && s.Legs[out].Side != s.Boxes[b].NAT.Outside
			}
			for d := range s.Networks {
				p := (&plain{s: s, to: NetworkID(d), toBox: NoBox}).find()
				_, out := p.behind(LegID(in), inner)
				want, wantOK := []step{{LegID(in), b, out}}, false
				if out != NoLeg {
					var rest []step
					rest, wantOK = p.way(s.Legs[out].Network)
					want = append(want, rest...)
				}
				got, ok := n.wayFromBox(nil, LegID(in), b, NetworkID(d), 0, false)
				compareWays(t, fmt.Sprintf("from box %s to %s", s.Boxes[b].Name, s.Networks[d].Name), got, want, ok, wantOK)
			}
		}
	})
}

// A way that leads nowhere ends outside of all translators, or is cut off after
// it went in circles for longer than a packet lives.
func TestWaysThatLeadNowhereEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawMaze(t)
		n := compiled(t, s)
		for a := range s.Networks {
			for d := range s.Networks {
				way, ok := n.way(nil, NetworkID(a), NetworkID(d), 0, false)
				at := NetworkID(a)
				for i, st := range way {
					if s.Legs[st.in].Network != at || s.Legs[st.in].Box != st.box {
						t.Fatalf("%v: step %d does not begin at %s", way, i, s.Networks[at].Name)
					}
					if st.out == NoLeg {
						if ok || i != len(way)-1 {
							t.Fatalf("%v: step %d has no leg out", way, i)
						}
						break
					}
					at = s.Legs[st.out].Network
				}
				if ok && at != NetworkID(d) {
					t.Fatalf("%v ends at %s, not %s", way, s.Networks[at].Name, s.Networks[d].Name)
				}
			}
		}
	})
}

// Names in another order of declaration lead the same ways.
func TestOrderOfDeclarationLeadsTheSameWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawMaze(t)
		s.Balance = rapid.SampledFrom([]Balance{OneWay, PerFlow}).Draw(t, "balance")
		shuffled, network, _ := shuffle(t, s)
		n, m := compiled(t, s), compiled(t, shuffled)
		for a := range s.Networks {
			for d := range s.Networks {
				for pick := range uint64(6) {
					want, ok := n.way(nil, NetworkID(a), NetworkID(d), pick, false)
					got, also := m.way(nil, NetworkID(network[a]), NetworkID(network[d]), pick, false)
					if d := gocmp.Diff(n.named(want), m.named(got)); d != "" || ok != also {
						t.Fatalf("pick %d (-declared +shuffled):\n%s", pick, d)
					}
				}
			}
		}
	})
}

// named are the names of the legs and boxes of a way.
func (n *Network) named(way []step) (names []string) {
	for _, s := range way {
		names = append(names, n.LegName(s.in), n.BoxName(s.box))
		if s.out != NoLeg {
			names = append(names, n.LegName(s.out))
		}
	}
	return names
}

// Picks that are equal modulo the number of ways choose alike, and every way
// costs the same.
func TestPicksChooseAmongWaysOfEqualCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawMaze(t)
		s.Routes, s.Balance = nil, PerPacket
		for i := range s.Legs { // so that there are many
			s.Legs[i].Metric = 1
		}
		n := compiled(t, s)
		for a := range s.Networks {
			for d := range s.Networks {
				at := Endpoint{At: Attachment{Network: NetworkID(d)}, Host: AnyHost, Role: Client}
				ways := uint64(n.waysTo(NetworkID(a), &at, TCP, false))
				first, ok := n.way(nil, NetworkID(a), NetworkID(d), 0, false)
				if !ok {
					continue
				}
				for pick := range 3 * ways {
					got, ok := n.way(nil, NetworkID(a), NetworkID(d), pick, false)
					again, _ := n.way(nil, NetworkID(a), NetworkID(d), pick%ways, false)
					if !ok || !slices.Equal(got, again) || len(got) != len(first) || n.costOn(got) != n.costOn(first) {
						t.Fatalf("pick %d of %d: %v, reduced %v, first %v", pick, ways, got, again, first)
					}
				}
			}
		}
	})
}

func (n *Network) costOn(way []step) (c cost) {
	for _, s := range way {
		c += n.graph.arcs[s.in].cost + n.graph.gate(n.graph.arcs[s.in].into).hop + n.graph.arcs[s.out].cost
	}
	return c
}
