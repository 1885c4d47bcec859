package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check SCENARIO...",
		Short: "Read and check scenarios without running them",
		Long: `Read and check scenarios without running them. Every problem of every file
is printed as file:line:col: what is wrong; warnings do not fail the check.`,
		Example: `  relaysim check internet-relays
  relaysim check mine.toml branch.toml`,
		GroupID:           groupWork,
		Args:              someScenarios,
		ValidArgsFunction: completeScenarios,
		RunE:              check,
	}
}

// check reports on every scenario, also after a bad one.
func check(cmd *cobra.Command, args []string) error {
	bad := 0
	for _, name := range args {
		s, err := scenarios.Load(name, scenarios.Options{})
		if err != nil && len(args) == 1 {
			return err
		}
		if err != nil {
			bad++
			exitCode(err, cmd.ErrOrStderr())
			continue
		}
		plan := s.Plan()
		warn(cmd, plan)
		if err := printed(fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: %s\n", name, extent(plan))); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d scenarios are invalid", bad, len(args))
	}
	return nil
}

// warn prints the warnings that reading a scenario left.
func warn(cmd *cobra.Command, plan *sim.Plan) {
	for _, text := range plan.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", text)
	}
}

// extent says how large a plan is, and of a large one how much memory a run
// takes.
func extent(plan *sim.Plan) string {
	text := fmt.Sprintf("%d policies, %d clients, %d relays, %d networks, %d goals and findings",
		len(plan.Policies), plan.Clients(), len(plan.Relays)-1, len(plan.Networks), len(plan.Expectations))
	if need := scenarios.Memory(plan); need >= 5e8 {
		text += fmt.Sprintf("; each worker of a run needs about %.1f GB", float64(need)/1e9)
	}
	return text
}
