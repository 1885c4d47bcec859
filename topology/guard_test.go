package topology

import (
	"testing"
)

// own adds a Guard to a Spec and gives its number.
func (s *Spec) own(b BoxSpec) GuardID {
	b.Kind = Guard
	s.Boxes = append(s.Boxes, b)
	return GuardOf(BoxID(len(s.Boxes) - 1))
}

// A host's own firewall is no hop, lets out what no rule forbids and the
// answers to it in, and judges the rest by its rules and Otherwise.
func TestGuards(t *testing.T) {
	closed := BoxSpec{Name: "closed", Otherwise: Drop, RelatedErrors: true}
	relayPort := BoxSpec{Name: "relay-port", Otherwise: Drop, Rules: []Rule{{Name: "bigfix", Kinds: []Kind{TCP}, ToSides: 1 << 0}}}
	noPings := BoxSpec{Name: "no-pings", Otherwise: Drop, Rules: []Rule{{Kinds: []Kind{EchoRequest}, FromSides: 1 << 0, Verdict: Drop}}}
	deaf := BoxSpec{Name: "deaf", Otherwise: Accept, Drops: []Kind{EchoReply}}
	shut := BoxSpec{Name: "shut", Otherwise: Reject, Rules: []Rule{{Kinds: []Kind{TCP}, Verdict: Reject, With: TCPReset}}}
	for _, tc := range []struct {
		name           string
		client, relay  BoxSpec
		k              Kind
		there, back    End
		hops, endedFar int
	}{
		{"client closed to others", closed, BoxSpec{Name: "open"}, TCP, Delivered, Delivered, homeToDMZ, 0},
		{"relay lets its port in", closed, relayPort, TCP, Delivered, Delivered, homeToDMZ, 0},
		{"relay lets nothing else in", closed, relayPort, EchoRequest, Filtered, NumEnds, homeToDMZ, 1},
		{"client may not ping", noPings, BoxSpec{Name: "open"}, EchoRequest, Filtered, NumEnds, 0, 0},
		{"client drops the reply", deaf, BoxSpec{Name: "open"}, EchoRequest, Delivered, Filtered, homeToDMZ, 0},
		{"relay refuses", closed, shut, TCP, Refused, NumEnds, homeToDMZ, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			client := s.own(tc.client)
			s.Hosts[dmz1].Guard = s.own(tc.relay)
			b := newBench(t, s)
			a := Attachment{Network: home, Guard: client}
			p := b.request(a, dmz1, tc.k, MaxTTL)
			r := b.walk(p)
			b.wantEnd(r.End, tc.there, "request")
			if r.Hops != tc.hops {
				t.Errorf("%d routers, want %d", r.Hops, tc.hops)
			}
			if want := GuardID(int(client) + tc.endedFar).Box(); r.End != Delivered && r.Box != want {
				t.Errorf("ended by box %d, want %d", r.Box, want)
			}
			if tc.back != NumEnds {
				b.wantEnd(b.walk(b.answer(p)).End, tc.back, "reply")
			}
			f := b.st.Fate(a, dmz1, tc.k)
			if f.Forward != tc.there || tc.back != NumEnds && f.Back != tc.back {
				t.Errorf("Fate = %+v", *f)
			}
			if unguarded := b.st.Fate(Attachment{Network: home}, dmz1, tc.k); tc.endedFar == 0 && unguarded.Forward != Delivered {
				t.Errorf("without the client's guard: %+v", *unguarded)
			}
		})
	}
}

// What a guard refuses, its host refuses: as far away as the host, from its
// address, past the guard itself (RFC 1122 section 3.2.2.1, code 3).
func TestRefusalsOfGuards(t *testing.T) {
	for _, tc := range []struct {
		with Refusal
		kind Kind
		code uint8
	}{{PortUnreachable, Unreachable, 3}, {TCPReset, Reset, 0}} {
		s := company()
		s.Hosts[dmz1].Guard = s.own(BoxSpec{Name: "shut", Otherwise: Drop, Rules: []Rule{{Verdict: Reject, With: tc.with}}})
		s.guard(edge, Stateful, accepting(TCP)).RelatedErrors = true
		b := newBench(t, s)
		p, r := b.send(dmz1, TCP, MaxTTL)
		e, ok := b.errorOf(p, r)
		if !ok || e.Kind != tc.kind || e.Code != tc.code || e.Src.Host != dmz1 {
			t.Fatalf("%+v: %+v, %v", r, e, ok)
		}
		back, got, _ := b.arriving(e)
		if back.End != Delivered || back.Hops != homeToDMZ || got.Dst != p.Src || got.Src != p.Dst {
			t.Errorf("%+v from %+v to %+v", back, got.Src, got.Dst)
		}
		f := b.st.Fate(Attachment{Network: home}, dmz1, TCP)
		if f.Forward != Refused || f.RefusedAfter != back.At.Sub(0) {
			t.Errorf("Fate = %+v, the refusal came at %v", *f, back.At)
		}
	}
}

// Client and relay may have guards of one kind, each with flows of its own:
// what the client's knows of a flow, the relay's does not.
func TestGuardsOfOneKindAreApart(t *testing.T) {
	s := company()
	g := s.own(BoxSpec{Name: "own", Otherwise: Drop, RelatedErrors: true, Rules: []Rule{{ToSides: 1 << 0, Kinds: []Kind{EchoRequest}, Untracked: true}}})
	s.Hosts[dmz1].Guard = g
	b := newBench(t, s)
	p := b.request(Attachment{Network: home, Guard: g}, dmz1, EchoRequest, MaxTTL)
	b.delivered("request, then reply", p, b.answer(p))
	b.replyTTL = 1
	reply := b.answer(p)
	e, ok := b.errorOf(reply, b.walk(reply))
	if r := b.walk(e); !ok || r.End != Filtered || r.Box != g.Box() {
		t.Errorf("error about a reply that the relay's guard does not track: %+v, %v", r, ok)
	}
	p = b.request(Attachment{Network: home}, dmz1, TCP, MaxTTL)
	b.wantEnd(b.walk(p).End, Filtered, "what the relay's guard lets nobody in with")
}

// The limits of a guard are those of each host that has one, in and out; for
// each source they are that besides.
func TestGuardsLimitTheirOwnHostAlone(t *testing.T) {
	for _, bySource := range []bool{false, true} {
		s := company()
		g := s.own(BoxSpec{Name: "own", Otherwise: Drop, Rules: []Rule{
			limited(Limit{PerSecond: 1e-3, Burst: 1, PerSource: bySource}, EchoRequest), {Kinds: []Kind{EchoRequest}, Verdict: Drop},
		}})
		s.Hosts[dmz1].Guard, s.Hosts[paris1].Guard = g, g
		b := newBench(t, s)
		from := func(source uint64, a Attachment, h HostID) End {
			p := b.request(a, h, EchoRequest, MaxTTL)
			p.Src = b.net.Client(a, source)
			return b.walk(p).End
		}
		guarded, bare := Attachment{Network: home, Guard: g}, Attachment{Network: home}
		b.wantEnd(from(1, bare, dmz1), Delivered, "to the first host")
		b.wantEnd(from(1, bare, paris1), Delivered, "to the second host")
		b.wantEnd(from(1, bare, dmz1), Filtered, "to the first host again")
		want := Filtered
		if bySource {
			want = Delivered
		}
		b.wantEnd(from(2, bare, dmz1), want, "to the first host from another source")
		b.wantEnd(from(3, guarded, paris1), want, "from a guarded client, by the second host's guard")
		b.wantEnd(from(3, guarded, dmz1), Filtered, "from the guarded client again, by its own")
		b.wantEnd(from(4, guarded, root), Delivered, "from another guarded client")
	}
}

// Whose host is down judges nothing.
func TestNobodyGuardsAHostThatIsDown(t *testing.T) {
	s := company()
	s.Hosts[dmz1].Guard = s.own(BoxSpec{Name: "closed", Otherwise: Drop})
	b := newBench(t, s)
	b.st.SetHost(dmz1, false)
	_, r := b.send(dmz1, TCP, MaxTTL)
	b.wantEnd(r.End, NoHost, "down")
}
