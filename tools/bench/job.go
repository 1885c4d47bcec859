package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// job is one thing to measure. Each measurement is made in a process of its own,
// so that no other leaves its heap, caches or peak behind.
type job struct {
	// Engine carries it out: "sim", "boxed" (the reference job on
	// container/heap), "scenario" (reading one), "json" (encoding/json reading
	// the tables of one) or "shipped" (internet-relays).
	Engine string `json:"engine"`
	// Ref, if not nil, is the plan; otherwise Fleet is.
	Ref   *refJob  `json:"ref,omitempty"`
	Fleet fleetJob `json:"fleet"`
	// Level of sim, "" for the fastest.
	Level string `json:"level,omitempty"`
	// Workers is also the number of cores that may be used; 0 means 1.
	Workers int `json:"workers,omitempty"`
	// Live asks for the live bytes halfway, which takes time of its own.
	Live bool `json:"live,omitempty"`
	// Hash asks for a hash of the tallies.
	Hash bool `json:"hash,omitempty"`
	// Trace keeps every decision.
	Trace bool `json:"trace,omitempty"`
	// Out is what becomes of the decisions, "" for nothing: see decisions.
	Out string `json:"out,omitempty"`
	// Bare leaves the calibration out.
	Bare bool `json:"bare,omitempty"`
}

// outcome is what a job took and counted. Times are of the work alone: the plan
// is there before.
type outcome struct {
	CPU  float64 `json:"cpu_s"`
	Wall float64 `json:"wall_s"`
	// Calibration is the CPU time of a hold on a boxed heap, in ns, in the same
	// process: how fast the machine was.
	Calibration float64 `json:"calibration_ns"`
	// Peak is the largest resident set of the process, in bytes; 0 where the
	// system does not tell.
	Peak uint64 `json:"peak_bytes"`
	// Live are the bytes of the heap halfway, after a collection, beyond those
	// of the plan.
	Live uint64 `json:"live_bytes,omitempty"`
	// Mallocs are the allocations.
	Mallocs uint64 `json:"mallocs"`

	Clients    uint64            `json:"clients,omitempty"`
	Selections uint64            `json:"selections,omitempty"`
	Events     uint64            `json:"events,omitempty"`
	Rounds     uint64            `json:"rounds,omitempty"`
	Probes     uint64            `json:"probes,omitempty"`
	Replies    uint64            `json:"replies,omitempty"`
	Levels     map[string]uint64 `json:"levels,omitempty"`
	// Bytes were read.
	Bytes uint64 `json:"bytes,omitempty"`
	Hash  string `json:"hash,omitempty"`
}

// plan is what the job runs.
func (j *job) plan() (*sim.Plan, error) {
	switch {
	case j.Engine == "shipped":
		return shippedPlan()
	case j.Ref != nil:
		return j.Ref.plan()
	}
	return j.Fleet.plan()
}

// carryOut does the job in this process.
func (j *job) carryOut() (*outcome, error) {
	runtime.GOMAXPROCS(max(1, j.Workers))
	if j.Bare {
		return j.work()
	}
	before := calibrate()
	o, err := j.work()
	if err != nil {
		return nil, err
	}
	o.Calibration = (before + calibrate()) / 2
	o.Peak = peak()
	return o, nil
}

func (j *job) work() (*outcome, error) {
	switch j.Engine {
	case "boxed":
		b := newBoxedRef(*j.Ref)
		o := timed(b.run)
		o.Clients, o.Selections, o.Events = uint64(j.Ref.Clients), b.selections, b.queue.done
		o.Rounds, o.Probes, o.Replies = b.rounds, b.probes, b.replies
		return o, nil
	case "scenario", "json":
		return j.Fleet.read(j.Engine == "json")
	}
	plan, err := j.plan()
	if err != nil {
		return nil, err
	}
	return j.simulate(plan)
}

// simulate runs the plan.
func (j *job) simulate(plan *sim.Plan) (*outcome, error) {
	level := sim.LevelClass
	if j.Level != "" {
		var err error
		if level, err = sim.ParseLevel(j.Level); err != nil {
			return nil, err
		}
	}
	if j.Trace {
		p := *plan
		p.Pairs = [][2]int{{0, 0}}
		plan = &p
	}
	options := sim.Options{Workers: max(1, j.Workers), Level: level}
	var live atomic.Uint64
	if j.Live {
		base := liveHeap()
		options.Progress = func(done float64, total int) {
			if live.Load() == 0 && 2*done >= float64(total) {
				live.Store(liveHeap() - base)
			}
		}
	}
	var tallies []*sim.Tally
	var err error
	o := timed(func() {
		err = j.decisions(plan, &options, func() (err error) {
			tallies, err = sim.Run(context.Background(), plan, options)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	o.Live = live.Load()
	o.count(tallies)
	if j.Hash {
		o.Hash, err = hashOf(tallies)
	}
	return o, err
}

// count takes over what the tallies counted.
func (o *outcome) count(tallies []*sim.Tally) {
	o.Levels = map[string]uint64{}
	for _, t := range tallies {
		o.Clients += t.Clients
		o.Selections += t.Selections
		o.Events += t.Events
		for i := range t.Slots {
			o.Rounds += t.Slots[i].Rounds.Sum
			o.Probes += t.Slots[i].Probes
		}
		for i, name := range sim.LevelNames() {
			if n := t.ByLevel[i]; n > 0 {
				o.Levels[name] += n
			}
		}
	}
}

// hashOf is a hash of all that was observed, without what describes the run
// itself.
func hashOf(tallies []*sim.Tally) (string, error) {
	h := sha256.New()
	for _, t := range tallies {
		world := *t
		world.Events, world.Heard, world.ByLevel = 0, 0, [sim.NumLevels]uint64{}
		if err := json.NewEncoder(h).Encode(&world); err != nil {
			return "", fmt.Errorf("encode the tally: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// timed measures what f takes.
func timed(f func()) *outcome {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wall, used := time.Now(), cpuTime()
	f()
	o := &outcome{CPU: (cpuTime() - used).Seconds(), Wall: time.Since(wall).Seconds()}
	runtime.ReadMemStats(&after)
	o.Mallocs = after.Mallocs - before.Mallocs
	return o
}

// liveHeap is the size of what is live.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
