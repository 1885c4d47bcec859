package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/scenarios"
)

func newShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Print a scenario with every default filled in",
		Example: `  relaysim show internet-relays
  relaysim show mine.toml > resolved.toml   # runs like mine.toml`,
		GroupID:           groupWork,
		Args:              oneScenario,
		ValidArgsFunction: completeScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenarios.Load(args[0], scenarios.Options{})
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := s.Show(&text); err != nil {
				return broken(fmt.Errorf("show %s: %w", args[0], err))
			}
			return printed(cmd.OutOrStdout().Write(text.Bytes()))
		},
	}
}
