package topology

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// A limit that is asked on the way of request or reply couples an exchange,
// whatever it answers; one that only errors meet couples the errors.
func TestCoupled(t *testing.T) {
	plenty := Limit{PerSecond: 1e6, Burst: 1e6}
	inward := Match{Networks: []NetworkID{dmz, core}}
	for _, tc := range []struct {
		name          string
		kind          BoxKind
		rules         []Rule
		fate, expired bool
	}{
		{"no limit", Stateful, []Rule{accepting()}, false, false},
		{"request", Stateful, []Rule{limited(plenty, EchoRequest), accepting()}, true, true},
		{"reply of a stateless firewall", Stateless, []Rule{limited(plenty, EchoReply), accepting()}, true, false},
		{"established replies ask no rules", Stateful, []Rule{{To: inward}, limited(plenty, EchoReply)}, false, false},
		{"errors", Stateful, []Rule{limited(plenty, TimeExceeded), accepting()}, false, true},
		{"limit behind the rule that matches", Stateful, []Rule{accepting(), limited(plenty)}, false, false},
		{"limit for others", Stateful, []Rule{{Limit: &plenty, To: Match{Roles: Client}, Kinds: []Kind{EchoRequest}}, accepting()}, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			s.guard(edge, tc.kind, tc.rules...)
			st := newBench(t, s).st
			a := Attachment{Network: home}
			f := st.Fate(a, root, EchoRequest)
			if f.Coupled != tc.fate || f.Forward != Delivered || f.Back != Delivered {
				t.Errorf("Fate = %+v, want coupled %v and delivered", *f, tc.fate)
			}
			if e, ok := st.ErrorFate(a, root, EchoRequest, homeToDMZ); !ok || e.Coupled != tc.expired {
				t.Errorf("ErrorFate = %+v, %v; want coupled %v", e, ok, tc.expired)
			}
			if e, ok := st.ErrorFate(a, root, EchoRequest, 3); !ok || e.Coupled {
				t.Errorf("ErrorFate before the firewall = %+v, %v; want uncoupled", e, ok)
			}
		})
	}
}

// Fates take nothing from limits and leave no trace in connection tracking.
func TestFatesLeaveNoTrace(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, Rule{To: Match{Roles: Relay}, Limit: &Limit{PerSecond: 1e-3, Burst: 1}})
	b := newBench(t, s)
	a := Attachment{Network: home}
	b.st.Fate(a, dmz1, TCP)
	b.st.ErrorFate(a, dmz1, TCP, 9)
	p := b.request(a, dmz1, TCP, MaxTTL)
	p.Flow = 0 // the flow of the memo
	b.wantEnd(b.walk(b.net.Reply(p, TCP, DefaultTTL, 0)).End, Filtered, "reply without a request")
	b.wantEnd(b.walk(p).End, Delivered, "the only token")
}

// Nor do they see each other's flows: an entry of TCP would let a late echo
// reply back.
func TestFatesAreApart(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, Rule{To: Match{Roles: Relay}}).RelatedErrors = true
	s.Legs[edgeDMZ].Delay = ICMPTimeout / 2
	st := newBench(t, s).st
	a := Attachment{Network: home}
	for _, tc := range []struct {
		k    Kind
		back End
	}{{EchoRequest, Filtered}, {TCP, Delivered}, {UDP, Filtered}} {
		if f := st.Fate(a, dmz1, tc.k); f.Forward != Delivered || f.Back != tc.back {
			t.Errorf("%v: %+v, want back %v", tc.k, *f, tc.back)
		}
	}
	s.Hosts[dmz1].Network = core
	st = newBench(t, s).st
	st.Fate(a, dmz1, TCP)
	if f, ok := st.ErrorFate(a, dmz1, EchoRequest, homeToDMZ+1); !ok || !f.Made || f.Arrives || f.Box != edge {
		t.Errorf("ErrorFate after the time-out = %+v, %v; want dropped by edge", f, ok)
	}
	if f, ok := st.ErrorFate(a, dmz1, TCP, homeToDMZ+1); !ok || !f.Arrives {
		t.Errorf("ErrorFate before the time-out = %+v, %v; want an arrival", f, ok)
	}
}

// A refusal whose error meets a limit is coupled.
func TestRefusalCoupledByItsError(t *testing.T) {
	s := company()
	s.guard(edge, Stateless, limited(Limit{PerSecond: 1, Burst: 1}, Unreachable), accepting(TCP))
	s.guard(inner, Stateful).Otherwise = Reject
	f := newBench(t, s).st.Fate(Attachment{Network: home}, root, TCP)
	if f.Forward != Refused || f.RefusedAfter == 0 || !f.Coupled {
		t.Errorf("Fate = %+v, want a coupled refusal", *f)
	}
}

// No TTL reaches over 255 routers.
func TestTooFarForAnyTTL(t *testing.T) {
	s := company()
	s.Legs[homeEdge].Routers = MaxRouters
	st := newBench(t, s).st
	a := Attachment{Network: home}
	f := st.Fate(a, dmz1, EchoRequest)
	if f.Forward != Expired || !f.Expires(MaxTTL) || f.End(MaxTTL) != Expired || f.Hops != 2+MaxRouters+2 {
		t.Errorf("Fate = %+v", *f)
	}
	if e, ok := st.ErrorFate(a, dmz1, EchoRequest, MaxTTL); !ok || !e.Made || e.Arrives || e.Box != NoBox {
		t.Errorf("ErrorFate = %+v, %v; want one that expires itself", e, ok)
	}
}

// The memo is kept: the same Fate again, until a leg really changes.
func TestFateIsMemoised(t *testing.T) {
	b := newBench(t, company())
	get := func() *Fate { return b.st.Fate(Attachment{Network: home}, dmz1, EchoRequest) }
	f := get()
	b.st.SetLeg(wanParis, true)
	if get() != f {
		t.Error("mending a leg that was up made a new Fate")
	}
	b.st.SetLeg(wanParis, false)
	if get() == f {
		t.Error("cutting a leg kept the Fate")
	}
}

// A reply goes over at most 63 routers.
func TestReplyExpires(t *testing.T) {
	for _, tc := range []struct {
		routers int
		back    End
	}{{63, Delivered}, {64, Expired}} {
		s := company()
		s.Networks[home].Access[0] += tc.routers - homeToDMZ
		f := newBench(t, s).st.Fate(Attachment{Network: home}, dmz1, TCP)
		if f.Forward != Delivered || f.Back != tc.back || int(f.Hops) != tc.routers {
			t.Errorf("over %d routers: there %v, back %v; want back %v over %d", f.Hops, f.Forward, f.Back, tc.back, tc.routers)
		}
	}
}

func TestFateOfWhatBeginsNothing(t *testing.T) {
	b := newBench(t, company())
	for _, k := range []Kind{EchoReply, TimeExceeded, Unreachable} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Fate of %v", k)
				}
			}()
			b.st.Fate(Attachment{Network: home}, dmz1, k)
		}()
	}
}

func TestFateDoesNotAllocate(t *testing.T) {
	b := newBench(t, company())
	a := Attachment{Network: home}
	if n := testing.AllocsPerRun(100, func() {
		b.st.Fate(a, dmz1, EchoRequest)
		b.st.ErrorFate(a, dmz1, EchoRequest, 3)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	s := ring()
	s.Routes, s.Balance = nil, PerPacket
	b = newBench(t, s)
	p := b.ask2(Attachment{Network: ringSite}, 1, 0)
	if n := testing.AllocsPerRun(100, func() {
		b.st.FateOf(&p)
		b.st.ErrorFateOf(&p)
	}); n != 0 {
		t.Errorf("%v allocations where ways are balanced", n)
	}
}

// BenchmarkFateMemoised asks for a fate that is known; FateOf also finds out
// which of several ways the request takes.
func BenchmarkFateMemoised(b *testing.B) {
	for _, balance := range []Balance{OneWay, PerFlow} {
		s := ring()
		s.Routes, s.Balance = nil, balance
		lab := newBench(b, s)
		p := lab.ask2(Attachment{Network: ringSite}, 1, 0)
		b.Run(fmt.Sprintf("balance=%d", balance), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if lab.st.FateOf(&p).Forward != Delivered {
					b.Fatal("not delivered")
				}
			}
		})
	}
}

func BenchmarkFate(b *testing.B) {
	st := newBench(b, enterprise(60)).st
	a := Attachment{Network: home}
	b.ReportAllocs()
	for b.Loop() {
		if st.Fate(a, paris1, EchoRequest).Forward != Delivered {
			b.Fatal("not delivered")
		}
	}
}

func BenchmarkFateMiss(b *testing.B) {
	st := newBench(b, guarded()).st
	p, _ := st.request(Attachment{Network: home}, paris1, EchoRequest, 0)
	b.ReportAllocs()
	for b.Loop() {
		if f := st.findFate(p); f.Back != Delivered {
			b.Fatal("not delivered")
		}
	}
}

// guarded has two stateful firewalls on the way to paris.
func guarded() *Spec {
	s := company()
	s.guard(edge, Stateful, accepting(UDP), accepting(TCP, EchoRequest))
	s.guard(inner, Stateful, accepting(UDP), accepting(TCP, EchoRequest))
	return s
}

// doubleGuarded has three firewalls with rules on the way from a house, the
// first of which translates.
func doubleGuarded() *Spec {
	s := homes()
	s.Boxes[ispNAT].NAT, s.Boxes[seatNAT].NAT = nil, nil
	s.Hosts[relay1].ListedAs = netip.Addr{}
	s.Legs[gateOffice].Routers = 2
	for i := range s.Boxes {
		s.Boxes[i].Rules, s.Boxes[i].Otherwise = []Rule{accepting(UDP), accepting(TCP, EchoRequest)}, Drop
	}
	return s
}

func BenchmarkWalk(b *testing.B) {
	b.Run("routers=12/firewalls=3/nat=1", func(b *testing.B) {
		lab := newBench(b, doubleGuarded())
		p, _ := lab.st.Request(Attachment{Network: flat, Access: 1}, 1, relay1, EchoRequest, MaxTTL, 1)
		if r := lab.walk(p); r.Hops != 12 {
			b.Fatalf("%+v", r)
		}
		at := vtime.Instant(0)
		b.ReportAllocs()
		for b.Loop() {
			p.Flow++
			at = at.Add(time.Second)
			if lab.net.Walk(lab.st, p, at).End != Delivered {
				b.Fatal("not delivered")
			}
		}
	})
	for _, bc := range []struct {
		name string
		spec *Spec
	}{{"stateless", company()}, {"stateful", guarded()}} {
		b.Run("boxes="+bc.name, func(b *testing.B) {
			lab := newBench(b, bc.spec)
			p := lab.request(Attachment{Network: home}, paris1, EchoRequest, MaxTTL)
			at := vtime.Instant(0)
			b.ReportAllocs()
			for b.Loop() {
				p.Flow++
				at = at.Add(time.Second)
				if lab.net.Walk(lab.st, p, at).End != Delivered {
					b.Fatal("not delivered")
				}
			}
		})
	}
}
