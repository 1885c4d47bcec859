package sim_test

import (
	"strings"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/sim"
)

func init() {
	sim.TellWith(func(s *sim.Story) string {
		var b strings.Builder
		if err := report.StoryText(&b, s, report.Options{}); err != nil {
			return err.Error()
		}
		return b.String()
	})
}
