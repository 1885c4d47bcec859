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
	list := p.listOf(listed, 1)
	var said []string
	under := map[string][]string{}
	for i := range p.Policies {
		for g := range p.Groups {
			course, warnings := selection.Compile(p.Policies[i].Settings[g], &p.Policies[i].Params, list)
			warnings = append(warnings, p.unsought(course)...)
			for _, w := range append(warnings, unknownHosts(course)...) {
				line := fmt.Sprintf("group %q: %s", p.Labels[p.Groups[g].Label], w)
				if under[line] == nil {
					said = append(said, line)
				}
				if !slices.Contains(under[line], p.Policies[i].Name) {
					under[line] = append(under[line], p.Policies[i].Name)
				}
			}
		}
	}
	for i, line := range said {
		said[i] = "under " + p.which(under[line]) + " " + line
	}
	return said
}

// which names policies: "every policy" if all are meant.
func (p *Plan) which(names []string) string {
	if len(names) == len(p.Policies) {
		return "every policy"
	}
	return "policy " + strings.Join(names, ", ")
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
