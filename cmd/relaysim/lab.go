package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/lab"
	"github.com/relaysim/relaysim/scenarios"
)

// labFlags are the flags of `relaysim lab`.
type labFlags struct {
	policy              string
	dryRun, clean, json bool
	maxTTL              int
	timeout             time.Duration
}

func newLab() *cobra.Command {
	f := labFlags{}
	cmd := &cobra.Command{
		Use:   "lab SCENARIO",
		Short: "Build a scenario out of Linux namespaces, and compare it with the model",
		Long: `Build the network of a scenario out of Linux network namespaces, veth pairs,
routes and nftables rules, send real echo requests and TCP segments through it
and let real selections run in it, and compare what comes of them with the
model, for each client, relay and TTL. Needs root, iproute2 and nftables.

Exit code 0: all agree; 1: something differs; 3: the lab cannot be built.`,
		Example: `  sudo relaysim lab internet-relays --policy echo
  relaysim lab mine.toml --dry-run      # the commands and nft files, no root
  sudo relaysim lab --clean             # after a crash`,
		GroupID:           groupWork,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeScenario,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.policy, "policy", "", "`policy` to build (default: the scenario's first)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show the commands and nft files, build nothing")
	flags.BoolVar(&f.clean, "clean", false, "take away what labs have left that did not end by themselves")
	flags.BoolVar(&f.json, "json", false, "print the comparison as JSON")
	flags.IntVar(&f.maxTTL, "max-ttl", 32, "highest `TTL` of the fates that are compared, 1 to 255")
	flags.DurationVar(&f.timeout, "timeout", 100*time.Millisecond, "length of a `round` of probes in the lab, where ways are short")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"policy": completePolicy})
	return cmd
}

func (f *labFlags) run(cmd *cobra.Command, args []string) error {
	if f.clean {
		if err := f.cleanUp(cmd); err != nil || len(args) == 0 {
			return err
		}
	}
	switch {
	case len(args) == 0:
		return errors.New("lab needs a scenario: see relaysim lab --help")
	case f.maxTTL < 1 || f.maxTTL > 255:
		return fmt.Errorf("--max-ttl %d is outside [1, 255]", f.maxTTL)
	case f.timeout < time.Millisecond || f.timeout > time.Minute:
		return fmt.Errorf("--timeout %v is outside [1ms, 1m]", f.timeout)
	}
	s, err := scenarios.Load(args[0], scenarios.Options{})
	if err != nil {
		return err
	}
	policy, err := scenarios.FindPolicy(s.Plan(), f.policy)
	if err != nil {
		return err
	}
	warn(cmd, s.Plan())
	scene, err := lab.NewScene(s, policy, f.timeout)
	if err != nil {
		return broken(fmt.Errorf("%s, policy %s: %w", s.Plan().Name, s.Plan().Policies[policy].Name, err))
	}
	if f.dryRun {
		return printed(io.WriteString(cmd.OutOrStdout(), scene.Plan.Script(lab.Prefix)))
	}
	return f.measure(cmd, s, policy, scene)
}

// cleanUp takes away what was left.
func (f *labFlags) cleanUp(cmd *cobra.Command) error {
	if err := lab.Allowed(); err != nil {
		return broken(err)
	}
	gone, err := lab.Clean()
	if err != nil {
		return broken(err)
	}
	return printed(fmt.Fprintf(cmd.ErrOrStderr(), "removed %d namespaces of labs that had not ended by themselves\n", len(gone)))
}

func (f *labFlags) measure(cmd *cobra.Command, s *scenarios.Scenario, policy int, scene *lab.Scene) error {
	if err := lab.Allowed(); err != nil {
		return broken(err)
	}
	if _, err := lab.Clean(); err != nil {
		return broken(err)
	}
	r, err := lab.Measure(cmd.Context(), scene, f.maxTTL)
	switch {
	case cmd.Context().Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted")}
	case err != nil:
		return broken(err)
	}
	r.Scenario, r.Policy = s.Plan().Name, s.Plan().Policies[policy].Name
	if err := f.print(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	if n := r.Differs(); n > 0 {
		return &exitError{exitFails, fmt.Errorf("%d fates or choices differ between kernel and model", n)}
	}
	return nil
}

func (f *labFlags) print(w io.Writer, r *lab.Report) error {
	if !f.json {
		return r.Write(w)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
