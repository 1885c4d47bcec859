package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// showFlags are the flags of `relaysim show`.
type showFlags struct {
	network        bool
	policy, output string
}

func newShow() *cobra.Command {
	f := showFlags{}
	cmd := &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Print a scenario with every default filled in, or draw its network",
		Long: `Print a scenario with every default filled in or, with --network, draw its
network: places with their clients and relays, firewalls with their openings
under a policy, distances. The picture is SVG, or DOT for Graphviz.`,
		Example: `  relaysim show internet-relays
  relaysim show mine.toml > resolved.toml   # runs like mine.toml
  relaysim show internet-relays --network --policy echo -o network.svg
  relaysim show mine.toml --network -o network.dot && dot -Tpdf network.dot > network.pdf`,
		GroupID:           groupWork,
		Args:              oneScenario,
		ValidArgsFunction: completeScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenarios.Load(args[0], scenarios.Options{})
			if err != nil {
				return err
			}
			if f.network {
				return f.draw(cmd, s.Plan())
			}
			return f.text(cmd, s, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.network, "network", false, "draw the network in place of the text")
	flags.Var(&once{value: &f.policy}, "policy", "`policy` whose openings are drawn (default: the scenario's first)")
	flags.StringVarP(&f.output, "output", "o", "", "`file` of the picture, .svg or .dot (default: SVG to stdout)")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"policy": completePolicy})
	return cmd
}

// text prints the scenario.
func (f *showFlags) text(cmd *cobra.Command, s *scenarios.Scenario, name string) error {
	for _, flag := range []string{"policy", "output"} {
		if cmd.Flags().Changed(flag) {
			return fmt.Errorf("--%s goes with --network", flag)
		}
	}
	var text bytes.Buffer
	if err := s.Show(&text); err != nil {
		return broken(fmt.Errorf("show %s: %w", name, err))
	}
	return printed(cmd.OutOrStdout().Write(text.Bytes()))
}

// draw writes the picture of the network to the file or stdout.
func (f *showFlags) draw(cmd *cobra.Command, plan *sim.Plan) error {
	forms := map[string]func(io.Writer, *sim.NetworkMap) error{
		"": report.NetworkSVG, ".svg": report.NetworkSVG, ".dot": report.NetworkDOT, ".gv": report.NetworkDOT,
	}
	form := forms[filepath.Ext(f.output)]
	if form == nil || f.output != "" && filepath.Ext(f.output) == "" {
		return fmt.Errorf("--output %q: want a file that ends in .svg or .dot", f.output)
	}
	policy, err := scenarios.FindPolicy(plan, f.policy)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := form(&picture, plan.Map(policy)); err != nil {
		return broken(err)
	}
	if f.output == "" {
		return printed(cmd.OutOrStdout().Write(picture.Bytes()))
	}
	if err := results.WriteFile(f.output, picture.Bytes()); err != nil {
		return broken(err)
	}
	return nil
}
