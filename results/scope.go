package results

import (
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// scope is a named set of slots.
type scope struct {
	kind, name string
	slots      []int
}

func everySlot(p *sim.Plan) []int {
	out := make([]int, p.Slots())
	for i := range out {
		out[i] = i
	}
	return out
}

// scopes lists the breakdown of every policy: all; outside; the sites
// together; each other network that clients use; each label.
func scopes(p *sim.Plan) []scope {
	out := []scope{{ScopeAll, ScopeAll, everySlot(p)}}
	used := clientNetworks(p)
	in := func(kind, name string, has func(label, network int) bool) {
		s := scope{kind: kind, name: name}
		some := false
		for l := range p.Labels {
			for n := range p.Networks {
				if has(l, n) {
					s.slots = append(s.slots, p.Slot(l, n))
					some = some || used[n]
				}
			}
		}
		if some {
			out = append(out, s)
		}
	}
	in(ScopeOutside, ScopeOutside, func(_, n int) bool { return p.Networks[n].Outside })
	in(ScopeSites, ScopeSites, func(_, n int) bool { return p.Networks[n].Site })
	for i, x := range p.Networks {
		if !x.Site {
			in(ScopeNetwork, x.Name, func(_, n int) bool { return n == i })
		}
	}
	for i, name := range p.Labels {
		in(ScopeLabel, name, func(l, _ int) bool { return l == i })
	}
	return out
}

// clientNetworks marks the networks where clients live or go.
func clientNetworks(p *sim.Plan) []bool {
	used := make([]bool, len(p.Networks))
	for i := range p.Groups {
		g := &p.Groups[i]
		if g.Count == 0 {
			continue
		}
		used[g.Home] = true
		for _, a := range g.Away {
			used[a.Network] = true
		}
	}
	return used
}

// measures summarises what the clients of a scope met under a policy.
func (r *run) measures(policy int, s scope) Measures {
	ps := r.pooledOver(policy, s.slots)
	of := func(m sim.Measure, st sim.Stat) Estimate { return asked(ps, ask(m, st)).rounded() }
	count := func(unit string, n func(p *pool) float64) Estimate {
		xs := make([]float64, len(ps))
		for i, p := range ps {
			xs[i] = n(p)
		}
		return estimate(unit, xs).rounded()
	}
	m := Measures{
		Sessions:         count(UnitCount, func(p *pool) float64 { return float64(p.Sessions) }),
		ClientDays:       count(UnitDays, (*pool).clientDays),
		FoundWithin:      foundWithin(ps, r.plan.FoundBounds),
		FoundTime:        spreadOf(ps, sim.FoundTime),
		TimeWithoutRelay: of(sim.TimeWithoutRelay, sim.StatNone),
		WithoutRelay:     count(UnitClients, func(p *pool) float64 { return float64(p.Without) / max(1, span(r.plan)) }),
		Selections:       count(UnitCount, func(p *pool) float64 { return float64(p.selections()) }),
		SelectedBy:       selectedBy(ps),
		SelectionTime:    spreadOf(ps, sim.SelectionTime),
		Rounds:           spreadOf(ps, sim.Rounds),
		Probes:           of(sim.Probes, sim.StatMean),
		EchoReplies:      of(sim.EchoReplies, sim.StatNone),
		Distance:         spreadOf(ps, sim.Distance),
		DistanceKnown:    of(sim.DistanceKnown, sim.StatNone),
		LoadShare:        loadShare(ps, r.plan),
		Rehomes:          of(sim.Rehomes, sim.StatNone),
		RehomesBy:        rehomesBy(ps),
		Losses: Losses{
			Count:    count(UnitCount, func(p *pool) float64 { return float64(p.SlotTally.Losses) }),
			Restored: count(UnitCount, func(p *pool) float64 { return float64(p.LossesRestored) }),
			Cut:      count(UnitCount, func(p *pool) float64 { return float64(p.LossesCut) }),
			Open:     count(UnitCount, func(p *pool) float64 { return float64(p.LossesOpen) }),
		},
		RehomeTime:           spreadOf(ps, sim.RehomeTime),
		Parts:                RehomeParts{of(sim.RehomeDetection, sim.StatMean), of(sim.RehomeResist, sim.StatMean), of(sim.RehomeProbing, sim.StatMean), of(sim.RehomeRegistration, sim.StatMean), of(sim.RehomeRetryWait, sim.StatMean)},
		Roams:                of(sim.Roams, sim.StatNone),
		Moves:                of(sim.Moves, sim.StatNone),
		Flaps:                of(sim.Flaps, sim.StatNone),
		RegistrationFailures: failures(ps),
	}
	if s.kind == ScopeAll || s.kind == ScopeLabel {
		e := of(sim.NeverRegistered, sim.StatNone)
		m.NeverRegistered = &e
	}
	if s.kind == ScopeAll || s.kind == ScopeOutside || s.kind == ScopeSites {
		m.RehomeCDF = rehomeCDF(ps)
	}
	return m
}

func foundWithin(ps []*pool, bounds []time.Duration) []Within {
	out := []Within{}
	for _, b := range bounds {
		q := ask(sim.FoundWithin, sim.StatNone)
		q.within = b
		out = append(out, Within{BoundS: int64(b.Seconds()), Share: asked(ps, q).rounded()})
	}
	return out
}

// spreadOf fills in the summaries that the measure's table entry lists.
func spreadOf(ps []*pool, m sim.Measure) Spread {
	var out Spread
	for _, s := range sim.MeasureTable[m].Stats {
		e := asked(ps, ask(m, s)).rounded()
		switch s {
		case sim.StatMean:
			out.Mean = &e
		case sim.StatP50:
			out.P50 = &e
		case sim.StatP95:
			out.P95 = &e
		case sim.StatP99:
			out.P99 = &e
		case sim.StatMin:
			out.Min = &e
		case sim.StatMax, sim.StatPeak:
			out.Max = &e
		}
	}
	return out
}

// selectedBy has one part for each way that occurred.
func selectedBy(ps []*pool) []Part {
	out := []Part{}
	for by := range selection.NumBy {
		q := ask(sim.SelectedBy, sim.StatNone)
		q.by = int(by)
		share := q
		share.share = true
		if n := asked(ps, q); n.Max > 0 {
			out = append(out, Part{Name: by.String(), Mean: n.rounded(), Share: asked(ps, share).rounded()})
		}
	}
	return out
}

// rehomesBy has one part for each way that a new parent can be found.
func rehomesBy(ps []*pool) []Part {
	return breakdown(ps, UnitCount, int(selection.NumBy),
		func(i int) string { return selection.By(i).String() },
		func(p *pool, i int) float64 { return float64(p.SlotTally.Rehomes[i]) })
}

func failures(ps []*pool) []Part {
	return breakdown(ps, UnitCount, int(selection.NumOutcomes),
		func(i int) string { return selection.Outcome(i).String() },
		func(p *pool, i int) float64 {
			if selection.Outcome(i) == selection.Registered {
				return 0 // no failure
			}
			return float64(p.RegFailures[i])
		})
}

// loadShare has the relays that carried any of the clients: their mean number
// and the share of the clients' registered time.
func loadShare(ps []*pool, plan *sim.Plan) []Part {
	if span(plan) <= 0 {
		return []Part{}
	}
	return breakdown(ps, UnitClients, len(plan.Relays),
		func(i int) string { return plan.Relays[i].Name },
		func(p *pool, i int) float64 { return float64(p.TimeOn.Of(selection.RelayID(i))) / span(plan) })
}

// span is the time over which averages are taken, in microseconds.
func span(p *sim.Plan) float64 { return float64((p.Duration - p.WarmUp).Microseconds()) }

// breakdown lists the classes that occurred in any replication, with the mean
// of each and its share of all classes.
func breakdown(ps []*pool, unit string, n int, name func(i int) string, value func(p *pool, i int) float64) []Part {
	out := []Part{}
	for i := range n {
		var xs, shares []float64
		some := false
		for _, p := range ps {
			total := 0.0
			for j := range n {
				total += value(p, j)
			}
			x := value(p, i)
			some = some || x > 0
			xs = append(xs, x)
			if total > 0 {
				shares = append(shares, x/total)
			}
		}
		if some {
			out = append(out, Part{Name: name(i), Mean: estimate(unit, xs).rounded(), Share: estimate(UnitFraction, shares).rounded()})
		}
	}
	return out
}

// cdfStep is the rise between two points of a distribution that are kept.
const cdfStep = 0.005

// rehomeCDF is the distribution of re-home times, thinned to what a plot can
// show; the first and last points are exact.
func rehomeCDF(ps []*pool) *CDF {
	var h sim.Hist
	for _, p := range ps {
		h.Merge(&p.SlotTally.RehomeTime)
	}
	if h.N == 0 {
		return nil
	}
	out := &CDF{Count: h.N}
	for _, p := range ps {
		out.Losses += p.SlotTally.Losses
	}
	add := func(us uint64, share float64) {
		out.Seconds = append(out.Seconds, Figure(rounded(float64(us)*1e-6)))
		out.Share = append(out.Share, Figure(rounded(share)))
	}
	add(h.Min, 0)
	seen, last := uint64(0), 0.0
	h.Each(func(top, n uint64) {
		seen += n
		share := float64(seen) / float64(h.N)
		if share-last >= cdfStep || seen == h.N {
			add(top, share)
			last = share
		}
	})
	return out
}
