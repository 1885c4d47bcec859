package sim

import (
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// What a client does by itself mostly goes its usual way: the periodic
// registration succeeds, a selection is decided by the first round that can be
// answered and by its first registration. Here it goes that way from rest to
// rest, without a Selector. Whatever else comes takes the ordinary way from where
// this stops.

// stroll is a client on its usual way: what it is at the end of what it has done
// so far.
type stroll struct {
	made *madeCourse // the course that it goes by
	key  rng.Key
	rest *selection.Rest
	now  vtime.Instant
	// due is when its Selector's next timer fires.
	due vtime.Instant
}

// quickTurn takes a resting client whose turn it is as far as it goes its usual
// way. done: nothing is left to do in the window, and it has been laid down;
// otherwise r is the client then, at the instant now. seen is that before, 0 if
// nothing has been done in the window.
func (c *cell) quickTurn(t *turn, r *berth, seen vtime.Instant) (now vtime.Instant, done bool) {
	if c.balanced || !r.is(restsBegun) {
		return seen, false
	}
	cl := c.solo.client
	c.rouse(cl, r)
	s := stroll{made: c.courseWas(r.group, cl.edition), key: cl.key, rest: &r.rest, now: max(t.from, seen)}
	if parent, by := r.rest.Parent(); cl.gatherAt != vtime.Never || parent != selection.NoRelay && (cl.parent != parent || cl.by != by) ||
		!c.stroll(cl, r.number, &s, t.until) {
		r.mark(cl)
		c.keepExtra(cl, r.resting, &r.batch.extras, t.from)
		return seen, false
	}
	r.lifeAt, r.net = cl.lifeAt, cl.lastNet
	if *r.due = cl.lifeAt; cl.online {
		*r.due = min(s.due, cl.lifeAt)
	}
	r.mark(cl)
	if *r.due < t.until {
		c.keepExtra(cl, r.resting, &r.batch.extras, s.now)
		return s.now, false
	}
	c.keepExtra(cl, r.resting, &r.batch.extras, t.until)
	r.batch.note(&r.rest)
	return s.now, true
}

// stroll does what the client does before an instant, its going online and
// offline included, as long as that goes its usual way. It returns false if the
// client is not as one on its usual way to begin with.
func (c *cell) stroll(cl *client, i int, s *stroll, until vtime.Instant) bool {
	if !cl.online {
		cl.session, _ = c.groups[cl.group].plan.nextSession(cl.key, cl.lifeAt, c.plan.StartOfWeek, c.end)
	}
	for {
		if cl.online {
			limit := min(until, cl.lifeAt)
			if !c.quick(cl, i, s, limit) {
				return false
			}
			if s.due < limit || cl.lifeAt >= until {
				return true
			}
			c.quickLeave(cl, i, s)
		}
		if cl.lifeAt >= until || !c.quickReturn(cl, i, s, until) {
			return true
		}
	}
}

// quickLeave ends the client's session.
func (c *cell) quickLeave(cl *client, i int, s *stroll) {
	c.now, s.now = cl.lifeAt, cl.lifeAt
	c.endSession(cl, i)
	s.rest.Stop()
	next, ok := c.groups[cl.group].plan.nextSession(cl.key, c.now, c.plan.StartOfWeek, c.end)
	if cl.lifeAt = vtime.Never; ok {
		cl.session, cl.lifeAt = next, next.on
	}
}

// quickReturn begins the client's next session. If that does not go its usual
// way, it returns false, and the client is as before but for what attachment
// says.
func (c *cell) quickReturn(cl *client, i int, s *stroll, until vtime.Instant) bool {
	if c.lacksList(cl) {
		return false // it copies the new one
	}
	was, cause, found := s.now, cl.cause, cl.found
	trigger, known := cl.wakes()
	at, on := cl.lifeAt, cl.session.on
	s.now, cl.lifeAt, cl.session.on = at, cl.session.off, at
	cl.online, cl.found = true, false
	c.attach(cl)
	if !c.startAgent(cl, i, s, trigger, known, min(until, cl.lifeAt)) {
		cl.online, cl.cause, cl.found = false, cause, found
		s.now, cl.lifeAt, cl.session.on = was, at, on
		return false
	}
	cl.lastNet, cl.everOnline = cl.session.at, true
	c.countSession(cl.slot, at)
	return true
}

// quickOn is quickTurn for a client that has got up and is at rest again.
func (c *cell) quickOn(cl *client, i int) {
	if c.balanced || !cl.online || cl.conn.open || cl.ask.open || cl.lostAt != vtime.Never {
		return
	}
	limit, made := c.ownTime(cl), c.courseAhead(cl)
	if cl.deadlineAt >= limit || made == nil {
		return
	}
	rest, ok := cl.sel.RestFor(vtime.Never) // and what is due now is done now
	if parent, by := rest.Parent(); !ok || parent != selection.NoRelay && (parent != cl.parent || by != cl.by) {
		return
	}
	s := stroll{made: made, key: cl.key, rest: &rest, now: max(c.now, cl.sel.Clock())}
	if before := s.now; c.quick(cl, i, &s, limit) && s.now > before {
		c.restAgain(cl, i, &s)
	}
}

// quickArrival lets an agent that begins to run go its usual way.
func (c *cell) quickArrival(cl *client, i int, trigger selection.Trigger, known bool) bool {
	if c.solo == nil || c.balanced {
		return false
	}
	rest, ok := cl.sel.RestFor(vtime.Never)
	s := stroll{made: c.courseAhead(cl), key: cl.key, rest: &rest, now: c.now}
	if !ok || s.made == nil || !c.startAgent(cl, i, &s, trigger, known, c.ownTime(cl)) {
		return false
	}
	if n, ok := s.rest.Next(s.made.course, s.key, s.now); ok {
		s.due = n.At
	}
	c.restAgain(cl, i, &s)
	return true
}

// startAgent lets an agent that begins to run now select, or register with its
// parent again. known: it has been online before.
func (c *cell) startAgent(cl *client, i int, s *stroll, trigger selection.Trigger, known bool, limit vtime.Instant) bool {
	if known && trigger == selection.Start && c.pol.Params.ExtraTriggers.Has(selection.Resume) {
		return false
	}
	if s.rest.Wakes(trigger) {
		if !c.attempt(cl, i, true, cl.parent, nil, s.now, limit) {
			return false
		}
		s.now = cl.conn.resultAt
		s.rest.Wake(s.now)
		return true
	}
	started, ok := s.rest.Arrives(s.made.course, s.key, trigger, s.now)
	return ok && c.quickSelection(cl, i, s, c.knownOutlook(s.made, cl.at), trigger, started, limit)
}

// ownTime is the first instant at which something other than its Selector's
// deadline can come to the client that has its turn.
func (c *cell) ownTime(cl *client) vtime.Instant {
	at := min(c.solo.until, c.horizon(cl))
	for _, e := range c.solo.agenda {
		if e.what.kind() != evDeadline {
			at = min(at, e.at)
		}
	}
	return at
}

// restAgain brings the client's Selector and its deadline up to date.
func (c *cell) restAgain(cl *client, i int, s *stroll) {
	c.now = s.now
	cl.sel.Restore(s.made.course, s.key, *s.rest)
	cl.sel.Seen(s.now)
	c.solo.agenda = slices.DeleteFunc(c.solo.agenda, func(e event) bool { return e.what.kind() == evDeadline })
	if cl.deadlineAt = s.due; s.due != vtime.Never {
		c.push(s.due, evDeadline, i, 0)
	}
}
