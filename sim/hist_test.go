package sim

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
)

func TestHistQuantilesAreWithinItsResolution(t *testing.T) {
	var h Hist
	var vs []uint64
	k := rng.Seed(3)
	for i := range uint64(5000) {
		v := k.Draw(rng.Place, i) >> (10 + k.Draw(rng.Hours, i)%50)
		h.Add(v)
		vs = append(vs, v)
	}
	slices.Sort(vs)
	for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 1} {
		got, ok := h.Quantile(q)
		want := vs[min(max(int(math.Ceil(q*5000))-1, 0), 4999)]
		if !ok || got < want || float64(got) > float64(want)*(1+1.0/32)+1 {
			t.Errorf("Quantile(%v) = %d, want %d to within 1/32", q, got, want)
		}
	}
	if h.Min != vs[0] || h.Max != vs[4999] || h.N != 5000 {
		t.Errorf("min %d max %d n %d, want %d %d 5000", h.Min, h.Max, h.N, vs[0], vs[4999])
	}
}

func TestHistBucketsCoverTheIntegers(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 65, 66, 127, 128, 1<<20 - 1, 1 << 20, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		i := bucketOf(v)
		if top := bucketTop(i); v > top || i > 0 && v <= bucketTop(i-1) {
			t.Errorf("bucketOf(%d) = %d, which ends at %d", v, i, top)
		}
	}
}

func TestHistMergeIsAddition(t *testing.T) {
	var a, b, all Hist
	for v := range uint64(300) {
		all.Add(v * v)
		if v%3 == 0 {
			a.Add(v * v)
		} else {
			b.Add(v * v)
		}
	}
	a.Merge(&b)
	a.Merge(&Hist{})
	if d := cmp.Diff(all, a); d != "" {
		t.Errorf("merged histogram differs (-want +got):\n%s", d)
	}
	if _, ok := (&Hist{}).Quantile(0.5); ok {
		t.Error("an empty histogram has a median")
	}
}
