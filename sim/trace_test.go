package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/relaysim/relaysim/vtime"
)

// Dealing decisions out to their clients gives what comparing them gives.
func TestTraceSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		var tr Trace
		clients := 1 + r.IntN(40)
		for i := range n {
			tr.Decisions = append(tr.Decisions, Decision{Client: uint32(r.IntN(clients)), Started: vtime.Instant(i), Slot: int32(i)})
		}
		r.Shuffle(n, func(i, j int) { d := tr.Decisions; d[i], d[j] = d[j], d[i] })
		want := slices.Clone(tr.Decisions)
		slices.SortFunc(want, func(a, b Decision) int {
			return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Started, b.Started))
		})
		if tr.sort(); !slices.Equal(tr.Decisions, want) {
			t.Fatalf("%d decisions of %d clients: sorted to\n%v\nwant\n%v", n, clients, tr.Decisions, want)
		}
	}
}
