package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/results/madeup"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// madeUpProbe has everything in it that a probe can tell.
func madeUpProbe() *Probe {
	at := func(ms int) vtime.Instant { return vtime.Instant(time.Duration(ms) * time.Millisecond) }
	rtt, next := 37*time.Millisecond, at(21603000)
	expired := func(where string) sim.StoryFate {
		return sim.StoryFate{End: "expired", Packet: "icmp/echo-request", Where: where}
	}
	return &Probe{
		Began: "2026-11-18T09:00:00+01:00", List: "relays.csv", Settings: "clientsettings.cfg", Socket: "datagram",
		Rate: 50, Paced: 1700 * time.Millisecond, Sent: 12, Connections: 5,
		Story: &sim.Story{
			Seed: 7, ModelVersion: 1, Replication: 1, StartOfWeek: 57 * time.Hour, Trigger: "start",
			Client: sim.StoryClient{ID: "this machine", Mode: "automatic", Seek: "DMZ", MaximumTTL: 64},
			List:   sim.StoryList{Version: 1, Entries: 8},
			Sought: []sim.StoryGroup{
				{Group: "DMZ", By: "probe", Asked: true, Relays: []sim.StoryRelay{{Name: "dmz-1", Routers: -1}, {Name: "dmz-2", Routers: -1}, {Name: "dmz-3", Routers: -1}}},
				{Group: "*", Priority: 2, By: "probe", Relays: []sim.StoryRelay{{Name: "spare", Routers: -1}}},
			},
			Steps: []sim.StoryStep{
				{Rounds: &sim.StoryRounds{Group: "DMZ", By: "probe", Count: 2, TTLs: []int{1, 2}, To: at(2000), Errors: 4, Probes: []sim.StoryProbe{
					{Relay: "dmz-1", Fate: expired("192.0.2.1")},
					{Relay: "dmz-2", Fate: sim.StoryFate{End: FateSilent}},
					{Relay: "dmz-3", Fate: sim.StoryFate{End: FateRejected, Where: "192.0.2.9", Rule: "administratively prohibited"}},
					{Relay: "dmz-4", Fate: sim.StoryFate{End: FateUnnamed, Rule: "no such host"}},
					{Relay: "dmz-5", Fate: sim.StoryFate{End: FateNotSent, Rule: "network is unreachable"}},
				}}},
				{Rounds: &sim.StoryRounds{Group: "DMZ", By: "probe", Count: 1, TTLs: []int{3}, From: at(2000), To: at(3000), Probes: []sim.StoryProbe{{Relay: "dmz-1", RTT: &rtt, Fate: sim.StoryFate{End: sim.FateAnswered}}}}},
				{Draw: &sim.StoryDraw{At: at(3000), Size: 1, Weight: 100, DistanceMin: 2, DistanceMax: 2, Repliers: []sim.StoryReplier{{Relay: "dmz-1", Weight: 100, Chance: 1}}}},
				{Register: &sim.StoryRegistration{Relay: "dmz-1", By: "probe", From: at(3000), To: at(3005), Outcome: "not_the_relay", Tries: 1, Fate: sim.StoryFate{End: FateSaid, Rule: "answered with HTTP status 302"}}},
				{Register: &sim.StoryRegistration{Relay: "root", By: "root", From: at(3005), To: at(3100), Outcome: "registered", Tries: 1, Fate: sim.StoryFate{End: FateSaid, Rule: "relay 11.0.4.60"}}},
			},
			Outcome: sim.StoryOutcome{Kind: "decided", Parent: "root", By: "root", At: at(3100), DistanceMin: -1, DistanceMax: -1},
			Rounds:  3, Probes: 11, Next: &next, Rest: []sim.StoryRest{{By: "fallback", Relays: []string{"spare"}}},
			Changes: []sim.StoryChange{}, Parameters: []sim.StoryChange{}, Policies: []sim.StoryPolicy{},
		},
		Relays: []ProbeRelay{
			{Name: "dmz-1", Address: "203.0.113.10", Port: 52311, Class: "echo", DistanceMin: 13, DistanceMax: 18, RTT: rtt, AskedTTL: 19, Router: "192.0.2.1", RouterTTL: 12, TCP: "answered with HTTP status 302"},
			{Name: "dmz-2", Address: "203.0.113.11", Port: 52311, Class: "tcp_only", DistanceMin: -1, DistanceMax: -1, AskedTTL: 64, Router: "192.0.2.7", RouterTTL: 3, TCP: "open"},
			{Name: "dmz-3", Address: "203.0.113.12", Port: 52311, Class: "silent", DistanceMin: -1, DistanceMax: -1, AskedTTL: 64, TCP: "no answer within 5s", Rejected: "192.0.2.9 (administratively prohibited)"},
			{Name: "dmz-4", Port: 52311, Class: "unresolved", DistanceMin: -1, DistanceMax: -1, AskedTTL: 1, Detail: "no such host"},
			{Name: "dmz-5", Address: "2001:db8::5", Port: 52311, Class: "not_sent", DistanceMin: -1, DistanceMax: -1, AskedTTL: 1, Detail: "network is unreachable"},
			{Name: "dmz-6", Address: "203.0.113.15", Port: 52311, Class: "late", DistanceMin: -1, DistanceMax: -1, AskedTTL: 64},
			{Name: "dmz-7", Address: "203.0.113.16", Port: 52311, Class: "beyond", DistanceMin: -1, DistanceMax: -1, AskedTTL: 3, RTT: time.Millisecond, TCP: "open"},
			{Name: "dmz-8", Address: "203.0.113.17", Port: 52311, Class: "beyond", DistanceMin: -1, DistanceMax: -1, AskedTTL: 3},
			{Name: "root", Address: "203.0.113.1", Port: 52311, Class: "not_probed", DistanceMin: -1, DistanceMax: -1, TCP: "relay 11.0.4.60"},
		},
		NotAsked: 1, Unchecked: 2,
		Requests:   []string{"icmp/echo-request to dmz-2 (203.0.113.11) from here: no answer although tcp/52311 is open; the last router seen on the way is 192.0.2.7 at TTL 3"},
		Unverified: []string{"round_timeout_ms=1000"}, Set: []string{"sticky_current=true"},
	}
}

func probeText(t *testing.T, p *Probe, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := ProbeText(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProbeText(t *testing.T) {
	madeup.Golden(t, "probe.txt", []byte(probeText(t, madeUpProbe(), Options{})))
	none := madeUpProbe()
	none.Requests, none.Relays, none.Set, none.Settings = nil, nil, nil, ""
	if text := probeText(t, none, Options{ASCII: true}); !strings.Contains(text, "firewall team for\nnothing\n") {
		t.Errorf("nothing to ask for is not said:\n%s", text)
	}
}

func TestProbeFits(t *testing.T) {
	for _, o := range []Options{{Width: 60}, {Width: 80}, {Width: 110, ASCII: true}} {
		for line := range strings.Lines(probeText(t, madeUpProbe(), o)) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > o.Width {
				t.Errorf("at width %d a line has %d columns: %s", o.Width, n, line)
			}
			if o.ASCII && n7(line) {
				t.Errorf("not ASCII: %s", line)
			}
		}
	}
}

func n7(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

func TestProbeJSON(t *testing.T) {
	want := madeUpProbe()
	for _, oneLine := range []bool{false, true} {
		var b bytes.Buffer
		if err := ProbeJSON(&b, want, oneLine); err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(b.Bytes(), []byte("\n")); (lines == 1) != oneLine {
			t.Errorf("%d lines, one wanted: %v", lines, oneLine)
		}
		var got Probe
		d := json.NewDecoder(&b)
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*want, got); diff != "" {
			t.Error(diff)
		}
	}
	if ProbeJSON(noWriter{}, want, true) == nil || ProbeText(noWriter{}, want, Options{}) == nil {
		t.Error("no error from a writer that takes nothing")
	}
}

func TestProbeChanges(t *testing.T) {
	before, after := madeUpProbe(), madeUpProbe()
	after.Relays[0].RTT *= 2
	after.Relays[0].RouterTTL--
	if got := ProbeChanges(before, after); len(got) > 0 {
		t.Errorf("times and routers are no change, got %q", got)
	}
	after.Story.Outcome.Parent, after.Story.Outcome.By = "dmz-2", "probe"
	after.Relays[1] = ProbeRelay{Name: "dmz-2", Class: "echo", DistanceMin: 2, DistanceMax: 2, TCP: "relay 11.0.4.60"}
	after.Relays[2].Name = "dmz-9"
	want := []string{
		"choice: root, as last resort → dmz-2, found by probing",
		"dmz-2: no echo, tcp open → answers echo at 2 hops, tcp relay 11.0.4.60",
		"dmz-9: not asked → no echo, tcp no answer within 5s, rejected by 192.0.2.9 (administratively prohibited)",
		"dmz-3: no echo, tcp no answer within 5s, rejected by 192.0.2.9 (administratively prohibited) → not asked",
	}
	if got := ProbeChanges(before, after); !slices.Equal(got, want) {
		t.Errorf("changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
