package results

import (
	"math"

	"github.com/relaysim/relaysim/sim"
)

// Difference is what a policy changes against the first one: differences taken
// within each replication, under the same weather, then averaged. An interval
// that contains 0 means that no difference is detectable.
type Difference struct {
	Policy string `json:"policy"`
	Base   string `json:"base"`
	// Scope is the kind of the scope compared, the one of the headline.
	Scope string `json:"scope"`
	// FoundWithin is for the first bound. An estimate with n = 0 has no
	// replication in which both policies have the measure.
	FoundWithin      Estimate `json:"found_within"`
	FoundTimeP95     Estimate `json:"found_time_p95"`
	TimeWithoutRelay Estimate `json:"time_without_relay"`
	Rehomes          Estimate `json:"rehomes"`
	RehomeTimeP95    Estimate `json:"rehome_time_p95"`
	RootLoadPeak     Estimate `json:"root_load_peak"`
}

// Detectable tells whether the interval of a difference excludes 0. One
// replication has no interval and detects nothing.
func (e Estimate) Detectable() bool {
	return e.N >= 2 && (e.Lo > 0 || e.Hi < 0)
}

// against compares every further policy with the first.
func (r *run) against(s scope) []Difference {
	out := []Difference{}
	for i := 1; i < len(r.plan.Policies); i++ {
		a, b := r.pooledOver(0, s.slots), r.pooledOver(i, s.slots)
		of := func(m sim.Measure, st sim.Stat) Estimate { return paired(a, b, ask(m, st)) }
		within := ask(sim.FoundWithin, sim.StatNone)
		within.within = r.plan.FoundBounds[0]
		out = append(out, Difference{
			Policy: r.plan.Policies[i].Name, Base: r.plan.Policies[0].Name, Scope: s.kind,
			FoundWithin:      paired(a, b, within),
			FoundTimeP95:     of(sim.FoundTime, sim.StatP95),
			TimeWithoutRelay: of(sim.TimeWithoutRelay, sim.StatNone),
			Rehomes:          of(sim.Rehomes, sim.StatNone),
			RehomeTimeP95:    of(sim.RehomeTime, sim.StatP95),
			RootLoadPeak:     r.rootPeakDifference(i),
		})
	}
	return out
}

// paired estimates the difference b - a of an answer, replication by
// replication.
func paired(a, b []*pool, q question) Estimate {
	var ds []float64
	for i := range a {
		x, okX := q.clients(a[i])
		y, okY := q.clients(b[i])
		if okX && okY {
			ds = append(ds, y-x)
		}
	}
	return difference(q.unit(), ds)
}

// rootPeakDifference compares the root's peak load under a policy and the first.
func (r *run) rootPeakDifference(policy int) Estimate {
	var ds []float64
	for id := range r.plan.Relays {
		if !r.plan.Relays[id].Root {
			continue
		}
		for rep, t := range r.cells[policy] {
			ds = append(ds, float64(t.Relays[id].Peak)-float64(r.cells[0][rep].Relays[id].Peak))
		}
	}
	return difference(UnitClients, ds)
}

// difference is an estimate that can be negative.
func difference(unit string, ds []float64) Estimate {
	e := estimate(unit, ds)
	if e.N >= 2 {
		w := halfWidth(ds, e.Mean)
		e.Lo, e.Hi = e.Mean-w, e.Mean+w
	}
	return e.rounded()
}

// headlineScope is the scope that Summary.Headline names.
func (r *run) headlineScope(s *Summary) scope {
	for _, x := range scopes(r.plan) {
		if x.kind == s.Headline() {
			return x
		}
	}
	return scope{kind: ScopeAll, name: ScopeAll, slots: everySlot(r.plan)}
}

// FormatDifference writes a difference with its sign, fractions in percentage
// points: "+99.8%", "-12m30s ±10s". "~" marks one that is not detectable.
func FormatDifference(e Estimate) string {
	if e.None() {
		return "none"
	}
	w, ok := e.HalfWidth()
	if !ok {
		return signed(e.Unit, e.Mean) + " ±?"
	}
	if w == 0 && e.Mean == 0 {
		return "same"
	}
	text := signed(e.Unit, e.Mean)
	if w > 0 {
		text += " ±" + e.margin(w)
	}
	if !e.Detectable() {
		return "~ (" + text + ")"
	}
	return text
}

func signed(unit string, x float64) string {
	switch text := Format(unit, math.Abs(x)); {
	case x > 0:
		return "+" + text
	case x < 0:
		return "-" + text
	default:
		return text
	}
}
