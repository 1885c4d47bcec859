package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// variant is the world from one instant on: a policy, perhaps with something
// changed, and relays and legs that are forced up or down.
type variant struct {
	policy *PolicyPlan
	up     []selection.RelayID
	down   []selection.RelayID
	mended []topology.LegID
	// resolving are views whose resolvers answer.
	resolving []topology.ViewID
	// open are relays that do not authenticate; certificate: the client holds
	// one.
	open        []selection.RelayID
	certificate bool
}

// lone is the plan of one client of a group under one policy. Its draws are
// keyed by group and number, so they are those that it has among the others.
func (p *Plan) lone(q *Question) *Plan {
	o := *p
	g := p.Groups[q.Group]
	g.First, g.Count = g.First+q.Client, 1
	o.Groups = []GroupPlan{g}
	pol := p.Policies[q.Policy].only(q.Group)
	o.Policies = []PolicyPlan{pol}
	o.Events = eventsOf(p.Events, q.Group)
	o.Pairs, o.Expectations = nil, nil
	return &o
}

// eventsOf are the events that concern a group, which is then the only one.
func eventsOf(events []EventPlan, group int) []EventPlan {
	var out []EventPlan
	for _, e := range events {
		if e.Kind.ofClients() {
			if !slices.Contains(e.Groups, group) {
				continue
			}
			e.Groups = []int{0}
		}
		out = append(out, e)
	}
	return out
}

// only is the policy with the settings of one group.
func (p PolicyPlan) only(group int) PolicyPlan {
	p.Settings = p.Settings[group : group+1]
	if p.Passwords != nil {
		p.Passwords = p.Passwords[group : group+1]
	}
	return p
}

// replay runs the client of a lone plan, packet by packet. If v is not nil the
// world is changed to it at the instant from, before anything of that instant
// happens. It ends when over says so, or at the plan's end.
func replay(ctx context.Context, p *Plan, replication int, w *watch, v *variant, from vtime.Instant, over func(now vtime.Instant) bool) error {
	c := newCell(p, 0, replication, LevelPacket, false)
	c.watch = w
	for c.q.len() > 0 {
		e := c.pop()
		if e.at >= c.end {
			break
		}
		if v != nil && e.at >= from {
			c.now = e.at
			c.become(v, from)
			v = nil
		}
		if c.now = e.at; over(c.now) {
			break
		}
		c.tally.Events++
		c.handle(e)
		w.stepped(c)
		if c.tally.Events%1024 == 0 && ctx.Err() != nil {
			return fmt.Errorf("explain: %w", ctx.Err())
		}
	}
	return nil
}

// become puts the client into another world. What boxes remember of flows is
// forgotten; a selection begins flows of its own.
func (c *cell) become(v *variant, from vtime.Instant) {
	plan := *c.plan
	plan.Events = v.events(c.plan.Events, from)
	c.plan, c.pol = &plan, v.policy
	for _, r := range v.up {
		c.relays[r].exist(true)
		c.relays[r].suffer(relayUp)
	}
	for _, r := range v.down {
		c.relays[r].suffer(relayHostDown)
	}
	for _, r := range v.open {
		c.relays[r].gate.Authenticating = false
	}
	c.settle()
	c.flights.ground()
	c.enter(v.policy.Network)
	for i := range c.plan.Events {
		if e := &c.plan.Events[i]; vtime.Instant(e.At) < from {
			c.changeNetwork(e)
		}
	}
	for _, l := range v.mended {
		c.state.SetLeg(l, true)
	}
	for _, view := range v.resolving {
		c.state.SetView(view, true)
	}
	cl := &c.clients[0]
	cl.certificate = cl.certificate || v.certificate
	cl.sel.SetCourse(c.course(0, cl.edition))
}

// events are the plan's with those from an instant on that would undo what is
// forced turned into ones that agree with it.
func (v *variant) events(events []EventPlan, from vtime.Instant) []EventPlan {
	out := make([]EventPlan, len(events))
	copy(out, events)
	for i := range out {
		e := &out[i]
		if vtime.Instant(e.At) < from {
			continue
		}
		isRelay := e.Kind <= RelayUp || e.Kind == RelayInstalled || e.Kind == RelayRetired
		switch {
		case isRelay && slices.Contains(v.up, e.Relay):
			e.Kind = RelayUp
		case isRelay && slices.Contains(v.down, e.Relay):
			e.Kind = HostDown
		case (e.Kind == LegDown || e.Kind == LegUp) && slices.Contains(v.mended, e.Leg):
			e.Kind = LegUp
		case e.Kind == NamesDown && slices.Contains(v.resolving, e.View):
			e.Kind = NamesUp
		}
	}
	return out
}
