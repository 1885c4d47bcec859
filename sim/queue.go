package sim

import (
	"fmt"
	"slices"

	"github.com/relaysim/relaysim/vtime"
)

// event is a value of 16 bytes. Events are ordered by (at, what), and what has
// the kind in its top bits, so the order never depends on who was inserted
// first. Nothing is cancelled: a handler recognises a stale event.
type event struct {
	at   vtime.Instant
	what payload
}

// payload packs kind (4 bits), client (28 bits) and detail (32 bits).
type payload uint64

// Kinds of event. Their order decides between events of one instant and is
// part of the model: the world changes first, then packets arrive, so that an
// answer at the very end of a round still counts; then time-outs pass; life
// comes last.
const (
	evWorld    uint64 = iota // detail: index of the first event of Plan.Events
	evStale                  // a relay has been without a host for too long; detail: which
	evPublish                // the root publishes its relay list
	evGather                 // the client's copy of the relay list arrives
	evHop                    // a packet comes to a router or box
	evAtHost                 // a probe or SYN arrives at a relay
	evError                  // an ICMP error starts back
	evTold                   // an ICMP error arrives at the client
	evAtClient               // an answer arrives at the client
	evConnect                // a registration attempt: next try, or its result
	evAdmit                  // relays with a cap decide the registrations of this instant
	evLeave                  // a selection that was completed ahead gives the parent up
	evAsk                    // a round or registration begins that could not be completed ahead
	evDeadline               // the Selector's deadline
	evContact                // the client contacts its parent
	evLife                   // the client goes online or offline
)

// MaxClients is the largest number of clients a cell can hold.
const MaxClients = 1 << 28

func pack(kind uint64, client int, detail uint32) payload {
	return payload(kind<<60 | uint64(client)<<32 | uint64(detail))
}

func (p payload) kind() uint64   { return uint64(p) >> 60 }
func (p payload) client() int    { return int(uint64(p) >> 32 & (MaxClients - 1)) }
func (p payload) detail() uint32 { return uint32(p) }

// queue holds the pending events and gives them back in their order. The zero
// value is ready.
//
// The next events are in bottom, sorted. The wheel has all that are due later,
// sorted no further than its slots tell them apart; whenever the bottom is
// empty the wheel's first slot becomes it. A few events need no wheel.
type queue struct {
	// bottom: the next events, last first.
	bottom []event
	// crowd, a binary heap, has the next events when there are too many of one
	// instant for a bottom, and the wheel cannot tell them apart. The bottom is
	// empty then.
	crowd []event
	// upTo: events due until then belong in the bottom or crowd. Unless there
	// is no wheel: then all do.
	upTo vtime.Instant
	// last is when the event popped last was due.
	last vtime.Instant
	// inserted counts the events inserted into the bottom since it was filled.
	inserted int
	// wheel is nil until the bottom overflows for the first time.
	wheel *wheel
}

const (
	// bottomFill is the largest slot that is sorted straight into the bottom.
	bottomFill = 120
	// bottomSpill: when as many events have been inserted into the bottom, and
	// it has as many, it is spilt back into the wheel. An insertion walks along
	// the bottom, and events that are followed by others soon after would make
	// it ever longer.
	bottomSpill = 32
)

// each calls f with every pending event, in no order.
func (q *queue) each(f func(e event)) {
	for _, events := range [...][]event{q.bottom, q.crowd} {
		for _, e := range events {
			f(e)
		}
	}
	if q.wheel != nil {
		q.wheel.each(f)
	}
}

func (q *queue) len() int {
	n := len(q.bottom) + len(q.crowd)
	if q.wheel != nil {
		n += q.wheel.n
	}
	return n
}

// push adds an event. It must not be due before the event popped last.
func (q *queue) push(e event) {
	if e.at > q.upTo && q.wheel != nil {
		q.wheel.push(e)
		return
	}
	if e.at < q.last {
		panic(fmt.Sprintf("sim: event at %v pushed after one at %v was popped", e.at, q.last))
	}
	if len(q.crowd) > 0 {
		q.crowd = heapPush(q.crowd, e)
		return
	}
	if q.inserted >= bottomSpill && len(q.bottom) >= bottomSpill {
		q.spill()
		q.push(e)
		return
	}
	q.insert(e)
}

// insert puts an event in its place in the bottom.
func (q *queue) insert(e event) {
	q.inserted++
	q.bottom = append(q.bottom, e)
	b := q.bottom
	i := len(b) - 1
	for i > 0 && b[i-1].less(e) {
		b[i] = b[i-1]
		i--
	}
	b[i] = e
}

// next returns the first event and leaves it where it is. It is not ok if there
// is none.
func (q *queue) next() (e event, ok bool) {
	if q.len() == 0 {
		return e, false
	}
	if len(q.bottom) == 0 && len(q.crowd) == 0 {
		q.fill()
	}
	if n := len(q.bottom) - 1; n >= 0 {
		return q.bottom[n], true
	}
	return q.crowd[0], true
}

// pop removes and returns the first event. The queue must not be empty.
func (q *queue) pop() event {
	if len(q.bottom) == 0 && len(q.crowd) == 0 {
		q.fill()
	}
	var e event
	if n := len(q.bottom) - 1; n >= 0 {
		e = q.bottom[n]
		q.bottom = q.bottom[:n]
	} else {
		e, q.crowd = heapPop(q.crowd)
	}
	q.last = e.at
	return e
}

// fill makes the first slot of the wheel the bottom or, if it is one instant's
// and large, the crowd.
func (q *queue) fill() {
	if q.len() == 0 {
		panic("sim: pop from an empty queue")
	}
	q.bottom, q.upTo = q.wheel.drain(q.bottom)
	q.inserted = 0
	if len(q.bottom) > bottomFill {
		q.bottom, q.crowd = q.crowd, q.bottom
		heapInit(q.crowd)
		return
	}
	sortLastFirst(q.bottom)
	if q.wheel.n == 0 {
		q.upTo = vtime.Never
	}
}

// spill empties the bottom into the wheel, around the event popped last. A
// bottom of a single instant, which would soon come back whole, becomes the
// crowd.
func (q *queue) spill() {
	if q.wheel == nil {
		q.wheel = new(wheel)
	}
	if at := q.bottom[0].at; at == q.bottom[len(q.bottom)-1].at {
		slices.Reverse(q.bottom) // in order is a heap
		q.bottom, q.crowd = q.crowd, q.bottom
		q.upTo = at
		return
	}
	q.wheel.base = q.last
	for _, e := range q.bottom {
		q.wheel.push(e)
	}
	q.bottom = q.bottom[:0]
	q.upTo = q.last - 1
}
