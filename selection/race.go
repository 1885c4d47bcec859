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
// next smallest follows without new numbers. classes have all repliers; of
// total, the sum of their weights, only matters whether it is 0. It returns the
// winner's index, or -1 if no replier is eligible.
func (s *Selector) race(classes []class, f *field, total uint32) (winner int) {
	if s.course.Params.StickyCurrent {
		if i := s.stays(f, total); i >= 0 {
			return i
		}
	}
	return s.fastest(classes, f, total)
}

// fastest returns the winner of the race, or -1. Among candidates of one weight
// the smallest word wins, so that a logarithm is taken for the first of each
// weight at most.
func (s *Selector) fastest(classes []class, f *field, total uint32) int {
	draws, st := s.selectionKey().Stream(rng.Race), s.stage()
	var rank *ranking
	if f != nil && len(classes) > 0 && f.struck.count() >= mostUnranked {
		rank = s.scratch.rank(classes, f, draws)
	}
	x := leader{place: -1}
	for c := range classes {
		weight := effectiveWeight(&s.course.Params, classes[c].weight, total)
		if weight == 0 {
			continue
		}
		var i int
		var word uint64
		if rank != nil {
			i, word = rank.first(c, f)
		} else {
			i, word = classes[c].first(f, draws)
		}
		if i >= 0 {
			x = x.meet(i, runner{word, weight, st.Candidates[i].Key})
		}
	}
	return x.place
}

// leader is the one of those met so far who comes first, -1 at the beginning.
type leader struct {
	place int
	runner
}

// meet returns who comes first if another is met.
func (x leader) meet(place int, r runner) leader {
	if x.place < 0 || r.precedes(x.runner) {
		return leader{place, r}
	}
	return x
}

// first returns the competitor of a class with the smallest keyed word, -1 if
// there is none; the lower key among equals, which is the earlier candidate.
// Without a field all compete.
func (c *class) first(f *field, draws rng.Stream) (winner int, least uint64) {
	if f == nil || c.whole(f) { // as in a large stage that answers at once
		winner, least = earliest(c.nth, draws)
		return int(c.index[winner]), least
	}
	winner = -1
	j := 0
	for k, members := range c.members {
		w := f.word(c.from+k) & members
		for n := j + bits.OnesCount64(members); j < n; j++ {
			i := c.index[j]
			if w>>(i&63)&1 == 0 {
				continue
			}
			if word := draws.At(c.nth[j]); word < least || winner < 0 {
				winner, least = int(i), word
			}
		}
	}
	return winner, least
}

// ranking is the order in which the repliers to a round come in its race. It is made
// where many of them refuse the client one after another.
type ranking struct {
	draws   rng.Stream
	classes []class
	replied []uint64 // the set of those that it has, those that refused among them
	order   []ranked
	// unsorted is memory for sort.
	unsorted []ranked
	parts    []part // of order, by class; none where the stage has just begun
}

// ranked is a candidate with its word.
type ranked struct {
	word      uint64
	candidate int
}

// part is from a candidate before which all of the class have refused.
type part struct{ from, to int }

// mostUnranked is after how many refusals in a stage a ranking is worth its while.
const mostUnranked = 2

// rank is the ranking of the repliers in a field, without those that had refused
// when it was made.
func (x *Scratch) rank(classes []class, f *field, draws rng.Stream) *ranking {
	r := &x.ranking
	if r.draws == draws && len(r.parts) == len(classes) && &r.classes[0] == &classes[0] && r.isOf(f) {
		return r
	}
	*r = ranking{draws: draws, classes: classes, replied: r.replied[:0], order: r.order[:0], unsorted: r.unsorted, parts: r.parts[:0]}
	for k := range f.awaited {
		r.replied = append(r.replied, f.replied(k))
	}
	for i := range classes {
		c, from := &classes[i], len(r.order)
		for j, nth := range c.nth {
			n := int(c.index[j])
			if k := n >> 6; (r.replied[k]&^f.struck[k])>>(n&63)&1 == 1 {
				r.order = append(r.order, ranked{draws.At(nth), n})
			}
		}
		r.sort(r.order[from:])
		r.parts = append(r.parts, part{from, len(r.order)})
	}
	return r
}

// sort puts ranked candidates in order. Their words are uniform, so that the first
// bits of each tell nearly where it belongs.
func (r *ranking) sort(order []ranked) {
	const top = 7 // bits
	if len(order) > 1<<top/4 {
		var begins [1 << top]int
		for i := range order {
			begins[order[i].word>>(64-top)]++
		}
		sum := 0
		for i, n := range begins {
			begins[i] = sum
			sum += n
		}
		r.unsorted = append(r.unsorted[:0], order...)
		for i := range r.unsorted {
			x := &r.unsorted[i]
			at := &begins[x.word>>(64-top)]
			order[*at] = *x
			*at++
		}
	}
	for i := 1; i < len(order); i++ { // most are where they belong
		x, j := order[i], i
		for ; j > 0 && x.precedes(order[j-1]); j-- {
			order[j] = order[j-1]
		}
		order[j] = x
	}
}

func (x ranked) precedes(y ranked) bool {
	return x.word < y.word || x.word == y.word && x.candidate < y.candidate
}

// isOf tells whether the ranking has those who replied in a field.
func (r *ranking) isOf(f *field) bool {
	for k, w := range r.replied {
		if w != f.replied(k) {
			return false
		}
	}
	return true
}

// first is class.first for the n-th class.
func (r *ranking) first(n int, f *field) (winner int, least uint64) {
	p := &r.parts[n]
	for ; p.from < p.to; p.from++ {
		if x := &r.order[p.from]; !f.struck.has(x.candidate) {
			return x.candidate, x.word
		}
	}
	return -1, 0
}

// earliest returns the place of the smallest draw, the earlier one among equals.
func earliest(nth []rng.Nth, draws rng.Stream) (place int, least uint64) {
	least = draws.At(nth[0])
	for j := 1; j < len(nth); j++ {
		if word := draws.At(nth[j]); word < least {
			place, least = j, word
		}
	}
	return place, least
}

// whole tells whether every member of a class competes.
func (c *class) whole(f *field) bool {
	for k, members := range c.members {
		if f.word(c.from+k)&members != members {
			return false
		}
	}
	return true
}

// precedes tells whether r comes before o. It spares the logarithms where their
// bounds tell.
func (r runner) precedes(o runner) bool {
	if r.weight|o.weight < 1<<20 {
		least, most := r.bounds()
		othersLeast, othersMost := o.bounds()
		switch {
		case most*uint64(o.weight) < othersLeast*uint64(r.weight):
			return true
		case othersMost*uint64(r.weight) < least*uint64(o.weight):
			return false
		}
	}
	return r.compare(o) < 0
}

// bounds are between what the exponential variate is, in units of 2^-32, by the
// upper half of the word: for u up to 1/4 u + u²/2 and u³/2 more, which are those
// of -ln(1-u), beyond that what the variate is at both ends of an interval. They
// leave more room than the last digits of rng.Exponential may be off if weights
// are below 2^20.
func (r runner) bounds() (least, most uint64) {
	if i := r.word >> 56; i >= 64 {
		return variates[i], variates[i+1] + 2
	}
	const perNatural = 0x171547652 // 1/ln 2
	u := r.word >> 32
	square := u * u >> 32
	least = u + square>>1
	most = least + square*u>>33 + 4
	return least * perNatural >> 32, most*perNatural>>32 + 2
}

// variates are the exponential variates of words whose upper byte is the index
// and whose others are 0, in units of 2^-32, rounded down.
var variates = func() (v [257]uint64) {
	for i := range uint64(256) {
		v[i] = (rng.Exponential(i<<56) - min(4, rng.Exponential(i<<56))) >> 25
	}
	v[256] = 64 << 32
	return v
}()

// stays returns the index of the current parent if it is in the competition
// and eligible, or -1 (sticky_current).
func (s *Selector) stays(f *field, total uint32) int {
	for i, c := range s.stage().Candidates {
		if c.Relay == s.parent && effectiveWeight(&s.course.Params, c.Weight, total) > 0 && f.has(i) {
			return i
		}
	}
	return -1
}

// competition counts the repliers and adds up their weights, a weight of zero
// as 1 if it has a share.
func (s *Selector) competition(classes []class, f *field) (won competition) {
	share := uint64(0)
	if s.course.Params.ZeroWeight == ZeroUniformShare {
		share = 1
	}
	size, weight := 0, uint64(0)
	for i := range classes {
		c, n := &classes[i], 0
		for k, members := range c.members {
			n += bits.OnesCount64(f.word(c.from+k) & members)
		}
		size += n
		weight += uint64(n) * max(uint64(c.weight), share)
	}
	return competition{uint16(size), uint32(min(weight, 1<<32-1))}
}

// effectiveWeight is the rate of a replier in the race; 0 means not eligible.
// What the client makes of a weight of 0 is not public (6.8), and that others
// count in proportion is derived (6.4).
func effectiveWeight(p *Params, weight, total uint32) uint32 {
	switch {
	case weight == 0 && (p.ZeroWeight == ZeroUniformShare || p.ZeroWeight == EligibleOnlyIfTotalZero && total == 0):
		return 1
	case weight != 0 && p.DrawLaw == UniformDraw:
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
