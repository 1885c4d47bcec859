package sim

import (
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// extra is what few resting clients have.
type extra struct {
	left     [2]formerParent
	on       vtime.Instant // begin of a session that has not found a relay
	gatherAt vtime.Instant
	// parent is the relay it last registered with, which it has given up.
	parent selection.RelayID
	by     selection.By
}

// former is an extra in little memory: of most, the last parent to which a
// return would be a flap is all.
type former struct {
	relay selection.RelayID
	at    [2]uint32 // so that it takes twelve bytes
}

func (f former) parent() formerParent {
	return formerParent{f.relay, vtime.Instant(f.at[0])<<32 | vtime.Instant(f.at[1])}
}

// batchSize is how many clients a worker takes at once.
const batchSize = 1 << 13

// batch keeps the extras of so many clients.
type batch struct{ extras extras }

// extras are numbered from 1 where they are formers, from batchSize+1 where
// they are more.
type extras struct {
	formers []former
	more    []extra
}

func (e *extras) clear() { e.formers, e.more = e.formers[:0], e.more[:0] }

// add adds an extra that is more than a former.
func (e *extras) add(x extra) uint16 {
	e.more = append(e.more, x)
	return uint16(batchSize + len(e.more))
}

func (e *extras) addFormer(f former) uint16 {
	e.formers = append(e.formers, f)
	return uint16(len(e.formers))
}

// beyondFormer is the extra of a number, nil if it is a former.
func (e *extras) beyondFormer(n uint16) *extra {
	if n <= batchSize {
		return nil
	}
	return &e.more[n-batchSize-1]
}

// giveBack gives a client that gets up what it had.
func (e *extras) giveBack(cl *client, n uint16) {
	if x := e.beyondFormer(n); x != nil {
		cl.left, cl.session.on, cl.gatherAt, cl.parent, cl.by = x.left, x.on, x.gatherAt, x.parent, x.by
		return
	}
	cl.left[0] = e.formers[n-1].parent()
}

// isFlap tells whether a return to a former parent may still be a flap at some
// time from an instant on.
func (c *cell) isFlap(f formerParent, from vtime.Instant) bool {
	return f.relay != selection.NoRelay && f.at.Add(c.plan.FlapWithin) > from
}

// keepExtra keeps what has no place in r. Of a former parent nothing is kept
// once a return to it is no flap any more.
func (c *cell) keepExtra(cl *client, r *resting, to *extras, until vtime.Instant) {
	parent, by := r.rest.Parent()
	usual := (cl.found || !cl.online) && cl.gatherAt == vtime.Never && cl.parent == parent && cl.by == by
	switch last := cl.left[0]; {
	case usual && !c.isFlap(last, until):
	case usual && !c.isFlap(cl.left[1], until):
		r.extra = to.addFormer(former{last.relay, [2]uint32{uint32(last.at >> 32), uint32(last.at)}})
	default:
		r.extra = to.add(extra{cl.left, cl.session.on, cl.gatherAt, cl.parent, cl.by})
	}
}

// carryExtra keeps what a client has that rests on until an instant.
func (c *cell) carryExtra(r *resting, from, to *extras, until vtime.Instant) {
	switch x := from.beyondFormer(r.extra); {
	case x != nil:
		r.extra = to.add(*x)
	case c.isFlap(from.formers[r.extra-1].parent(), until):
		r.extra = to.addFormer(from.formers[r.extra-1])
	default:
		r.extra = 0
	}
}

// keep makes e a copy of o, in little more memory than that needs.
func (e *extras) keep(o *extras) {
	e.formers, e.more = copied(e.formers, o.formers), copied(e.more, o.more)
}

// copied is a copy of from, in place of to if that has room but not far too
// much.
func copied[T any](to, from []T) []T {
	if n := len(from); n > cap(to) || n < cap(to)/2 {
		to = make([]T, 0, n+n/16)
	}
	return append(to[:0], from...)
}
