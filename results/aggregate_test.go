package results

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/results/madeup"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// The order of tallies does not reach the bytes.
func TestAggregateIgnoresOrder(t *testing.T) {
	p := madeup.Plan()
	ts := madeup.Tallies(p)
	var want []byte
	for range 2 {
		s, err := Aggregate(p, ts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if want != nil && !bytes.Equal(got, want) {
			t.Error("the summary depends on the order of the tallies")
		}
		want = got
		slices.Reverse(ts)
	}
}

func TestAggregateRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(ts []*sim.Tally) []*sim.Tally
		want   string
	}{
		{"a missing cell", func(ts []*sim.Tally) []*sim.Tally { return ts[1:] }, `no tally for policy "inbound-only-stateless", replication 9`},
		{"a cell twice", func(ts []*sim.Tally) []*sim.Tally { return append(ts, ts[0]) }, `two tallies for policy "inbound-only-stateless", replication 9`},
		{"a foreign cell", func(ts []*sim.Tally) []*sim.Tally { ts[0].Policy = 99; return ts }, "belongs to no cell"},
		{"too few slots", func(ts []*sim.Tally) []*sim.Tally { ts[0].Slots = ts[0].Slots[1:]; return ts }, "slots"},
		{"too few relays", func(ts []*sim.Tally) []*sim.Tally { ts[0].Relays = nil; return ts }, "0 relays, the plan 15"},
		{"a foreign relay", func(ts []*sim.Tally) []*sim.Tally { ts[0].Slots[2].TimeOn.Add(15, 1); return ts }, "slot 2 has clients on relay 15, the plan 15 relays"},
		{"a foreign pair", func(ts []*sim.Tally) []*sim.Tally { ts[0].Pairs = []sim.PairTally{{Pair: 0}}; return ts }, "pair 0"},
	} {
		p := madeup.Plan()
		if _, err := Aggregate(p, c.change(madeup.Tallies(p))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// What the clients of the parts met adds up to what all met.
func TestScopesAddUp(t *testing.T) {
	s := madeUp(t)
	for i := range s.Policies {
		p := &s.Policies[i]
		total := p.Scope(ScopeAll, "").Measures.Sessions.Mean
		byPlace := p.Scope(ScopeOutside, "").Measures.Sessions.Mean + p.Scope(ScopeSites, "").Measures.Sessions.Mean
		byLabel := 0.0
		for _, l := range []string{"desktop", "laptop", "remote"} {
			byLabel += p.Scope(ScopeLabel, l).Measures.Sessions.Mean
		}
		if !near(total, byPlace) || !near(total, byLabel) || total == 0 {
			t.Errorf("%s: %v sessions, %v by place, %v by label", p.Name, total, byPlace, byLabel)
		}
	}
}

// A series without a single value is none, never zero; an event that did not
// happen among clients that were online is zero.
func TestNoneIsNotZero(t *testing.T) {
	s := madeUp(t)
	m := &s.Policies[closed].Scope(ScopeOutside, "").Measures
	if !m.RehomeTime.P50.None() || !m.FoundTime.P95.None() || m.RehomeCDF != nil {
		t.Errorf("under closed: re-home p50 %v, found p95 %v, cdf %v; want none", m.RehomeTime.P50, m.FoundTime.P95, m.RehomeCDF)
	}
	if m.Rehomes.None() || m.Rehomes.Mean != 0 {
		t.Errorf("under closed: re-homes per client-day %v, want 0", m.Rehomes)
	}
}

func TestRehomeCDF(t *testing.T) {
	s := madeUp(t)
	c := s.Policies[echo].Scope(ScopeOutside, "").Measures.RehomeCDF
	if c == nil || len(c.Seconds) != len(c.Share) || len(c.Seconds) > 1/cdfStep+2 {
		t.Fatalf("cdf %+v", c)
	}
	last := len(c.Share) - 1
	if c.Share[0] != 0 || c.Share[last] != 1 || !slices.IsSorted(c.Share) || !slices.IsSorted(c.Seconds) {
		t.Errorf("shares %v of seconds %v, want rising from 0 to 1", c.Share, c.Seconds)
	}
	if top := s.Policies[echo].Scope(ScopeOutside, "").Measures.RehomeTime.Max.Max; !near(float64(c.Seconds[last]), top) {
		t.Errorf("the last point is at %v s, the largest value at %v", c.Seconds[last], top)
	}
}

func TestAffiliations(t *testing.T) {
	p := &sim.Plan{Relays: []sim.RelayPlan{
		{Name: "root", Root: true, Advertise: []string{"a"}},
		{Name: "one", Advertise: []string{"A", "b"}},
		{Name: "two", Advertise: []string{"a"}},
		{Name: "three"},
		{Name: "four", Advertise: []string{"*"}},
	}}
	want := []affiliation{{"A", []int{1, 2}}, {"*", []int{3, 4}}}
	if d := cmp.Diff(want, affiliations(p), cmp.AllowUnexported(affiliation{})); d != "" {
		t.Errorf("affiliations: %s", d)
	}
}

func TestParametersInForce(t *testing.T) {
	s := madeUp(t)
	find := func(policy int) Parameter {
		ps := s.Policies[policy].Parameters
		i := slices.IndexFunc(ps, func(p Parameter) bool { return p.Name == "exhaust_policy" })
		if i < 0 {
			t.Fatalf("exhaust_policy is not listed")
		}
		return ps[i]
	}
	if p := find(random); p.Value != "random" || p.Default || !p.Unverified {
		t.Errorf("%+v, want random, not the default, unverified", p)
	}
	if p := find(echo); p.Value != "root" || !p.Default {
		t.Errorf("%+v, want root, the default", p)
	}
}

func TestOneReplication(t *testing.T) {
	p := madeup.Plan()
	p.Replications = 1
	ts := slices.DeleteFunc(madeup.Tallies(p), func(t *sim.Tally) bool { return t.Replication > 0 })
	s, err := Aggregate(p, ts)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "one replication") }) {
		t.Errorf("warnings %q do not say that there is one replication", s.Warnings)
	}
	if got := s.ExitCode(""); got != exitUndecided {
		t.Errorf("ExitCode = %d, want %d", got, exitUndecided)
	}
	if _, err := s.JSON(); err != nil {
		t.Error(err)
	}
}

// A parameter of the deployment is stated where it plays a part, and only there.
func TestDeploymentParametersInForce(t *testing.T) {
	names := func(kinds ...sim.EventKind) (out []string) {
		p := madeup.Plan()
		for _, k := range kinds {
			p.Events = append(p.Events, sim.EventPlan{Kind: k})
		}
		p.Policies[0].World = sim.DefaultWorldParams()
		for _, x := range parameters(p, &p.Policies[0]) {
			if slices.Contains(sim.WorldParamNames(), x.Name) {
				out = append(out, x.Name+"="+x.Value)
			}
			if x.Name == "relays_dat_propagation_s" && (!x.Unverified || !x.Default || x.Unit != "s") {
				t.Errorf("%+v, want an unverified default in seconds", x)
			}
		}
		return out
	}
	// In the made-up run a host goes down.
	const gone = "relays_dat_stale_ttl_s=0"
	if got, want := names(sim.RelaySelect, sim.ServiceDown), []string{gone}; !slices.Equal(got, want) {
		t.Errorf("nothing lists or authenticates: %q stated, want %q", got, want)
	}
	if got, want := names(sim.RelayRetired), []string{"relays_file_refresh_s=60", "relays_dat_propagation_s=900", gone}; !slices.Equal(got, want) {
		t.Errorf("a relay is retired: %q stated, want %q", got, want)
	}
	if got, want := names(sim.AuthenticatingOn), []string{gone, "authenticating_switch=until_registration"}; !slices.Equal(got, want) {
		t.Errorf("a relay begins to authenticate: %q stated, want %q", got, want)
	}
}

// Defaults of settings that are only recalled are unknowns of a result.
func TestRecalledSettingsAreAmongTheParameters(t *testing.T) {
	s := selection.DefaultSettings()
	s.MaxRetry = time.Hour
	names := []string{}
	for _, x := range recalledSettings(&sim.PolicyPlan{Settings: []*selection.Settings{&s}}) {
		if !x.Unverified || !x.Default || x.Value == "" {
			t.Errorf("%+v: want an unverified default with its value", x)
		}
		names = append(names, strings.TrimPrefix(x.Name, "_BESClient_RelaySelect_"))
	}
	if want := []string{"MaximumTTLToPing", "IntervalSeconds", "MinRetryIntervalSeconds"}; !slices.Equal(names, want) {
		t.Errorf("recalled settings in force: %q, want %q", names, want)
	}
}
