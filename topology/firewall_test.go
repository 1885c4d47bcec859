package topology

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// A stateful firewall lets the replies of accepted flows back by itself; a
// stateless one needs a rule for each direction.
func TestRepliesThroughFirewalls(t *testing.T) {
	outward := Rule{Name: "out", From: Match{Networks: []NetworkID{dmz}}, Kinds: []Kind{TCP, EchoReply}}
	for _, tc := range []struct {
		name        string
		kind        BoxKind
		rules       []Rule
		k           Kind
		there, back End
	}{
		{"stateful, opened inward", Stateful, []Rule{accepting(TCP)}, TCP, Delivered, Delivered},
		{"stateful, echo opened inward", Stateful, []Rule{accepting(EchoRequest)}, EchoRequest, Delivered, Delivered},
		{"stateful, other service", Stateful, []Rule{accepting(TCP)}, EchoRequest, Filtered, NumEnds},
		{"stateful, accepted by default", Stateful, nil, UDP, Delivered, Delivered},
		{"stateless, opened inward only", Stateless, []Rule{{To: Match{Networks: []NetworkID{dmz}}}}, TCP, Delivered, Filtered},
		{"stateless, echo opened inward only", Stateless, []Rule{accepting(EchoRequest)}, EchoRequest, Delivered, Filtered},
		{"stateless, both directions", Stateless, []Rule{{To: Match{Networks: []NetworkID{dmz}}}, outward}, EchoRequest, Delivered, Delivered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			box := s.guard(edge, tc.kind, tc.rules...)
			if len(tc.rules) == 0 {
				box.Otherwise = Accept
			}
			b := newBench(t, s)
			there, back := b.exchange(dmz1, tc.k)
			if there != tc.there || back != tc.back {
				t.Errorf("%v, then %v; want %v, then %v", there, back, tc.there, tc.back)
			}
		})
	}
}

// Replies need the entry of their own flow in that box; requests in the flow's
// own direction are judged by the rules each time.
func TestEntriesBelongToFlowAndBox(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, accepting(TCP))
	b := newBench(t, s)
	p, _ := b.send(dmz1, TCP, MaxTTL)
	other := p
	other.Flow++
	b.wantEnd(b.walk(b.net.Reply(other, TCP, DefaultTTL, 0)).End, Delivered, "reply accepted by a rule for both directions")

	s.guard(edge, Stateful, Rule{To: Match{Networks: []NetworkID{dmz}}, Kinds: []Kind{TCP}})
	b = newBench(t, s)
	p, _ = b.send(dmz1, TCP, MaxTTL)
	other = p
	other.Flow++
	b.wantEnd(b.walk(b.net.Reply(p, TCP, DefaultTTL, 0)).End, Delivered, "reply of the flow")
	b.wantEnd(b.walk(b.net.Reply(other, TCP, DefaultTTL, 0)).End, Filtered, "reply of another flow")
	p.Kind = UDP
	b.wantEnd(b.walk(p).End, Filtered, "another request of the flow")
	early, _ := b.send(dmz1, TCP, 3)
	b.wantEnd(b.walk(b.net.Reply(early, TCP, DefaultTTL, 0)).End, Filtered, "reply to what expired before the box")
}

// RFC 5382 REQ-5 (TCP, 2 h 4 min); Linux's defaults for UDP and ICMP.
func TestFlowTimeouts(t *testing.T) {
	for _, tc := range []struct {
		k    Kind
		want time.Duration
	}{{TCP, 7440 * time.Second}, {UDP, 30 * time.Second}, {EchoRequest, 30 * time.Second}} {
		for _, early := range []bool{true, false} {
			s := company()
			s.guard(edge, Stateful, Rule{To: Match{Roles: Relay}})
			b := newBench(t, s)
			p, r := b.send(dmz1, tc.k, MaxTTL)
			atEdge := r.At.Add(-2 * ms)
			b.at = atEdge.Add(tc.want - 2*ms - 1) // so that the reply is at the box just in time
			want := Delivered
			if !early {
				b.at, want = b.at.Add(1), Filtered
			}
			reply := b.net.Reply(p, tc.k.Answer(), DefaultTTL, 0)
			b.wantEnd(b.walk(reply).End, want, tc.k.String())
			// A reply that passed refreshed the entry.
			b.at = b.at.Add(tc.want / 2)
			b.wantEnd(b.walk(reply).End, want, tc.k.String()+" refreshed")
		}
	}
}

// What rules let back begins no flow: it is judged again the next time.
func TestRepliesBeginNoFlow(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, limited(Limit{PerSecond: 1e-3, Burst: 1}, TCP))
	b := newBench(t, s)
	reply := b.net.Reply(b.request(Attachment{Network: home}, dmz1, TCP, MaxTTL), TCP, DefaultTTL, 0)
	b.wantEnd(b.walk(reply).End, Delivered, "reply within the limit")
	b.wantEnd(b.walk(reply).End, OverLimit, "the next one")
}

// Nor does an error that rules let pass, and it leaves the entry of the flow
// that it is about as it was.
func TestErrorsChangeNoEntry(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, Rule{Kinds: []Kind{TimeExceeded}}, Rule{To: Match{Roles: Relay | Root}})
	b := newBench(t, s)
	p, r := b.send(root, TCP, homeToDMZ)
	e, _ := b.net.ErrorAbout(p, r, 0)
	b.wantEnd(b.walk(e).End, Delivered, "error about the request")
	reply := b.net.Reply(p, TCP, 6, 0) // expires between edge and home
	e, _ = b.net.ErrorAbout(reply, b.walk(reply), 0)
	b.wantEnd(b.walk(e).End, Delivered, "error about a reply")
	b.at = b.at.Add(ICMPTimeout + time.Second)
	b.wantEnd(b.walk(b.net.Reply(p, TCP, DefaultTTL, 0)).End, Delivered, "reply after the time-out of ICMP")
}

func TestForgettingKeepsWhatIsLive(t *testing.T) {
	var f flowTable
	for flow := range uint64(10 * minSweep) {
		f.keep(edge, flow, UDP, vtime.Instant(flow)*vtime.Instant(time.Second))
	}
	if n := len(f.until); n > 2*minSweep {
		t.Errorf("%d entries kept, of which 30 are live", n)
	}
	const last = 10*minSweep - 1
	now := vtime.Instant(last) * vtime.Instant(time.Second)
	for flow, want := range map[uint64]bool{last: true, last - 29: true, last - 30: false, 0: false} {
		if got := f.live(edge, flow, now); got != want {
			t.Errorf("flow %d of %d: live %v, want %v", flow, last, got, want)
		}
	}
	if f.forget(now); len(f.until) != 30 {
		t.Errorf("%d entries after forgetting the expired ones, want 30", len(f.until))
	}
	if f.live(inner, last, now) {
		t.Error("a flow is live in a box that never saw it")
	}
}

func TestRulesMatch(t *testing.T) {
	client, relay := Match{Roles: Client}, Match{Roles: Relay | Root}
	for _, tc := range []struct {
		name string
		rule Rule
		host HostID
		want End
	}{
		{"everything", Rule{}, dmz1, Delivered},
		{"roles", Rule{From: client, To: relay}, dmz1, Delivered},
		{"role of the source", Rule{From: relay}, dmz1, Filtered},
		{"role of the destination", Rule{To: client}, dmz1, Filtered},
		{"one of two roles", Rule{To: Match{Roles: Root | Relay}}, root, Delivered},
		{"one of two networks", Rule{From: Match{Networks: []NetworkID{paris, home}}}, dmz1, Delivered},
		{"network", Rule{From: Match{Networks: []NetworkID{paris}}}, dmz1, Filtered},
		{"host", Rule{To: Match{Hosts: []HostID{paris1, dmz1}}}, dmz1, Delivered},
		{"other host", Rule{To: Match{Hosts: []HostID{dmz1}}}, root, Filtered},
		{"no rule can name a client", Rule{From: Match{Hosts: []HostID{dmz1, root}}}, dmz1, Filtered},
		{"all fields", Rule{To: Match{Networks: []NetworkID{dmz}, Roles: Root}}, dmz1, Filtered},
		{"kinds", Rule{Kinds: []Kind{UDP, TCP}}, dmz1, Delivered},
		{"other kinds", Rule{Kinds: []Kind{UDP}}, dmz1, Filtered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			s.guard(edge, Stateless, tc.rule)
			_, r := newBench(t, s).send(tc.host, TCP, MaxTTL)
			b := newBench(t, s)
			b.wantEnd(r.End, tc.want, "walk")
		})
	}
}

func TestFirstMatchDecides(t *testing.T) {
	s := company()
	drop := Rule{Name: "drop", Source: "a.toml:3", Verdict: Drop, Kinds: []Kind{TCP}}
	s.guard(edge, Stateless, Rule{Name: "udp", Kinds: []Kind{UDP}}, drop, accepting(TCP, UDP))
	b := newBench(t, s)
	_, r := b.send(dmz1, TCP, MaxTTL)
	if r.End != Filtered || r.Box != edge || r.Rule != 1 {
		t.Errorf("%+v, want filtered by rule 1 of edge", r)
	}
	if name, source := b.net.RuleName(r.Box, r.Rule); name != "drop" || source != "a.toml:3" {
		t.Errorf("RuleName = %q, %q", name, source)
	}
	_, r = b.send(dmz1, UDP, MaxTTL)
	b.wantEnd(r.End, Delivered, "udp")
}

// Drops: neither forwarded nor sent, by a firewall or by each router on the
// legs of a Routed box.
func TestDrops(t *testing.T) {
	s := company()
	s.Boxes[inner].Drops = []Kind{UDP}
	s.Boxes[wan].Drops = []Kind{EchoRequest}
	b := newBench(t, s)
	_, r := b.send(root, UDP, MaxTTL)
	if r.End != Filtered || r.Box != inner || r.Rule != -1 || r.Hops != homeToDMZ+1 {
		t.Errorf("dropped by a firewall: %+v", r)
	}
	_, r = b.send(paris1, EchoRequest, MaxTTL)
	if r.End != Filtered || r.Box != wan || r.Rule != -1 || r.Hops != homeToCore+1 {
		t.Errorf("dropped by the first router of a wan: %+v", r)
	}
	_, r = b.send(paris1, EchoRequest, homeToCore+1)
	b.wantEnd(r.End, Expired, "TTL check precedes the drop")
	_, r = b.send(paris1, TCP, MaxTTL)
	b.wantEnd(r.End, Delivered, "other kinds")
}
