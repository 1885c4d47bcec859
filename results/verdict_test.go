package results

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/results/madeup"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

func TestJudge(t *testing.T) {
	fraction := func(xs ...float64) Estimate { return estimate(UnitFraction, xs) }
	count := func(xs ...float64) Estimate { return estimate(UnitCount, xs) }
	seconds := func(xs ...float64) Estimate { return estimate(UnitSeconds, xs) }
	for _, c := range []struct {
		name  string
		e     Estimate
		op    sim.Op
		bound float64
		want  Outcome
	}{
		{"the whole interval below", seconds(10, 11, 12), sim.LE, 20, Holds},
		{"the whole interval above", seconds(10, 11, 12), sim.LE, 5, Fails},
		{"a straddling interval", seconds(10, 11, 12), sim.LE, 12, Undecided},
		{"the mean on the bound", seconds(10, 11, 12), sim.GE, 11, Undecided},
		{"at least, above", seconds(10, 11, 12), sim.GE, 5, Holds},
		{"at least, below", seconds(10, 11, 12), sim.GE, 20, Fails},
		{"less than, below", seconds(10, 11, 12), sim.LT, 20, Holds},
		{"more than, below", seconds(10, 11, 12), sim.GT, 20, Fails},
		{"no spread, on the bound, <=", count(5, 5, 5), sim.LE, 5, Holds},
		{"no spread, on the bound, <", count(5, 5, 5), sim.LT, 5, Fails},
		{"no spread, on the bound, >=", count(5, 5, 5), sim.GE, 5, Holds},
		{"no spread, on the bound, >", count(5, 5, 5), sim.GT, 5, Fails},
		{"equal in every replication", count(0, 0, 0), sim.EQ, 0, Holds},
		{"not equal in one", count(0, 1, 0), sim.EQ, 0, Fails},
		{"the mean is equal, no replication is", count(1, 3), sim.EQ, 2, Fails},
		{"a fraction in decimals", fraction(0.1+0.2, 0.1+0.2), sim.EQ, 0.3, Holds},
		{"a fraction that differs in the ninth digit", fraction(0.3+1e-9, 0.3+1e-9), sim.EQ, 0.3, Fails},
		{"one replication, inequality", seconds(10), sim.LE, 20, Undecided},
		{"one replication, equality", count(0), sim.EQ, 0, Holds},
		{"one replication, wrong equality", count(1), sim.EQ, 0, Fails},
		{"nothing", seconds(), sim.LE, 20, NoData},
		{"nothing, equality", count(), sim.EQ, 0, NoData},
		{"rare but not never, > 0", count(0, 0, 0, 1), sim.GT, 0, Holds},
		{"rare but not never, <= 0", count(0, 0, 0, 1), sim.LE, 0, Fails},
		{"never, > 0", count(0, 0, 0), sim.GT, 0, Fails},
		{"almost all, < 100%", fraction(1, 1, 1, 0.99), sim.LT, 1, Holds},
		{"almost all, >= 100%", fraction(1, 1, 1, 0.99), sim.GE, 1, Fails},
		{"one replication above 0", count(3), sim.GT, 0, Holds},
	} {
		if got := judge(c.e, c.op, c.bound); got != c.want {
			t.Errorf("%s: judge(%v, %v, %v) = %v, want %v", c.name, c.e, c.op, c.bound, got, c.want)
		}
	}
}

// verdicts aggregates the made-up run with other expectations.
func verdicts(t *testing.T, es ...sim.Expectation) []Verdict {
	t.Helper()
	p := madeup.Plan()
	p.Expectations = es
	s, err := Aggregate(p, madeUpTallies())
	if err != nil {
		t.Fatal(err)
	}
	return s.Verdicts
}

// Policies of the made-up run.
const (
	closed = iota
	tcpOnly
	failover
	failoverList
	random
	echo
	echoExpired
)

// everybody is the subject "all".
func everybody(p *sim.Plan) sim.Subject {
	return sim.Subject{Kind: sim.Clients, Text: "all", Slots: everySlot(p)}
}

// outsiders is the subject "at home+hotel".
func outsiders(p *sim.Plan) sim.Subject {
	s := sim.Subject{Kind: sim.Clients, Text: "at home+hotel"}
	for l := range p.Labels {
		for n := range p.Networks {
			if p.Networks[n].Outside {
				s.Slots = append(s.Slots, p.Slot(l, n))
			}
		}
	}
	return s
}

func expect(policy int, s sim.Subject, m sim.Measure, st sim.Stat, op sim.Op, value float64) sim.Expectation {
	return sim.Expectation{Policy: policy, Other: -1, Text: "as tested", Source: "t:1:1", Subject: s, Measure: m, Stat: st, By: -1, Reason: -1, Relay: -1, Op: op, Value: value}
}

// A finding that is another one under a documented alternative says so, seen
// from either policy.
func TestVerdictHangsOn(t *testing.T) {
	p := madeup.Plan()
	base := expect(tcpOnly, outsiders(p), sim.TimeWithoutRelay, sim.StatNone, sim.EQ, 1)
	other := expect(random, outsiders(p), sim.FoundWithin, sim.StatNone, sim.GT, 0)
	other.Within = 15 * time.Minute
	steady := expect(tcpOnly, outsiders(p), sim.SelectedBy, sim.StatNone, sim.EQ, 0)
	steady.By = int(selection.ByProbe)
	alone := expect(echo, outsiders(p), sim.TimeWithoutRelay, sim.StatNone, sim.LE, 0.01)
	vs := verdicts(t, base, other, steady, alone)

	for i, want := range []string{
		"exhaust_policy: fails under exhaust_policy=random (tcp-only-random: 21.4%",
		"exhaust_policy: fails under exhaust_policy=root (tcp-only: 0%)",
	} {
		if vs[i].Result != Holds || len(vs[i].HangsOn) != 1 || !strings.HasPrefix(vs[i].HangsOn[0], want) {
			t.Errorf("verdict %d: %v, hangs on %q, want holds and %q", i, vs[i].Result, vs[i].HangsOn, want)
		}
	}
	for _, v := range vs[2:] {
		if v.Result != Holds || len(v.HangsOn) != 0 {
			t.Errorf("%s: %v, hangs on %q, want holds and nothing", v.Policy, v.Result, v.HangsOn)
		}
	}
}

func TestVerdictWithoutData(t *testing.T) {
	p := madeup.Plan()
	never := expect(closed, outsiders(p), sim.RehomeTime, sim.StatP95, sim.LE, 3600)
	probe := expect(closed, outsiders(p), sim.SelectedBy, sim.StatNone, sim.GE, 0.5)
	probe.By, probe.Percent = int(selection.ByProbe), true
	nowhere := expect(echo, sim.Subject{Kind: sim.Clients, Text: "desktop at home", Slots: []int{p.Slot(0, 8)}}, sim.Rehomes, sim.StatNone, sim.EQ, 0)
	for _, v := range verdicts(t, never, probe, nowhere) {
		if v.Result != NoData || !v.Observed.None() || v.Note == "" {
			t.Errorf("%v observed %v, note %q; want no data with a reason", v.Result, v.Observed, v.Note)
		}
	}
}

func TestVerdictOfEveryRelay(t *testing.T) {
	every := sim.Subject{Kind: sim.EveryRelay, Text: "every relay"}
	root := sim.Subject{Kind: sim.OneRelay, Relay: 0, Text: "root"}
	vs := verdicts(
		t,
		expect(failover, every, sim.Load, sim.StatPeak, sim.LE, 200),
		expect(failover, every, sim.Load, sim.StatPeak, sim.GT, 0),
		expect(failover, root, sim.Load, sim.StatPeak, sim.EQ, 0),
		expect(failover, every, sim.Imbalance, sim.StatMean, sim.LE, 1.5),
	)
	for i, want := range []struct {
		result Outcome
		note   string
	}{
		{Fails, "worst: dmz-1"}, // the only one above 200
		{Fails, "worst: dmz-2"}, // the only one that carries nobody; the root is not asked
		{Holds, ""},
		{Fails, "worst: group DMZ"},
	} {
		if vs[i].Result != want.result || vs[i].Note != want.note {
			t.Errorf("verdict %d: %v (%s), want %v (%s)", i, vs[i].Result, vs[i].Note, want.result, want.note)
		}
	}
	if got := vs[3].Observed.Mean; got != 2 {
		t.Errorf("imbalance of two relays of which one carries all = %v, want 2", got)
	}
}

func TestVerdictOfPair(t *testing.T) {
	p := madeup.Plan()
	there := expect(echo, everybody(p), sim.ChoiceChanges, sim.StatNone, sim.EQ, 0)
	there.Other = echoExpired
	back := there
	back.Policy, back.Other = echoExpired, echo
	vs := verdicts(t, there, back)
	for _, v := range vs {
		if v.Result != Holds || !strings.Contains(v.Note, "selections per replication") {
			t.Errorf("%s vs %s: %v (%s), want holds with the number compared", v.Policy, v.Other, v.Result, v.Note)
		}
	}
	p.Expectations = []sim.Expectation{there}
	p.Expectations[0].Other = closed
	if _, err := Aggregate(p, madeUpTallies()); err == nil {
		t.Error("a pair that was not compared gives no error")
	}
}

func TestVerdictNotes(t *testing.T) {
	p := madeup.Plan()
	// Find a bound inside the interval, and one that single replications pass.
	probe := verdicts(t, expect(echo, outsiders(p), sim.RehomeTime, sim.StatMean, sim.LE, 1e9))[0].Observed
	if probe.Min == probe.Max {
		t.Fatal("the made-up re-home times do not vary")
	}
	inside := expect(echo, outsiders(p), sim.RehomeTime, sim.StatMean, sim.LE, probe.Mean)
	beyond := expect(echo, outsiders(p), sim.RehomeTime, sim.StatMean, sim.LE, (probe.Hi+probe.Max)/2)
	vs := verdicts(t, inside, beyond)
	if vs[0].Result != Undecided || !strings.Contains(vs[0].Note, "contains the bound") {
		t.Errorf("%v (%s), want undecided with the interval", vs[0].Result, vs[0].Note)
	}
	if vs[1].Result != Holds || !strings.Contains(vs[1].Note, "the largest replication has") {
		t.Errorf("%v (%s), want holds with the largest replication", vs[1].Result, vs[1].Note)
	}
}

// A measure asked of the wrong subject is an error of the scenario reader, not
// a verdict.
func TestVerdictRefuses(t *testing.T) {
	p := madeup.Plan()
	within := expect(echo, everybody(p), sim.FoundWithin, sim.StatNone, sim.GE, 0.9)
	within.Within = 7 * time.Minute
	for name, e := range map[string]sim.Expectation{
		"clients with a load":       expect(echo, everybody(p), sim.Load, sim.StatPeak, sim.LE, 1),
		"a relay with a found time": expect(echo, sim.Subject{Kind: sim.EveryRelay}, sim.FoundTime, sim.StatP50, sim.LE, 1),
		"a bound not counted":       within,
		"a share of no relay":       expect(echo, everybody(p), sim.LoadShare, sim.StatNone, sim.LE, 1),
	} {
		q := madeup.Plan()
		q.Expectations = []sim.Expectation{e}
		if _, err := Aggregate(q, madeUpTallies()); err == nil || !strings.Contains(err.Error(), "t:1:1") {
			t.Errorf("%s: error %v, want one that names the source", name, err)
		}
	}
}

// Every measure that speaks of clients can be asked of them, with every
// summary it has.
func TestEveryMeasureIsAnswered(t *testing.T) {
	p := madeup.Plan()
	ts := madeUpTallies()
	i := slices.IndexFunc(ts, func(t *sim.Tally) bool { return t.Policy == echo && t.Replication == 0 })
	pool := pooled(p, ts[i], everySlot(p))
	for m := range sim.NumMeasures {
		info := sim.MeasureTable[m]
		if !info.Clients {
			continue
		}
		stats := info.Stats
		if len(stats) == 0 {
			stats = []sim.Stat{sim.StatNone}
		}
		for _, st := range stats {
			q := ask(m, st)
			q.relay, q.within, q.pair = 1, 15*time.Minute, 0
			if x, ok := q.clients(pool); !ok || math.IsNaN(x) || x < 0 {
				t.Errorf("%s %s = %v, %v, want a figure", info.Name, st, x, ok)
			}
		}
	}
}

func TestExitCode(t *testing.T) {
	of := func(os ...Outcome) *Summary {
		s := &Summary{}
		for _, o := range os {
			s.Verdicts = append(s.Verdicts, Verdict{Result: o})
		}
		return s
	}
	for _, c := range []struct {
		s         *Summary
		undecided string
		want      int
	}{
		{of(), "", 0},
		{of(Holds, Holds), "", 0},
		{of(Holds, Fails), "pass", 1},
		{of(Holds, NoData), "pass", 1},
		{of(Undecided, Fails), "", 1},
		{of(Holds, Undecided), "", 4},
		{of(Holds, Undecided), "fail", 1},
		{of(Holds, Undecided), "warn", 0},
		{of(Holds, Undecided), "pass", 0},
	} {
		if got := c.s.ExitCode(c.undecided); got != c.want {
			t.Errorf("ExitCode(%q) of %v = %d, want %d", c.undecided, c.s.Verdicts, got, c.want)
		}
	}
}

// A bound on re-home time does not hold over losses that nobody made good.
func TestOpenLossesAreBeyondAnyBound(t *testing.T) {
	p := madeup.Plan()
	of := func(stat sim.Stat, open uint64) Verdict {
		ts := madeup.Tallies(p)
		for _, tally := range ts {
			for _, slot := range outsiders(p).Slots {
				s := &tally.Slots[slot]
				s.LossesOpen = s.RehomeTime.N * open / 100
				s.Losses += s.LossesOpen
			}
		}
		q := *p
		q.Expectations = []sim.Expectation{expect(echo, outsiders(p), sim.RehomeTime, stat, sim.LE, 24*3600)}
		s, err := Aggregate(&q, ts)
		if err != nil {
			t.Fatal(err)
		}
		return s.Verdicts[0]
	}
	for _, c := range []struct {
		stat sim.Stat
		open uint64 // per cent of those made good
		want Outcome
	}{
		{sim.StatP95, 0, Holds},
		{sim.StatP95, 4, Holds},
		{sim.StatP95, 9, Fails},
		{sim.StatMax, 4, Fails},
		{sim.StatP50, 90, Holds},
	} {
		v := of(c.stat, c.open)
		if v.Result != c.want || strings.Contains(v.Note, "still open") != (c.open > 0) {
			t.Errorf("%v with %d %% open: %v, note %q; want %v", c.stat, c.open, v.Result, v.Note, c.want)
		}
	}
}
