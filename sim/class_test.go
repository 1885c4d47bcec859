package sim

import (
	"runtime"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// TestClassLevelAllocatesNothing counts what is allocated once every client has
// selected a few times: next to nothing, however many selections there are.
func TestClassLevelAllocatesNothing(t *testing.T) {
	w := newWorld()
	w.addGroup("laptop", 500, netEast, roaming, "east;DMZ")
	w.addGroup("remote", 1500, netHome, alwaysOn, "DMZ")
	for i := range w.settings {
		w.settings[i].Interval = 2 * time.Hour
	}
	w.duration = 14 * 24 * time.Hour
	c := newCell(w.plan(t), 0, 0, LevelClass, false)
	type count struct{ selections, mallocs uint64 }
	var counts []count
	c.progress = func(float64) {
		c.eachWorker((*cell).settleExpresses)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		counts = append(counts, count{c.tally.Selections, m.Mallocs})
	}
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	from, to := counts[len(counts)/2], counts[len(counts)-1]
	selections, mallocs := to.selections-from.selections, to.mallocs-from.mallocs
	if selections < 50_000 || c.tally.ByLevel[LevelClass] < c.tally.Selections*9/10 {
		t.Fatalf("%d selections, of the class level %d of %d", selections, c.tally.ByLevel[LevelClass], c.tally.Selections)
	}
	if mallocs*100 > selections {
		t.Errorf("%d allocations for %d selections, want fewer than one for a hundred", mallocs, selections)
	}
}

// Fleets of the usual life on lossy links: what a routine carries out is what
// the packets do, also where a registration that is sent again and again ends
// after the next selection was due, and where a relay refuses.
func TestRoutinesAreWhatPacketsDo(t *testing.T) {
	for seed := range uint64(12) {
		w := newWorld()
		w.addGroup("laptop", 20, netEast, roaming, "east;DMZ")
		w.addGroup("remote", 60, netHome, alwaysOn, "DMZ")
		for i := range w.settings {
			w.settings[i].Interval, w.settings[i].RegisterInterval = 6*time.Hour, 6*time.Hour
		}
		for i := range w.groups {
			w.groups[i].NoCertificate, w.groups[i].StaleList = 0.2, 0.2
		}
		for i := range w.spec.Legs {
			w.spec.Legs[i].Loss = rng.ChanceOf(float64(seed) / 40)
		}
		w.duration = 7 * 24 * time.Hour
		p := w.plan(t)
		p.Seed = seed
		p.Relays[0].Gate.Authenticating = seed%3 == 0
		cells := same(t, p, 0, levelRun{LevelClass, true, 1, 0}, levelRun{LevelClass, false, 2, 0})
		// A selection of the timer that goes its ordinary way takes three events.
		if c := cells[2]; seed < 4 && c.tally.Events > 2*c.tally.Selections {
			t.Errorf("seed %d: %d events for %d selections: hardly any went as a routine", seed, c.tally.Events, c.tally.Selections)
		}
	}
}
