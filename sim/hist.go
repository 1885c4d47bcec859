package sim

import "math/bits"

// lowBits is the width of the counts that most buckets stay below.
const lowBits = 16

// Hist is a histogram of non-negative integers with a relative resolution of
// 1/32 and exact minimum, maximum, sum and count. It is mergeable; the zero
// value is empty. Values below 64 are exact.
type Hist struct {
	N        uint64
	Sum      uint64
	Min, Max uint64 // meaningless while N is 0
	// Low are the counts of the buckets from that of Min to that of Max, the
	// first of which is bucket First, modulo 1<<16. High, empty while all counts
	// are below that, are the multiples of 1<<16 in them, which suffices for
	// 1<<48 values in a bucket. A run has tens of thousands of histograms, most
	// of them of one place, so that they have to be small.
	First int
	Low   []uint16
	High  []uint32
}

// Add counts one value.
func (h *Hist) Add(v uint64) {
	i := bucketOf(v)
	if uint(i-h.First) >= uint(len(h.Low)) {
		h.reach(i, i+1)
	}
	if h.N == 0 {
		h.Min = v
	}
	h.Min, h.Max = min(h.Min, v), max(h.Max, v)
	h.N++
	h.Sum += v
	low := &h.Low[i-h.First]
	if *low++; *low == 0 {
		h.carry(i-h.First, 1)
	}
}

// AddN counts one value so many times.
func (h *Hist) AddN(v, n uint64) {
	if n == 0 {
		return
	}
	h.Add(v)
	n--
	h.N += n
	h.Sum += n * v
	i := bucketOf(v) - h.First
	n += uint64(h.Low[i])
	h.Low[i] = uint16(n)
	if n >>= lowBits; n > 0 {
		h.carry(i, uint32(n))
	}
}

// carry adds multiples of 1<<16 to the count of a bucket, numbered from First.
func (h *Hist) carry(i int, multiples uint32) {
	if h.High == nil {
		h.High = make([]uint32, len(h.Low))
	}
	h.High[i] += multiples
}

// count is the count of a bucket, numbered from First.
func (h *Hist) count(i int) uint64 {
	n := uint64(h.Low[i])
	if h.High != nil {
		n += uint64(h.High[i]) << lowBits
	}
	return n
}

// reach grows the histogram to the buckets from one to before another. There
// are never more than the values need, so that equal contents are equal in
// every byte.
func (h *Hist) reach(from, to int) {
	if len(h.Low) == 0 {
		h.First = from
	}
	before, after := max(0, h.First-from), max(0, to-h.First-len(h.Low))
	h.First -= before
	h.Low = widened(h.Low, before, after)
	if h.High != nil {
		h.High = widened(h.High, before, after)
	}
}

// widened is a with so many zeros before and after it, and little room for more.
func widened[T any](a []T, before, after int) []T {
	n := before + len(a) + after
	if before == 0 && n <= cap(a) {
		clear(a[len(a):n])
		return a[:n]
	}
	const room = 2
	wide := make([]T, n, n+n/8+room)
	copy(wide[before:], a)
	return wide
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
	h.reach(o.First, o.First+len(o.Low))
	for i := range o.Low {
		j := o.First - h.First + i
		n := uint64(h.Low[j]) + o.count(i)
		h.Low[j] = uint16(n)
		if n >>= lowBits; n > 0 {
			h.carry(j, uint32(n))
		}
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
	for i := range h.Low {
		seen += h.count(i)
		if seen >= need {
			return min(max(bucketTop(h.First+i), h.Min), h.Max), true
		}
	}
	return h.Max, true
}

// Each calls f for every non-empty bucket in ascending order with its upper
// bound and count.
func (h *Hist) Each(f func(top, n uint64)) {
	for i := range h.Low {
		if n := h.count(i); n > 0 {
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
