package selection

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ParamInfo describes one parameter: a figure or rule of the client that no
// public text settles, or that no setting reaches.
type ParamInfo struct {
	// Name is the parameter's name in scenarios and results.
	Name string
	// Unit of its value; empty for a choice and for a plain number.
	Unit string
	// Default is the documented default in the form that Set accepts.
	Default string
	// Alternatives are the other values worth a sweep; none where one value
	// alone is documented.
	Alternatives []string
	// Text says what it is, in one line.
	Text string
	// Row is the specification row it belongs to and Grade the evidence for
	// the default: A to D, or R (recalled, unverified) or NP (nothing public).
	Row, Grade string

	value
}

// Unverified tells whether the default rests on no public text, so that
// results have to name it.
func (i ParamInfo) Unverified() bool { return unverified(i.Grade) }

// Accepted says in words which values Set takes.
func (i ParamInfo) Accepted() string { return i.accepted }

// ParamTable describes every parameter, in the order of the fields of Params.
var ParamTable = []ParamInfo{
	{
		Name: "ttl_schedule", Default: "linear_then_grow", Alternatives: []string{"doubling", "linear"}, Row: "5.15", Grade: "NP",
		Text:  "hop counts of successive rounds: every hop at first and then ×1.5 rounded up; 0, 1, 2, 4, …; or every hop",
		value: choice(func(p *Params) *TTLSchedule { return &p.TTLSchedule }, "linear_then_grow", "doubling", "linear"),
	},
	{
		Name: "ttl_linear_until", Unit: "hops", Default: "8", Alternatives: []string{"4", "16"}, Row: "5.15", Grade: "NP",
		Text:  "last hop count up to which linear_then_grow tries every one",
		value: number(func(p *Params) *int { return &p.TTLLinearUntil }, 0, 254),
	},
	{
		Name: "ttl_offset", Unit: "hops", Default: "1", Alternatives: []string{"0"}, Row: "5.5", Grade: "D",
		Text:  "what is added to a round's hop count to give the IP TTL of its probes",
		value: number(func(p *Params) *int { return &p.TTLOffset }, 0, 4),
	},
	{
		Name: "max_ttl_inclusive", Default: "true", Alternatives: []string{"false"}, Row: "5.15", Grade: "NP",
		Text:  "whether the last round of automatic mode is at the maximum TTL itself or at one below it",
		value: truth(func(p *Params) *bool { return &p.MaxTTLInclusive }),
	},
	{
		Name: "pings_per_relay_per_round", Default: "1", Alternatives: []string{"2", "3"}, Row: "5.1", Grade: "A",
		Text:  "probes that a relay gets in one round; with several it counts as having answered if one did",
		value: number(func(p *Params) *int { return &p.PingsPerRelayPerRound }, 1, 10),
	},
	{
		Name: "round_timeout_ms", Unit: "ms", Default: "1000", Alternatives: []string{"250", "500", "2000", "5000"}, Row: "5.15", Grade: "NP",
		Text:  "wait for the answers of a round, from the sending of its last probe",
		value: span(func(p *Params) *time.Duration { return &p.RoundTimeout }, time.Millisecond, time.Millisecond, time.Minute),
	},
	{
		Name: "inter_packet_gap_ms", Unit: "ms", Default: "0", Alternatives: []string{"1", "10", "100"}, Row: "5.15", Grade: "NP",
		Text:  "spacing in which the probes of a round leave; 0 sends them all at once",
		value: span(func(p *Params) *time.Duration { return &p.InterPacketGap }, time.Millisecond, 0, 10*time.Second),
	},
	{
		Name: "probe_scope", Default: "group_and_priority", Alternatives: []string{"sought_groups"}, Row: "5.1", Grade: "D",
		Text:  "who is asked in a round: the candidates of the current group and priority, or those of all groups sought, of which only the former compete",
		value: choice(func(p *Params) *ProbeScope { return &p.ProbeScope }, "group_and_priority", "sought_groups"),
	},
	{
		Name: "stop_rule", Default: "first_reply", Row: "5.3", Grade: "A",
		Text:  "when the rounds end: with the first in which a relay replies; nothing else is documented",
		value: choice(func(p *Params) *StopRule { return &p.StopRule }, "first_reply"),
	},
	{
		Name: "round_ends_early", Default: "all_echo_replied", Alternatives: []string{"never", "all_answered_or_errored"}, Row: "5.15", Grade: "NP",
		Text:  "when a round ends before its time-out",
		value: choice(func(p *Params) *RoundEnd { return &p.RoundEndsEarly }, "all_echo_replied", "never", "all_answered_or_errored"),
	},
	{
		Name: "needs_time_exceeded", Default: "false", Alternatives: []string{"true"}, Row: "5.10", Grade: "NP",
		Text:  "whether a relay competes only if an earlier round brought a time-exceeded from its path, or if it answered the first round",
		value: truth(func(p *Params) *bool { return &p.NeedsTimeExceeded }),
	},
	{
		Name: "late_reply_policy", Default: "count", Alternatives: []string{"reopen"}, Row: "5.15", Grade: "NP",
		Text:  "what an echo reply after its round's end does: nothing, or it decides that round if none of its stage has been decided",
		value: choice(func(p *Params) *LateReply { return &p.LateReplyPolicy }, "count", "reopen"),
	},
	{
		Name: "relay_dedupe", Default: "by_name_port", Alternatives: []string{"none"}, Row: "2.7", Grade: "NP",
		Text:  "whether several entries of one relay in one group count once or each",
		value: choice(func(p *Params) *Dedupe { return &p.RelayDedupe }, "by_name_port", "none"),
	},
	{
		Name: "selection_nesting", Default: "group_then_priority", Alternatives: []string{"priority_then_group"}, Row: "4.14", Grade: "NP",
		Text:  "whether the walk goes through groups and within each through priorities, or the other way round",
		value: choice(func(p *Params) *Nesting { return &p.SelectionNesting }, "group_then_priority", "priority_then_group"),
	},
	{
		Name: "group_advance_on", Default: "no_registration", Alternatives: []string{"no_ping_reply"}, Row: "4.14", Grade: "NP",
		Text:  "whether the next group is turned to when no relay of the group registered the client, or only when none answered",
		value: choice(func(p *Params) *GroupAdvance { return &p.GroupAdvanceOn }, "no_registration", "no_ping_reply"),
	},
	{
		Name: "overlong_label", Default: "reject", Alternatives: []string{"truncate_64"}, Row: "4.14", Grade: "NP",
		Text:  "what becomes of an affiliation label of more than 64 characters",
		value: choice(func(p *Params) *Overlong { return &p.OverlongLabel }, "reject", "truncate_64"),
	},
	{
		Name: "empty_label", Default: "ignored", Alternatives: []string{"star"}, Row: "4.14", Grade: "NP",
		Text:  "what an empty affiliation label, as between two semicolons, stands for: nothing, or the unaffiliated set",
		value: choice(func(p *Params) *EmptyLabel { return &p.EmptyLabel }, "ignored", "star"),
	},
	{
		Name: "draw_law", Default: "proportional", Alternatives: []string{"uniform"}, Row: "6.4", Grade: "D",
		Text:  "chance of a replier in the draw: in proportion to its weight, or the same for every weight but 0",
		value: choice(func(p *Params) *DrawLaw { return &p.DrawLaw }, "proportional", "uniform"),
	},
	{
		Name: "zero_weight", Default: "eligible_only_if_total_zero", Alternatives: []string{"never", "uniform_share"}, Row: "6.8", Grade: "NP",
		Text:  "how a relay of weight 0 takes part in the draw: only among its like, never, or as weight 1",
		value: choice(func(p *Params) *ZeroWeight { return &p.ZeroWeight }, "eligible_only_if_total_zero", "never", "uniform_share"),
	},
	{
		Name: "sticky_current", Default: "false", Alternatives: []string{"true"}, Row: "6.8", Grade: "NP",
		Text:  "whether the current parent is kept if it is in the competition",
		value: truth(func(p *Params) *bool { return &p.StickyCurrent }),
	},
	{
		Name: "on_register_fail", Default: "redraw", Alternatives: []string{"fail_selection"}, Row: "6.8", Grade: "NP",
		Text:  "what follows when the winner of a competition refuses: the other repliers and further rounds, or the end of a failed selection",
		value: choice(func(p *Params) *RegisterFail { return &p.OnRegisterFail }, "redraw", "fail_selection"),
	},
	{
		Name: "exhaust_policy", Default: "root", Alternatives: []string{"random"}, Row: "7.3", Grade: "NP",
		Text:  "what follows when nothing answered and no failover relay is set: the root, or one random relay first; vendor texts conflict",
		value: choice(func(p *Params) *Exhaust { return &p.ExhaustPolicy }, "root", "random"),
	},
	{
		Name: "random_scope", Default: "sought_groups", Alternatives: []string{"last_group", "whole_list"}, Row: "7.3", Grade: "NP",
		Text:  "the set the random relay is drawn from",
		value: choice(func(p *Params) *RandomScope { return &p.RandomScope }, "sought_groups", "last_group", "whole_list"),
	},
	{
		Name: "failover_requires_ping", Default: "false", Alternatives: []string{"true"}, Row: "7.8", Grade: "NP",
		Text:  "automatic mode: whether a failover relay must answer one probe first",
		value: truth(func(p *Params) *bool { return &p.FailoverRequiresPing }),
	},
	{
		Name: "manual_failover_requires_ping", Default: "true", Alternatives: []string{"false"}, Row: "1.6", Grade: "A",
		Text:  "manual mode: whether a failover relay must answer one probe first",
		value: truth(func(p *Params) *bool { return &p.ManualFailoverRequiresPing }),
	},
	{
		Name: "root_requires_ping", Default: "false", Alternatives: []string{"true"}, Row: "8", Grade: "NP",
		Text:  "whether the last resort must answer one probe first",
		value: truth(func(p *Params) *bool { return &p.RootRequiresPing }),
	},
	{
		Name: "failover_list_order", Default: "listed", Alternatives: []string{"random"}, Row: "7.9", Grade: "NP",
		Text:  "order in which the relays of FailoverRelayList are tried",
		value: choice(func(p *Params) *ListOrder { return &p.FailoverListOrder }, "listed", "random"),
	},
	{
		Name: "retry_growth", Default: "2", Alternatives: []string{"1", "1.5"}, Row: "3.10", Grade: "NP",
		Text:  "factor on the wait after each further failed selection",
		value: fraction(func(p *Params) *float64 { return &p.RetryGrowth }, 1, 100),
	},
	{
		Name: "retry_jitter", Default: "0", Alternatives: []string{"0.1", "0.5"}, Row: "3.10", Grade: "NP",
		Text:  "fraction of the wait that is uniform: the wait is shortened by up to that much",
		value: fraction(func(p *Params) *float64 { return &p.RetryJitter }, 0, 0.9),
	},
	{
		Name: "reselect_exhausted", Default: "keep_if_working", Alternatives: []string{"drop"}, Row: "3.10", Grade: "NP",
		Text:  "what a timed re-selection does in which no relay is found while the parent works",
		value: choice(func(p *Params) *ReselectExhausted { return &p.ReselectExhausted }, "keep_if_working", "drop"),
	},
	{
		Name: "extra_triggers", Default: "none", Alternatives: []string{"resume", "vpn_up", "adapter_change", "resume+vpn_up+adapter_change"}, Row: "3.6", Grade: "NP",
		Text:  "further occurrences that start a selection: waking from sleep, a VPN coming up, a change of network adapters",
		value: triggerSet(func(p *Params) *TriggerSet { return &p.ExtraTriggers }),
	},
	{
		Name: "report_interval_s", Unit: "s", Default: "900", Alternatives: []string{"60", "300", "3600"}, Row: "3.10", Grade: "NP",
		Text:  "spacing of a client's contacts with its parent",
		value: span(func(p *Params) *time.Duration { return &p.ReportInterval }, time.Second, time.Second, 24*time.Hour),
	},
	{
		Name: "loop_latency_s", Unit: "s", Default: "0", Alternatives: []string{"300..900", "1800..3600"}, Row: "3.8", Grade: "NP",
		Text:  "uniform wait between a selection being due and its start",
		value: spanRange(),
	},
	{
		Name: "register_connect_timeout_s", Unit: "s", Default: "10", Alternatives: []string{"5", "30"}, Row: "9.9", Grade: "NP",
		Text:  "longest wait of one registration attempt",
		value: span(func(p *Params) *time.Duration { return &p.RegisterConnectTimeout }, time.Second, time.Millisecond, time.Hour),
	},
	{
		Name: "register_attempts", Default: "1", Alternatives: []string{"2", "3"}, Row: "9.9", Grade: "NP",
		Text:  "attempts at one relay before it counts as refused",
		value: number(func(p *Params) *int { return &p.RegisterAttempts }, 1, 100),
	},
	{
		Name: "register_retry_s", Unit: "s", Default: "180", Alternatives: []string{"0", "60", "300"}, Row: "9.2", Grade: "NP",
		Text:  "wait before a failed registration outside a selection is tried again with the same parent; 0 waits for a contact that works",
		value: span(func(p *Params) *time.Duration { return &p.RegisterRetry }, time.Second, 0, 24*time.Hour),
	},
	{
		Name: "register_jitter_s", Unit: "s", Default: "60", Alternatives: []string{"0", "3"}, Row: "9.10", Grade: "NP",
		Text:  "each periodic registration is displaced by a uniform over plus or minus this much",
		value: span(func(p *Params) *time.Duration { return &p.RegisterJitter }, time.Second, 0, 6*time.Hour),
	},
	{
		Name: "icmp_bytes", Unit: "bytes", Default: "64", Alternatives: []string{"28", "92"}, Row: "5.14", Grade: "NP",
		Text:  "size of one probe with its IP and ICMP headers; no decision depends on it",
		value: number(func(p *Params) *int { return &p.ICMPBytes }, 28, 65535),
	},
}

// ParamNames returns the names of ParamTable in its order.
func ParamNames() []string {
	names := make([]string, len(ParamTable))
	for i := range ParamTable {
		names[i] = ParamTable[i].Name
	}
	return names
}

// DefaultParams returns the documented defaults.
func DefaultParams() Params {
	var p Params
	for i := range ParamTable {
		if err := ParamTable[i].set(&p, ParamTable[i].Default); err != nil {
			panic(fmt.Sprintf("selection: default of %s: %v", ParamTable[i].Name, err))
		}
	}
	return p
}

// Set gives the named parameter a value. The error says what is accepted.
func (p *Params) Set(name, value string) error {
	i := paramIndex(name)
	if i < 0 {
		return fmt.Errorf("unknown parameter %q", name)
	}
	if err := ParamTable[i].set(p, strings.TrimSpace(value)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Get returns the value of the named parameter in the form that Set accepts.
// ok is false if there is none of that name.
func (p *Params) Get(name string) (value string, ok bool) {
	i := paramIndex(name)
	if i < 0 {
		return "", false
	}
	return ParamTable[i].get(p), true
}

// paramIndex returns the row of the named parameter, or -1.
func paramIndex(name string) int {
	return slices.IndexFunc(ParamTable, func(i ParamInfo) bool { return i.Name == name })
}
