package results

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// Outcome is what a run says of an expectation.
type Outcome uint8

// Outcomes.
const (
	Holds     Outcome = iota
	Fails             // counts as failure
	Undecided         // the interval contains the bound
	NoData            // nothing happened that it speaks of; counts as failure
)

var outcomeNames = [...]string{"holds", "fails", "undecided", "no data"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText writes the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown verdict %q", b)
	}
	*o = Outcome(i)
	return nil
}

// Verdict is the outcome of one goal or finding.
type Verdict struct {
	Policy string `json:"policy"`
	// Other is the second policy of a comparison, or empty.
	Other string `json:"other,omitempty"`
	// Text is the expectation as written, Source its file:line:col.
	Text   string `json:"text"`
	Source string `json:"source"`
	// Goal tells a goal from a finding.
	Goal     bool     `json:"goal"`
	Result   Outcome  `json:"result"`
	Observed Estimate `json:"observed"`
	// Note names the worst relay and says what makes the figure less than it
	// seems.
	Note string `json:"note"`
	// HangsOn names the model parameters under whose documented alternatives
	// the outcome is another one, with what was observed there.
	HangsOn []string `json:"hangs_on"`
}

// tolerance is the relative error that a computed fraction may have against a
// bound that was written in decimals.
const tolerance = 1e-12

// judge compares an estimate with a bound. An equality holds if every
// replication has the value. An inequality holds or fails if the whole
// interval is on one side; an interval that contains the bound leaves it
// undecided, and so does a single replication, which has no interval. One
// thing is certain without any interval: a mean of values that cannot be
// below 0 is above 0 as soon as one of them is, and likewise below 1 for
// fractions.
func judge(e Estimate, op sim.Op, bound float64) Outcome {
	if e.None() {
		return NoData
	}
	eps := tolerance * math.Max(1, math.Abs(bound))
	if e.Unit == UnitCount || e.Unit == UnitClients {
		eps = 0
	}
	low, high := unitRange(e.Unit)
	above := e.Lo > bound+eps || bound == low && e.Max > bound+eps
	below := e.Hi < bound-eps || bound == high && e.Min < bound-eps
	notAbove, notBelow := e.Hi <= bound+eps, e.Lo >= bound-eps
	switch op {
	case sim.EQ:
		return decided(e.Min >= bound-eps && e.Max <= bound+eps, true)
	case sim.LE:
		return decided(notAbove, above)
	case sim.LT:
		return decided(below, notBelow)
	case sim.GE:
		return decided(notBelow, below)
	default:
		return decided(above, notAbove)
	}
}

func decided(holds, fails bool) Outcome {
	switch {
	case holds:
		return Holds
	case fails:
		return Fails
	}
	return Undecided
}

// candidate is one of the things an expectation speaks of: the clients, or
// one of the relays.
type candidate struct {
	// name of the relay or affiliation group where there are several.
	name string
	seen Estimate
}

// verdict evaluates an expectation, under its policy and under those that
// differ from it in model parameters only.
func (r *run) verdict(e *sim.Expectation) (Verdict, error) {
	out := Verdict{Policy: r.plan.Policies[e.Policy].Name, Text: e.Text, Source: e.Source, Goal: e.Goal, HangsOn: []string{}}
	if e.Other >= 0 {
		out.Other = r.plan.Policies[e.Other].Name
	}
	worst, result, err := r.worst(e, e.Policy)
	if err != nil {
		return out, err
	}
	out.Result, out.Observed = result, worst.seen.rounded()
	out.Note = r.note(e, worst, result)
	if e.Other < 0 {
		if out.HangsOn, err = r.hangsOn(e, result); err != nil {
			return out, err
		}
	}
	return out, nil
}

// gravity orders outcomes from bad to good.
var gravity = [...]int{Fails: 0, NoData: 1, Undecided: 2, Holds: 3}

// worst returns the candidate that decides under a policy: the gravest
// outcome, then the figure that is worst for the comparison, then the first.
func (r *run) worst(e *sim.Expectation, policy int) (candidate, Outcome, error) {
	all, err := r.candidates(e, policy)
	if err != nil {
		return candidate{}, NoData, err
	}
	if len(all) == 0 {
		return candidate{seen: estimate(unitOf(e.Measure), nil)}, NoData, nil
	}
	best := 0
	for i := range all {
		a, b := r.judged(e, policy, all[i].seen), r.judged(e, policy, all[best].seen)
		if gravity[a] < gravity[b] || a == b && worseFor(e, all[i].seen, all[best].seen) {
			best = i
		}
	}
	return all[best], r.judged(e, policy, all[best].seen), nil
}

// judged compares a figure with the bound of an expectation. An upper bound on
// a re-home time fails where more losses are still open at the end of the run
// than its quantile leaves out: they would be beyond any bound.
func (r *run) judged(e *sim.Expectation, policy int, seen Estimate) Outcome {
	o := judge(seen, e.Op, e.Value)
	if o != Holds || e.Measure != sim.RehomeTime || e.Op == sim.GE || e.Op == sim.GT {
		return o
	}
	beyond := map[sim.Stat]float64{sim.StatP50: 0.5, sim.StatP95: 0.05, sim.StatP99: 0.01, sim.StatMin: 1}[statOf(e)]
	for _, p := range r.pooledOver(policy, e.Subject.Slots) {
		if float64(p.LossesOpen) > beyond*float64(p.RehomeTime.N+p.LossesOpen) {
			return Fails
		}
	}
	return o
}

// open says how many losses the end of the run found not made good.
func (r *run) open(e *sim.Expectation) string {
	open, all := uint64(0), uint64(0)
	for _, p := range r.pooledOver(e.Policy, e.Subject.Slots) {
		open += p.LossesOpen
		all += p.SlotTally.Losses
	}
	if open == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s losses in all replications were still open when the run ended",
		Format(UnitCount, float64(open)), Format(UnitCount, float64(all)))
}

// worseFor tells whether a is farther on the wrong side than b.
func worseFor(e *sim.Expectation, a, b Estimate) bool {
	switch e.Op {
	case sim.LE, sim.LT:
		return a.Mean > b.Mean
	case sim.GE, sim.GT:
		return a.Mean < b.Mean
	}
	return math.Abs(a.Mean-e.Value) > math.Abs(b.Mean-e.Value)
}

// candidates evaluates the measure for everything the subject names.
func (r *run) candidates(e *sim.Expectation, policy int) ([]candidate, error) {
	info := &sim.MeasureTable[e.Measure]
	switch {
	case e.Subject.Kind == sim.Clients && info.Clients:
		seen, err := r.ofClients(e, policy)
		return []candidate{{seen: seen}}, err
	case e.Subject.Kind != sim.Clients && e.Measure == sim.Imbalance:
		return r.ofAffiliations(e, policy), nil
	case e.Subject.Kind != sim.Clients && e.Measure == sim.Load:
		return r.ofRelays(e, policy), nil
	}
	return nil, fmt.Errorf("%s does not speak of %q", info.Name, e.Subject.Text)
}

func (r *run) ofClients(e *sim.Expectation, policy int) (Estimate, error) {
	q := question{measure: e.Measure, stat: statOf(e), within: e.Within, by: e.By, reason: e.Reason, relay: e.Relay, share: e.Percent && shareable(e.Measure), pair: -1}
	switch {
	case e.Measure == sim.FoundWithin && !slices.Contains(r.plan.FoundBounds, e.Within):
		return Estimate{}, fmt.Errorf("the run did not count found_within %v", e.Within)
	case e.Measure == sim.LoadShare && q.relay < 0:
		return Estimate{}, errors.New("load_share names no relay")
	case e.Measure == sim.ChoiceChanges:
		q.pair = slices.IndexFunc(r.plan.Pairs, func(p [2]int) bool {
			return p == [2]int{e.Policy, e.Other} || p == [2]int{e.Other, e.Policy}
		})
		if q.pair < 0 {
			return Estimate{}, errors.New("the run did not compare the two policies")
		}
		policy = r.plan.Pairs[q.pair][0]
	}
	return asked(r.pooledOver(policy, e.Subject.Slots), q), nil
}

// shareable measures are counts that "%" turns into shares.
func shareable(m sim.Measure) bool {
	return m == sim.SelectedBy || m == sim.RegistrationFailures || m == sim.ChoiceChanges
}

// statOf is the summary asked for; the first of the table where none is named.
func statOf(e *sim.Expectation) sim.Stat {
	if stats := sim.MeasureTable[e.Measure].Stats; e.Stat == sim.StatNone && len(stats) > 0 {
		return stats[0]
	}
	return e.Stat
}

func (r *run) ofRelays(e *sim.Expectation, policy int) []candidate {
	q := ask(sim.Load, statOf(e))
	var out []candidate
	for i := range r.plan.Relays {
		x := &r.plan.Relays[i]
		if e.Subject.Kind == sim.OneRelay && i != e.Subject.Relay || e.Subject.Kind == sim.EveryRelay && x.Root {
			continue
		}
		out = append(out, candidate{x.Name, r.over(policy, UnitClients, func(t *sim.Tally) (float64, bool) { return q.load(r.plan, t, i) })})
	}
	return out
}

func (r *run) ofAffiliations(e *sim.Expectation, policy int) []candidate {
	var out []candidate
	for _, a := range affiliations(r.plan) {
		if e.Subject.Kind == sim.OneRelay && !slices.Contains(a.relays, e.Subject.Relay) {
			continue
		}
		seen := r.over(policy, UnitCount, func(t *sim.Tally) (float64, bool) { return imbalance(r.plan, t, a.relays) })
		if !seen.None() { // a group that carries nobody is not out of balance
			out = append(out, candidate{"group " + a.label, seen})
		}
	}
	return out
}

// note says who decided and what the figure rests on.
func (r *run) note(e *sim.Expectation, c candidate, o Outcome) string {
	var parts []string
	if e.Subject.Kind == sim.EveryRelay && c.name != "" {
		parts = append(parts, "worst: "+c.name)
	}
	switch {
	case o == NoData:
		parts = append(parts, emptyReason(e.Measure))
	case o == Undecided && c.seen.N < 2:
		parts = append(parts, "a single replication has no interval")
	case o == Undecided:
		parts = append(parts, fmt.Sprintf("the interval %s to %s contains the bound", Format(c.seen.Unit, c.seen.Lo), Format(c.seen.Unit, c.seen.Hi)))
	case o == Holds && beyond(e, c.seen) != "":
		parts = append(parts, beyond(e, c.seen))
	}
	if o != NoData && c.seen.N < r.plan.Replications {
		parts = append(parts, fmt.Sprintf("data in %d of %d replications", c.seen.N, r.plan.Replications))
	}
	if open := r.open(e); e.Measure == sim.RehomeTime && open != "" {
		parts = append(parts, open)
	}
	if e.Measure == sim.ChoiceChanges && o != NoData {
		parts = append(parts, r.compared(e))
	}
	return strings.Join(parts, "; ")
}

// beyond reports a single replication on the wrong side of a bound that the
// mean keeps.
func beyond(e *sim.Expectation, x Estimate) string {
	switch {
	case (e.Op == sim.LE || e.Op == sim.LT) && x.Max > e.Value+tolerance:
		return "the largest replication has " + Format(x.Unit, x.Max)
	case (e.Op == sim.GE || e.Op == sim.GT) && x.Min < e.Value-tolerance:
		return "the smallest replication has " + Format(x.Unit, x.Min)
	}
	return ""
}

// compared says how many selections a comparison rests on.
func (r *run) compared(e *sim.Expectation) string {
	pair := slices.IndexFunc(r.plan.Pairs, func(p [2]int) bool {
		return p == [2]int{e.Policy, e.Other} || p == [2]int{e.Other, e.Policy}
	})
	mean := func(pick func(m, u uint64) uint64) Estimate {
		return r.over(r.plan.Pairs[pair][0], UnitCount, func(t *sim.Tally) (float64, bool) {
			m, _, u := pairCounts(t, pair, e.Subject.Slots)
			return float64(pick(m, u)), true
		})
	}
	matched, unmatched := mean(func(m, _ uint64) uint64 { return m }), mean(func(_, u uint64) uint64 { return u })
	return fmt.Sprintf("of %s selections per replication; %s more have no counterpart", Format(UnitCount, matched.Mean), Format(UnitCount, unmatched.Mean))
}

// emptyReason says what did not happen.
func emptyReason(m sim.Measure) string {
	switch m {
	case sim.RehomeTime, sim.RehomeDetection, sim.RehomeResist, sim.RehomeProbing, sim.RehomeRegistration, sim.RehomeRetryWait:
		return "no client lost a parent and found one again in any replication"
	case sim.FoundWithin:
		return "no online session in any replication"
	case sim.FoundTime:
		return "no session found a relay in any replication"
	case sim.LoadShare:
		return "none of these clients was ever registered after the warm-up"
	case sim.Distance:
		return "no selection was won by probe in any replication"
	case sim.DistanceKnown:
		return "no selection found a parent in any replication"
	case sim.SelectedBy, sim.SelectionTime, sim.Rounds, sim.Probes:
		return "no such selection in any replication"
	case sim.ChoiceChanges:
		return "no selection has a counterpart in any replication"
	case sim.Imbalance, sim.Load, sim.OverDesign, sim.OverLimit:
		return "no relay to judge"
	}
	return "no such client was online in any replication"
}

// Undecided maps: how ExitCode treats undecided verdicts.
const (
	UndecidedFail = "fail"
	UndecidedWarn = "warn"
	UndecidedPass = "pass"
)

// Exit codes of a run that was completed (design: 2, 3 and 130 belong to the
// command).
const (
	exitHolds     = 0
	exitFails     = 1
	exitUndecided = 4
)

// ExitCode is 0 if every goal and finding holds, 1 if one fails or has no
// data, and 4 if one is undecided; undecided maps that to 1 ("fail") or to 0
// ("warn", "pass").
func (s *Summary) ExitCode(undecided string) int {
	code := exitHolds
	for _, v := range s.Verdicts {
		switch v.Result {
		case Fails, NoData:
			return exitFails
		case Undecided:
			code = exitUndecided
		}
	}
	if code != exitUndecided {
		return code
	}
	switch undecided {
	case UndecidedFail:
		return exitFails
	case UndecidedWarn, UndecidedPass:
		return exitHolds
	}
	return exitUndecided
}
