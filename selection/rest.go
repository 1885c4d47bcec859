package selection

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Rest is a Selector at rest in 24 bytes. The instants of its deadlines are not
// in it: they are computed from the end of the last selection, the last
// registration, the key and the course, as the Selector itself does.
type Rest struct {
	// end is the end of the last selection, base the last registration with
	// the parent without its jitter.
	end, base vtime.Instant
	parent    RelayID
	seq       uint16
	failures  uint8
	// flags has By in the low bits, then what the restX say.
	flags uint8
}

// Flags of a Rest, above the three bits of By.
const (
	restBy         = 1<<3 - 1
	restRuns       = 1 << 3
	restRegistered = 1 << 4
	restRetrying   = 1 << 5
)

// Rest packs the Selector. ok is false while it is not at rest: a question is
// in flight, a selection is requested, a failing contact is being watched,
// something is due by now, or actions have not been drained.
//
// What it leaves out is the driver's to keep: the course in force and the key,
// which Restore is given, the course that waits for the next selection
// (NextCourse), and the counters. The instant of the last input is left out as
// well: inputs to the restored Selector must not be earlier.
func (s *Selector) Rest() (r Rest, ok bool) {
	r, _, ok = s.RestUntil()
	return r, ok
}

// RestUntil is Rest, and the Deadline of the Selector at rest; vtime.Never if
// it has none.
func (s *Selector) RestUntil() (r Rest, next vtime.Instant, ok bool) {
	next = vtime.Never
	if s.state == idle {
		next, _ = s.nextTimer()
	}
	r, ok = s.RestFor(next)
	return r, next, ok
}

// RestFor is Rest for a driver that knows the Deadline, vtime.Never if there
// is none.
func (s *Selector) RestFor(deadline vtime.Instant) (r Rest, ok bool) {
	if s.inFlight() || s.startAt != vtime.Never || s.failingSince != vtime.Never || s.scratch != nil && len(s.scratch.out) > 0 {
		return r, false
	}
	flags := uint8(s.by)
	if s.state == idle {
		if deadline <= s.clock {
			return r, false
		}
		flags |= restRuns
	}
	if s.registered {
		flags |= restRegistered
	}
	if s.retrying {
		flags |= restRetrying
	}
	return Rest{end: s.endAt, base: s.registerBase, parent: s.parent, seq: s.seq, failures: s.failures, flags: flags}, true
}

// Restore makes s the Selector that Rest packed: on equal course, key and
// inputs it acts as that one would have. It keeps the Scratch that was lent to
// s; what was in flight or not drained is dropped.
func (s *Selector) Restore(c *Course, key rng.Key, r Rest) {
	if x := s.scratch; x != nil {
		x.out, x.veiled = x.out[:0], nil
	}
	*s = Selector{course: c, key: key, scratch: s.scratch, parent: r.parent, by: By(r.flags & restBy), seq: r.seq, failures: r.failures}
	s.startAt, s.failingSince, s.endAt, s.registerBase = vtime.Never, vtime.Never, r.end, r.base
	s.registered, s.retrying = r.flags&restRegistered != 0, r.flags&restRetrying != 0
	if r.flags&restRuns != 0 {
		s.state = idle
	}
	// The base of the periodic registration may still be to come: its jitter
	// can bring it forward.
	if r.end != vtime.Never {
		s.clock = max(s.clock, r.end)
	}
}

// Seen tells a restored Selector the instant of its last input, which Rest
// leaves out; what was due before is due then.
func (s *Selector) Seen(now vtime.Instant) { s.clock = max(s.clock, now) }

// Clock returns the instant of the Selector's last input, which may be ahead of
// the driver's: the end of what was completed in advance.
func (s *Selector) Clock() vtime.Instant { return s.clock }

// Ended returns the end of the client's last selection, vtime.Never if it has had
// none.
func (r *Rest) Ended() vtime.Instant { return r.end }

// Parent returns the parent of the client that rests, and how it came to it.
func (r *Rest) Parent() (RelayID, By) { return r.parent, By(r.flags & restBy) }
