package selection

import (
	"slices"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// Leap is what the beginning of a selection comes to while nothing answers. It
// is recorded from a Selector that went through it, and is immutable.
//
// Clients on one course all go the same way until somebody may answer; what
// differs is who they are and when they began. Follow puts another client where
// the recorded one was.
type Leap struct {
	course *Course
	// from and to are the selections as they stood, their instants and the
	// trigger left out, their question numbers counted from the first one's.
	from, to           run
	fromState, toState state
	since              time.Duration // of toState, from the selection's start
	questions          uint16        // asked in between
	// words and bits are the sets at the end.
	words int
	bits  []uint64
	// searched: the walk left the search behind, where reselect_exhausted may
	// have kept the parent (keeps).
	searched bool
	// whole: the first question is the one with which the course begins, a round,
	// and others follow.
	whole bool
}

// NewLeap returns the way from before to after. before is a Selector whose
// selection has just begun: its first round, or its first registration, is in
// flight. after is the same one, or a copy of it, after any number of rounds
// that ended at their time-outs without an answer; a round or a registration of
// the same selection is in flight.
//
// It returns nil where the two are not that, and where another client's way
// could be another: under late_reply_policy = reopen, at a relay drawn at random,
// and beyond the search if failover relays are taken in random order. Beyond the
// search Follow looks at the other client's trigger and parent.
func NewLeap(before, after *Selector) *Leap {
	c := after.course
	b, a := &before.run, &after.run
	switch {
	case before.course != c || before.key != after.key || b.started != a.started:
		return nil
	case !before.Selecting() || !after.Selecting() || before.since != b.started || !before.unanswered() || !after.unanswered():
		return nil
	case c.Params.LateReplyPolicy == ReopenLate || c.drawn(int(a.step)):
		return nil
	}
	l := &Leap{
		course: c, from: before.shape(before.seq), to: after.shape(before.seq),
		fromState: before.state, toState: after.state,
		since: after.since.Sub(a.started), questions: after.seq - before.seq,
		words: after.scratch.words, bits: slices.Clone(after.scratch.bits),
		whole:    b.step == 0 && after.seq != before.seq && before.state == probing && b.rounds == 1 && b.attempt == 0,
		searched: int(b.step) < c.search && int(a.step) >= c.search,
	}
	// Every question in between was a round: no registration was refused.
	asked := uint16(a.rounds - b.rounds)
	if after.state == registering && before.state == probing {
		asked++
	}
	if asked != l.questions {
		return nil
	}
	return l
}

// drawn tells whether a selection comes to step i by a draw of its own.
func (c *Course) drawn(i int) bool {
	return c.steps[i].kind == randomStep ||
		i >= c.search && c.failover-c.search > 1 && c.Params.FailoverListOrder == RandomOrder
}

// unanswered tells whether nothing has answered in the selection so far, other
// than by a refused registration.
func (s *Selector) unanswered() bool {
	if s.run.answered != noGroup {
		return false
	}
	if s.state == registering {
		return s.run.stage == noStage
	}
	x := s.scratch
	for i, w := range x.bits {
		if w != 0 && i/x.words != awaitedSet {
			return false
		}
	}
	return s.Asked() == int(s.run.silent)
}

// shape is the selection in progress without what differs between clients;
// its first question had the number first.
func (s *Selector) shape(first uint16) run {
	r := s.run
	r.started, r.trigger = 0, 0
	r.firstSeq -= first
	return r
}

// Follow takes the Selector along the recorded way without its actions: it is
// put into the state to which Expire at the end of each round would have brought
// it, and the question then in flight is the one pending action. The cost does
// not depend on the length of the way.
//
// It returns false and changes nothing unless the Selector's own selection has
// just begun on the same course with the same question as the recorded one,
// nothing but that question is pending, and the way would be its own as well.
// No Selector follows a nil Leap.
func (s *Selector) Follow(l *Leap) bool {
	if l == nil || s.course != l.course || s.state != l.fromState || s.since != s.run.started || s.shape(s.seq) != l.from {
		return false
	}
	out := s.scratch.out
	if l.searched && s.keeps() || len(out) > 1 || len(out) == 1 && out[0].Seq != uint32(s.seq) {
		return false
	}
	s.scratch.out = out[:0]
	s.leap(l, s.seq, l.to.stage == l.from.stage)
	return true
}

// ExpireAlong is Expire, and then Follow, for a selection that begins now; the
// question with which it begins is never asked.
func (s *Selector) ExpireAlong(now vtime.Instant, l *Leap) bool {
	at, which, ok := s.deadline()
	if l == nil || !l.whole || !ok || at != now || s.state != idle || s.scratch != nil && len(s.scratch.out) > 0 {
		s.Expire(now)
		return s.Follow(l)
	}
	x := s.lent()
	x.along = l
	s.clock = at
	s.fireTimer(which, at)
	followed := x.along == nil
	x.along = nil
	s.Expire(now)
	return followed
}

// leapsOff takes the selection that begins along the way that ExpireAlong was
// given. It returns false if the way is not its own.
func (s *Selector) leapsOff() bool {
	l := s.scratch.along
	if s.course != l.course || int(l.to.step) >= s.course.search && s.keeps() {
		return false
	}
	s.scratch.along = nil
	s.leap(l, s.seq+1, false)
	return true
}

// leap puts the Selector to the end of the way; the selection's first question
// has the number first. sets tells that the sets need no change.
func (s *Selector) leap(l *Leap, first uint16, sets bool) {
	started, trigger, x := s.run.started, s.run.trigger, s.scratch
	s.enter(l.toState, started.Add(l.since))
	s.run = l.to
	s.run.started, s.run.trigger = started, trigger
	s.run.firstSeq += first
	s.seq = first + l.questions
	s.clock = max(s.clock, s.since)
	if !sets {
		x.words, x.bits = l.words, append(x.bits[:0], l.bits...)
	}
	s.emitQuestion()
}
