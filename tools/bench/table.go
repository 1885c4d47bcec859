package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// write prints the series as lines of a Markdown table.
func (s *series) write(w io.Writer) {
	for i := range s.Variants {
		v := &s.Variants[i]
		fmt.Fprintf(w, "| %s | %s | %s %s | %d | %s |\n", s.Row, v.Name, spreadOf(v.Values), s.Metric, len(v.Values), v.Outcomes[0].words())
	}
	for _, r := range s.Ratios {
		fmt.Fprintf(w, "| %s | %s **over** %s | %s | %d | |\n", s.Row, r.Over[0], r.Over[1], spreadOf(r.Values), len(r.Values))
	}
	if n := len(s.Slope); n > 0 {
		fmt.Fprintf(w, "| %s | **one more** of %s | %s ns | %d | |\n", s.Row, s.Variants[1].Name, spreadOf(s.Slope), n)
	}
}

const tableHead = `| row | variant | min / median / max | repetitions | of one run |
| --- | --- | --- | --- | --- |
`

// words are what else there is to say of an outcome.
func (o *outcome) words() string {
	var parts []string
	add := func(format string, x ...any) { parts = append(parts, fmt.Sprintf(format, x...)) }
	switch {
	case o.Selections > 0 && o.CPU == 0:
		add("%s selections", many(float64(o.Selections)))
	case o.Selections > 0:
		add("%s selections in %s s of CPU, %s/s", many(float64(o.Selections)), figure(o.CPU), many(float64(o.Selections)/o.CPU))
	}
	if o.Events > 0 && o.CPU > 0 && o.Levels["class"] == 0 {
		add("%s events/s", many(float64(o.Events)/o.CPU))
	}
	if o.Probes > 0 && o.CPU > 0 {
		add("%s probes/s", many(float64(o.Probes)/o.CPU))
	}
	for _, name := range sim.LevelNames() {
		if n := o.Levels[name]; n > 0 && n < o.Selections {
			add("%.1f %% at %s level", 100*float64(n)/float64(o.Selections), name)
		}
	}
	if o.Selections > 0 && o.Mallocs > 0 {
		add("%s allocations/selection", figure(float64(o.Mallocs)/float64(o.Selections)))
	}
	if o.Peak > 0 {
		add("peak %.0f MiB", float64(o.Peak)/(1<<20))
	}
	if o.Bytes > 0 && o.CPU > 0 {
		add("%s MB/s", figure(float64(o.Bytes)/1e6/o.CPU))
	}
	if o.Calibration > 0 {
		add("calibration %.0f ns", o.Calibration)
	}
	return cmp.Or(strings.Join(parts, "; "), "–")
}

// many writes a large number short.
func many(x float64) string {
	switch {
	case x >= 1e9:
		return figure(x/1e9) + "G"
	case x >= 1e6:
		return figure(x/1e6) + "M"
	case x >= 1e3:
		return figure(x/1e3) + "k"
	}
	return figure(x)
}
