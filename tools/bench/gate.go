package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// gate is a bound that a change must not break: of a ratio within one run, or of
// a count, never of seconds. The bounds leave room for a machine with two cores
// that others load as well.
type gate struct {
	what string
	// of finds the value; it is not ok where it was not measured.
	of func(b *bench) (value float64, ok bool)
	// bound is the least value allowed or, if atMost, the greatest.
	bound  float64
	atMost bool
	// target is what is aimed at: what should hold, and the goal.
	target string
	// idle: it means something only if two cores are idle, and is printed
	// otherwise.
	idle bool
}

// gateRows are what is measured for the gates, with the names that these use.
func gateRows() []row {
	small := fleetJob{Shape: "L", Clients: 20_000, Days: 1}
	class, round := fleet("class", small), fleet("round", small)
	round.job.Level = "round"
	live := fleet("live", fleetJob{Shape: "L", Days: 0.5})
	live.job.Live = true
	day, large := fleet("day", fleetJob{Shape: "L", Days: 1}), fleet("1M", fleetJob{Shape: "XL", Days: 1})
	const limit = time.Minute
	return []row{
		refRow(2000, 3, limit),
		{name: "levels", variants: []variant{round, class}, metric: perSelection, over: toFirst(2), reps: 3, limit: limit},
		{name: "allocations", variants: []variant{day}, metric: mallocs, reps: 1},
		{name: "live", variants: []variant{live}, metric: liveBytes, reps: 1},
		growRelays(100_000, 1, 3, limit, 20, 2000),
		lossRow(small, 3, limit, 0.1, 0.3),
		{name: "workers", variants: []variant{large.on(1), large.on(2)}, metric: wallSeconds, over: toFirst(2), reps: 3, limit: limit, check: equalHash},
	}
}

// Beside each: what five runs gave, with five to eleven processes on two cores.
var gates = []gate{
	{what: "container/heap over the queue, hold model, 1e5 pending", of: holdRatio("relay/1e5", "boxed/wheel"), bound: 6, target: "6x, goal 10x, of the packet level"}, // 10.2 to 12.4
	{what: "container/heap over packet level, reference job", of: ratio("ref-2k", "boxed", "packet"), bound: 2.2, target: "6x, goal 10x, at 100k clients"},             // 3.7 to 5.3
	{what: "container/heap over class level, reference job", of: ratio("ref-2k", "boxed", "class"), bound: 40, target: "none"},                                         // 97 to 117
	{what: "packet level over class level, reference job", of: ratio("ref-2k", "packet", "class"), bound: 6, target: "none"},                                           // 14 to 18
	{what: "round level over class level, a fleet", of: ratio("levels", "round", "class"), bound: 3, target: "none"},                                                   // 5.4 to 5.8
	{what: "allocations a selection, class level", of: value("allocations", "day"), bound: 0.2, atMost: true, target: "none avoidable"},                                // 0.112
	{what: "live bytes a client, class level, 100k clients", of: value("live", "live"), bound: 80, atMost: true, target: "80, goal 32, at 1M"},                         // 66
	{what: "2,000 relays over 20", of: ratio("grow-r", "R=2000", "R=20"), bound: 3.2, atMost: true, target: "1.5x, goal 1.2x at 1M clients"},                           // 2.5 to 2.8
	{what: "10 % loss over none", of: ratio("loss", "loss 10 %", "loss 0"), bound: 1.8, atMost: true, target: "2x, goal 1.3x"},                                         // 0.98 to 1.27
	{what: "30 % loss over none", of: ratio("loss", "loss 30 %", "loss 0"), bound: 2.5, atMost: true, target: "3x, goal 2x"},                                           // 1.15 to 1.54
	{what: "one worker over two, wall time", of: ratio("workers", "1M, 1 workers", "1M, 2 workers"), bound: 1.2, target: "1.5x, goal 1.7x", idle: true},
}

// verdict is what became of a gate.
type verdict struct {
	Gate   string  `json:"gate"`
	Value  float64 `json:"value"`
	Bound  string  `json:"bound"`
	Target string  `json:"target"`
	Result string  `json:"result"`
}

// gate measures, prints and judges the gates. The error names those that fail.
func (b *bench) gate() error {
	idle := idleCores()
	if err := errors.Join(b.holds(gateHolds), b.rows(gateRows())); err != nil {
		return err
	}
	idle = min(idle, idleCores())
	var errs []error
	fmt.Fprint(b.out, "\n| gate | measured | bound | target, goal | |\n| --- | --- | --- | --- | --- |\n")
	for i := range gates {
		v, err := gates[i].judge(b, idle >= 2)
		errs = append(errs, err)
		b.Gates = append(b.Gates, v)
		fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s |\n", v.Gate, figure(v.Value), v.Bound, v.Target, v.Result)
	}
	return errors.Join(errs...)
}

func (g *gate) judge(b *bench, idle bool) (verdict, error) {
	x, ok := g.of(b)
	v := verdict{g.what, x, "at least " + figure(g.bound), g.target, "holds"}
	if g.atMost {
		v.Bound = "at most " + figure(g.bound)
	}
	switch {
	case !ok:
		v.Result = "not measured"
	case g.atMost && x <= g.bound || !g.atMost && x >= g.bound:
		return v, nil
	case g.idle && !idle:
		v.Result = "not judged: no two idle cores"
		return v, nil
	default:
		v.Result = "FAILS"
	}
	return v, fmt.Errorf("gate %q: %s, bound %s, target %s: %s", g.what, figure(x), v.Bound, g.target, v.Result)
}

// ratio is the median ratio of two variants of a row.
func ratio(row, a, b string) func(*bench) (float64, bool) {
	return func(x *bench) (float64, bool) {
		for _, s := range x.Series {
			if i := slices.IndexFunc(s.Ratios, func(r ratioTimes) bool { return r.Over == [2]string{a, b} }); s.Row == row && i >= 0 {
				return spreadOf(s.Ratios[i].Values).median, true
			}
		}
		return 0, false
	}
}

// value is the median of the metric of a variant of a row.
func value(row, variant string) func(*bench) (float64, bool) {
	return func(x *bench) (float64, bool) {
		for _, s := range x.Series {
			if i := slices.IndexFunc(s.Variants, func(v variantTimes) bool { return v.Name == variant }); s.Row == row && i >= 0 {
				return spreadOf(s.Variants[i].Values).median, true
			}
		}
		return 0, false
	}
}

// holdRatio is a figure of the hold model.
func holdRatio(name, unit string) func(*bench) (float64, bool) {
	return func(x *bench) (float64, bool) {
		for _, h := range x.Hold {
			if h.Name == name && h.Values[unit] > 0 {
				return h.Values[unit], true
			}
		}
		return 0, false
	}
}
