package selection

import (
	"cmp"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// run is the selection in progress, or the last one.
type run struct {
	started              vtime.Instant // identifies it
	probing, registering time.Duration
	probes               uint32
	rounds               uint32
	step                 int32 // position on the course
	stage                int32 // index of the stage being asked, or -1
	answered             int32 // ordinal of the group that answered first, or -1
	ttl                  int16 // index into Course.TTLs
	won                  competition
	target               RelayID
	trigger              Trigger
	by                   By
}

// selectionKey is the key of the selection's draws.
func (s *Selector) selectionKey() rng.Key {
	return s.key.Child(rng.Selection, uint64(s.run.started))
}

// begin starts the requested selection.
func (s *Selector) begin(at vtime.Instant) {
	if s.next != nil {
		s.course, s.next = s.next, nil
	}
	s.startAt, s.retryAt = vtime.Never, vtime.Never
	s.run = run{started: at, trigger: s.cause, step: -1, stage: -1, answered: -1}
	s.nextStep(at)
}

// nextStep turns to the next step of the course: sweeps in their order, then
// failover relays, then the last resorts.
func (s *Selector) nextStep(at vtime.Instant) {
	for {
		s.run.step++
		i := int(s.run.step)
		if i == s.course.search && s.keeps() {
			s.keep(at)
			return
		}
		if i >= len(s.course.steps) {
			s.giveUp(at)
			return
		}
		if st := s.stepAt(i); !s.skips(st) {
			s.carryOut(st, at)
			return
		}
	}
}

// carryOut carries out the step st.
func (s *Selector) carryOut(st *step, at vtime.Instant) {
	s.run.by, s.run.stage = st.by, -1
	s.run.won = competition{}
	switch st.kind {
	case sweepStep, gateStep:
		s.openStage(int(st.stage), at)
	case plainStep:
		s.registerWith(st.relay, at)
	case randomStep:
		s.registerWith(s.randomRelay(), at)
	}
}

// skips tells whether the law of advance leaves the step out: under
// no_ping_reply a group that answered is the last one turned to (4.13).
func (s *Selector) skips(st *step) bool {
	return st.kind == sweepStep && s.course.Params.GroupAdvanceOn == NoPingReply &&
		s.run.answered >= 0 && s.run.answered != int32(st.group)
}

// stepAt returns the i-th step; failover relays may be permuted (7.9).
func (s *Selector) stepAt(i int) *step {
	c := s.course
	if i < c.search || i >= c.failover || c.Params.FailoverListOrder == Listed {
		return &c.steps[i]
	}
	// The one with exactly i-search others before it in the order of their draws.
	failovers := c.steps[c.search:c.failover]
	key := s.selectionKey()
	for j := range failovers {
		before := 0
		for k := range failovers {
			order := cmp.Compare(key.Draw(rng.FailoverOrder, failovers[k].key), key.Draw(rng.FailoverOrder, failovers[j].key))
			if order < 0 || order == 0 && k < j {
				before++
			}
		}
		if before == i-c.search {
			return &failovers[j]
		}
	}
	panic("selection: failover relays have no order")
}

// randomRelay draws the relay of exhaust_policy = random: the smallest of one
// keyed word per relay, so that the others do not matter to a relay's word.
func (s *Selector) randomRelay() RelayID {
	key := s.selectionKey()
	best, least := NoRelay, uint64(0)
	for _, c := range s.course.random {
		if w := key.Draw(rng.RandomRelay, c.Key); best == NoRelay || w < least {
			best, least = c.Relay, w
		}
	}
	return best
}

// registerWith turns to registration with a relay.
func (s *Selector) registerWith(r RelayID, at vtime.Instant) {
	s.run.target = r
	s.attempt = 0
	s.askRegister(registering, at)
}

// askRegister asks for one attempt: in the state registering with the
// selection's target, in the state renewing with the parent again.
func (s *Selector) askRegister(to state, at vtime.Instant) {
	s.enter(to, at)
	s.attempt++
	s.seq++
	a := Action{Kind: Register, At: at, Seq: s.seq, Previous: s.parent, DistanceMin: -1, DistanceMax: -1}
	if to == renewing {
		a.Target, a.By, a.Again = s.parent, s.by, true
	} else {
		a.Target, a.By = s.run.target, s.run.by
		a.Trigger, a.Started = s.run.trigger, s.run.started
	}
	s.out = append(s.out, a)
}

// refused goes on after the target did not register the client: with the
// other repliers and the further rounds of its stage, or with the next step.
func (s *Selector) refused(at vtime.Instant) {
	r := s.run.target
	if s.run.stage < 0 || s.stage().Kind == Single {
		s.nextStep(at)
		return
	}
	for i, c := range s.stage().Candidates {
		if c.Relay == r {
			s.round.struck.add(i)
		}
	}
	s.compete(at)
}

// decide ends the selection with the registered target as the parent.
func (s *Selector) decide(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(Decided, at)
	a.Target, a.By = s.run.target, s.run.by
	s.parent, s.by = s.run.target, s.run.by
	if w := s.run.won; s.run.by == ByProbe {
		a.CompetitionSize, a.CompetitionWeight = w.size, w.weight
		a.DistanceMin, a.DistanceMax = s.course.distance(int(s.run.ttl))
	}
	s.finish(at)
	s.settle(at)
	s.out = append(s.out, a)
}

// keeps tells whether this selection, having found nothing by probing, leaves
// the parent as it is: a timed one whose parent works (reselect_exhausted).
func (s *Selector) keeps() bool {
	return s.run.trigger == Timer && s.course.Params.ReselectExhausted == KeepIfWorking &&
		s.registered && s.failingSince == vtime.Never
}

// keep ends the selection with the parent it had.
func (s *Selector) keep(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(Kept, at)
	a.Target, a.By = s.parent, s.by
	s.finish(at)
	s.out = append(s.out, a)
}

// finish sets what follows a selection after which the client has a parent.
// The timer of re-selection is that of automatic mode (3.1, 3.10).
func (s *Selector) finish(at vtime.Instant) {
	s.wait = 0
	s.reselectAt = vtime.Never
	if s.course.Settings.Automatic {
		s.reselectAt = at.Add(s.course.Settings.Interval)
	}
}

// giveUp ends the selection without a parent.
func (s *Selector) giveUp(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(GaveUp, at)
	s.parent, s.by = NoRelay, ByNone
	s.registered, s.owed = false, false
	s.failingSince, s.reselectAt, s.registerAt = vtime.Never, vtime.Never, vtime.Never
	s.retryAt = at.Add(s.backOff(at))
	a.Target, a.RetryAt = NoRelay, s.retryAt
	s.out = append(s.out, a)
}

// summary is the account of the selection as a whole.
func (s *Selector) summary(kind ActionKind, at vtime.Instant) Action {
	return Action{
		Kind: kind, At: at, Trigger: s.run.trigger, Started: s.run.started,
		Rounds: s.run.rounds, Probes: s.run.probes, Probing: s.run.probing, Registering: s.run.registering,
		Previous: s.parent, DistanceMin: -1, DistanceMax: -1,
	}
}
