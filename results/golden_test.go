package results

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/relaysim/relaysim/results/madeup"
	"github.com/relaysim/relaysim/sim"
)

// madeUpTallies are made once; only tests that change tallies make their own.
var madeUpTallies = sync.OnceValue(func() []*sim.Tally { return madeup.Tallies(madeup.Plan()) })

// madeUp aggregates the made-up run.
func madeUp(t *testing.T) *Summary {
	t.Helper()
	s, err := Aggregate(madeup.Plan(), madeUpTallies())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// small keeps three policies of the made-up run.
func small(t *testing.T) *Summary {
	s := madeUp(t)
	s.Policies = []Policy{s.Policies[tcpOnly], s.Policies[random], s.Policies[echo]}
	return s
}

func TestPoliciesCSV(t *testing.T) {
	b, err := small(t).PoliciesCSV()
	if err != nil {
		t.Fatal(err)
	}
	madeup.Golden(t, "policies.csv", b)
}

func TestRelaysCSV(t *testing.T) {
	b, err := small(t).RelaysCSV()
	if err != nil {
		t.Fatal(err)
	}
	madeup.Golden(t, "relays.csv", b)
}

// TestMeasuresAsWritten pins one scope and the verdicts as summary.json has
// them.
func TestMeasuresAsWritten(t *testing.T) {
	s := madeUp(t)
	m := s.Policies[random].Scope(ScopeOutside, "").Measures
	m.RehomeCDF = nil
	b, err := json.Marshal(struct {
		Outside  Measures
		Verdicts []Verdict
	}{m, s.Verdicts})
	if err != nil {
		t.Fatal(err)
	}
	madeup.Golden(t, "outside.json", append(indented(b), '\n'))
}
