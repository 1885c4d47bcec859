package topology

import "github.com/relaysim/relaysim/vtime"

// Halts says where a Transit halts.
type Halts uint8

// Places where a Transit halts.
const (
	atNone Halts = iota
	// AtLimits: at boxes and guards where what becomes of the packet may depend
	// on others that have come there before: where a limit counts packets of its
	// kind, or a table is of bounded size.
	AtLimits
	// AtRouters: at these, and at every router and box.
	AtRouters
)

// A Transit is a packet on its way that halts at routers and boxes until its
// driver lets it go on. Walk takes the same steps without halting; so a packet
// has the same fate if the driver lets it go on at the instants at which it
// comes to each place, and none of those at which another packet may change
// its fate is left out. Meanwhile legs, hosts and views must stay as they are.
//
// The zero Transit is ready to be sent, and one whose way has ended again.
type Transit struct{ w walker }

// Send puts p at the beginning of its way, at the instant at. Advance takes it
// on from there.
func (t *Transit) Send(st *State, p *Packet, at vtime.Instant, h Halts) {
	course, headers, inner := t.w.course, t.w.headers, t.w.inner
	t.w = walker{}
	t.w.start(st, p, at)
	t.w.course, t.w.headers, t.w.inner = course[:0], headers[:0], inner[:0]
	t.w.halts = h
	t.w.setOut()
}

// Advance takes the packet on until it halts, or its way ends: then r is the
// result, and the Transit is not on its way any more. The driver must let it go
// on at At.
func (t *Transit) Advance() (r Result, onWay bool) {
	t.w.carry()
	if t.w.motion == halted {
		return r, true
	}
	return t.w.finish(), false
}

// At is when the packet comes to where it halts.
func (t *Transit) At() vtime.Instant { return t.w.at }

// haltsAt tells whether the packet halts before a box or guard, to which it
// has just come.
func (w *walker) haltsAt(e *element) bool {
	if w.motion == halted {
		w.motion = moving
		return false
	}
	if w.halts == AtRouters && e.kind == passage || w.net.boxes[e.box].counts.has(w.p.Kind) {
		w.motion = halted
		return true
	}
	return false
}

// Counts tells whether a Transit can halt AtLimits.
func (n *Network) Counts() bool {
	for i := range n.boxes {
		if n.boxes[i].counts != 0 {
			return true
		}
	}
	return false
}
