package results

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// question asks for one measure of one replication.
type question struct {
	measure sim.Measure
	stat    sim.Stat
	within  time.Duration
	// by, reason and relay qualify; -1 means none.
	by, reason, relay int
	// share asks for selected_by, registration_failures or choice_changes as
	// a fraction.
	share bool
	// pair indexes Plan.Pairs for choice_changes.
	pair int
}

func ask(m sim.Measure, s sim.Stat) question {
	return question{measure: m, stat: s, by: -1, reason: -1, relay: -1, pair: -1}
}

// unit is the unit of the answer.
func (q question) unit() string {
	if q.share {
		return UnitFraction
	}
	return unitOf(q.measure)
}

func unitOf(m sim.Measure) string {
	return [...]string{
		sim.Count: UnitCount, sim.Fraction: UnitFraction, sim.Seconds: UnitSeconds,
		sim.PerDay: UnitPerDay, sim.Hops: UnitHops, sim.ClientsN: UnitClients,
	}[sim.MeasureTable[m].Unit]
}

// clients answers a question about the pooled clients. ok is false where
// nothing happened that the measure speaks of.
func (q question) clients(p *pool) (x float64, ok bool) {
	switch q.measure {
	case sim.SelectedBy:
		return q.selectedBy(p)
	case sim.LoadShare:
		return ratio(p.TimeOn.Of(selection.RelayID(q.relay)), p.TimeOn.Sum())
	case sim.FoundWithin:
		return ratio(p.FoundBy[slices.Index(p.plan.FoundBounds, q.within)], p.Sessions)
	case sim.FoundTime:
		return q.spread(&p.FoundTime, 1e-6)
	case sim.TimeWithoutRelay:
		return ratio(p.Without, p.SlotTally.Online)
	case sim.NeverRegistered:
		return ratio(p.never, p.online)
	case sim.Rehomes, sim.Roams, sim.Moves, sim.Flaps:
		return q.perDay(p)
	case sim.RehomeTime:
		return q.spread(&p.RehomeTime, 1e-6)
	case sim.RehomeDetection, sim.RehomeResist, sim.RehomeProbing, sim.RehomeRegistration, sim.RehomeRetryWait:
		return q.rehomePart(p)
	case sim.Distance:
		return q.spread(&p.Distance, 1)
	case sim.DistanceKnown:
		return ratio(p.SlotTally.DistanceKnown, p.found())
	case sim.SelectionTime:
		return q.spread(&p.SelectionTime, 1e-6)
	case sim.Rounds:
		return q.spread(&p.SlotTally.Rounds, 1)
	case sim.Probes:
		return ratio(p.SlotTally.Probes, p.SlotTally.Rounds.N)
	case sim.EchoReplies:
		return float64(p.SlotTally.EchoReplies) * 1e-6, p.OnlineAll > 0
	case sim.RegistrationFailures:
		return q.failures(p)
	case sim.ListOutdated:
		return ratio(p.SlotTally.Outdated, p.SlotTally.Rounds.N)
	case sim.ListAge:
		return q.spread(&p.ListAge, 1e-6)
	case sim.ChoiceChanges:
		return q.choiceChanges(p)
	case sim.OverDesign:
		return peaksAbove(p, p.plan.DesignLoad)
	case sim.OverLimit:
		return peaksAbove(p, p.plan.LimitLoad)
	}
	panic(fmt.Sprintf("results: %s is not a measure of clients", sim.MeasureTable[q.measure].Name))
}

// selectedBy counts selections by their end, or gives their share of those
// that found a parent; a share of "none" is of all.
func (q question) selectedBy(p *pool) (float64, bool) {
	all := p.selections()
	if q.by < 0 {
		return float64(all), p.OnlineAll > 0
	}
	n := p.Selections[q.by]
	switch {
	case !q.share:
		return float64(n), all > 0
	case selection.By(q.by) == selection.ByNone:
		return ratio(n, all)
	}
	return ratio(n, p.found())
}

func (q question) perDay(p *pool) (float64, bool) {
	var n uint64
	switch {
	case q.measure == sim.Roams:
		n = p.SlotTally.Roams
	case q.measure == sim.Moves:
		n = p.SlotTally.Moves
	case q.measure == sim.Flaps:
		n = p.SlotTally.Flaps
	case q.by >= 0:
		n = p.SlotTally.Rehomes[q.by]
	default:
		n = sum(p.SlotTally.Rehomes[:])
	}
	if p.OnlineAll == 0 {
		return 0, false
	}
	return float64(n) / p.clientDays(), true
}

func (q question) rehomePart(p *pool) (float64, bool) {
	part := map[sim.Measure]uint64{
		sim.RehomeDetection:    p.Detection,
		sim.RehomeResist:       p.Resist,
		sim.RehomeProbing:      p.Probing,
		sim.RehomeRegistration: p.Registration,
		sim.RehomeRetryWait:    p.RetryWait,
	}[q.measure]
	x, ok := ratio(part, p.SlotTally.RehomeTime.N)
	return x * 1e-6, ok
}

func (q question) failures(p *pool) (float64, bool) {
	all := sum(p.RegFailures[selection.Registered+1:])
	n := all
	if q.reason >= 0 {
		n = p.RegFailures[q.reason]
	}
	if q.share {
		return ratio(n, all)
	}
	return float64(n), p.OnlineAll > 0
}

// choiceChanges is the number of selections that ended elsewhere under the
// other policy, or their share of those that have a counterpart.
func (q question) choiceChanges(p *pool) (float64, bool) {
	matched, changed, _ := pairCounts(p.tally, q.pair, p.slots)
	if q.share {
		return ratio(changed, matched)
	}
	return float64(changed), matched > 0
}

func pairCounts(t *sim.Tally, pair int, slots []int) (matched, changed, unmatched uint64) {
	for i := range t.Pairs {
		if t.Pairs[i].Pair != pair {
			continue
		}
		for _, s := range slots {
			c := &t.Pairs[i].Slots[s]
			matched += c.Matched
			changed += c.Changed
			unmatched += c.Unmatched
		}
	}
	return matched, changed, unmatched
}

// peaksAbove counts relays, the root aside, whose peak is above a bound.
func peaksAbove(p *pool, bound int) (float64, bool) {
	n, any := 0, false
	for i := range p.plan.Relays {
		if p.plan.Relays[i].Root {
			continue
		}
		any = true
		if int(p.tally.Relays[i].Peak) > bound {
			n++
		}
	}
	return float64(n), any
}

// spread answers with a figure of a histogram, scaled to the unit.
func (q question) spread(h *sim.Hist, scale float64) (float64, bool) {
	if h.N == 0 {
		return 0, false
	}
	switch q.stat {
	case sim.StatMean:
		return float64(h.Sum) / float64(h.N) * scale, true
	case sim.StatMin:
		return float64(h.Min) * scale, true
	case sim.StatMax, sim.StatPeak:
		return float64(h.Max) * scale, true
	}
	level, ok := map[sim.Stat]float64{sim.StatP50: 0.5, sim.StatP95: 0.95, sim.StatP99: 0.99}[q.stat]
	if !ok {
		panic(fmt.Sprintf("results: %s has no summary %q", sim.MeasureTable[q.measure].Name, q.stat))
	}
	v, _ := h.Quantile(level)
	return float64(v) * scale, true
}

// load answers a question about the load of one relay.
func (q question) load(p *sim.Plan, t *sim.Tally, relay int) (float64, bool) {
	r := &t.Relays[relay]
	switch q.stat {
	case sim.StatPeak, sim.StatMax:
		return float64(r.Peak), true
	case sim.StatP95:
		return loadQuantile(p, r, 0.95)
	}
	if span(p) <= 0 {
		return 0, false
	}
	return float64(r.Load) / span(p), true
}

// loadQuantile takes the samples after the warm-up; they are equally spaced,
// so it is time-weighted.
func loadQuantile(p *sim.Plan, r *sim.RelayTally, level float64) (float64, bool) {
	first := int((p.WarmUp + sim.SampleEvery - 1) / sim.SampleEvery)
	if first >= len(r.Samples) {
		return 0, false
	}
	s := slices.Sorted(slices.Values(r.Samples[first:]))
	i := int(level * float64(len(s)))
	if float64(i) == level*float64(len(s)) && i > 0 {
		i--
	}
	return float64(s[i]), true
}

// imbalance is the largest over the mean load of some relays.
func imbalance(p *sim.Plan, t *sim.Tally, relays []int) (float64, bool) {
	var most, total uint64
	for _, r := range relays {
		most = max(most, t.Relays[r].Load)
		total += t.Relays[r].Load
	}
	x, ok := ratio(most, total)
	return x * float64(len(relays)), ok
}

// affiliation is a set of relays that advertise one label; "*" has those that
// advertise none or the star itself. The root takes no part.
type affiliation struct {
	label  string
	relays []int
}

// affiliations lists the groups of two relays and more, by first relay.
func affiliations(p *sim.Plan) []affiliation {
	var out []affiliation
	add := func(label string, relay int) {
		for i := range out {
			if strings.EqualFold(out[i].label, label) {
				if !slices.Contains(out[i].relays, relay) {
					out[i].relays = append(out[i].relays, relay)
				}
				return
			}
		}
		out = append(out, affiliation{label, []int{relay}})
	}
	for i := range p.Relays {
		r := &p.Relays[i]
		if r.Root {
			continue
		}
		for _, l := range r.Advertise {
			add(l, i)
		}
		if len(r.Advertise) == 0 {
			add("*", i)
		}
	}
	return slices.DeleteFunc(out, func(a affiliation) bool { return len(a.relays) < 2 })
}

// ratio is n/d; there is none where d is 0.
func ratio(n, d uint64) (float64, bool) {
	if d == 0 {
		return 0, false
	}
	return float64(n) / float64(d), true
}
