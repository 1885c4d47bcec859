package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/selection"
)

// CourseWarnings says what in the clients' settings does not lead where it
// seems to: what the client's own rules reject, sought groups that no relay
// advertises, and named hosts that are no relay. One line each, with the group
// and the policies under which it is so.
func (p *Plan) CourseWarnings() []string {
	listed := make([]bool, len(p.Relays)) // at any time
	for i := range listed {
		listed[i] = !p.Relays[i].Unlisted
	}
	var n notices
	for i := range p.Policies {
		list := p.listOf(&p.Policies[i].World, listed, 1)
		type said struct {
			settings *selection.Settings
			label    int
		}
		done := map[said]bool{} // groups of a label with equal settings share them
		for g := range p.Groups {
			who := said{p.Policies[i].Settings[g], p.Groups[g].Label}
			if done[who] {
				continue
			}
			done[who] = true
			course, warnings := selection.Compile(p.Policies[i].Settings[g], &p.Policies[i].Params, list)
			warnings = append(warnings, p.unsought(course)...)
			for _, w := range append(warnings, unknownHosts(course)...) {
				n.add(fmt.Sprintf("group %q: %s", p.Labels[p.Groups[g].Label], w), p.Policies[i].Name)
			}
		}
	}
	return n.lines(p)
}

// notices collects what is said of several policies, each once, in the order
// in which it was first said.
type notices struct {
	said  []string
	under map[string][]string // names of policies
}

func (n *notices) add(text, policy string) {
	if n.under == nil {
		n.under = map[string][]string{}
	}
	if n.under[text] == nil {
		n.said = append(n.said, text)
	}
	if !slices.Contains(n.under[text], policy) {
		n.under[text] = append(n.under[text], policy)
	}
}

// lines puts before each notice the policies that it speaks of.
func (n *notices) lines(p *Plan) []string {
	var out []string
	for _, text := range n.said {
		which := "policy " + strings.Join(n.under[text], ", ")
		if len(n.under[text]) == len(p.Policies) {
			which = "every policy"
		}
		out = append(out, "under "+which+" "+text)
	}
	return out
}

// unsought lists the sought labels under which the list has no relay.
func (p *Plan) unsought(c *selection.Course) []string {
	if !c.Settings.Automatic {
		return nil
	}
	var out []string
	for label := range strings.SplitSeq(c.Settings.SeekList, ";") {
		label = strings.TrimSpace(label)
		if label == "" || slices.ContainsFunc(c.Stages, func(s selection.Stage) bool { return strings.EqualFold(s.Group, label) }) {
			continue
		}
		out = append(out, fmt.Sprintf("seeks %q, and no relay that can be chosen advertises it", label))
	}
	return out
}

// unknownHosts lists the host names in settings that the list's directory does
// not have.
func unknownHosts(c *selection.Course) []string {
	var out []string
	for r := selection.FirstUnknown; ; r++ {
		name, ok := c.UnknownHost(r)
		if !ok {
			return out
		}
		out = append(out, fmt.Sprintf("names %q, which is no relay of the scenario", name))
	}
}
