package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// run runs one selection in a bubble.
func run(t *testing.T, n *fakeNet, c Config) *Record {
	t.Helper()
	defer n.Close()
	rec, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func findings(rec *Record) map[string]Finding {
	out := map[string]Finding{}
	for _, f := range rec.Findings() {
		out[f.Name] = f
	}
	return out
}

func TestRunChoosesTheNearest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{
			"10.0.0.1": {hops: 2, rtt: 30 * time.Millisecond, tcp: "relay"},
			"10.0.0.2": {hops: 4, rtt: 10 * time.Millisecond, tcp: "relay"},
		})
		rec := run(t, n, n.setUp(automatic("10"), nil, Deployment{Relays: []Relay{relay("10.0.0.1"), relay("10.0.0.2")}}))
		e := rec.Ended
		if e == nil || e.Kind != selection.Decided || e.By != selection.ByProbe || e.Target != 0 || e.DistanceMin != 2 || e.DistanceMax != 2 {
			t.Fatalf("the selection ended as %v, want relay 0 by probe at 2 hops", e)
		}
		if e.Rounds != 3 || e.Probes != 6 {
			t.Errorf("%d rounds and %d probes, want 3 and 6", e.Rounds, e.Probes)
		}
		f := findings(rec)
		if near := f["10.0.0.1"]; near.Class != AnswersEcho || near.RTT != 30*time.Millisecond || near.RouterTTL != 2 || near.TCP != selection.Registered {
			t.Errorf("the nearer relay is found as %+v", near)
		}
		if far := f["10.0.0.2"]; far.Class != Beyond || far.RTT != 10*time.Millisecond || far.TCP != selection.Registered {
			t.Errorf("the farther relay is found as %+v, want beyond, with an answer afterwards", far)
		}
		if r := rec.Requests(); len(r) > 0 {
			t.Errorf("requests %q, want none", r)
		}
		want := []string{"GET " + versionPath + " Host: 10.0.0.1:52311"}
		if !slices.Equal(n.requests, want) {
			t.Errorf("sent over TCP: %q, want %q alone", n.requests, want)
		}
	})
}

// The cap on packets per second changes neither decision nor times.
func TestPaceChangesNothing(t *testing.T) {
	outcome := func(rate float64) (string, time.Duration) {
		var text string
		var took time.Duration
		synctest.Test(t, func(t *testing.T) {
			hosts, d := map[string]fakeHost{}, Deployment{}
			for i := range 40 {
				a := fmt.Sprintf("10.0.1.%d", i+1)
				hosts[a] = fakeHost{hops: 3 + i%4, rtt: time.Duration(5+i%7) * time.Millisecond, tcp: []string{"relay", "blocked"}[i%2]}
				d.Relays = append(d.Relays, relay(a))
			}
			n := newFakeNet(hosts)
			c := n.setUp(automatic("10"), nil, d)
			c.Rate, c.MaxChecks = rate, -1
			began := time.Now()
			rec := run(t, n, c)
			text, took = rec.Ended.String(), time.Since(began)
			for i := 1; i < len(n.at); i++ {
				if gap := n.at[i].Sub(n.at[i-1]); gap < time.Duration(float64(time.Second)/rate)-time.Nanosecond {
					t.Fatalf("at %v per second two probes are %v apart", rate, gap)
				}
			}
		})
		return text, took
	}
	fast, short := outcome(1000)
	slow, long := outcome(5)
	if fast != slow {
		t.Errorf("the pace matters:\n%s\n%s", fast, slow)
	}
	if long < 5*short {
		t.Errorf("at 5 per second it took %v, at 1,000 %v: was there a pace?", long, short)
	}
}

// What a run sends when nothing answers is what Plan says.
func TestPlanIsWhatIsSent(t *testing.T) {
	settings := automatic("30")
	settings["_BESClient_Register_Affiliation_SeekList"] = "B;A"
	settings["_BESClient_RelaySelect_FailoverRelay"] = "10.0.0.9"
	a, b := relay("10.0.0.1"), relay("10.0.0.2")
	a.Affiliations, b.Affiliations, b.Priority = []string{"A"}, []string{"A", "B"}, 1
	for _, set := range []map[string]string{nil, {"pings_per_relay_per_round": "3"}, {"failover_requires_ping": "true"}, {"loop_latency_s": "60"}} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNet(nil)
			c := n.setUp(settings, set, Deployment{Relays: []Relay{a, b}, Root: "10.0.0.8"})
			p := Plan(c)
			began := time.Now()
			rec := run(t, n, c)
			checks := rec.Connections - p.Attempts
			if p.Probes == 0 || len(n.echoes) != p.Probes || checks < 0 || checks > p.Checks || len(n.dialled) != rec.Connections {
				t.Errorf("%v: sent %d probes and %d connections, planned %d, %d and at most %d more", set, len(n.echoes), len(n.dialled), p.Probes, p.Attempts, p.Checks)
			}
			if rec.Ended.Kind != selection.GaveUp {
				t.Errorf("%v: ended as %v", set, rec.Ended)
			}
			checking := checkTimeout + time.Second
			if took := time.Since(began); set["loop_latency_s"] == "" && (took > p.Lasts+checking || took < p.Lasts-checking) {
				t.Errorf("%v: took %v, planned %v", set, took, p.Lasts)
			}
		})
	}
}

func TestOutcomesOfAttempts(t *testing.T) {
	for tcp, want := range map[string]selection.Outcome{
		"relay": selection.Registered, "portal": selection.NotTheRelay, "moved": selection.NotTheRelay, "empty": selection.NotTheRelay,
		"ssh": selection.NotTheRelay, "cut": selection.NotTheRelay, "tls": selection.NoCertificate,
		"mute": selection.TCPBlocked, "blocked": selection.TCPBlocked, "no route": selection.TCPBlocked, "refused": selection.RelayDown,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNet(map[string]fakeHost{"10.0.0.1": {tcp: tcp}})
			rec := run(t, n, n.setUp(automatic("3"), nil, Deployment{Relays: []Relay{relay("10.0.0.1")}}))
			got := rec.Entries[1].Attempt
			if got == nil || !got.Done || got.Outcome != want || got.Detail == "" {
				t.Errorf("%s: the attempt ended as %+v, want %v", tcp, got, want)
			}
			if f := findings(rec)["10.0.0.1"]; f.TCP != want || !f.Asked {
				t.Errorf("%s: found as %+v", tcp, f)
			}
			if requests := rec.Requests(); (want == selection.TCPBlocked) != (len(requests) == 1) {
				t.Errorf("%s: requests %q", tcp, requests)
			}
		})
	}
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{"10.0.0.1": {hops: 1, tcp: "relay"}, "2001:db8::2": {hops: 1, tcp: "relay"}})
		n.names["both.example"] = []netip.Addr{netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("::ffff:10.0.0.1")}
		n.names["six.example"] = []netip.Addr{netip.MustParseAddr("2001:db8::2")}
		n.names["none.example"] = nil
		settings := automatic("3")
		settings["_BESClient_RelaySelect_FailoverRelay"] = "unknown.example"
		var d Deployment
		for _, name := range []string{"both.example", "six.example", "none.example", "no.example", "slow.example"} {
			d.Relays = append(d.Relays, Relay{Name: name, Weight: 100})
		}
		rec := run(t, n, n.setUp(settings, nil, d))
		f := findings(rec)
		if a := f["both.example"].Address; a != netip.MustParseAddr("10.0.0.1") {
			t.Errorf("both.example is asked at %v, want its IPv4 address", a)
		}
		if f["six.example"].Class != AnswersEcho {
			t.Errorf("six.example: %+v", f["six.example"])
		}
		for _, name := range []string{"none.example", "no.example", "slow.example"} {
			if f[name].Class != Unresolved || f[name].Detail == "" {
				t.Errorf("%s: %+v, want unresolved with a reason", name, f[name])
			}
		}
		if rec.Ended.Started != 0 || rec.Ended.Rounds != 2 {
			t.Errorf("ended %v: looking names up must not take the client's time", rec.Ended)
		}
	})
}

// A failover relay that only a setting names is looked up when its turn comes.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{"10.0.0.1": {hops: 1, noEcho: true, tcp: "relay"}, "10.0.0.7": {hops: 1, tcp: "relay"}})
		n.names["spare.example"] = []netip.Addr{netip.MustParseAddr("10.0.0.7")}
		settings := automatic("4")
		settings["_BESClient_RelaySelect_FailoverRelayList"] = "gone.example;http://spare.example:52311/"
		rec := run(t, n, n.setUp(settings, nil, Deployment{Relays: []Relay{relay("10.0.0.1")}, Port: 52999}))
		if e := rec.Ended; e.By != selection.ByFailover || rec.Hosts[e.Target].Name != "spare.example" {
			t.Fatalf("ended %v", e)
		}
		f := findings(rec)
		if f["gone.example"].Class != Unresolved || f["spare.example"].Class != NotProbed || f["spare.example"].Port != 52999 {
			t.Errorf("failover relays are found as %+v and %+v", f["gone.example"], f["spare.example"])
		}
		want := "icmp/echo-request to 10.0.0.1 from here: no answer although tcp/52999 is open; the last router seen on the way is 192.0.2.1 at TTL 1"
		if got := rec.Requests(); len(got) != 1 || got[0] != want {
			t.Errorf("requests %q, want %q", got, want)
		}
	})
}

func TestVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{
			"10.0.0.1": {hops: 2, noEcho: true, tcp: "refused"},
			"10.0.0.2": {hops: 2, noEcho: true, noErrors: true},
			"10.0.0.3": {rejected: true, tcp: "relay"},
			"10.0.0.4": {unsent: errNetworkDown},
			"10.0.0.5": {hops: 200},
			"10.0.0.6": {hops: 1, rtt: 1500 * time.Millisecond},
		})
		var d Deployment
		for i := range 6 {
			d.Relays = append(d.Relays, relay(fmt.Sprintf("10.0.0.%d", i+1)))
		}
		d.Root = "10.0.0.99"
		rec := run(t, n, n.setUp(automatic("4"), nil, d))
		f := findings(rec)
		for a, want := range map[string]Class{
			"10.0.0.1": Refuses, "10.0.0.2": Silent, "10.0.0.3": OnlyTCP, "10.0.0.4": NotSent, "10.0.0.5": Silent, "10.0.0.6": AnswersLate, "10.0.0.99": NotProbed,
		} {
			if f[a].Class != want {
				t.Errorf("%s is %q, want %q", a, f[a].Class, want)
			}
		}
		if far := f["10.0.0.5"]; far.RouterTTL != 4 {
			t.Errorf("the last router to 10.0.0.5 is at TTL %d, want 4", far.RouterTTL)
		}
		all := strings.Join(rec.Requests(), "\n")
		for _, want := range []string{"10.0.0.1 from here: no answer; the host is there", "and tcp/52311 to 10.0.0.2", "rejects it (administratively prohibited)"} {
			if !strings.Contains(all, want) {
				t.Errorf("requests have no %q:\n%s", want, all)
			}
		}
	})
}

// A late reply decides under late_reply_policy = reopen alone.
func TestLateReplies(t *testing.T) {
	for policy, want := range map[string]selection.By{"count": selection.ByNone, "reopen": selection.ByProbe} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNet(map[string]fakeHost{"10.0.0.1": {hops: 1, rtt: 1300 * time.Millisecond, tcp: "relay"}})
			rec := run(t, n, n.setUp(automatic("5"), map[string]string{"late_reply_policy": policy}, Deployment{Relays: []Relay{relay("10.0.0.1")}}))
			by := selection.ByNone
			if rec.Ended.Kind == selection.Decided {
				by = rec.Ended.By
			}
			if by != want {
				t.Errorf("%s: ended %v, want %v", policy, rec.Ended, want)
			}
			if f := findings(rec)["10.0.0.1"]; f.Class != AnswersLate {
				t.Errorf("%s: found as %q, want %q", policy, f.Class, AnswersLate)
			}
		})
	}
}

// Rounds that end when all have answered or were reported on end so here too.
func TestErrorsEndRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{"10.0.0.1": {hops: 5, rtt: 10 * time.Millisecond, tcp: "relay"}})
		rec := run(t, n, n.setUp(automatic("9"), map[string]string{"round_ends_early": "all_answered_or_errored"}, Deployment{Relays: []Relay{relay("10.0.0.1")}}))
		if rec.Ended.Probing != 60*time.Millisecond {
			t.Errorf("six rounds took %v, want 60ms", rec.Ended.Probing)
		}
	})
}

func TestInterrupt(t *testing.T) {
	for _, after := range []time.Duration{0, 10 * time.Millisecond, 500 * time.Millisecond, 2500 * time.Millisecond, 7 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNet(map[string]fakeHost{"10.0.0.1": {hops: 2, rtt: time.Millisecond, tcp: "mute"}, "10.0.0.2": {noEcho: true}})
			defer n.Close()
			c := n.setUp(automatic("9"), nil, Deployment{Relays: []Relay{relay("10.0.0.1"), relay("10.0.0.2"), {Name: "slow.example", Weight: 1}}})
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			rec, err := Run(ctx, c)
			if !errors.Is(err, context.DeadlineExceeded) || rec == nil || rec.Ended != nil {
				t.Errorf("interrupted after %v: %v, %v", after, rec.Ended, err)
			}
			if late := time.Since(began) - after; late > 0 {
				t.Errorf("interrupted after %v it ended %v later", after, late)
			}
		})
	}
}

func TestProbeCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(nil)
		defer n.Close()
		c := n.setUp(automatic("9"), nil, Deployment{Relays: []Relay{relay("10.0.0.1"), relay("10.0.0.2")}})
		c.MaxProbes = 5
		rec, err := Run(t.Context(), c)
		if !errors.Is(err, ErrProbeCap) || len(n.echoes) != 5 || rec.Sent != 5 {
			t.Errorf("%d probes sent, %v", len(n.echoes), err)
		}
	})
}

func TestCapOnChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(nil)
		c := n.setUp(automatic("1"), nil, Deployment{Relays: []Relay{relay("10.0.0.1"), relay("10.0.0.2"), relay("10.0.0.3")}})
		c.MaxChecks = 2
		rec := run(t, n, c)
		if len(rec.Checks) != 2 || rec.Unchecked != 1 || len(n.dialled) != 2 {
			t.Errorf("%d checked, %d not, %d connections; want 2, 1, 2", len(rec.Checks), rec.Unchecked, len(n.dialled))
		}
	})
}

// The same key and start draw the same relay; other starts draw others too.
func TestDraws(t *testing.T) {
	draw := func(start vtime.Instant) (target selection.RelayID) {
		synctest.Test(t, func(t *testing.T) {
			hosts, d := map[string]fakeHost{}, Deployment{}
			for i := range 8 {
				a := fmt.Sprintf("10.0.0.%d", i+1)
				hosts[a], d.Relays = fakeHost{hops: 1, tcp: "relay"}, append(d.Relays, relay(a))
			}
			n := newFakeNet(hosts)
			c := n.setUp(automatic("3"), nil, d)
			c.Start = start
			rec := run(t, n, c)
			if len(rec.Entries[2].Attempt.Standings) != 8 {
				t.Errorf("the race has %d repliers, want 8", len(rec.Entries[2].Attempt.Standings))
			}
			target = rec.Ended.Target
		})
		return target
	}
	seen := map[selection.RelayID]bool{}
	for i := range 12 {
		at := vtime.Instant(i) * vtime.Instant(time.Hour)
		first := draw(at)
		if second := draw(at); first != second {
			t.Errorf("at %v relay %v is drawn, then %v", at, first, second)
		}
		seen[first] = true
	}
	if len(seen) < 3 {
		t.Errorf("12 starts drew %d of 8 relays", len(seen))
	}
}

func TestSurvey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(map[string]fakeHost{
			"10.0.0.1": {hops: 1, rtt: time.Millisecond}, "10.0.0.2": {hops: 2, noErrors: true}, "10.0.0.3": {rtt: time.Second},
		})
		defer n.Close()
		to := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}
		got, err := Survey(t.Context(), n, to, []uint8{1, 2, 3}, 64, 50*time.Millisecond, 10)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"time exceeded", "echo reply", "echo reply"}, {"", "", "echo reply"}, {"", "", ""}}
		for i := range want {
			for j := range want[i] {
				text := ""
				if got[i][j] != nil {
					text = got[i][j].Kind.String()
				}
				if text != want[i][j] {
					t.Errorf("%v at TTL %d: %q, want %q", to[i], j+1, text, want[i][j])
				}
			}
		}
	})
}
