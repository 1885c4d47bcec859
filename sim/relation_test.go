package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// decisions renders a cell's trace with relays by id, so that runs with other
// handles can be compared.
func decisions(tb testing.TB, p *Plan) string {
	tb.Helper()
	c := newCell(p, 0, 0, LevelRound, true)
	if err := c.run(context.Background()); err != nil {
		tb.Fatal(err)
	}
	c.trace.sort()
	s := ""
	for _, d := range c.trace.Decisions {
		id := "none"
		if d.Target.Known() {
			id = p.Relays[d.Target].ID
		}
		s += fmt.Sprintln(d.Client, d.Started, d.Ended, d.Kind, d.By, id)
	}
	return s
}

// reverseRelays reverses the order of relays, and with it all handles.
func reverseRelays(w *world) {
	n := len(w.relays)
	slices.Reverse(w.relays)
	slices.Reverse(w.spec.Hosts)
	for i := range w.events {
		w.events[i].Relay = selection.RelayID(n-1) - w.events[i].Relay
	}
	turn := func(h *topology.HostID) { *h = topology.HostID(n-1) - *h }
	for i := range w.spec.Views {
		for j := range w.spec.Views[i].Answers {
			turn(&w.spec.Views[i].Answers[j].Host)
		}
	}
	match := func(m *topology.Match) {
		for i := range m.Hosts {
			turn(&m.Hosts[i])
		}
	}
	for i := range w.spec.Boxes {
		b := &w.spec.Boxes[i]
		for j := range b.Rules {
			match(&b.Rules[j].From)
			match(&b.Rules[j].To)
		}
		for j := range b.EchoFor {
			match(&b.EchoFor[j])
		}
		if b.NAT == nil {
			continue
		}
		for j := range b.NAT.Static {
			turn(&b.NAT.Static[j].Host)
		}
		for j := range b.NAT.Forwards {
			turn(&b.NAT.Forwards[j].Host)
		}
	}
}

func TestOrderOfRelaysChangesNothing(t *testing.T) {
	for seed := uint64(200); seed < 212; seed++ {
		w := randomWorld(seed)
		want := decisions(t, w.plan(t))
		w = randomWorld(seed)
		reverseRelays(w)
		if got := decisions(t, w.plan(t)); got != want {
			t.Fatalf("world %d: %s", seed, firstDifference(want, got))
		}
	}
}

func TestOrderOfLegsChangesNothing(t *testing.T) {
	for seed := uint64(200); seed < 212; seed++ {
		w := randomWorld(seed)
		want := decisions(t, w.plan(t))
		w = randomWorld(seed)
		slices.Reverse(w.spec.Legs)
		for i := range w.spec.Routes {
			w.spec.Routes[i].Leg = topology.LegID(len(w.spec.Legs)-1) - w.spec.Routes[i].Leg
		}
		for i := range w.events {
			w.events[i].Leg = topology.LegID(len(w.spec.Legs)-1) - w.events[i].Leg
		}
		if got := decisions(t, w.plan(t)); got != want {
			t.Fatalf("world %d: %s", seed, firstDifference(want, got))
		}
	}
}

func TestRenamingWithIDsKeptChangesNothing(t *testing.T) {
	for seed := uint64(200); seed < 212; seed++ {
		w := randomWorld(seed)
		w.spec.Balance = topology.OneWay // routers choose ways by names
		want := decisions(t, w.plan(t))
		for i := range w.relays {
			name := "renamed-" + w.relays[i].Name
			rename(w, w.relays[i].Name, name)
			w.relays[i].Name, w.spec.Hosts[i].Name = name, name
		}
		if got := decisions(t, w.plan(t)); got != want {
			t.Fatalf("world %d: %s", seed, firstDifference(want, got))
		}
	}
}

// rename carries a new relay name into the settings that mention it.
func rename(w *world, from, to string) {
	for i := range w.settings {
		s := &w.settings[i]
		for _, f := range []*string{&s.Primary, &s.Secondary, &s.Failover} {
			if *f == from {
				*f = to
			}
		}
		for _, l := range [][]string{s.Tertiary, s.FailoverList} {
			for j := range l {
				if l[j] == from {
					l[j] = to
				}
			}
		}
	}
}

// refuses tells whether a registration fails at a relay that has answered a probe.
func refuses(tb testing.TB, p *Plan) bool {
	tb.Helper()
	c := newCell(p, 0, 0, LevelRound, false)
	if err := c.run(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for i := range c.tally.Slots {
		for _, n := range c.tally.Slots[i].RegFailures {
			if n > 0 {
				return true
			}
		}
	}
	return false
}

// A relay that cannot answer is probed in vain and chosen by nobody. It can
// lengthen a selection by holding a round open, or by being left to ask after
// the last relay of its stage refused a registration, or by being one more that
// is asked in turn, so rounds that end early, refusals and gaps between probes
// are excluded; so is the random last resort, which may draw it,
// and a change of the list, which may leave it alone in its group.
func TestRelayThatCannotAnswerChangesNoChoice(t *testing.T) {
	worlds := 0
	for seed := uint64(300); seed < 400 && worlds < 12; seed++ {
		w := plainWorld(seed) // no wildcard that leads the new names to a portal
		w.params.RoundEndsEarly, w.params.ExhaustPolicy = selection.OnTimeoutOnly, selection.ExhaustRoot
		w.params.InterPacketGap = 0
		withoutRefusals(w)
		w.events = slices.DeleteFunc(w.events, func(e EventPlan) bool { return e.Kind >= RelayInstalled && e.Kind <= RelayUnlisted })
		if refuses(t, w.plan(t)) {
			continue
		}
		worlds++
		want := decisions(t, w.plan(t))
		w.spec.Networks = append(w.spec.Networks, topology.NetworkSpec{Name: "island"})
		for i := range 3 { // like an existing one, so that it adds no stage to a sweep
			w.addRelay(fmt.Sprint("marooned-", i), topology.NetworkID(len(w.spec.Networks)-1), w.relays[2*i].Weight, w.relays[2*i].Advertise...)
			w.relays[len(w.relays)-1].Priority = w.relays[2*i].Priority
		}
		if got := decisions(t, w.plan(t)); got != want {
			t.Fatalf("world %d: %s", seed, firstDifference(want, got))
		}
	}
	if worlds < 12 {
		t.Errorf("only %d worlds in which no registration fails", worlds)
	}
}

// withoutRefusals leaves only failures that echo and TCP share.
func withoutRefusals(w *world) {
	w.spec.Boxes[0] = newWorld().spec.Boxes[0]
	for i := range w.spec.Legs {
		w.spec.Legs[i].Loss = rng.Never
	}
	for i := range w.events {
		switch w.events[i].Kind {
		case ServiceDown:
			w.events[i].Kind = HostDown
		case AuthenticatingOn:
			w.events[i].Kind = AuthenticatingOff
		}
	}
	for i := range w.relays {
		w.relays[i].Gate = selection.Gate{}
	}
}

// Equal bytes at any number of workers and processors.
func TestWorkersDoNotChangeResults(t *testing.T) {
	w := randomWorld(400)
	w.reps = 4
	p := w.plan(t)
	second := p.Policies[0]
	second.Name = "random"
	second.Params.ExhaustPolicy = selection.ExhaustRandom
	p.Policies = append(p.Policies, second)
	p.Pairs = [][2]int{{0, 1}}
	var want string
	for i, o := range []struct{ procs, workers int }{{1, 1}, {2, 1}, {2, 2}, {1, 3}} {
		old := runtime.GOMAXPROCS(o.procs)
		ts, err := Run(context.Background(), p, Options{Workers: o.workers})
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		j, err := json.Marshal(ts)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = string(j)
		} else if string(j) != want {
			t.Errorf("GOMAXPROCS %d, %d workers: another result", o.procs, o.workers)
		}
	}
}

func TestInterruptedRunReturnsTheContextsError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, randomWorld(1).plan(t), Options{}); err != context.Canceled {
		t.Errorf("Run under a cancelled context = %v, want context.Canceled", err)
	}
}

// Policies share their weather: a policy compared with itself differs nowhere.
func TestPolicyComparedWithItselfHasNoChoiceChanges(t *testing.T) {
	p := randomWorld(401).plan(t)
	p.Policies = append(p.Policies, p.Policies[0])
	p.Pairs = [][2]int{{0, 1}}
	ts, err := Run(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	matched := uint64(0)
	for _, s := range ts[0].Pairs[0].Slots {
		matched += s.Matched
		if s.Changed+s.Unmatched > 0 {
			t.Errorf("%d changed, %d unmatched, want none", s.Changed, s.Unmatched)
		}
	}
	if matched == 0 {
		t.Error("no selection was compared")
	}
}
