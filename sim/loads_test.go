package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// Changes that come in any order, settled in steps, give what going through
// them in order of time gives.
func TestLoadsInAnyOrder(t *testing.T) {
	const relays, end = 3, vtime.Instant(5 * time.Hour)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		type change struct {
			relay int
			at    vtime.Instant
			rises bool
		}
		var all []change
		for range r.IntN(400) * int(1+3*(seed%8/7)) { // now and then in several runs
			from := vtime.Instant(r.Int64N(int64(end)))
			to := from + vtime.Instant(r.Int64N(int64(end-from)))
			if r.IntN(3) == 0 { // at one instant with others
				from, to = from-from%vtime.Instant(SampleEvery), to-to%vtime.Instant(SampleEvery)
			}
			id := r.IntN(relays)
			all = append(all, change{id, from, true}, change{id, to, false})
		}
		want := make([]RelayTally, relays)
		for id := range want {
			load := 0
			w := &want[id]
			mine := slices.DeleteFunc(slices.Clone(all), func(c change) bool { return c.relay != id })
			slices.SortStableFunc(mine, func(a, b change) int { return cmp.Compare(a.at, b.at) })
			until := func(at vtime.Instant) {
				for next := vtime.Instant(len(w.Samples)) * vtime.Instant(SampleEvery); next <= at && next < end; next += vtime.Instant(SampleEvery) {
					w.Samples = append(w.Samples, uint32(load))
				}
			}
			for i, c := range mine {
				if i > 0 && c.at/vtime.Instant(loadTick) > mine[i-1].at/vtime.Instant(loadTick) {
					w.Peak = max(w.Peak, uint32(load))
				}
				until(c.at)
				if c.rises {
					load++
				} else {
					load--
				}
			}
			w.Peak = max(w.Peak, uint32(load))
			until(end)
		}
		got := newLoads(make([]RelayTally, relays), end)
		other := newLoads(make([]RelayTally, relays), end)
		for from := vtime.Instant(0); from < end; {
			to := min(end, from+vtime.Instant(loadTick)*vtime.Instant(1+r.Int64N(7200)))
			for _, i := range r.Perm(len(all)) {
				if c := all[i]; c.at >= from && c.at < to {
					[2]*loads{&got, &other}[r.IntN(2)].change(selection.RelayID(c.relay), c.at, c.rises)
				}
			}
			got.settle(to, &other)
			from = to
		}
		got.close()
		for id := range want {
			g, w := got.relays[id], want[id]
			if g.Peak != w.Peak || !slices.Equal(g.Samples, w.Samples) {
				t.Fatalf("seed %d, relay %d: peak %d samples %v, want %d %v", seed, id, g.Peak, g.Samples, w.Peak, w.Samples)
			}
		}
	}
}
