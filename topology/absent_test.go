package topology

import (
	"net/netip"
	"testing"
)

// RFC 1812 section 5.2.7.1, code 1, and 4.3.3.1, code 0: the last router tells
// that the host is not there or that no way leads on, if its network does that
// at all.
func TestWhoTellsAbsence(t *testing.T) {
	for _, tells := range []bool{false, true} {
		for _, tc := range []struct {
			name string
			h    HostID
			end  End
			code uint8
			hops int // of the error
		}{
			{"a host that is down", dmz1, NoHost, 1, homeToDMZ - 1},
			{"behind the inside of a network", paris1, NoHost, 1, homeToParis - 1},
			{"no way", island1, NoRoute, 0, 1},
		} {
			s := company()
			s.Networks[dmz].TellsAbsent, s.Networks[paris].TellsAbsent, s.Networks[home].TellsAbsent = tells, tells, tells
			b := newBench(t, s)
			before := b.st.Fate(Attachment{Network: home}, tc.h, TCP)
			b.st.SetHost(tc.h, false)
			p, r := b.send(tc.h, TCP, MaxTTL)
			if r.End != tc.end || r.Box != NoBox {
				t.Errorf("%s: %+v", tc.name, r)
			}
			e, ok := b.errorOf(p, r)
			f := b.st.Fate(Attachment{Network: home}, tc.h, TCP)
			if f.Forward != tc.end || before.Forward == NoHost || tc.end == NoHost && f.RefusedAfter > 0 != tells {
				t.Errorf("%s: Fate = %+v, before %+v", tc.name, *f, *before)
			}
			if ok != tells {
				t.Errorf("%s: told %v, want %v", tc.name, ok, tells)
			}
			if !tells {
				continue
			}
			if e.Kind != Unreachable || e.Code != tc.code {
				t.Errorf("%s: %+v", tc.name, e)
			}
			back := b.walk(e)
			if back.End != Delivered || back.Hops != tc.hops {
				t.Errorf("%s: error %+v, want delivered over %d routers", tc.name, back, tc.hops)
			}
			if ef, ok := b.st.ErrorFate(Attachment{Network: home}, tc.h, TCP, MaxTTL); !ok || !ef.Made || !ef.Arrives || ef.Kind != Unreachable {
				t.Errorf("%s: ErrorFate = %+v, %v", tc.name, ef, ok)
			}
		}
	}
}

// On its own link nobody but the sender could find out.
func TestNoRouterNoTelling(t *testing.T) {
	s := company()
	s.Networks[dmz].TellsAbsent = true
	b := newBench(t, s)
	b.st.SetHost(dmz1, false)
	p := b.request(Attachment{Network: dmz}, dmz1, TCP, MaxTTL)
	r := b.walk(p)
	if _, ok := b.errorOf(p, r); ok || r.End != NoHost {
		t.Errorf("%+v, told %v", r, ok)
	}
}

// SetHost changes the fates of its own host's names only, and of names that
// lead to it.
func TestSetHostForgetsItsFates(t *testing.T) {
	s := company()
	for i := range s.Networks {
		s.Networks[i].Prefixes = []netip.Prefix{v4Of(i)}
	}
	s.Hosts[dmz1].Addrs = []netip.Addr{hostAddr(v4Of(int(dmz)), 1)}
	s.Hosts[root].Addrs = []netip.Addr{hostAddr(v4Of(int(core)), 1)}
	s.Hosts[paris1].ListedAs = s.Hosts[dmz1].Addrs[0] // stale
	b := newBench(t, s)
	a := Attachment{Network: home}
	of := func(h HostID) *Fate { return b.st.Fate(a, h, TCP) }
	kept, stale := of(root), of(paris1)
	if of(dmz1).By != TheHost || stale.By != Another || stale.Forward != Delivered {
		t.Errorf("answered by %v and %v", of(dmz1).By, stale.By)
	}
	b.st.SetHost(dmz1, true)
	if of(paris1) != stale {
		t.Error("a host that was up changed a fate")
	}
	b.st.SetHost(dmz1, false)
	if of(root) != kept {
		t.Error("the fate of another host was forgotten")
	}
	if of(dmz1).Forward != NoHost || of(paris1).Forward != NoHost {
		t.Errorf("down: %v and %v", of(dmz1).Forward, of(paris1).Forward)
	}
	b.st.SetHost(dmz1, true)
	if of(dmz1).Forward != Delivered || of(paris1).Forward != Delivered {
		t.Errorf("up again: %v and %v", of(dmz1).Forward, of(paris1).Forward)
	}
}

// A middlebox answers in the name of others what its rules let through to it,
// from nearer than they are (spec F18).
func TestMiddlebox(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, accepting(EchoRequest, TCP))
	s.Boxes[inner].EchoFor = []Match{{Hosts: []HostID{root, island1}}}
	s.Boxes[edge].EchoFor = []Match{{Roles: Client}}
	b := newBench(t, s)
	a := Attachment{Network: home}
	b.st.SetHost(root, false)
	const toInner = homeToDMZ + 1
	p, r := b.send(root, EchoRequest, MaxTTL)
	if r.End != Delivered || r.By != Middlebox || r.Hops != toInner || r.Box != NoBox {
		t.Errorf("%+v, want an answer from inner", r)
	}
	back, got, _ := b.arriving(b.answer(p))
	if back.End != Delivered || back.Hops != toInner-1 || got.Src != p.Dst {
		t.Errorf("reply %+v from %+v", back, got.Src)
	}
	f := b.st.Fate(a, root, EchoRequest)
	if f.Forward != Delivered || f.By != Middlebox || f.FilterHops != toInner || f.ReplyHops != toInner-1 || f.Hops != homeToCore {
		t.Errorf("Fate = %+v", *f)
	}
	_, r = b.send(root, EchoRequest, toInner)
	b.wantEnd(r.End, Expired, "with a TTL that does not reach beyond the box")
	_, r = b.send(root, TCP, MaxTTL)
	b.wantEnd(r.End, NoHost, "anything else goes on")
	_, r = b.send(paris1, EchoRequest, MaxTTL)
	if r.By != TheHost || r.Hops != homeToParis {
		t.Errorf("for another: %+v", r)
	}
	s.guard(inner, Stateful, accepting(TCP))
	b = newBench(t, s)
	_, r = b.send(root, EchoRequest, MaxTTL)
	b.wantEnd(r.End, Filtered, "what the rules do not let through")
}

// A translator with EchoFor answers for hosts inside, by whichever address.
func TestMiddleboxTranslates(t *testing.T) {
	s := homes()
	s.Boxes[seatNAT].EchoFor = []Match{{Prefixes: prefixesOf("10.1.0.1/32")}}
	b := newBench(t, s)
	p := b.ask(1, relay1, EchoRequest)
	r := b.walk(p)
	if r.End != Delivered || r.By != Middlebox || r.Hops != houseToOffice-1 {
		t.Errorf("%+v, want an answer from the gate", r)
	}
	back, got, _ := b.arriving(b.answer(p))
	if back.End != Delivered || back.Hops != houseToOffice-2 || got.Src != p.Dst || got.Dst != p.Src {
		t.Errorf("reply %+v from %+v to %+v", back, got.Src, got.Dst)
	}
}
