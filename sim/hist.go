package sim

import (
	"math/bits"
	"slices"
)

// Hist is a histogram of non-negative integers with a relative resolution of
// 1/32 and exact minimum, maximum, sum and count. It is mergeable; the zero
// value is empty. Values below 64 are exact.
type Hist struct {
	N        uint64
	Sum      uint64
	Min, Max uint64 // meaningless while N is 0
	// Buckets are those from that of Min to that of Max, the first of which is
	// bucket First.
	First   int
	Buckets []uint64
}

// Add counts one value.
func (h *Hist) Add(v uint64) {
	if h.N == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	h.N++
	h.Sum += v
	i := bucketOf(v)
	if i-h.First >= len(h.Buckets) || i < h.First {
		h.reach(i, i+1)
	}
	h.Buckets[i-h.First]++
}

// reach grows the histogram to the buckets from one to before another. There
// are never more than the values need, so that equal contents are equal in
// every byte.
func (h *Hist) reach(from, to int) {
	if len(h.Buckets) == 0 {
		h.First = from
	}
	if n := h.First - from; n > 0 {
		h.First, h.Buckets = from, slices.Insert(h.Buckets, 0, make([]uint64, n)...)
	}
	if n := to - h.First - len(h.Buckets); n > 0 {
		h.Buckets = append(h.Buckets, make([]uint64, n)...)
	}
}

// Merge adds the counts of o.
func (h *Hist) Merge(o *Hist) {
	if o.N == 0 {
		return
	}
	if h.N == 0 || o.Min < h.Min {
		h.Min = o.Min
	}
	h.Max = max(h.Max, o.Max)
	h.N += o.N
	h.Sum += o.Sum
	h.reach(o.First, o.First+len(o.Buckets))
	for i, n := range o.Buckets {
		h.Buckets[o.First-h.First+i] += n
	}
}

// Quantile returns the smallest bucket bound b such that at least a fraction
// q of the values are at most b, clamped to [Min, Max]. ok is false if the
// histogram is empty.
func (h *Hist) Quantile(q float64) (v uint64, ok bool) {
	if h.N == 0 {
		return 0, false
	}
	need := uint64(q * float64(h.N))
	if float64(need) < q*float64(h.N) {
		need++
	}
	need = min(max(need, 1), h.N)
	seen := uint64(0)
	for i, n := range h.Buckets {
		seen += n
		if seen >= need {
			return min(max(bucketTop(h.First+i), h.Min), h.Max), true
		}
	}
	return h.Max, true
}

// Each calls f for every non-empty bucket in ascending order with its upper
// bound and count.
func (h *Hist) Each(f func(top, n uint64)) {
	for i, n := range h.Buckets {
		if n > 0 {
			f(min(bucketTop(h.First+i), h.Max), n)
		}
	}
}

// bucketOf: exact below 64, then 32 buckets an octave.
func bucketOf(v uint64) int {
	if v < 64 {
		return int(v)
	}
	e := bits.Len64(v) - 6
	return e*32 + int(v>>e)
}

// bucketTop is the largest value of bucket i.
func bucketTop(i int) uint64 {
	if i < 64 {
		return uint64(i)
	}
	e := i/32 - 1
	return (uint64(i-e*32)+1)<<e - 1
}
