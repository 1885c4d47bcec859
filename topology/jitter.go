package topology

import (
	"math/bits"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// ln2 is ln 2 in units of 2^-64.
const ln2 = 0xb17217f7d1cf79ab

// sample is the variate of j made of the draws of s from n on, three at most. It is
// computed in integers, so that every machine agrees, and has the mean j.Mean
// to within a nanosecond:
//
//   - Exponential: -Mean ln U.
//   - Uniform: a whole number of nanoseconds from 0 to 2 Mean.
//   - Pareto: 2 a (1/V - 1), where V is the greatest of three uniforms, so that
//     P(1/V > y) = y^-3. It is the Pareto distribution of shape 3 moved to begin
//     at 0 (Lomax): P(X > x) = (1 + x/(2a))^-3, of mean a. No variate is above
//     100 a, which without further ado would take 1/51^2 off the mean; so a is
//     Mean 2601/2600.
func (j *Jitter) sample(s rng.Stream, n uint64) time.Duration {
	if j.Mean <= 0 {
		return 0
	}
	mean := uint64(min(j.Mean, longest))
	switch j.Law {
	case Uniform:
		return nanoseconds(0, rng.Below(s.Draw(n), 2*mean+1))
	case Pareto:
		v := max(s.Draw(n), s.Draw(n+1), s.Draw(n+2), leastV)
		hi, lo := bits.Mul64(2*longer(mean), -v)
		if hi >= v {
			return nanoseconds(1, 0)
		}
		q, _ := bits.Div64(hi, lo, v)
		return nanoseconds(0, q)
	}
	e, _ := bits.Mul64(rng.Exponential(s.Draw(n)), ln2) // from log2 to ln, in units of 2^-57
	hi, lo := bits.Mul64(mean, e)
	return nanoseconds(hi>>57, hi<<7|lo>>57)
}

// leastV is 1/51, above which 1/V - 1 is not greater than 50.
const leastV = 1<<64/51 + 1

// longer is d 2601/2600, for d up to longest.
func longer(d uint64) uint64 {
	hi, lo := bits.Mul64(d, 2601)
	q, _ := bits.Div64(hi, lo, 2600)
	return q
}

// most is what no variate of j is above: of an exponential one 64 ln 2 = 44.4
// times the mean, as uniforms are of 64 bits.
func (j *Jitter) most() time.Duration {
	times := [numJitterLaws]uint64{Exponential: 45, Uniform: 2, Pareto: 101}[j.Law]
	return nanoseconds(bits.Mul64(times, uint64(max(j.Mean, 0))))
}

// longest bounds a variate, so that sums of two do not overflow: 146 years.
const longest = 1 << 62

// nanoseconds is a 128-bit number of nanoseconds as a duration, at most longest.
func nanoseconds(hi, lo uint64) time.Duration {
	if hi != 0 || lo > longest {
		return longest
	}
	return time.Duration(lo)
}
