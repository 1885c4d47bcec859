package results

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// Many long runs come together in order, and memory holds a page of each.
func TestDecisionsMergeInLittleMemory(t *testing.T) {
	const count, length = 1500, 400
	f, err := os.Create(filepath.Join(t.TempDir(), "runs"))
	if err != nil {
		t.Fatal(err)
	}
	runs := &decisionRuns{file: f}
	r := rand.New(rand.NewPCG(1, 1))
	block := make([]sim.Decision, length)
	for range count {
		client, at := uint32(0), vtime.Instant(0)
		for i := range block {
			if at += vtime.Instant(1 + r.Int64N(1e12)); r.IntN(3) == 0 {
				client, at = client+uint32(1+r.IntN(50)), vtime.Instant(r.Int64N(1e12))
			}
			block[i] = sim.Decision{Client: client, Started: at, Ended: at}
		}
		if err := runs.add(0, 0, 1, block); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, last := 0, [2]uint64{}
	err = runs.merge(func(record []byte) error {
		next := [2]uint64{uint64(binary.LittleEndian.Uint32(record)), binary.LittleEndian.Uint64(record[8:])}
		if next[0] < last[0] || next[0] == last[0] && next[1] < last[1] {
			t.Fatalf("record %d, %v, comes after %v", n, next, last)
		}
		n, last = n+1, next
		return nil
	})
	runtime.ReadMemStats(&after)
	if err != nil || n != count*length {
		t.Errorf("%d records were merged, %v; want %d", n, err, count*length)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > count*2*readAtLeast {
		t.Errorf("merging %d runs took %d bytes, want about %d", count, got, count*readAtLeast)
	}
	if err := runs.drop(); err != nil {
		t.Error(err)
	}
}
