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
		s = unpacked(c, rng.Seed(1), r)
	}
	b.ReportMetric(float64(unsafe.Sizeof(Rest{})), "B/client")
}

// tenth answers 9 of 10 probes, by draws of one round.
type tenth struct {
	draws rng.Stream
	lost  rng.Chance
}

func (a *tenth) Answered(i int) bool { return !a.lost.Happens(a.draws.Draw(uint64(i))) }

// classmate is a client of a class whose first three rounds nobody answers, and
// any entrant the fourth one, 9 times of 10.
type classmate struct {
	sel      Selector
	course   *Course
	key      rng.Key
	leap     *Leap
	entrants *Entrants
	answers  tenth
	rest     Rest
	next     vtime.Instant
	out      []Action
}

// newClassmate puts a client among 50 candidates, of which some are entrants.
func newClassmate(entrants int) *classmate {
	p, settings := defaultParams(), automatic("")
	p.RoundEndsEarly = OnTimeoutOnly
	settings.Interval = time.Minute // before the periodic registration
	m := &classmate{key: rng.Seed(1), rest: Rest{parent: 1, flags: restRuns | restRegistered | uint8(ByProbe)}}
	m.course, _ = Compile(settings, p, crowd(50, 100))
	silent := New(m.course, 1, 0)
	silent.Trigger(0, Start)
	before := silent.CopyFor(1, 0)
	for range 3 {
		at, _ := silent.Deadline()
		silent.Expire(at)
	}
	m.leap = NewLeap(&before, &silent)
	m.entrants = m.course.Stage(0).Entrants(func(i int) bool { return i%(50/entrants) == 0 })
	m.answers.lost = rng.ChanceOf(0.1)
	first := unpacked(m.course, m.key, m.rest)
	m.next, _ = first.Deadline()
	m.sel.Lend(new(Scratch))
	return m
}

// selects goes from one rest through a selection to the next.
func (m *classmate) selects(exact bool) bool {
	s := &m.sel
	s.Restore(m.course, m.key, m.rest)
	m.answers.draws = m.key.Stream(rng.Loss) + rng.Stream(m.next)
	if !s.ExpireAlong(m.next, m.leap) {
		return false
	}
	m.out = s.Swap(m.out)
	q := &m.out[0]
	for q.Kind == AskRound { // again if all are lost
		if !s.Reveal(m.entrants, &m.answers, exact) {
			return false
		}
		m.out = s.Swap(m.out)
		q = &m.out[0]
		m.answers.draws++
	}
	err := s.RegisterResult(q.At.Add(connectTime), q.Seq, Registered)
	m.out = s.Swap(m.out)
	ok := false
	m.rest, m.next, ok = s.RestUntil()
	return ok && err == nil
}

// BenchmarkSelection is one whole re-selection of a client of a class of 5 or 50
// entrants.
func BenchmarkSelection(b *testing.B) {
	for _, bc := range []struct {
		name     string
		exact    bool
		entrants int
	}{{"lazy-5", false, 5}, {"lazy-50", false, 50}, {"exact-5", true, 5}, {"exact-50", true, 50}} {
		b.Run(bc.name, func(b *testing.B) {
			m := newClassmate(bc.entrants)
			b.ReportAllocs()
			for b.Loop() {
				if !m.selects(bc.exact) {
					b.Fatal("not the way of the class")
				}
			}
		})
	}
}

func TestReselectionOfAClassDoesNotAllocate(t *testing.T) {
	for _, exact := range []bool{false, true} {
		m := newClassmate(5)
		if n := testing.AllocsPerRun(1000, func() {
			if !m.selects(exact) {
				t.Fatal("not the way of the class")
			}
		}); n != 0 {
			t.Errorf("exact %t: %v allocations a re-selection, want none", exact, n)
		}
	}
}
