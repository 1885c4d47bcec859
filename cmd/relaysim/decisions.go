package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// decisionsFlags are the flags of `relaysim decisions`.
type decisionsFlags struct {
	policy, client, group, from, to string
	replication                     int
	by                              choice
	csv, json                       bool
}

func newDecisions() *cobra.Command {
	f := decisionsFlags{}
	for by := range selection.NumBy {
		f.by.of = append(f.by.of, by.String())
	}
	cmd := &cobra.Command{
		Use:   "decisions FILE",
		Short: "Show the selections that a run wrote into a file",
		Long: `Show selections from a file that relaysim run --decisions wrote, a line each:
policy, repetition, local time of the start, client, place, how it ended, what
it took, and what started it. FILE - is stdin.`,
		Example: `  relaysim run internet-relays --decisions d.bin
  relaysim decisions d.bin --client laptop/paris/7 --policy echo
  relaysim decisions d.bin --by root --from "Wed 09:00" --to "Wed 15:00" --csv`,
		GroupID:           groupWork,
		Args:              oneFile,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	f.define(cmd)
	return cmd
}

func (f *decisionsFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&once{value: &f.policy}, "policy", "only those under this `policy`")
	flags.IntVar(&f.replication, "replication", 0, "only those of this repetition, a `number` from 1")
	flags.StringVar(&f.client, "client", "", "only those of this `client`: group/number, or a group for its first")
	flags.StringVar(&f.group, "group", "", "only those of this `group` of clients")
	flags.StringVar(&f.from, "from", "", "only those that began at this `time` or later, as \"Wed 09:30\" or 36h")
	flags.StringVar(&f.to, "to", "", "only those that began before this `time`")
	flags.Var(&f.by, "by", "only those that came to their parent so")
	flags.BoolVar(&f.csv, "csv", false, "print a table for programs")
	flags.BoolVar(&f.json, "json", false, "print a JSON object a line")
	cmd.MarkFlagsMutuallyExclusive("csv", "json")
	cmd.MarkFlagsMutuallyExclusive("client", "group")
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"policy": completeHead(scenarios.PolicyNames), "client": completeHead(scenarios.ClientNames),
		"group": completeHead(scenarios.ClientNames), "by": f.by.complete,
	})
}

// oneFile accepts exactly one argument.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one file, not %d: what relaysim run --decisions wrote", cmd.Name(), len(args))
	}
	return nil
}

// completeHead offers names of the run whose file stands on the line.
func completeHead(names func(*sim.Plan) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		file, err := os.Open(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer file.Close()
		d, err := results.NewDecisionsReader(file)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names(planOf(&d.Head)), cobra.ShellCompDirectiveNoFileComp
	}
}

// planOf is as much of a plan as is needed to find names and times in it.
func planOf(h *results.DecisionsHead) *sim.Plan {
	p := &sim.Plan{Name: h.Scenario, Replications: h.Replications, Duration: h.Duration, StartOfWeek: h.StartOfWeek}
	for _, name := range h.Policies {
		p.Policies = append(p.Policies, sim.PolicyPlan{Name: name})
	}
	for _, g := range h.Groups {
		label := slices.Index(p.Labels, g.Label)
		if label < 0 {
			label = len(p.Labels)
			p.Labels = append(p.Labels, g.Label)
		}
		p.Groups = append(p.Groups, sim.GroupPlan{ID: g.ID, Label: label, Count: g.Count})
	}
	return p
}

func (f *decisionsFlags) run(cmd *cobra.Command, path string) error {
	if err := atLeastOne(cmd, "replication", f.replication); err != nil {
		return err
	}
	var in io.Reader = cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	d, err := results.NewDecisionsReader(in)
	if err != nil {
		return unreadable(path, err)
	}
	wanted, err := f.filter(planOf(&d.Head))
	if err != nil {
		return err
	}
	out, err := f.printer(cmd.OutOrStdout(), &d.Head)
	if err != nil {
		return broken(err)
	}
	shown, err := show(cmd, d, wanted, out)
	if shown == 0 && err == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "relaysim: no selection is such a one")
	}
	// What was good is shown before what is wrong is told.
	if unprinted := printed(0, out.Flush()); unprinted != nil {
		return unprinted
	}
	var stop *exitError
	if err == nil || errors.As(err, &stop) {
		return err
	}
	return unreadable(path, err)
}

// show prints the decisions that are wanted and counts them.
func show(cmd *cobra.Command, d *results.DecisionsReader, wanted func(*results.Decision) bool, out *report.Decisions) (shown int, err error) {
	var one results.Decision
	for n := 0; ; n++ {
		if n%8192 == 0 && cmd.Context().Err() != nil {
			return shown, &exitError{exitInterrupted, errors.New("interrupted")}
		}
		if err := d.Read(&one); err == io.EOF {
			return shown, nil
		} else if err != nil {
			return shown, err
		}
		if !wanted(&one) {
			continue
		}
		shown++
		if err := printed(0, out.Write(&one)); err != nil {
			return shown, err
		}
	}
}

// unreadable says what is wrong with a file: its content is bad usage, as that
// of a scenario; that it cannot be read is not.
func unreadable(path string, err error) error {
	var wrong *results.DecisionsError
	if err = fmt.Errorf("read %s: %w", path, err); errors.As(err, &wrong) {
		return err
	}
	return broken(err)
}

// filter resolves what stands on the command line into a test of a decision.
func (f *decisionsFlags) filter(p *sim.Plan) (func(*results.Decision) bool, error) {
	var errs []error
	wrong := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s %w", flag, err))
		}
	}
	policy, err := scenarios.FindPolicy(p, f.policy)
	wrong("policy:", err)
	if f.replication > p.Replications {
		wrong("replication", fmt.Errorf("%d: the file has repetitions 1 to %d", f.replication, p.Replications))
	}
	groups := make([]bool, len(p.Groups))
	number := -1
	switch {
	case f.client != "":
		var g int
		g, number, err = scenarios.FindClient(p, f.client)
		wrong("client:", err)
		groups[g] = true
	case f.group != "":
		found, err := scenarios.FindGroups(p, f.group)
		wrong("group:", err)
		for _, g := range found {
			groups[g] = true
		}
	default:
		for g := range groups {
			groups[g] = true
		}
	}
	from, to := vtime.Instant(0), vtime.Instant(math.MaxInt64)
	if f.from != "" {
		from, err = scenarios.ParseInstant(p, f.from)
		wrong("from", err)
	}
	if f.to != "" {
		to, err = scenarios.ParseInstant(p, f.to)
		wrong("to", err)
	}
	if len(errs) == 0 && from >= to {
		wrong("from", fmt.Errorf("%q is not before --to %q", f.from, f.to))
	}
	return func(d *results.Decision) bool {
		return (f.policy == "" || d.Policy == policy) && (f.replication == 0 || d.Replication == f.replication) &&
			groups[d.Group] && (number < 0 || d.Number == number) &&
			d.Started >= from && d.Started < to && (f.by.value == "" || d.By == f.by.value)
	}, errors.Join(errs...)
}

// printer is what writes decisions in the form that was asked for.
func (f *decisionsFlags) printer(w io.Writer, head *results.DecisionsHead) (*report.Decisions, error) {
	switch {
	case f.json:
		return report.NewDecisionsJSON(w, head), nil
	case f.csv:
		return report.NewDecisionsCSV(w, head)
	}
	return report.NewDecisionsText(w, head), nil
}
