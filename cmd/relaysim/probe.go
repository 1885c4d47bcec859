package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/selection"
)

// probeFlags are the flags of `relaysim probe`.
type probeFlags struct {
	relays, settings    string
	only, model         []string
	root                string
	rate                float64
	maxTTL, maxProbes   int
	seed                uint64
	watch               time.Duration
	socket              choice
	json, ascii, dryRun bool
}

// newEchoer opens the sockets; tests put another in its place.
var newEchoer = probe.Open

func newProbe() *cobra.Command {
	f := probeFlags{socket: choice{string(probe.ModeAuto), []string{
		string(probe.ModeAuto), string(probe.ModeRaw), string(probe.ModeDatagram), string(probe.ModeSystem),
	}}}
	cmd := &cobra.Command{
		Use:   "probe --relays FILE --settings FILE",
		Short: "Choose a relay from this machine, over the real network",
		Long: `Run one selection from this machine as a client with these settings would: the
same rules as in a simulation, over real ICMP echo requests and TCP
connections. It never registers. Tell the story of the selection, what was
learnt of each relay, and what to ask the firewall team for.

Exit code 0: a relay was found by probing, or one that the settings name; 1:
only the last resort, or none; 3: no right to send ICMP (the message has the
command that gives it), or a failure.`,
		Example: `  relaysim probe --relays relays.csv --settings clientsettings.cfg --dry-run
  relaysim probe --relays relays.csv --settings clientsettings.cfg
  relaysim probe --relays relays.toml --settings client.reg --watch 15m`,
		GroupID:           groupWork,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.define(cmd)
	return cmd
}

func (f *probeFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.relays, "relays", "", "`file` of relays, CSV or TOML: name, port, priority, weight, affiliations, address (required)")
	flags.StringVar(&f.settings, "settings", "", "`file` of the client's settings, clientsettings.cfg or .reg (required)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be sent, and send nothing")
	flags.DurationVar(&f.watch, "watch", 0, "repeat every `span` such as 15m, and print changes only")
	flags.StringArrayVar(&f.only, "only", nil, "use only this `relay` of the list; repeat for more")
	flags.StringVar(&f.root, "root", "", "`host` of the root server, the last resort (default: the list's, or none)")
	flags.Float64Var(&f.rate, "rate", probe.DefaultRate, "at most so many packets and connections per `second`")
	flags.IntVar(&f.maxTTL, "max-ttl", 0, "probe up to this `TTL`, if the settings go further")
	flags.IntVar(&f.maxProbes, "max-probes", probe.DefaultMaxProbes, "refuse a selection that may need more echo `requests`")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of the draw among relays")
	flags.StringArrayVar(&f.model, "model", nil, "set a parameter of the client, `name=value`; repeat for more")
	flags.Var(&f.socket, "icmp", "way to send echo requests")
	flags.BoolVar(&f.json, "json", false, "print JSON; with --watch one line at each change")
	flags.BoolVar(&f.ascii, "ascii", false, "print no characters beyond ASCII")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"icmp": f.socket.complete, "model": completeParam})
}

func completeParam(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, name := range selection.ParamNames() {
		names = append(names, name+"=")
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func (f *probeFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	config, err := f.config(cmd)
	if err != nil {
		return err
	}
	plan := probe.Plan(config)
	switch {
	case len(plan.Steps) == 0:
		return errors.New("nothing to try: no relay of the list is in a group that the client seeks, and the settings and --root name none")
	case f.dryRun:
		return f.printPlan(cmd, &config, plan)
	case plan.Probes > f.maxProbes:
		return fmt.Errorf("this may take %d probes, more than --max-probes %d (see --dry-run; --only and --max-ttl make it fewer)", plan.Probes, f.maxProbes)
	}
	echoer, err := newEchoer(probe.Mode(f.socket.value))
	if err != nil {
		return broken(err)
	}
	defer echoer.Close()
	config.Echoer = echoer
	if f.watch > 0 {
		return f.repeat(cmd, config)
	}
	page, rec, err := f.once(cmd.Context(), config)
	if err != nil {
		return err
	}
	if err := f.print(cmd.OutOrStdout(), page); err != nil {
		return err
	}
	return chosen(rec)
}

// check looks at the flags alone.
func (f *probeFlags) check(cmd *cobra.Command) error {
	var errs []error
	if f.relays == "" || f.settings == "" {
		errs = append(errs, errors.New("probe needs --relays and --settings: a relay list and the client's settings (see relaysim probe --help)"))
	}
	const slowest, fastest = 0.1, 1000
	if !(f.rate >= slowest && f.rate <= fastest) {
		errs = append(errs, fmt.Errorf("--rate %v: want a number from %v to %v", f.rate, slowest, fastest))
	}
	if cmd.Flags().Changed("max-ttl") && (f.maxTTL < 1 || f.maxTTL > 255) {
		errs = append(errs, fmt.Errorf("--max-ttl %d: want a whole number from 1 to 255", f.maxTTL))
	}
	const least = 10 * time.Second
	if cmd.Flags().Changed("watch") && f.watch < least {
		errs = append(errs, fmt.Errorf("--watch %v: want %v or more", f.watch, least))
	}
	return errors.Join(append(errs, atLeastOne(cmd, "max-probes", f.maxProbes))...)
}

// config reads the files and compiles the course.
func (f *probeFlags) config(cmd *cobra.Command) (probe.Config, error) {
	list, listErr := scenarios.LoadRelayList(f.relays)
	settings, warnings, settingsErr := scenarios.LoadSettings(f.settings)
	if listErr != nil || settingsErr != nil {
		return probe.Config{}, joinLists(listErr, settingsErr)
	}
	params, err := f.params()
	if err != nil {
		return probe.Config{}, err
	}
	if f.maxTTL > 0 {
		settings.MaximumTTL = min(settings.MaximumTTL, uint8(f.maxTTL))
	}
	deployment, err := f.deployment(list)
	if err != nil {
		return probe.Config{}, err
	}
	directory := probe.NewDirectory(deployment, settings)
	course, more := selection.Compile(settings, params, directory.List)
	for _, w := range slices.Concat(list.Warnings, warnings, more) {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
	}
	return probe.Config{
		Course: course, Hosts: directory.Hosts, Key: rng.Seed(f.seed).Child(rng.Client, 0), Rate: f.rate, MaxProbes: f.maxProbes,
	}, nil
}

// joinLists makes one list of the errors of two files.
func joinLists(errs ...error) error {
	var all scenarios.ErrorList
	for _, err := range errs {
		var list scenarios.ErrorList
		if errors.As(err, &list) {
			all = append(all, list...)
		} else if err != nil {
			return err
		}
	}
	return all
}

// params are the parameters with what --model sets.
func (f *probeFlags) params() (*selection.Params, error) {
	p := selection.DefaultParams()
	for _, m := range f.model {
		name, value, ok := strings.Cut(m, "=")
		if !ok {
			return nil, fmt.Errorf("--model %q: want name=value", m)
		}
		if err := p.Set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("--model %w", err)
		}
	}
	return &p, nil
}

// deployment is the list as far as it is to be used.
func (f *probeFlags) deployment(list *scenarios.RelayList) (*probe.Deployment, error) {
	d := &probe.Deployment{Root: list.Root, Fallback: list.Fallback, Port: list.Port}
	if f.root != "" {
		d.Root = f.root
	}
	left := slices.Clone(f.only)
	for i := range list.Relays {
		r := &list.Relays[i]
		named := func(name string) bool { return strings.EqualFold(name, r.Name) }
		if len(f.only) > 0 && !slices.ContainsFunc(f.only, named) {
			continue
		}
		left = slices.DeleteFunc(left, named)
		d.Relays = append(d.Relays, probe.Relay{
			Name: r.Name, Port: r.Port, Priority: r.Priority, Weight: r.Weight, Affiliations: r.Affiliations, Address: r.Address,
		})
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("--only %q: no relay of that name is in %s", left[0], f.relays)
	}
	return d, nil
}

// once runs one selection.
func (f *probeFlags) once(ctx context.Context, c probe.Config) (*report.Probe, *probe.Record, error) {
	rec, err := probe.Run(ctx, c)
	switch {
	case ctx.Err() != nil:
		return nil, nil, &exitError{exitInterrupted, fmt.Errorf("interrupted after %d probes", rec.Sent)}
	case err != nil:
		return nil, nil, broken(err)
	}
	return f.page(rec), rec, nil
}

// repeat runs selections until it is interrupted, all with the same draws, so
// that what changes is the network.
func (f *probeFlags) repeat(cmd *cobra.Command, c probe.Config) error {
	ctx, stdout := cmd.Context(), cmd.OutOrStdout()
	var before *report.Probe
	for {
		began := time.Now()
		page, _, err := f.once(ctx, c)
		if err != nil {
			return err
		}
		if before == nil {
			err = f.print(stdout, page)
		} else if changes := report.ProbeChanges(before, page); len(changes) > 0 {
			err = f.printChanges(stdout, page, changes)
		}
		if err != nil {
			return err
		}
		before = page
		select {
		case <-time.After(max(time.Second, f.watch-time.Since(began))):
		case <-ctx.Done():
			return &exitError{exitInterrupted, errors.New("interrupted")}
		}
	}
}

func (f *probeFlags) printChanges(stdout io.Writer, page *report.Probe, changes []string) error {
	if f.json {
		return f.print(stdout, page)
	}
	var out bytes.Buffer
	for _, c := range changes {
		if f.ascii {
			c = strings.ReplaceAll(c, "→", "->")
		}
		fmt.Fprintf(&out, "%s  %s\n", page.Began, c)
	}
	return printed(stdout.Write(out.Bytes()))
}

func (f *probeFlags) print(stdout io.Writer, page *report.Probe) error {
	var out bytes.Buffer
	var err error
	if f.json {
		err = report.ProbeJSON(&out, page, f.watch > 0)
	} else {
		r := runFlags{ascii: f.ascii}
		err = report.ProbeText(&out, page, r.screen(stdout))
	}
	if err != nil {
		return broken(err)
	}
	return printed(stdout.Write(out.Bytes()))
}

// chosen turns the end of a selection into the command's error: none if a
// relay was found by probing or is one that the settings name.
func chosen(rec *probe.Record) error {
	e := rec.Ended
	if e.Kind != selection.Decided {
		return &exitError{exitFails, errors.New("no relay was found")}
	}
	switch e.By {
	case selection.ByProbe, selection.ByManual, selection.ByFailover:
		return nil
	}
	return &exitError{exitFails, fmt.Errorf("only a last resort was reached: %s (%v)", hostName(rec, e.Target), e.By)}
}

// hostName is the name of a host of the record.
func hostName(rec *probe.Record, id selection.RelayID) string {
	if int64(id) < int64(len(rec.Hosts)) {
		return rec.Hosts[id].Name
	}
	if host, ok := rec.Course.UnknownHost(id); ok {
		return host
	}
	return id.String()
}

// addressText is an address, or "" for none.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
