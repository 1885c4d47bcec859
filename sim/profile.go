package sim

import (
	"reflect"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// profile is the settings that the clients of one or several groups have behind
// a firewall of their own, with the courses made of them so far.
type profile struct {
	settings *selection.Settings
	guard    topology.GuardID
	courses  []madeCourse
}

// madeCourse is a course of a profile, and what it was made from.
type madeCourse struct {
	course  *selection.Course
	policy  *PolicyPlan
	edition uint32
	seek    *string
	// stageBase is the first of its stages in cell.outlooks.
	stageBase int
	leads     relaySet // the relays to which it leads
}

// profileOf finds or adds the profile with these settings and firewall.
func (s *scene) profileOf(settings *selection.Settings, guard topology.GuardID) int {
	for i := range s.profiles {
		p := &s.profiles[i]
		if p.guard == guard && (p.settings == settings || reflect.DeepEqual(p.settings, settings)) {
			return i
		}
	}
	s.profiles = append(s.profiles, profile{settings: settings, guard: guard})
	return len(s.profiles) - 1
}

// course returns the course of a group's clients with their present settings
// and an edition of the list.
func (s *scene) course(group, edition uint32) *selection.Course {
	return s.courseBy(group, edition, s.groups[group].seek)
}

// courseBy is course with another seek list, nil for that of the policy.
func (s *scene) courseBy(group, edition uint32, seek *string) *selection.Course {
	return s.madeBy(group, edition, seek).course
}

// madeBy is courseBy with what the course was made from.
func (s *scene) madeBy(group, edition uint32, seek *string) *madeCourse {
	g := &s.groups[group]
	p := &s.profiles[g.profile]
	for i := range p.courses {
		if m := &p.courses[i]; m.edition == edition && m.seek == seek && m.policy == s.pol {
			return m
		}
	}
	settings := *s.pol.Settings[group]
	if seek != nil {
		settings.SeekList = *seek
	}
	course, _ := selection.Compile(&settings, &s.pol.Params, s.library.editions[edition].list)
	return s.keepCourse(g, course, edition, seek)
}

// courseWas is the course that a group's clients with an edition of the list had
// when the window began. Clients in a row mostly have the same.
func (c *cell) courseWas(group, edition uint32) *madeCourse {
	g := &c.groups[group]
	if m := c.lastMade; m == nil || c.lastGroup != group || m.edition != edition || m.seek != g.was {
		c.lastMade, c.lastGroup = c.madeBy(group, edition, g.was), group
	}
	return c.lastMade
}

func (s *scene) keepCourse(g *group, course *selection.Course, edition uint32, seek *string) *madeCourse {
	p := &s.profiles[g.profile]
	leads := newRelaySet(len(s.relays))
	course.EachLead(func(id selection.RelayID) {
		if id.Known() {
			leads.add(id)
		}
	})
	p.courses = append(p.courses, madeCourse{course, s.pol, edition, seek, s.stages, leads})
	s.stages += len(course.Stages)
	return &p.courses[len(p.courses)-1]
}

// courseInForce is the course that the client's present selection goes by. One
// that was made elsewhere is kept as if it had been made here.
func (c *cell) courseInForce(cl *client) *madeCourse {
	if c.recent != nil && c.recent.course == cl.sel.Course() {
		return c.recent
	}
	g := &c.groups[cl.group]
	p := &c.profiles[g.profile]
	for i := range p.courses {
		if p.courses[i].course == cl.sel.Course() {
			c.recent = &p.courses[i]
			return c.recent
		}
	}
	return c.keepCourse(g, cl.sel.Course(), cl.edition, g.seek)
}

// courseAhead is the course that the client's next selection goes by, nil if that
// is one of the past.
func (c *cell) courseAhead(cl *client) *madeCourse {
	next := cl.sel.NextCourse()
	if next == nil {
		return c.courseInForce(cl)
	}
	if m := c.madeBy(cl.group, cl.edition, c.groups[cl.group].seek); m.course == next {
		return m
	}
	return nil
}
