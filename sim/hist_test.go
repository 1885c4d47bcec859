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

// A value counted many times at once is as if it had been counted one by one.
func TestHistCountsManyAtOnce(t *testing.T) {
	k := rng.Seed(5)
	var one, many Hist
	for i := range uint64(300) {
		v, n := k.Draw(rng.Place, i)>>(20+k.Draw(rng.Hours, i)%44), k.Draw(rng.Day, i)%3*(k.Draw(rng.Port, i)%90_000)
		many.AddN(v, n)
		for range n {
			one.Add(v)
		}
	}
	if diff := cmp.Diff(one, many); diff != "" || many.High == nil {
		t.Errorf("one by one and at once (-one +many):\n%s", diff)
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

// TestHistCountsBeyondLow: a bucket that has more values than its low half can
// count, added one by one and merged, in whatever order the others are reached.
func TestHistCountsBeyondLow(t *testing.T) {
	const many = 3<<lowBits + 7
	one := func(from, to uint64) (h Hist) {
		for v := from; v < to; v++ {
			h.Add(v)
		}
		return h
	}
	var added Hist
	for range many {
		added.Add(20)
	}
	merged := one(5, 30)
	for _, h := range []Hist{added, one(40, 50), added, one(0, 3)} {
		merged.Merge(&h)
	}
	other := one(0, 3)
	for _, h := range []Hist{one(40, 50), added, one(5, 30), added} {
		other.Merge(&h)
	}
	if d := cmp.Diff(merged, other); d != "" {
		t.Errorf("the order of merging matters (-one +other):\n%s", d)
	}
	got := map[uint64]uint64{}
	merged.Each(func(top, n uint64) { got[top] = n })
	want := map[uint64]uint64{20: 2*many + 1}
	for v := range uint64(50) {
		if v < 3 || v >= 5 && v < 30 && v != 20 || v >= 40 {
			want[v] = 1
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if v, ok := merged.Quantile(0.5); v != 20 || !ok {
		t.Errorf("Quantile(0.5) = %d, %v, want 20", v, ok)
	}
}

// TestHistEqualsCounts: under random values in random order a histogram says of
// each bucket what a plain map of counts does.
func TestHistEqualsCounts(t *testing.T) {
	k := rng.Seed(9)
	var h, half Hist
	want := map[uint64]uint64{}
	n := uint64(0)
	for range 400 {
		v := k.Draw(rng.Place, n) >> (64 - k.Draw(rng.Hours, n)%4*8)
		for range 1 + k.Draw(rng.Day, n)%3000 {
			if n++; n%2 == 0 {
				h.Add(v)
			} else {
				half.Add(v)
			}
			want[bucketTop(bucketOf(v))]++
		}
	}
	h.Merge(&half)
	if top := bucketTop(bucketOf(h.Max)); top != h.Max { // Each clamps it
		want[h.Max] = want[top]
		delete(want, top)
	}
	got := map[uint64]uint64{}
	h.Each(func(top, n uint64) { got[top] = n })
	if d := cmp.Diff(want, got); d != "" || len(h.High) == 0 {
		t.Errorf("counts of %d values, carried: %v (-want +got):\n%s", n, len(h.High) > 0, d)
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
