package main

import (
	"context"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/sim"
)

// TestBoxedDoesTheReferenceJob holds the baseline to the packet level: without
// the relay's death as many selections, rounds and probes, and in every network
// as many replies as an explanation of one of its clients shows.
func TestBoxedDoesTheReferenceJob(t *testing.T) {
	j := refJob{Clients: 80, Replications: 1}
	plan, err := j.plan()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := (&job{Level: "packet"}).simulate(plan)
	if err != nil {
		t.Fatal(err)
	}
	b := newBoxedRef(j)
	b.run()
	replies := uint64(0)
	for g := range plan.Groups {
		replies += uint64(plan.Groups[g].Count * answered(t, plan, g))
	}
	if b.selections != ours.Selections || b.rounds != ours.Rounds || b.probes != ours.Probes || b.replies != replies {
		t.Errorf("boxed: %d selections, %d rounds, %d probes, %d replies; packet level: %d, %d, %d, %d",
			b.selections, b.rounds, b.probes, b.replies, ours.Selections, ours.Rounds, ours.Probes, replies)
	}
	// What the job is known by (docs/performance.md).
	if rounds, per := float64(b.rounds)/80, float64(b.replies)/80; rounds != 5.625 || per != 12.125 {
		t.Errorf("%v rounds and %v replies a selection, want 5.625 and 12.125", rounds, per)
	}
}

// answered is how many relays answer the first selection of a client.
func answered(t *testing.T, plan *sim.Plan, group int) int {
	t.Helper()
	story, err := sim.Explain(context.Background(), plan, sim.Question{Group: group})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range story.Steps {
		if s.Rounds == nil {
			continue
		}
		for _, p := range s.Rounds.Probes {
			if p.RTT != nil {
				n++
			}
		}
	}
	return n
}

// TestDeathMakesClientsSelectAgain: on both sides about one client in 24 of the
// seven networks that choose among 12 relays is on the one that dies.
func TestDeathMakesClientsSelectAgain(t *testing.T) {
	j := refJob{Clients: 2000, Replications: 1, Death: true}
	plan, err := j.plan()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := (&job{}).simulate(plan)
	if err != nil {
		t.Fatal(err)
	}
	b := newBoxedRef(j)
	b.run()
	for _, n := range []uint64{ours.Selections, b.selections} {
		if n < 2040 || n > 2110 {
			t.Errorf("%d selections of 2000 clients, want 2040 to 2110", n)
		}
	}
}

func TestLevelsSeeTheSame(t *testing.T) {
	r := sameRow(40)
	var outcomes []*outcome
	for _, v := range r.variants {
		o, err := v.job.work()
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, o)
	}
	if err := r.check(outcomes); err != nil {
		t.Error(err)
	}
	outcomes[1].Hash = "another"
	if err := r.check(outcomes); err == nil {
		t.Error("a hash that differs is not seen")
	}
}

// TestFleetsAreAltered: every change of a fleet changes what it is meant to.
func TestFleetsAreAltered(t *testing.T) {
	loss := 0.3
	plan := func(j fleetJob) *sim.Plan {
		j.Shape, j.Days = "M", 1
		p, err := j.plan()
		if err != nil {
			t.Fatalf("%+v: %v", j, err)
		}
		return p
	}
	run := func(j fleetJob) *outcome {
		o, err := (&job{Hash: true}).simulate(plan(j))
		if err != nil {
			t.Fatalf("%+v: %v", j, err)
		}
		return o
	}
	base := run(fleetJob{})
	if base.Levels["packet"] != 0 || base.Levels["class"] == 0 {
		t.Errorf("levels %v of a fleet that nothing couples", base.Levels)
	}
	seen := map[string]string{base.Hash: "none"}
	for _, j := range []fleetJob{{Change: "steady"}, {Change: "storm"}, {Change: "roam"}, {Loss: &loss}} {
		o := run(j)
		if was, twice := seen[o.Hash]; twice {
			t.Errorf("%+v gives what %s gives", j, was)
		}
		seen[o.Hash] = j.Change
	}
	if o := run(fleetJob{Change: "limit"}); o.Levels["packet"] == 0 || o.Levels["class"] == 0 {
		t.Errorf("levels %v of a fleet with a limit on the laptops", o.Levels)
	}
	for i, g := range plan(fleetJob{Change: "roam"}).Groups {
		if g.Life.Always || len(g.Away) == 0 {
			t.Errorf("group %d does not roam", i)
		}
	}
}

// TestRowsAreWhole: every row has variants that can be planned, and compares
// those it has.
func TestRowsAreWhole(t *testing.T) {
	names := map[string]bool{}
	for _, rows := range [][]row{allRows(), shortRows(), gateRows(), peerRows()} {
		clear(names)
		for _, r := range rows {
			if names[r.name] || len(r.variants) == 0 || r.reps < 1 || r.reps > 1 && r.limit == 0 || r.metric.of == nil {
				t.Errorf("row %q is not whole, or there twice", r.name)
			}
			names[r.name] = true
			for _, o := range r.over {
				if max(o[0], o[1]) >= len(r.variants) || o[0] == o[1] {
					t.Errorf("row %q compares variants %v of %d", r.name, o, len(r.variants))
				}
			}
			for _, v := range r.variants {
				if v.job.Ref == nil && v.job.Engine != "shipped" && changes[v.job.Fleet.Change] == nil {
					t.Errorf("row %q: change %q is not known", r.name, v.job.Fleet.Change)
				}
			}
		}
	}
}

// TestGatesFindTheirValues: no gate asks for what the rows do not measure, and
// each fails beyond its bound and without a value.
func TestGatesFindTheirValues(t *testing.T) {
	b := &bench{}
	for _, r := range gateRows() {
		s := &series{Row: r.name}
		for _, v := range r.variants {
			s.Variants = append(s.Variants, variantTimes{Name: v.name, Values: []float64{1}})
		}
		for _, o := range r.over {
			s.Ratios = append(s.Ratios, ratioTimes{Over: [2]string{r.variants[o[0]].name, r.variants[o[1]].name}, Values: []float64{1}})
		}
		b.Series = append(b.Series, s)
	}
	b.Hold = readHolds([]byte("goos: linux\nBenchmarkHold/relay/1e5   \t 10\t 5.5 boxed/wheel\t 77 wheel-ns/hold\nPASS\n"))
	for i := range gates {
		g := &gates[i]
		if _, ok := g.of(b); !ok {
			t.Errorf("gate %q: its value is not measured", g.what)
		}
		for _, c := range []struct {
			by    float64
			ok    bool
			fails bool
		}{{1, true, false}, {1.01, true, true}, {1, false, true}} {
			beyond := *g
			x := g.bound / c.by
			if g.atMost {
				x = g.bound * c.by
			}
			beyond.of = func(*bench) (float64, bool) { return x, c.ok }
			v, err := beyond.judge(b, true)
			if (err != nil) != c.fails || c.fails == (v.Result == "holds") {
				t.Errorf("gate %q at %v, measured %v: %v, %v", g.what, x, c.ok, v.Result, err)
			}
			if err != nil && (!strings.Contains(err.Error(), g.target) || !strings.Contains(err.Error(), v.Bound)) {
				t.Errorf("gate %q: %v names not both bound and target", g.what, err)
			}
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want string
	}{
		{[]float64{3, 1, 2}, "1.00 / 2.00 / 3.00"},
		{[]float64{4, 1, 2, 3}, "1.00 / 2.50 / 4.00"},
		{[]float64{1234.5}, "1234 / 1234 / 1234"},
	} {
		if got := spreadOf(c.x).String(); got != c.want {
			t.Errorf("spreadOf(%v) = %s, want %s", c.x, got, c.want)
		}
	}
}
