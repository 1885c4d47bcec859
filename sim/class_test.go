package sim

import (
	"runtime"
	"testing"
	"time"
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
