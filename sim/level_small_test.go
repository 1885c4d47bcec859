package sim

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// The small networks: clients, a first firewall, a DMZ, a second firewall, a
// core, with up to three relays in these places and up to four hops from the
// clients to the core, the firewalls being two of them.
//
//	clients ── routers ── first ── routers ── dmz ── routers ── second ── routers ── core

// smallRules are what a firewall lets through, a bit for each of smallKinds, and
// a bit for keeping state.
type smallRules uint8

const (
	keepsState smallRules = 16
	allRules   smallRules = 32
)

var smallKinds = [...]topology.Kind{topology.EchoRequest, topology.EchoReply, topology.TimeExceeded, topology.TCP}

func (r smallRules) box(name string) topology.BoxSpec {
	b := topology.BoxSpec{Name: name, Kind: topology.Stateless, Otherwise: topology.Drop}
	if r&keepsState != 0 {
		b.Kind = topology.Stateful
	}
	open := topology.Rule{Name: "open", Verdict: topology.Accept}
	for i, k := range smallKinds {
		if r>>i&1 != 0 {
			open.Kinds = append(open.Kinds, k)
		}
	}
	if len(open.Kinds) > 0 {
		b.Rules = []topology.Rule{open}
	}
	return b
}

// smallNetwork is one of the small networks.
type smallNetwork struct {
	relays        []topology.NetworkID // by place, in order
	first, second smallRules
	routers       [3]int // before the first firewall, between the two, behind the second
}

// eachSmallNetwork calls f for every small network, but for those that differ
// only behind the last relay.
func eachSmallNetwork(f func(s *smallNetwork)) {
	const places = 3
	var relays [][]topology.NetworkID
	for a := range topology.NetworkID(places) {
		relays = append(relays, []topology.NetworkID{a})
		for b := a; b < places; b++ {
			relays = append(relays, []topology.NetworkID{a, b})
			for c := b; c < places; c++ {
				relays = append(relays, []topology.NetworkID{a, b, c})
			}
		}
	}
	for _, r := range relays {
		last := r[len(r)-1]
		for first := smallRules(0); first < allRules && (first == 0 || last > 0); first++ {
			for second := smallRules(0); second < allRules && (second == 0 || last > 1); second++ {
				for n := range 27 {
					routers := [3]int{n % 3, n / 3 % 3, n / 9}
					if routers[0]+routers[1]+routers[2] > 2 || last < 2 && routers[2] > 0 || last < 1 && n > 0 {
						continue
					}
					f(&smallNetwork{r, first, second, routers})
				}
			}
		}
	}
}

// world has two clients that look for a relay, lose one, and look again.
func (s *smallNetwork) world() *world {
	w := &world{params: selection.DefaultParams(), duration: 45 * time.Minute, reps: 1}
	w.params.ReportInterval = 5 * time.Minute
	for _, name := range []string{"clients", "dmz", "core"} {
		w.spec.Networks = append(w.spec.Networks, topology.NetworkSpec{Name: name, InsideDelay: time.Millisecond})
	}
	w.spec.Boxes = []topology.BoxSpec{s.first.box("first"), s.second.box("second")}
	for i, at := range []struct {
		n       topology.NetworkID
		b       topology.BoxID
		side    uint8
		routers int
	}{{0, 0, 0, s.routers[0]}, {1, 0, 1, s.routers[1]}, {1, 1, 0, 0}, {2, 1, 1, s.routers[2]}} {
		w.spec.Legs = append(w.spec.Legs, topology.LegSpec{
			Name: fmt.Sprint("leg-", i), Network: at.n, Box: at.b, Side: at.side, Routers: at.routers, Delay: time.Duration(3+i) * time.Millisecond,
		})
	}
	for i, n := range s.relays {
		w.addRelay(fmt.Sprint("relay-", i), n, 100)
	}
	w.addRelay("root", s.relays[len(s.relays)-1], 0)
	w.relays[len(s.relays)].Root = true
	set := w.addGroup("g", 2, 0, Life{Name: "always-on", Always: true}, "")
	w.groups[0].Away = nil
	set.Interval, set.RegisterInterval, set.MaximumTTL = 18*time.Minute, 8*time.Minute, 6
	set.ResistFailure = 5 * time.Minute
	w.events = []EventPlan{{At: 20 * time.Minute, Kind: ServiceDown, Relay: 0}, {At: 35 * time.Minute, Kind: RelayUp, Relay: 0}}
	return w
}

var oneOf = flag.Uint64("small", 2, "TestLevelsAgreeOnSmallNetworks compares the levels in one of so many")

// All levels agree on the small networks with every combination of rules: in all
// of them with -small 1, in half of them without.
func TestLevelsAgreeOnSmallNetworks(t *testing.T) {
	if testing.Short() {
		*oneOf = 331
	}
	n, compared, decisions := uint64(0), 0, 0
	ended := map[selection.By]uint64{}
	eachSmallNetwork(func(s *smallNetwork) {
		if n++; rng.Below(rng.Seed(n).Draw(rng.Place, 0), *oneOf) != 0 {
			return
		}
		w := s.world()
		p := w.plan(t)
		p.Policies[0].Spec = &w.spec
		cells := same(t, p, 0, levelRun{LevelHop, true, 1, 0}, levelRun{LevelRound, true, 1, 0}, levelRun{LevelClass, compared%2 == 0, 1, 0})
		compared++
		decisions += len(cells[0].trace.Decisions)
		for by, n := range cells[0].tally.Slots[0].Selections {
			ended[selection.By(by)] += n
		}
	})
	t.Logf("%d of %d networks, %d selections at each level, ended by %v", compared, n, decisions, ended)
	for _, by := range []selection.By{selection.ByProbe, selection.ByRoot, selection.ByNone} {
		if ended[by] < uint64(compared)/10 {
			t.Errorf("%d selections in %d networks ended by %v", ended[by], compared, by)
		}
	}
}
