package report

import "math"

// niceTicks returns round numbers from 0 to at least top, about n of them.
func niceTicks(top float64, n int) []float64 {
	if top <= 0 {
		return []float64{0, 1}
	}
	step := niceStep(top / float64(n))
	var out []float64
	for i := 0; ; i++ {
		x := float64(i) * step
		out = append(out, x)
		if x >= top {
			return out
		}
	}
}

// niceStep is the smallest of 1, 2 and 5 times a power of ten that is not
// below x.
func niceStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// timeTick is a labelled span on a logarithmic axis.
type timeTick struct {
	seconds float64
	label   string
}

// timeTicks are the spans that people think in; closeTicks serve an axis of
// less than a factor of ten.
var (
	timeTicks = []timeTick{
		{0.001, "1 ms"},
		{0.01, "10 ms"},
		{0.1, "0.1 s"},
		{1, "1 s"},
		{10, "10 s"},
		{60, "1 min"},
		{600, "10 min"},
		{1800, "30 min"},
		{3600, "1 h"},
		{2 * 3600, "2 h"},
		{6 * 3600, "6 h"},
		{12 * 3600, "12 h"},
		{86400, "1 day"},
		{2 * 86400, "2 days"},
		{7 * 86400, "1 week"},
		{30 * 86400, "30 days"},
		{365 * 86400, "1 year"},
	}
	closeTicks = []timeTick{
		{0.001, "1 ms"},
		{0.01, "10 ms"},
		{0.1, "0.1 s"},
		{0.2, "0.2 s"},
		{0.5, "0.5 s"},
		{1, "1 s"},
		{2, "2 s"},
		{5, "5 s"},
		{10, "10 s"},
		{20, "20 s"},
		{30, "30 s"},
		{60, "1 min"},
		{120, "2 min"},
		{300, "5 min"},
		{600, "10 min"},
		{900, "15 min"},
		{1200, "20 min"},
		{1800, "30 min"},
		{3600, "1 h"},
		{2 * 3600, "2 h"},
		{3 * 3600, "3 h"},
		{6 * 3600, "6 h"},
		{12 * 3600, "12 h"},
		{86400, "1 day"},
		{2 * 86400, "2 days"},
		{4 * 86400, "4 days"},
		{7 * 86400, "1 week"},
		{30 * 86400, "30 days"},
		{365 * 86400, "1 year"},
	}
)

// timeAxis returns the ticks that span lo to hi, one beyond at each end.
func timeAxis(lo, hi float64) []timeTick {
	ticks := timeTicks
	if hi < 10*lo {
		ticks = closeTicks
	}
	first, last := 0, len(ticks)-1
	for i, t := range ticks {
		if t.seconds <= lo {
			first = i
		}
	}
	for i := len(ticks) - 1; i >= 0; i-- {
		if ticks[i].seconds >= hi {
			last = i
		}
	}
	if last <= first {
		last = min(first+1, len(ticks)-1)
		first = last - 1
	}
	return ticks[first : last+1]
}
