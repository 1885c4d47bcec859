package topology

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// RFC 1812 section 5.3.1 and 4.2.2.9: a router must check the TTL before it
// forwards and must not check it of what is addressed to itself; RFC 1122
// section 3.2.1.7: nor must a host discard what arrives with a TTL of 1.
func TestTTL(t *testing.T) {
	for _, tc := range []struct {
		name string
		host HostID
		ttl  uint8
		end  End
		hops int
	}{
		{"as many as routers: expires at the last", dmz1, homeToDMZ, Expired, homeToDMZ - 1},
		{"one more: delivered with 1", dmz1, homeToDMZ + 1, Delivered, homeToDMZ},
		{"1: expires at the first", dmz1, 1, Expired, 0},
		{"0 is never sent and counts as 1", dmz1, 0, Expired, 0},
		{"expires at a firewall, which is a router", dmz1, 6, Expired, 5},
		{"a routed box is no router", paris1, homeToParis, Expired, homeToParis - 1},
		{"a routed box is no router, one more", paris1, homeToParis + 1, Delivered, homeToParis},
		{"any number of routers", paris1, 255, Delivered, homeToParis},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, r := newBench(t, company()).send(tc.host, EchoRequest, tc.ttl)
			if r.End != tc.end || r.Hops != tc.hops {
				t.Errorf("TTL %d ends %v after %d routers, want %v after %d", tc.ttl, r.End, r.Hops, tc.end, tc.hops)
			}
		})
	}
}

// RFC 1122 section 3.2.1.7: without a router between them, a TTL of 1 is
// enough.
func TestTTLNeverExpiresAtTheDestination(t *testing.T) {
	b := newBench(t, company())
	r := b.walk(b.request(Attachment{Network: dmz}, dmz1, EchoRequest, 1))
	b.wantEnd(r.End, Delivered, "TTL 1 inside a network without routers")
}

// RFC 792, echo reply: a datagram of its own with a TTL of its own.
func TestEchoReplyHasItsOwnTTL(t *testing.T) {
	b := newBench(t, company())
	p, r := b.send(dmz1, EchoRequest, homeToDMZ+1)
	b.wantEnd(r.End, Delivered, "request")
	for ttl, want := range map[uint8]End{DefaultTTL: Delivered, homeToDMZ + 1: Delivered, homeToDMZ: Expired} {
		reply := b.net.Reply(p, EchoReply, ttl, 0)
		if !reply.Back || reply.Flow != p.Flow || reply.Src != p.Dst || reply.Dst != p.Src {
			t.Errorf("Reply(%+v) = %+v", p, reply)
		}
		b.wantEnd(b.walk(reply).End, want, "reply")
	}
	p, _ = b.send(dmz1, TCP, MaxTTL)
	if k := b.net.Reply(p, p.Kind.Answer(), DefaultTTL, 0).Kind; k != TCP {
		t.Errorf("a %v is answered by %v", p.Kind, k)
	}
}

// A case for each way to end; the list of ends is closed. Only what expired or
// was refused is told to the sender, unless a network TellsAbsent (RFC 792, RFC
// 1812 section 5.2.7.1). Unresolved is the end of what is never sent.
func TestEveryEndOccurs(t *testing.T) {
	limited := accepting(TCP)
	limited.Limit = &Limit{PerSecond: 1, Burst: 1}
	cases := [NumEnds]func(*Spec) HostID{
		Delivered: func(*Spec) HostID { return dmz1 },
		Expired:   func(s *Spec) HostID { s.Networks[home].Access[0] = 255; return dmz1 },
		Filtered:  func(s *Spec) HostID { s.guard(edge, Stateful); return dmz1 },
		Refused:   func(s *Spec) HostID { s.guard(edge, Stateful).Otherwise = Reject; return dmz1 },
		OverLimit: func(s *Spec) HostID { s.guard(edge, Stateful, limited); return dmz1 },
		Lost:      func(s *Spec) HostID { s.Legs[edgeDMZ].Loss = rng.Always; return dmz1 },
		Cut:       func(*Spec) HostID { return dmz1 },
		NoRoute:   func(*Spec) HostID { return island1 },
		NoHost:    func(*Spec) HostID { return dmz1 },
		NoMapping: func(s *Spec) HostID {
			s.guard(edge, Stateful, accepting()).NAT = &NATSpec{Outside: 0, Pool: addrs("192.0.2.1")}
			s.Hosts[dmz1].ListedAs = addr("192.0.2.1")
			return dmz1
		},
		TableFull: func(s *Spec) HostID { s.guard(edge, Stateful, accepting()).Flows = 1; return dmz1 },
		Unresolved: func(s *Spec) HostID {
			s.Views = []ViewSpec{{Name: "v", Closed: true}}
			s.Networks[home].HasView = true
			return dmz1
		},
	}
	for end, change := range cases {
		t.Run(End(end).String(), func(t *testing.T) {
			s := company()
			h := change(s)
			b := newBench(t, s)
			b.st.SetLeg(edgeDMZ, End(end) != Cut)
			b.st.SetHost(h, End(end) != NoHost)
			p, ok := b.st.Request(Attachment{Network: home}, 1, h, TCP, MaxTTL, 7)
			if End(end) == Unresolved {
				if f := b.st.Fate(Attachment{Network: home}, h, TCP); ok || f.Forward != Unresolved {
					t.Errorf("made %+v, %v, with the fate %+v", p, ok, *f)
				}
				return
			}
			first := p
			first.Flow++
			if End(end) == OverLimit || End(end) == TableFull {
				b.walk(first)
			}
			b.at = 0
			r := b.walk(p)
			b.wantEnd(r.End, End(end), "walk")
			_, told := b.errorOf(p, r)
			if want := r.End == Expired || r.End == Refused; told != want {
				t.Errorf("%v is told: %v, want %v", r.End, told, want)
			}
			f := b.st.Fate(Attachment{Network: home}, h, TCP)
			if coupled := r.End == OverLimit || r.End == TableFull; f.Coupled != coupled || !coupled && r.End != Lost && f.Forward != r.End {
				t.Errorf("Fate = %+v", *f)
			}
		})
	}
}

// The TTL check comes before the firewall's judgement of the same box; a box
// further than the TTL reaches filters nothing, one that comes first does.
func TestExpiryAndFilterInTheirOrder(t *testing.T) {
	s := company()
	s.guard(edge, Stateless)
	b := newBench(t, s)
	const atEdge = 2 + 3 + 1
	for ttl, want := range map[uint8]End{atEdge - 1: Expired, atEdge: Expired, atEdge + 1: Filtered, 255: Filtered} {
		_, r := b.send(dmz1, EchoRequest, ttl)
		b.wantEnd(r.End, want, "walk")
		if r.End == Filtered && (r.Hops != atEdge || r.Box != edge || r.Rule != -1) {
			t.Errorf("TTL %d: filtered after %d routers by box %d rule %d, want %d by the default of edge", ttl, r.Hops, r.Box, r.Rule, atEdge)
		}
	}
	f := b.st.Fate(Attachment{Network: home}, dmz1, EchoRequest)
	if f.FilterHops != atEdge || f.Hops != homeToDMZ || !f.Expires(atEdge) || f.Expires(atEdge+1) {
		t.Errorf("Fate = %+v, want filtered after %d of %d routers", *f, atEdge, homeToDMZ)
	}
}

func TestAccessVariantsAndHops(t *testing.T) {
	b := newBench(t, company())
	for _, tc := range []struct {
		a    Attachment
		host HostID
		want int
		ok   bool
	}{
		{Attachment{Network: home, Access: 0}, dmz1, homeToDMZ, true},
		{Attachment{Network: home, Access: 1}, dmz1, homeToDMZ + 3, true},
		{Attachment{Network: home, Access: 0}, root, homeToCore, true},
		{Attachment{Network: home, Access: 0}, paris1, homeToParis, true},
		{Attachment{Network: paris, Access: 0}, paris1, 1, true},
		{Attachment{Network: lyon, Access: 0}, paris1, 3, true}, // site to site, one side of the wan
		{Attachment{Network: core, Access: 0}, root, 0, true},
		{Attachment{Network: home, Access: 0}, island1, 0, false},
	} {
		got, ok := b.net.Hops(tc.a, tc.host)
		if got != tc.want || ok != tc.ok {
			t.Errorf("Hops(%v, %s) = %d, %v, want %d, %v", tc.a, b.net.HostName(tc.host), got, ok, tc.want, tc.ok)
		}
	}
}

// A firewall connects opposite sides only: two networks on one side of it have
// no path over it, two legs of a Routed box do.
func TestFirewallsConnectOppositeSidesOnly(t *testing.T) {
	for kind, want := range map[BoxKind]bool{Routed: true, Stateful: false, Stateless: false} {
		s := company()
		s.Boxes[wan].Kind = kind
		b := newBench(t, s)
		// Over a firewall the sites still meet at the core, crossing it twice.
		steps, _ := b.net.way(nil, lyon, paris, 0, false)
		if direct := len(steps) == 1; direct != want {
			t.Errorf("box of kind %d: lyon to paris in %d steps", kind, len(steps))
		}
		s.Legs[coreWAN].Side = 0
		if n, err := Compile(s); err != nil || n.Reachable(lyon, paris) != want {
			t.Errorf("box of kind %d with all legs on one side: Reachable = %v, want %v (%v)", kind, !want, want, err)
		}
	}
}

// The delay of a leg is spread over its links in whole nanoseconds and adds up
// to the whole, both ways.
func TestDelaysAddUp(t *testing.T) {
	b := newBench(t, company())
	var way time.Duration
	for _, l := range []LegID{homeEdge, edgeDMZ, dmzInner, innerCore, coreWAN, wanParis} {
		way += company().Legs[l].Delay
	}
	b.at = vtime.Instant(time.Hour)
	start := b.at
	p, r := b.send(paris1, TCP, MaxTTL)
	if got := r.At.Sub(start); got != way {
		t.Errorf("there: %v, want %v", got, way)
	}
	start = b.at
	if got := b.walk(b.net.Reply(p, TCP, DefaultTTL, 0)).At.Sub(start); got != way {
		t.Errorf("back: %v, want %v", got, way)
	}
	inside := b.request(Attachment{Network: paris}, paris1, TCP, MaxTTL)
	start = b.at
	if got := b.walk(inside).At.Sub(start); got != 3*ms {
		t.Errorf("inside: %v, want %v", got, 3*ms)
	}
	// 10 ms and 3 ns over 4 links: the remainder is on the link at home.
	_, hops := b.net.Trace(b.st, p, 0)
	want := []vtime.Instant{0, 0, 2500003, 5000003, 7500003, 10000003}
	for i, at := range want {
		if hops[i].At != at {
			t.Errorf("%s at %d ns, want %d", hops[i].Name, hops[i].At, at)
		}
	}
}

// Routers inside a network are counted from the client or, between two of a
// kind, from the same end in both directions.
func TestWaysInsideANetwork(t *testing.T) {
	s := company()
	s.Networks[dmz].InsideRouters, s.Networks[dmz].InsideDelay = 2, 8 // 4 + 2 + 2 ns from the near end
	s.Hosts[dmz1].Name, s.Hosts[root].Network = "relay", dmz
	s.Hosts[paris1].Name, s.Hosts[paris1].Network = "hub", dmz
	b := newBench(t, s)
	at := Attachment{Network: dmz}
	for _, tc := range []struct {
		name     string
		src, dst Endpoint
		outward  bool
	}{
		{"client to host", b.net.Client(at, 9), b.net.Host(dmz1), true},
		{"host to client", b.net.Host(dmz1), b.net.Client(at, 9), false},
		{"hub to relay", b.net.Host(paris1), b.net.Host(dmz1), true},
		{"relay to hub", b.net.Host(dmz1), b.net.Host(paris1), false},
		{"client to client", b.net.Client(at, 1), b.net.Client(at, 2), true},
		{"client to client, back", b.net.Client(at, 2), b.net.Client(at, 1), false},
	} {
		_, hops := b.net.Trace(b.st, Packet{Src: tc.src, Dst: tc.dst, TTL: 9}, 0)
		name, at := "dmz.lan1", vtime.Instant(4)
		if !tc.outward {
			name, at = "dmz.lan2", 2
		}
		if hops[0].Name != name || hops[0].At != at || hops[2].At != 8 {
			t.Errorf("%s: %+v, want %s first, at %d", tc.name, hops, name, at)
		}
	}
}

func TestLossKeepsTheOrderOfTheWay(t *testing.T) {
	half := rng.ChanceOf(0.5)
	s := company()
	s.Legs[homeEdge].Loss, s.Legs[edgeDMZ].Loss = half, half
	b := newBench(t, s)
	f := b.st.Fate(Attachment{Network: home}, dmz1, TCP)
	if want := half.Or(half); f.LossForward != want || f.LossBack != want {
		t.Errorf("Fate: loss %v and %v, want %v", f.LossForward.Float(), f.LossBack.Float(), want.Float())
	}
	first, second, never := lostAt(t, 0, half), lostAt(t, half, f.LossForward), lostAt(t, f.LossForward, rng.Always)
	for _, tc := range []struct {
		name   string
		key    rng.Key
		filter bool
		end    End
		after  time.Duration
	}{
		{"lost on the first leg, at the link at home", first, false, Lost, 2500003},
		{"lost on the second leg, at the link at the dmz", second, false, Lost, 12*ms + 3},
		{"not lost", never, false, Delivered, 12*ms + 3},
		{"lost before the firewall that would filter it", first, true, Lost, 2500003},
		{"filtered before the leg on which it would be lost", second, true, Filtered, 10*ms + 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.Boxes[edge].Otherwise = Accept
			if tc.filter {
				s.guard(edge, Stateless)
			}
			b := newBench(t, s)
			p := b.request(Attachment{Network: home}, dmz1, TCP, MaxTTL)
			p.Key = tc.key
			if r := b.walk(p); r.End != tc.end || r.At.Sub(0) != tc.after {
				t.Errorf("%v after %v, want %v after %v", r.End, r.At.Sub(0), tc.end, tc.after)
			}
		})
	}
}

// Chances of loss that are next to certain add up to certainty.
func TestHighLossesAddUp(t *testing.T) {
	s := company()
	for i := range s.Legs {
		s.Legs[i].Loss = rng.ChanceOf(0.99999)
	}
	f := newBench(t, s).st.Fate(Attachment{Network: home}, paris1, TCP)
	if f.LossForward != rng.Always || f.LossBack != rng.Always {
		t.Errorf("loss %v and %v, want %v", f.LossForward.Float(), f.LossBack.Float(), rng.Always.Float())
	}
}

func TestCutLegs(t *testing.T) {
	b := newBench(t, company())
	at := Attachment{Network: home}
	before := b.st.Fate(at, dmz1, TCP)
	b.st.SetLeg(edgeDMZ, false)
	_, r := b.send(dmz1, TCP, MaxTTL)
	if r.End != Cut || r.Hops != 6 || r.Box != NoBox {
		t.Errorf("over a cut leg: %+v", r)
	}
	_, r = b.send(dmz1, TCP, 6)
	b.wantEnd(r.End, Expired, "expires before the cut")
	if f := b.st.Fate(at, dmz1, TCP); f.Forward != Cut || before.Forward != Delivered {
		t.Errorf("Fate: %v before, %v after the cut", before.Forward, f.Forward)
	}
	b.st.SetLeg(edgeDMZ, true)
	b.wantEnd(b.st.Fate(at, dmz1, TCP).Forward, Delivered, "mended")
	// An error that is made on a leg does not leave it once it is cut.
	p, r := b.send(dmz1, TCP, 3)
	e, _ := b.st.ErrorAbout(p, r, r.At, 0)
	b.st.SetLeg(homeEdge, false)
	b.wantEnd(b.walk(e).End, Cut, "error from a router on a cut leg")
}

func TestNoRouteEndsBehindTheAccessRouters(t *testing.T) {
	b := newBench(t, company())
	_, r := b.send(island1, TCP, MaxTTL)
	if r.End != NoRoute || r.Hops != 2 {
		t.Errorf("no route: %+v", r)
	}
	_, r = b.send(island1, TCP, 2)
	b.wantEnd(r.End, Expired, "TTL 2")
	f := b.st.Fate(Attachment{Network: home}, island1, TCP)
	if f.Forward != NoRoute || f.Hops != 2 || f.FilterHops != 2 {
		t.Errorf("Fate = %+v", *f)
	}
}

func TestTraceTellsEveryElement(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, accepting(TCP)).Rules[0].Source = "a.toml:7"
	b := newBench(t, s)
	p := b.request(Attachment{Network: home}, root, TCP, 11)
	r, hops := b.net.Trace(b.st, p, 0)
	var got []string
	for i, h := range hops {
		got = append(got, h.Name+" "+h.Rule+" "+h.Note)
		if h.Rule != "" && h.Source != "a.toml:7" {
			t.Errorf("%s: source of the rule %q", h.Name, h.Source)
		}
		if want := max(11-i-1, 2); int(h.TTL) != want {
			t.Errorf("%s: TTL %d, want %d", h.Name, h.TTL, want)
		}
	}
	want := []string{
		"home.a1  forwarded", "home.a2  forwarded",
		"home-edge.r1  forwarded", "home-edge.r2  forwarded", "home-edge.r3  forwarded",
		"edge open accepted: rule",
		"edge-dmz.r1  forwarded",
		"inner  accepted: default",
		"inner-core.r1  forwarded",
		"root  delivered",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("trace (-want +got):\n%s", d)
	}
	if r.End != Delivered || r.At != hops[len(hops)-1].At {
		t.Errorf("result %+v disagrees with the last of %+v", r, hops)
	}
}

func TestTraceTellsWhereItEnded(t *testing.T) {
	limited := accepting(UDP)
	limited.Limit = &Limit{PerSecond: 1, Burst: 1}
	s := company()
	s.guard(edge, Stateful, accepting(TCP, EchoRequest), limited)
	s.guard(inner, Stateful, Rule{Name: "no", Kinds: []Kind{TCP}, Verdict: Reject})
	s.Boxes[wan].Drops = []Kind{UDP}
	s.Legs[homeEdge].Loss = rng.ChanceOf(0.01)
	b := newBench(t, s)
	b.st.SetLeg(wanLyon, false)
	lost, kept := lostAt(t, 0, s.Legs[homeEdge].Loss), lostAt(t, s.Legs[homeEdge].Loss, rng.Always)
	at := Attachment{Network: home}
	for _, tc := range []struct {
		name string
		p    Packet
		key  rng.Key
		want Hop
	}{
		{"expired", b.request(at, dmz1, EchoRequest, 1), kept, Hop{Name: "home.a1", Note: "TTL exceeded"}},
		{"expired at a box", b.request(at, dmz1, EchoRequest, 6), kept, Hop{Name: "edge", Note: "TTL exceeded"}},
		{"lost", b.request(at, dmz1, EchoRequest, 20), lost, Hop{Name: "home-edge", TTL: 18, Note: "lost"}},
		{"rejected", b.request(at, root, TCP, 20), kept, Hop{Name: "inner", TTL: 12, Rule: "no", Note: "rejected: rule"}},
		{"default", b.request(at, root, EchoRequest, 20), kept, Hop{Name: "inner", TTL: 12, Note: "dropped: default"}},
		{"within limit", b.request(at, dmz1, UDP, 20), kept, Hop{Name: "dmz-1", TTL: 13, Note: "delivered"}},
		{"over limit", b.request(at, dmz1, UDP, 20), kept, Hop{Name: "edge", TTL: 14, Note: "dropped: default, over limit"}},
		{"router drops", b.request(Attachment{Network: core}, paris1, UDP, 20), kept, Hop{Name: "core-wan.r1", TTL: 19, Note: "dropped: router drops this kind"}},
		{"cut", b.request(Attachment{Network: lyon}, paris1, TCP, 20), kept, Hop{Name: "lyon-wan", TTL: 20, Note: "link down"}},
		{"no route", b.request(at, island1, TCP, 20), kept, Hop{Name: "home", TTL: 18, Note: "no route"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.p.Key = tc.key
			_, hops := b.net.Trace(b.st, tc.p, 0)
			got := hops[len(hops)-1]
			got.At = 0
			tc.want.From, tc.want.To = b.net.Seen(&tc.p.Src), b.net.Seen(&tc.p.Dst)
			if got != tc.want {
				t.Errorf("last hop %+v, want %+v", got, tc.want)
			}
		})
	}
}
