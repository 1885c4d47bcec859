package selection

import "github.com/relaysim/relaysim/vtime"

// recorded is the end of a selection as it was recorded from one client, for
// others of its class.
type recorded struct {
	said      Action // at the end
	rest      Rest
	questions uint16 // asked from the beginning to the end
}

// record lets the relay with which s registers take it at once, and returns the
// end of the selection whose beginning before shows. It is not ok if that is not
// a client at rest.
func record(before, s *Selector) (x recorded, ok bool) {
	_ = s.RegisterResult(s.since, uint32(s.seq), Registered)
	said := s.Swap(nil)
	rest, ok := s.Rest()
	if len(said) != 1 || !ok {
		return x, false
	}
	return recorded{said[0], rest, rest.seq - before.seq + 1}, true
}

// decide is the end for another client, which the target took at an instant
// after the selection had probed until then. It puts the client to rest.
func (x *recorded) decide(r *Rest, trigger Trigger, started, probed, at vtime.Instant, target RelayID) *Action {
	a := &x.said
	a.At, a.Started, a.Trigger, a.Previous, a.Target = at, started, trigger, r.parent, target
	a.Probing, a.Registering = probed.Sub(started), at.Sub(probed)
	x.settle(r, at, target)
	return a
}

// settle makes r the client at rest after that.
func (x *recorded) settle(r *Rest, at vtime.Instant, target RelayID) {
	r.end, r.base, r.parent = at, at, target
	r.seq += x.questions
	r.failures, r.flags = x.rest.failures, x.rest.flags
}

// fixed tells whether all clients go one way from the beginning of a selection,
// which before shows and which began at an instant, through so many steps of the
// course, as long as nobody answers.
func (c *Course) fixed(before *Selector, started vtime.Instant, steps int) bool {
	if before.course != c || before.run.started != started || int(before.run.step) >= c.search || c.Params.LateReplyPolicy == ReopenLate {
		return false
	}
	for i := range steps {
		if c.drawn(i) {
			return false
		}
	}
	return true
}
