package selection

import (
	"slices"

	"github.com/relaysim/relaysim/rng"
)

// Standing is a replier's place in a race, for explanations. No decision reads
// it.
type Standing struct {
	// Candidate is the replier's index in the stage.
	Candidate int
	// Weight is the rate with which it takes part; 0 means not at all (6.8).
	Weight uint32
	// Variate is its exponential variate before the weight divides it, in the
	// units of rng.Exponential. The smallest quotient wins (6.4).
	Variate uint64
	// Kept marks the current parent where sticky_current keeps it.
	Kept bool
}

// Standings returns the repliers of the current round in the order in which
// the race has them, the winner first and who takes no part last. It is
// complete while the registration that follows the race is in flight; who
// refused the client is left out. After Reveal it needs Fill.
func (s *Selector) Standings() []Standing {
	if s.scratch.veiled != nil {
		panic("selection: the standings of a race whose answers were left unknown: Fill comes first")
	}
	key, f := s.selectionKey(), s.field()
	won := s.competition(s.stage().classes, &f)
	type entrant struct {
		Standing
		runner
	}
	var field []entrant
	for i, c := range s.stage().Candidates {
		if !f.has(i) {
			continue
		}
		w := effectiveWeight(&s.course.Params, c.Weight, won.weight)
		word := key.Draw(rng.Race, c.Key)
		kept := w > 0 && s.course.Params.StickyCurrent && c.Relay == s.parent
		field = append(field, entrant{
			Standing{Candidate: i, Weight: w, Variate: rng.Exponential(word), Kept: kept},
			runner{word, w, c.Key},
		})
	}
	slices.SortStableFunc(field, func(a, b entrant) int {
		switch {
		case a.Kept != b.Kept:
			return before(a.Kept)
		case (a.runner.weight > 0) != (b.runner.weight > 0):
			return before(a.runner.weight > 0)
		}
		return a.compare(b.runner)
	})
	out := make([]Standing, len(field))
	for i := range field {
		out[i] = field[i].Standing
	}
	return out
}

// before orders first what is true.
func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

// Distance returns the range of hop counts that a reply stands for in a sweep's
// round with the given IP TTL (5.8).
func (c *Course) Distance(ttl uint8) (least, most int) {
	i := max(0, slices.Index(c.TTLs, ttl))
	a, b := c.distance(i)
	return int(a), int(b)
}
