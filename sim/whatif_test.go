package sim

import (
	"context"
	"net/netip"
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
		{"no such name", func(w *world) {
			w.addressed()
			w.view(netHome, topology.ViewSpec{Name: "public", Closed: true})
		}, "dmz-1 known by 203.0.113.10 at home", "decided probe"},
		{"no such name and no address", func(w *world) {
			w.view(netHome, topology.ViewSpec{Name: "public", Closed: true})
		}, "names resolving to the relays themselves at home", "decided probe"},
		{"resolvers fail", func(w *world) {
			w.addressed()
			w.events = []EventPlan{{Kind: NamesDown, View: w.view(netHome, topology.ViewSpec{Name: "public"})}}
		}, "resolvers working at home", "decided probe"},
		{"stale name", func(w *world) {
			w.addressed()
			w.view(netHome, topology.ViewSpec{Name: "public", Wildcard: netip.MustParseAddr("203.0.113.12")})
		}, "dmz-1 known by 203.0.113.10 at home", "decided probe"},
		{"somebody has the addresses", func(w *world) {
			w.addressed()
			w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{Name: "somebody", Prefix: netip.MustParsePrefix("203.0.113.0/24"), AnswersEcho: true}}
		}, "203.0.113.1", "decided probe"},
		{"known by inner addresses", func(w *world) {
			w.addressed()
			w.publicDMZ()
		}, "dmz-1 known by 203.0.113.10 at home", "decided probe"},
		{"no public address", func(w *world) {
			w.addressed()
			w.publicDMZ()
			edge(w).NAT.Static, edge(w).NAT.Forwards = nil, nil
		}, "dmz-1 known by 203.0.113.9, which edge leads to it", "decided probe"},
		{"behind a translator, no echo", func(w *world) {
			w.addressed()
			edge(w).Rules = []topology.Rule{accept(netHome, topology.TCP)}
			w.behindNAT(true, true)
		}, "icmp/echo-request accepted by edge (internet to dmz)", "decided probe"},
		{"public addresses, no echo", func(w *world) {
			w.addressed()
			w.publicDMZ()
			w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.10")}}})
			edge(w).Rules = []topology.Rule{accept(netHome, topology.TCP)}
		}, "icmp/echo-request accepted by edge (home to dmz)", "decided probe"},
		{"firewall of the relays", func(w *world) {
			id := topology.GuardOf(w.box(topology.BoxSpec{Name: "own", Kind: topology.Guard, Otherwise: topology.Drop, Rules: []topology.Rule{accept(netHome, topology.TCP)}}))
			w.spec.Hosts[0].Guard, w.spec.Hosts[1].Guard = id, id
		}, "icmp/echo-request accepted by own (home to dmz)", "decided probe"},
		{"tunnel closed", func(w *world) {
			w.addressed()
			w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
			w.addGroup("remote", 1, w.vpn(false), alwaysOn, "east")
		}, "udp/4500 accepted by edge (home to dmz)", "decided probe"},
		{"tunnel closed, from behind translators", func(w *world) {
			w.addressed()
			w.addGroup("remote", 1, w.vpn(false), alwaysOn, "east")
			w.behindNAT(true, true)
		}, "udp/4500 accepted by edge (internet to dmz)", "decided probe"},
		{"tunnel not forwarded", func(w *world) {
			w.addressed()
			w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
			w.addGroup("remote", 1, w.vpn(false), alwaysOn, "east")
			edge(w).Otherwise, edge(w).Drops = topology.Accept, []topology.Kind{topology.VPN}
		}, "udp/4500 forwarded by edge", "decided probe"},
		{"answers go astray", func(w *world) {
			w.addressed()
			w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
			w.spec.Legs[w.leg(netHome, 1, 1, 2)].Metric = 100
			w.spec.Routes = []topology.RouteSpec{{At: netDMZ, To: []topology.NetworkID{netHome}, Leg: 2}}
		}, "no static route at dmz over dmz-inner", "decided probe"},
		{"table full", func(w *world) { edge(w).Flows = 1 }, "a larger table at edge", "decided probe"},
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

// Who answered is told if it was not the relay.
func TestStoryNamesWhoAnswered(t *testing.T) {
	for _, tc := range []struct {
		name               string
		with               func(w *world)
		by, where, address string
		outcome            string
	}{
		{"a stranger", func(w *world) {
			w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{
				Name: "printer", Prefix: netip.MustParsePrefix("203.0.113.10/32"), AnswersEcho: true, AnswersTCP: true,
			}}
		}, "a stranger", "printer", "203.0.113.10", "not_the_relay"},
		{"another relay", func(w *world) {
			w.view(netHome, topology.ViewSpec{Name: "stale", Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.11")}}})
		}, "another host", "dmz-2", "203.0.113.11", "not_the_relay"},
		{"a box", func(w *world) {
			w.spec.Boxes[0].EchoFor = []topology.Match{{Hosts: []topology.HostID{0}}}
			w.events = []EventPlan{{Kind: HostDown, Relay: 0}}
		}, "a middlebox", "edge", "", "relay_down"},
	} {
		w := newWorld()
		w.addressed()
		tc.with(w)
		w.relays[1].Weight = 0 // so that dmz-1 wins
		s := explainRemote(t, w)
		fate, outcome := StoryFate{}, ""
		for _, st := range s.Steps {
			if st.Rounds != nil {
				for _, p := range st.Rounds.Probes {
					if p.Relay == "dmz-1" && p.RTT != nil && fate.By == "" {
						fate = p.Fate
					}
				}
			}
			if st.Register != nil && outcome == "" {
				outcome = st.Register.Outcome
			}
		}
		if fate.By != tc.by || fate.Where != tc.where || fate.Address != tc.address || outcome != tc.outcome {
			t.Errorf("%s: answered by %q, %q, which has %q; registration %q; want %q, %q, %q and %q",
				tc.name, fate.By, fate.Where, fate.Address, outcome, tc.by, tc.where, tc.address, tc.outcome)
		}
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

// A fate has the ends that the rules saw, and is that of the outer packet where
// a tunnel carried what ended; what translates that leaves the inner one as it
// was.
func TestFatesBehindTranslatorsAndTunnels(t *testing.T) {
	const echo, outer = "icmp/echo-request", "udp/4500"
	vpn := func(w *world, behind bool) {
		w.addressed()
		w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
		w.addGroup("remote", 1, w.vpn(false), alwaysOn, "east")
		if behind {
			w.behindNAT(true, true)
		}
	}
	for _, tc := range []struct {
		name  string
		spoil func(w *world)
		want  StoryFate
	}{
		{"translated source", func(w *world) {
			w.addressed()
			w.behindNAT(true, true)
			w.spec.Boxes[0].Rules = nil
		}, StoryFate{Packet: echo, From: "internet", FromAddress: "198.51.100.", To: "dmz", Box: "edge", Through: "home-router, cgn"}},
		{"translated destination", func(w *world) {
			w.addressed()
			w.publicDMZ()
			w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.10")}}})
			w.spec.Boxes[0].Rules = nil
		}, StoryFate{Packet: echo, From: "home", To: "dmz", Box: "edge", Through: "edge"}},
		{
			"outer packet", func(w *world) { vpn(w, false) },
			StoryFate{Packet: outer, Tunnel: "vpn-concentrator", From: "home", To: "dmz", Box: "edge"},
		},
		{
			"translated outer packet", func(w *world) { vpn(w, true) },
			StoryFate{Packet: outer, Tunnel: "vpn-concentrator", From: "internet", FromAddress: "198.51.100.", To: "dmz", Box: "edge", Through: "home-router, cgn"},
		},
		{"inner packet", func(w *world) {
			vpn(w, true)
			w.spec.Boxes[0].Rules = []topology.Rule{{Name: "vpn", Kinds: []topology.Kind{topology.VPN}, Verdict: topology.Accept}}
			for i := range w.spec.Boxes {
				if b := &w.spec.Boxes[i]; b.Name == "concentrator" {
					b.Otherwise = topology.Drop
				}
			}
		}, StoryFate{Packet: echo, From: "vpn", To: "east", Box: "concentrator"}},
	} {
		w := newWorld()
		tc.spoil(w)
		s := explainRemote(t, w)
		var got StoryFate
		for _, st := range s.Steps {
			if st.Rounds != nil {
				got = st.Rounds.Probes[0].Fate
			}
		}
		if tc.want.FromAddress != "" && strings.HasPrefix(got.FromAddress, tc.want.FromAddress) {
			tc.want.FromAddress = got.FromAddress
		}
		tc.want.End, tc.want.Where, tc.want.Default = "filtered", tc.want.Box, true
		if got != tc.want {
			t.Errorf("%s: fate is %+v, want %+v", tc.name, got, tc.want)
		}
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
		{"names do not resolve", func(w *world) {
			w.view(netHome, topology.ViewSpec{Name: "public", Closed: true})
			remote(w).Failover = "dmz-2"
		}, FateUnresolved, FateUnresolved},
		{"nobody has the address", func(w *world) {
			w.addressed()
			w.view(netHome, topology.ViewSpec{Name: "public", Wildcard: netip.MustParseAddr("203.0.113.12")})
		}, "no_host", "no_host"},
		{"no way to inner addresses", func(w *world) {
			w.addressed()
			w.publicDMZ()
		}, "no_route", "no_route"},
		{"no mapping for it", func(w *world) {
			w.addressed()
			w.publicDMZ()
			w.spec.Boxes[0].NAT.Static = nil
			w.spec.Boxes[0].NAT.Pool = addrs("203.0.113.9", "203.0.113.10")
			w.view(netHome, topology.ViewSpec{Name: "public", Wildcard: netip.MustParseAddr("203.0.113.10")})
		}, "no_mapping", "no_mapping"},
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
