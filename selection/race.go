package selection

import (
	"cmp"
	"math/bits"

	"github.com/relaysim/relaysim/rng"
)

// competition is the account of a draw (6.3): the number of repliers and the
// sum of their weights.
type competition struct {
	size   uint16
	weight uint32
}

// runner is a replier in the race.
type runner struct {
	word   uint64 // keyed by client, selection and relay
	weight uint32
	key    uint64
}

// race draws the winner among the repliers: each has an exponential variate
// with its weight as the rate, the smallest wins (6.4). So a relay wins with
// probability weight ÷ sum, whoever else was asked, and after a refusal the
// next smallest follows without new numbers. It returns the winner's index,
// or -1 if no replier is eligible.
func (s *Selector) race() (winner int, won competition) {
	winner = -1
	won = s.competition()
	if won.size == 0 {
		return winner, won
	}
	key := s.selectionKey()
	var best runner
	for i, c := range s.stage().Candidates {
		w := effectiveWeight(s.course.Params.ZeroWeight, c.Weight, won.weight)
		if w == 0 || !s.competes(i) {
			continue
		}
		if s.course.Params.StickyCurrent && c.Relay == s.parent {
			return i, won
		}
		r := runner{key.Draw(rng.Race, c.Key), w, c.Key}
		if winner < 0 || r.compare(best) < 0 {
			winner, best = i, r
		}
	}
	return winner, won
}

// competition counts the repliers and adds up their weights, a weight of zero
// as 1 if it has a share.
func (s *Selector) competition() (won competition) {
	weight := uint64(0)
	for i, c := range s.stage().Candidates {
		if !s.competes(i) {
			continue
		}
		won.size++
		if c.Weight == 0 && s.course.Params.ZeroWeight == ZeroUniformShare {
			weight++
		}
		weight += uint64(c.Weight)
	}
	won.weight = uint32(min(weight, 1<<32-1))
	return won
}

// effectiveWeight is the rate of a replier in the race; 0 means not eligible.
// What the client makes of a weight of 0 is not public (6.8).
func effectiveWeight(law ZeroWeight, weight, total uint32) uint32 {
	if weight == 0 && (law == ZeroUniformShare || law == EligibleOnlyIfTotalZero && total == 0) {
		return 1
	}
	return weight
}

// compare orders two runners by variate ÷ weight. Equal weights need no
// logarithm; otherwise the fractions are compared exactly. Ties end in the
// words and the relays' keys.
func (r runner) compare(o runner) int {
	if r.weight != o.weight {
		hi1, lo1 := bits.Mul64(rng.Exponential(r.word), uint64(o.weight))
		hi2, lo2 := bits.Mul64(rng.Exponential(o.word), uint64(r.weight))
		if order := cmp.Or(cmp.Compare(hi1, hi2), cmp.Compare(lo1, lo2)); order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(r.word, o.word), cmp.Compare(r.key, o.key))
}
