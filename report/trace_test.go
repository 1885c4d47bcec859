package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/sim"
)

const milli = time.Millisecond

// madeUpTrace is a trace with one exchange.
func madeUpTrace(x sim.TracedExchange) *sim.PacketTrace {
	x.Policies = []sim.TracedPolicy{{Name: "echo", Text: "echo request in"}}
	return &sim.PacketTrace{
		Scenario: "acme", ModelVersion: 1, Seed: 1, StartOfWeek: 9 * time.Hour,
		From: sim.TraceSource{Name: "remote/3", Kind: "client", Place: "home"}, To: sim.TraceTarget{Name: "dmz-1", Place: "dmz"},
		Packet: "icmp/echo-request", TTL: 64, Exchanges: []sim.TracedExchange{x},
	}
}

// tracedTo is a request that ended somewhere.
func tracedTo(p sim.TracedPacket) *sim.TracedPacket {
	p.Packet, p.From, p.To, p.TTL = "icmp/echo-request", "remote/3", "dmz-1", 64
	p.Hops = []sim.TracedHop{{Number: 1, Name: "home-edge.r1", TTL: 63, After: 2 * milli, Note: "forwarded"}}
	return &p
}

func textOf(t *testing.T, trace *sim.PacketTrace, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := TraceText(&b, trace, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each way in which a packet can end is a sentence that names who ended it,
// and the line of the scenario that made it so.
func TestTraceVerdicts(t *testing.T) {
	reply := &sim.TracedPacket{Packet: "icmp/echo-reply", Back: true, From: "dmz-1", To: "remote/3", TTL: 64, End: "delivered", Took: 20 * milli}
	at := func(end string) sim.TracedPacket {
		return sim.TracedPacket{End: end, Where: "edge", Box: "edge", Source: "acme.toml:7"}
	}
	with := func(p sim.TracedPacket, f func(*sim.TracedPacket)) *sim.TracedPacket { f(&p); return tracedTo(p) }
	tests := []struct {
		name string
		x    sim.TracedExchange
		want string // the verdict
	}{
		{"answered", sim.TracedExchange{Outcome: sim.TraceAnswered, Request: tracedTo(sim.TracedPacket{End: "delivered", Took: 15 * milli}), Answer: reply}, "answered after 35.0 ms"},
		{"by another", sim.TracedExchange{Outcome: sim.TraceAnswered, Request: tracedTo(sim.TracedPacket{End: "delivered", By: "a stranger", Where: "portal"}), Answer: reply}, "answered after 20.0 ms by portal, a stranger"},
		{
			"rule",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: with(at("filtered"), func(p *sim.TracedPacket) { p.Decided, p.Rule = sim.DecidedByRule, "no-ping" })},
			"no answer: request dropped by edge: rule no-ping (acme.toml:7)",
		},
		{
			"default",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: with(at("filtered"), func(p *sim.TracedPacket) { p.Decided = sim.DecidedByDefault })},
			"no answer: request dropped by edge: no rule accepts it (default, acme.toml:7)",
		},
		{
			"drops",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: with(at("filtered"), func(p *sim.TracedPacket) { p.Decided = sim.DecidedByDrops })},
			"no answer: request dropped by edge: it forwards no icmp/echo-request (acme.toml:7)",
		},
		{
			"box",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: with(at("filtered"), func(p *sim.TracedPacket) { p.Decided = sim.DecidedByBox })},
			"no answer: request dropped by edge: forwarded (acme.toml:7)",
		},
		{
			"jitter",
			sim.TracedExchange{Outcome: sim.TraceAnswered, Request: tracedTo(sim.TracedPacket{End: "delivered", Varies: true}), Answer: reply},
			"answered after at least 20.0 ms",
		},
		{
			"no resolver",
			sim.TracedExchange{Outcome: sim.TraceUnsent, Name: &sim.TracedName{View: "public"}, Unanswered: "names down in public for 1h"},
			"not sent: dmz-1 does not resolve at home (view public) (names down in public for 1h)",
		},
		{
			"outer packet",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "filtered", Where: "edge", Box: "edge", Decided: sim.DecidedByDrops, Tunnel: "vpn-hub"})},
			"no answer: request with the tunnel vpn-hub's udp/4500 dropped by edge: it forwards no udp/4500",
		},
		{"limit", sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(at("over_limit"))}, "no answer: request dropped by edge: over the limit of its rules (acme.toml:7)"},
		{"mapping", sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(at("no_mapping"))}, "no answer: request dropped by edge: no mapping lets it in (acme.toml:7)"},
		{"table", sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(at("table_full"))}, "no answer: request dropped by edge: its table is full (acme.toml:7)"},
		{
			"cut",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "link_down", Where: "home-edge", Cause: "home-edge cut for 1h"})},
			"no answer: request ended at home-edge, which is cut (home-edge cut for 1h)",
		},
		{
			"host",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "no_host", Where: "dmz-1", Cause: "dmz-1 down (host)"})},
			"no answer: request found nobody at dmz-1 (dmz-1 down (host))",
		},
		{"route", sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "no_route", Where: "carrier"})}, "no answer: request found no route at carrier"},
		{
			"answer lost",
			sim.TracedExchange{
				Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "delivered"}),
				Answer: &sim.TracedPacket{Packet: "icmp/echo-reply", End: "filtered", Box: "edge", Decided: sim.DecidedByDefault},
			},
			"no answer: icmp/echo-reply dropped by edge: no rule accepts it (default)",
		},
		{"expired", sim.TracedExchange{
			Outcome: sim.TraceExpired, Request: tracedTo(sim.TracedPacket{End: "expired", Where: "home-edge.r1", Took: milli}),
			Answer: &sim.TracedPacket{Packet: "icmp/time-exceeded", End: "delivered", Took: milli},
		}, "request expired at home-edge.r1; icmp/time-exceeded comes back after 2.0 ms"},
		{
			"silent",
			sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "expired", Where: "home-edge.r1"}), Unanswered: "home-edge.r1 sends none"},
			"no answer: request expired at home-edge.r1; home-edge.r1 sends none",
		},
		{
			"refused by the host",
			sim.TracedExchange{Outcome: sim.TraceRefused, Request: tracedTo(sim.TracedPacket{End: "delivered", Refused: true, Cause: "dmz-1 down (service)"}), Answer: reply},
			"refused by dmz-1 after 20.0 ms (dmz-1 down (service))",
		},
		{
			"rejected",
			sim.TracedExchange{
				Outcome: sim.TraceRefused, Request: with(at("refused"), func(p *sim.TracedPacket) { p.Decided, p.Rule = sim.DecidedByRule, "no-ping" }),
				Answer: &sim.TracedPacket{Packet: "icmp/unreachable", Code: 13, End: "delivered", Took: milli},
			},
			"request rejected by edge: rule no-ping (acme.toml:7); icmp/unreachable comes back after 1.0 ms",
		},
		{"unresolved", sim.TracedExchange{Outcome: sim.TraceUnsent, Name: &sim.TracedName{View: "public"}}, "not sent: dmz-1 does not resolve at home (view public)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := textOf(t, madeUpTrace(tt.x), Options{Width: 300})
			if !strings.Contains(got, "\necho  "+tt.want+"\n") {
				t.Errorf("the verdict is not %q:\n%s", tt.want, got)
			}
		})
	}
}

// What the name of the target is where the sender is comes before the way.
func TestTraceNames(t *testing.T) {
	for _, tt := range []struct {
		name sim.TracedName
		want string
	}{
		{sim.TracedName{View: "public", Address: "203.0.113.10", Owner: "dmz-1"}, "dmz-1 is 203.0.113.10 at home (view public)."},
		{sim.TracedName{View: "inner", Address: "10.0.0.5"}, "dmz-1 is 10.0.0.5 at home (view inner), which is nobody's of this scenario there."},
		{sim.TracedName{View: "public", Address: "203.0.113.1", Translator: "fw"}, "dmz-1 is 203.0.113.1 at home (view public), which belongs to fw."},
		{sim.TracedName{Address: "10.0.0.5", Unreached: "dmz-2"}, "dmz-1 is 10.0.0.5 at home, which is dmz-2's, but no way leads there."},
		{sim.TracedName{Address: "10.0.0.5", Owner: "dmz-2"}, "dmz-1 is 10.0.0.5 at home, which is dmz-2 there."},
		{sim.TracedName{View: "inner", Owner: "dmz-1"}, "dmz-1 is dmz-1 at home (view inner)."},
	} {
		x := sim.TracedExchange{Outcome: sim.TraceNothing, Name: &tt.name, Request: tracedTo(sim.TracedPacket{End: "no_route", Where: "home"})}
		if got := textOf(t, madeUpTrace(x), Options{}); !strings.Contains(got, "\n"+tt.want+"\n") {
			t.Errorf("%q is not in:\n%s", tt.want, got)
		}
	}
}

// Every line stays on a narrow screen, and in ASCII if asked.
func TestTraceFitsTheScreen(t *testing.T) {
	p := tracedTo(sim.TracedPacket{End: "filtered", Where: "edge", Box: "edge", Decided: sim.DecidedByRule, Rule: "no-ping", Source: "acme.toml:7", Loss: 0.0199})
	p.Hops = append(p.Hops, sim.TracedHop{
		Number: 2, Name: "cgn", TTL: 62, Translated: "source home/17 becomes 198.51.100.7 …", Rule: "no-ping", Source: "acme.toml:7",
		Limit: "5/s burst 5 per source", Table: "300 mappings", Note: "dropped: rule",
	})
	got := textOf(t, madeUpTrace(sim.TracedExchange{Outcome: sim.TraceNothing, Request: p}), Options{Width: 60, ASCII: true})
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 60 {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			t.Errorf("not ASCII: %s", line)
		}
	}
	flat := strings.Join(strings.Fields(got), " ")
	for _, want := range []string{"source home/17 becomes", "dropped by no-ping", "limit 5/s burst 5 per source", "room for 300 mappings taken as not full", "chance of loss 1.99% until then"} {
		if !strings.Contains(flat, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

// The JSON has everything that the trace has.
func TestTraceJSON(t *testing.T) {
	want := madeUpTrace(sim.TracedExchange{Outcome: sim.TraceNothing, Request: tracedTo(sim.TracedPacket{End: "no_route", Where: "home"})})
	var b bytes.Buffer
	if err := TraceJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	got := &sim.PacketTrace{}
	if err := json.Unmarshal(b.Bytes(), got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON and back (-want +got):\n%s", diff)
	}
}
