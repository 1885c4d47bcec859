package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// What explain has to find for clients outside under each policy of the
// shipped scenario: the box that ended the probe to the DMZ, and the nearest
// change.
func TestExplainNamesTheBox(t *testing.T) {
	const ping = "icmp/echo-request accepted by edge (NET to dmz)"
	tests := []struct {
		policy string
		// box and packet that ended the last probes to the DMZ; "" if they
		// were answered.
		box, packet string
		end         string // the outcome
		change      string // nearest, NET stands for the client's network
		after       string // the outcome after it
	}{
		{"closed", "edge", "icmp/echo-request", "gave up", ping + " + tcp/52311 accepted by edge (NET to dmz)", "decided probe"},
		{"tcp-only", "edge", "icmp/echo-request", "gave up", ping, "decided probe"},
		{"tcp-only-failover", "edge", "icmp/echo-request", "decided failover", ping, "decided probe"},
		{"tcp-only-failover-list", "edge", "icmp/echo-request", "decided failover", ping, "decided probe"},
		{"tcp-only-random", "edge", "icmp/echo-request", "decided random", ping, "decided probe"},
		{"echo", "", "", "decided probe", "", ""},
		{"echo-and-expired", "", "", "decided probe", "", ""},
		{"echo-and-expired-limited", "", "", "decided probe", "", ""},
		{"inbound-only-stateless", "edge", "icmp/echo-reply", "gave up", "edge stateful", "decided probe"},
	}
	s, err := scenarios.Load("internet-relays", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := s.Plan()
	if len(plan.Policies) != len(tests) {
		t.Errorf("the scenario has %d policies, the test %d", len(plan.Policies), len(tests))
	}
	for _, tt := range tests {
		for _, client := range []string{"remote", "laptop"} {
			t.Run(tt.policy+"/"+client, func(t *testing.T) {
				story := explained(t, plan, tt.policy, client)
				f := lastProbe(story, "DMZ")
				if f.Box != tt.box || f.Packet != tt.packet {
					t.Errorf("%s ended at %q, want %s at %q", f.Packet, f.Box, tt.packet, tt.box)
				}
				if got := ending(story.Outcome); got != tt.end {
					t.Errorf("the selection %s, want %s", got, tt.end)
				}
				change, after := "", ""
				if len(story.Changes) > 0 {
					change, after = strings.Join(story.Changes[0].Changes, " + "), ending(story.Changes[0].Outcome)
				}
				if want := strings.ReplaceAll(tt.change, "NET", story.Client.At); change != want || after != tt.after {
					t.Errorf("nearest change is %q: %s, want %q: %s", change, after, want, tt.after)
				}
			})
		}
	}
}

// explained is the default story of a client under a policy.
func explained(t *testing.T, plan *sim.Plan, policy, client string) *sim.Story {
	t.Helper()
	q := sim.Question{}
	var err error
	if q.Policy, err = scenarios.FindPolicy(plan, policy); err != nil {
		t.Fatal(err)
	}
	if q.Group, q.Client, err = scenarios.FindClient(plan, client); err != nil {
		t.Fatal(err)
	}
	story, err := sim.Explain(context.Background(), plan, q)
	if err != nil {
		t.Fatal(err)
	}
	return story
}

// lastProbe is what became of the last probes to a group.
func lastProbe(s *sim.Story, group string) sim.StoryFate {
	var f sim.StoryFate
	for _, st := range s.Steps {
		if st.Rounds != nil && st.Rounds.Group == group {
			f = st.Rounds.Probes[0].Fate
		}
	}
	return f
}

func ending(o sim.StoryOutcome) string { return strings.TrimSpace(o.Kind + " " + o.By) }

// Under which other policies a client outside would have had a relay is what
// the run says of them.
func TestExplainComparesPolicies(t *testing.T) {
	s, err := scenarios.Load("internet-relays", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"closed": "gave up", "tcp-only-failover": "decided failover", "tcp-only-failover-list": "decided failover",
		"tcp-only-random": "decided random", "echo": "decided probe", "echo-and-expired": "decided probe",
		"echo-and-expired-limited": "decided probe", "inbound-only-stateless": "gave up",
	}
	for _, o := range explained(t, s.Plan(), "tcp-only", "remote").Policies {
		if got := ending(o.Outcome); got != want[o.Policy] || o.Same != (got == "gave up") {
			t.Errorf("%s: %s (same: %v), want %s", o.Policy, got, o.Same, want[o.Policy])
		}
		delete(want, o.Policy)
	}
	if len(want) > 0 {
		t.Errorf("nothing is said of %v", want)
	}
}

// The story in the documentation is the one that is printed.
func TestExplainDocumentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	got := call("explain", "internet-relays", "--client", "remote", "--policy", "tcp-only")
	if got.code != exitDone {
		t.Fatalf("explain ended with %d: %s", got.code, got.stderr)
	}
	var shown strings.Builder
	for line := range strings.Lines(got.stdout) {
		if line != "\n" {
			shown.WriteString("    ")
		}
		shown.WriteString(line)
	}
	if !strings.Contains(string(doc), shown.String()) {
		t.Errorf("docs/explain.md does not show what is printed:\n%s", shown.String())
	}
}

// After the hub and a branch's own relay have failed, the story names what
// ended the probes under each policy of the branch outage, and the change that
// the administrator can make.
func TestExplainTellsTheBranchOutage(t *testing.T) {
	for policy, want := range map[string][]string{
		"own-site":      {"relay-07: host down", "register with root: registered", "with relay-07 up it would have chosen relay-07"},
		"any-hub":       {"hub-north-01, hub-north-02, hub-north-03, hub-north-04 and 6 more: host down", "found by probing"},
		"own-hub-first": {"all 10: host down", "found by probing"},
		"any-hub-no-ping": {
			"all 20: echo request dropped by wan: it forwards no icmp/echo-request",
			"with icmp/echo-request forwarded by wan it would have chosen hub-south-",
		},
	} {
		got := call("explain", "branch-outage", "--client", "server/branch-07", "--policy", policy, "--at", "Tue 09:00")
		for _, w := range want {
			if got.code != exitDone || !strings.Contains(got.stdout, w) {
				t.Errorf("%s: code %d, %q is not in:\n%s", policy, got.code, w, got.stdout)
			}
		}
	}
}
