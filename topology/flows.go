package topology

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// Time-outs of a flow entry, counted from the last packet that the entry or
// a rule let pass, where a box has no Lifetimes of its own.
//
// TCP is the minimum for an established connection, 2 h 4 min (RFC 5382
// REQ-5); a connection that is opened and never used again is kept as long.
// ICMP and UDP are Linux's defaults (nf_conntrack_icmp_timeout and
// nf_conntrack_udp_timeout), which firewalls commonly use; a translator would
// have to keep UDP for at least 2 min (RFC 4787 REQ-5) and queries for at least
// 60 s (RFC 5508 REQ-2).
const (
	TCPTimeout  = 7440 * time.Second
	UDPTimeout  = 30 * time.Second
	ICMPTimeout = 30 * time.Second
)

// withDefaults fills in what is not given.
func (l Lifetimes) withDefaults() Lifetimes {
	if l.TCP == 0 {
		l.TCP = TCPTimeout
	}
	if l.UDP == 0 {
		l.UDP = UDPTimeout
	}
	if l.ICMP == 0 {
		l.ICMP = ICMPTimeout
	}
	return l
}

// of is the lifetime of what a packet of a kind begins or refreshes.
func (l *Lifetimes) of(k Kind) time.Duration {
	switch k {
	case TCP, Reset:
		return l.TCP
	case UDP, VPN:
		return l.UDP
	}
	return l.ICMP
}

// tables are the tables of all boxes.
type tables struct {
	flows flowTable
	nats  []natTable // by translator
}

func newTables(n *Network) tables {
	return tables{nats: make([]natTable, n.translators)}
}

func (t *tables) reset() {
	t.flows.reset()
	for i := range t.nats {
		t.nats[i].reset()
	}
}

// flowKey names the entry of a flow in one box. Of a Guard there is one at
// each end of a way.
type flowKey struct {
	box  BoxID
	near bool
	flow uint64
}

// flowTable has the flows that stateful boxes have accepted, with the instant
// at which each is forgotten.
type flowTable struct {
	until map[flowKey]vtime.Instant
	// sweep is the size at which expired entries are looked for.
	sweep int
	// crowds has the flows of boxes that track a limited number.
	crowds map[BoxID]*queue[flowKey]
}

const minSweep = 1024

func (t *flowTable) live(key flowKey, at vtime.Instant) bool {
	until, ok := t.until[key]
	return ok && at < until
}

// keep makes or refreshes the entry of a flow. sent is an instant before which
// nobody will ask again.
func (t *flowTable) keep(key flowKey, life time.Duration, at, sent vtime.Instant) {
	if t.until == nil {
		t.until, t.sweep = make(map[flowKey]vtime.Instant), minSweep
	}
	if len(t.until) >= t.sweep {
		t.forget(sent)
	}
	t.until[key] = max(t.until[key], at.Add(life))
}

// forget removes expired entries. Its cost is spread over at least as many
// insertions. What live says does not depend on it.
func (t *flowTable) forget(at vtime.Instant) {
	// order: expired entries go whichever comes first, and nothing else happens.
	for key, until := range t.until {
		if until <= at && t.crowds[key.box] == nil {
			delete(t.until, key)
		}
	}
	t.sweep = max(minSweep, 2*len(t.until))
}

// admit makes room for a flow in a box that tracks at most so many; it is not
// ok if there is none.
func (t *flowTable) admit(key flowKey, most int, life time.Duration, at vtime.Instant) bool {
	if t.live(key, at) {
		return true
	}
	if t.crowds == nil {
		t.crowds = make(map[BoxID]*queue[flowKey])
	}
	q := t.crowds[key.box]
	if q == nil {
		q = &queue[flowKey]{}
		t.crowds[key.box] = q
	}
	for q.due(at) {
		old := q.pop().what
		if until := t.until[old]; until > at {
			q.push(until, old)
		} else {
			delete(t.until, old)
		}
	}
	if len(q.entries) >= most {
		return false
	}
	q.push(at.Add(life), key)
	return true
}

func (t *flowTable) reset() {
	clear(t.until)
	clear(t.crowds)
}

// queue has things by the instant at which they may be due.
type queue[T any] struct{ heap[vtime.Instant, T] }

// due tells whether the first thing is due at an instant.
func (q *queue[T]) due(at vtime.Instant) bool { return len(q.entries) > 0 && q.entries[0].key <= at }

// track keeps the flow of a packet that the box has accepted. Only a packet in
// the flow's own direction begins one: what the rules let back is judged by
// them again the next time.
func (w *walker) track(b *box, e *element) bool {
	if !b.tracks() || w.p.Back || w.p.Kind.IsError() || w.untracked {
		return true
	}
	key, life := w.flowKey(b, e), b.lifetimes.of(w.p.Kind)
	if b.flows > 0 && b.kind == Stateful {
		w.coupled = true
		if !w.dry && !w.tables.flows.admit(key, b.flows, life, w.at) {
			w.note(b.name, "dropped: table of flows is full")
			return w.stop(TableFull, b.id, -1)
		}
	}
	w.tables.flows.keep(key, life, w.at, w.sent)
	return true
}

// tracks tells whether a box keeps flows.
func (b *box) tracks() bool { return b.kind == Stateful || b.kind == Guard }

// flowKey is the key of the packet's flow in a box.
func (w *walker) flowKey(b *box, e *element) flowKey {
	return flowKey{b.id, e.near && b.kind == Guard, w.p.Flow}
}
