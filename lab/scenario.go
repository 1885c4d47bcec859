package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// Scene is a scenario under one policy, as a lab.
type Scene struct {
	Design *Design
	Plan   *Plan
	// Choosers are the clients of the Design, in its order.
	Choosers []*Chooser
	// LeftOut says what of the scenario the lab does without.
	LeftOut []string
}

// NewScene plans the lab of a scenario: in each network where clients can be,
// the first client of the group whose home that is or, without one, of the
// first group that comes there. timeout is that of a round of probes, in place
// of the scenario's, which is made for longer ways.
func NewScene(s *scenarios.Scenario, policy int, timeout time.Duration) (*Scene, error) {
	spec, leftOut := unlimited(s.Spec(policy))
	scene := &Scene{Design: &Design{Spec: spec}, LeftOut: leftOut}
	plan := s.Plan()
	for n := range plan.Networks {
		if g := groupAt(plan, topology.NetworkID(n)); g >= 0 {
			scene.add(plan, policy, g, 0, topology.NetworkID(n), timeout)
		}
	}
	return scene, scene.plan()
}

// NewSceneFor plans the lab of one client of a scenario in a network.
func NewSceneFor(s *scenarios.Scenario, policy, group, client int, at topology.NetworkID, timeout time.Duration) (*Scene, error) {
	spec, leftOut := unlimited(s.Spec(policy))
	scene := &Scene{Design: &Design{Spec: spec}, LeftOut: leftOut}
	scene.add(s.Plan(), policy, group, client, at, timeout)
	return scene, scene.plan()
}

func (s *Scene) plan() (err error) {
	if s.Plan, err = NewPlan(s.Design); err == nil {
		s.LeftOut = append(s.LeftOut, s.Plan.LeftOut...)
	}
	return err
}

// groupAt is the group whose clients stand for those in a network, or -1.
func groupAt(p *sim.Plan, n topology.NetworkID) int {
	if g := slices.IndexFunc(p.Groups, func(g sim.GroupPlan) bool { return g.Count > 0 && g.Home == n }); g >= 0 {
		return g
	}
	return slices.IndexFunc(p.Groups, func(g sim.GroupPlan) bool {
		return g.Count > 0 && slices.ContainsFunc(g.Away, func(a sim.AwayPlan) bool { return a.Network == n })
	})
}

func (s *Scene) add(p *sim.Plan, policy, group, client int, n topology.NetworkID, timeout time.Duration) {
	key := p.ClientKey(group, client, 0)
	at := p.Attachment(policy, key, n)
	at.Guard = p.Groups[group].Guard
	s.Design.Clients = append(s.Design.Clients, Client{
		Name: fmt.Sprintf("%s/%d at %s", p.Groups[group].ID, client, p.Networks[n].Name),
		At:   at,
	})
	params := p.Policies[policy].Params
	params.RoundTimeout, params.RegisterConnectTimeout = timeout, 4*timeout
	c := &Chooser{Client: len(s.Choosers), Key: key, Start: vtime.Instant(0)}
	c.Course, _ = selection.Compile(p.Policies[policy].Settings[group], &params, p.RelayList(policy))
	for i := range p.Relays {
		c.Hosts = append(c.Hosts, topology.HostID(i))
	}
	s.Choosers = append(s.Choosers, c)
}

// unlimited is a Spec without rate limits, which depend on how fast a lab is
// asked, and what was taken out.
func unlimited(s *topology.Spec) (c *topology.Spec, leftOut []string) {
	c = new(topology.Spec)
	*c = *s
	c.Boxes = slices.Clone(s.Boxes)
	for i := range c.Boxes {
		b := &c.Boxes[i]
		if b.Errors != nil {
			leftOut = append(leftOut, fmt.Sprintf("limit on errors of box %q", b.Name))
			b.Errors = nil
		}
		b.Rules = slices.Clone(b.Rules)
		for j := range b.Rules {
			if b.Rules[j].Limit != nil {
				leftOut = append(leftOut, fmt.Sprintf("limit of rule %q of box %q", b.Rules[j].Name, b.Name))
				b.Rules[j].Limit = nil
			}
		}
	}
	return c, leftOut
}
