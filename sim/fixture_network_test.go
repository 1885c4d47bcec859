package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// addressed gives every place but homes a prefix and every host an address.
func (w *world) addressed() {
	for n, p := range map[topology.NetworkID]string{netDMZ: "203.0.113.8/29", netCore: "10.0.0.0/16", netEast: "10.1.0.0/16", netWest: "10.2.0.0/16"} {
		w.spec.Networks[n].Prefixes = prefixes(p)
	}
	for i, a := range []string{"203.0.113.10", "203.0.113.11", "10.1.0.10", "10.1.0.11", "10.2.0.10", "10.0.0.10"} {
		w.spec.Hosts[i].Addrs = addrs(a)
	}
}

func (w *world) network(s topology.NetworkSpec) topology.NetworkID {
	w.spec.Networks = append(w.spec.Networks, s)
	return topology.NetworkID(len(w.spec.Networks) - 1)
}

func (w *world) box(b topology.BoxSpec) topology.BoxID {
	w.spec.Boxes = append(w.spec.Boxes, b)
	return topology.BoxID(len(w.spec.Boxes) - 1)
}

func (w *world) leg(n topology.NetworkID, b topology.BoxID, side uint8, routers int) topology.LegID {
	w.spec.Legs = append(w.spec.Legs, topology.LegSpec{
		Name:    w.spec.Networks[n].Name + "-" + w.spec.Boxes[b].Name,
		Network: n, Box: b, Side: side, Routers: routers, Delay: 3 * time.Millisecond,
	})
	return topology.LegID(len(w.spec.Legs) - 1)
}

// translator is a box that lets everything out.
func translator(name string, nat topology.NATSpec) topology.BoxSpec {
	nat.Outside = 1
	inside := topology.Rule{Name: "out", FromSides: 1, Verdict: topology.Accept}
	return topology.BoxSpec{Name: name, Kind: topology.Stateful, Otherwise: topology.Drop, Rules: []topology.Rule{inside}, NAT: &nat}
}

// behindNAT puts homes behind translators: one of each client's own, one that
// all share, or both. The edge accepts what comes from there.
func (w *world) behindNAT(own, shared bool) {
	outer := w.network(topology.NetworkSpec{Name: "internet", Prefixes: prefixes("198.51.100.0/24")})
	w.spec.Legs[0].Network = outer
	w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
	from := netHome
	if own {
		outside := outer
		if shared {
			outside = w.network(topology.NetworkSpec{Name: "carrier", Prefixes: prefixes("100.64.0.0/10")})
		}
		b := w.box(translator("home-router", topology.NATSpec{PerClient: true}))
		w.leg(from, b, 0, 0)
		w.leg(outside, b, 1, 1)
		from = outside
	}
	if shared {
		b := w.box(translator("cgn", topology.NATSpec{
			Pool: addrs("198.51.100.1", "198.51.100.2"), Mapping: topology.AddressDependent, Filtering: topology.AddressAndPortDependent,
		}))
		w.leg(from, b, 0, 1)
		w.leg(outer, b, 1, 2)
	}
	w.alsoFrom(netHome, outer)
}

// alsoFrom lets rules that speak of one network speak of another too.
func (w *world) alsoFrom(n, other topology.NetworkID) {
	for i := range w.spec.Boxes {
		b := &w.spec.Boxes[i]
		b.Rules = slices.Clone(b.Rules)
		for j := range b.Rules {
			if from := &b.Rules[j].From.Networks; slices.Contains(*from, n) {
				*from = append(slices.Clone(*from), other)
			}
		}
	}
}

// publicDMZ gives the relays of the DMZ inner addresses; those outside know
// them by public ones of the edge.
func (w *world) publicDMZ() {
	w.spec.Networks[netDMZ].Prefixes = prefixes("10.9.0.0/24")
	w.spec.Hosts[0].Addrs, w.spec.Hosts[1].Addrs = addrs("10.9.0.10"), addrs("10.9.0.11")
	w.spec.Boxes[0].Kind = topology.Stateful
	w.spec.Boxes[0].NAT = &topology.NATSpec{
		Outside: 0, Pool: addrs("203.0.113.9"),
		Static:   []topology.StaticNAT{{Public: netip.MustParseAddr("203.0.113.10"), Host: 0}},
		Forwards: []topology.PortForward{{Public: netip.MustParseAddr("203.0.113.9"), Kinds: []topology.Kind{topology.TCP, topology.EchoRequest}, Host: 1}},
	}
}

// view makes a view of names and lets a network use it.
func (w *world) view(n topology.NetworkID, v topology.ViewSpec) topology.ViewID {
	id := topology.ViewID(len(w.spec.Views))
	w.spec.Views = append(w.spec.Views, v)
	w.spec.Networks[n].HasView, w.spec.Networks[n].View = true, id
	return id
}

// vpn adds a place of VPN clients at home: everything goes to the core, or
// only what is for the inside.
func (w *world) vpn(split bool) topology.NetworkID {
	t := &topology.TunneledSpec{Underlay: netHome}
	if split {
		t.Into = []topology.NetworkID{netCore, netEast, netWest}
	}
	n := w.network(topology.NetworkSpec{Name: "vpn", Prefixes: prefixes("10.200.0.0/16"), Tunneled: t})
	b := w.box(topology.BoxSpec{Name: "concentrator", Kind: topology.Stateful, Otherwise: topology.Accept})
	id := w.leg(n, b, 0, 1)
	w.spec.Legs[id].Tunnel = &topology.TunnelSpec{Over: netHome, Gateway: netDMZ}
	w.leg(netCore, b, 1, 0)
	w.alsoFrom(netEast, n)
	return n
}

// randomNetwork draws what networks can have beyond hops, delays and loss.
func (w *world) randomNetwork(pick func(int) int) {
	if pick(3) == 0 {
		return
	}
	w.addressed()
	public := pick(4) == 0
	if public {
		w.publicDMZ()
	}
	if k := pick(4); k > 0 {
		w.behindNAT(k&1 != 0, k&2 != 0)
	}
	if !public && pick(3) == 0 {
		n := w.vpn(pick(2) == 0)
		w.spec.Boxes[0].Rules = append(slices.Clone(w.spec.Boxes[0].Rules), topology.Rule{Name: "vpn", Kinds: []topology.Kind{topology.VPN}, Verdict: topology.Accept})
		for i := range w.groups {
			w.groups[i].Away = append(slices.Clone(w.groups[i].Away), AwayPlan{Network: n, Weight: 2})
		}
	}
	w.randomNames(pick, public)
	w.randomGuards(pick)
	w.randomLinks(pick)
	w.randomWays(pick)
	for i := range w.spec.Networks {
		w.spec.Networks[i].TellsAbsent = pick(3) == 0
	}
	edge := &w.spec.Boxes[0]
	if pick(5) == 0 {
		edge.EchoFor = []topology.Match{{Hosts: []topology.HostID{topology.HostID(pick(len(w.relays)))}}}
	}
	edge.EatsExpiring = pick(4) == 0
	if pick(4) == 0 {
		edge.Otherwise = topology.Reject
		r := topology.Rule{Name: "no", Kinds: []topology.Kind{topology.TCP}, Verdict: topology.Reject, With: topology.Refusal(pick(5)), To: topology.Match{Hosts: []topology.HostID{0}}}
		edge.Rules = append([]topology.Rule{r}, edge.Rules...)
	}
	for i := range w.spec.Boxes {
		if nat := w.spec.Boxes[i].NAT; nat != nil {
			nat.ErrorSource = topology.ErrorSource(pick(2))
		}
	}
}

// randomNames lets homes resolve names otherwise, and has strangers there.
func (w *world) randomNames(pick func(int) int, public bool) {
	home := &w.spec.Networks[netHome]
	if pick(2) == 0 {
		home.Strangers = append(home.Strangers, topology.StrangerSpec{
			Name: "home host", Prefix: netip.MustParsePrefix([]string{"10.0.0.0/8", "10.1.0.10/32"}[pick(2)]),
			AnswersEcho: pick(3) > 0, AnswersTCP: pick(2) == 0,
		})
	}
	if pick(3) == 0 {
		w.spec.Hosts[pick(2)].ListedAs = netip.MustParseAddr("203.0.113.10")
	}
	if !public && pick(2) == 0 {
		return
	}
	v := topology.ViewSpec{Name: "public"}
	switch pick(6) {
	case 0:
		v.Wildcard = netip.MustParseAddr("10.1.0.10")
	case 1, 2:
		v.Closed = true
	}
	for h := range w.relays {
		a := topology.NameAnswer{Host: topology.HostID(h)}
		switch pick(6) {
		case 0: // no such name
		case 1: // what another host has, or had
			a.Addrs = addrs([]string{"203.0.113.10", "203.0.113.11", "10.1.0.11", "10.99.0.1"}[pick(4)])
		case 2, 3:
			continue
		default:
			a.Addrs = w.spec.Hosts[h].Addrs
			if public && h < 2 {
				a.Addrs = addrs([]string{"203.0.113.10", "203.0.113.9"}[h])
			}
		}
		v.Answers = append(v.Answers, a)
	}
	id := w.view(netHome, v)
	for range pick(3) {
		at := w.at(pick)
		w.events = append(w.events, EventPlan{At: at, Kind: NamesDown, View: id},
			EventPlan{At: at + time.Duration(1+pick(600))*time.Minute, Kind: NamesUp, View: id})
	}
}

// randomGuards puts firewalls on hosts and clients.
func (w *world) randomGuards(pick func(int) int) {
	for i := range pick(3) {
		g := topology.BoxSpec{Name: fmt.Sprint("guard-", i), Kind: topology.Guard, Otherwise: topology.Verdict(pick(3))}
		if pick(2) == 0 {
			g.Rules = []topology.Rule{{Name: "in", FromSides: 2, Kinds: allKinds[pick(2):], Verdict: topology.Accept}}
		}
		g.RelatedErrors = pick(2) == 0
		id := topology.GuardOf(w.box(g))
		w.spec.Hosts[pick(len(w.relays))].Guard = id
		w.groups[pick(len(w.groups))].Guard = id
	}
}

// randomLinks lets legs jitter, lose in bursts, duplicate and reorder.
func (w *world) randomLinks(pick func(int) int) {
	for i := range w.spec.Legs {
		l := &w.spec.Legs[i]
		if pick(4) == 0 {
			l.Jitter = topology.Jitter{Law: topology.JitterLaw(pick(3)), Mean: time.Duration(pick(40_000_000))}
		}
		if pick(5) == 0 {
			l.Bursts = &topology.Bursts{
				Slot: time.Duration(20+pick(200)) * time.Millisecond, Begin: rng.ChanceOf(0.1), End: rng.ChanceOf(0.3),
				Loss: rng.ChanceOf(float64(1+pick(4)) / 4),
			}
		}
		if pick(5) == 0 {
			l.Duplicates = rng.ChanceOf(0.3)
		}
		if pick(5) == 0 {
			l.Reordered, l.ReorderedBy = rng.ChanceOf(0.3), time.Duration(1+pick(60))*time.Millisecond
		}
	}
}

// randomWays has ways of equal cost, and static routes.
func (w *world) randomWays(pick func(int) int) {
	if pick(3) == 0 {
		w.spec.Balance = topology.Balance(1 + pick(2))
		b := w.box(topology.BoxSpec{Name: "wan-2", Kind: topology.Routed})
		for _, i := range []int{4, 5, 6} { // the legs of the WAN
			l := w.spec.Legs[i]
			l.Name, l.Box = l.Name+"-2", b
			l.Delay += time.Duration(pick(9)) * time.Millisecond
			if pick(2) == 0 {
				l.Metric, l.Routers = l.Routers, l.Routers+1 // longer, at the same cost
				if l.Metric == 0 {
					l.Metric, l.Routers = 0, 0
				}
			}
			w.spec.Legs = append(w.spec.Legs, l)
		}
	}
	if pick(3) == 0 { // answers from the DMZ leave by the wrong firewall
		w.spec.Routes = append(w.spec.Routes, topology.RouteSpec{
			At: netDMZ, To: []topology.NetworkID{[]topology.NetworkID{netHome, netEast, netWest}[pick(3)]}, Leg: topology.LegID(1 + pick(2)),
		})
	}
}

// couple limits what can be limited, tightly.
func (w *world) couple() {
	for i := range w.spec.Boxes {
		b := &w.spec.Boxes[i]
		b.Errors = topology.LinuxErrors()
		if b.Kind == topology.Stateful {
			b.Flows = 3
		}
		if b.NAT != nil {
			nat := *b.NAT
			nat.PerHost = 1
			b.NAT = &nat
		}
	}
	limited := accept(netEast, topology.EchoRequest)
	limited.Limit = &topology.Limit{PerSecond: 0.1, Burst: 1, PerSource: true}
	inner := &w.spec.Boxes[1]
	inner.Rules = append([]topology.Rule{limited}, slices.DeleteFunc(slices.Clone(inner.Rules), func(r topology.Rule) bool {
		return slices.Contains(r.From.Networks, netEast)
	})...)
}

// The worlds that tests draw have everything that a network can have, often
// enough to matter, and packets add up where they are coupled as well.
func TestRandomWorldsHaveEverything(t *testing.T) {
	ends, outcomes := map[topology.End]int{}, map[selection.Outcome]int{}
	for seed := uint64(1); seed <= 60; seed++ {
		w := randomWorld(seed)
		w.duration = 26 * time.Hour
		if seed > 40 {
			w.couple()
		}
		c := newCell(w.plan(t), 0, 0, LevelPacket, false)
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range c.state.Counts() {
			ends[n.End]++
		}
		for i := range c.tally.Slots {
			for o, n := range c.tally.Slots[i].RegFailures {
				if n > 0 {
					outcomes[selection.Outcome(o)]++
				}
			}
		}
	}
	for e := topology.Delivered; e < topology.NumEnds; e++ {
		if ends[e] < 2 && e != topology.Unresolved { // that is never sent
			t.Errorf("%d of 60 worlds have a packet that ends %v", ends[e], e)
		}
	}
	for o := selection.Registered + 1; o < selection.NumOutcomes; o++ {
		if outcomes[o] < 2 {
			t.Errorf("%d slots of 60 worlds have a registration that ends %v", outcomes[o], o)
		}
	}
}
