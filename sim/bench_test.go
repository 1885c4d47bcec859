package sim

import (
	"context"
	"testing"
	"time"
)

// A fleet of a thousand over two days, with one outage.
func BenchmarkCell(b *testing.B) {
	for _, level := range []Level{LevelRound, LevelPacket} {
		b.Run("level="+level.String(), func(b *testing.B) {
			w := newWorld()
			w.addGroup("laptop", 500, netEast, roaming, "east;DMZ")
			w.addGroup("remote", 500, netHome, alwaysOn, "DMZ")
			for i := range w.settings {
				w.settings[i].Interval = 2 * time.Hour
			}
			w.events = []EventPlan{{At: 20 * time.Hour, Kind: HostDown, Relay: 0}, {At: 30 * time.Hour, Kind: RelayUp, Relay: 0}}
			p := w.plan(b)
			b.ReportAllocs()
			events := uint64(0)
			for b.Loop() {
				c := newCell(p, 0, 0, level, false)
				if err := c.run(context.Background()); err != nil {
					b.Fatal(err)
				}
				events += c.tally.Events
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
