package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// runFlags are the flags of `relaysim run`.
type runFlags struct {
	output       string
	seed         uint64
	replications int
	policies     []string
	workers      int
	level        choice
	progress     choice
	undecided    choice
	decisions    string
	json, ascii  bool
}

func newRun() *cobra.Command {
	f := runFlags{
		level:     choice{sim.LevelClass.String(), sim.LevelNames()},
		progress:  choice{progressAuto, []string{progressAuto, progressBar, progressPlain, progressNone}},
		undecided: choice{"", []string{results.UndecidedFail, results.UndecidedWarn, results.UndecidedPass}},
	}
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a scenario and show its result",
		Long: `Run all policies of a scenario over the same clients under the same weather,
show the result on one screen, and write tables, plots and machine-readable
files. SCENARIO is a name (relaysim list) or the path of a .toml file.`,
		Example: `  relaysim run internet-relays
  relaysim run mine.toml --policy closed --policy echo --replications 5
  relaysim run mine.toml --json | jq '.verdicts[] | select(.result != "holds")'`,
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

func (f *runFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.output, "output", "o", "", "`folder` of the results, replaced as a whole (default results/<scenario>)")
	flags.StringArrayVar(&f.policies, "policy", nil, "run only this `policy`; repeat for more (default all)")
	flags.IntVar(&f.replications, "replications", 0, "`number` of independent repetitions (default: the scenario's)")
	flags.Uint64Var(&f.seed, "seed", 0, "`seed` of all chance (default: the scenario's)")
	flags.Var(&once{value: &f.decisions}, "decisions", "also write every selection into this `file`; relaysim decisions reads it")
	flags.Var(&f.undecided, "undecided", "end an undecided run as failed (1), with a warning (0) or silently (0), not with 4")
	flags.BoolVar(&f.json, "json", false, "print summary.json instead of the screen")
	flags.BoolVar(&f.ascii, "ascii", false, "print the screen without box characters")
	flags.Var(&f.progress, "progress", "progress on stderr: auto is a bar on a terminal, otherwise a line every 10 s")
	flags.IntVar(&f.workers, "workers", 0, "`number` of cells computed at once; changes no result (default GOMAXPROCS)")
	flags.Var(&f.level, "level", "fastest level to use; changes time, no result (hop is slowest)")
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"policy": completePolicy, "level": f.level.complete, "progress": f.progress.complete, "undecided": f.undecided.complete,
	})
}

// run reads the scenario, makes sure that the results can be written, and
// only then computes them.
func (f *runFlags) run(cmd *cobra.Command, scenario string) (err error) {
	options, err := f.options(cmd)
	if err != nil {
		return err
	}
	level, err := sim.ParseLevel(f.level.value)
	if err != nil {
		return err
	}
	s, err := scenarios.Load(scenario, options)
	if err != nil {
		return err
	}
	plan := s.Plan()
	warn(cmd, plan)
	folder, file := f.output, scenarioFile(scenario)
	if folder == "" {
		if folder, err = defaultFolder(plan.Name); err != nil {
			return err
		}
		if err := sameScenario(folder, file, plan.Hash); err != nil {
			return broken(err)
		}
	}
	if err := results.CheckDir(folder); err != nil {
		return broken(fmt.Errorf("output folder: %w", err))
	}
	decisions, err := f.createDecisions(cmd, plan, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, decisions.Drop()) }()

	info := newRunInfo(plan, file, f.workers, level)
	tallies, err := f.simulate(cmd, plan, level, decisions)
	if err != nil {
		return failed(cmd.Context(), folder, err)
	}
	summary, err := results.Aggregate(plan, tallies)
	if err != nil {
		return failed(cmd.Context(), folder, err)
	}
	info.finish(tallies)
	return f.deliver(cmd, summary, info, folder, decisions)
}

// defaultFolder is results/<scenario>. A scenario without a usable name needs
// -o: its folder would be that of all results.
func defaultFolder(name string) (string, error) {
	if name = filepath.Base(name); !filepath.IsLocal(name) || strings.Trim(name, ".") == "" {
		return "", errors.New("the scenario's file name gives no name for a folder of results (choose one with -o)")
	}
	return filepath.Join("results", name), nil
}

// scenarioFile names the file of a scenario so that the same file has the same
// name the next time: a shipped one by its name, another by its path from the
// current folder or, if it is not below that, from the root.
func scenarioFile(scenario string) string {
	if slices.Contains(scenarios.Names(), scenario) {
		return scenario
	}
	path := scenario
	if abs, err := filepath.Abs(scenario); err == nil {
		path = abs
		if here, err := filepath.Abs("."); err == nil {
			if rel, err := filepath.Rel(here, abs); err == nil && filepath.IsLocal(rel) {
				path = "./" + rel
			}
		}
	}
	return filepath.ToSlash(path)
}

// sameScenario refuses to let a scenario take the place of another whose file
// has the same base name and so the same folder.
func sameScenario(folder, file, hash string) error {
	var last runInfo
	data, err := os.ReadFile(filepath.Join(folder, "run-info.json"))
	if err != nil || json.Unmarshal(data, &last) != nil {
		return nil // whether the folder may be replaced at all is not asked here
	}
	if last.File == "" || last.File == file || last.ScenarioHash == hash {
		return nil
	}
	return fmt.Errorf("output folder: %s holds the results of another scenario, %s: it is not replaced; choose another folder with -o", folder, last.File)
}

// options turns the flags into those of the scenario.
func (f *runFlags) options(cmd *cobra.Command) (scenarios.Options, error) {
	o := scenarios.Options{Replications: f.replications, Policies: f.policies}
	if cmd.Flags().Changed("seed") {
		o.Seed = &f.seed
	}
	err := errors.Join(atLeastOne(cmd, "replications", f.replications), atLeastOne(cmd, "workers", f.workers))
	if !cmd.Flags().Changed("workers") {
		f.workers = runtime.GOMAXPROCS(0)
	}
	return o, err
}

func (f *runFlags) simulate(cmd *cobra.Command, plan *sim.Plan, level sim.Level, decisions *results.DecisionsWriter) ([]*sim.Tally, error) {
	o := sim.Options{Workers: f.workers, Level: level}
	if decisions != nil {
		o.Decisions = decisions
	}
	if plan.Clients() >= largeFleet {
		defer debug.SetGCPercent(debug.SetGCPercent(collectAt(plan.Clients())))
	}
	p := newProgress(f.progress.value, cmd.ErrOrStderr(), len(plan.Policies)*plan.Replications)
	defer p.close()
	o.Progress = p.update
	tallies, err := sim.Run(cmd.Context(), plan, o)
	if err != nil {
		return nil, err
	}
	return tallies, decisions.Finish()
}

// collectAt is by how many percent the heap of a run of a large fleet grows
// until the collector runs. Fleets are memory without pointers, cheap for the
// collector to pass over and dear to have twice: what it has to look at hardly
// grows with the clients, so what is left to it need not either.
func collectAt(clients int) int { return min(20, max(5, 80_000_000/clients)) }

// deliver writes the files, prints the result, and ends with the verdict. The
// result is printed even where it cannot be written: it may have taken long.
func (f *runFlags) deliver(cmd *cobra.Command, summary *results.Summary, info *runInfo, folder string, decisions *results.DecisionsWriter) error {
	files, err := resultFiles(summary, info)
	if err != nil {
		return failed(cmd.Context(), folder, err)
	}
	unwritten := results.WriteDir(cmd.Context(), folder, files)
	if unwritten != nil && cmd.Context().Err() != nil {
		return failed(cmd.Context(), folder, unwritten)
	}
	unwritten = errors.Join(unwritten, decisions.Commit())
	if err := f.print(cmd.OutOrStdout(), summary); err != nil {
		return err
	}
	if unwritten != nil {
		return broken(unwritten)
	}
	if f.undecided.value == results.UndecidedWarn && summary.ExitCode("") == exitUndecided {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning: a goal or finding is undecided")
	}
	wrote := folder
	if f.decisions != "" {
		wrote += " and " + f.decisions
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "relaysim: %s; wrote %s\n", info, wrote)
	return verdict(summary.ExitCode(f.undecided.value))
}

// print writes the screen, or summary.json, to stdout.
func (f *runFlags) print(stdout io.Writer, summary *results.Summary) error {
	if f.json {
		data, err := summary.JSON()
		if err != nil {
			return broken(fmt.Errorf("encode the summary: %w", err))
		}
		return printed(stdout.Write(data))
	}
	var screen bytes.Buffer
	if err := report.Terminal(&screen, summary, f.screen(stdout)); err != nil {
		return broken(fmt.Errorf("lay out the screen: %w", err))
	}
	return printed(stdout.Write(screen.Bytes()))
}

// screen describes stdout to the report.
func (f *runFlags) screen(stdout io.Writer) report.Options {
	o := report.Options{ASCII: f.ascii}
	if !isTerminal(stdout) {
		return o
	}
	o.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(stdout.(*os.File).Fd())); err == nil {
		o.Width = width
	}
	return o
}

// resultFiles makes all that is written, in memory.
func resultFiles(s *results.Summary, info *runInfo) ([]results.File, error) {
	var files []results.File
	for _, part := range []struct {
		name string
		data func() ([]byte, error)
	}{
		{"summary.json", s.JSON},
		{"policies.csv", s.PoliciesCSV},
		{"relays.csv", s.RelaysCSV},
		{"summary.md", func() ([]byte, error) {
			var page bytes.Buffer
			err := report.Markdown(&page, s)
			return page.Bytes(), err
		}},
		{"run-info.json", info.json},
	} {
		data, err := part.data()
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", part.name, err)
		}
		files = append(files, results.File{Name: part.name, Data: data})
	}
	plots, err := report.Plots(s)
	if err != nil {
		return nil, fmt.Errorf("draw the plots: %w", err)
	}
	return append(files, plots...), nil
}

// failed says how a run ended before it had a result.
func failed(ctx context.Context, folder string, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; %s is as it was", folder)}
	}
	return broken(err)
}

// verdict turns the exit code of a summary into the command's error; the
// screen has said which goal or finding it is about.
func verdict(code int) error {
	switch code {
	case exitDone:
		return nil
	case exitFails:
		return &exitError{code, errors.New("a goal or finding does not hold")}
	case exitUndecided:
		return &exitError{code, errors.New("a goal or finding is undecided: more replications may decide it (--undecided warn accepts it)")}
	}
	return broken(fmt.Errorf("the verdicts ended with the unknown code %d", code))
}

// elapsed is the wall time of a run, to three digits where that says enough.
func elapsed(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
