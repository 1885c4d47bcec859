package sim

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// TestRelayTimesEqualARow: under random spans, also such as end after others
// began, relay times say what a row with a place for every relay does.
func TestRelayTimesEqualARow(t *testing.T) {
	const relays = 40
	k := rng.Seed(5)
	var row [relays]uint64
	var parts [2]RelayTimes
	for n := range uint64(500) {
		id := selection.RelayID(k.Draw(rng.Place, n) % relays)
		if id%7 == 3 {
			continue // nobody is ever there
		}
		from, to := k.Draw(rng.Hours, n)%1000, 1000+k.Draw(rng.Day, n)%1000
		if id%7 == 4 {
			from = to // for no time at all
		}
		parts[n%2].Add(id, -from)
		parts[(n+1)/2%2].Add(id, to)
		row[id] += to - from
	}
	sum := uint64(0)
	var want RelayTimes
	for id, time := range row {
		if sum += time; time > 0 {
			want = append(want, RelayTime{selection.RelayID(id), time})
		}
	}
	got := parts[0]
	got.merge(parts[1])
	if got.settle(); got.Sum() != sum || sum == 0 {
		t.Errorf("sum %d, want %d", got.Sum(), sum)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("times (-want +got):\n%s", d)
	}
	for id, time := range row {
		if got := got.Of(selection.RelayID(id)); got != time {
			t.Errorf("Of(%d) = %d, want %d", id, got, time)
		}
	}
	if got := got.Of(relays); got != 0 {
		t.Errorf("a relay beyond all has %d", got)
	}
	var none RelayTimes
	none.Add(3, 5)
	none.Add(3, ^uint64(4)) // -5
	if none.settle(); none != nil {
		t.Errorf("times that cancel out leave %v", none)
	}
}
