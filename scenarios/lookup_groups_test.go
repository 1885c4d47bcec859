package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/sim"
)

// A group is meant by its id, all of a label by the label; an id goes first.
func TestFindGroups(t *testing.T) {
	p := &sim.Plan{
		Labels: []string{"desktop", "laptop", "remote"},
		Groups: []sim.GroupPlan{
			{ID: "desktop/paris"}, {ID: "laptop/paris", Label: 1}, {ID: "desktop/lyon"}, {ID: "remote", Label: 2},
		},
	}
	for name, want := range map[string][]int{"desktop": {0, 2}, "desktop/lyon": {2}, "laptop": {1}, "remote": {3}} {
		if got, err := FindGroups(p, name); err != nil || !slices.Equal(got, want) {
			t.Errorf("FindGroups %q: %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "desktops", "lyon"} {
		if got, err := FindGroups(p, name); err == nil || !strings.Contains(err.Error(), "is not defined") {
			t.Errorf("FindGroups %q: %v, %v", name, got, err)
		}
	}
}
