package rng

import "math/bits"

// Exponential returns a fixed-point exponential variate from 64 random bits:
// -log2(1 - b/2^64) in units of 2^-57, non-decreasing in b to within four units. Its mean
// is 1/ln 2; a race needs only ratios, so the base does not matter. It uses
// integers alone, so that every machine agrees.
func Exponential(b uint64) uint64 {
	if b == 0 {
		return 0
	}
	// u = 2^64 - b, in [1, 2^64); the value is 64 - log2(u).
	u := -b
	z := uint(bits.LeadingZeros64(u))
	m := u << z // mantissa in [2^63, 2^64)
	// log2(m/2^63) in units of 2^-57, rounded down.
	return uint64(z+1)<<57 - log2(m)
}

// log2 returns log2(m/2^63) in units of 2^-57 for m in [2^63, 2^64), within a
// few units and monotone: a table of 1/128 steps, then atanh's series on the
// remainder.
func log2(m uint64) uint64 {
	i := m >> 56 & 0x7f       // which of 128 intervals
	c := uint64(0x80+i) << 56 // its lower end, as a mantissa
	// x = (m-c)/(m+c) in [0, 1/257), as a 2^-64 fraction. m+c may carry.
	sum, carry := bits.Add64(m, c, 0)
	den := sum>>1 | carry<<63
	x, _ := bits.Div64((m-c)>>1, (m-c)<<63, den)
	// ln(m/c) = 2(x + x^3/3 + x^5/5 + x^7/7 + ...); x < 2^-8, so x^9/9 < 2^-75.
	x2, _ := bits.Mul64(x, x)
	t := uint64(1<<63) / 7 * 2
	t, _ = bits.Mul64(t, x2)
	t += uint64(1<<63) / 5 * 2
	t, _ = bits.Mul64(t, x2)
	t += uint64(1<<63) / 3 * 2
	t, _ = bits.Mul64(t, x2)
	t, _ = bits.Mul64(t, x)
	ln := x + t // in 2^-64 units, half of ln(m/c)
	// 2/ln2 = 2.885390081777927 = 0x2.E2A8ECA5705FC2EEFA1...; times 2^-7 to get 2^-57.
	hi, _ := bits.Mul64(ln, 0xb8aa3b295c17f0bc) // (2/ln2)/4 in 2^-64
	return logTable[i] + hi>>5
}
