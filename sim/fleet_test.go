package sim

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var _ = netip.Prefix{}
var _ = fmt.Sprint
var _ = time.Second

func BenchmarkFleetOld(b *testing.B) {
	w := newWorld()
	life := roaming
	w.addGroup("laptop", 2000, netEast, life, "east;DMZ")
	w.addGroup("remote", 8000, netHome, alwaysOn, "DMZ")
	w.duration = 7 * 24 * time.Hour
	p := w.plan(b)
	for _, level := range []Level{LevelRound, LevelClass} {
		b.Run(level.String(), func(b *testing.B) {
			sel := uint64(0)
			for b.Loop() {
				c := newCell(p, 0, 0, level, false)
				_ = c.run(b.Context())
				sel += c.tally.Selections
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sel), "ns/selection")
			b.ReportMetric(float64(sel)/float64(b.N), "selections")
		})
	}
}
