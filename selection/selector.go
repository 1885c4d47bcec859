package selection

import (
	"errors"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// ErrUnknownProbe reports replies that answer no probe in flight: late,
// duplicate or foreign. They are counted and change nothing.
var ErrUnknownProbe = errors.New("reply to no probe in flight")

// ErrUnknownRegistration reports the result of a registration attempt that is
// not in flight. It is counted and changes nothing.
var ErrUnknownRegistration = errors.New("result of no registration in flight")

// Counters are what a Selector was fed and could not use.
type Counters struct {
	UnknownProbes        uint32
	UnknownRegistrations uint32
}

// Selector is the state of one client. It is not safe for concurrent use, and
// a plain copy shares memory with the original: use CopyFor.
//
// It takes at most 160 bytes, a test holds it to that, and works in a Scratch
// while something is in flight. Between selections Rest packs it further.
type Selector struct {
	course *Course
	next   *Course // set by SetCourse, in force from the next selection on
	key    rng.Key
	// clock is the latest instant seen.
	clock vtime.Instant
	// since is when the state was entered.
	since   vtime.Instant
	scratch *Scratch
	timers
	run run

	parent   RelayID
	counters Counters
	// seq numbers the questions; it begins anew after 65,535.
	seq   uint16
	cause Trigger // of the requested selection
	state state
	by    By
	// failures counts the selections in a row that failed.
	failures uint8
	// registered: the client registered with its parent since it last started
	// or changed network, and has not given it up.
	registered bool
	// owed: a registration with the parent failed and none has succeeded since.
	owed bool
	// retrying: the last selection failed, and the next follows by itself.
	retrying bool
	// periodic marks a registration in flight as the periodic one.
	periodic bool
}

// New returns the Selector of a client that does not run yet: feed Start or
// AddressChange. The key is the client's.
func New(c *Course, key rng.Key, now vtime.Instant) Selector {
	return Selector{course: c, key: key, clock: now, since: now, parent: NoRelay, timers: noTimers}
}

// CopyFor returns the same state for another client, with a copy of the
// scratch area of its own.
func (s *Selector) CopyFor(key rng.Key, now vtime.Instant) Selector {
	o := *s
	o.key = key
	o.clock = max(o.clock, now)
	if s.scratch != nil {
		o.scratch = new(Scratch)
		o.scratch.copyFrom(s.scratch)
	}
	return o
}

// SetCourse gives the client another list or other settings. They take effect
// at the next selection and start none (2.10, 3.7, 4.11).
func (s *Selector) SetCourse(c *Course) { s.next = c }

// Course returns the course in force, which the Stage of an Action indexes.
func (s *Selector) Course() *Course { return s.course }

// NextCourse returns the course that SetCourse has given and that waits for the
// next selection, or nil.
func (s *Selector) NextCourse() *Course { return s.next }

// Parent returns the client's parent and how it came to it, or NoRelay and
// ByNone. While a selection runs it is the parent before.
func (s *Selector) Parent() (RelayID, By) { return s.parent, s.by }

// Registered tells whether the client is registered with its parent as far as
// it knows: it was since it last started or changed network, and it has not
// given the parent up.
func (s *Selector) Registered() bool { return s.registered }

// Selecting tells whether a selection is in progress.
func (s *Selector) Selecting() bool { return s.state == probing || s.state == registering }

// Open tells whether the question seq, a round or a registration attempt, is
// still in flight.
func (s *Selector) Open(seq uint32) bool {
	return seq == uint32(s.seq) && s.inFlight()
}

// inFlight tells whether a question waits for its answer.
func (s *Selector) inFlight() bool { return s.Selecting() || s.state == renewing }

// Failing returns since when contact with the parent has failed. ok is false
// if it has not.
func (s *Selector) Failing() (since vtime.Instant, ok bool) {
	return s.failingSince, s.failingSince != vtime.Never
}

// Struck tells whether candidate i of the stage that is asked, or that the
// relay comes from with which the client registers, refused the client in this
// selection and is no longer asked.
func (s *Selector) Struck(i int) bool {
	return s.Selecting() && s.run.stage != noStage && s.scratch.set(struckSet).has(i)
}

// Counters returns what could not be used so far.
func (s *Selector) Counters() Counters { return s.counters }

// Drain appends the actions since the last call to dst.
func (s *Selector) Drain(dst []Action) []Action {
	if s.scratch == nil {
		return dst
	}
	dst = append(dst, s.scratch.out...)
	s.scratch.out = s.scratch.out[:0]
	return dst
}

// Acted tells whether there are actions since the last call of Drain or Swap.
func (s *Selector) Acted() bool { return s.scratch != nil && len(s.scratch.out) > 0 }

// Swap returns the actions since the last call of Drain or Swap, and
// gives the Selector the memory of dst, whose contents are lost, for those to
// come. A driver that hands the last slice back each time copies nothing.
func (s *Selector) Swap(dst []Action) []Action {
	if s.scratch == nil {
		return dst[:0]
	}
	out := s.scratch.out
	s.scratch.out = dst[:0]
	return out
}

// Trigger feeds an occurrence that may start a selection. Timer, ParentLost
// and Retry are raised inside and ignored here.
func (s *Selector) Trigger(now vtime.Instant, t Trigger) {
	now = s.advance(now)
	switch t {
	case Start:
		s.start(now)
	case AddressChange: // 3.2: at once, even while a selection is in progress
		s.enter(idle, now)
		s.registered = false
		s.request(now, t)
	case RelaySelect, ClockBack: // 3.4, 3.5
		if s.state != stopped && !s.Selecting() {
			s.request(now, t)
		}
	case Resume, VPNUp, AdapterChange: // 3.6
		if s.course.Params.ExtraTriggers.Has(t) && s.state != stopped && !s.Selecting() {
			s.request(now, t)
		}
	case Stop:
		s.stop(now)
	}
}

// start lets the agent run. It registers with the parent it knows (9.1); that
// starts no selection (3.7). Without a parent it selects.
func (s *Selector) start(now vtime.Instant) {
	switch {
	case s.Selecting() || s.state == renewing:
	case s.parent != NoRelay:
		s.renew(now)
	default:
		if s.state == stopped {
			s.enter(idle, now)
		}
		s.request(now, Start)
	}
}

// stop abandons what is in flight. The parent and the times of the next
// selection are kept; a failure that was being watched is forgotten.
func (s *Selector) stop(now vtime.Instant) {
	if s.state == stopped {
		return
	}
	s.enter(stopped, now)
	s.registered, s.owed = false, false
	s.startAt, s.failingSince = vtime.Never, vtime.Never
}

// Replies feeds answers to the round seq, in order of arrival, none later than
// now. It returns ErrUnknownProbe if any of them answers no probe in flight;
// the others have been taken. Under late_reply_policy = reopen a late reply may
// be among those taken.
func (s *Selector) Replies(now vtime.Instant, seq uint32, r []Reply) error {
	unknown := s.counters.UnknownProbes
	for len(r) > 0 {
		at := s.advance(min(r[0].At, now))
		n := 0
		if s.state == probing && seq == uint32(s.seq) {
			n = s.takeEchoes(r, at)
			if n > 0 || s.take(r[0]) {
				if s.over() {
					s.endRound(at)
				}
				r = r[max(n, 1):]
				continue
			}
		}
		if !s.reopens(seq, r[0], at) {
			s.counters.UnknownProbes++
		}
		r = r[1:]
	}
	s.advance(now)
	if s.counters.UnknownProbes != unknown {
		return ErrUnknownProbe
	}
	return nil
}

// RegisterResult feeds the end of the registration attempt seq.
func (s *Selector) RegisterResult(now vtime.Instant, seq uint32, o Outcome) error {
	now = s.advance(now)
	if !s.Open(seq) || s.state == probing {
		s.counters.UnknownRegistrations++
		return ErrUnknownRegistration
	}
	again := s.state == renewing
	switch {
	case o == Registered && again:
		s.renewed(now)
	case o == Registered:
		s.decide(now)
	case int(s.run.attempt) < s.course.Params.RegisterAttempts:
		s.askRegister(s.state, now)
	case again:
		s.notRenewed(now)
	default:
		s.refused(now)
	}
	return nil
}

// Contact feeds the result of a contact with the parent. The first failure
// starts the resist interval, a success ends it (3.9). A successful contact
// while nothing is failing does nothing, so a driver may leave it out.
func (s *Selector) Contact(now vtime.Instant, ok bool) {
	now = s.advance(now)
	switch {
	case s.state == stopped || s.parent == NoRelay:
	case !ok:
		s.failingSince = min(s.failingSince, now)
	case !s.owed:
		s.failingSince = vtime.Never
	case s.state == idle && s.startAt == vtime.Never:
		// Contact works again; whether the parent still takes the client only
		// a registration tells.
		s.renew(now)
	}
}

// Expire feeds the passing of time. What was due takes effect as of its own
// instant. It is harmless if early.
func (s *Selector) Expire(now vtime.Instant) {
	for {
		at, which, ok := s.deadline()
		if !ok || at > now {
			break
		}
		s.clock = at
		if s.state == probing {
			s.endRound(at)
		} else {
			s.fireTimer(which, at)
		}
	}
	s.clock = max(s.clock, now)
}

// advance lets everything due before now take effect and returns now, or the
// latest instant seen if that is later.
func (s *Selector) advance(now vtime.Instant) vtime.Instant {
	if now > s.clock {
		s.Expire(now - 1)
		s.clock = now
	}
	return s.clock
}

// Deadline returns when Expire is next due. None is while the agent is stopped
// and while a registration is in flight, whose end the driver reports.
func (s *Selector) Deadline() (at vtime.Instant, ok bool) {
	at, _, ok = s.deadline()
	return at, ok
}

// deadline is Deadline with the timer of an idle Selector.
func (s *Selector) deadline() (at vtime.Instant, which timer, ok bool) {
	switch s.state {
	case probing:
		at = s.roundEnd()
	case idle:
		at, which = s.nextTimer()
	default:
		return 0, 0, false
	}
	return max(at, s.clock), which, at != vtime.Never
}
