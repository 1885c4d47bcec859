package selection

import (
	"cmp"
	"math"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// run is the selection in progress, or the last one.
type run struct {
	started   vtime.Instant // identifies it
	probing   time.Duration // spent waiting for rounds
	probes    uint32
	rounds    uint32
	step      int32 // position on the course
	target    RelayID
	wonWeight uint32 // of the competition that the target won
	wonSize   uint16
	stage     uint16 // index of the stage being asked, or noStage
	answered  uint16 // ordinal of the group that answered first, or noGroup
	ttl       uint16 // index into Course.TTLs
	// resume is the round that a reopened one cut short, firstSeq the question
	// with which the undecided rounds of the stage begin (late_reply_policy).
	resume, firstSeq uint16
	// silent counts the candidates without an echo reply in this round, open
	// those without any answer.
	silent, open uint16
	attempt      uint16 // counts attempts at the relay that is being registered with
	trigger      Trigger
	by           By
}

const (
	noStage = 1<<16 - 1
	noGroup = 1<<16 - 1
)

// selectionKey is the key of the selection's draws.
func (s *Selector) selectionKey() rng.Key {
	return KeyOf(s.key, s.run.started)
}

// KeyOf returns the key of the draws of the selection that a client with a key
// began at an instant.
func KeyOf(client rng.Key, started vtime.Instant) rng.Key {
	return client.Child(rng.Selection, uint64(started))
}

// begin starts the requested selection.
func (s *Selector) begin(at vtime.Instant) {
	if s.next != nil {
		s.course, s.next = s.next, nil
	}
	s.startAt = vtime.Never
	if s.retrying {
		s.retrying, s.endAt = false, vtime.Never
	}
	s.run = run{started: at, trigger: s.cause, step: -1, stage: noStage, answered: noGroup}
	if s.scratch != nil && s.scratch.along != nil && s.leapsOff() {
		return
	}
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
	s.run.by, s.run.stage = st.by, noStage
	s.run.wonSize, s.run.wonWeight = 0, 0
	switch st.kind {
	case sweepStep, gateStep:
		s.openStage(st.stage, at)
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
		s.run.answered != noGroup && s.run.answered != st.group
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
	s.run.attempt = 0
	s.askRegister(registering, at)
}

// askRegister asks for one attempt: in the state registering with the
// selection's target, in the state renewing with the parent again.
func (s *Selector) askRegister(to state, at vtime.Instant) {
	s.enter(to, at)
	s.run.attempt++
	s.seq++
	s.run.firstSeq = s.seq + 1
	s.emitQuestion()
}

// refused goes on after the target did not register the client: with the
// other repliers and the further rounds of its stage, or with the next step.
// Under on_register_fail the winner of a competition can end the selection.
func (s *Selector) refused(at vtime.Instant) {
	switch {
	case s.run.stage == noStage || s.stage().Kind == Single:
		s.nextStep(at)
	case s.course.Params.OnRegisterFail == Redraw:
		s.strike(s.run.target)
		s.compete(s.stage().classes, at)
	case s.keeps():
		s.keep(at)
	default:
		s.giveUp(at)
	}
}

// strike takes every entry of the relay out of the stage.
func (s *Selector) strike(r RelayID) {
	st, struck := s.stage(), s.scratch.set(struckSet)
	if i := s.scratch.winner; st.distinct && i < len(st.Candidates) && st.Candidates[i].Relay == r {
		struck.add(i)
		return
	}
	for i, c := range st.Candidates {
		if c.Relay == r {
			struck.add(i)
		}
	}
}

// decide ends the selection with the registered target as the parent.
func (s *Selector) decide(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(Decided, at)
	a.Target, a.By = s.run.target, s.run.by
	s.parent, s.by = s.run.target, s.run.by
	if s.run.by == ByProbe {
		a.CompetitionSize, a.CompetitionWeight = s.run.wonSize, s.run.wonWeight
		a.DistanceMin, a.DistanceMax = s.course.distance(int(s.run.ttl))
	}
	s.finish(at)
	s.settle(at)
}

// keeps tells whether this selection, having found nothing by probing, leaves
// the parent as it is: a timed one whose parent works (reselect_exhausted).
func (s *Selector) keeps() bool {
	return s.failingSince == vtime.Never && s.course.keeps(s.run.trigger, s.registered)
}

func (c *Course) keeps(trigger Trigger, registered bool) bool {
	return trigger == Timer && c.Params.ReselectExhausted == KeepIfWorking && registered
}

// keep ends the selection with the parent it had.
func (s *Selector) keep(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(Kept, at)
	a.Target, a.By = s.parent, s.by
	s.finish(at)
}

// finish ends the selection with a parent: the timer of re-selection runs from
// here, the growing wait starts anew.
func (s *Selector) finish(at vtime.Instant) {
	s.failures, s.retrying, s.endAt = 0, false, at
}

// giveUp ends the selection without a parent.
func (s *Selector) giveUp(at vtime.Instant) {
	s.enter(idle, at)
	a := s.summary(GaveUp, at)
	s.parent, s.by = NoRelay, ByNone
	s.registered, s.owed = false, false
	s.failingSince = vtime.Never
	s.failures = onceMore(s.failures)
	s.retrying, s.endAt = true, at
	a.Target, a.RetryAt = NoRelay, s.retryAt()
}

// onceMore counts a failure; the count ends at 255.
func onceMore(failures uint8) uint8 { return uint8(min(int(failures)+1, math.MaxUint8)) }

// summary emits the account of the selection as a whole.
func (s *Selector) summary(kind ActionKind, at vtime.Instant) *Action {
	a := s.emit(kind, at)
	a.Trigger, a.Started = s.run.trigger, s.run.started
	a.Rounds, a.Probes = s.run.rounds, s.run.probes
	a.Probing, a.Registering = s.run.probing, at.Sub(s.run.started)-s.run.probing
	return a
}
