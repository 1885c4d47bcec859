package topology

import (
	"math/bits"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// burstID numbers the legs with Bursts; noBursts is none.
type burstID int32

const noBursts burstID = -1

// bursts is a compiled Bursts: a Markov chain of two states, good and bad,
// with one word drawn for each slot that decides how it goes on. The same word
// serves for both states (a coupling): where it makes either of them the same
// state, the past does not matter any more. So the state of any slot is found
// by looking back to the last slot that decided it, and no other slot need
// have been looked at before.
type bursts struct {
	slot vtime.Instant
	// begin is the chance of bad after good, stay that of bad after bad.
	begin, stay rng.Chance
	// first is the chance of bad in slot 0, as in the long run.
	first rng.Chance
	loss  rng.Chance
	leg   uint64 // hash of its leg's name
}

func newBursts(b *Bursts, leg uint64) bursts {
	return bursts{
		slot: vtime.Instant(b.Slot), begin: b.Begin, stay: complement(b.End),
		first: share(b.Begin, b.End), loss: b.Loss, leg: leg,
	}
}

// complement is the chance that what has the chance c does not happen.
func complement(c rng.Chance) rng.Chance {
	switch c {
	case rng.Never:
		return rng.Always
	case rng.Always:
		return rng.Never
	}
	return -c
}

// share is a/(a+b) for b > 0.
func share(a, b rng.Chance) rng.Chance {
	sum, carry := bits.Add64(uint64(a), uint64(b), 0)
	if carry != 0 {
		a, sum = a>>1, sum>>1|1<<63
	}
	q, _ := bits.Div64(uint64(a), 0, sum)
	return rng.Chance(q)
}

// next is the word's decision: whether the link is bad after it was good, and
// after it was bad.
func (b *bursts) next(word uint64) (afterGood, afterBad bool) {
	return b.begin.Happens(word), b.stay.Happens(word)
}

// chain is what a State knows of the states of a link.
type chain struct {
	words rng.Stream
	// decided has the states of slots whose number is a multiple of stride, so
	// that few look-backs go further than that.
	decided [remembered]decision
}

// decision is the state of a slot; slot is its number, 0 for no slot.
type decision struct {
	slot int64
	bad  bool
}

const (
	stride     = 64
	remembered = 64
)

// newChain is the chain of a link under a weather.
func newChain(b *bursts, weather rng.Key) chain {
	return chain{words: weather.Child(rng.Burst, b.leg).Stream(rng.Burst)}
}

// isBad tells whether the link is bad at an instant: a pure function of the
// weather, the leg's name, the chances and the slot, whatever was asked before.
func (c *chain) isBad(b *bursts, at vtime.Instant) bool {
	slot := int64(max(at, 0) / b.slot)
	from := slot - slot%stride
	bad, turned, ok := c.lookBack(b, slot, from)
	if ok {
		return bad
	}
	d := &c.decided[from/stride%remembered]
	if d.slot != from {
		bad, _, _ := c.lookBack(b, from, 0)
		*d = decision{from, bad}
	}
	return d.bad != turned
}

// lookBack finds the state of a slot from the words after the slot from. It is
// not ok if these decide nothing; then turned tells whether the state is
// another than that of the slot from. It is always ok from slot 0.
func (c *chain) lookBack(b *bursts, slot, from int64) (bad, turned, ok bool) {
	if b.begin == rng.Always && b.stay == rng.Never { // it turns round in every slot
		return b.first.Happens(c.words.Draw(0)) != (slot%2 == 1), false, true
	}
	for ; slot > from; slot-- {
		afterGood, afterBad := b.next(c.words.Draw(uint64(slot)))
		if afterGood == afterBad {
			return afterGood != turned, false, true
		}
		turned = turned != afterGood // it turns the state round or keeps it
	}
	if slot > 0 {
		return false, turned, false
	}
	return b.first.Happens(c.words.Draw(0)) != turned, false, true
}
