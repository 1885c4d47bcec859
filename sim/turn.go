package sim

import (
	"slices"

	"github.com/relaysim/relaysim/vtime"
)

// turn is what changes between two windows, as far as resting clients have to
// be told.
type turn struct {
	from, until vtime.Instant
	changed     bool
	relays      relaySet // those that changed
	hosts       bool     // one has come or gone, so that others may answer echo
	contacts    bool     // contact with any relay may have changed
	published   bool
	happened    []*EventPlan // that happen to clients
	groups      []bool       // to whom
}

// solo is the client whose turn it is, with its own events.
type solo struct {
	client *client
	agenda []event
	until  vtime.Instant // the end of the window
	// away: it needs packets.
	away bool
}

// tell notes an event for the clients that rest.
func (t *turn) tell(e *EventPlan) {
	switch t.changed = true; {
	case e.Kind.ofClients():
		t.happened = append(t.happened, e)
		for _, g := range e.Groups {
			t.groups[g] = true
		}
	case e.Kind.ofNetwork():
		t.contacts = true
	default:
		t.relays.add(e.Relay)
	}
}

// mayTouch tells whether what happened between the windows may concern a client
// of a batch.
func (t *turn) mayTouch(b *batch) bool {
	if !t.changed || t.published || t.contacts || len(t.happened) > 0 {
		return t.changed
	}
	return t.relays.meets(b.parents)
}

// touched tells whether what happened between the windows can concern the
// client, and whether that is the publication of a list alone.
func (c *cell) touched(t *turn, group uint32, r *resting) (touched, published bool) {
	if t.groups[group] {
		return true, false
	}
	if !r.is(restsOnline) {
		return false, false
	}
	parent, _ := r.rest.Parent()
	if r.is(restsWasRegistered) && (t.contacts || parent.Known() && t.relays.has(parent)) {
		return true, false
	}
	published = t.published && !r.is(restsStale)
	return published, published
}

// takeTurn takes one client through the window, or the rest of it. touched: it has
// to be told what happened before. seen is the instant of what it has done.
func (c *cell) takeTurn(t *turn, r *berth, seen vtime.Instant, touched bool) {
	cl, i := c.solo.client, r.number
	c.solo.agenda, c.solo.until, c.solo.away = c.solo.agenda[:0], t.until, false
	fresh := !r.is(restsBegun)
	c.now = max(t.from, seen)
	c.getUp(cl, r, seen)
	cl.sel.Lend(&c.scratch)
	if fresh {
		c.scheduleSession(i, 0)
	} else {
		c.resume(i)
	}
	if touched {
		c.turnClient(t, i)
	}
	for !c.solo.away {
		c.quickOn(cl, i)
		e, ok := c.solo.pop(t.until)
		if !ok {
			break
		}
		c.work(e)
	}
	if !c.solo.away && c.layDown(cl, r, t.until) {
		return
	}
	cl.sel.Lend(nil)
	c.handedOver = append(c.handedOver, handed{i, *cl, slices.Clone(c.solo.agenda)})
	cl.ask = asked{}
	r.flags, r.extra = restsAwake, 0
}

// resume queues the own events of a client that rested.
func (c *cell) resume(i int) {
	cl := c.client(i)
	if cl.lifeAt != vtime.Never {
		if !cl.online {
			cl.session, _ = c.groups[cl.group].plan.nextSession(cl.key, cl.lifeAt, c.plan.StartOfWeek, c.end)
		}
		c.push(cl.lifeAt, evLife, i, 0)
	}
	if cl.deadlineAt != vtime.Never {
		c.push(cl.deadlineAt, evDeadline, i, 0)
	}
	if cl.gatherAt != vtime.Never {
		c.push(cl.gatherAt, evGather, i, 0)
	}
}

// turnClient tells a client what happened between the windows, in the order in
// which changeWorld and publishList do.
func (c *cell) turnClient(t *turn, i int) {
	c.reviewContact(i)
	next := c.changeAt
	for k := range t.happened {
		e := t.happened[k]
		c.changeAt = next
		if k+1 < len(t.happened) {
			c.changeAt = c.now
		}
		if slices.Contains(e.Groups, int(c.client(i).group)) {
			c.occurTo(i, e)
		}
	}
	c.changeAt = next
	if t.published {
		c.scheduleGather(i)
	}
}

// pop takes the first event before the given instant off the agenda.
func (s *solo) pop(until vtime.Instant) (e event, ok bool) {
	if len(s.agenda) == 0 {
		return e, false
	}
	first := 0
	for k := 1; k < len(s.agenda); k++ {
		if s.agenda[k].less(s.agenda[first]) {
			first = k
		}
	}
	e = s.agenda[first]
	if e.at >= until {
		return e, false
	}
	last := len(s.agenda) - 1
	s.agenda[first] = s.agenda[last]
	s.agenda = s.agenda[:last]
	return e, true
}

// goAway ends the turn of a client that needs packets.
func (c *cell) goAway() {
	if c.solo != nil {
		c.solo.away = true
	}
}
