package results

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Format writes a figure in the words of its unit: "99.8%", "12m30s",
// "1,204". It never rounds to 0 or to 100% what is not.
func Format(unit string, x float64) string {
	switch {
	case math.IsInf(x, 0) || math.IsNaN(x):
		return "unknown"
	case unit == UnitFraction:
		return formatPercent(x)
	case unit == UnitSeconds:
		return FormatSeconds(x)
	case unit == UnitPerDay:
		return formatCount(x) + "/d"
	}
	return formatCount(x)
}

// String writes mean and interval: "99.8% ±0.1%". A figure that is the same in
// every replication stands alone; one replication shows that it has no
// interval.
func (e Estimate) String() string {
	switch w, ok := e.HalfWidth(); {
	case e.None():
		return "none"
	case !ok:
		return Format(e.Unit, e.Mean) + " ±?"
	case w == 0:
		return Format(e.Unit, e.Mean)
	default:
		return Format(e.Unit, e.Mean) + " ±" + e.margin(w)
	}
}

// margin writes a half-width no finer than the mean is written.
func (e Estimate) margin(w float64) string {
	switch {
	case e.Unit == UnitFraction || e.Unit == UnitSeconds:
		return Format(e.Unit, w)
	case math.Abs(e.Mean) < 1 || w >= 10:
		return formatCount(w)
	case w < 0.05:
		return "<0.1"
	}
	return strconv.FormatFloat(w, 'f', 1, 64)
}

func formatPercent(x float64) string {
	switch p := 100 * x; {
	case p > 0 && p < 0.05:
		return "<0.1%"
	case p < 100 && p > 99.95:
		return ">99.9%"
	case math.Abs(p-math.Round(p)) < 1e-9:
		return strconv.FormatFloat(p, 'f', 0, 64) + "%"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + "%"
	}
}

// formatCount keeps about three digits below a hundred and groups thousands.
func formatCount(x float64) string {
	a := math.Abs(x)
	switch {
	case a != 0 && a < 0.001:
		return "<0.001"
	case a < 1 && a != math.Trunc(a):
		return strings.TrimRight(strconv.FormatFloat(x, 'f', 3, 64), "0")
	case a < 10 && a != math.Trunc(a):
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 2, 64), "0"), ".")
	case a < 100 && a != math.Trunc(a):
		return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
	}
	return thousands(int64(math.Round(x)))
}

// thousands groups digits with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// FormatSeconds writes a span in its two largest units: "350ms", "12.3s",
// "12m30s", "3h05m", "2d03h".
func FormatSeconds(x float64) string {
	switch {
	case x == 0:
		return "0s"
	case x < 0.0005:
		return "<1ms"
	case x < 0.9995:
		return fmt.Sprintf("%.0fms", x*1000)
	case x < 59.95:
		return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + "s"
	}
	s := int64(math.Round(x))
	if s >= 3600 {
		s = (s + 30) / 60 * 60
	}
	if s >= 86400 {
		s = (s + 1800) / 3600 * 3600
	}
	switch {
	case s < 3600:
		return pairOf(s/60, "m", s%60, "s")
	case s < 86400:
		return pairOf(s/3600, "h", s/60%60, "m")
	}
	return pairOf(s/86400, "d", s/3600%24, "h")
}

// FormatSpan writes a span in one unit, for tables: "350ms", "12s", "21m",
// "9.0h", "2.4d".
func FormatSpan(x float64) string {
	switch {
	case x < 0.9995:
		return FormatSeconds(x)
	case x < 99.5:
		return fmt.Sprintf("%.0fs", x)
	case x < 99.5*60:
		return fmt.Sprintf("%.0fm", x/60)
	case x < 47.95*3600:
		return fmt.Sprintf("%.1fh", x/3600)
	}
	return fmt.Sprintf("%.1fd", x/86400)
}

func pairOf(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d%s", a, unitA)
	}
	return fmt.Sprintf("%d%s%02d%s", a, unitA, b, unitB)
}
