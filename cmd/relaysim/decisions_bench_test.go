package main

import (
	"path/filepath"
	"testing"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// What it costs to write the decisions: the same run without and with them.
func BenchmarkDecisions(b *testing.B) {
	s, err := scenarios.Load("internet-relays", scenarios.Options{Replications: 1})
	if err != nil {
		b.Fatal(err)
	}
	plan := s.Plan()
	for _, mode := range []string{"off", "on"} {
		b.Run("decisions="+mode, func(b *testing.B) {
			selections := uint64(0)
			for b.Loop() {
				o := sim.Options{Workers: 1}
				var w *results.DecisionsWriter
				if mode == "on" {
					if w, err = results.CreateDecisions(filepath.Join(b.TempDir(), "d"), plan); err != nil {
						b.Fatal(err)
					}
					o.Decisions = w
				}
				tallies, err := sim.Run(b.Context(), plan, o)
				if err != nil {
					b.Fatal(err)
				}
				for _, t := range tallies {
					selections += t.Selections
				}
				if err := w.Drop(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(selections), "ns/selection")
		})
	}
}
