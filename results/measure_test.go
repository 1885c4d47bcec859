package results

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// handMade is a plan of one label and one network, and a tally with figures
// that can be worked out in the head.
func handMade() (*sim.Plan, *sim.Tally) {
	p := &sim.Plan{
		Labels: []string{"laptop"}, Networks: []sim.NetworkPlan{{Name: "home", Outside: true}},
		Relays:   []sim.RelayPlan{{Name: "root", Root: true}, {Name: "a"}, {Name: "b"}, {Name: "c"}},
		Duration: 3 * time.Hour, WarmUp: time.Hour,
		FoundBounds: []time.Duration{15 * time.Minute}, DesignLoad: 10, LimitLoad: 20,
	}
	s := sim.SlotTally{
		Sessions: 8, FoundBy: []uint64{6}, Online: 1000, Without: 250,
		OnlineAll: 2 * 24 * 3600 * 1e6, // two client-days
		TimeOn:    sim.RelayTimes{{Relay: 1, Time: 500}, {Relay: 2, Time: 250}},
		Probes:    60, DistanceKnown: 3, Detection: 10e6, Resist: 20e6, Probing: 4e6, Registration: 2e6, RetryWait: 4e6,
		Roams: 3, Moves: 1, Outdated: 2,
	}
	s.Selections[selection.ByNone], s.Selections[selection.ByProbe], s.Selections[selection.ByRoot] = 2, 3, 1
	s.Rehomes[selection.ByProbe], s.Rehomes[selection.ByRoot] = 4, 1
	s.RegFailures[selection.TCPBlocked], s.RegFailures[selection.RelayDown] = 3, 1
	for _, us := range []uint64{10e6, 30e6} {
		s.RehomeTime.Add(us)
	}
	for _, n := range []uint64{1, 2, 3, 4, 10} {
		s.Rounds.Add(n)
	}
	for _, hops := range []uint64{3, 5, 7} {
		s.Distance.Add(hops)
	}
	for _, us := range []uint64{10e6, 90e6} {
		s.ListAge.Add(us)
	}
	t := &sim.Tally{
		Slots: []sim.SlotTally{s}, Online: []uint64{5}, Never: []uint64{1},
		Relays: []sim.RelayTally{{Peak: 99}, {Peak: 10, Load: 6 * 7200 * 1e6}, {Peak: 11, Load: 3 * 7200 * 1e6}, {Peak: 21}},
	}
	// Three hours of samples; those of the first are the warm-up.
	for i := range 36 {
		load := uint32(1000)
		if i >= 12 {
			load = uint32(i - 11) // 1 to 24
		}
		t.Relays[1].Samples = append(t.Relays[1].Samples, load)
	}
	return p, t
}

func TestMeasuresByHand(t *testing.T) {
	p, tally := handMade()
	pool := pooled(p, tally, []int{0})
	with := func(m sim.Measure, st sim.Stat, change func(*question)) question {
		q := ask(m, st)
		if change != nil {
			change(&q)
		}
		return q
	}
	for _, c := range []struct {
		q    question
		want float64
	}{
		{with(sim.FoundWithin, 0, func(q *question) { q.within = 15 * time.Minute }), 0.75},
		{with(sim.TimeWithoutRelay, 0, nil), 0.25},
		{with(sim.NeverRegistered, 0, nil), 0.2},
		{with(sim.LoadShare, 0, func(q *question) { q.relay = 1 }), 2.0 / 3},
		{with(sim.SelectedBy, 0, func(q *question) { q.by = int(selection.ByProbe) }), 3},
		{with(sim.SelectedBy, 0, func(q *question) { q.by, q.share = int(selection.ByProbe), true }), 0.75},
		{with(sim.SelectedBy, 0, func(q *question) { q.by, q.share = int(selection.ByNone), true }), 2.0 / 6},
		{with(sim.Rehomes, 0, nil), 2.5},
		{with(sim.Rehomes, 0, func(q *question) { q.by = int(selection.ByRoot) }), 0.5},
		{with(sim.Roams, 0, nil), 1.5},
		{with(sim.Moves, 0, nil), 0.5},
		{with(sim.Flaps, 0, nil), 0},
		{with(sim.RehomeTime, sim.StatMean, nil), 20},
		{with(sim.RehomeTime, sim.StatMax, nil), 30},
		{with(sim.RehomeTime, sim.StatMin, nil), 10},
		{with(sim.RehomeDetection, sim.StatMean, nil), 5},
		{with(sim.RehomeResist, sim.StatMean, nil), 10},
		{with(sim.RehomeProbing, sim.StatMean, nil), 2},
		{with(sim.RehomeRegistration, sim.StatMean, nil), 1},
		{with(sim.RehomeRetryWait, sim.StatMean, nil), 2},
		{with(sim.Rounds, sim.StatMean, nil), 4},
		{with(sim.Probes, sim.StatMean, nil), 12},
		{with(sim.Distance, sim.StatMean, nil), 5},
		{with(sim.DistanceKnown, 0, nil), 0.75},
		{with(sim.RegistrationFailures, 0, nil), 4},
		{with(sim.RegistrationFailures, 0, func(q *question) { q.reason = int(selection.TCPBlocked) }), 3},
		{with(sim.ListOutdated, 0, nil), 0.4},
		{with(sim.ListAge, sim.StatMean, nil), 50},
		{with(sim.ListAge, sim.StatMax, nil), 90},
		{with(sim.OverDesign, 0, nil), 2}, // 11 and 21; 10 is not above, the root is no relay
		{with(sim.OverLimit, 0, nil), 1},
	} {
		got, ok := c.q.clients(pool)
		if !ok || !near(got, c.want) {
			t.Errorf("%s %s %+v = %v, %v, want %v", sim.MeasureTable[c.q.measure].Name, c.q.stat, c.q, got, ok, c.want)
		}
	}
}

func TestLoadByHand(t *testing.T) {
	p, tally := handMade()
	for _, c := range []struct {
		stat  sim.Stat
		relay int
		want  float64
		ok    bool
	}{
		{sim.StatMean, 1, 6, true},
		{sim.StatPeak, 1, 10, true},
		{sim.StatP95, 1, 23, true}, // of 1 to 24: 23 is the first that 95 % do not exceed
		{sim.StatP95, 2, 0, false}, // it has no samples
	} {
		if got, ok := ask(sim.Load, c.stat).load(p, tally, c.relay); got != c.want || ok != c.ok {
			t.Errorf("load %s of relay %d = %v, %v, want %v, %v", c.stat, c.relay, got, ok, c.want, c.ok)
		}
	}
	if got, ok := imbalance(p, tally, []int{1, 2, 3}); got != 2 || !ok {
		t.Errorf("imbalance of 6, 3 and 0 = %v, %v, want 2", got, ok)
	}
	if got, ok := imbalance(p, tally, []int{2, 2}); got != 1 || !ok {
		t.Errorf("imbalance of equals = %v, %v, want 1", got, ok)
	}
	if _, ok := imbalance(p, tally, []int{3}); ok {
		t.Error("relays that carry nobody have an imbalance")
	}
}

// Pooling adds what slots hold and leaves the tally as it was.
func TestPoolLeavesTally(t *testing.T) {
	p, tally := handMade()
	p.Networks = append(p.Networks, sim.NetworkPlan{Name: "hotel"})
	tally.Slots = append(tally.Slots, tally.Slots[0])
	n := tally.Slots[0].Rounds.N
	both := pooled(p, tally, []int{0, 1})
	if both.Sessions != 16 || both.SlotTally.Rounds.N != 2*n || both.TimeOn.Of(1) != 1000 {
		t.Errorf("two slots pool to %d sessions, %d selections, %d µs on a; want 16, %d, 1000", both.Sessions, both.SlotTally.Rounds.N, both.TimeOn[1], 2*n)
	}
	if both.online != 5 {
		t.Errorf("a label counts %d clients, want 5 once", both.online)
	}
	if tally.Slots[0].Rounds.N != n || tally.Slots[0].TimeOn.Of(1) != 500 {
		t.Error("pooling changed the tally")
	}
}
