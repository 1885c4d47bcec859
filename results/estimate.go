package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Units as summaries name them.
const (
	UnitCount    = "count"
	UnitFraction = "fraction"
	UnitSeconds  = "s"
	UnitPerDay   = "per_client_day"
	UnitHops     = "hops"
	UnitClients  = "clients"
	UnitDays     = "client_days"
)

// confidence is the level of every interval.
const confidence = 0.95

// Estimate is the mean of a measure over replications with its interval.
type Estimate struct {
	// Mean, smallest and largest value over the N replications that have one.
	Mean float64
	// Lo and Hi bound the 95 % interval of Mean (Student's t, clipped to what
	// the unit allows). They are -Inf and +Inf, null in JSON, if N is below 2.
	Lo, Hi float64
	// N is the number of replications with a value; 0 means "none": nothing
	// that the measure speaks of happened in any of them.
	N        int
	Unit     string
	Min, Max float64
}

// None tells that no replication has a value.
func (e Estimate) None() bool { return e.N == 0 }

// HalfWidth is the larger distance from the mean to an end of the interval.
// ok is false if there is no interval.
func (e Estimate) HalfWidth() (w float64, ok bool) {
	if e.N < 2 {
		return 0, false
	}
	return math.Max(e.Hi-e.Mean, e.Mean-e.Lo), true
}

// estimate summarises one value per replication. Sums are taken in order and
// products are rounded singly, so that the result does not depend on the
// machine's fused operations.
func estimate(unit string, xs []float64) Estimate {
	e := Estimate{N: len(xs), Unit: unit, Lo: math.Inf(-1), Hi: math.Inf(1)}
	if e.N == 0 {
		return e
	}
	sum := 0.0
	e.Min, e.Max = xs[0], xs[0]
	for _, x := range xs {
		sum += x
		e.Min, e.Max = math.Min(e.Min, x), math.Max(e.Max, x)
	}
	e.Mean = sum / float64(e.N)
	if e.Min == e.Max {
		e.Mean = e.Min
	}
	if e.N < 2 {
		return e
	}
	w := halfWidth(xs, e.Mean)
	low, high := unitRange(unit)
	e.Lo, e.Hi = math.Max(e.Mean-w, low), math.Min(e.Mean+w, high)
	return e
}

// halfWidth is t(0.975, n-1) * s / sqrt(n).
func halfWidth(xs []float64, mean float64) float64 {
	ss := 0.0
	for _, x := range xs {
		d := x - mean
		ss += float64(d * d) // the conversion forbids fusing
	}
	if ss == 0 {
		return 0
	}
	n := float64(len(xs))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.5 + confidence/2)
	return t * math.Sqrt(ss/(n-1)/n)
}

// unitRange is the range that a value of the unit can take. No measure is
// negative.
func unitRange(unit string) (low, high float64) {
	if unit == UnitFraction {
		return 0, 1
	}
	return 0, math.Inf(1)
}

// rounded returns the estimate as summaries carry it.
func (e Estimate) rounded() Estimate {
	e.Mean, e.Lo, e.Hi = rounded(e.Mean), rounded(e.Lo), rounded(e.Hi)
	e.Min, e.Max = rounded(e.Min), rounded(e.Max)
	return e
}

// MarshalJSON writes null for what does not exist: every figure of an empty
// series, the interval of a single replication.
func (e Estimate) MarshalJSON() ([]byte, error) {
	b := []byte("{")
	for _, f := range []struct {
		name string
		x    float64
		some bool
	}{
		{"mean", e.Mean, e.N > 0},
		{"lo", e.Lo, e.N > 1},
		{"hi", e.Hi, e.N > 1},
		{"min", e.Min, e.N > 0},
		{"max", e.Max, e.N > 0},
	} {
		b = fmt.Appendf(b, "%q:", f.name)
		if !f.some {
			b = append(b, "null,"...)
			continue
		}
		var err error
		if b, err = appendFigure(b, f.x); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		b = append(b, ',')
	}
	return fmt.Appendf(b, `"n":%d,"unit":%q}`, e.N, e.Unit), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Estimate) UnmarshalJSON(b []byte) error {
	var j struct {
		Mean, Lo, Hi, Min, Max *float64
		N                      int
		Unit                   string
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	if (j.Mean == nil) != (j.N == 0) || (j.Lo == nil) != (j.N < 2) || (j.Hi == nil) != (j.N < 2) {
		return fmt.Errorf("estimate with n = %d has the wrong figures", j.N)
	}
	or := func(p *float64, x float64) float64 {
		if p == nil {
			return x
		}
		return *p
	}
	*e = Estimate{
		Mean: or(j.Mean, 0), Lo: or(j.Lo, math.Inf(-1)), Hi: or(j.Hi, math.Inf(1)),
		N: j.N, Unit: j.Unit, Min: or(j.Min, 0), Max: or(j.Max, 0),
	}
	return nil
}
