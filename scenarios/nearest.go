package scenarios

import (
	"fmt"
	"strings"

	"github.com/relaysim/relaysim/selection"
)

// nearest returns the known name that is closest to name, if one is close
// enough to be a likely slip; the first in order wins a tie.
func nearest(name string, known []string) (string, bool) {
	best, bestAt := 0, -1
	limit := max(2, len(name)/2)
	if len(name) > 100 {
		return "", false
	}
	for i, k := range known {
		d := selection.EditDistance(strings.ToLower(name), strings.ToLower(k))
		if d <= limit && d < max(len(name), len(k)) && (bestAt < 0 || d < best) {
			best, bestAt = d, i
		}
	}
	if bestAt < 0 {
		return "", false
	}
	return known[bestAt], true
}

// hint is the tail of an error about a name that nobody knows.
func hint(name string, known []string) string {
	if k, ok := nearest(name, known); ok {
		return fmt.Sprintf(" (nearest: %q)", k)
	}
	if len(known) == 0 {
		return " (none is defined)"
	}
	const few = 12
	if len(known) > few {
		return fmt.Sprintf(" (one of %s and %d more)", strings.Join(known[:few], ", "), len(known)-few)
	}
	return fmt.Sprintf(" (one of %s)", strings.Join(known, ", "))
}
