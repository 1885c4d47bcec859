package topology

import (
	"testing"

	"github.com/relaysim/relaysim/rng"
)

// TestMemoRowEqualsARow: a row that has what was asked about finds what one with
// a place for every host and kind does, however many were asked and forgotten.
func TestMemoRowEqualsARow(t *testing.T) {
	const hosts = 700
	var n Network
	n.known = make([]address, 1) // no views and no addresses
	for _, asked := range []uint64{1, 3, 40, hosts} {
		key := rng.Seed(asked)
		m := memo{rows: make([]memoRow, 1)}
		want := make([]*exchange, hosts*numRequests)
		met := map[int]bool{}
		for i := range uint64(4000) {
			h, k := HostID(key.Draw(rng.Place, i)%asked*(hosts/asked)), Kind(key.Draw(rng.Day, i)%uint64(numRequests))
			at, place := m.rows[0].at(memoKey(h, k)), int(h)*numRequests+int(k)
			met[place] = true
			if *at != want[place] {
				t.Fatalf("asked %d: host %d, kind %v: %p, want %p", asked, h, k, *at, want[place])
			}
			if *at == nil {
				*at = &exchange{owner: h}
				want[place] = *at
			}
			if i%50 == 0 {
				m.forget(&n, h)
				clear(want[int(h)*numRequests : (int(h)+1)*numRequests])
			}
		}
		r := &m.rows[0]
		if r.used != len(met) || len(r.places) > 4*len(met) {
			t.Errorf("%d places for %d exchanges, want %d", len(r.places), r.used, len(met))
		}
	}
}
