package topology

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// RFC 792, time exceeded; RFC 1812 section 5.3.1: from the router that
// discarded the packet, back to its source.
func TestTimeExceededComesFromTheRouterWhereItExpired(t *testing.T) {
	b := newBench(t, company())
	networks := []NetworkID{home, home, home, home, home, NoNetwork, dmz, NoNetwork, core, core, paris, paris}
	var sources []uint64
	for i, network := range networks {
		ttl := uint8(i + 1)
		sent := b.at
		p, r := b.send(paris1, EchoRequest, ttl)
		e, ok := b.st.ErrorAbout(p, r, r.At, 7)
		if !ok || e.Kind != TimeExceeded || e.Src.Role != Router || e.Src.Host != AnyHost || e.Src.At.Network != network ||
			e.Dst != p.Src || e.TTL != DefaultTTL || e.Flow != p.Flow || !e.Back || e.Key != 7 {
			t.Errorf("TTL %d: error %+v, %v; want one from network %d", ttl, e, ok, network)
		}
		start := b.at
		back := b.walk(e)
		if back.End != Delivered || back.Hops != i {
			t.Errorf("TTL %d: error %v over %d routers, want delivered over %d", ttl, back.End, back.Hops, i)
		}
		if there := r.At.Sub(sent); back.At.Sub(start) != there {
			t.Errorf("TTL %d: error took %v, the request %v", ttl, back.At.Sub(start), there)
		}
		for _, s := range sources {
			if s == e.Src.Source {
				t.Errorf("TTL %d: source %d is that of another router", ttl, s)
			}
		}
		sources = append(sources, e.Src.Source)
	}
}

// The same delay back as there, from each router, and about replies too.
func TestErrorsGoBackTheSameWay(t *testing.T) {
	b := newBench(t, company())
	for ttl := uint8(1); ttl <= homeToParis; ttl++ {
		b.at = 0
		p := b.request(Attachment{Network: home}, paris1, TCP, ttl)
		for _, p := range []Packet{p, b.net.Reply(p, TCP, ttl, 0)} {
			r := b.net.Walk(b.st, p, 0)
			e, _ := b.st.ErrorAbout(p, r, r.At, 0)
			_, hops := b.net.Trace(b.st, e, 0)
			_, there := b.net.Trace(b.st, p, 0)
			if got, want := hops[len(hops)-1].At, r.At; got != want || len(hops) != len(there) {
				t.Fatalf("TTL %d, back %v: error took %v over %d elements, the packet %v over %d", ttl, p.Back, got, len(hops), want, len(there))
			}
			for i := range len(hops) - 1 {
				if want := there[len(there)-2-i].Name; hops[i].Name != want {
					t.Errorf("TTL %d, back %v: element %d of the way back is %s, want %s", ttl, p.Back, i, hops[i].Name, want)
				}
			}
		}
	}
}

// RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7: no error about an error.
func TestNoErrorAboutAnError(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, accepting(EchoRequest), Rule{Kinds: []Kind{TimeExceeded}, Verdict: Reject})
	b := newBench(t, s)
	e, back, ok := b.errorAbout(root, EchoRequest, homeToDMZ+1)
	if !ok || back.End != Refused {
		t.Fatalf("error %v, want refused at edge", back.End)
	}
	if about, ok := b.st.ErrorAbout(e, back, back.At, 0); ok {
		t.Errorf("error about a refused error: %+v", about)
	}
	e.TTL = 1
	r := b.walk(e)
	if _, ok := b.st.ErrorAbout(e, r, r.At, 0); ok || r.End != Expired {
		t.Errorf("error about an error that %v", r.End)
	}
}

// RFC 792 leaves errors about an echo reply allowed.
func TestErrorAboutAReply(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, accepting(EchoRequest)).RelatedErrors = true
	b := newBench(t, s)
	p, _ := b.send(dmz1, EchoRequest, MaxTTL)
	reply := b.net.Reply(p, EchoReply, 4, 0)
	r := b.walk(reply)
	e, ok := b.st.ErrorAbout(reply, r, r.At, 0)
	if !ok || e.Back || e.Dst.Host != dmz1 || e.Src.At.Network != home {
		t.Fatalf("error about a reply with TTL 4: %+v, %v", e, ok)
	}
	b.wantEnd(b.walk(e).End, Delivered, "error related to an accepted flow")
}

// Errors related to an accepted flow pass a stateful firewall if it says so;
// otherwise the rules decide, as they do in a stateless one.
func TestRelatedErrors(t *testing.T) {
	expired := Rule{Name: "expired", From: Match{Networks: []NetworkID{dmz}}, Kinds: []Kind{TimeExceeded}}
	for _, tc := range []struct {
		name    string
		kind    BoxKind
		related bool
		rules   []Rule
		want    End
	}{
		{"stateful, passed", Stateful, true, nil, Delivered},
		{"stateful, dropped", Stateful, false, nil, Filtered},
		{"stateful, a rule for them", Stateful, false, []Rule{expired}, Delivered},
		{"stateless has no relation", Stateless, true, nil, Filtered},
		{"stateless, a rule for them", Stateless, false, []Rule{expired}, Delivered},
		{"related, whatever the rules say", Stateful, true, []Rule{{Kinds: []Kind{TimeExceeded}, Verdict: Drop}}, Delivered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			s.guard(edge, tc.kind, append(tc.rules, accepting(EchoRequest))...).RelatedErrors = tc.related
			b := newBench(t, s)
			_, back, ok := b.errorAbout(root, EchoRequest, homeToDMZ)
			if !ok || back.End != tc.want {
				t.Errorf("error from behind edge: %v (made %v), want %v", back.End, ok, tc.want)
			}
			_, back, ok = b.errorAbout(root, EchoRequest, 5)
			if !ok || back.End != Delivered {
				t.Errorf("error from before edge: %v (made %v), want delivered", back.End, ok)
			}
		})
	}
}

// An error that a firewall makes itself has no network and is not judged by
// that firewall.
func TestErrorsOfAFirewallItself(t *testing.T) {
	s := company()
	s.guard(edge, Stateless, accepting(EchoRequest))
	b := newBench(t, s)
	_, back, _ := b.errorAbout(dmz1, EchoRequest, 6)
	b.wantEnd(back.End, Delivered, "error of edge")
	_, back, _ = b.errorAbout(root, EchoRequest, homeToDMZ+1)
	b.wantEnd(back.End, Filtered, "error of inner at edge")

	s.guard(edge, Stateless, accepting(EchoRequest), Rule{From: Match{Networks: []NetworkID{dmz, core}}})
	b = newBench(t, s)
	_, back, _ = b.errorAbout(root, EchoRequest, homeToDMZ+1)
	b.wantEnd(back.End, Filtered, "error of inner where a rule names networks")

	s.guard(edge, Stateless, accepting(EchoRequest), Rule{From: Match{Roles: Router}})
	b = newBench(t, s)
	_, back, _ = b.errorAbout(root, EchoRequest, homeToDMZ+1)
	b.wantEnd(back.End, Delivered, "error of inner where a rule names routers")
}

// RFC 1812 section 5.2.7.1, code 13: communication administratively
// prohibited.
func TestRejectIsAnsweredWithUnreachable(t *testing.T) {
	s := company()
	s.guard(inner, Stateful, Rule{Name: "no", Verdict: Reject})
	for _, tc := range []struct {
		name      string
		edge      BoxSpec
		made      bool
		want      End
		refusedIn bool
	}{
		{"passes back as related", BoxSpec{Kind: Stateful, RelatedErrors: true}, true, Delivered, true},
		{"dropped on the way back", BoxSpec{Kind: Stateless, Rules: []Rule{accepting(TCP)}, Otherwise: Drop}, true, Filtered, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.edge.Name = "edge"
			s.Boxes[edge] = tc.edge
			b := newBench(t, s)
			p, r := b.send(root, TCP, MaxTTL)
			if r.End != Refused || r.Box != inner || r.Rule != 0 {
				t.Fatalf("request: %+v, want refused by rule 0 of inner", r)
			}
			e, ok := b.st.ErrorAbout(p, r, r.At, 0)
			if ok != tc.made || e.Kind != Unreachable {
				t.Fatalf("error %+v, %v", e, ok)
			}
			back := b.walk(e)
			b.wantEnd(back.End, tc.want, "error")
			f := b.st.Fate(Attachment{Network: home}, root, TCP)
			if got := f.RefusedAfter > 0; got != tc.refusedIn || got && f.RefusedAfter != back.At.Sub(0) {
				t.Errorf("RefusedAfter = %v, the error came at %v", f.RefusedAfter, back.At)
			}
			if ef, ok := b.st.ErrorFate(Attachment{Network: home}, root, TCP, MaxTTL); !ok || ef.Kind != Unreachable || ef.Arrives != tc.refusedIn {
				t.Errorf("ErrorFate = %+v, %v", ef, ok)
			}
			if got, want := len(b.st.exchange(Attachment{Network: home}, root, TCP, 0).more.errors), homeToDMZ+2; got != want {
				t.Errorf("%d errors remembered, want one for each router and one for the refusal, %d", got, want)
			}
		})
	}
}

// Silent routers and boxes, and those that drop the kind, send no errors.
func TestWhoSendsNoErrors(t *testing.T) {
	const inWAN, atInner = homeToCore + 1, homeToDMZ + 1
	for _, tc := range []struct {
		name   string
		change func(*Spec)
		ttl    uint8
		box    BoxID
		made   bool
	}{
		{"routers of a wan", func(*Spec) {}, inWAN, NoBox, true},
		{"silent routers of a wan", func(s *Spec) { s.Boxes[wan].Silent = true }, inWAN, wan, false},
		{"routers of a wan that drop the kind", func(s *Spec) { s.Boxes[wan].Drops = []Kind{TimeExceeded} }, inWAN + 1, wan, false},
		{"routers of a wan that drop another", func(s *Spec) { s.Boxes[wan].Drops = []Kind{Unreachable} }, inWAN, NoBox, true},
		{"silent box", func(s *Spec) { s.Boxes[inner].Silent = true }, atInner, inner, false},
		{"box that drops the kind", func(s *Spec) { s.Boxes[inner].Drops = []Kind{TimeExceeded} }, atInner, inner, false},
		{"routers on the legs of a silent box", func(s *Spec) { s.Boxes[inner].Silent = true }, atInner + 1, NoBox, true},
		{"silent box that rejects", func(s *Spec) { b := s.guard(inner, Stateful); b.Silent, b.Otherwise = true, Reject }, MaxTTL, inner, false},
		{"rejecting box that drops the kind", func(s *Spec) {
			b := s.guard(inner, Stateful)
			b.Drops, b.Otherwise = []Kind{Unreachable}, Reject
		}, MaxTTL, inner, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			tc.change(s)
			b := newBench(t, s)
			if _, _, ok := b.errorAbout(paris1, EchoRequest, tc.ttl); ok != tc.made {
				t.Errorf("error made: %v, want %v", ok, tc.made)
			}
			f, ok := b.st.ErrorFate(Attachment{Network: home}, paris1, EchoRequest, tc.ttl)
			if !ok || f.Made != tc.made || f.Box != tc.box {
				t.Errorf("ErrorFate = %+v, %v; want made %v, box %d", f, ok, tc.made, tc.box)
			}
		})
	}
}

// Errors from behind a wan that drops them end at its first router.
func TestRoutersDropForeignErrors(t *testing.T) {
	s := company()
	s.Boxes[wan].Drops = []Kind{TimeExceeded}
	b := newBench(t, s)
	p := b.request(Attachment{Network: paris}, dmz1, EchoRequest, 4)
	e, ok := b.errorOf(p, b.walk(p))
	if !ok {
		t.Fatal("no error from the router between core and inner")
	}
	if r := b.walk(e); r.End != Filtered || r.Box != wan || r.Hops != 1 {
		t.Errorf("error over the wan: %+v", r)
	}
}

// The loss of a leg is on its link at the network: only packets and errors
// that cross that link are lost.
func TestErrorsAndLoss(t *testing.T) {
	half := rng.ChanceOf(0.5)
	s := company()
	s.Legs[homeEdge].Loss, s.Legs[edgeDMZ].Loss = half, half
	b := newBench(t, s)
	for ttl, want := range map[uint8]rng.Chance{1: 0, 2: 0, 3: half, 6: half, 7: half, 8: half.Or(half)} {
		f, ok := b.st.ErrorFate(Attachment{Network: home}, root, EchoRequest, ttl)
		if !ok || f.LossForward != want || f.LossBack != want {
			t.Errorf("TTL %d: loss %v and %v (%v), want %v", ttl, f.LossForward.Float(), f.LossBack.Float(), ok, want.Float())
		}
	}
}

// RFC 1812 section 4.3.2.8: a router limits the rate of its errors, here as
// Linux does: 6 at once to one destination and then one a second, 50 at once to
// all. Each router of a wan has buckets of its own.
func TestErrorLimits(t *testing.T) {
	s := company()
	s.Boxes[inner].Errors, s.Boxes[wan].Errors = LinuxErrors(), LinuxErrors()
	b := newBench(t, s)
	made := func(client uint64, ttl uint8, at vtime.Instant) bool {
		p := b.request(Attachment{Network: home}, paris1, EchoRequest, ttl)
		p.Src.Source = client
		r := b.net.Walk(b.st, p, at)
		b.wantEnd(r.End, Expired, "probe")
		_, ok := b.st.ErrorAbout(p, r, r.At, 0)
		return ok
	}
	count := func(n int, ttl uint8, at time.Duration, client func(int) uint64) (sum int) {
		for i := range n {
			if made(client(i), ttl, vtime.Instant(at)) {
				sum++
			}
		}
		return sum
	}
	one := func(int) uint64 { return 1 }
	each := func(i int) uint64 { return 100 + uint64(i) }
	const atInner, inWAN = homeToDMZ + 1, homeToCore + 1
	for _, tc := range []struct {
		name   string
		n      int
		ttl    uint8
		at     time.Duration
		client func(int) uint64
		want   int
	}{
		{"to one destination", 10, atInner, 0, one, 6},
		{"to all at once, 6 are used", 200, atInner, 0, each, 44},
		{"a second later to the first", 10, atInner, time.Second, one, 1},
		{"the next router, which is not limited", 10, atInner + 1, time.Second, one, 10},
		{"the first router of a wan", 10, inWAN, time.Second, one, 6},
		{"the second router of a wan", 10, inWAN + 1, time.Second, one, 6},
		{"all at once, when full again", 200, atInner, 2 * time.Second, each, 50},
		{"20 ms bring 20 tokens", 200, atInner, 2*time.Second + 20*ms, func(i int) uint64 { return 500 + uint64(i) }, 20},
	} {
		if got := count(tc.n, tc.ttl, tc.at, tc.client); got != tc.want {
			t.Errorf("%s: %d errors, want %d", tc.name, got, tc.want)
		}
	}
	a := Attachment{Network: home}
	for ttl, want := range map[uint8]bool{atInner: true, atInner + 1: false, inWAN: true} {
		if e, ok := b.st.ErrorFate(a, paris1, EchoRequest, ttl); !ok || !e.Made || e.Coupled != want {
			t.Errorf("TTL %d: ErrorFate = %+v, %v; want coupled %v", ttl, e, ok, want)
		}
	}
	if f := b.st.Fate(a, paris1, EchoRequest); f.Coupled {
		t.Error("a limit on errors couples requests")
	}
}

// A refused error costs no token of either bucket.
func TestErrorLimitTakesBothOrNone(t *testing.T) {
	s := company()
	s.Boxes[inner].Errors = &ErrorLimit{
		PerDestination: &Limit{PerSecond: 1, Burst: 1}, Global: &Limit{PerSecond: 1, Burst: 2},
	}
	b := newBench(t, s)
	for i, tc := range []struct {
		client uint64
		want   bool
	}{{1, true}, {1, false}, {1, false}, {2, true}, {3, false}} {
		p := b.request(Attachment{Network: home}, root, EchoRequest, homeToDMZ+1)
		p.Src.Source = tc.client
		r := b.net.Walk(b.st, p, 0)
		if _, ok := b.st.ErrorAbout(p, r, r.At, 0); ok != tc.want {
			t.Errorf("error %d, to client %d: made %v, want %v", i, tc.client, ok, tc.want)
		}
	}
}

// RFC 792 and RFC 1812 section 5.2.7.1, RFC 4443 section 3.1: the codes of a
// refusal; a reset to TCP only.
func TestCodesOfRefusals(t *testing.T) {
	for _, tc := range []struct {
		with Refusal
		k    Kind
		v6   bool
		kind Kind
		code uint8
	}{
		{Prohibited, TCP, false, Unreachable, 13},
		{NetUnreachable, TCP, false, Unreachable, 0},
		{HostUnreachable, UDP, false, Unreachable, 1},
		{PortUnreachable, UDP, false, Unreachable, 3},
		{TCPReset, TCP, false, Reset, 0},
		{TCPReset, UDP, false, Unreachable, 13},
		{TCPReset, EchoRequest, false, Unreachable, 13},
		{Prohibited, TCP, true, Unreachable, 1},
		{NetUnreachable, TCP, true, Unreachable, 0},
		{HostUnreachable, UDP, true, Unreachable, 3},
		{PortUnreachable, UDP, true, Unreachable, 4},
		{TCPReset, TCP, true, Reset, 0},
		{TCPReset, UDP, true, Unreachable, 1},
	} {
		s := company()
		s.guard(inner, Stateful, Rule{Verdict: Reject, With: tc.with})
		s.guard(edge, Stateful, accepting(TCP, UDP, EchoRequest)).RelatedErrors = true
		b := newBench(t, s)
		p := b.request(Attachment{Network: home}, root, tc.k, MaxTTL)
		p.V6 = tc.v6
		r := b.walk(p)
		e, ok := b.errorOf(p, r)
		if r.End != Refused || !ok || e.Kind != tc.kind || e.Code != tc.code || e.V6 != tc.v6 {
			t.Errorf("%+v: %+v, %v", tc, e, ok)
			continue
		}
		back, got, _ := b.arriving(e)
		b.wantEnd(back.End, Delivered, "refusal")
		if tc.kind == Reset && got.Src != p.Dst {
			t.Errorf("reset from %+v, want the destination's name", got.Src)
		}
	}
}

// A reset comes in the destination's name and passes as a reply does, so that
// errors need not be let back.
func TestResetsPassAsReplies(t *testing.T) {
	s := company()
	s.guard(inner, Stateful, Rule{Verdict: Reject, With: TCPReset})
	s.guard(edge, Stateful, accepting(TCP))
	_, back, ok := newBench(t, s).errorAbout(root, TCP, MaxTTL)
	if !ok || back.End != Delivered || back.Hops != homeToDMZ {
		t.Errorf("reset: %+v, %v", back, ok)
	}
	b := newBench(t, s)
	p, r := b.send(root, TCP, MaxTTL)
	e, _ := b.errorOf(p, r)
	e.TTL = 1
	r = b.walk(e)
	if about, ok := b.errorOf(e, r); ok || r.End != Expired {
		t.Errorf("%+v about a reset that %v", about, r.End)
	}
	s.Boxes[inner].Drops = []Kind{Reset}
	if _, _, ok := newBench(t, s).errorAbout(root, TCP, MaxTTL); ok {
		t.Error("a box that drops resets sends one")
	}
}

// RFC 1812 section 4.3.2.4: errors may have the address of another interface.
func TestErrorsFromAnotherAddress(t *testing.T) {
	s := company()
	s.Boxes[inner].ErrorsFrom, s.Boxes[wan].ErrorsFrom = addr("192.0.2.1"), addr("192.0.2.2")
	only := Match{Prefixes: prefixesOf("192.0.2.2/32")}
	s.guard(edge, Stateless, accepting(EchoRequest), Rule{From: only})
	b := newBench(t, s)
	for ttl, want := range map[uint8]End{homeToDMZ + 1: Filtered, homeToCore + 1: Delivered, homeToCore: Filtered} {
		_, back, ok := b.errorAbout(paris1, EchoRequest, ttl)
		if !ok || back.End != want {
			t.Errorf("TTL %d: error %v, %v; want %v", ttl, back.End, ok, want)
		}
	}
}
