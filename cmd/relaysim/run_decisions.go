package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/sim"
)

// createDecisions makes sure, before the long part, that the selections can be
// written where that is asked for, and says if that will be many.
func (f *runFlags) createDecisions(cmd *cobra.Command, plan *sim.Plan, folder string) (*results.DecisionsWriter, error) {
	if f.decisions == "" {
		if cmd.Flags().Changed("decisions") {
			return nil, fmt.Errorf("--decisions \"\": want the name of a file")
		}
		return nil, nil
	}
	if within(folder, f.decisions) {
		return nil, fmt.Errorf("--decisions %s: %s is replaced as a whole by its results; choose a file outside it", f.decisions, folder)
	}
	w, err := results.CreateDecisions(f.decisions, plan)
	if err != nil {
		return nil, broken(err)
	}
	if size := results.DecisionsSize(plan); size > 1e9 {
		fmt.Fprintf(cmd.ErrOrStderr(), "relaysim: %s will have about %.1f GB, at %d selections for each client and day\n",
			f.decisions, size/1e9, results.SelectionsADay)
	}
	return w, nil
}

// within tells whether a file is in a folder or below it.
func within(folder, file string) bool {
	real := func(path string) string {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		// Neither may exist yet; the folders above do, or nothing can be written.
		for rest, above := "", path; ; {
			if there, err := filepath.EvalSymlinks(above); err == nil {
				return filepath.Join(there, rest)
			}
			rest = filepath.Join(filepath.Base(above), rest)
			if above == filepath.Dir(above) {
				return path
			}
			above = filepath.Dir(above)
		}
	}
	rel, err := filepath.Rel(real(folder), real(file))
	return err == nil && filepath.IsLocal(rel)
}
