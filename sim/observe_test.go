package sim

import (
	"testing"

	"github.com/relaysim/relaysim/vtime"
)

// A load that does not last from one tick to another is no peak: whether one
// client leaves before another comes at one instant is nobody's doing.
func TestPeakIsALoadThatLasts(t *testing.T) {
	w := eastern(1, 1)
	c := newCell(w.plan(t), 0, 0, LevelRound, false)
	step := func(at vtime.Instant, by ...int) {
		for _, n := range by {
			c.loads.change(east1, at*vtime.Instant(loadTick), n > 0)
		}
	}
	step(10, +1)
	step(20, +1, -1)
	step(30, -1, +1)
	step(40, +1)
	step(50, +1, -1, -1)
	c.loads.settle(60 * vtime.Instant(loadTick))
	if got := c.tally.Relays[east1].Peak; got != 2 {
		t.Errorf("peak %d, want 2, the load from 40 to 50", got)
	}
}
