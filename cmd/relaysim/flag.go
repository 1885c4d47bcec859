package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		last := len(c.of) - 1
		return fmt.Errorf("want %s or %s", strings.Join(c.of[:last], ", "), c.of[last])
	}
	c.value = s
	return nil
}

// complete offers the words of a choice to the shell.
func (c *choice) complete(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.of, cobra.ShellCompDirectiveNoFileComp
}

// once is a flag of text that is given at most one time.
type once struct {
	value *string
	given bool
}

func (o *once) String() string {
	if o.value == nil {
		return ""
	}
	return *o.value
}
func (o *once) Type() string { return "string" }

func (o *once) Set(s string) error {
	if o.given {
		return errors.New("given a second time (one is accepted)")
	}
	*o.value, o.given = s, true
	return nil
}

// plainFlagError says in plain words what is wrong with a flag: pflag's own
// texts show the innards of strconv and name no neighbour of a wrong name.
func plainFlagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		text    string
	)
	switch {
	case errors.As(err, &unknown):
		text = unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		text = fmt.Sprintf("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		text = fmt.Sprintf("--%s %q: %s", invalid.GetFlag().Name, invalid.GetValue(), wanted(invalid))
	default:
		text = err.Error()
	}
	return fmt.Errorf("%s (see %s --help)", text, cmd.CommandPath())
}

// wanted says what a flag takes.
func wanted(e *pflag.InvalidValueError) string {
	switch e.GetFlag().Value.Type() {
	case "uint64":
		return "want a whole number from 0 to 9223372036854775807"
	case "int":
		return "want a whole number, 1 or more"
	case "bool":
		return "want true or false"
	}
	return e.Unwrap().Error()
}

func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) string {
	if letters := e.GetSpecifiedShortnames(); letters != "" {
		return fmt.Sprintf("unknown flag -%s", e.GetSpecifiedName())
	}
	text := "unknown flag --" + e.GetSpecifiedName()
	for _, name := range nearFlags(cmd.Flags(), e.GetSpecifiedName()) {
		text += "; did you mean --" + name + "?"
	}
	return text
}

// nearFlags returns the flags that a mistyped name may have meant, by the
// measure that cobra has for commands.
func nearFlags(flags *pflag.FlagSet, typed string) []string {
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	flags.VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return names.SuggestionsFor(typed)
}

// atLeastOne checks a whole-number flag that was given.
func atLeastOne(cmd *cobra.Command, name string, n int) error {
	if cmd.Flags().Changed(name) && n < 1 {
		return fmt.Errorf("--%s %d: want a whole number, 1 or more (see %s --help)", name, n, cmd.CommandPath())
	}
	return nil
}
