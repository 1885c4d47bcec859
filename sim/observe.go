package sim

import (
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

func newTally(p *Plan, policy, replication int) *Tally {
	t := &Tally{
		Policy: policy, Replication: replication,
		Slots: make([]SlotTally, p.Slots()), Relays: make([]RelayTally, len(p.Relays)),
		Online: make([]uint64, len(p.Labels)), Never: make([]uint64, len(p.Labels)),
	}
	n := len(p.FoundBounds)
	found := make([]uint64, n*len(t.Slots))
	for i := range t.Slots {
		t.Slots[i].FoundBy = found[i*n : (i+1)*n : (i+1)*n]
	}
	return t
}

func micro(d time.Duration) uint64 { return uint64(d / time.Microsecond) }

func (c *cell) observeSession(cl *client) {
	cl.everOnline, cl.found = true, false
	cl.session.on = c.now
	c.countSession(cl.slot, c.now)
}

// countSession counts a session that begins at an instant.
func (c *cell) countSession(slot int32, at vtime.Instant) {
	s := &c.tally.Slots[slot]
	s.Sessions++
	s.Online -= c.measuredAt(at)
	s.OnlineAll -= uint64(at.Microseconds())
}

func (c *cell) observeSessionEnd(slot int32) { c.endSpan(&c.tally.Slots[slot], c.now) }

// endSpan ends a session at an instant.
func (c *cell) endSpan(s *SlotTally, at vtime.Instant) {
	s.Online += c.measuredAt(at)
	s.OnlineAll += uint64(at.Microseconds())
}

// measured is now, not before the end of the warm-up, in microseconds. A span
// adds it at its end, having taken it off at its beginning: so nothing has to
// be kept meanwhile, and what adjoining spans round adds up.
func (c *cell) measured() uint64 { return c.measuredAt(c.now) }

// measuredAt is measured at another instant.
func (c *cell) measuredAt(at vtime.Instant) uint64 { return uint64(max(at, c.warm).Microseconds()) }

// setConnected moves the client onto or off its parent's load.
func (c *cell) setConnected(i int, on bool) {
	cl := c.client(i)
	if cl.connected == on {
		return
	}
	cl.connected = on
	c.loads.change(cl.parent, c.now, on)
	s := &c.tally.Slots[cl.slot]
	if !on {
		c.observeConnectedTime(s, cl.parent, cl.by)
		return
	}
	s.TimeOn.Add(cl.parent, -c.measured())
	s.TimeBy[cl.by] -= c.measured()
	if !cl.found {
		cl.found = true
		c.countFound(s, c.now.Sub(cl.session.on))
	}
}

// countFound counts a session that has found a relay after a time.
func (c *cell) countFound(s *SlotTally, took time.Duration) {
	s.FoundTime.Add(micro(took))
	for k, bound := range c.plan.FoundBounds {
		if took <= bound {
			s.FoundBy[k]++
		}
	}
}

// observeConnectedTime ends a span of time with a parent.
func (c *cell) observeConnectedTime(s *SlotTally, parent selection.RelayID, by selection.By) {
	s.TimeOn.Add(parent, c.measured())
	s.TimeBy[by] += c.measured()
}

// observeRegistration counts the outcome of one attempt. A registration that
// is no part of a selection restores contact with the parent.
func (c *cell) observeRegistration(i int, o selection.Outcome) {
	cl := c.client(i)
	if o != selection.Registered {
		c.tally.Slots[cl.slot].RegFailures[o]++
		return
	}
	cl.everRegistered = true
	c.tally.Relays[cl.conn.target].Registrations++
	if cl.conn.again {
		c.setConnected(i, true)
		c.dropLoss(cl, lossRestored)
	}
}

// observeSelection counts the end of a selection by the given course and moves
// the client to its new parent.
func (c *cell) observeSelection(i int, a *selection.Action, made *madeCourse) {
	cl := c.client(i)
	c.tally.Selections++
	c.tally.ByLevel[c.levelOf(cl)]++
	c.traceSelection(i, a)
	s := &c.tally.Slots[cl.slot]
	s.SelectionTime.Add(micro(a.At.Sub(a.Started)))
	s.Rounds.Add(uint64(a.Rounds))
	s.Probes += uint64(a.Probes)
	c.countList(s, made.edition, a.Started)
	if a.Trigger == selection.ParentLost && cl.cause == causeMove {
		cl.cause = causeLoss
	}
	c.observeEffort(cl, a)
	switch a.Kind {
	case selection.Kept:
		s.Kept++
	case selection.GaveUp:
		s.Selections[selection.ByNone]++
		c.leaveParent(i, a.At)
	case selection.Decided:
		s.Selections[a.By]++
		if a.DistanceMax >= 0 {
			s.DistanceKnown++
			s.Distance.Add(uint64(a.DistanceMax))
		}
		c.observeChange(cl, a)
		stays := cl.connected && cl.parent == a.Target && cl.by == a.By
		if !stays { // else what ends and what begins would cancel out
			c.setConnected(i, false)
		}
		c.adopt(cl, a.Target)
		cl.parent, cl.by = a.Target, a.By
		c.setConnected(i, true)
	}
}

// countList counts by which list a selection went that began at an instant.
func (c *cell) countList(s *SlotTally, edition uint32, started vtime.Instant) {
	list := &c.library.editions[edition]
	if list.outdated {
		s.Outdated++
	}
	if list.at != longAgo {
		s.ListAge.Add(micro(started.Sub(list.at)))
	}
}

// levelOf is the level that carries what the client does.
func (c *cell) levelOf(cl *client) Level {
	switch {
	case c.hops:
		return LevelHop
	case !c.mayGoAhead(cl):
		return LevelPacket
	case c.solo == nil:
		return LevelRound
	}
	return LevelClass
}

// leaveParent takes the client off its parent, which it has given up. Of a
// selection that was completed ahead that is still to come.
func (c *cell) leaveParent(i int, at vtime.Instant) {
	if at == c.now {
		c.setConnected(i, false)
		return
	}
	if cl := c.client(i); cl.connected {
		cl.leaveAt = at
		c.push(at, evLeave, i, 0)
	}
}

func (c *cell) leave(i int) {
	if c.client(i).leaveAt == c.now {
		c.setConnected(i, false)
	}
}

// observeEffort notes what a selection contributes to making good a loss.
func (c *cell) observeEffort(cl *client, a *selection.Action) {
	if cl.lostAt == vtime.Never {
		return
	}
	if cl.selectAt == vtime.Never {
		cl.selectAt = a.Started
	}
	cl.probing += int64(micro(a.Probing))
	cl.registering += int64(micro(a.Registering))
}

// observeChange classifies a change of parent and closes a loss.
func (c *cell) observeChange(cl *client, a *selection.Action) {
	if cl.parent != selection.NoRelay && a.Target != cl.parent {
		s := &c.tally.Slots[cl.slot]
		switch cl.cause {
		case causeLoss:
			s.Rehomes[a.By]++
		case causeRoam:
			s.Roams++
		default:
			s.Moves++
		}
		c.countFlap(s, &cl.left, cl.parent, a.Target, c.now)
	}
	if cl.lostAt != vtime.Never {
		c.observeRehomeTime(cl)
	}
	cl.cause = causeMove
}

// countFlap counts a change of parent at an instant if it is a return to one of
// those that were left last, to which it adds the one that is left now.
func (c *cell) countFlap(s *SlotTally, left *[2]formerParent, parent, target selection.RelayID, at vtime.Instant) {
	for _, l := range left {
		if l.relay == target && at.Sub(l.at) < c.plan.FlapWithin {
			s.Flaps++
			break
		}
	}
	left[1], left[0] = left[0], formerParent{relay: parent, at: at}
}

// observeLoss begins a loss: contact with the parent has become impossible.
func (c *cell) observeLoss(cl *client) {
	cl.cause = causeLoss
	c.tally.Slots[cl.slot].Losses++
	cl.lostAt, cl.failedAt, cl.selectAt = c.now, vtime.Never, vtime.Never
	cl.lostSlot, cl.probing, cl.registering = cl.slot, 0, 0
}

// How a loss ends that no selection makes good.
type lossEnd uint8

const (
	lossRestored lossEnd = iota // contact with the lost parent works again
	lossCut                     // the client went offline
	lossOpen                    // the run ended
)

// dropLoss ends a loss, if there is one, without a re-home. What the client
// does later has another cause.
func (c *cell) dropLoss(cl *client, end lossEnd) {
	if cl.cause == causeLoss {
		cl.cause = causeMove
	}
	if cl.lostAt == vtime.Never {
		return
	}
	cl.lostAt = vtime.Never
	s := &c.tally.Slots[cl.lostSlot]
	switch end {
	case lossRestored:
		s.LossesRestored++
	case lossCut:
		s.LossesCut++
	default:
		s.LossesOpen++
	}
}

// observeRehomeTime closes a loss and splits its duration. What is neither
// detection, resist, probing nor registration was spent waiting to try again.
func (c *cell) observeRehomeTime(cl *client) {
	us := func(a, b vtime.Instant) int64 { return max(0, b.Microseconds()-a.Microseconds()) }
	total := us(cl.lostAt, c.now)
	detected := min(cl.failedAt, cl.selectAt)
	detection := us(cl.lostAt, detected)
	resist := us(detected, cl.selectAt)
	// A selection under way when the parent was lost began before the loss.
	registering := min(cl.registering, total-detection-resist)
	probing := min(cl.probing, total-detection-resist-registering)
	s := &c.tally.Slots[cl.lostSlot]
	s.RehomeTime.Add(uint64(total))
	s.Detection += uint64(detection)
	s.Resist += uint64(resist)
	s.Registration += uint64(registering)
	s.Probing += uint64(probing)
	s.RetryWait += uint64(total - detection - resist - registering - probing)
	cl.lostAt = vtime.Never
}

// finish settles all integrals at the end of the run.
func (c *cell) finish() {
	c.eachAwake(func(i int) {
		cl := c.client(i)
		if cl.online {
			c.dropLoss(cl, lossOpen)
		}
		c.finishClient(cl.group, &ending{
			online: cl.online, connected: cl.connected, everOnline: cl.everOnline, everRegistered: cl.everRegistered,
			slot: cl.slot, parent: cl.parent, by: cl.by,
		})
	})
	c.finishAsleep()
	c.loads.close()
	for i := range c.tally.Slots {
		s := &c.tally.Slots[i]
		s.TimeOn.settle()
		for _, on := range s.TimeOn {
			c.tally.Relays[on.Relay].Load += on.Time
		}
		s.Without = s.Online - s.TimeOn.Sum()
	}
}

// ending is what a client is at the end of the run.
type ending struct {
	online, connected          bool
	everOnline, everRegistered bool
	slot                       int32
	parent                     selection.RelayID
	by                         selection.By
}

func (c *cell) finishClient(group uint32, e *ending) {
	if e.online {
		if e.connected {
			c.observeConnectedTime(&c.tally.Slots[e.slot], e.parent, e.by)
		}
		c.observeSessionEnd(e.slot)
	}
	label := c.plan.Groups[group].Label
	if e.everOnline {
		c.tally.Online[label]++
		if !e.everRegistered {
			c.tally.Never[label]++
		}
	}
	if e.everRegistered {
		c.tally.Relays[e.parent].Console++
	}
}
