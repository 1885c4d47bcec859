package selection

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// TestSizes holds what a fleet's memory is made of: a Selector, the same at
// rest, and two bits a candidate while rounds are in flight.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(Selector{}); got > 160 {
		t.Errorf("a Selector takes %d bytes, want at most 160", got)
	}
	if got := unsafe.Sizeof(Rest{}); got > 24 {
		t.Errorf("a Rest takes %d bytes, want at most 24", got)
	}
	var x Scratch
	x.open(512, false)
	if got := len(x.bits) * 64; got > 2*512 {
		t.Errorf("a Scratch of 512 candidates has %d bits, want two for each", got)
	}
}

// crowd is a list of n relays at one place; their weights go round the given
// ones.
func crowd(n int, weights ...uint32) *List {
	relays := make([]relay, n)
	for i := range relays {
		relays[i] = relay{name: fmt.Sprint("relay-", i), weight: weights[i%len(weights)]}
	}
	return listOf(relays...)
}

// BenchmarkRound500 is one round over 500 candidates that all answer at once:
// from the replies to the request for registration with the winner.
func BenchmarkRound500(b *testing.B) {
	for _, bc := range []struct {
		name    string
		weights []uint32
	}{{"weights=equal", []uint32{100}}, {"weights=three", []uint32{100, 200, 300}}} {
		b.Run(bc.name, func(b *testing.B) {
			c, _ := Compile(automatic(""), defaultParams(), crowd(500, bc.weights...))
			s := New(c, rng.Seed(1), 0)
			s.Lend(new(Scratch))
			replies := make([]Reply, 500)
			for i := range replies {
				replies[i].Candidate = uint16(i) // At 0 is taken as the latest instant seen
			}
			actions := make([]Action, 0, 4)
			now := vtime.Instant(0)
			b.ReportAllocs()
			for b.Loop() {
				s.Trigger(now, AddressChange)
				actions = s.Drain(actions[:0])
				_ = s.Replies(now, actions[0].Seq, replies)
				actions = s.Drain(actions[:0])
				now += 1e9
			}
			if actions[0].Kind != Register {
				b.Fatalf("%v, want a registration", actions[0])
			}
			b.ReportMetric(float64(unsafe.Sizeof(s)), "B/selector")
		})
	}
}

// BenchmarkRest packs and unpacks a client that waits for its next selection.
func BenchmarkRest(b *testing.B) {
	c, _ := Compile(automatic(""), defaultParams(), crowd(3, 100))
	s := New(c, rng.Seed(1), 0)
	var actions []Action
	s.Trigger(0, Start)
	actions = s.Drain(actions[:0])
	_ = s.Replies(1e6, actions[0].Seq, []Reply{{At: 1e6}, {At: 1e6, Candidate: 1}, {At: 1e6, Candidate: 2}})
	actions = s.Drain(actions[:0])
	_ = s.RegisterResult(2e6, actions[0].Seq, Registered)
	s.Drain(nil)
	b.ReportAllocs()
	ok := true
	for b.Loop() {
		var r Rest
		if r, ok = s.Rest(); !ok {
			b.Fatal("not at rest")
		}
		s = Restore(c, rng.Seed(1), r)
	}
	b.ReportMetric(float64(unsafe.Sizeof(Rest{})), "B/client")
}

// tenth answers 9 of 10 probes, by draws of one round.
type tenth struct {
	draws rng.Stream
	lost  rng.Chance
}

func (a *tenth) Answered(i int) bool { return !a.lost.Happens(a.draws.Draw(uint64(i))) }

// BenchmarkSelection is one whole re-selection of a client of a class, from one
// rest to the next: three silent rounds over 50 candidates, then one that the
// entrants may answer, then registration.
func BenchmarkSelection(b *testing.B) {
	p, settings := defaultParams(), automatic("")
	p.RoundEndsEarly = OnTimeoutOnly
	settings.Interval = time.Minute // before the periodic registration
	c, _ := Compile(settings, p, crowd(50, 100))
	silent := New(c, 1, 0)
	silent.Trigger(0, Start)
	silent.Drain(nil)
	before := silent.CopyFor(1, 0)
	for range 3 {
		at, _ := silent.Deadline()
		silent.Expire(at)
	}
	leap := NewLeap(&before, &silent)
	for _, bc := range []struct {
		name     string
		exact    bool
		entrants int
	}{{"lazy-5", false, 5}, {"lazy-50", false, 50}, {"exact-5", true, 5}, {"exact-50", true, 50}} {
		b.Run(bc.name, func(b *testing.B) {
			e := c.Stage(0).Entrants(func(i int) bool { return i%(50/bc.entrants) == 0 })
			a := &tenth{lost: rng.ChanceOf(0.1)}
			var s Selector
			s.Lend(new(Scratch))
			key := rng.Seed(1)
			r := Rest{parent: 1, flags: restRuns | restRegistered | uint8(ByProbe)}
			at, _ := r.Deadline(c, key)
			b.ReportAllocs()
			for b.Loop() {
				s.Restore(c, key, r)
				s.Expire(at)
				a.draws = key.Stream(rng.Loss) + rng.Stream(at)
				if !s.Follow(leap) {
					b.Fatal("the leap was not taken")
				}
				q := &s.Take()[0]
				for q.Kind == AskRound { // again if all 5 are lost
					if !s.Reveal(e, a, bc.exact) {
						b.Fatal("nothing was revealed")
					}
					q = &s.Take()[0]
					a.draws++
				}
				if err := s.RegisterResult(q.At.Add(connectTime), q.Seq, Registered); err != nil {
					b.Fatal(err)
				}
				s.Take()
				ok := true
				if r, at, ok = s.RestUntil(); !ok {
					b.Fatal("not at rest")
				}
			}
			if r.parent == NoRelay || r.seq == 0 {
				b.Fatal("nothing was selected")
			}
		})
	}
}
