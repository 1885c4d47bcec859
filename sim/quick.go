package sim

import (
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// quick takes a client whose turn it is through what it does by itself, as long
// as that goes its usual way: the periodic registration succeeds, the timer's
// selection is decided by the first round that can be answered and by its first
// registration. It stops before whatever else comes, which takes the ordinary
// way from there.
func (c *cell) quick(cl *client, i int, r *resting, until vtime.Instant) {
	if c.balanced || !cl.online || !cl.connected || !cl.found || cl.cause != causeMove || cl.gatherAt != vtime.Never || cl.lifeAt <= r.due {
		return
	}
	parent, by := r.rest.Parent()
	if parent != cl.parent || by != cl.by {
		return
	}
	course, rest := cl.sel.Course(), r.rest
	limit := min(until, c.horizon(cl))
	now, done := c.now, false
	for {
		at, renews := rest.Renews(course, cl.key, now)
		var ok bool
		if renews {
			at, rest, ok = c.quickRenewal(cl, i, course, rest, at, limit)
		} else {
			at, rest, ok = c.quickSelection(cl, i, course, rest, now, limit)
		}
		if !ok {
			break
		}
		now, done = at, true
	}
	if !done {
		return
	}
	c.now = now
	cl.sel.Restore(course, cl.key, rest)
	cl.sel.Seen(now)
	cl.deadlineAt = vtime.Never
	if at, ok := cl.sel.Deadline(); ok {
		cl.deadlineAt = at
	}
}

// quickRenewal registers the client with its parent again at an instant.
func (c *cell) quickRenewal(cl *client, i int, course *selection.Course, rest selection.Rest, at, limit vtime.Instant) (vtime.Instant, selection.Rest, bool) {
	if at >= limit {
		return 0, rest, false
	}
	cl.conn = connection{again: true, target: cl.parent, at: at}
	if !c.succeeds(cl, limit) {
		return 0, rest, false
	}
	c.now = at
	c.observeRegistration(i, selection.Registered)
	return cl.conn.resultAt, rest.Renewed(course, cl.conn.resultAt), true
}

// quickSelection carries the client's next selection out.
func (c *cell) quickSelection(cl *client, i int, course *selection.Course, rest selection.Rest, now, limit vtime.Instant) (vtime.Instant, selection.Rest, bool) {
	if len(course.Stages) == 0 {
		return 0, rest, false
	}
	x := c.outlookOf(cl, 0).routine
	if x == nil {
		return 0, rest, false
	}
	started, ok := x.Begins(rest, cl.key, now)
	if !ok || started >= limit {
		return 0, rest, false
	}
	round := x.Round(started)
	if round.Deadline >= limit {
		return 0, rest, false
	}
	cl.ask.action = *round
	winner, probed := x.Race(rest, cl.key, started, c.answersTo(cl), c.trace != nil)
	if winner < 0 {
		return 0, rest, false
	}
	cl.conn = connection{target: x.Relay(winner), at: probed}
	if !c.succeeds(cl, limit) {
		return 0, rest, false
	}
	at := cl.conn.resultAt
	c.now = at
	next, decided := x.Decide(rest, started, probed, at, winner)
	c.observeRegistration(i, selection.Registered)
	c.expectReplies(cl, round)
	c.observeSelection(i, decided)
	return at, next, true
}

// succeeds works the client's registration attempt out and tells whether the
// relay takes it before the given instant; what the relay leaves it with is
// kept then.
func (c *cell) succeeds(cl *client, limit vtime.Instant) bool {
	if !c.connectAhead(cl) || cl.conn.resultAt >= limit {
		return false
	}
	o, certificate := c.judge(cl)
	if o != selection.Registered {
		return false
	}
	c.keepAdmission(cl, o, certificate)
	return true
}
