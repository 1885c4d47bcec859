package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// oneScenario accepts exactly one argument.
func oneScenario(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 1:
		return nil
	case 0:
		return fmt.Errorf("%s needs a scenario: a name (relaysim list) or the path of a .toml file", cmd.Name())
	}
	return fmt.Errorf("%s takes one scenario, not %d", cmd.Name(), len(args))
}

// someScenarios accepts one or more.
func someScenarios(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return oneScenario(cmd, args)
	}
	return nil
}

// completeScenarios offers the shipped scenarios; the shell adds files.
func completeScenarios(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, name := range scenarios.Names() {
		names = append(names, cobra.CompletionWithDesc(name, scenarios.Title(name)))
	}
	return names, cobra.ShellCompDirectiveDefault
}

// completeScenario offers them for a first and only argument.
func completeScenario(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeScenarios(cmd, args, typed)
}

// completeFlags offers values of flags that the command has.
func completeFlags(cmd *cobra.Command, of map[string]cobra.CompletionFunc) {
	// order: each flag is told for itself.
	for name, complete := range of {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // a name that is not defined
		}
	}
}

// completeOf offers names of the scenario that stands on the line.
func completeOf(names func(*sim.Plan) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s, err := scenarios.Load(args[0], scenarios.Options{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names(s.Plan()), cobra.ShellCompDirectiveNoFileComp
	}
}

// completePolicy offers the policies of the scenario that stands on the line.
var completePolicy = completeOf(func(p *sim.Plan) (names []cobra.Completion) {
	for i := range p.Policies {
		names = append(names, cobra.CompletionWithDesc(p.Policies[i].Name, p.Policies[i].Text))
	}
	return names
})
