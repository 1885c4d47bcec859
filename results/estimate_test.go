package results

import (
	"encoding/json"
	"math"
	"testing"
)

// Values of t(0.975, n-1) are those of printed tables: 12.7062 for 1 degree of
// freedom, 2.7764 for 4, 2.2622 for 9.
func TestEstimateInterval(t *testing.T) {
	for _, c := range []struct {
		name         string
		unit         string
		xs           []float64
		mean, lo, hi float64
	}{
		{"n=5", UnitSeconds, []float64{1, 2, 3, 4, 5}, 3, 3 - 2.776445*1.581139/2.236068, 3 + 2.776445*1.581139/2.236068},
		{"n=2", UnitSeconds, []float64{100, 102}, 101, 101 - 12.706205, 101 + 12.706205},
		{"n=10", UnitClients, []float64{11, 9, 11, 9, 11, 9, 11, 9, 11, 9}, 10, 10 - 2.262157*1.054093/3.162278, 10 + 2.262157*1.054093/3.162278},
		{"a fraction is clipped at both ends", UnitFraction, []float64{0.2, 0.4}, 0.3, 0, 1},
		{"a count is clipped at 0", UnitCount, []float64{0, 2}, 1, 0, 1 + 12.706205},
		{"all the same", UnitFraction, []float64{0.1, 0.1, 0.1}, 0.1, 0.1, 0.1},
		{"a single one", UnitSeconds, []float64{7}, 7, math.Inf(-1), math.Inf(1)},
	} {
		e := estimate(c.unit, c.xs)
		if !near(e.Mean, c.mean) || !near(e.Lo, c.lo) || !near(e.Hi, c.hi) || e.N != len(c.xs) {
			t.Errorf("%s: estimate(%v) = %v [%v, %v] n=%d, want %v [%v, %v]", c.name, c.xs, e.Mean, e.Lo, e.Hi, e.N, c.mean, c.lo, c.hi)
		}
	}
}

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-5*math.Max(math.Abs(a), math.Abs(b))
}

func TestEstimateJSON(t *testing.T) {
	for _, c := range []struct {
		e    Estimate
		want string
	}{
		{estimate(UnitSeconds, nil), `{"mean":null,"lo":null,"hi":null,"min":null,"max":null,"n":0,"unit":"s"}`},
		{estimate(UnitCount, []float64{3}), `{"mean":3,"lo":null,"hi":null,"min":3,"max":3,"n":1,"unit":"count"}`},
		{estimate(UnitFraction, []float64{0.5, 0.5}), `{"mean":0.5,"lo":0.5,"hi":0.5,"min":0.5,"max":0.5,"n":2,"unit":"fraction"}`},
		{Estimate{Mean: 1.0 / 3, Lo: 1234567.89, Hi: 12345678, N: 2}, `{"mean":0.333333,"lo":1234570,"hi":12345678,"min":0,"max":0,"n":2,"unit":""}`},
	} {
		got, err := json.Marshal(c.e)
		if err != nil || string(got) != c.want {
			t.Errorf("Marshal(%+v) = %s, %v, want %s", c.e, got, err, c.want)
		}
		var back Estimate
		if err := json.Unmarshal(got, &back); err != nil || back != c.e.rounded() {
			t.Errorf("Unmarshal(%s) = %+v, %v, want %+v", got, back, err, c.e.rounded())
		}
	}
}

func TestEstimateJSONRefuses(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		if b, err := json.Marshal(Estimate{Mean: x, N: 1}); err == nil {
			t.Errorf("Marshal of a mean of %v = %s, want an error", x, b)
		}
	}
	for _, s := range []string{
		`{"mean":1,"lo":null,"hi":null,"min":1,"max":1,"n":0,"unit":"s"}`,
		`{"mean":1,"lo":1,"hi":1,"min":1,"max":1,"n":1,"unit":"s"}`,
		`{"mean":1,"lo":null,"hi":null,"min":1,"max":1,"n":5,"unit":"s"}`,
		`{"median":1,"n":0}`,
	} {
		var e Estimate
		if err := json.Unmarshal([]byte(s), &e); err == nil {
			t.Errorf("Unmarshal(%s) = %+v, want an error", s, e)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit string
		x    float64
		want string
	}{
		{UnitFraction, 0, "0%"},
		{UnitFraction, 1, "100%"},
		{UnitFraction, 0.99999, ">99.9%"},
		{UnitFraction, 0.00001, "<0.1%"},
		{UnitFraction, 0.9876, "98.8%"},
		{UnitFraction, 0.25, "25%"},
		{UnitSeconds, 0, "0s"},
		{UnitSeconds, 0.35, "350ms"},
		{UnitSeconds, 0.9999, "1s"},
		{UnitSeconds, 12.34, "12.3s"},
		{UnitSeconds, 59.97, "1m"},
		{UnitSeconds, 750, "12m30s"},
		{UnitSeconds, 3599.9, "1h"},
		{UnitSeconds, 11100, "3h05m"},
		{UnitSeconds, 86400 * 2.5, "2d12h"},
		{UnitSeconds, 86399, "1d"},
		{UnitCount, 1234567, "1,234,567"},
		{UnitCount, 999.6, "1,000"},
		{UnitClients, 68.49, "68.5"},
		{UnitCount, 1.08333, "1.08"},
		{UnitCount, 100, "100"},
		{UnitPerDay, 0.02134, "0.021/d"},
		{UnitPerDay, 0.00001, "<0.001/d"},
		{UnitHops, 12, "12"},
		{UnitCount, math.Inf(1), "unknown"},
	} {
		if got := Format(c.unit, c.x); got != c.want {
			t.Errorf("Format(%s, %v) = %q, want %q", c.unit, c.x, got, c.want)
		}
	}
}

func TestEstimateString(t *testing.T) {
	for _, c := range []struct {
		e    Estimate
		want string
	}{
		{estimate(UnitSeconds, nil), "none"},
		{estimate(UnitFraction, []float64{1}), "100% ±?"},
		{estimate(UnitFraction, []float64{1, 1}), "100%"},
		{Estimate{Mean: 0.98, Lo: 0.96, Hi: 1, N: 5, Unit: UnitFraction}, "98% ±2%"},
		{Estimate{Mean: 129, Lo: 128.3, Hi: 129.7, N: 5, Unit: UnitClients}, "129 ±0.7"},
		{Estimate{Mean: 129, Lo: 128.99, Hi: 129.01, N: 5, Unit: UnitClients}, "129 ±<0.1"},
		{Estimate{Mean: 0.2, Lo: 0, Hi: 0.3, N: 5, Unit: UnitCount}, "0.2 ±0.2"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("%+v: String() = %q, want %q", c.e, got, c.want)
		}
	}
}

func TestFormatSpan(t *testing.T) {
	for x, want := range map[float64]string{0.5: "500ms", 12.4: "12s", 1300: "22m", 99 * 60: "99m", 9 * 3600: "9.0h", 5 * 86400: "5.0d"} {
		if got := FormatSpan(x); got != want {
			t.Errorf("FormatSpan(%v) = %q, want %q", x, got, want)
		}
	}
}
