package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// FindPolicy returns the index of a policy by its name; "" is the first.
func FindPolicy(p *sim.Plan, name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	names := PolicyNames(p)
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("policy %q is not defined%s", short(name), hint(name, names))
}

// PolicyNames are the names of a plan's policies in their order.
func PolicyNames(p *sim.Plan) []string {
	var names []string
	for i := range p.Policies {
		names = append(names, p.Policies[i].Name)
	}
	return names
}

// FindClient returns a client by its group and its number therein: "laptop"
// and "laptop/paris" are the first client of the label or group,
// "laptop/paris/17" is that one.
func FindClient(p *sim.Plan, name string) (group, client int, err error) {
	number := ""
	group = findGroup(p, name)
	if cut := strings.LastIndexByte(name, '/'); group < 0 && cut > 0 {
		group, number = findGroup(p, name[:cut]), name[cut+1:]
	}
	n, wrong := uint64(0), error(nil)
	if number != "" {
		if n, wrong = strconv.ParseUint(number, 10, 31); strconv.FormatUint(n, 10) != number {
			wrong = strconv.ErrSyntax // one client has one name
		}
	}
	if group < 0 || wrong != nil {
		return 0, 0, fmt.Errorf("client %q is not defined%s", short(name), hint(name, ClientNames(p)))
	}
	switch g := &p.Groups[group]; {
	case g.Count == 0:
		return 0, 0, fmt.Errorf("%s has no clients", g.ID)
	case int(n) >= g.Count:
		return 0, 0, fmt.Errorf("client %q is not defined: %s has clients 0 to %d", short(name), g.ID, g.Count-1)
	}
	return group, int(n), nil
}

// FindGroups returns the indices of the group of that id, or of all of that
// label.
func FindGroups(p *sim.Plan, name string) ([]int, error) {
	var found []int
	for i := range p.Groups {
		if p.Groups[i].ID == name {
			return []int{i}, nil
		}
		if p.Labels[p.Groups[i].Label] == name {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("group %q is not defined%s", short(name), hint(name, ClientNames(p)))
	}
	return found, nil
}

// findGroup is the group of that id, or the first of that label, with clients
// if there is one; -1 if there is neither.
func findGroup(p *sim.Plan, name string) int {
	if i := slices.IndexFunc(p.Groups, func(g sim.GroupPlan) bool { return g.ID == name }); i >= 0 {
		return i
	}
	found := -1
	for i := range p.Groups {
		g := &p.Groups[i]
		if p.Labels[g.Label] == name && (found < 0 || p.Groups[found].Count == 0) {
			found = i
		}
	}
	return found
}

// ClientNames are labels and group ids, each once.
func ClientNames(p *sim.Plan) []string {
	names := slices.Clone(p.Labels)
	for i := range p.Groups {
		names = append(names, p.Groups[i].ID)
	}
	return unique(names)
}

// ParseInstant reads a time of a run as an event of a scenario has it:
// "Wed 09:30", "2d 09:00", "36h".
func ParseInstant(p *sim.Plan, text string) (vtime.Instant, error) {
	d, ok := parseWhen(strings.TrimSpace(text), p.StartOfWeek)
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not a time of the run (\"Wed 09:30\", \"2nd Wed 09:30\", \"2d 09:00\" or \"36h\" is accepted)", short(text))
	case d < 0 || d >= p.Duration:
		return 0, fmt.Errorf("%q is outside the run, which lasts %s", short(text), formatSpan(p.Duration))
	}
	return vtime.Instant(d), nil
}
