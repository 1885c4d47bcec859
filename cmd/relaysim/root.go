package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Groups of commands in the help.
const (
	groupWork  = "work"
	groupOther = "other"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "relaysim",
		Short: "Simulate how BigFix clients choose a relay across firewalls",
		Long: `Which clients find a relay under which firewall openings, where the load
lands, and how failover goes: relaysim runs the policies of a scenario over
the same clients under the same weather and answers on one screen.`,
		Example: `  relaysim run internet-relays
  relaysim check mine.toml && relaysim run mine.toml`,
		// Errors are printed once, by exitCode, and not followed by the help.
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       readBuild().String(),
	}
	// Without a shorthand: -v stays free.
	root.Flags().Bool("version", false, "print version, model version and build")
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(plainFlagError)
	root.AddGroup(&cobra.Group{ID: groupWork, Title: "Commands:"}, &cobra.Group{ID: groupOther, Title: "Also:"})
	root.SetHelpCommand(newHelp(root))
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	root.AddCommand(newRun(), newExplain(), newDecisions(), newTrace(), newProbe(), newLab(), newNew(), newCheck(), newShow(), newList(), newVersion())
	refuseUnknownShell(root)
	return root
}

// refuseUnknownShell makes "completion nosuch" bad usage; cobra shows the help
// and ends with 0.
func refuseUnknownShell(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // cobra has just added it
	}
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// newHelp replaces cobra's, which prints a complaint about an unknown topic
// and ends with 0.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
		GroupID: groupOther,
		RunE: func(_ *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("no help on %q: see relaysim --help", strings.Join(args, " "))
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, model version and build",
		GroupID: groupOther,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printed(fmt.Fprintln(cmd.OutOrStdout(), readBuild()))
		},
	}
}

// printed turns the result of printing data into the command's error.
func printed(_ int, err error) error {
	if err != nil {
		return broken(fmt.Errorf("print the result: %w", err))
	}
	return nil
}
