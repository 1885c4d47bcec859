package selection

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// over tells whether the round ends before its time-out.
func (s *Selector) over() bool {
	switch s.course.Params.RoundEndsEarly {
	case AllEchoReplied:
		return s.run.silent == 0
	case AllAnsweredOrErrored:
		return s.run.open == 0
	}
	return false
}

// roundEnd is when the round in flight ends at the latest. The wait begins when
// the last probe leaves: with a gap the others would have had more time, and
// none has less.
func (s *Selector) roundEnd() vtime.Instant {
	p := &s.course.Params
	end := s.since.Add(p.RoundTimeout)
	if p.InterPacketGap != 0 {
		end = end.Add(time.Duration(s.sends()-1) * p.InterPacketGap)
	}
	return end
}

// Asked returns how many candidates of its stage the round in flight asks.
func (s *Selector) Asked() int {
	return len(s.stage().Candidates) - s.scratch.set(struckSet).count()
}

// sends returns how many probes the round in flight has.
func (s *Selector) sends() int {
	return (s.Asked() + len(s.stage().Beside)) * s.course.Params.PingsPerRelayPerRound
}

// dropUnsent takes the probes that a round which ends now leaves unsent out of
// the account. One that would leave at this very instant does not.
func (s *Selector) dropUnsent(at vtime.Instant) {
	gap := s.course.Params.InterPacketGap
	if gap == 0 {
		return
	}
	sent := 1 + max(0, at.Sub(s.since)-1)/gap
	if n := time.Duration(s.sends()); sent < n {
		s.run.probes -= uint32(n - sent)
	}
}

// stage returns the stage being asked.
func (s *Selector) stage() *Stage { return &s.course.Stages[s.run.stage] }

// openStage turns to a stage: from the first TTL of the schedule for a sweep,
// at the maximum for a single host (1.6).
func (s *Selector) openStage(i uint16, at vtime.Instant) {
	s.run.stage, s.run.ttl, s.run.resume = i, 0, 0
	s.run.firstSeq = s.seq + 1
	s.lent().open(len(s.stage().Candidates), s.course.errors)
	s.askRound(at)
}

// askRound asks for the next round: one probe to every candidate that is not
// struck (5.1), or as many as pings_per_relay_per_round says, and as many to
// whom probe_scope adds. Without any candidate the stage is left.
func (s *Selector) askRound(at vtime.Instant) {
	st := s.stage()
	asked := s.Asked()
	if asked == 0 {
		s.nextStep(at)
		return
	}
	s.enter(probing, at)
	s.openRound(len(st.Candidates), asked)
	s.seq++
	s.run.rounds++
	s.run.probes += uint32(s.sends())
	s.emitQuestion()
}

// emitQuestion emits the action that asks for what is in flight.
func (s *Selector) emitQuestion() {
	a := s.emit(Register, s.since)
	a.Seq = uint32(s.seq)
	if s.state == renewing {
		a.Target, a.By, a.Again = s.parent, s.by, true
		return
	}
	a.Trigger, a.Started = s.run.trigger, s.run.started
	if s.state == registering {
		a.Target, a.By = s.run.target, s.run.by
		return
	}
	p := &s.course.Params
	a.Kind, a.Stage, a.TTL, a.Round = AskRound, s.run.stage, s.ttl(), uint16(s.run.rounds-1)
	a.Deadline = s.roundEnd()
	a.WantErrors = s.course.errors
	a.WantLate = p.LateReplyPolicy == ReopenLate && s.stage().Kind == Sweep
	a.Pings, a.Gap = uint8(p.PingsPerRelayPerRound), p.InterPacketGap
}

// openRound clears what the previous round left.
func (s *Selector) openRound(n, asked int) {
	x := s.scratch
	s.run.silent, s.run.open = uint16(asked), uint16(asked)
	x.set(awaitedSet).fill(n, x.set(struckSet))
	if s.course.errors {
		x.set(tracedSet).include(x.set(expiredSet))
		clear(x.set(expiredSet))
		clear(x.set(erroredSet))
	}
}

// ttl is the IP TTL of the current round.
func (s *Selector) ttl() uint8 {
	if s.stage().Kind == Single {
		return s.course.Settings.MaximumTTL
	}
	return s.course.TTLs[s.run.ttl]
}

// takeEchoes books the echo replies to the round in flight with which r
// begins, none later than at, and returns how many those are. It stops at
// whatever is not the first reply of a candidate that was asked.
func (s *Selector) takeEchoes(r []Reply, at vtime.Instant) (n int) {
	if s.course.errors {
		return 0
	}
	awaited := s.scratch.set(awaitedSet)
	for n < len(r) {
		a := &r[n]
		k, bit := int(a.Candidate>>6), uint64(1)<<(a.Candidate&63)
		if a.Kind != EchoReply || a.At > at || k >= len(awaited) || awaited[k]&bit == 0 {
			break
		}
		awaited[k] &^= bit
		n++
	}
	s.run.silent -= uint16(n)
	return n
}

// take books one answer to the round in flight. It returns false if the
// candidate was not asked, or has answered before although it got one probe.
func (s *Selector) take(a Reply) bool {
	x, i := s.scratch, int(a.Candidate)
	if i >= len(s.stage().Candidates) || x.set(struckSet).has(i) || a.Kind > Unreachable {
		return false
	}
	several, errors := s.course.Params.PingsPerRelayPerRound > 1, s.course.errors
	switch {
	case !x.set(awaitedSet).has(i):
		return several
	case a.Kind == EchoReply:
		x.set(awaitedSet).remove(i)
		s.run.silent--
		if !errors || !x.set(erroredSet).has(i) {
			s.run.open--
		}
	case !errors:
	default:
		return s.takeError(a) || several
	}
	return true
}

// takeError books an ICMP error about a probe of a candidate that has not
// replied. It returns false if there was one before.
func (s *Selector) takeError(a Reply) bool {
	x, i := s.scratch, int(a.Candidate)
	if x.set(erroredSet).has(i) {
		return false
	}
	x.set(erroredSet).add(i)
	s.run.open--
	if a.Kind == TimeExceeded {
		x.set(expiredSet).add(i)
	}
	return true
}

// field is the candidates in the competition: those that replied and did not
// refuse; under needs_time_exceeded the path must have shown itself in an
// earlier round, unless this is the first (5.10).
type field struct {
	n                       int
	awaited, struck, traced set // traced is nil where it does not matter
}

func (s *Selector) field() field {
	x := s.scratch
	f := field{n: len(s.stage().Candidates), awaited: x.set(awaitedSet), struck: x.set(struckSet)}
	if s.course.Params.NeedsTimeExceeded && s.run.ttl != 0 {
		f.traced = x.set(tracedSet)
	}
	return f
}

// word returns the k-th word of the set.
func (f *field) word(k int) uint64 { return f.replied(k) &^ f.struck[k] }

// replied returns the k-th word of those who count as having replied, those that
// refused among them.
func (f *field) replied(k int) uint64 {
	w := first(f.n-64*k) &^ f.awaited[k]
	if f.traced != nil {
		w &= f.traced[k]
	}
	return w
}

// has tells whether candidate i is in the competition.
func (f *field) has(i int) bool { return f.word(i>>6)>>(i&63)&1 != 0 }

// endRound closes the round: its repliers compete; the host of a single stage
// is the target if it replied (1.6).
func (s *Selector) endRound(at vtime.Instant) {
	s.dropUnsent(at)
	if s.stage().Kind == Sweep {
		s.compete(s.stage().classes, at)
		return
	}
	if f := s.field(); f.has(0) {
		s.registerWith(s.stage().Candidates[0].Relay, at)
		return
	}
	s.nextStep(at)
}

// compete turns to registration with the winner among the round's repliers,
// or, if there is none, to the next round or step. classes have all repliers.
func (s *Selector) compete(classes []class, at vtime.Instant) {
	if s.scratch.veiled != nil {
		panic("selection: a race among answers that were left unknown: Fill comes first")
	}
	winner, won := s.draw(classes)
	s.proceed(winner, won, at)
}

// draw runs the race among those who have answered. The winner is -1 if there
// is none.
func (s *Selector) draw(classes []class) (winner int, won competition) {
	f := s.field()
	winner, won = -1, s.competition(classes, &f)
	if won.size > 0 {
		winner = s.race(classes, &f, won.weight)
	}
	return winner, won
}

// proceed goes on after a race: with the winner, or without one.
func (s *Selector) proceed(winner int, won competition, at vtime.Instant) {
	if (winner >= 0 || won.size > 0) && s.run.answered == noGroup {
		s.run.answered = s.course.steps[s.run.step].group
	}
	next := max(s.run.ttl+1, s.run.resume)
	switch {
	case winner >= 0:
		s.run.wonSize, s.run.wonWeight = won.size, won.weight
		s.scratch.winner = winner
		s.registerWith(s.stage().Candidates[winner].Relay, at)
	case int(next) < len(s.course.TTLs):
		s.run.ttl = next
		s.askRound(at)
	default:
		s.nextStep(at)
	}
}
