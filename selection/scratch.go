package selection

import (
	"slices"

	"github.com/relaysim/relaysim/vtime"
)

// Scratch is the memory in which a Selector works while something is in
// flight: two bits for each candidate of the stage being asked, five where ICMP
// errors count, and the actions not yet drained. A driver may lend one Scratch
// to one Selector after another, each for as long as something is in flight
// (Lend). The zero Scratch is ready to use.
type Scratch struct {
	words int // 64-bit words of a set
	bits  []uint64
	out   []Action
	// veiled is set while a registration is in flight whose target won a race
	// in which not all answers were asked for (Reveal).
	veiled *Entrants
	// along is the way that a selection which begins may take (ExpireAlong).
	along   *Leap
	ranking ranking
	// winner is the candidate that won the last race: a hint, which strike checks.
	winner int
}

// The sets of a Scratch. The last three are kept where ICMP errors count.
const (
	struckSet  = iota // refused the client in this stage
	awaitedSet        // asked in this round and without an echo reply
	erroredSet        // answered this round by an ICMP error
	expiredSet        // answered this round by a time-exceeded
	tracedSet         // answered an earlier round by a time-exceeded
	numSets

	plainSets = erroredSet
)

// open empties the sets of a stage of n candidates.
func (x *Scratch) open(n int, errors bool) {
	sets := plainSets
	if errors {
		sets = numSets
	}
	x.words = (n + 63) / 64
	x.bits = slices.Grow(x.bits[:0], sets*x.words)[:sets*x.words]
	clear(x.bits)
	x.ranking.parts = x.ranking.parts[:0]
}

// set returns one of the sets.
func (x *Scratch) set(i int) set { return x.bits[i*x.words : (i+1)*x.words] }

// copyFrom makes x a copy of o.
func (x *Scratch) copyFrom(o *Scratch) {
	x.words, x.veiled = o.words, o.veiled
	x.bits = append(x.bits[:0], o.bits...)
	x.out = append(x.out[:0], o.out...)
}

// Lend gives the Selector another scratch area, which is the Selector's until
// the next Lend; what the one it has holds is copied. Lend(nil) takes it back.
// A Selector without one allocates its own when something is in flight.
func (s *Selector) Lend(x *Scratch) {
	old := s.scratch
	s.scratch = x
	switch {
	case old == nil || old == x:
		if x != nil && old == nil {
			*x = Scratch{bits: x.bits[:0], out: x.out[:0], ranking: x.ranking}
		}
	case x != nil:
		x.copyFrom(old)
	case s.inFlight() || len(old.out) > 0:
		s.lent().copyFrom(old)
	}
}

// lent returns the scratch area.
func (s *Selector) lent() *Scratch {
	if s.scratch == nil {
		s.scratch = new(Scratch)
	}
	return s.scratch
}

// emit appends an action to those not yet drained, for the caller to fill in.
func (s *Selector) emit(kind ActionKind, at vtime.Instant) *Action {
	x := s.lent()
	n := len(x.out)
	if n == cap(x.out) {
		x.out = slices.Grow(x.out, 4)
	}
	x.out = x.out[:n+1]
	a := &x.out[n]
	*a = Action{}
	a.Kind, a.At, a.Target, a.Previous = kind, at, NoRelay, s.parent
	a.DistanceMin, a.DistanceMax = -1, -1
	return a
}
