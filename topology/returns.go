package topology

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Returns is the chance that the reply to a request of f, sent at an instant
// with enough TTL, gets back, over the keys that request and reply may have. The
// weather is what it is: links with Bursts count as they stand when the packet
// comes to them, jitter aside. It is Never where either ends in another way.
func (s *State) Returns(f *Fate, at vtime.Instant) rng.Chance {
	if f.Forward != Delivered || f.Back != Delivered {
		return rng.Never
	}
	out, home := f.LossForward, f.LossBack
	if f.ways != nil {
		out = s.lossOf(&f.ways.out, at)
		home = s.lossOf(&f.ways.home, at.Add(f.DelayForward))
	}
	return complement(out.Or(home))
}

// lossOf is the chance that a packet is lost which sets out at an instant.
func (s *State) lossOf(c *carriage, at vtime.Instant) rng.Chance {
	burst := rng.Never
	for _, x := range c.variations {
		burst = burst.Or(s.burstLoss(s.net.impairment(x.by), at.Add(x.after)))
	}
	return c.loss.Or(burst)
}
