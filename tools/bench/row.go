package main

import (
	"fmt"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// row is one benchmark of docs/performance.md: variants that take turns, so that
// each repetition compares what ran within seconds of each other.
type row struct {
	name     string
	variants []variant
	// metric is what is measured of each.
	metric metric
	// over are the ratios that are printed: of the metric of one variant to that
	// of another, by their places.
	over [][2]int
	// slope asks what a selection costs that the second variant has beyond the
	// first.
	slope bool
	// reps repetitions, unless they take longer than limit in all; at least one.
	reps  int
	limit time.Duration
	// check, if not nil, looks at the outcomes of a repetition.
	check func(o []*outcome) error
}

type variant struct {
	name string
	job  job
}

// metric is a figure of an outcome. Less is better.
type metric struct {
	name string
	of   func(o *outcome) float64
}

var (
	perSelection = metric{"ns/selection", func(o *outcome) float64 { return 1e9 * o.CPU / float64(o.Selections) }}
	perEvent     = metric{"ns/event", func(o *outcome) float64 { return 1e9 * o.CPU / float64(o.Events) }}
	seconds      = metric{"CPU s", func(o *outcome) float64 { return o.CPU }}
	wallSeconds  = metric{"wall s", func(o *outcome) float64 { return o.Wall }}
	perByte      = metric{"ns/byte", func(o *outcome) float64 { return 1e9 * o.CPU / float64(o.Bytes) }}
	mallocs      = metric{"allocations/selection", func(o *outcome) float64 { return float64(o.Mallocs) / float64(o.Selections) }}
	liveBytes    = metric{"live B/client", func(o *outcome) float64 { return float64(o.Live) / float64(o.Clients) }}
)

// ref is the reference job on an engine or at a level.
func ref(engine, level string, clients int) variant {
	name := engine
	if engine == "sim" {
		name = level
	}
	return variant{name, job{Engine: engine, Level: level, Ref: &refJob{Clients: clients, Replications: 1, Death: true}}}
}

// fleet is a fleet at the fastest level on one core.
func fleet(name string, f fleetJob) variant {
	return variant{name, job{Engine: "sim", Fleet: f}}
}

// on is v on a number of cores, with a hash of its result.
func (v variant) on(workers int) variant {
	v.job.Hash = true
	v.name, v.job.Workers = fmt.Sprintf("%s, %d workers", v.name, workers), workers
	return v
}

func withLoss(f fleetJob, loss float64) fleetJob {
	f.Loss = &loss
	return f
}

// refLevels are the reference job at all levels, and boxed.
func refLevels(clients int) []variant {
	out := []variant{ref("boxed", "", clients)}
	for _, level := range sim.LevelNames() {
		out = append(out, ref("sim", level, clients))
	}
	return out
}

// toFirst are the ratios of the first variant to each of the others.
func toFirst(n int) (over [][2]int) {
	for i := 1; i < n; i++ {
		over = append(over, [2]int{0, i})
	}
	return over
}

// fromFirst are the ratios of each other variant to the first.
func fromFirst(n int) (over [][2]int) {
	for i := 1; i < n; i++ {
		over = append(over, [2]int{i, 0})
	}
	return over
}

// refRow compares the levels with each other and with the boxed engine.
func refRow(clients, reps int, limit time.Duration) row {
	v := refLevels(clients)
	over := toFirst(len(v))
	return row{
		name: "ref-" + short(clients), variants: v, metric: perSelection,
		over: append(over, [2]int{3, 1}, [2]int{2, 1}), reps: reps, limit: limit, check: sameWork,
	}
}

// refFast has the reference job without the levels that take minutes for it.
func refFast(clients, reps int, limit time.Duration) row {
	v := []variant{ref("sim", "round", clients), ref("sim", "class", clients)}
	return row{name: "ref-" + short(clients), variants: v, metric: perSelection, over: toFirst(2), reps: reps, limit: limit, check: sameWork}
}

// sameRow compares the hashes of all levels with and without loss. The class
// level alone shares a cell out to workers, in parts of some thousand clients.
func sameRow(clients int) row {
	r := row{name: "ref-same", metric: seconds, reps: 1, check: sameHash}
	for _, loss := range []float64{0, 0.1} {
		for _, level := range sim.LevelNames() {
			v := ref("sim", level, clients)
			v.job.Ref.Loss, v.job.Hash = loss, true
			v.name = fmt.Sprintf("%s, loss %g", level, loss)
			r.variants = append(r.variants, v)
			if level == sim.LevelClass.String() {
				r.variants = append(r.variants, v.on(2))
			}
		}
	}
	return r
}

func growClients(f fleetJob, limit time.Duration, clients ...int) row {
	r := row{name: "grow-n", metric: perSelection, reps: 3, limit: limit}
	for i, n := range clients {
		f.Clients = n
		r.variants = append(r.variants, fleet("N="+short(n), f))
		if i > 0 {
			r.over = append(r.over, [2]int{i, i - 1})
		}
	}
	return r
}

// growRelays has few enough regions that 20 relays are allowed.
func growRelays(clients int, days float64, reps int, limit time.Duration, relays ...int) row {
	r := row{name: "grow-r", metric: perSelection, reps: reps, limit: limit, over: fromFirst(len(relays))}
	for _, n := range relays {
		r.variants = append(r.variants, fleet(fmt.Sprintf("R=%d", n), fleetJob{Shape: "L", Clients: clients, Relays: n, Sites: 64, Days: days}))
	}
	return r
}

func lossRow(f fleetJob, reps int, limit time.Duration, losses ...float64) row {
	r := row{name: "loss", metric: perSelection, reps: reps, limit: limit, over: fromFirst(len(losses) + 1)}
	r.variants = append(r.variants, fleet("loss 0", withLoss(f, 0)))
	for _, loss := range losses {
		r.variants = append(r.variants, fleet(fmt.Sprintf("loss %g %%", 100*loss), withLoss(f, loss)))
	}
	return r
}

// outRow compares a run with what it costs to have every decision.
func outRow(f fleetJob, limit time.Duration) row {
	r := row{name: "out", metric: perSelection, over: fromFirst(5), reps: 3, limit: limit, variants: []variant{fleet("none", f)}}
	kept := fleet("all decisions kept", f)
	kept.job.Trace = true
	r.variants = append(r.variants, kept)
	for _, out := range []struct{ name, as string }{{"written", outFile}, {"written, then printed as text", outText}, {"written, then printed as CSV", outCSV}} {
		v := fleet(out.name, f)
		v.job.Out = out.as
		r.variants = append(r.variants, v)
	}
	return r
}

// allRows are those of `make bench`. Where the whole would take longer than the
// limit of a row, the last of its repetitions are left out.
func allRows() []row {
	const minute = time.Minute
	day := fleetJob{Shape: "XL", Days: 1}
	week := fleet("week", fleetJob{Shape: "XL"})
	huge := fleet("week", fleetJob{Shape: "XXL"})
	live := fleet("XL, a day, class level", day)
	live.job.Live = true
	packetLive := fleet("L, half a day, packet level", fleetJob{Shape: "L", Days: 0.5})
	packetLive.job.Live, packetLive.job.Level = true, "packet"
	hybrid := fleetJob{Shape: "L", Clients: 10_000, Days: 1, Change: "limit"}
	slow := fleet("all at packet level", hybrid)
	slow.job.Level = "packet"
	replicas := job{Engine: "sim", Ref: &refJob{Clients: 10_000, Replications: 1000, Death: true}}
	return []row{
		refRow(10_000, 5, minute/2),
		{
			name: "ref-100k", variants: []variant{ref("boxed", "", 100_000), ref("sim", "packet", 100_000)}, metric: perEvent,
			over: toFirst(2), reps: 3, limit: minute, check: sameWork,
		},
		refFast(1_000_000, 3, minute/4),
		sameRow(10_000),
		{name: "week-1M", variants: []variant{week.on(1), week.on(2)}, metric: wallSeconds, over: toFirst(2), reps: 5, limit: minute, check: equalHash},
		{
			name: "selection", metric: perSelection, slope: true, reps: 5, limit: minute / 2,
			variants: []variant{fleet("every 6 h", fleetJob{Shape: "XL", Days: 2}), fleet("every 3 h", fleetJob{Shape: "XL", Days: 2, Change: "often"})},
		},
		{name: "week-10M", variants: []variant{huge.on(2)}, metric: wallSeconds, reps: 1},
		{name: "memory", variants: []variant{live, packetLive}, metric: liveBytes, reps: 1},
		growClients(fleetJob{Shape: "XL", Days: 0.25}, minute/2, 10_000, 100_000, 1_000_000, 10_000_000),
		growRelays(1_000_000, 0.5, 3, minute/2, 20, 100, 500, 2000),
		{
			name: "own-lists", metric: perSelection, over: fromFirst(2), reps: 3, limit: minute / 3,
			variants: []variant{
				fleet("64 sites", fleetJob{Shape: "L", Clients: 10_000, Relays: 2000, Sites: 64, Days: 1}),
				fleet("a site each", fleetJob{Shape: "L", Clients: 10_000, Relays: 2000, Sites: 10_000, Days: 1}),
			},
		},
		{
			name: "storm", metric: seconds, over: fromFirst(2), reps: 3, limit: minute / 3,
			variants: []variant{fleet("steady, 7 h", fleetJob{Shape: "XL", Days: 7. / 24, Change: "steady"}), fleet("half die at 6 h", fleetJob{Shape: "XL", Days: 7. / 24, Change: "storm"})},
		},
		{
			name: "roam", metric: perSelection, over: fromFirst(2), reps: 3, limit: minute / 3,
			variants: []variant{fleet("20 % roam", day), fleet("all, 4 changes a day", fleetJob{Shape: "XL", Days: 1, Change: "roam"})},
		},
		lossRow(fleetJob{Shape: "XL", Days: 0.5}, 5, minute, 0.001, 0.01, 0.1, 0.3),
		{name: "hybrid", metric: seconds, over: fromFirst(2), reps: 3, limit: minute / 3, variants: []variant{fleet("limit at the edge", hybrid), slow}},
		{name: "replicas", metric: wallSeconds, reps: 1, variants: []variant{{"1,000 seeds, 2 workers", withWorkers(replicas, 2)}}},
		{
			name: "load", metric: perByte, over: toFirst(2), reps: 5, limit: minute / 4,
			variants: []variant{{"XL", job{Engine: "scenario", Fleet: fleetJob{Shape: "XL"}}}, {"encoding/json, tables alone", job{Engine: "json", Fleet: fleetJob{Shape: "XL"}}}},
		},
		outRow(day, minute/2),
		{name: "shipped", metric: wallSeconds, reps: 3, limit: minute / 4, variants: []variant{{"internet-relays, 20 replications, 2 workers", job{Engine: "shipped", Workers: 2}}}},
	}
}

func withWorkers(j job, n int) job {
	j.Workers = n
	return j
}

// shortRows are those of `make bench-short`.
func shortRows() []row {
	const limit = 8 * time.Second
	live := fleet("L, a day", fleetJob{Shape: "L", Days: 1})
	live.job.Live = true
	week := fleet("week", fleetJob{Shape: "L"})
	small := fleetJob{Shape: "L", Days: 0.5}
	return []row{
		refRow(1000, 3, limit),
		refFast(100_000, 3, limit),
		sameRow(200),
		{name: "week-100k", variants: []variant{week.on(1), week.on(2)}, metric: wallSeconds, over: toFirst(2), reps: 1, check: equalHash},
		{name: "memory", variants: []variant{live}, metric: liveBytes, reps: 1},
		growRelays(20_000, 1, 3, limit, 20, 2000),
		lossRow(small, 3, limit, 0.1, 0.3),
	}
}

// peerRows are those of `make bench-peers`.
func peerRows() []row {
	return []row{{
		name: "peers", metric: perSelection, reps: 5, limit: 5 * time.Minute, check: sameWork,
		variants: []variant{{"SimPy", job{Engine: "simpy", Ref: &refJob{Clients: 10_000, Replications: 1, Death: true}}}, ref("boxed", "", 10_000), ref("sim", "packet", 10_000), ref("sim", "class", 10_000)},
		over:     toFirst(4),
	}}
}

// short writes 10000 as 10k and 1000000 as 1M.
func short(n int) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
