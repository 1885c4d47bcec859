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
	e, _ := b.st.ErrorAbout(p, r, r.At, 0)
	b.wantEnd(b.walk(e).End, Delivered, "error about the request")
	reply := b.net.Reply(p, TCP, 6, 0) // expires between edge and home
	e, _ = b.errorOf(reply, b.walk(reply))
	b.wantEnd(b.walk(e).End, Delivered, "error about a reply")
	b.at = b.at.Add(ICMPTimeout + time.Second)
	b.wantEnd(b.walk(b.net.Reply(p, TCP, DefaultTTL, 0)).End, Delivered, "reply after the time-out of ICMP")
}

func TestForgettingKeepsWhatIsLive(t *testing.T) {
	var f flowTable
	key := func(flow uint64) flowKey { return flowKey{box: edge, flow: flow} }
	for flow := range uint64(10 * minSweep) {
		at := vtime.Instant(flow) * vtime.Instant(time.Second)
		f.keep(key(flow), UDPTimeout, at, at)
	}
	if n := len(f.until); n > 2*minSweep {
		t.Errorf("%d entries kept, of which 30 are live", n)
	}
	const last = 10*minSweep - 1
	now := vtime.Instant(last) * vtime.Instant(time.Second)
	for flow, want := range map[uint64]bool{last: true, last - 29: true, last - 30: false, 0: false} {
		if got := f.live(key(flow), now); got != want {
			t.Errorf("flow %d of %d: live %v, want %v", flow, last, got, want)
		}
	}
	if f.forget(now); len(f.until) != 30 {
		t.Errorf("%d entries after forgetting the expired ones, want 30", len(f.until))
	}
	if f.live(flowKey{box: inner, flow: last}, now) {
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

// Rules by zone: the sides that a packet comes from and leaves by.
func TestRulesMatchSides(t *testing.T) {
	for _, tc := range []struct {
		name        string
		from, to    uint8
		there, back End
	}{
		{"any", 0, 0, Delivered, Delivered},
		{"inward", 1 << 0, 0, Delivered, Filtered},
		{"to the inside", 0, 1 << 1, Delivered, Filtered},
		{"outward", 1 << 1, 1 << 0, Filtered, NumEnds},
		{"either", 1<<0 | 1<<1, 1<<0 | 1<<1, Delivered, Delivered},
		{"other sides", 1 << 2, 0, Filtered, NumEnds},
	} {
		s := company()
		s.guard(edge, Stateless, Rule{FromSides: tc.from, ToSides: tc.to})
		b := newBench(t, s)
		there, back := b.exchange(dmz1, TCP)
		b.wantEnd(there, tc.there, tc.name)
		b.wantEnd(back, tc.back, tc.name+", reply")
	}
}

// Rules by address: a client has all addresses of its network, a host its own.
func TestRulesMatchPrefixes(t *testing.T) {
	s := company()
	s.Networks[home].Prefixes = prefixesOf("192.168.0.0/24", "192.168.1.0/24", "2001:db8:1::/48")
	s.Networks[dmz].Prefixes = prefixesOf("10.1.0.0/16", "2001:db8:2::/48")
	s.Hosts[dmz1].Addrs = addrs("10.1.0.9", "2001:db8:2::9")
	for _, tc := range []struct {
		name     string
		from, to string
		v4, v6   End
	}{
		{"both prefixes of a network", "192.168.0.0/23", "", Delivered, Filtered},
		{"one of them", "192.168.1.0/24", "", Filtered, Filtered},
		{"more than a network", "2000::/3", "", Filtered, Delivered},
		{"a host", "", "10.1.0.9/32", Delivered, Filtered},
		{"another", "", "10.1.0.8/32", Filtered, Filtered},
		{"a host of IPv6", "", "2001:db8:2::9/128", Filtered, Delivered},
		{"both ends", "192.168.0.0/16", "10.1.0.0/16", Delivered, Filtered},
		{"other end", "10.0.0.0/8", "", Filtered, Filtered},
	} {
		s.guard(edge, Stateless, Rule{From: matchOf(tc.from), To: matchOf(tc.to)})
		for v6, want := range map[bool]End{false: tc.v4, true: tc.v6} {
			n, err := Compile(s)
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, net: n, st: n.NewState()}
			p, _ := b.st.Request(Attachment{Network: home}, 1, dmz1, TCP, MaxTTL, 1)
			if v6 {
				p.V6, p.Dst.Addr = true, n.idOf(s.Hosts[dmz1].Addrs[1])
			}
			b.wantEnd(b.walk(p).End, want, tc.name)
		}
	}
}

func matchOf(prefix string) Match {
	if prefix == "" {
		return Match{}
	}
	return Match{Prefixes: prefixesOf(prefix)}
}

// Rules of one family leave the other to the next rule; of ICMP they tell icmp
// from icmpv6.
func TestRulesMatchFamilies(t *testing.T) {
	s := company()
	s.guard(edge, Stateless, Rule{Kinds: []Kind{EchoRequest}, Families: IPv6}, Rule{Kinds: []Kind{TCP}, Families: IPv4}, Rule{Kinds: []Kind{UDP}, Families: IPv4 | IPv6})
	b := newBench(t, s)
	for _, tc := range []struct {
		k      Kind
		v4, v6 End
	}{{EchoRequest, Filtered, Delivered}, {TCP, Delivered, Filtered}, {UDP, Delivered, Delivered}} {
		p := b.request(Attachment{Network: home}, dmz1, tc.k, MaxTTL)
		b.wantEnd(b.walk(p).End, tc.v4, tc.k.String()+" of IPv4")
		p.V6 = true
		b.wantEnd(b.walk(p).End, tc.v6, tc.k.String()+" of IPv6")
	}
}

// What is let pass untracked has no flow: its replies need a rule, and errors
// about it are not related.
func TestUntracked(t *testing.T) {
	for _, untracked := range []bool{false, true} {
		s := company()
		s.guard(edge, Stateful, Rule{To: Match{Networks: []NetworkID{dmz, core}}, Untracked: untracked}).RelatedErrors = true
		b := newBench(t, s)
		want := Delivered
		if untracked {
			want = Filtered
		}
		there, back := b.exchange(dmz1, TCP)
		b.wantEnd(there, Delivered, "request")
		b.wantEnd(back, want, "reply")
		_, r, _ := b.errorAbout(root, TCP, homeToDMZ)
		b.wantEnd(r.End, want, "error")
	}
}

// A table of flows that is full begins no other until one expires; flows that
// are in it go on.
func TestTableOfFlows(t *testing.T) {
	s := company()
	box := s.guard(edge, Stateful, accepting(TCP, UDP))
	box.Flows, box.Lifetimes = 2, Lifetimes{UDP: time.Second}
	b := newBench(t, s)
	send := func(p Packet, at time.Duration) Result { return b.net.Walk(b.st, p, vtime.Instant(at)) }
	a := Attachment{Network: home}
	first, second, third := b.request(a, dmz1, UDP, MaxTTL), b.request(a, dmz1, UDP, MaxTTL), b.request(a, dmz1, UDP, MaxTTL)
	b.wantEnd(send(first, 0).End, Delivered, "first")
	b.wantEnd(send(second, 10*ms).End, Delivered, "second")
	if r := send(third, 20*ms); r.End != TableFull || r.Box != edge || r.Rule != -1 {
		t.Errorf("third: %+v", r)
	}
	b.wantEnd(send(first, 30*ms).End, Delivered, "first again")
	b.wantEnd(send(b.net.Reply(third, UDP, DefaultTTL, 0), 40*ms).End, Delivered, "a reply, by a rule")
	b.wantEnd(send(third, 1010*ms-1).End, TableFull, "the second is about to expire")
	b.wantEnd(send(third, 1010*ms).End, Delivered, "the second has expired")
	b.wantEnd(send(second, 1020*ms).End, TableFull, "and has no place any more")
	if f := b.st.Fate(a, dmz1, UDP); !f.Coupled || f.Forward != Delivered {
		t.Errorf("Fate = %+v", *f)
	}
}
