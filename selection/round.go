package selection

import "github.com/relaysim/relaysim/vtime"

// round is the round in flight and what its stage has shown so far. Its sets
// are over the candidates of the stage.
type round struct {
	deadline vtime.Instant
	// silent counts the probes without an echo reply, open those without any
	// answer.
	silent, open int
	struck       set // refused the client in this stage
	replied      set // answered this round by an echo reply
	errored      set // answered this round by an ICMP error
	expired      set // answered this round by a time-exceeded
	traced       set // answered an earlier round by a time-exceeded
}

func (r *round) clone() round {
	o := *r
	o.struck, o.replied = r.struck.clone(), r.replied.clone()
	o.errored, o.expired, o.traced = r.errored.clone(), r.expired.clone(), r.traced.clone()
	return o
}

// over tells whether the round ends before its time-out.
func (r *round) over(law RoundEnd) bool {
	return law == AllEchoReplied && r.silent == 0 || law == AllAnsweredOrErrored && r.open == 0
}

// stage returns the stage being asked.
func (s *Selector) stage() *Stage { return &s.course.Stages[s.run.stage] }

// wantErrors tells whether ICMP errors can change anything.
func (c *Course) wantErrors() bool {
	return c.Params.NeedsTimeExceeded || c.Params.RoundEndsEarly == AllAnsweredOrErrored
}

// openStage turns to a stage: from the first TTL of the schedule for a sweep,
// at the maximum for a single host (1.6).
func (s *Selector) openStage(i int, at vtime.Instant) {
	s.run.stage, s.run.ttl = int32(i), 0
	st := s.stage()
	s.round.struck.reset(len(st.Candidates))
	if s.course.wantErrors() {
		s.round.traced.reset(len(st.Candidates))
		s.round.expired.reset(len(st.Candidates))
	}
	s.askRound(at)
}

// askRound asks for the next round: one probe to every candidate that is not
// struck (5.1). Without any the stage is left.
func (s *Selector) askRound(at vtime.Instant) {
	st := s.stage()
	n := len(st.Candidates)
	asked := n - s.round.struck.count()
	if asked == 0 {
		s.nextStep(at)
		return
	}
	s.enter(probing, at)
	s.openRound(n, asked, at)
	s.seq++
	s.out = append(s.out, Action{
		Kind: AskRound, At: at, Seq: s.seq,
		Stage: uint16(s.run.stage), TTL: s.ttl(), Round: uint16(s.run.rounds), Deadline: s.round.deadline,
		WantErrors: s.course.wantErrors(), Target: NoRelay, Previous: s.parent, DistanceMin: -1, DistanceMax: -1,
		Trigger: s.run.trigger, Started: s.run.started,
	})
	s.run.rounds++
	s.run.probes += uint32(asked)
}

// openRound clears what the previous round left.
func (s *Selector) openRound(n, asked int, at vtime.Instant) {
	r := &s.round
	r.deadline = at.Add(s.course.Params.RoundTimeout)
	r.silent, r.open = asked, asked
	r.replied.reset(n)
	if s.course.wantErrors() {
		r.traced.include(r.expired)
		r.expired.reset(n)
		r.errored.reset(n)
	}
}

// ttl is the IP TTL of the current round.
func (s *Selector) ttl() uint8 {
	if s.stage().Kind == Single {
		return s.course.Settings.MaximumTTL
	}
	return s.course.TTLs[s.run.ttl]
}

// take books one answer to the round in flight. It returns false if the
// candidate was not asked or has answered before.
func (s *Selector) take(a Reply) bool {
	r, i := &s.round, int(a.Candidate)
	if i >= len(s.stage().Candidates) || r.struck.has(i) {
		return false
	}
	switch {
	case a.Kind > Unreachable || r.replied.has(i):
		return false
	case a.Kind == EchoReply:
		r.replied.add(i)
		r.silent--
		if !s.course.wantErrors() || !r.errored.has(i) {
			r.open--
		}
	case !s.course.wantErrors():
	case r.errored.has(i):
		return false
	default:
		r.errored.add(i)
		r.open--
		if a.Kind == TimeExceeded {
			r.expired.add(i)
		}
	}
	return true
}

// competes tells whether candidate i of the round is in the competition: it
// replied and did not refuse; under needs_time_exceeded its path must have
// shown itself in an earlier round, unless this is the first (5.10).
func (s *Selector) competes(i int) bool {
	r := &s.round
	return r.replied.has(i) && !r.struck.has(i) &&
		(!s.course.Params.NeedsTimeExceeded || s.run.ttl == 0 || r.traced.has(i))
}

// endRound closes the round: its repliers compete; the host of a single stage
// is the target if it replied (1.6).
func (s *Selector) endRound(at vtime.Instant) {
	if s.stage().Kind == Sweep {
		s.compete(at)
		return
	}
	if s.competes(0) {
		s.registerWith(s.stage().Candidates[0].Relay, at)
		return
	}
	s.nextStep(at)
}

// compete turns to registration with the winner among the round's repliers,
// or, if there is none, to the next round or step.
func (s *Selector) compete(at vtime.Instant) {
	winner, won := s.race()
	if won.size > 0 && s.run.answered < 0 {
		s.run.answered = int32(s.course.steps[s.run.step].group)
	}
	switch {
	case winner >= 0:
		s.run.won = won
		s.registerWith(s.stage().Candidates[winner].Relay, at)
	case int(s.run.ttl)+1 < len(s.course.TTLs):
		s.run.ttl++
		s.askRound(at)
	default:
		s.nextStep(at)
	}
}
