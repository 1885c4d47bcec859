package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/relaysim/relaysim/results"
)

// mostRelays is the number of relays that the screen names beside the root.
const mostRelays = 4

// relays writes the load of the relays that matter under the policy to be
// shipped, and the rest together.
func (t *screen) relays() {
	p := t.s.Shipped()
	if p == nil || len(p.Relays) == 0 {
		return
	}
	t.heading("Relays under " + p.Name + ": clients connected")
	named := namedRelays(t.s, p)
	var rows [][]string
	var rest []int
	for i := range p.Relays {
		if !slices.Contains(named, i) {
			rest = append(rest, i)
		}
	}
	for _, i := range named {
		r := &p.Relays[i]
		rows = append(rows, []string{cut(r.Name, 18), cut(t.s.Relays[i].Network, 14), figure(r.LoadMean), plain(r.LoadP95), figure(r.LoadPeak), plain(r.LoadShare)})
	}
	if len(rest) > 0 {
		rows = append(rows, restRow(p, rest))
	}
	for _, l := range t.table([]string{"relay", "at", "mean", "p95", "peak", "share of all"}, []bool{false, false, true, true, true, true}, rows) {
		t.line(l)
	}
	t.lines(fmt.Sprintf("peak above %s (design): %s · above %s (alarm): %s · imbalance of the worst affiliation: %s",
		results.Format(results.UnitCount, float64(t.s.DesignLoad)), relaysOver(p.OverDesign),
		results.Format(results.UnitCount, float64(t.s.LimitLoad)), relaysOver(p.OverLimit), plain(p.Imbalance)), mostLines)
}

// relaysOver says how many relays are over a bound.
func relaysOver(e results.Estimate) string {
	switch {
	case e.None():
		return none
	case e.Max == 0:
		return "none"
	case e.Mean == 1:
		return "1 relay"
	}
	return plain(e) + " relays"
}

// namedRelays picks the relays that have a line: carriers of clients outside,
// the busiest one beside them (or, without an outside, the busiest ones), and
// the root.
func namedRelays(s *results.Summary, p *results.Policy) []int {
	var named []int
	take := func(order []int, most int) {
		for _, i := range order {
			if len(named) < most && !s.Relays[i].Root && !slices.Contains(named, i) {
				named = append(named, i)
			}
		}
	}
	if sc := p.Scope(results.ScopeOutside, ""); sc != nil {
		take(carrying(s, &sc.Measures), mostRelays-1)
		take(busiest(p), len(named)+1)
	} else {
		take(busiest(p), mostRelays)
	}
	if i := root(s); i >= 0 {
		named = append(named, i)
	}
	return named
}

// carrying lists the relays that carry the scope's clients, the most first.
func carrying(s *results.Summary, m *results.Measures) []int {
	parts := slices.Clone(m.LoadShare)
	slices.SortStableFunc(parts, func(a, b results.Part) int { return descending(a.Mean.Mean, b.Mean.Mean) })
	var out []int
	for _, p := range parts {
		i := slices.IndexFunc(s.Relays, func(r results.Relay) bool { return r.Name == p.Name })
		if i >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// busiest lists all relays by peak, the highest first.
func busiest(p *results.Policy) []int {
	out := make([]int, len(p.Relays))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return descending(p.Relays[a].LoadPeak.Mean, p.Relays[b].LoadPeak.Mean)
	})
	return out
}

func descending(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// restRow sums up the relays without a line of their own: the range of their
// means, and the highest of their peaks.
func restRow(p *results.Policy, rest []int) []string {
	lo, hi, p95, peak := math.Inf(1), 0.0, 0.0, 0.0
	for _, i := range rest {
		r := &p.Relays[i]
		if r.LoadMean.None() {
			continue
		}
		lo, hi = math.Min(lo, r.LoadMean.Mean), math.Max(hi, r.LoadMean.Mean)
		p95, peak = math.Max(p95, r.LoadP95.Mean), math.Max(peak, r.LoadPeak.Mean)
	}
	name := counted(len(rest), "other", "others")
	if hi < lo {
		return []string{name, "", none, none, none, none}
	}
	number := func(x float64) string { return results.Format(results.UnitClients, x) }
	each := number(lo)
	if number(hi) != each {
		each += " to " + number(hi)
	}
	return []string{name, "", each, "≤ " + number(p95), "≤ " + number(peak), ""}
}
