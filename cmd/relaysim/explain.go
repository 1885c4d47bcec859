package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// explainFlags are the flags of `relaysim explain`.
type explainFlags struct {
	client, policy, at string
	replication        int
	seed               uint64
	log, json, ascii   bool
}

func newExplain() *cobra.Command {
	f := explainFlags{}
	cmd := &cobra.Command{
		Use:   "explain SCENARIO --client ID|GROUP",
		Short: "Tell how one client chose its relay, and what would alter that",
		Long: `Tell the story of one selection of one client: what started it, which probe
died where and by which rule, the competition and the draw, the registration,
and the nearest change that would have altered the choice, found by running
the selection again with that change.`,
		Example: `  relaysim explain internet-relays --client remote
  relaysim explain internet-relays --client laptop/paris/17 --policy echo --at "Wed 09:30"
  relaysim explain mine.toml --client laptop --json | jq '.changes[0]'`,
		GroupID:           groupWork,
		Args:              oneScenario,
		ValidArgsFunction: completeScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	f.define(cmd)
	return cmd
}

func (f *explainFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.client, "client", "", "`client`: a group for its first client, or group/number (required)")
	flags.Var(&once{value: &f.policy}, "policy", "`policy` under which it selects (default: the scenario's first)")
	flags.StringVar(&f.at, "at", "", "last selection until this `time`, as \"Wed 09:30\" or 36h (default: the first away from home, if any)")
	flags.IntVar(&f.replication, "replication", 1, "`number` of the repetition, from 1")
	flags.Uint64Var(&f.seed, "seed", 0, "`seed` of all chance (default: the scenario's)")
	flags.BoolVar(&f.log, "log", false, "print a look-alike of the client's log")
	flags.BoolVar(&f.json, "json", false, "print the story as JSON")
	flags.BoolVar(&f.ascii, "ascii", false, "print no characters beyond ASCII")
	cmd.MarkFlagsMutuallyExclusive("log", "json")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"policy": completePolicy, "client": completeOf(scenarios.ClientNames)})
}

func (f *explainFlags) run(cmd *cobra.Command, scenario string) error {
	if f.client == "" {
		return fmt.Errorf("explain needs --client: a group or a client of the scenario (see relaysim explain --help)")
	}
	if err := atLeastOne(cmd, "replication", f.replication); err != nil {
		return err
	}
	options := scenarios.Options{}
	if cmd.Flags().Changed("seed") {
		options.Seed = &f.seed
	}
	s, err := scenarios.Load(scenario, options)
	if err != nil {
		return err
	}
	plan := s.Plan()
	if f.replication > plan.Replications {
		return fmt.Errorf("--replication %d: %s has repetitions 1 to %d", f.replication, plan.Name, plan.Replications)
	}
	warn(cmd, plan)
	q, err := f.question(plan)
	if err != nil {
		return err
	}
	story, err := sim.Explain(cmd.Context(), plan, q)
	var none *sim.NoSelectionError
	switch {
	case cmd.Context().Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted")}
	case errors.As(err, &none):
		return fmt.Errorf("--at %q: %s has begun no selection by then, its first begins at %s", f.at, f.client, report.LocalTime(plan.StartOfWeek, none.First))
	case errors.Is(err, sim.ErrNoSelection):
		return fmt.Errorf("%s: %w", f.client, err)
	case err != nil:
		return broken(err)
	}
	return f.print(cmd, story)
}

// question resolves the names on the command line.
func (f *explainFlags) question(plan *sim.Plan) (sim.Question, error) {
	policy, policyErr := scenarios.FindPolicy(plan, f.policy)
	group, client, clientErr := scenarios.FindClient(plan, f.client)
	q := sim.Question{Policy: policy, Group: group, Client: client, Replication: f.replication - 1}
	var atErr error
	if f.at != "" {
		at, err := scenarios.ParseInstant(plan, f.at)
		if err != nil {
			atErr = fmt.Errorf("--at %w", err)
		}
		q.At = &at
	}
	return q, errors.Join(policyErr, clientErr, atErr)
}

// print writes the story in the form that was asked for.
func (f *explainFlags) print(cmd *cobra.Command, story *sim.Story) error {
	var out bytes.Buffer
	var err error
	switch {
	case f.json:
		err = report.StoryJSON(&out, story)
	case f.log:
		err = report.StoryLog(&out, story)
	default:
		r := runFlags{ascii: f.ascii}
		err = report.StoryText(&out, story, r.screen(cmd.OutOrStdout()))
	}
	if err != nil {
		return broken(err)
	}
	return printed(cmd.OutOrStdout().Write(out.Bytes()))
}
