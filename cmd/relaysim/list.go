package main

import (
	"bytes"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/scenarios"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the shipped scenarios",
		Long:    "List the shipped scenarios with the question of each. \"relaysim new\" writes\none of any size for you to change.",
		GroupID: groupWork,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var text bytes.Buffer
			table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
			for _, name := range scenarios.Names() {
				fmt.Fprintf(table, "%s\t%s\n", name, scenarios.Title(name))
			}
			table.Flush() // a bytes.Buffer takes all
			return printed(cmd.OutOrStdout().Write(text.Bytes()))
		},
	}
}
