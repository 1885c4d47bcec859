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

// extras are those of a batch, numbered from 1.
type extras struct {
	all  []extra
	free []uint16 // numbers that nobody has
}

// add adds an extra.
func (e *extras) add(x extra) (number uint16) {
	if n := len(e.free); n > 0 {
		number = e.free[n-1]
		e.free = e.free[:n-1]
		e.all[number-1] = x
		return number
	}
	e.all = append(e.all, x)
	return uint16(len(e.all))
}

// of is the extra of a number.
func (e *extras) of(number uint16) *extra { return &e.all[number-1] }

// take takes an extra out.
func (e *extras) take(number uint16) extra {
	e.free = append(e.free, number)
	return *e.of(number)
}

// takeExtra gives a client that gets up what it had when it lay down.
func (r *resting) takeExtra(cl *client, from *extras) {
	switch {
	case r.is(restsLeft):
		cl.left[0] = r.former()
	case r.extra != 0:
		x := from.take(r.extra)
		cl.left, cl.session.on, cl.gatherAt, cl.parent, cl.by = x.left, x.on, x.gatherAt, x.parent, x.by
	}
	r.extra = 0
}

// former is the parent that a client with restsLeft left last.
func (r *resting) former() formerParent {
	return formerParent{selection.RelayID(r.extra), r.rest.Ended()}
}

// isFlap tells whether a return to a former parent may still be a flap at some
// time from an instant on.
func (c *cell) isFlap(f formerParent, from vtime.Instant) bool {
	return f.relay != selection.NoRelay && from.Sub(f.at) < c.plan.FlapWithin
}

// keepExtra keeps what has no place in r, which has been made of cl otherwise. Of
// a former parent nothing is kept once a return to it is no flap any more.
func (c *cell) keepExtra(cl *client, r *resting, to *extras, until vtime.Instant) {
	parent, by := r.rest.Parent()
	if (cl.found || !cl.online) && cl.gatherAt == vtime.Never && cl.parent == parent && cl.by == by {
		c.keepLeft(&cl.left, r, to, until)
		return
	}
	r.extra = to.add(extra{cl.left, cl.session.on, cl.gatherAt, cl.parent, cl.by})
}

// keepLeft is keepExtra for a client about which nothing is unusual but what
// parents it has left. Of most, that is one, by the last selection.
func (c *cell) keepLeft(left *[2]formerParent, r *resting, to *extras, until vtime.Instant) {
	second := c.isFlap(left[1], until)
	switch {
	case !second && !c.isFlap(left[0], until):
	case !second && left[0].at == r.rest.Ended() && left[0].relay < 1<<16:
		r.extra = uint16(left[0].relay)
		r.flags |= restsLeft
	default:
		parent, by := r.rest.Parent()
		r.extra = to.add(extra{left: *left, gatherAt: vtime.Never, parent: parent, by: by})
	}
}
