package topology

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// impairmentID numbers the legs with an impairment from 1; 0 is none. (A
// pointer in its place would make every walk allocate.)
type impairmentID int32

func (n *Network) impairment(id impairmentID) *impairment { return &n.impairments[id-1] }

// impairment is what makes the near link of a leg treat packets differently:
// a compiled LegSpec's Jitter, Bursts, Duplicates and Reordered.
type impairment struct {
	leg        uint64 // hash of the leg's name
	jitter     Jitter
	reordered  rng.Chance
	holds      time.Duration // what is reordered
	duplicates rng.Chance
	burst      burstID
}

// impair compiles what befalls packets on a leg.
func (n *Network) impair(l *LegSpec) impairmentID {
	i := impairment{
		leg: rng.Hash(l.Name), jitter: l.Jitter, reordered: l.Reordered, holds: l.ReorderedBy,
		duplicates: l.Duplicates, burst: noBursts,
	}
	if l.Bursts != nil {
		i.burst = burstID(len(n.bursts))
		n.bursts = append(n.bursts, newBursts(l.Bursts, i.leg))
	}
	if !i.varies() && i.duplicates == rng.Never {
		return 0
	}
	n.impairments = append(n.impairments, i)
	return impairmentID(len(n.impairments))
}

// varies tells whether delay or loss differ from packet to packet.
func (i *impairment) varies() bool {
	return i.jitter.Mean > 0 || i.burst != noBursts || i.reordered != rng.Never && i.holds > 0
}

// delay is what a packet with this key takes longer than the least. A packet
// that crosses a leg twice is held up alike both times.
func (i *impairment) delay(key rng.Key) time.Duration {
	d := i.jitter.sample(key.Stream(rng.Jitter), i.leg)
	if i.reordered.Happens(key.Draw(rng.Reorder, i.leg)) {
		d += i.holds
	}
	return d
}

// most is the longest that a packet takes longer than the least.
func (i *impairment) most() time.Duration {
	if i.reordered == rng.Never {
		return i.jitter.most()
	}
	return i.jitter.most() + i.holds
}

// copyGap is the least time between a packet and its copy.
const copyGap = time.Microsecond

// again is how much later a copy of a packet with this key arrives that the
// leg was the last one to carry: copyGap, and the jitter of the leg once more.
// It is 0 if there is no copy.
func (i *impairment) again(key rng.Key) time.Duration {
	s := key.Stream(rng.Duplicate)
	if !i.duplicates.Happens(s.Draw(i.leg)) {
		return 0
	}
	return copyGap + i.jitter.sample(s, i.leg+1)
}

// link takes the packet over one link. On the segment's near one are the
// segment's loss and what else befalls packets by chance.
//
// The cumulative losses of the links and of their bursts are kept apart and
// put together for the test, so that it does not matter in which order they
// came: the one chance of a whole way is the same in integers.
func (w *walker) link(s *segment, near bool) bool {
	if !near {
		w.at = w.at.Add(s.link)
		return true
	}
	if s.leg != NoLeg {
		w.last = s.impaired
	}
	if s.impaired != 0 {
		w.suffer(s.impaired)
	}
	w.at = w.at.Add(s.first)
	w.loss = w.loss.Or(s.loss)
	if w.dry {
		w.risk(s)
		return true
	}
	if s.loss == rng.Never && s.impaired == 0 || !IsLost(w.p.Key, w.loss.Or(w.burst)) {
		return true
	}
	if IsLost(w.p.Key, w.loss) {
		w.note(s.of(), "lost")
	} else {
		w.note(s.of(), "lost in a burst")
	}
	return w.stop(Lost, NoBox, -1)
}

// risk notes that a packet can be lost on the near link of a segment.
func (w *walker) risk(s *segment) {
	if s.loss == rng.Never && s.impaired == 0 {
		return
	}
	met := w.met + w.hops
	for i := range w.inner {
		met += w.inner[i].hops
	}
	w.st.risks = append(w.st.risks, risk{w.loss, met, len(w.st.variations)})
}

// suffer lets the packet have what befalls it at the beginning of a link. A
// dry walk only notes the place.
func (w *walker) suffer(id impairmentID) {
	i := w.net.impairment(id)
	switch {
	case !i.varies():
	case w.dry:
		w.st.variations = append(w.st.variations, variation{w.at.Sub(0), id})
	default:
		w.burst = w.burst.Or(w.st.burstLoss(i, w.at))
		w.at = w.at.Add(i.delay(w.p.Key))
	}
}

// again is Result.Again of a packet that was delivered.
func (w *walker) again() time.Duration {
	return w.net.again(w.last, w.p.Key)
}

// again is Result.Again of a packet with a key that the leg with an impairment,
// or 0, was the last to carry.
func (n *Network) again(last impairmentID, key rng.Key) time.Duration {
	if last == 0 {
		return 0
	}
	return n.impairment(last).again(key)
}

// burstLoss is the chance of loss that the bursts of a link add at an instant.
func (s *State) burstLoss(i *impairment, at vtime.Instant) rng.Chance {
	if i.burst == noBursts {
		return rng.Never
	}
	b := &s.net.bursts[i.burst]
	if !s.chains[i.burst].isBad(b, at) {
		return rng.Never
	}
	return b.loss
}

// SetWeather keys what befalls links by themselves: the state of Bursts. Equal
// keys mean equal weather, until it is set again.
func (s *State) SetWeather(key rng.Key) {
	for i := range s.chains {
		s.chains[i] = newChain(&s.net.bursts[i], key)
	}
}
