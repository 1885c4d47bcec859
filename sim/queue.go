package sim

import "github.com/relaysim/relaysim/vtime"

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
	evAtHost                 // a probe or SYN arrives at a relay
	evError                  // an ICMP error starts back; detail: index in cell.errors
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

func (e event) less(f event) bool {
	return e.at < f.at || e.at == f.at && e.what < f.what
}

// queue is a binary heap of events by value.
type queue struct{ heap []event }

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(e event) {
	q.heap = append(q.heap, e)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.less(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
}

// pop removes and returns the first event. The queue must not be empty.
func (q *queue) pop() event {
	h := q.heap
	first := h[0]
	n := len(h) - 1
	e := h[n]
	q.heap = h[:n]
	if n == 0 {
		return first
	}
	h = h[:n]
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && h[c+1].less(h[c]) {
			c++
		}
		if !h[c].less(e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
	return first
}
