package results

import (
	"math"
	"testing"
)

// Differences are paired: a change that is the same in every replication has
// no width, however much the replications differ among themselves.
func TestDifferenceIsPaired(t *testing.T) {
	e := difference(UnitFraction, []float64{-0.25, -0.25, -0.25})
	if e.Mean != -0.25 || e.Lo != -0.25 || e.Hi != -0.25 || !e.Detectable() {
		t.Errorf("difference = %+v, want -0.25 exactly, detectable", e)
	}
	if got := FormatDifference(e); got != "-25%" {
		t.Errorf("FormatDifference = %q, want -25%%", got)
	}
}

func TestDifferenceAroundZeroIsNotDetectable(t *testing.T) {
	e := difference(UnitSeconds, []float64{-1, 2, 0.5})
	if e.Detectable() || e.Lo >= 0 || e.Hi <= 0 {
		t.Errorf("difference = %+v, want an interval over 0", e)
	}
	if got := FormatDifference(e); got != "~ (+500ms ±3.7s)" {
		t.Errorf("FormatDifference = %q", got)
	}
	if got := difference(UnitSeconds, []float64{7}); got.Detectable() || !math.IsInf(got.Lo, -1) {
		t.Errorf("one replication: %+v, want no interval", got)
	}
	if got := FormatDifference(difference(UnitSeconds, nil)); got != "none" {
		t.Errorf("no replication: %q, want none", got)
	}
}

func TestSummaryComparesEveryPolicyWithTheFirst(t *testing.T) {
	s := madeUp(t)
	if len(s.Differences) != len(s.Policies)-1 {
		t.Fatalf("%d differences for %d policies", len(s.Differences), len(s.Policies))
	}
	for i, d := range s.Differences {
		if d.Policy != s.Policies[i+1].Name || d.Base != s.Policies[0].Name || d.Scope != s.Headline() {
			t.Errorf("difference %d is %s against %s for %s", i, d.Policy, d.Base, d.Scope)
		}
		a := s.Policies[0].Scope(s.Headline(), "").Measures.TimeWithoutRelay.Mean
		b := s.Policies[i+1].Scope(s.Headline(), "").Measures.TimeWithoutRelay.Mean
		if math.Abs(d.TimeWithoutRelay.Mean-(b-a)) > 1e-5 {
			t.Errorf("%s: time_without_relay differs by %v, means by %v", d.Policy, d.TimeWithoutRelay.Mean, b-a)
		}
	}
}
