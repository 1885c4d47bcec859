package sim

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"
)

func TestClassLevelEqualsRoundLevel(t *testing.T) {
	worlds := uint64(200)
	if testing.Short() {
		worlds = 10
	}
	for seed := uint64(1); seed <= worlds; seed++ {
		p := randomWorld(seed).plan(t)
		if seed%4 != 0 {
			for i := range p.Relays {
				p.Relays[i].Gate.MaxChildren = 0
			}
		}
		roundTrace, roundTally := runCell(t, p, LevelPacket)
		classTrace, classTally := runCell(t, p, LevelClass)
		if roundTrace != classTrace {
			t.Fatalf("world %d: traces differ: %s", seed, firstDifference(roundTrace, classTrace))
		}
		if roundTally != classTally {
			t.Fatalf("world %d: tallies differ: %s", seed, firstDifference(roundTally, classTally))
		}
		c := newCell(p, 0, 0, LevelClass, false)
		_ = c.run(t.Context())
		c.tally.Events, c.tally.ByLevel = 0, [NumLevels]uint64{}
		j, _ := json.MarshalIndent(c.tally, "", " ")
		if string(j) != classTally {
			t.Fatalf("world %d: tallies differ: %s", seed, firstDifference(string(j), classTally))
		}
	}
}

func TestClassShare(t *testing.T) {
	for seed := uint64(1); seed <= 60; seed++ {
		p := randomWorld(seed).plan(t)
		if seed%4 != 0 {
			for i := range p.Relays {
				p.Relays[i].Gate.MaxChildren = 0
			}
		}
		c := newCell(p, 0, 0, LevelClass, false)
		if c.sweep == nil {
			t.Log(seed, "capped")
			continue
		}
		_ = c.run(t.Context())
		w := c.sweep.workers[0]
		t.Log(seed, w.tally.Selections, c.tally.Selections, len(c.clients), len(c.sweep.resting), w.tally.Events, c.tally.Events)
	}
}

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
