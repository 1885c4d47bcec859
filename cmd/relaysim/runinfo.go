package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// runInfo is run-info.json: what a run took and where it was made. It is the
// only file that may differ between two runs of the same scenario, seed and
// model version.
type runInfo struct {
	Schema   int    `json:"schema"`
	Scenario string `json:"scenario"`
	// File is where the scenario was read; see scenarioFile.
	File         string `json:"scenario_file"`
	ScenarioHash string `json:"scenario_hash"`
	ModelVersion int    `json:"model_version"`
	Build        build  `json:"build"`

	Started     time.Time `json:"started"`
	WallSeconds float64   `json:"wall_s"`
	Workers     int       `json:"workers"`
	GOMAXPROCS  int       `json:"gomaxprocs"`
	CPUs        int       `json:"cpus"`
	// SystemBytes is the memory obtained from the system, a bound of the peak;
	// AllocatedBytes counts all allocations, freed ones included.
	SystemBytes    uint64 `json:"memory_system_bytes"`
	AllocatedBytes uint64 `json:"memory_allocated_bytes"`

	// Level is the fastest that was allowed.
	Level string `json:"level"`
	Cells int    `json:"cells"`
	// Clients, Selections and Events are sums over the cells.
	Clients    uint64 `json:"clients"`
	Selections uint64 `json:"selections"`
	Events     uint64 `json:"events"`
	// Levels are the levels that carried selections, the fastest first.
	Levels []levelShare `json:"levels"`
	// SystemBytesPerClient is the memory obtained from the system over the
	// clients of one cell.
	SystemBytesPerClient uint64 `json:"memory_system_bytes_per_client"`
	// Coupled names the policies some of whose clients cannot be taken one by
	// one.
	Coupled []coupling `json:"coupled_policies"`
}

// levelShare is what a level carried.
type levelShare struct {
	Level      string  `json:"level"`
	Selections uint64  `json:"selections"`
	Share      float64 `json:"share"`
}

// coupling says why clients under a policy run at packet level whatever level
// is asked for.
type coupling struct {
	Policy string `json:"policy"`
	Why    string `json:"why"`
}

// largeFleet is from how many clients on memory is said per client: with fewer
// it is that of the network and the program.
const largeFleet = 100_000

// newRunInfo starts the watch.
func newRunInfo(plan *sim.Plan, file string, workers int, level sim.Level) *runInfo {
	r := &runInfo{
		Schema:       1,
		Scenario:     plan.Name,
		File:         file,
		ScenarioHash: plan.Hash,
		ModelVersion: sim.ModelVersion,
		Build:        readBuild(),
		Started:      time.Now(),
		Workers:      workers,
		GOMAXPROCS:   runtime.GOMAXPROCS(0),
		CPUs:         runtime.NumCPU(),
		Level:        level.String(),
		Coupled:      []coupling{},
		Levels:       []levelShare{},
	}
	for i, policy := range plan.Policies {
		if why := plan.Coupling(i); why != "" {
			r.Coupled = append(r.Coupled, coupling{policy.Name, why})
		}
	}
	return r
}

// finish stops the watch and adds up what the cells counted.
func (r *runInfo) finish(tallies []*sim.Tally) {
	r.WallSeconds = time.Since(r.Started).Seconds()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.SystemBytes, r.AllocatedBytes = memory.Sys, memory.TotalAlloc
	r.Cells = len(tallies)
	var by [sim.NumLevels]uint64
	for _, t := range tallies {
		r.Clients += t.Clients
		r.Selections += t.Selections
		r.Events += t.Events
		for i, n := range t.ByLevel {
			by[i] += n
		}
	}
	for i, name := range sim.LevelNames() {
		if by[i] > 0 {
			r.Levels = append(r.Levels, levelShare{name, by[i], float64(by[i]) / float64(r.Selections)})
		}
	}
	if r.Clients > 0 {
		r.SystemBytesPerClient = r.SystemBytes * uint64(r.Cells) / r.Clients
	}
}

func (r *runInfo) json() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

// String is the run in one line.
func (r *runInfo) String() string {
	text := fmt.Sprintf("%d cells, %d selections in %s on %d workers",
		r.Cells, r.Selections, elapsed(time.Duration(r.WallSeconds*float64(time.Second))), r.Workers)
	for i, l := range r.Levels {
		between := ", "
		if i == 0 {
			between = " ("
		}
		text += fmt.Sprintf("%s%.1f %% at %s level", between, 100*l.Share, l.Level)
	}
	if len(r.Levels) > 0 {
		if r.Clients >= uint64(r.Cells)*largeFleet {
			text += fmt.Sprintf("; %d bytes a client", r.SystemBytesPerClient)
		}
		text += ")"
	}
	if len(r.Coupled) > 0 {
		text += fmt.Sprintf("; packet by packet under %s: %s", r.Coupled[0].Policy, r.Coupled[0].Why)
	}
	return text
}
