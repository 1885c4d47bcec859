package sim

import (
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// occur lets an event happen to all clients of its groups. Only a new seek
// list reaches those that are offline too, since they have it by the time
// they next select; the others miss it.
func (c *cell) occur(e *EventPlan) {
	for _, id := range e.Groups {
		g := &c.groups[id]
		if e.Kind == SeekChanged {
			g.seek = &e.Seek
		}
		for i := g.first; i < g.first+g.plan.Count; i++ {
			if !c.rests(i) { // else its next turn brings it
				c.occurTo(i, e)
			}
		}
	}
}

func (c *cell) occurTo(i int, e *EventPlan) {
	cl := c.client(i)
	if e.Kind == SeekChanged {
		cl.sel.SetCourse(c.courseBy(cl.group, cl.edition, &e.Seek))
		return
	}
	if !cl.online {
		return
	}
	switch e.Kind {
	case RelaySelect:
		cl.sel.Trigger(c.now, selection.RelaySelect)
	case ClockBack:
		if selection.ClockBackStarts(e.Step) {
			cl.sel.Trigger(c.now, selection.ClockBack)
		}
	case VPNUp:
		cl.sel.Trigger(c.now, selection.VPNUp)
	case AdapterChange:
		cl.sel.Trigger(c.now, selection.AdapterChange)
	case AgentRestart:
		c.abandon(i)
		cl.sel.Trigger(c.now, selection.Stop)
		c.pump(i)
		cl.sel.Trigger(c.now, selection.Start)
	case AddressChange:
		c.abandon(i)
		cl.sel.Trigger(c.now, selection.AddressChange)
	}
	c.pump(i)
}

// abandon drops what a client has in flight, and its registration: that of an
// agent that restarts, or whose address is another, counts no more. A loss
// that is being made good goes on.
func (c *cell) abandon(i int) {
	cl := c.client(i)
	c.setConnected(i, false)
	cl.ask.drop()
	cl.conn.open = false
	cl.contactAt = vtime.Never
}
