package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// traceFlags are the flags of `relaysim trace`.
type traceFlags struct {
	from, to, service, policy, at string
	ttl                           int
	json, ascii                   bool
}

func newTrace() *cobra.Command {
	f := traceFlags{}
	cmd := &cobra.Command{
		Use:   "trace SCENARIO --from A --to B",
		Short: "Follow one packet and its answer through every router and firewall",
		Long: `Follow one packet and what comes back through every router, firewall and
translator, like a traceroute that knows everything: which rule let it pass or
dropped it, and the line of the scenario that says so. Nothing is lost by
chance, limits are not exceeded, and no box remembers an earlier flow.`,
		Example: `  relaysim trace internet-relays --from remote --to dmz-1
  relaysim trace internet-relays --from laptop/paris/17 --to dmz-1 --proto tcp/52311 --policy echo
  relaysim trace mine.toml --from home --to root --ttl 5 --at "Wed 09:30"`,
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

func (f *traceFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "`sender`: a client (group/number), a group for its first client, a place, or a relay (required)")
	flags.StringVar(&f.to, "to", "", "`relay` or root, by name or address (required)")
	flags.StringVar(&f.service, "proto", topology.EchoRequest.String(), "`service`: icmp/echo-request, tcp/52311, udp/52311 or udp/4500")
	flags.IntVar(&f.ttl, "ttl", int(topology.DefaultTTL), "`TTL` of the packet, 1 to 255")
	flags.Var(&once{value: &f.policy}, "policy", "`policy` under which it is sent (default: every one, and where they differ)")
	flags.StringVar(&f.at, "at", "", "`time` of sending, as \"Wed 09:30\" or 36h: what is down then is down (default: the start)")
	flags.BoolVar(&f.json, "json", false, "print the trace as JSON")
	flags.BoolVar(&f.ascii, "ascii", false, "print no characters beyond ASCII")
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"policy": completePolicy, "from": completeOf(scenarios.SenderNames), "to": completeOf(scenarios.TargetNames),
		"proto": func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return scenarios.ServiceNames(), cobra.ShellCompDirectiveNoFileComp
		},
	})
}

func (f *traceFlags) run(cmd *cobra.Command, scenario string) error {
	if f.from == "" || f.to == "" {
		return fmt.Errorf("trace needs --from and --to: a client, place or relay, and a relay (see relaysim trace --help)")
	}
	s, err := scenarios.Load(scenario, scenarios.Options{})
	if err != nil {
		return err
	}
	plan := s.Plan()
	warn(cmd, plan)
	q, err := f.question(plan)
	if err != nil {
		return err
	}
	trace, err := sim.TracePacket(plan, &q)
	if err != nil {
		return fmt.Errorf("%s to %s: %w", f.from, f.to, err)
	}
	return f.print(cmd, trace)
}

// question resolves what stands on the command line.
func (f *traceFlags) question(plan *sim.Plan) (sim.TraceQuestion, error) {
	var q sim.TraceQuestion
	var errs []error
	wrong := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	var err error
	wrong("from", scenarios.FindSender(plan, f.from, &q))
	q.To, err = scenarios.FindTarget(plan, f.to)
	wrong("to", err)
	q.Kind, err = scenarios.FindService(f.service)
	wrong("proto", err)
	if f.ttl < 1 || f.ttl > int(topology.MaxTTL) {
		wrong("ttl", fmt.Errorf("%d is outside [1, %d]", f.ttl, topology.MaxTTL))
	}
	q.TTL = uint8(f.ttl)
	if f.at != "" {
		at, err := scenarios.ParseInstant(plan, f.at)
		wrong("at", err)
		q.At = &at
	}
	policy, err := scenarios.FindPolicy(plan, f.policy)
	wrong("policy", err)
	q.Policies = []int{policy}
	if f.policy == "" {
		q.Policies = q.Policies[:0]
		for i := range plan.Policies {
			q.Policies = append(q.Policies, i)
		}
	}
	return q, errors.Join(errs...)
}

// print writes the trace in the form that was asked for.
func (f *traceFlags) print(cmd *cobra.Command, trace *sim.PacketTrace) error {
	var out bytes.Buffer
	var err error
	if f.json {
		err = report.TraceJSON(&out, trace)
	} else {
		r := runFlags{ascii: f.ascii}
		o := r.screen(cmd.OutOrStdout())
		o.Color = false
		err = report.TraceText(&out, trace, o)
	}
	if err != nil {
		return broken(err)
	}
	return printed(cmd.OutOrStdout().Write(out.Bytes()))
}
