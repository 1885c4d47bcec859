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
	won = s.competition()
	if won.size == 0 {
		return -1, won
	}
	law, st := s.course.Params.ZeroWeight, s.stage()
	if s.course.Params.StickyCurrent {
		if i := s.stays(law, won.weight); i >= 0 {
			return i, won
		}
	}
	switch {
	case !st.even:
		winner = s.unevenRace(law, won.weight)
	case effectiveWeight(law, st.Candidates[0].Weight, won.weight) == 0:
		winner = -1
	default:
		winner = s.evenRace()
	}
	return winner, won
}

// evenRace is the race among candidates of one weight: the smallest keyed word
// wins, the lower key among equals, which is the earlier candidate.
func (s *Selector) evenRace() int {
	draws := s.selectionKey().Stream(rng.Race)
	nth := s.stage().nth
	winner, least := -1, uint64(0)
	for k := range s.scratch.words {
		w := s.competitors(k)
		if w == 1<<64-1 { // as in a large stage that answers as a whole
			for j, n := range nth[k<<6 : k<<6+64] {
				if word := draws.At(n); word < least || winner < 0 {
					winner, least = k<<6+j, word
				}
			}
			continue
		}
		for ; w != 0; w &= w - 1 {
			i := k<<6 + bits.TrailingZeros64(w)
			if word := draws.At(nth[i]); word < least || winner < 0 {
				winner, least = i, word
			}
		}
	}
	return winner
}

// unevenRace is the race among candidates of different weights.
func (s *Selector) unevenRace(law ZeroWeight, total uint32) int {
	draws := s.selectionKey().Stream(rng.Race)
	candidates, nth := s.stage().Candidates, s.stage().nth
	winner := -1
	var best runner
	var variate uint64 // of best
	for k := range s.scratch.words {
		for w := s.competitors(k); w != 0; w &= w - 1 {
			i := k<<6 + bits.TrailingZeros64(w)
			c := &candidates[i]
			weight := effectiveWeight(law, c.Weight, total)
			if weight == 0 {
				continue
			}
			r := runner{draws.At(nth[i]), weight, c.Key}
			if winner < 0 || !r.trails(best, variate) && r.compare(best) < 0 {
				winner, best, variate = i, r, rng.Exponential(r.word)
			}
		}
	}
	return winner
}

// trails tells, without a logarithm, that r comes behind best, whose variate is
// given; most do. false leaves it open: -log2(1-u) is at least u, by which the
// variate of r is bounded from below, and products are compared without their
// low 32 bits, which leaves more room than the last digits may be off.
func (r runner) trails(best runner, variate uint64) bool {
	const unit, low = 7, 32 // rng.Exponential counts in 2^-57, a word in 2^-64
	return (r.word>>(unit+low))*uint64(best.weight) > (variate>>low+2)*uint64(r.weight)
}

// stays returns the index of the current parent if it is in the competition
// and eligible, or -1 (sticky_current).
func (s *Selector) stays(law ZeroWeight, total uint32) int {
	for i, c := range s.stage().Candidates {
		if c.Relay == s.parent && effectiveWeight(law, c.Weight, total) > 0 && s.competes(i) {
			return i
		}
	}
	return -1
}

// competition counts the repliers and adds up their weights, a weight of zero
// as 1 if it has a share.
func (s *Selector) competition() (won competition) {
	st := s.stage()
	share := uint64(0)
	if s.course.Params.ZeroWeight == ZeroUniformShare {
		share = 1
	}
	size, weight := 0, uint64(0)
	for k := range s.scratch.words {
		w := s.competitors(k)
		n := bits.OnesCount64(w)
		size += n
		if st.even {
			weight += uint64(n) * max(uint64(st.Candidates[0].Weight), share)
			continue
		}
		for ; w != 0; w &= w - 1 {
			weight += max(uint64(st.Candidates[k<<6+bits.TrailingZeros64(w)].Weight), share)
		}
	}
	return competition{uint16(size), uint32(min(weight, 1<<32-1))}
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
