package selection

import (
	"math/bits"
	"time"
)

// luckMaxChildren is the disclosure's default of the children a relay may have.
const luckMaxChildren = 1000

// LuckMetric is the figure by which the disclosure "Enhanced Automatic Relay
// Selection" (IPCOM000248544D) would rank relays: delay × load × luck, the
// smallest best, with load = children ÷ most and luck a percentage, 1 to 100
// (spec 6.10). most = 0 means the disclosure's default, 1,000. The result is
// rounded down to nanoseconds and saturates.
//
// No evidence says that it was shipped, and a client knows neither the load of
// a relay nor the law of luck: no selection uses it. It is here so that the
// proposal can be computed as written.
func LuckMetric(delay time.Duration, children, most uint32, luck uint8) time.Duration {
	if most == 0 {
		most = luckMaxChildren
	}
	const longest = 1<<63 - 1
	hi, lo := bits.Mul64(uint64(max(delay, 0)), uint64(children)*uint64(luck))
	divisor := uint64(most) * 100
	if hi >= divisor {
		return longest
	}
	q, _ := bits.Div64(hi, lo, divisor)
	return time.Duration(min(q, longest))
}
