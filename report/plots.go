package report

import (
	"fmt"

	"github.com/relaysim/relaysim/results"
)

// Plots draws the summary's plots, each as PNG and SVG: the load of relays by
// policy and the distribution of re-home times. The bytes depend on the
// summary alone.
func Plots(s *results.Summary) ([]results.File, error) {
	var out []results.File
	for _, p := range []struct {
		name string
		draw func(*results.Summary) (png, svg []byte, err error)
	}{
		{"load_by_policy", drawLoad},
		{"rehome_time_cdf", drawCDF},
	} {
		png, svg, err := p.draw(s)
		if err != nil {
			return nil, fmt.Errorf("plot %s: %w", p.name, err)
		}
		out = append(out, results.File{Name: "plots/" + p.name + ".png", Data: png}, results.File{Name: "plots/" + p.name + ".svg", Data: svg})
	}
	return out, nil
}
