package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/results/madeup"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// madeUpStory has everything in it that a story can tell.
func madeUpStory() *sim.Story {
	at := func(s int) vtime.Instant { return vtime.Instant(8*24*time.Hour + time.Duration(s)*time.Second) }
	rtt := func(ms int) *time.Duration { d := time.Duration(ms) * time.Millisecond; return &d }
	next, age := at(21700), 27*time.Hour
	filtered := sim.StoryFate{End: "filtered", Packet: "icmp/echo-request", From: "home", To: "dmz", Box: "edge", Where: "edge"}
	byDefault, byRule, byDrops := filtered, filtered, filtered
	byDefault.Default = true
	byRule.End, byRule.Rule, byRule.Source = "refused", "no-ping", "acme.toml:31"
	byDrops.Packet, byDrops.Back, byDrops.Box = "icmp/echo-reply", true, "wan"
	syn := sim.StoryFate{End: "filtered", Packet: "tcp/52311", Back: true, From: "dmz", To: "home", Box: "edge", Where: "edge", Default: true}
	probes := func(fates ...sim.StoryFate) []sim.StoryProbe {
		var out []sim.StoryProbe
		for i, f := range fates {
			out = append(out, sim.StoryProbe{Relay: "dmz-" + string(rune('1'+i)), Fate: f})
		}
		return out
	}
	answered := probes(sim.StoryFate{End: sim.FateAnswered}, sim.StoryFate{End: sim.FateAnswered}, sim.StoryFate{End: sim.FateAnswered})
	for i := range answered {
		answered[i].RTT = rtt(37 + i/2)
	}
	return &sim.Story{
		Scenario: "acme", Policy: "echo", PolicyText: "TCP 52311 and echo request in", ModelVersion: 2, Seed: 7, Replication: 3,
		StartOfWeek: 9 * time.Hour, Coupled: "dmz-1 takes a limited number of clients",
		Client: sim.StoryClient{
			ID: "laptop/paris/17", Group: "laptop/paris", Life: "office-laptop", Home: "paris", At: "home",
			Mode: "automatic", Seek: "paris;DMZ", MaximumTTL: 64,
		},
		Trigger: "parent lost", Started: at(0), Previous: "paris-1",
		List: sim.StoryList{Version: 4, Entries: 80, Age: &age, Outdated: true},
		Sought: []sim.StoryGroup{
			{Group: "paris", By: "probe", Relays: []sim.StoryRelay{{Name: "paris-1", Network: "paris", Weight: 100, Routers: -1}}},
			{Group: "DMZ", Priority: 1, By: "probe", Asked: true, Relays: []sim.StoryRelay{
				{Name: "dmz-1", Routers: 12},
				{Name: "dmz-2", Routers: 12},
				{Name: "dmz-3", Routers: 14},
				{Name: "dmz-4", Routers: 12},
				{Name: "dmz-5", Routers: 12},
				{Name: "dmz-6", Routers: 12},
			}},
			{By: "failover", Relays: []sim.StoryRelay{{Name: "nowhere", Routers: -1}}},
		},
		Steps: []sim.StoryStep{
			{Rounds: &sim.StoryRounds{
				Group: "DMZ", Priority: 1, By: "probe", Count: 3, TTLs: []int{1, 2, 3}, From: at(0), To: at(3), Errors: 6,
				Probes: probes(sim.StoryFate{End: "expired", Packet: "icmp/echo-request"}, sim.StoryFate{End: "expired", Packet: "icmp/echo-request"}),
			}},
			{Rounds: &sim.StoryRounds{
				Group: "DMZ", Priority: 1, By: "probe", Count: 1, TTLs: []int{13}, From: at(3), To: at(4),
				Probes: probes(byDefault, byRule, byDrops,
					sim.StoryFate{End: "over_limit", Packet: "icmp/echo-request", Box: "edge"},
					sim.StoryFate{End: "lost", Packet: "icmp/echo-reply", Back: true, Where: "home-edge"},
					sim.StoryFate{End: "link_down", Packet: "icmp/echo-request", Where: "dmz-edge"},
					sim.StoryFate{End: "no_route", Packet: "icmp/echo-request", From: "home", To: "dmz"},
					sim.StoryFate{End: sim.FateDead}, sim.StoryFate{End: sim.FateLate}),
			}},
			{Rounds: &sim.StoryRounds{Group: "DMZ", Priority: 1, By: "probe", Count: 1, TTLs: []int{19}, From: at(4), To: at(4), Probes: answered}},
			{Draw: &sim.StoryDraw{At: at(4), Size: 3, Weight: 400, DistanceMin: 13, DistanceMax: 18, Repliers: []sim.StoryReplier{
				{Relay: "dmz-2", Weight: 300, Chance: 0.75, Time: 0.21}, {Relay: "dmz-1", Weight: 100, Chance: 0.25, Time: 1.9}, {Relay: "dmz-3"},
			}}},
			{Register: &sim.StoryRegistration{Relay: "dmz-2", Address: "203.0.113.11", By: "probe", From: at(4), To: at(14), Outcome: "tcp_blocked", Tries: 4, Fate: syn}},
			{Draw: &sim.StoryDraw{At: at(14), Size: 1, Weight: 100, DistanceMin: 13, DistanceMax: 18, Repliers: []sim.StoryReplier{{Relay: "dmz-1", Weight: 100, Chance: 1, Time: 1.9}}}},
			{Register: &sim.StoryRegistration{Relay: "dmz-1", By: "probe", From: at(14), To: at(15), Outcome: "no_certificate", Tries: 1, Fate: sim.StoryFate{End: sim.FateAnswered}}},
			{Rounds: &sim.StoryRounds{Single: true, By: "failover", Count: 1, TTLs: []int{64}, From: at(15), To: at(16), Probes: []sim.StoryProbe{{Relay: "nowhere", Fate: sim.StoryFate{End: sim.FateUnresolved}}}}},
			{Register: &sim.StoryRegistration{Relay: "root", Address: "10.0.0.1", By: "root", From: at(16), To: at(16), Outcome: "registered", Tries: 1, Fate: sim.StoryFate{End: sim.FateAnswered}}},
		},
		Outcome: sim.StoryOutcome{Kind: "decided", Parent: "root", By: "root", At: at(16), DistanceMin: -1, DistanceMax: -1},
		Rounds:  6, Probes: 13, Next: &next,
		Rest: []sim.StoryRest{
			{By: "probe", Group: "*", Relays: []string{"x-1", "x-2"}, Probed: true},
			{By: "failover", Relays: []string{"dmz-9"}, Probed: true},
			{By: "random", Relays: []string{"x-1", "dmz-1"}},
			{By: "root", Relays: []string{"root"}},
			{Keeps: true, Relays: []string{"paris-1"}},
		},
		Without: []sim.StoryChange{
			{Changes: []string{"root"}, Outcome: sim.StoryOutcome{Kind: "decided", Parent: "x-1", By: "fallback"}},
			{Changes: []string{"root", "x-1"}, Outcome: sim.StoryOutcome{Kind: "gave up"}},
		},
		Changes: []sim.StoryChange{
			{Changes: []string{"edge stateful"}, Outcome: sim.StoryOutcome{Kind: "decided", Parent: "dmz-2", By: "probe"}},
			{Changes: []string{"tcp/52311 accepted by edge (dmz to home)"}, Outcome: sim.StoryOutcome{Kind: "kept", Parent: "paris-1", By: "probe"}},
			{Changes: []string{"a certificate on the client", "dmz-3 up"}, Outcome: sim.StoryOutcome{Kind: "gave up"}},
			{Changes: []string{"dmz-1 not authenticating"}, Outcome: sim.StoryOutcome{Kind: "decided", Parent: "dmz-1", By: "probe"}},
		},
		Parameters: []sim.StoryChange{
			{Changes: []string{"sticky_current = true"}, Outcome: sim.StoryOutcome{Kind: "decided", Parent: "dmz-1", By: "probe"}},
			{Changes: []string{"zero_weight = never"}, Outcome: sim.StoryOutcome{Kind: "gave up"}},
			{Changes: []string{"zero_weight = uniform_share"}, Outcome: sim.StoryOutcome{Kind: "decided", Parent: "dmz-1", By: "probe"}},
		},
		Policies: []sim.StoryPolicy{
			{Policy: "closed", Outcome: sim.StoryOutcome{Kind: "gave up"}},
			{Policy: "manual", Outcome: sim.StoryOutcome{Kind: "kept", Parent: "paris-1", By: "manual"}},
			{Policy: "late", Outcome: sim.StoryOutcome{Kind: "none"}},
			{Policy: "broken", Outcome: sim.StoryOutcome{Kind: "abandoned"}},
			{Policy: "echo-2", Outcome: sim.StoryOutcome{Kind: "decided", Parent: "root", By: "root"}, Same: true},
		},
	}
}

func storyOf(t *testing.T, s *sim.Story, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := StoryText(&b, s, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStoryText(t *testing.T) {
	madeup.Golden(t, "story.txt", []byte(storyOf(t, madeUpStory(), Options{})))
	madeup.Golden(t, "story-ascii-80.txt", []byte(storyOf(t, madeUpStory(), Options{ASCII: true, Width: 80})))
}

func TestStoryLog(t *testing.T) {
	var b bytes.Buffer
	if err := StoryLog(&b, madeUpStory()); err != nil {
		t.Fatal(err)
	}
	madeup.Golden(t, "story.log", b.Bytes())
	if first, _, _ := strings.Cut(b.String(), "\n"); !strings.HasPrefix(first, "# Look-alike") {
		t.Errorf("the first line is %q, want one that says what this is", first)
	}
}

// A program that reads the JSON gets all that there is.
func TestStoryJSON(t *testing.T) {
	var b bytes.Buffer
	want := madeUpStory()
	if err := StoryJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	var got sim.Story
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStoryFits(t *testing.T) {
	for _, width := range []int{60, 80, 110, 160} {
		for line := range strings.Lines(storyOf(t, madeUpStory(), Options{Width: width})) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("at width %d a line has %d columns: %s", width, n, line)
			}
			if strings.HasSuffix(line, " \n") {
				t.Errorf("a line ends in a blank: %q", line)
			}
		}
	}
}

func TestStoryIsPlainASCIIOnRequest(t *testing.T) {
	for _, r := range storyOf(t, madeUpStory(), Options{ASCII: true}) {
		if r > 0x7e {
			t.Fatalf("the ASCII story has %q", r)
		}
	}
}

type noWriter struct{}

func (noWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestStoryReportsWriteErrors(t *testing.T) {
	s := madeUpStory()
	for name, write := range map[string]func() error{
		"text": func() error { return StoryText(noWriter{}, s, Options{}) },
		"log":  func() error { return StoryLog(noWriter{}, s) },
		"json": func() error { return StoryJSON(noWriter{}, s) },
	} {
		if write() == nil {
			t.Errorf("%s: no error from a writer that takes nothing", name)
		}
	}
}

// Many relays with one fate are not named one by one.
func TestProbesOfManyRelays(t *testing.T) {
	r := &sim.StoryRounds{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		r.Probes = append(r.Probes, sim.StoryProbe{Relay: name, Fate: sim.StoryFate{End: sim.FateDead}})
	}
	if got, want := strings.Join(probeLines(r), "; "), "all 6: host down"; got != want {
		t.Errorf("probes are %q, want %q", got, want)
	}
	r.Probes[5].Fate.End = sim.FateLate
	if got, want := strings.Join(probeLines(r), "; "), "a, b, c, d, e: host down; f: answered too late"; got != want {
		t.Errorf("probes are %q, want %q", got, want)
	}
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 100 * time.Microsecond: "<1 ms", 37 * time.Millisecond: "37 ms", time.Second: "1s", time.Minute: "1m", 90 * time.Second: "1m30s", 6 * time.Hour: "6h",
		time.Hour + 5*time.Second: "1h0m5s", 24 * time.Hour: "1d", 51 * time.Hour: "2d3h", 48*time.Hour + time.Minute: "2d1m",
	} {
		if got := lasting(d); got != want {
			t.Errorf("lasting(%v) = %q, want %q", d, got, want)
		}
	}
}

// How packets end that translators, names and other hosts play a part in.
func TestFateWords(t *testing.T) {
	echo := func(f sim.StoryFate) sim.StoryFate {
		f.Packet = "icmp/echo-request"
		return f
	}
	for _, tc := range []struct {
		fate sim.StoryFate
		want string
	}{
		{sim.StoryFate{End: sim.FateUnresolved}, "name does not resolve"},
		{sim.StoryFate{End: sim.FateUnresolved, From: "home"}, "its name does not resolve at home"},
		{echo(sim.StoryFate{End: "no_host", Address: "10.0.0.4"}), "nobody answers at 10.0.0.4"},
		{echo(sim.StoryFate{End: "no_route", From: "home", To: "dmz"}), "no way from home to dmz"},
		{
			echo(sim.StoryFate{End: "no_route", Where: "carrier", Address: "10.9.0.10", Through: "home-router"}),
			"echo request ended at carrier: no way to 10.9.0.10; translated by home-router",
		},
		{echo(sim.StoryFate{End: "no_mapping", Box: "edge", Address: "203.0.113.9"}), "echo request dropped by edge: it leads 203.0.113.9 to no host"},
		{sim.StoryFate{End: "no_mapping", Packet: "tcp/52311", Back: true, Box: "cgn", Address: "203.0.113.9"}, "SYN-ACK dropped by cgn: it has no mapping for it"},
		{
			echo(sim.StoryFate{End: "filtered", Box: "edge", Default: true, From: "internet", FromAddress: "192.0.2.2", To: "dmz"}),
			"echo request dropped by edge: no rule accepts icmp/echo-request from internet (192.0.2.2) to dmz (default)",
		},
		{
			sim.StoryFate{End: "filtered", Packet: "udp/4500", Tunnel: "vpn-hub", Box: "edge"},
			"the tunnel vpn-hub's udp/4500 dropped by edge: it forwards no udp/4500",
		},
		{
			sim.StoryFate{End: "filtered", Packet: "udp/4500", Tunnel: "vpn-hub", Back: true, Box: "edge"},
			"the tunnel vpn-hub's udp/4500 with the answer dropped by edge: it forwards no udp/4500",
		},
		{sim.StoryFate{End: "no_route", Packet: "udp/4500", Tunnel: "vpn-hub", From: "home", To: "dmz"}, "no way from home to dmz for the tunnel vpn-hub's udp/4500"},
		{echo(sim.StoryFate{End: "table_full", Box: "cgn"}), "echo request dropped by cgn: its table is full"},
	} {
		if got := fateWords(tc.fate); got != tc.want {
			t.Errorf("fate %+v in words: %q, want %q", tc.fate, got, tc.want)
		}
	}
	for _, tc := range []struct {
		fate sim.StoryFate
		want string
	}{
		{sim.StoryFate{}, ""},
		{sim.StoryFate{By: "a middlebox", Where: "edge"}, " by edge in its name"},
		{sim.StoryFate{By: "a stranger", Where: "printer", Address: "10.0.0.4"}, " by printer, which has 10.0.0.4 there"},
	} {
		if got := standIn(&tc.fate); got != tc.want {
			t.Errorf("who answered, %+v: %q, want %q", tc.fate, got, tc.want)
		}
	}
}
