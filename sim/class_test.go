package sim

import (
	"encoding/json"
	"testing"
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
