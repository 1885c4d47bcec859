package results

import (
	"fmt"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// hangsOn evaluates an expectation under the policies that differ from its
// own in model parameters only, and describes each under which the outcome is
// another one. A verdict that is itself undecided hangs on nothing.
func (r *run) hangsOn(e *sim.Expectation, own Outcome) ([]string, error) {
	out := []string{}
	if own != Holds && own != Fails {
		return out, nil
	}
	for i := range r.plan.Policies {
		if i == e.Policy || r.base(i) != r.base(e.Policy) {
			continue
		}
		c, o, err := r.worst(e, i)
		if err != nil {
			return nil, err
		}
		if o == own || o == NoData {
			continue
		}
		names, values := r.differences(e.Policy, i)
		out = append(out, fmt.Sprintf("%s: %s under %s (%s: %s)",
			strings.Join(names, " and "), o, strings.Join(values, " and "), r.plan.Policies[i].Name, c.seen))
	}
	return out, nil
}

// base follows Like to a policy that is like no other.
func (r *run) base(policy int) int {
	for range r.plan.Policies { // a circle of likes ends as well
		next := r.plan.Policies[policy].Like
		if next < 0 {
			break
		}
		policy = next
	}
	return policy
}

// differences lists the parameters in which two policies of one family
// differ, and their values under the second as "name=value".
func (r *run) differences(a, b int) (names, values []string) {
	for _, i := range []int{a, b} {
		for _, c := range r.changes(i) {
			name, _, _ := strings.Cut(c, "=")
			if slices.Contains(names, name) {
				continue
			}
			va, _ := r.plan.Policies[a].Params.Get(name)
			vb, _ := r.plan.Policies[b].Params.Get(name)
			if va != vb {
				names, values = append(names, name), append(values, name+"="+vb)
			}
		}
	}
	return names, values
}

// changes collects what a policy and those it is like change.
func (r *run) changes(policy int) []string {
	var out []string
	for range r.plan.Policies {
		p := &r.plan.Policies[policy]
		out = append(out, p.Changed...)
		if p.Like < 0 {
			break
		}
		policy = p.Like
	}
	return out
}
