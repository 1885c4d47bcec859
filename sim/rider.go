package sim

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// rider is a client that goes by express: through its sessions, registrations and
// selections, as long as each goes its usual way. Where one does not, it stops
// before that, and is at rest.
type rider struct {
	c      *cell
	*berth // in place; its flags, extra and due are brought up to date at the end
	of     *group
	key    rng.Key
	// x is by what it goes while it is online.
	x   *express
	now vtime.Instant
	// limit is when something comes to it that no express knows of.
	limit vtime.Instant
	// gatherAt is when it copies the newest list, or Never.
	gatherAt vtime.Instant
	left     [2]formerParent
	state    uint16        // its flags
	acted    bool          // it has done something
	on       vtime.Instant // the beginning of the session
	// session is the next one, if it is known.
	session      session
	sessionKnown bool
}

// usual are the flags of an online client about which nothing is unusual.
const usual = restsOnline | restsFound | restsConnected | restsWasRegistered

// expressTurn takes a resting client whose turn it is as far as it goes by
// express. published: a list has been published, and nothing else has happened
// that concerns it. done: nothing is left to do in the window, and it has been
// laid down; otherwise r is the client then, at the instant now. If it has not
// acted, r is as it was, but that it waits for its first session now if it had
// not begun.
func (c *cell) expressTurn(t *turn, r *berth, published bool) (now vtime.Instant, acted, done bool) {
	w := &c.rider
	due := *r.due
	if c.balanced || !w.begin(c, t, r) {
		return 0, false, false
	}
	if published {
		w.gather(t.from)
	}
	due, finished := w.ride(t.until, due)
	if !finished && !w.acted {
		return 0, false, false
	}
	w.lieDown(t, r, due, finished)
	return w.now, true, finished
}

// begin makes w the client that rests. It is not ok if something about it is
// unusual, or nothing is known about how it goes where it is.
func (w *rider) begin(c *cell, t *turn, r *berth) (ok bool) {
	w.c, w.berth, w.of = c, r, &c.groups[r.group]
	w.key = w.of.clientKey(r.number)
	if !r.is(restsBegun) {
		c.hatch(r, w.key)
	}
	w.state = r.flags &^ restsLeft
	if w.state&restsCause != 0 || w.has(restsOnline) && w.state&usual != usual {
		return false
	}
	w.now = t.from
	w.left, w.gatherAt = nothingObserved.left, vtime.Never
	switch {
	case r.is(restsLeft):
		w.left[0] = r.former()
	case r.extra != 0:
		e := r.batch.extras.of(r.extra)
		if parent, by := r.rest.Parent(); e.parent != parent || e.by != by {
			return false
		}
		w.left, w.gatherAt = e.left, e.gatherAt
	}
	w.acted, w.sessionKnown = false, false
	if w.has(restsOnline) {
		w.x = c.expressAt(w, w.net)
		return w.x != nil
	}
	return true
}

// has tells whether a flag is set.
func (w *rider) has(flag uint16) bool { return w.state&flag != 0 }

// hatch lets a client rest that has not begun: it waits for its first session.
func (c *cell) hatch(r *berth, key rng.Key) {
	cl := c.solo.client
	c.begin(cl, key, r.group)
	r.rest, _ = cl.sel.Rest()
	r.net, r.edition, r.extra = noNetwork, 0, 0
	r.mark(cl)
	r.lifeAt = vtime.Never
	if s, ok := c.groups[r.group].plan.nextSession(key, 0, c.plan.StartOfWeek, c.end); ok {
		r.lifeAt = s.on
	}
	*r.due = r.lifeAt
}

// gather lets the client copy the newest list, as scheduleGather does.
func (w *rider) gather(from vtime.Instant) {
	if w.has(restsOnline) && w.lacksList() && w.gatherAt == vtime.Never {
		w.gatherAt = w.c.gathersAt(w.key, from)
	}
}

// lacksList is that of a client.
func (w *rider) lacksList() bool {
	return !w.has(restsStale) && uint32(w.edition) != w.c.library.newest()
}

// ride lets the client do what it does before an instant. Its first timer fires
// when it is due. It returns when it is due then, and whether all went its usual
// way.
func (w *rider) ride(until, due vtime.Instant) (next vtime.Instant, ok bool) {
	var n selection.Next
	if w.has(restsOnline) {
		if n = w.rest.Fires(w.x.course, due); due >= min(w.lifeAt, w.gatherAt) {
			n, ok = w.rest.Next(w.x.course, w.key, w.now)
			if !ok {
				return due, false
			}
		}
	}
	for {
		if !w.has(restsOnline) {
			if w.lifeAt >= until {
				return w.lifeAt, true
			}
			if !w.arrive(until) {
				return w.lifeAt, false
			}
			if n, ok = w.rest.Next(w.x.course, w.key, w.now); !ok {
				return w.now, false
			}
		}
		w.limit = min(until, w.lifeAt, w.gatherAt)
		for n.At < w.limit {
			if ok = w.act(&n); ok {
				w.acted = true
				n, ok = w.rest.Next(w.x.course, w.key, w.now)
			}
			if !ok {
				return n.At, false
			}
		}
		switch {
		case w.limit == until:
			return min(n.At, w.lifeAt, w.gatherAt), true
		case w.limit == w.gatherAt:
			w.now, w.gatherAt, w.edition, w.acted = w.gatherAt, vtime.Never, uint16(w.c.library.newest()), true
			if w.x = w.c.expressAt(w, w.net); w.x == nil {
				return n.At, false
			}
		default:
			w.leave()
		}
	}
}

// act does what the client does next, if that succeeds before its limit.
func (w *rider) act(n *selection.Next) bool {
	if n.Renews {
		l := w.lane()
		end, _, ok := w.register(l, n.At)
		if ok {
			l.renewed++
			w.rest.Renew(w.x.course, end)
			w.now = end
		}
		return ok
	}
	at, ok := w.rest.Begins(w.x.course, w.key, n)
	return ok && n.Trigger == selection.Timer && w.sel(n.Trigger, at)
}

// lane is that of the client's parent, nil if it has none.
func (w *rider) lane() *lane {
	parent, _ := w.rest.Parent()
	return w.x.laneOf(parent)
}

// register tells when a registration that begins at an instant has succeeded, and
// how many SYNs it took. It is not ok unless that is before the limit.
func (w *rider) register(l *lane, at vtime.Instant) (end vtime.Instant, tries uint32, ok bool) {
	if l == nil || !l.registers || l.server.mode != relayUp || !l.server.admits(w.of, w.has(restsCertified)) {
		return 0, 0, false
	}
	t := &w.x.trips[l.tcp]
	end, tries = at+vtime.Instant(2*t.Takes), 1
	if !t.Certain() {
		for !comes(t, synKey(w.key, at, l.server.key, tries-1)) {
			k := connection{at: at}
			back := k.tryAt(tries).Add(t.Takes)
			if back > at.Add(w.c.pol.Params.RegisterConnectTimeout) {
				return 0, 0, false
			}
			end, tries = back.Add(t.Takes), tries+1
		}
	}
	if end >= w.limit {
		return 0, 0, false
	}
	w.state |= restsCertified | restsSecured
	if !l.server.gate.Authenticating {
		w.state &^= restsSecured
	}
	return end, tries, true
}

// sel lets the client select.
func (w *rider) sel(trigger selection.Trigger, started vtime.Instant) bool {
	c, x := w.c, w.x
	probed := started + vtime.Instant(x.deadline)
	if probed >= w.limit {
		return false
	}
	key := selection.KeyOf(w.key, started)
	round := key.Toward(rng.Round, x.round)
	winner, early := x.lots.First(key), 0
	if !x.early {
		if !x.answersOn(&x.lanes[winner], round) {
			winner = x.winner(key, round, x.lots.All())
		}
	} else if answered := x.answers(round); answered == x.lots.All() {
		probed, early = started+vtime.Instant(x.answered), 1
	} else {
		winner = x.winner(key, round, answered)
	}
	if winner < 0 {
		return false
	}
	l := &x.lanes[winner]
	end, tries, ok := w.register(l, probed)
	if !ok {
		return false
	}
	if c.trace != nil {
		rest := w.rest
		a := x.routine.Decide(&rest, trigger, started, probed, end, x.lots.Candidate(winner))
		a.CompetitionSize, a.CompetitionWeight = x.lots.Competition(x.answers(round))
		c.traceAction(w.number, x.slot, a)
	}
	s := &c.tally.Slots[x.slot]
	if tries == 1 {
		l.won[early]++
	} else {
		l.slowly++
		s.SelectionTime.Add(micro(end.Sub(started)))
	}
	c.countList(s, x.edition, started)
	w.change(s, l, end)
	x.routine.Settle(&w.rest, end, l.relay)
	w.now = end
	return true
}

// change moves the client to the parent that it has selected.
func (w *rider) change(s *SlotTally, to *lane, at vtime.Instant) {
	parent, by := w.rest.Parent()
	found := w.x.by
	if w.has(restsConnected) {
		if parent == to.relay && by == found {
			return
		}
		w.disconnect(s, at)
	}
	w.connect(s, to, found, at)
	if parent == to.relay || parent == selection.NoRelay {
		return
	}
	if w.roams() {
		s.Roams++
	} else {
		s.Moves++
	}
	w.c.countFlap(s, &w.left, parent, to.relay, at)
}

// roams tells whether the client has come from another network.
func (w *rider) roams() bool {
	return !w.has(restsOnline) && w.net != noNetwork && w.net != w.session.at
}

// disconnect takes the client off its parent's load.
func (w *rider) disconnect(s *SlotTally, at vtime.Instant) {
	parent, by := w.rest.Parent()
	measured := w.c.measuredAt(at)
	w.c.loads.change(parent, at, false)
	if l := w.x.laneOf(parent); l != nil {
		l.time += measured
	} else {
		s.TimeOn.Add(parent, measured)
	}
	s.TimeBy[by] += measured
	w.state &^= restsConnected
}

// connect puts the client onto the load of a parent that it found so.
func (w *rider) connect(s *SlotTally, to *lane, by selection.By, at vtime.Instant) {
	measured := w.c.measuredAt(at)
	w.c.loads.change(to.relay, at, true)
	to.time -= measured
	s.TimeBy[by] -= measured
	w.state |= restsConnected
	if !w.has(restsFound) {
		w.state |= restsFound
		w.c.countFound(s, at.Sub(w.on))
	}
}

// leave ends the client's session.
func (w *rider) leave() {
	s := &w.c.tally.Slots[w.x.slot]
	w.now, w.acted = w.lifeAt, true
	w.disconnect(s, w.now)
	w.c.endSpan(s, w.now)
	w.state &^= restsOnline
	w.gatherAt, w.x = vtime.Never, nil
	w.rest.Stop()
	w.session, w.sessionKnown = w.of.plan.nextSession(w.key, w.now, w.c.plan.StartOfWeek, w.c.end)
	if w.lifeAt = vtime.Never; w.sessionKnown {
		w.lifeAt = w.session.on
	}
}

// arrive begins the client's next session: it registers with its parent, or
// selects. If that does not go its usual way, it returns false, and nothing has
// happened.
func (w *rider) arrive(until vtime.Instant) bool {
	c := w.c
	if !w.sessionKnown {
		w.session, w.sessionKnown = w.of.plan.nextSession(w.key, w.lifeAt, c.plan.StartOfWeek, c.end)
	}
	at, known := w.lifeAt, w.net != noNetwork
	if known && !w.roams() && c.pol.Params.ExtraTriggers.Has(selection.Resume) {
		return false
	}
	x := c.expressAt(w, w.session.at)
	if x == nil {
		return false
	}
	gatherAt := vtime.Never
	if w.lacksList() {
		gatherAt = c.gathersAt(w.key, at)
	}
	w.x, w.on, w.limit = x, at, min(until, w.session.off, gatherAt)
	before := w.state
	w.state &^= restsFound
	if !w.begins(x, at) {
		w.x, w.state = nil, before
		return false
	}
	c.countSession(x.slot, at)
	w.state |= usual | restsWasOnline
	w.acted, w.sessionKnown = true, false
	w.net, w.lifeAt, w.gatherAt = w.session.at, w.session.off, gatherAt
	return true
}

// begins lets the client's agent begin to run.
func (w *rider) begins(x *express, at vtime.Instant) bool {
	trigger := selection.Start
	if w.roams() {
		trigger = selection.AddressChange
	}
	if !w.rest.Wakes(trigger) {
		started, ok := w.rest.Arrives(x.course, w.key, trigger, at)
		return ok && w.sel(trigger, started)
	}
	l := w.lane()
	end, _, ok := w.register(l, at)
	if ok {
		l.renewed++
		_, by := w.rest.Parent()
		w.connect(&w.c.tally.Slots[x.slot], l, by, end)
		w.rest.Wake(end)
		w.now = end
	}
	return ok
}

// lieDown makes r the client at rest, which is due next at an instant. finished: it
// is done with the window.
func (w *rider) lieDown(t *turn, r *berth, due vtime.Instant, finished bool) {
	if r.extra != 0 && !r.is(restsLeft) {
		r.batch.extras.take(r.extra)
	}
	r.extra, r.flags = 0, w.state
	*r.due = due
	from := w.now
	if finished {
		from = t.until
		r.batch.note(&r.rest)
	}
	if w.gatherAt == vtime.Never {
		w.c.keepLeft(&w.left, r.resting, &r.batch.extras, from)
		return
	}
	parent, by := r.rest.Parent()
	r.extra = r.batch.extras.add(extra{left: w.left, gatherAt: w.gatherAt, parent: parent, by: by})
}
