package selection

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Resort is a selection in which nobody answers and that a relay of last resort
// ends, as it goes for clients of one class: a failover relay, one drawn at
// random, or the root takes the client. It is recorded from a Selector that went
// through it; left open are when it begins, who is drawn, and when the
// registration ends.
//
// It works on memory of its own and is not safe for concurrent use.
type Resort struct {
	asking Selector      // which registers with the relay
	after  time.Duration // from the beginning to that
	drawn  bool
	recorded
}

// NewResort records the selection whose beginning before shows, with its first
// round in flight, and which registers in asking. It returns nil where another
// client's could go another way.
func NewResort(before, asking *Selector) *Resort {
	c, i := asking.course, int(asking.run.step)
	if asking.state != registering || i < c.search || !c.fixed(before, asking.run.started, i) {
		return nil
	}
	x := &Resort{
		asking: asking.CopyFor(asking.key, asking.clock), after: asking.since.Sub(asking.run.started),
		drawn: c.steps[i].kind == randomStep,
	}
	if c.drawn(i) && !x.drawn {
		return nil
	}
	s := asking.CopyFor(asking.key, asking.clock)
	s.Swap(nil)
	var ok bool
	if x.recorded, ok = record(before, &s); !ok {
		return nil
	}
	return x
}

// Asks returns the relay with which a client registers whose selection began at
// an instant, and when.
func (x *Resort) Asks(key rng.Key, started vtime.Instant) (target RelayID, at vtime.Instant) {
	target = x.said.Target
	if x.drawn {
		x.asking.key, x.asking.run.started = key, started
		target = x.asking.randomRelay()
	}
	return target, started.Add(x.after)
}

// Decide makes r the client at rest, and returns what its Selector says at the
// end, after that relay has registered it at the instant at. The Action is valid
// until the next call.
func (x *Resort) Decide(r *Rest, trigger Trigger, started, at vtime.Instant, target RelayID) *Action {
	return x.decide(r, trigger, started, started.Add(x.said.Probing), at, target)
}
