package selection

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Fruitless is a selection that finds nothing, as it goes for clients of one
// class: nobody answers, no relay takes the client, and in the end it keeps its
// parent or gives up. It is recorded from a Selector that went through it.
//
// It works on memory of its own and is not safe for concurrent use.
type Fruitless struct {
	recorded
	span   time.Duration
	course *Course
}

// NewFruitless records the selection whose beginning before shows, with its first
// question in flight, and which has ended in after with the given action. It
// returns nil where another client's could go another way.
func NewFruitless(before, after *Selector, end *Action) *Fruitless {
	c := after.course
	last := len(c.steps)
	if end.Kind == Kept {
		last = c.search
	}
	rest, ok := after.RestFor(vtime.Never)
	if !ok || end.Kind != GaveUp && end.Kind != Kept || !c.fixed(before, end.Started, last) {
		return nil
	}
	return &Fruitless{
		recorded: recorded{*end, rest, after.seq - before.seq + 1},
		span:     end.At.Sub(end.Started), course: c,
	}
}

// Span returns how long it takes.
func (x *Fruitless) Span() time.Duration { return x.span }

// End makes r the client at rest, and returns what its Selector says at the end,
// after the selection that a trigger started at an instant. The Action is valid
// until the next call.
func (x *Fruitless) End(r *Rest, key rng.Key, trigger Trigger, started vtime.Instant) *Action {
	a := &x.said
	at := started.Add(x.span)
	a.At, a.Started, a.Trigger, a.Previous = at, started, trigger, r.parent
	r.end = at
	r.seq += x.questions
	if a.Kind == Kept {
		r.failures = x.rest.failures
		a.Target, a.By = r.Parent()
	} else {
		r.parent, r.flags, r.failures = x.rest.parent, x.rest.flags, onceMore(r.failures)
		a.RetryAt = at.Add(x.course.backOff(key, at, r.failures))
	}
	return a
}

// Keeps tells whether a client at rest keeps its parent if a selection that a
// trigger starts finds nothing by probing.
func (r *Rest) Keeps(c *Course, trigger Trigger) bool {
	return c.keeps(trigger, r.flags&restRegistered != 0)
}

// Keeps tells the same of the selection in progress.
func (s *Selector) Keeps() bool { return s.Selecting() && s.keeps() }
