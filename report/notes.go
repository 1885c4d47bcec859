package report

import (
	"fmt"
	"strings"
)

// mostWarnings is the number of warnings that the screen shows.
const mostWarnings = 3

// notes writes what the figures rest on.
func (t *screen) notes() {
	t.line("")
	if names := unverified(t.s); len(names) > 0 {
		line := fmt.Sprintf("%s at unverified defaults", counted(len(names), "parameter or setting", "parameters and settings"))
		if h := hanging(t.s); len(h) > 0 {
			line += "; verdicts hang on " + strings.Join(h, ", ")
		}
		t.lines("Unknowns: "+line+".", everyLine)
	}
	for i, w := range t.s.Warnings {
		if i == mostWarnings {
			t.line(fmt.Sprintf("Warning: %d more in summary.md", len(t.s.Warnings)-i))
			break
		}
		t.line("Warning: " + w)
	}
}
