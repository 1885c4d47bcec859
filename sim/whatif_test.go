package sim

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

func limitOf(perSecond float64) *topology.Limit {
	return &topology.Limit{PerSecond: perSecond, Burst: 1}
}

// explainRemote tells the story of the client outside of a world.
func explainRemote(t *testing.T, w *world) *Story {
	t.Helper()
	if len(w.groups) == 0 {
		w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	}
	p := w.plan(t)
	p.Policies[0].Spec = &w.spec
	s, err := Explain(context.Background(), p, Question{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each row breaks one thing; the nearest change is what mends it, found by
// running the selection again.
func TestNearestChange(t *testing.T) {
	edge := func(w *world) *topology.BoxSpec { return &w.spec.Boxes[0] }
	tests := []struct {
		name  string
		spoil func(w *world)
		want  string // the changes joined by " and ", "" if there is none
		end   string // the outcome after it, or that of the story without one
	}{
		{"nothing is wrong", func(*world) {}, "", "decided probe"},
		{
			"no echo", func(w *world) { edge(w).Rules = []topology.Rule{accept(netHome, topology.TCP)} },
			"icmp/echo-request accepted by edge (home to dmz)", "decided probe",
		},
		{
			"no TCP", func(w *world) { edge(w).Rules = []topology.Rule{accept(netHome, topology.EchoRequest)} },
			"tcp/52311 accepted by edge (home to dmz)", "decided probe",
		},
		{"a rule drops", func(w *world) {
			r := accept(netHome, topology.EchoRequest)
			r.Verdict = topology.Drop
			edge(w).Rules = append([]topology.Rule{r}, edge(w).Rules...)
		}, "icmp/echo-request accepted by edge (home to dmz)", "decided probe"},
		{
			"closed", func(w *world) { edge(w).Rules = nil },
			"icmp/echo-request accepted by edge (home to dmz) and tcp/52311 accepted by edge (home to dmz)", "decided probe",
		},
		{"rejected", func(w *world) {
			edge(w).Otherwise, edge(w).Rules = topology.Reject, []topology.Rule{accept(netHome, topology.TCP)}
		}, "icmp/echo-request accepted by edge (home to dmz)", "decided probe"},
		{"over a limit", func(w *world) {
			limited := accept(netHome, topology.EchoRequest)
			limited.Limit = limitOf(0.001)
			edge(w).Rules = []topology.Rule{accept(netHome, topology.TCP), limited}
			w.spec.Legs[1].Routers = 3 // the token goes to a probe that expires behind the edge
		}, "icmp/echo-request accepted by edge (home to dmz)", "decided probe"},
		{"stateless", func(w *world) { edge(w).Kind = topology.Stateless }, "edge stateful", "decided probe"},
		{
			"the box drops the kind", func(w *world) { edge(w).Drops = []topology.Kind{topology.EchoReply} },
			"icmp/echo-reply forwarded by edge", "decided probe",
		},
		{"leg cut", func(w *world) { w.events = []EventPlan{{Kind: LegDown, Leg: 0}} }, "home-edge mended", "decided probe"},
		{"both relays dead", func(w *world) {
			w.events = []EventPlan{{Kind: HostDown, Relay: 0}, {Kind: HostDown, Relay: 1}}
		}, "dmz-1 up", "decided probe"},
		{"services down", func(w *world) {
			w.events = []EventPlan{{Kind: ServiceDown, Relay: 0}, {Kind: ServiceDown, Relay: 1}}
		}, "dmz-", "decided probe"},
		{"authenticating", func(w *world) {
			w.relays[0].Gate.Authenticating, w.relays[1].Gate.Authenticating = true, true
			w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
			w.groups[0].NoCertificate = 1
		}, "a certificate on the client", "decided probe"},
		{"errors are needed and dropped", func(w *world) {
			w.params.NeedsTimeExceeded = true
			w.spec.Legs[1].Routers = 6 // the probes expire behind the edge last
			w.spec.Legs[0].Routers = 0
			w.spec.Networks[0].Access = nil
			edge(w).Silent = true
		}, "icmp/time-exceeded accepted by edge (any to home)", "decided probe"},
		{"seeks what nobody advertises", func(w *world) {
			w.addGroup("remote", 1, netHome, alwaysOn, "nowhere")
		}, "tcp/52311 accepted by inner (home to core)", "decided root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.spoil(w)
			s := explainRemote(t, w)
			got, end := "", s.Outcome
			if len(s.Changes) > 0 {
				got, end = strings.Join(s.Changes[0].Changes, " and "), s.Changes[0].Outcome
			}
			if !strings.HasPrefix(got, tt.want) || got == "" != (tt.want == "") {
				t.Errorf("nearest change is %q, want %q; all: %+v", got, tt.want, s.Changes)
			}
			if g := end.Kind + " " + end.By; g != tt.end {
				t.Errorf("outcome is %q, want %q", g, tt.end)
			}
		})
	}
}

// A change is made from the selection's beginning on: what the client did
// before stays as it was, so a later selection in vain has its change too.
func TestChangeOfALaterSelection(t *testing.T) {
	w := newWorld()
	w.spec.Boxes[0].Rules = []topology.Rule{accept(netHome, topology.TCP)}
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	p := w.plan(t)
	p.Policies[0].Spec = &w.spec
	at := vtime.Instant(30 * time.Hour)
	s, err := Explain(context.Background(), p, Question{At: &at})
	if err != nil {
		t.Fatal(err)
	}
	if s.Trigger != "retry" || len(s.Changes) == 0 || s.Changes[0].Outcome.By != "probe" {
		t.Errorf("trigger %q, changes %+v; want a retry that echo would have ended", s.Trigger, s.Changes)
	}
}

// What an unknown decides is told with its value.
func TestParametersThatMatter(t *testing.T) {
	w := newWorld()
	w.spec.Boxes[0].Rules = []topology.Rule{accept(netHome, topology.TCP)}
	s := explainRemote(t, w)
	want := []string{"exhaust_policy = random"}
	if len(s.Parameters) != 1 || !slices.Equal(s.Parameters[0].Changes, want) || s.Parameters[0].Outcome.By != "random" {
		t.Errorf("parameters that matter: %+v, want %v", s.Parameters, want)
	}
}

// The relays that follow a dead parent are those of the draw, then nobody.
func TestWithoutItsParent(t *testing.T) {
	s := explainRemote(t, newWorld())
	var got []string
	for _, c := range s.Without {
		got = append(got, c.Outcome.Kind+" "+c.Outcome.Parent)
	}
	other := map[string]string{"dmz-1": "dmz-2", "dmz-2": "dmz-1"}[s.Outcome.Parent]
	if want := []string{"decided " + other, "gave up "}; !slices.Equal(got, want) {
		t.Errorf("without %s: %q, want %q", s.Outcome.Parent, got, want)
	}
}

// What has ended a packet is told with the rule that did it.
func TestFateNamesTheRule(t *testing.T) {
	w := newWorld()
	rule := accept(netHome, topology.EchoRequest)
	rule.Name, rule.Source, rule.Verdict = "no-ping", "x.toml:7", topology.Reject
	w.spec.Boxes[0].Rules = append([]topology.Rule{rule}, w.spec.Boxes[0].Rules...)
	s := explainRemote(t, w)
	last := s.Steps[0].Rounds
	for _, st := range s.Steps {
		if st.Rounds != nil {
			last = st.Rounds
		}
	}
	want := StoryFate{
		End: "refused", Packet: "icmp/echo-request", From: "home", To: "dmz",
		Box: "edge", Rule: "no-ping", Source: "x.toml:7", Where: "edge",
	}
	if got := last.Probes[0].Fate; got != want {
		t.Errorf("fate is %+v, want %+v", got, want)
	}
	if root := s.Steps[len(s.Steps)-1].Register; root == nil || root.Fate.Box != "inner" || !root.Fate.Default || root.Outcome != selection.TCPBlocked.String() {
		t.Errorf("registration is %+v, want one that the default of inner ended", root)
	}
}

// Rounds that look alike are one step, and no round is lost.
func TestRoundsAlikeAreOneStep(t *testing.T) {
	w := newWorld()
	w.spec.Boxes[0].Rules = nil
	s := explainRemote(t, w)
	rounds, steps := 0, 0
	for _, st := range s.Steps {
		if r := st.Rounds; r != nil {
			steps++
			rounds += r.Count
			if len(r.TTLs) != r.Count {
				t.Errorf("%d TTLs for %d rounds", len(r.TTLs), r.Count)
			}
		}
	}
	if steps != 2 || rounds != int(s.Rounds) {
		t.Errorf("%d rounds in %d steps, want %d in 2: what expires, and what the edge drops", rounds, steps, s.Rounds)
	}
}

// What became of a packet, in the words of a story.
func TestFates(t *testing.T) {
	remote := func(w *world) *selection.Settings { return w.addGroup("remote", 1, netHome, alwaysOn, "DMZ") }
	down := func(w *world, k EventKind) {
		w.events = []EventPlan{{Kind: k, Relay: 0}, {Kind: k, Relay: 1}}
	}
	tests := []struct {
		name  string
		spoil func(w *world)
		// probe is the fate of the last probe before the last resort, syn that
		// of the first registration.
		probe, syn string
	}{
		{"all well", func(*world) {}, FateAnswered, FateAnswered},
		{"hosts down", func(w *world) { down(w, HostDown); remote(w).Failover = "dmz-2" }, FateDead, FateDead},
		{"services down", func(w *world) { down(w, ServiceDown) }, FateAnswered, FateClosed},
		{"service and host down", func(w *world) {
			w.events = []EventPlan{{Kind: ServiceDown, Relay: 0}, {Kind: HostDown, Relay: 1}}
		}, FateStruck, FateClosed},
		{"late replies", func(w *world) { w.params.RoundTimeout = 10 * time.Millisecond }, FateLate, "filtered"},
		{"late handshake", func(w *world) { w.params.RegisterConnectTimeout = 20 * time.Millisecond }, FateAnswered, FateLate},
		{"no such host", func(w *world) {
			remote(w).Failover = "nowhere"
			w.params.FailoverRequiresPing = true
			w.spec.Boxes[0].Rules = nil
		}, FateUnresolved, "filtered"},
		{"no such host, not probed", func(w *world) {
			remote(w).Failover = "nowhere"
			w.spec.Boxes[0].Rules = nil
		}, "filtered", FateUnresolved},
		{"SYN-ACK dropped", func(w *world) {
			w.spec.Boxes[0].Kind = topology.Stateless
			w.spec.Boxes[0].Rules = append(w.spec.Boxes[0].Rules, accept(netDMZ, topology.EchoReply))
		}, FateAnswered, "filtered"},
		{"all lost", func(w *world) { w.spec.Legs[0].Loss = 1<<64 - 1 }, "lost", "lost"},
		{"authenticating", func(w *world) {
			w.relays[0].Gate.Authenticating, w.relays[1].Gate.Authenticating = true, true
			remote(w)
			w.groups[0].NoCertificate = 1
		}, FateAnswered, FateAnswered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.spoil(w)
			probe, syn := "", ""
			for _, st := range explainRemote(t, w).Steps {
				if st.Rounds != nil {
					probe = st.Rounds.Probes[0].Fate.End
				}
				if st.Register != nil && syn == "" {
					syn = st.Register.Fate.End
				}
			}
			if probe != tt.probe || syn != tt.syn {
				t.Errorf("last probe %q, first registration %q; want %q, %q", probe, syn, tt.probe, tt.syn)
			}
		})
	}
}

// A selection that the client broke off is told up to there, and its changes
// are found as for any other.
func TestSelectionBrokenOff(t *testing.T) {
	w := newWorld()
	w.spec.Boxes[0].Rules = nil
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	first := decisionsOf(t, w.plan(t))[0][0].Started
	off := first.Add(3500 * time.Millisecond)
	for _, kind := range []EventKind{AddressChange, AgentRestart} {
		w.events = []EventPlan{{At: time.Duration(off), Kind: kind, Groups: []int{0}}}
		p := w.plan(t)
		p.Policies[0].Spec = &w.spec
		s, err := Explain(context.Background(), p, Question{At: &first})
		if err != nil {
			t.Fatal(err)
		}
		if s.Outcome.Kind != "abandoned" || s.Outcome.At != off || s.Started != first {
			t.Errorf("%v: the selection of %v ended %+v, want it abandoned at %v", kind, s.Started, s.Outcome, off)
		}
		last := s.Steps[len(s.Steps)-1].Rounds
		if last == nil || last.To != off {
			t.Errorf("%v: the last step is %+v, want rounds until %v", kind, last, off)
		}
	}
}

// Another policy counts from the start of the run: what the client's last
// selection until then came to.
func TestOtherPolicies(t *testing.T) {
	w := newWorld()
	w.spec.Boxes[0].Rules = nil
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ").Failover = "dmz-2"
	p := w.plan(t)
	w.spec.Boxes[0].Rules = []topology.Rule{accept(netHome, topology.TCP)}
	p.Policies = append(p.Policies, w.plan(t).Policies[0], p.Policies[0])
	p.Policies[1].Name, p.Policies[2].Name = "tcp", "closed too"
	p.Policies[0].Spec = &w.spec
	at := vtime.Instant(20 * time.Hour)
	s, err := Explain(context.Background(), p, Question{At: &at})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Policies) != 2 {
		t.Fatalf("%d other policies, want 2", len(s.Policies))
	}
	if o := s.Policies[0]; o.Policy != "tcp" || o.Same || o.Outcome.Parent != "dmz-2" || s.Trigger != "retry" {
		t.Errorf("under tcp: %+v, want dmz-2, found long before this %s", o, s.Trigger)
	}
	if o := s.Policies[1]; !o.Same || o.Outcome.At != s.Outcome.At {
		t.Errorf("under the same rules: %+v, want the same", o)
	}
}
