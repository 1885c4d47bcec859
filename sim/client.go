package sim

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// noNetwork is where a client that was never online is.
const noNetwork topology.NetworkID = 1<<16 - 1

// client is one computer: its Selector, where it is, and what is being
// observed of it.
type client struct {
	sel   selection.Selector
	key   rng.Key
	group uint32

	online  bool
	at      topology.Attachment
	lastNet topology.NetworkID // the network of the current or the last session
	slot    int32
	// lifeAt is the client's next change between online and offline;
	// deadlineAt, contactAt and gatherAt are when its Selector's deadline, its
	// next contact and its next copy of the relay list are queued, leaveAt
	// when it gives its parent up. An event at another time is stale.
	lifeAt, deadlineAt, contactAt, gatherAt, leaveAt vtime.Instant
	session                                          session

	// edition is its copy of the relay list; stale: it never gets another.
	edition uint32
	stale   bool
	// certificate: it holds one. secured: its last registration was with a
	// relay that authenticated it.
	certificate, secured bool

	// parent is the relay the client last registered with, by how it found it.
	parent selection.RelayID
	by     selection.By
	// connected: registered in this session and contact works.
	connected bool

	ask  asked      // the round in flight at packet level, or waiting to begin
	conn connection // the registration attempt in flight

	observed
}

// observed is the part of a client that only the tally reads.
type observed struct {
	everOnline, everRegistered bool
	found                      bool  // registered in this session
	cause                      cause // why the next change of parent will have happened
	left                       [2]formerParent

	// The loss of a parent that is being made good; lostAt is Never if there
	// is none. failedAt is the first failed contact, selectAt the start of
	// the first selection after it.
	lostAt, failedAt, selectAt vtime.Instant
	lostSlot                   int32
	probing, registering       int64 // µs
}

// nothingObserved is the observed part of a client that was never online.
var nothingObserved = observed{
	lostAt: vtime.Never,
	left:   [2]formerParent{{relay: selection.NoRelay}, {relay: selection.NoRelay}},
}

type formerParent struct {
	relay selection.RelayID
	at    vtime.Instant
}

// cause tells re-homes, roams and moves apart.
type cause uint8

const (
	causeMove cause = iota // re-selection in place
	causeRoam              // the client changed network
	causeLoss              // the relay or the way to it failed
)

// client is the client of a number, which does not rest.
func (c *cell) client(i int) *client {
	switch {
	case c.solo != nil:
		return c.solo.client
	case c.sweep != nil:
		return &c.clients[c.sweep.due[i]]
	}
	return &c.clients[i]
}

// scheduleSession queues the beginning of the client's next session after the
// given instant.
func (c *cell) scheduleSession(i int, after vtime.Instant) {
	cl := c.client(i)
	g := &c.plan.Groups[cl.group]
	s, ok := g.nextSession(cl.key, after, c.plan.StartOfWeek, c.end)
	if !ok {
		cl.lifeAt = vtime.Never
		return
	}
	cl.session, cl.lifeAt = s, s.on
	c.push(s.on, evLife, i, 0)
}

// live takes a client online or offline.
func (c *cell) live(i int) {
	cl := c.client(i)
	if cl.lifeAt != c.now {
		return
	}
	if cl.online {
		c.goOffline(i)
		c.scheduleSession(i, c.now)
		return
	}
	cl.lifeAt = cl.session.off
	c.push(cl.session.off, evLife, i, 0)
	c.goOnline(i)
}

// wakes is what the beginning of the client's session is to its agent: one that
// wakes in another network than it was last in sees its address change (spec
// 3.2). known: it has been online before.
func (cl *client) wakes() (trigger selection.Trigger, known bool) {
	trigger, known = selection.Start, cl.lastNet != noNetwork
	if known && cl.lastNet != cl.session.at {
		trigger, cl.cause = selection.AddressChange, causeRoam
	}
	return trigger, known
}

// goOnline begins a session.
func (c *cell) goOnline(i int) {
	cl := c.client(i)
	trigger, known := cl.wakes()
	cl.online, cl.lastNet = true, cl.session.at
	c.attach(cl)
	c.observeSession(cl)
	c.scheduleGather(i)
	if c.quickArrival(cl, i, trigger, known) {
		return
	}
	cl.sel.Trigger(c.now, trigger)
	if known && trigger == selection.Start { // matters if extra_triggers has it (3.6)
		cl.sel.Trigger(c.now, selection.Resume)
	}
	c.pump(i)
}

// access is the variant by which a client is attached to a network: always
// the same for one client and network.
func (c *cell) access(k rng.Key, n topology.NetworkID) uint16 {
	return c.accesses[n].of(k)
}

// access is how clients are attached to a network.
type access struct {
	key      uint64
	variants int
}

func (p *Plan) accessTo(n topology.NetworkID, of *topology.Network) access {
	return access{rng.Hash(p.Networks[n].Name), of.AccessVariants(n)}
}

// of is the variant by which a client is attached.
func (a access) of(client rng.Key) uint16 {
	if a.variants <= 1 {
		return 0
	}
	return uint16(rng.Below(client.Draw(rng.Access, a.key), uint64(a.variants)))
}

// goOffline ends a session; whatever is in flight is abandoned.
func (c *cell) goOffline(i int) {
	cl := c.client(i)
	c.endSession(cl, i)
	cl.lifeAt = vtime.Never
	cl.ask.drop()
	cl.conn.open = false
	cl.contactAt, cl.gatherAt = vtime.Never, vtime.Never
	cl.sel.Trigger(c.now, selection.Stop)
	c.pump(i)
}

// endSession is what ends at once with a session.
func (c *cell) endSession(cl *client, i int) {
	c.setConnected(i, false)
	c.observeSessionEnd(cl.slot)
	cl.online = false
	c.dropLoss(cl, lossCut)
}

// pump drains the Selector until it asks for nothing more, carries out what
// it asked, and queues its deadline.
func (c *cell) pump(i int) {
	cl := c.client(i)
	for cl.sel.Acted() {
		actions := cl.sel.Swap(c.actions)
		c.actions = nil // the Selector has it
		for k := range actions {
			c.perform(i, &actions[k])
		}
		c.actions = actions
	}
	at, ok := cl.sel.Deadline()
	if !ok {
		cl.deadlineAt = vtime.Never
	} else if at != cl.deadlineAt {
		cl.deadlineAt = at
		c.push(at, evDeadline, i, 0)
	}
}

func (c *cell) perform(i int, a *selection.Action) {
	c.watch.acted(c, i, a)
	switch a.Kind {
	case selection.AskRound:
		c.round(i, a)
	case selection.Register:
		c.register(i, a)
	default:
		c.observeSelection(i, a, c.courseInForce(c.client(i)))
	}
}

func (c *cell) deadline(i int) {
	cl := c.client(i)
	if cl.deadlineAt != c.now {
		return
	}
	cl.deadlineAt = vtime.Never
	if l := c.opening(cl); l != nil {
		cl.sel.ExpireAlong(c.now, l)
	} else {
		cl.sel.Expire(c.now)
	}
	c.pump(i)
}

// works tells whether a contact of the client with its parent would succeed
// now: its name resolves, to an address that is the parent's here (each contact
// asks the resolver anew), and packets get there and back. TCP sends again what
// is lost, so only certain loss prevents it; where each packet has a way of its
// own, one good way of a few is enough.
func (c *cell) works(cl *client) bool {
	if !cl.parent.Known() || c.relays[cl.parent].mode != relayUp {
		return false
	}
	if !c.balanced {
		return carries(c.fate(cl, cl.parent, topology.TCP, cl.key))
	}
	const tries = 4
	for n := range uint64(tries) {
		if carries(c.fate(cl, cl.parent, topology.TCP, cl.key.Child(rng.Try, n))) {
			return true
		}
	}
	return false
}

// carries tells whether a connection can be had with the host itself.
func carries(f *topology.Fate) bool {
	return f.Forward == topology.Delivered && f.By == topology.TheHost && f.Back == topology.Delivered &&
		f.LossForward != rng.Always && f.LossBack != rng.Always
}

// contact is the client's report to its parent. Contacts that are known to
// succeed while nothing is failing are not queued; the Selector's contract
// makes them no-ops.
func (c *cell) contact(i int) {
	cl := c.client(i)
	if cl.contactAt != c.now {
		return
	}
	cl.contactAt = vtime.Never
	cl.sel.Contact(c.now, c.answers(cl))
	if _, failing := cl.sel.Failing(); !failing && c.reports(cl) {
		c.dropLoss(cl, lossRestored)
		c.setConnected(i, true)
	}
	c.watchFailing(i)
	c.pump(i)
}

// watchFailing keeps contacts coming while contact with the parent fails:
// each of them can end the failure.
func (c *cell) watchFailing(i int) {
	cl := c.client(i)
	since, failing := cl.sel.Failing()
	if !failing {
		return
	}
	if cl.cause == causeMove {
		cl.cause = causeLoss
	}
	if cl.lostAt != vtime.Never && cl.failedAt == vtime.Never {
		cl.failedAt = since
	}
	if cl.contactAt == vtime.Never {
		c.scheduleContact(i, max(c.now, since))
	}
}

// scheduleContact queues the client's first contact after the given instant.
func (c *cell) scheduleContact(i int, after vtime.Instant) {
	cl := c.client(i)
	at := cl.sel.NextContact(after)
	if at == cl.contactAt {
		return
	}
	cl.contactAt = at
	c.push(at, evContact, i, 0)
}

// mayGoAhead tells whether what nothing can touch is completed at once for the
// client.
func (c *cell) mayGoAhead(cl *client) bool { return !c.groups[cl.group].packets }

// horizon is the first instant at which something outside the Selector can
// touch the client: work that ends before it may be completed ahead. A relay
// list that comes meanwhile cannot: it is taken when a selection begins, which
// is at an event.
func (c *cell) horizon(cl *client) vtime.Instant {
	return min(c.changeAt, c.library.staleAt, cl.lifeAt, cl.contactAt, c.end)
}
