package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// Question asks for the story of one selection of one client.
type Question struct {
	// Policy and Group index the plan's; Client counts within the group.
	Policy, Group, Client int
	Replication           int
	// At asks for the selection in progress at that instant, or the last one
	// before. nil asks for the first one outside the client's home network,
	// or its first if it is never elsewhere.
	At *vtime.Instant
}

// ErrNoSelection reports that the client began no selection until then.
var ErrNoSelection = errors.New("the client has begun no selection")

// NoSelectionError is ErrNoSelection of a client that begins its first selection
// later than was asked.
type NoSelectionError struct{ First vtime.Instant }

func (e *NoSelectionError) Error() string {
	return fmt.Sprintf("%v until then: its first begins at %v", ErrNoSelection, e.First)
}

func (e *NoSelectionError) Unwrap() error { return ErrNoSelection }

// Explain tells the story of one selection. The client is run alone, packet by
// packet, with the keys that it has among the others; what would alter the
// outcome is found by running the selection again from the instant at which it
// began, in a world that is changed at that instant.
func Explain(ctx context.Context, p *Plan, q Question) (*Story, error) {
	x := &explainer{ctx: ctx, plan: p, lone: p.lone(&q), q: q}
	rec, err := x.find()
	if errors.Is(err, ErrNoSelection) && q.At != nil {
		return nil, x.whenFirst()
	}
	if err != nil {
		return nil, err
	}
	x.from = rec.started
	t := teller{plan: x.lone, net: x.lone.Policies[0].Network, rec: rec}
	s := x.frame()
	t.tell(s)
	base := trial{rec: rec, policy: &x.lone.Policies[0]}
	if err := errors.Join(x.changes(s, base), x.without(s, base), x.parameters(s), x.policies(s)); err != nil {
		return nil, err
	}
	return s, nil
}

// explainer runs one client again and again.
type explainer struct {
	ctx  context.Context
	plan *Plan
	lone *Plan
	q    Question
	from vtime.Instant // the start of the selection
}

// find records the selection that is asked for.
func (x *explainer) find() (*record, error) {
	home := x.lone.Groups[0].Home
	done := false // what follows is of no interest
	w := &watch{}
	w.wants = func(cl *client, started vtime.Instant) bool {
		if x.q.At != nil {
			return started <= *x.q.At
		}
		outside := cl.at.Network != home
		take := !done && (w.rec == nil || outside)
		done = done || outside
		return take
	}
	over := func(now vtime.Instant) bool {
		return !w.open && (x.q.At == nil && done || x.q.At != nil && now > *x.q.At)
	}
	// A client that never leaves its home is known by its life.
	if x.q.At == nil && !x.lone.Groups[0].leavesHome() {
		over = func(vtime.Instant) bool { return !w.open && w.rec != nil }
	}
	if err := replay(x.ctx, x.lone, x.q.Replication, w, nil, 0, over); err != nil {
		return nil, err
	}
	if w.rec == nil {
		return nil, ErrNoSelection
	}
	return w.rec, nil
}

// whenFirst is the error for an instant before the client's first selection.
func (x *explainer) whenFirst() error {
	w := &watch{}
	w.wants = func(*client, vtime.Instant) bool { return w.rec == nil }
	over := func(vtime.Instant) bool { return w.rec != nil }
	if err := replay(x.ctx, x.lone, x.q.Replication, w, nil, 0, over); err != nil {
		return err
	}
	if w.rec == nil {
		return ErrNoSelection
	}
	return &NoSelectionError{First: w.rec.started}
}

// companions says what lets other clients matter to one under a policy, "" if
// nothing does.
func (p *Plan) companions(policy int) string {
	if what := p.Policies[policy].limited(); what != "" {
		return what
	}
	if capped := p.capped(); len(capped) > 0 {
		return p.Relays[capped[0]].Name + " takes a limited number of clients"
	}
	return ""
}

// leavesHome tells whether the life takes a client to other networks.
func (g *GroupPlan) leavesHome() bool {
	l := &g.Life
	return !l.Always && len(g.Away) > 0 && l.AwayDay+l.Evening+l.Weekend > 0
}

// again records the selection in another world. The record is nil if it did
// not take place there.
func (x *explainer) again(v *variant) (*record, error) {
	w := &watch{wants: func(_ *client, started vtime.Instant) bool { return started == x.from }}
	over := func(now vtime.Instant) bool { return !w.open && now > x.from }
	if err := replay(x.ctx, x.lone, x.q.Replication, w, v, x.from, over); err != nil {
		return nil, err
	}
	return w.rec, nil
}

// frame is the story without the selection.
func (x *explainer) frame() *Story {
	p, pol := x.plan, &x.plan.Policies[x.q.Policy]
	g := &p.Groups[x.q.Group]
	return &Story{
		Scenario: p.Name, Policy: pol.Name, PolicyText: pol.Text, ModelVersion: ModelVersion,
		Seed: p.Seed, Replication: x.q.Replication + 1, StartOfWeek: p.StartOfWeek,
		Coupled: p.companions(x.q.Policy),
		Client: StoryClient{
			ID: fmt.Sprintf("%s/%d", g.ID, x.q.Client), Group: g.ID, Life: g.Life.Name, Home: p.Networks[g.Home].Name,
		},
		Changes: []StoryChange{}, Parameters: []StoryChange{}, Policies: []StoryPolicy{},
	}
}

// without runs the selection again with the parent dead that it found, and
// again with the one it finds then, a few times.
func (x *explainer) without(s *Story, base trial) error {
	const most = 3
	var down []selection.RelayID
	var names []string
	for rec := base.rec; len(down) < most; {
		if rec == nil || rec.ended == nil || rec.ended.Kind != selection.Decided || slices.Contains(down, rec.ended.Target) {
			return nil
		}
		down = append(down, rec.ended.Target)
		names = append(names, x.plan.Relays[rec.ended.Target].Name)
		var err error
		if rec, err = x.again(&variant{policy: base.policy, down: down}); err != nil {
			return err
		}
		if rec != nil && rec.ended != nil && rec.ended.Kind == selection.Kept && slices.Contains(down, rec.ended.Target) {
			return nil // it does not know yet that its parent is dead
		}
		s.Without = append(s.Without, StoryChange{slices.Clone(names), x.outcome(rec)})
	}
	return nil
}

// policies runs the client under the scenario's other policies, up to its last
// selection until this one began.
func (x *explainer) policies(s *Story) error {
	for i := range x.plan.Policies {
		if i == x.q.Policy {
			continue
		}
		q := x.q
		q.Policy, q.At = i, &x.from
		rec, err := (&explainer{ctx: x.ctx, plan: x.plan, lone: x.plan.lone(&q), q: q}).find()
		if err != nil && !errors.Is(err, ErrNoSelection) {
			return err
		}
		o := x.outcome(rec)
		s.Policies = append(s.Policies, StoryPolicy{x.plan.Policies[i].Name, o, o.Same(s.Outcome)})
	}
	return nil
}

// outcome is how a recorded selection ended.
func (x *explainer) outcome(rec *record) StoryOutcome {
	t := teller{plan: x.lone, rec: rec}
	return t.outcome()
}
