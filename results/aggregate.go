package results

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// run is a plan with its tallies in order, while they are summarised.
type run struct {
	plan *sim.Plan
	// cells is indexed by policy, then replication.
	cells [][]*sim.Tally
	// pools remembers sums of slots by policy and subject.
	pools map[string][]*pool
}

// Aggregate summarises a run. There must be one tally for each policy and
// replication of the plan, in any order.
func Aggregate(p *sim.Plan, ts []*sim.Tally) (*Summary, error) {
	r := &run{plan: p, pools: map[string][]*pool{}}
	if err := r.arrange(ts); err != nil {
		return nil, fmt.Errorf("aggregate %s: %w", p.Name, err)
	}
	s := r.describe()
	for i := range p.Policies {
		s.Policies = append(s.Policies, r.policy(i))
	}
	s.Differences = r.against(r.headlineScope(s))
	for i := range p.Pairs {
		s.Pairs = append(s.Pairs, r.pair(i))
	}
	for i := range p.Expectations {
		v, err := r.verdict(&p.Expectations[i])
		if err != nil {
			return nil, fmt.Errorf("aggregate %s: %s: %q: %w", p.Name, p.Expectations[i].Source, p.Expectations[i].Text, err)
		}
		s.Verdicts = append(s.Verdicts, v)
	}
	if p.Replications == 1 && len(p.Expectations) > 0 {
		s.Warnings = append(s.Warnings, "one replication has no interval: only equalities are decided")
	}
	return s, nil
}

// arrange puts every tally in its cell and checks that each cell has one of
// the plan's shape.
func (r *run) arrange(ts []*sim.Tally) error {
	if len(r.plan.Policies) == 0 || r.plan.Replications < 1 {
		return errors.New("the plan has no cells")
	}
	r.cells = make([][]*sim.Tally, len(r.plan.Policies))
	for i := range r.cells {
		r.cells[i] = make([]*sim.Tally, r.plan.Replications)
	}
	for _, t := range ts {
		if t == nil || t.Policy < 0 || t.Policy >= len(r.cells) || t.Replication < 0 || t.Replication >= r.plan.Replications {
			return errors.New("a tally belongs to no cell of the plan")
		}
		cell := &r.cells[t.Policy][t.Replication]
		if *cell != nil {
			return fmt.Errorf("two tallies for %s", r.cellName(t.Policy, t.Replication))
		}
		if err := fits(r.plan, t); err != nil {
			return fmt.Errorf("tally of %s: %w", r.cellName(t.Policy, t.Replication), err)
		}
		*cell = t
	}
	for i := range r.cells {
		if j := slices.Index(r.cells[i], nil); j >= 0 {
			return fmt.Errorf("no tally for %s", r.cellName(i, j))
		}
	}
	return nil
}

func (r *run) cellName(policy, replication int) string {
	return fmt.Sprintf("policy %q, replication %d", r.plan.Policies[policy].Name, replication)
}

// fits checks the lengths that the plan prescribes.
func fits(p *sim.Plan, t *sim.Tally) error {
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"slots", len(t.Slots), p.Slots()},
		{"relays", len(t.Relays), len(p.Relays)},
		{"labels online", len(t.Online), len(p.Labels)},
		{"labels never registered", len(t.Never), len(p.Labels)},
	} {
		if c.got != c.want {
			return fmt.Errorf("it has %d %s, the plan %d", c.got, c.what, c.want)
		}
	}
	for i := range t.Slots {
		s := &t.Slots[i]
		if len(s.FoundBy) > len(p.FoundBounds) || s.Sessions > 0 && len(s.FoundBy) != len(p.FoundBounds) {
			return fmt.Errorf("slot %d has %d found bounds, the plan %d", i, len(s.FoundBy), len(p.FoundBounds))
		}
		if n := len(s.TimeOn); n > 0 && int(s.TimeOn[n-1].Relay) >= len(p.Relays) {
			return fmt.Errorf("slot %d has clients on relay %d, the plan %d relays", i, s.TimeOn[n-1].Relay, len(p.Relays))
		}
	}
	for i := range t.Pairs {
		if c := &t.Pairs[i]; c.Pair < 0 || c.Pair >= len(p.Pairs) || p.Pairs[c.Pair][0] != t.Policy || len(c.Slots) != p.Slots() {
			return fmt.Errorf("pair %d does not belong to the plan", c.Pair)
		}
	}
	return nil
}

// over estimates a value over the replications of a policy.
func (r *run) over(policy int, unit string, value func(t *sim.Tally) (float64, bool)) Estimate {
	var xs []float64
	for _, t := range r.cells[policy] {
		if x, ok := value(t); ok {
			xs = append(xs, x)
		}
	}
	return estimate(unit, xs)
}

// pooledOver returns the sums of slots in each replication of a policy.
func (r *run) pooledOver(policy int, slots []int) []*pool {
	var key strings.Builder
	key.WriteString(strconv.Itoa(policy))
	for _, s := range slots {
		key.WriteString(" " + strconv.Itoa(s))
	}
	if ps, ok := r.pools[key.String()]; ok {
		return ps
	}
	ps := make([]*pool, 0, r.plan.Replications)
	for _, t := range r.cells[policy] {
		ps = append(ps, pooled(r.plan, t, slots))
	}
	r.pools[key.String()] = ps
	return ps
}

// asked estimates the answer to a question about clients.
func asked(ps []*pool, q question) Estimate {
	var xs []float64
	for _, p := range ps {
		if x, ok := q.clients(p); ok {
			xs = append(xs, x)
		}
	}
	return estimate(q.unit(), xs)
}

// describe fills in what the plan alone says. Lists are never nil: an empty
// one is [] in JSON.
func (r *run) describe() *Summary {
	p := r.plan
	s := &Summary{
		Schema: SchemaVersion, Scenario: p.Name, Title: p.Title, ScenarioHash: p.Hash, Seed: p.Seed,
		ModelVersion: sim.ModelVersion, Replications: p.Replications,
		DurationS: Figure(p.Duration.Seconds()), WarmUpS: Figure(p.WarmUp.Seconds()), Confidence: confidence,
		FoundBoundsS: []int64{}, DesignLoad: p.DesignLoad, LimitLoad: p.LimitLoad,
		Networks: []Network{}, Relays: []Relay{}, Groups: []Group{}, Events: []Event{},
		Pairs: []Pair{}, Verdicts: []Verdict{}, Warnings: append([]string{}, p.Warnings...),
	}
	for _, b := range p.FoundBounds {
		s.FoundBoundsS = append(s.FoundBoundsS, int64(b.Seconds()))
	}
	for _, n := range p.Networks {
		s.Networks = append(s.Networks, Network(n))
	}
	for i := range p.Relays {
		x := &p.Relays[i]
		s.Relays = append(s.Relays, Relay{
			ID: x.ID, Name: x.Name, Network: p.Networks[x.Network].Name, Root: x.Root,
			Priority: x.Priority, Weight: p.Policies[0].World.WeightOf(x), Advertise: append([]string{}, x.Advertise...),
		})
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		s.Groups = append(s.Groups, Group{ID: g.ID, Label: p.Labels[g.Label], Count: g.Count, Home: p.Networks[g.Home].Name, Life: g.Life.Name})
	}
	for _, e := range p.Events {
		s.Events = append(s.Events, Event{AtS: Figure(e.At.Seconds()), Text: e.Text})
	}
	return s
}

// policy summarises one policy.
func (r *run) policy(i int) Policy {
	plan := &r.plan.Policies[i]
	out := Policy{
		Name: plan.Name, Text: plan.Text, Openings: append([]string{}, plan.Openings...),
		Changed: plan.Changed, Parameters: parameters(r.plan, plan),
		Relays:     r.relays(i),
		OverDesign: asked(r.pooledOver(i, nil), ask(sim.OverDesign, sim.StatNone)).rounded(),
		OverLimit:  asked(r.pooledOver(i, nil), ask(sim.OverLimit, sim.StatNone)).rounded(),
		Imbalance:  estimate(UnitCount, nil),
	}
	if plan.Like >= 0 {
		out.Like = r.plan.Policies[plan.Like].Name
	}
	for _, s := range scopes(r.plan) {
		out.Scopes = append(out.Scopes, Scope{Kind: s.kind, Name: s.name, Measures: r.measures(i, s)})
	}
	for _, a := range affiliations(r.plan) {
		e := r.over(i, UnitCount, func(t *sim.Tally) (float64, bool) { return imbalance(r.plan, t, a.relays) }).rounded()
		if !e.None() && (out.Imbalance.None() || e.Mean > out.Imbalance.Mean) {
			out.Imbalance = e
		}
	}
	return out
}

// parameters lists the model parameters in force: all of the client, and those
// of the deployment that play a part.
func parameters(plan *sim.Plan, p *sim.PolicyPlan) []Parameter {
	var out []Parameter
	for _, i := range selection.ParamTable {
		v, ok := p.Params.Get(i.Name)
		if !ok {
			continue
		}
		out = append(out, Parameter{Name: i.Name, Value: v, Unit: i.Unit, Default: v == i.Default, Unverified: i.Unverified(), Row: i.Row})
	}
	for i := range sim.WorldParamTable {
		row := &sim.WorldParamTable[i]
		if v, ok := p.World.Get(row.Name); ok && plan.Uses(row) {
			out = append(out, Parameter{Name: row.Name, Value: v, Unit: row.Unit, Default: v == row.Default, Unverified: row.Unverified(), Row: row.Row})
		}
	}
	return append(out, recalledSettings(p)...)
}

// recalledSettings are the numeric settings whose default no public source
// states, where a group of clients has that default in force: they belong to
// the unknowns of a result like the parameters. A settings file that states
// the same number does not make the number less uncertain.
func recalledSettings(p *sim.PolicyPlan) []Parameter {
	var out []Parameter
	for _, i := range selection.SettingTable {
		atDefault := slices.ContainsFunc(p.Settings, func(s *selection.Settings) bool {
			v, ok := i.Number(s)
			return ok && v == i.Default
		})
		if i.Unverified() && atDefault {
			unit := ""
			if strings.HasSuffix(i.Name, "Seconds") {
				unit = "s"
			}
			out = append(out, Parameter{Name: i.Name, Value: i.Default, Unit: unit, Default: true, Unverified: true, Row: i.Row})
		}
	}
	return out
}

// relays summarises the relays under a policy.
func (r *run) relays(policy int) []RelayResult {
	all := r.pooledOver(policy, everySlot(r.plan))
	var out []RelayResult
	for i := range r.plan.Relays {
		load := func(s sim.Stat) Estimate {
			q := ask(sim.Load, s)
			return r.over(policy, UnitClients, func(t *sim.Tally) (float64, bool) { return q.load(r.plan, t, i) }).rounded()
		}
		count := func(unit string, n func(t *sim.RelayTally) uint64) Estimate {
			return r.over(policy, unit, func(t *sim.Tally) (float64, bool) { return float64(n(&t.Relays[i])), true }).rounded()
		}
		share := ask(sim.LoadShare, sim.StatNone)
		share.relay = i
		out = append(out, RelayResult{
			Name: r.plan.Relays[i].Name, LoadMean: load(sim.StatMean), LoadP95: load(sim.StatP95), LoadPeak: load(sim.StatPeak),
			LoadShare:     asked(all, share).rounded(),
			ConsoleCount:  count(UnitClients, func(t *sim.RelayTally) uint64 { return uint64(t.Console) }),
			Registrations: count(UnitCount, func(t *sim.RelayTally) uint64 { return t.Registrations }),
		})
	}
	return out
}

// pair summarises the comparison of two policies.
func (r *run) pair(i int) Pair {
	a, b := r.plan.Pairs[i][0], r.plan.Pairs[i][1]
	slots := everySlot(r.plan)
	count := func(pick func(matched, changed, unmatched uint64) uint64) Estimate {
		return r.over(a, UnitCount, func(t *sim.Tally) (float64, bool) { return float64(pick(pairCounts(t, i, slots))), true }).rounded()
	}
	return Pair{
		Policy: r.plan.Policies[a].Name, Other: r.plan.Policies[b].Name,
		Matched:   count(func(m, _, _ uint64) uint64 { return m }),
		Changed:   count(func(_, c, _ uint64) uint64 { return c }),
		Unmatched: count(func(_, _, u uint64) uint64 { return u }),
	}
}
