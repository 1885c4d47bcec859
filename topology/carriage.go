package topology

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// carriage sums up the links of a way from where a packet starts to where it
// ends, so that its delay and loss need no walk.
type carriage struct {
	delay time.Duration // the least, of all links
	loss  rng.Chance    // cumulative, without that of bursts
	// variations are the links where delay or loss vary, in their order.
	variations []variation
}

// variation is a link with an impairment that varies; after is the least delay
// before it.
type variation struct {
	after time.Duration
	by    impairmentID
}

// most is the longest that a packet may be under way.
func (n *Network) most(c *carriage) time.Duration {
	at := vtime.Instant(c.delay) // saturates
	for _, x := range c.variations {
		at = at.Add(n.impairment(x.by).most())
	}
	return at.Sub(0)
}

// leastLifetime is that of any flow or mapping in the boxes, forever if none
// tracks any.
func leastLifetime(boxes []box) time.Duration {
	least := time.Duration(vtime.Never)
	for i := range boxes {
		if b := &boxes[i]; b.tracks() {
			least = min(least, b.lifetimes.TCP, b.lifetimes.UDP, b.lifetimes.ICMP)
		}
	}
	return least
}

// outlasts tells whether an exchange may take longer than a flow or mapping
// lives, so that only a walk can tell whether it does.
func (n *Network) outlasts(out, home *carriage) bool {
	return vtime.Instant(n.most(out)).Add(n.most(home)) >= vtime.Instant(n.patience)
}

// carriages are those of an exchange some of which vary.
type carriages struct{ out, home carriage }

// waysOf is nil where two delays and two chances are enough.
func waysOf(out, home carriage) *carriages {
	if len(out.variations)+len(home.variations) == 0 {
		return nil
	}
	return &carriages{out, home}
}

// carry is what Walk does to a packet on its links, without the walk.
func (s *State) carry(c *carriage, key rng.Key, at vtime.Instant) (arrival vtime.Instant, lost bool) {
	burst := rng.Never
	for _, x := range c.variations {
		i := s.net.impairment(x.by)
		burst = burst.Or(s.burstLoss(i, at.Add(x.after)))
		at = at.Add(i.delay(key))
	}
	return at.Add(c.delay), IsLost(key, c.loss.Or(burst))
}

// Out is when a request with this key, sent at the instant at, arrives or
// ends as f.Forward says; lost tells that it does not, by chance. It agrees
// with Walk.
func (s *State) Out(f *Fate, key rng.Key, at vtime.Instant) (arrival vtime.Instant, lost bool) {
	if f.ways == nil {
		return at.Add(f.DelayForward), IsLost(key, f.LossForward)
	}
	return s.carry(&f.ways.out, key, at)
}

// Home is when the reply with this key, sent at the instant at, is back or
// ends as f.Back says; lost tells that it does not, by chance. If f.Forward is
// Refused, it is about the error instead, in so far as one was made. It agrees
// with Walk.
func (s *State) Home(f *Fate, key rng.Key, at vtime.Instant) (arrival vtime.Instant, lost bool) {
	if f.ways == nil {
		return at.Add(f.DelayBack), IsLost(key, f.LossBack)
	}
	return s.carry(&f.ways.home, key, at)
}

// ErrorOut is Out for the request that an ErrorFate is about: when it ends
// where the error is made.
func (s *State) ErrorOut(f *ErrorFate, key rng.Key, at vtime.Instant) (end vtime.Instant, lost bool) {
	if f.ways == nil {
		return at.Add(f.DelayForward), IsLost(key, f.LossForward)
	}
	return s.carry(&f.ways.out, key, at)
}

// ErrorHome is Home for the error, sent at the instant at. It means something
// if f.Made.
func (s *State) ErrorHome(f *ErrorFate, key rng.Key, at vtime.Instant) (arrival vtime.Instant, lost bool) {
	if f.ways == nil {
		return at.Add(f.DelayBack), IsLost(key, f.LossBack)
	}
	return s.carry(&f.ways.home, key, at)
}
