package sim

import (
	"cmp"
	"slices"

	"github.com/relaysim/relaysim/selection"
)

// Bounds of the search for changes, in runs.
const (
	mostSingles = 60
	mostPairs   = 300
)

// trial is a selection that was run, and the policy it ran under.
type trial struct {
	made   []change
	rec    *record
	policy *PolicyPlan
}

// changes looks for what would alter the outcome: each change alone that lets
// a packet of the selection go on, and, if no single rule does, each together
// with one that lets a packet go on which then ends.
func (x *explainer) changes(s *Story, base trial) error {
	singles, helped, err := x.extend(s, base, nil, mostSingles)
	if err != nil {
		return err
	}
	known := x.remedies(base.rec, base.policy)
	left := mostPairs
	pairs := !slices.ContainsFunc(helped, trial.plain)
	for i := 0; i < len(singles) && pairs; i++ {
		if x.helps(s, singles[i]) {
			continue
		}
		tried, more, err := x.extend(s, singles[i], known, left)
		if err != nil {
			return err
		}
		left -= len(tried)
		helped = append(helped, more...)
	}
	x.rank(helped)
	for _, h := range helped {
		c := StoryChange{Outcome: x.outcome(h.rec)}
		for _, ch := range h.made {
			c.Changes = append(c.Changes, ch.words(x.plan, base.policy.Network))
		}
		s.Changes = append(s.Changes, c)
	}
	return nil
}

// extend tries each remedy of a trial on top of its changes, but not the known
// ones. helped are the trials that end otherwise than the story.
func (x *explainer) extend(s *Story, t trial, known []change, most int) (tried, helped []trial, err error) {
	for _, ch := range x.remedies(t.rec, t.policy) {
		if slices.Contains(known, ch) {
			continue
		}
		if len(tried) == most {
			break
		}
		made := append(slices.Clone(t.made), ch)
		v, ok := with(&x.lone.Policies[0], made)
		if !ok {
			continue
		}
		rec, err := x.again(v)
		if err != nil {
			return nil, nil, err
		}
		next := trial{made: made, rec: rec, policy: v.policy}
		tried = append(tried, next)
		if x.helps(s, next) {
			helped = append(helped, next)
		}
	}
	return tried, helped, nil
}

// plain tells whether a trial takes no more than what an administrator can
// change in a rule, or a repair; a firewall of another kind is a new one.
func (t trial) plain() bool {
	return !slices.ContainsFunc(t.made, func(ch change) bool { return ch.kind == makeStateful || ch.kind == passErrors })
}

// helps tells whether a trial ended otherwise than the story.
func (x *explainer) helps(s *Story, t trial) bool { return !x.outcome(t.rec).Same(s.Outcome) }

// rank brings the nearest changes to the front: the fewest; then those after
// which a relay is found by probing before workarounds and last resorts; then
// the lesser kind of change.
func (x *explainer) rank(helped []trial) {
	grade := func(t trial) int {
		if t.rec == nil || t.rec.ended == nil || t.rec.ended.Kind != selection.Decided {
			return int(selection.NumBy)
		}
		return int(t.rec.ended.By)
	}
	slices.SortStableFunc(helped, func(a, b trial) int {
		return cmp.Or(cmp.Compare(len(a.made), len(b.made)), cmp.Compare(grade(a), grade(b)), slices.CompareFunc(a.made, b.made, func(p, q change) int {
			return cmp.Compare(p.kind, q.kind)
		}))
	})
}

// parameters tries every documented alternative of every model parameter.
func (x *explainer) parameters(s *Story) error {
	for i := range selection.ParamTable {
		info := &selection.ParamTable[i]
		now, _ := x.lone.Policies[0].Params.Get(info.Name)
		for _, value := range append([]string{info.Default}, info.Alternatives...) {
			if value == now {
				continue
			}
			pol := x.lone.Policies[0]
			if err := pol.Params.Set(info.Name, value); err != nil {
				return err
			}
			rec, err := x.again(&variant{policy: &pol})
			if err != nil {
				return err
			}
			if o := x.outcome(rec); !o.Same(s.Outcome) {
				s.Parameters = append(s.Parameters, StoryChange{[]string{info.Name + " = " + value}, o})
			}
		}
	}
	return nil
}
