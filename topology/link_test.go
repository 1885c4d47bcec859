package topology

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// impaired draws what befalls packets on the legs of a Spec.
func impaired(t *rapid.T, s *Spec) *Spec {
	chance := func(what string) rng.Chance {
		return rng.ChanceOf(rapid.SampledFrom([]float64{0, 0.3, 0.9, 1}).Draw(t, what))
	}
	for i := range s.Legs {
		l := &s.Legs[i]
		switch rapid.IntRange(0, 4).Draw(t, "impairment") {
		case 0:
			l.Jitter = Jitter{JitterLaw(rapid.IntRange(0, int(numJitterLaws)-1).Draw(t, "law")), time.Duration(rapid.IntRange(0, 10).Draw(t, "mean") * rapid.SampledFrom([]int{1, 1000, int(ms), int(100 * ms)}).Draw(t, "unit"))}
			l.Duplicates = chance("duplicates")
		case 1:
			l.Bursts = &Bursts{
				Slot: time.Duration(rapid.IntRange(1000, int(ms)).Draw(t, "slot")), Loss: chance("burst loss"),
				Begin: rng.ChanceOf(rapid.SampledFrom([]float64{0.01, 0.5, 1}).Draw(t, "begin")),
				End:   rng.ChanceOf(rapid.SampledFrom([]float64{0.1, 0.5, 1}).Draw(t, "end")),
			}
			l.Jitter = Jitter{Uniform, ms}
		case 2:
			l.Reordered, l.ReorderedBy = chance("reordered"), time.Duration(rapid.IntRange(1, int(5*ms)).Draw(t, "by"))
			l.Loss = chance("loss")
		case 3:
			l.Duplicates = chance("duplicates")
		}
	}
	return s
}

// Out, Home, ErrorOut and ErrorHome tell arrival and loss as Walk does, for
// every key and instant, byte for byte.
func TestFatesOfLinksThatVaryAgreeWithWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := impaired(t, everything.drawSpec(t))
		n := compiled(t, s)
		st := n.NewState()
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		st.SetWeather(key)
		at, draw := vtime.Instant(0), uint64(0)
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			hops, _ := n.Hops(a, h)
			for ttl := 1; ttl <= hops+2; ttl++ {
				draw += 2
				at = at.Add(time.Minute)
				p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: uint8(ttl), Flow: draw, Key: key.Child(rng.Probe, draw)}
				agrees(t, st, p, key.Child(rng.Probe, draw+1), at)
			}
		})
		if err := st.Balanced(); err != nil {
			t.Fatal(err)
		}
	})
}

// agrees compares the walks of a request and of what comes back, which has
// the key back, with what the memo says.
func agrees(t *rapid.T, st *State, p Packet, back rng.Key, at vtime.Instant) {
	f := st.Fate(p.Src.At, p.Dst.Host, p.Kind)
	e, failed := st.ErrorFate(p.Src.At, p.Dst.Host, p.Kind, p.TTL)
	if f.Coupled || failed && e.Coupled {
		return
	}
	r := st.net.Walk(st, p, at)
	arrival, lost := st.Out(f, p.Key, at)
	if failed {
		arrival, lost = st.ErrorOut(&e, p.Key, at)
	}
	same(t, "out", r, arrival, lost)
	switch {
	case lost:
	case failed:
		if packet, made := st.ErrorAbout(p, r, r.At, back); made {
			r := st.net.Walk(st, packet, arrival)
			home, lost := st.ErrorHome(&e, back, arrival)
			same(t, "error", r, home, lost)
			if r.End == Refused && p.TTL == MaxTTL {
				home, lost = st.Home(f, back, arrival)
				same(t, "refusal", r, home, lost)
			}
		}
	case f.Forward == Delivered:
		r := st.net.Walk(st, st.net.Reply(p, p.Kind.Answer(), DefaultTTL, back), arrival)
		home, lost := st.Home(f, back, arrival)
		same(t, "reply", r, home, lost)
	}
}

func same(t *rapid.T, what string, r Result, at vtime.Instant, lost bool) {
	if lost != (r.End == Lost) || !lost && at != r.At {
		t.Fatalf("%s: walked %v at %d; the memo says %d, lost %v", what, r.End, r.At, at, lost)
	}
	if r.Again < 0 || r.Again > 0 && r.End != Delivered {
		t.Fatalf("%s: %v, again after %v", what, r.End, r.Again)
	}
}

// shares sends n requests and replies from home to dmz-1 over legs that f
// changes, each with a key of its own, and returns their results.
func shares(t *testing.T, n int, f func(s *Spec)) (there, back []Result) {
	s := company()
	f(s)
	b := newBench(t, s)
	for i := range uint64(n) {
		p := b.request(Attachment{Network: home}, dmz1, EchoRequest, MaxTTL)
		p.Key = rng.Seed(2 * i)
		r := b.net.Walk(b.st, p, 0)
		there = append(there, r)
		if r.End == Delivered {
			back = append(back, b.net.Walk(b.st, b.net.Reply(p, EchoReply, DefaultTTL, rng.Seed(2*i+1)), 0))
		}
	}
	return there, back
}

// wantShare holds the share of results that f is true of to a chance, within 5
// standard errors.
func wantShare(t *testing.T, what string, all []Result, want float64, f func(r Result) bool) {
	t.Helper()
	n := 0
	for _, r := range all {
		if f(r) {
			n++
		}
	}
	wide := 5 * math.Sqrt(want*(1-want)/float64(len(all)))
	if got := float64(n) / float64(len(all)); len(all) == 0 || math.Abs(got-want) > wide {
		t.Errorf("%s: %.4f of %d, want %.4f to within %.4f", what, got, len(all), want, wide)
	}
}

const many = 100_000

// Losses of several legs add up as independent ones do.
func TestLossHasItsRate(t *testing.T) {
	there, back := shares(t, many, func(s *Spec) {
		s.Legs[homeEdge].Loss, s.Legs[edgeDMZ].Loss = rng.ChanceOf(0.02), rng.ChanceOf(0.3)
	})
	for _, all := range [][]Result{there, back} {
		wantShare(t, "lost", all, 1-0.98*0.7, func(r Result) bool { return r.End == Lost })
	}
}

// A packet is held back with the chance Reordered, by ReorderedBy.
func TestReorderingHasItsShare(t *testing.T) {
	there, back := shares(t, many, func(s *Spec) {
		s.Legs[homeEdge].Reordered, s.Legs[homeEdge].ReorderedBy = rng.ChanceOf(0.05), 30*ms
	})
	const least = 12*ms + 3
	for _, all := range [][]Result{there, back} {
		wantShare(t, "on time", all, 0.95, func(r Result) bool { return r.At == vtime.Instant(least) })
		wantShare(t, "held back", all, 0.05, func(r Result) bool { return r.At == vtime.Instant(least+30*ms) })
	}
}

// Only the leg at the end of the way makes copies; each comes at least a
// microsecond later, and by the leg's jitter.
func TestDuplicationHasItsShare(t *testing.T) {
	copied := func(r Result) bool { return r.Again > 0 }
	there, back := shares(t, many, func(s *Spec) { s.Legs[edgeDMZ].Duplicates = rng.ChanceOf(0.04) })
	wantShare(t, "requests over the last leg", there, 0.04, func(r Result) bool { return r.Again == copyGap })
	wantShare(t, "replies over the first leg", back, 0, copied)
	there, back = shares(t, many, func(s *Spec) {
		s.Legs[homeEdge].Duplicates = rng.ChanceOf(0.04)
		s.Legs[homeEdge].Jitter = Jitter{Exponential, ms}
	})
	wantShare(t, "requests over the first leg", there, 0, copied)
	wantShare(t, "replies over the last leg", back, 0.04, copied)
	sum, n := 0.0, 0.0
	for _, r := range back {
		if copied(r) {
			sum, n = sum+float64(r.Again-copyGap), n+1
		}
	}
	if mean := sum / n / float64(ms); !(math.Abs(mean-1) < 5/math.Sqrt(n)) {
		t.Errorf("copies come %.3f ms later on average, want 1", mean)
	}
}

// What has no way over a leg has no copies, and what is not delivered neither.
func TestNoCopies(t *testing.T) {
	s := company()
	for i := range s.Legs {
		s.Legs[i].Duplicates = rng.Always
	}
	b := newBench(t, s)
	for _, tc := range []struct {
		a      Attachment
		ttl    uint8
		copied bool
	}{
		{Attachment{Network: home}, MaxTTL, true},
		{Attachment{Network: dmz}, MaxTTL, false},
		{Attachment{Network: home}, homeToDMZ, false},
	} {
		r := b.walk(b.request(tc.a, dmz1, TCP, tc.ttl))
		if r.Again > 0 != tc.copied {
			t.Errorf("%+v: %v, again after %v", tc, r.End, r.Again)
		}
	}
}

// Where nothing varies, delays and chances are the whole truth.
func TestPlainWaysDoNotVary(t *testing.T) {
	s := company()
	s.Legs[edgeDMZ].Loss, s.Legs[edgeDMZ].Duplicates = rng.ChanceOf(0.5), rng.ChanceOf(0.5)
	s.Legs[coreWAN].Jitter = Jitter{Uniform, ms}
	st := newBench(t, s).st
	a := Attachment{Network: home}
	for h, want := range map[HostID]bool{dmz1: false, root: false, paris1: true} { // order: each by itself
		if f := st.Fate(a, h, TCP); f.Varies != want {
			t.Errorf("%s varies: %v", st.net.HostName(h), f.Varies)
		}
	}
	if e, ok := st.ErrorFate(a, paris1, TCP, homeToCore+1); !ok || !e.Varies {
		t.Errorf("error from beyond the link that varies: %+v", e)
	}
	if e, ok := st.ErrorFate(a, paris1, TCP, homeToCore); !ok || e.Varies {
		t.Errorf("error from before it: %+v", e)
	}
}

func TestOutAndHomeDoNotAllocate(t *testing.T) {
	st := newBench(t, rough()).st
	f := st.Fate(Attachment{Network: home}, dmz1, EchoRequest)
	if n := testing.AllocsPerRun(100, func() {
		at, _ := st.Out(f, 1, 0)
		st.Home(f, 2, at)
	}); n != 0 || !f.Varies {
		t.Errorf("%v allocations", n)
	}
}

// rough is the company with jitter and bursts from home to the dmz.
func rough() *Spec {
	s := company()
	s.Legs[homeEdge].Jitter = Jitter{Exponential, ms}
	s.Legs[edgeDMZ].Bursts = &Bursts{Slot: 10 * ms, Begin: rng.ChanceOf(0.01), End: rng.ChanceOf(0.2), Loss: rng.ChanceOf(0.5)}
	return s
}

func BenchmarkOutAndHome(b *testing.B) {
	for _, bc := range []struct {
		name string
		spec *Spec
	}{{"plain", company()}, {"rough", rough()}} {
		b.Run("links="+bc.name, func(b *testing.B) {
			st := newBench(b, bc.spec).st
			f := st.Fate(Attachment{Network: home}, dmz1, EchoRequest)
			key, at := rng.Key(0), vtime.Instant(0)
			for b.Loop() {
				key++
				arrival, _ := st.Out(f, key, at)
				at, _ = st.Home(f, ^key, arrival)
			}
		})
	}
}

// Delays that may outlive a flow couple: whether the reply comes in time is
// left to the walk.
func TestLongDelaysCouple(t *testing.T) {
	for _, tc := range []struct {
		kind  BoxKind
		mean  time.Duration
		holds time.Duration
		want  bool
	}{
		{Stateful, 300 * ms, 0, false}, // 2 x 45 x 300 ms < 30 s
		{Stateful, 400 * ms, 0, true},
		{Stateful, ms, 15 * time.Second, true},
		{Stateless, 400 * ms, 0, false},
		{Stateless, time.Hour, time.Hour, false},
	} {
		s := company()
		s.guard(edge, tc.kind, accepting())
		l := &s.Legs[homeEdge]
		l.Jitter = Jitter{Exponential, tc.mean}
		if tc.holds > 0 {
			l.Reordered, l.ReorderedBy = rng.ChanceOf(0.5), tc.holds
		}
		st := newBench(t, s).st
		a := Attachment{Network: home}
		if f := st.Fate(a, dmz1, EchoRequest); f.Coupled != tc.want || !f.Varies {
			t.Errorf("%+v: coupled %v", tc, f.Coupled)
		}
		if e, ok := st.ErrorFate(a, dmz1, EchoRequest, homeToDMZ); !ok || e.Coupled != tc.want {
			t.Errorf("%+v: error coupled %v", tc, e.Coupled)
		}
	}
}
