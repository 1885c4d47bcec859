package sim

import (
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

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
	c.settle()
	c.recall()
	i := c.change
	for ; i < len(c.plan.Events) && vtime.Instant(c.plan.Events[i].At) == c.now; i++ {
		c.changeBy(&c.plan.Events[i])
	}
	happened := c.plan.Events[c.change:i]
	c.nextChange(i)
	c.forgetOutlooks()
	c.eachAwake(c.reviewContact)
	c.occurrences(happened)
	if c.sweep != nil {
		for j := range happened {
			c.sweep.turn.tell(&happened[j])
		}
	}
}

// occurrences lets the events of this instant happen to clients. While another
// one is to come, nothing may be completed ahead.
func (c *cell) occurrences(events []EventPlan) {
	next := c.changeAt
	for i := range events {
		if !events[i].Kind.ofClients() {
			continue
		}
		c.changeAt = next
		if slices.ContainsFunc(events[i+1:], func(e EventPlan) bool { return e.Kind.ofClients() }) {
			c.changeAt = c.now
		}
		c.occur(&events[i])
	}
}

// enter begins with a fresh state of a network, in which the relays are as
// they are.
func (c *cell) enter(n *topology.Network) {
	c.net, c.state, c.balanced = n, n.NewState(), n.Balanced()
	c.state.SetWeather(c.weather)
	c.halts = 0
	switch {
	case c.hops:
		c.halts = topology.AtRouters
	case n.Counts():
		c.halts = topology.AtLimits
	}
	for id := range c.relays {
		c.place(selection.RelayID(id))
	}
}

// place lets the network know whether there is a host that answers. A service
// that is down is the driver's: the host answers for it.
func (c *cell) place(id selection.RelayID) {
	c.state.SetHost(topology.HostID(id), c.relays[id].mode != relayHostDown)
	c.eachWorker(func(w *cell) { w.place(id) })
}

// changeNetwork applies an event that concerns neither relays nor clients.
func (c *cell) changeNetwork(e *EventPlan) {
	c.eachWorker(func(w *cell) { w.changeNetwork(e) })
	switch e.Kind {
	case LegDown, LegUp:
		c.state.SetLeg(e.Leg, e.Kind == LegUp)
	case NamesDown, NamesUp:
		c.state.SetView(e.View, e.Kind == NamesUp)
	}
}

// changeBy applies one event to the relays, the network and the list.
func (c *cell) changeBy(e *EventPlan) {
	r, wanted := &c.relays[e.Relay], c.library.wanted
	down := r.mode == relayHostDown
	switch e.Kind {
	case HostDown:
		r.suffer(relayHostDown)
		c.place(e.Relay)
	case ServiceDown:
		r.suffer(relayServiceDown)
		c.place(e.Relay)
	case RelayUp:
		r.suffer(relayUp)
		c.place(e.Relay)
	case LegDown, LegUp, NamesDown, NamesUp:
		c.changeNetwork(e)
	case RelayInstalled:
		r.exist(true)
		c.place(e.Relay)
		wanted[e.Relay] = true
	case RelayRetired:
		r.exist(false)
		c.place(e.Relay)
		if c.pol.World.RelaysDatStaleTTL == 0 {
			wanted[e.Relay] = false
		}
	case RelayListed, RelayUnlisted:
		wanted[e.Relay] = e.Kind == RelayListed
	case AuthenticatingOn, AuthenticatingOff:
		gate := r.gate
		gate.Authenticating = e.Kind == AuthenticatingOn
		r.setGate(gate)
	}
	if c.sweep != nil && down != (r.mode == relayHostDown) {
		c.sweep.turn.hosts = true
	}
	if e.Kind.ofRelays() {
		c.reviewListing(e.Relay)
	}
}

// reviewContact compares a client's contact with what the changed world
// allows. Nothing fails before the client next tries (spec, gap parameter
// report_interval_s), so only that contact is queued.
func (c *cell) reviewContact(i int) {
	cl := c.client(i)
	if !cl.online || !cl.everRegistered || !cl.sel.Registered() {
		return
	}
	works := c.reports(cl)
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
