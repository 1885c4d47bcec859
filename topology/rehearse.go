package topology

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Rehearsal is the way of a packet without chance.
type Rehearsal struct {
	Result
	// Way has every element: the routers and boxes, and the host.
	Way []Hop
	// Loss is the cumulative chance that the packet is lost before it ends so,
	// without that of bursts.
	Loss rng.Chance
	// Limited means that a limit or the size of a table took part, as one that
	// is not exceeded. Varies means that delay or loss vary on the way; At has
	// the least delay.
	Limited, Varies bool
}

// Rehearse is Trace without random loss and delay, and with limits that are
// never exceeded, from which it takes nothing. What boxes remember it does
// change, so that a reply may follow its request.
func (s *State) Rehearse(p Packet, at vtime.Instant) Rehearsal {
	var r Rehearsal
	var w walker
	w.start(s, &p, at)
	w.dry, w.trace = true, &r.Way
	var j journey
	r.Result = w.rehearse(&j)
	r.Again = 0
	r.Loss, r.Limited, r.Varies = j.loss, w.coupled, len(j.variations) > 0
	return r
}
