package sim

import "github.com/relaysim/relaysim/vtime"

// nextChange finds the next change of the world from index i of the plan's
// events on and queues it.
func (c *cell) nextChange(i int) {
	c.change, c.changeAt = i, vtime.Never
	if i < len(c.plan.Events) {
		c.changeAt = vtime.Instant(c.plan.Events[i].At)
		c.push(c.changeAt, evWorld, 0, uint32(i))
	}
}

// changeWorld applies all changes of this instant, then looks at every client
// whose contact with its parent they touch.
func (c *cell) changeWorld() {
	i := c.change
	for ; i < len(c.plan.Events) && vtime.Instant(c.plan.Events[i].At) == c.now; i++ {
		e := &c.plan.Events[i]
		switch e.Kind {
		case HostDown:
			c.relays[e.Relay].mode = relayHostDown
		case ServiceDown:
			c.relays[e.Relay].mode = relayServiceDown
		case RelayUp:
			c.relays[e.Relay].mode = relayUp
		case LegDown:
			c.state.SetLeg(e.Leg, false)
		case LegUp:
			c.state.SetLeg(e.Leg, true)
		}
	}
	c.nextChange(i)
	for _, q := range c.quiet {
		clear(q)
	}
	for j := range c.clients {
		c.reviewContact(j)
	}
}

// reviewContact compares a client's contact with what the changed world
// allows. Nothing fails before the client next tries (spec, gap parameter
// report_interval_s), so only that contact is queued.
func (c *cell) reviewContact(i int) {
	cl := &c.clients[i]
	if !cl.online || !cl.everRegistered || !cl.sel.Registered() {
		return
	}
	works := c.works(cl)
	_, failing := cl.sel.Failing()
	switch {
	case cl.connected && !works:
		c.observeLoss(cl)
		c.setConnected(i, false)
		c.scheduleContact(i, c.now)
	case !cl.connected && works && (failing || cl.lostAt != vtime.Never):
		// Reachable again before another parent was found. In a session
		// that has not yet seen its parent, only the contact itself counts.
		if cl.found {
			c.setConnected(i, true)
		}
		c.scheduleContact(i, c.now)
	}
}
