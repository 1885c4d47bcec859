package sim

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// resting is a client between two of its events, with nothing in flight, in 40
// bytes; 8 more are when the first of them is due. It has no pointers.
type resting struct {
	rest    selection.Rest
	lifeAt  vtime.Instant      // the next change between online and offline
	net     topology.NetworkID // the present or the last, or noNetwork
	edition uint16
	flags   uint16
	// extra is its number in the batch's extras, 0 for none; with restsLeft it is
	// the relay that was its parent until its last selection ended.
	extra uint16
}

// berth is where a client rests.
type berth struct {
	*resting
	// due is the first of the client's own events. Of one that is awake it is its
	// place in cell.clients.
	due    *vtime.Instant
	batch  *batch
	number int
	group  uint32
}

// Flags of a resting client, above the two bits of its cause.
const (
	restsCause  = 3
	restsOnline = 1 << (iota + 1)
	restsStale
	restsCertified
	restsSecured
	restsWasOnline
	restsWasRegistered
	restsFound
	restsConnected
	restsAwake // it does not rest
	restsBegun // it has been given its first session to wait for
	restsLeft  // it has left a parent
)

func (r *resting) is(flag uint16) bool { return r.flags&flag != 0 }

func (r *resting) set(flag uint16, to bool) {
	if to {
		r.flags |= flag
	}
}

// layDown makes a resting client of cl, unless something is in flight or its
// events cannot be told again from what a resting client keeps. It does so at
// the end of a window; nothing but its own events touches it before.
func (c *cell) layDown(cl *client, r *berth, until vtime.Instant) bool {
	if cl.conn.open || cl.contactAt != vtime.Never || cl.lostAt != vtime.Never ||
		cl.leaveAt != vtime.Never && cl.leaveAt >= until {
		return false
	}
	rest, ok := cl.sel.RestFor(cl.deadlineAt)
	if !ok {
		return false
	}
	r.rest, r.lifeAt = rest, cl.lifeAt
	*r.due = min(cl.deadlineAt, cl.lifeAt, cl.gatherAt)
	r.net, r.edition = cl.lastNet, uint16(cl.edition)
	r.mark(cl)
	c.keepExtra(cl, r.resting, &r.batch.extras, until)
	r.batch.note(&r.rest)
	return true
}

// mark sets the flags to what the client is, without an extra.
func (r *resting) mark(cl *client) {
	r.flags, r.extra = uint16(cl.cause)|restsBegun, 0
	r.set(restsOnline, cl.online)
	r.set(restsStale, cl.stale)
	r.set(restsCertified, cl.certificate)
	r.set(restsSecured, cl.secured)
	r.set(restsWasOnline, cl.everOnline)
	r.set(restsWasRegistered, cl.everRegistered)
	r.set(restsFound, cl.found)
	r.set(restsConnected, cl.connected)
}

// rouse makes cl what r and its extra, if it has one, say of it between two
// events, its Selector aside.
func (c *cell) rouse(cl *client, r *berth) {
	g := &c.groups[r.group]
	cl.key, cl.group = g.clientKey(r.number), r.group
	cl.lifeAt, cl.gatherAt, cl.lostAt = r.lifeAt, vtime.Never, vtime.Never
	cl.session, cl.lastNet, cl.edition = session{off: r.lifeAt, at: r.net}, r.net, uint32(r.edition)
	cl.cause = cause(r.flags & restsCause)
	cl.online, cl.stale = r.is(restsOnline), r.is(restsStale)
	cl.certificate, cl.secured = r.is(restsCertified), r.is(restsSecured)
	cl.everOnline, cl.everRegistered = r.is(restsWasOnline), r.is(restsWasRegistered)
	cl.found, cl.connected = r.is(restsFound), r.is(restsConnected)
	cl.parent, cl.by = r.rest.Parent()
	cl.left = nothingObserved.left
	r.takeExtra(cl, &r.batch.extras)
	if cl.online {
		c.attach(cl)
	}
}

// getUp makes a client of r again. seen is the instant of its last input if that
// was in this window.
func (c *cell) getUp(cl *client, r *berth, seen vtime.Instant) {
	g := &c.groups[r.group]
	if !r.is(restsBegun) {
		c.begin(cl, g.clientKey(r.number), r.group)
		return
	}
	cl.observed = nothingObserved
	c.rouse(cl, r)
	cl.sel.Restore(c.courseBy(r.group, cl.edition, g.was), cl.key, r.rest)
	cl.sel.Seen(seen)
	cl.deadlineAt, cl.contactAt, cl.leaveAt = vtime.Never, vtime.Never, vtime.Never
	cl.ask.drop()
	cl.conn.open = false
	switch {
	case !cl.online:
	case *r.due < min(cl.lifeAt, cl.gatherAt):
		cl.deadlineAt = *r.due
	default:
		if at, ok := cl.sel.Deadline(); ok {
			cl.deadlineAt = at
		}
	}
}

// begin makes a client that has not been online yet.
func (c *cell) begin(cl *client, key rng.Key, group uint32) {
	g := &c.groups[group]
	*cl = client{
		sel: selection.New(c.courseBy(group, 0, g.was), key, 0), key: key, group: group,
		parent: selection.NoRelay, lastNet: noNetwork,
		lifeAt: vtime.Never, contactAt: vtime.Never, deadlineAt: vtime.Never,
		gatherAt: vtime.Never, leaveAt: vtime.Never,
		certificate: !rng.ChanceOf(g.plan.NoCertificate).Happens(key.Draw(rng.Certificate, 0)),
		stale:       rng.ChanceOf(g.plan.StaleList).Happens(key.Draw(rng.StaleList, 0)),
		observed:    nothingObserved,
	}
}

// attach attaches an online client where its session is.
func (c *cell) attach(cl *client) {
	g := c.groups[cl.group].plan
	at := cl.session.at
	cl.at = topology.Attachment{Network: at, Access: c.access(cl.key, at), Guard: g.Guard}
	cl.slot = int32(c.plan.Slot(g.Label, int(at)))
}

// finishResting is finishClient for one that rests.
func (c *cell) finishResting(group uint32, r *resting, ch *batch) {
	e := ending{
		online: r.is(restsOnline), connected: r.is(restsConnected),
		everOnline: r.is(restsWasOnline), everRegistered: r.is(restsWasRegistered),
	}
	e.parent, e.by = r.rest.Parent()
	if r.extra != 0 && !r.is(restsLeft) {
		x := ch.extras.of(r.extra)
		e.parent, e.by = x.parent, x.by
	}
	if e.online {
		e.slot = int32(c.plan.Slot(c.groups[group].plan.Label, int(r.net)))
	}
	c.finishClient(group, &e)
}
