package results

import (
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// pool is what a set of clients met in one replication: the sum of its slots.
type pool struct {
	plan  *sim.Plan
	tally *sim.Tally
	sim.SlotTally
	// online and never are the clients of the labels that the slots name.
	online, never uint64
	slots         []int
}

// pooled adds up the slots of a tally.
func pooled(p *sim.Plan, t *sim.Tally, slots []int) *pool {
	out := &pool{plan: p, tally: t, slots: slots}
	out.FoundBy = make([]uint64, len(p.FoundBounds))
	out.TimeOn = make([]uint64, len(p.Relays))
	seen := make([]bool, len(p.Labels))
	for _, s := range slots {
		addSlot(&out.SlotTally, &t.Slots[s])
		if l := s / len(p.Networks); !seen[l] {
			seen[l] = true
			out.online += t.Online[l]
			out.never += t.Never[l]
		}
	}
	return out
}

func addSlot(to, s *sim.SlotTally) {
	for _, c := range []struct {
		to *uint64
		x  uint64
	}{
		{&to.Sessions, s.Sessions},
		{&to.Online, s.Online},
		{&to.Without, s.Without},
		{&to.OnlineAll, s.OnlineAll},
		{&to.Kept, s.Kept},
		{&to.Probes, s.Probes},
		{&to.Outdated, s.Outdated},
		{&to.DistanceKnown, s.DistanceKnown},
		{&to.Roams, s.Roams},
		{&to.Moves, s.Moves},
		{&to.Flaps, s.Flaps},
		{&to.Losses, s.Losses},
		{&to.LossesRestored, s.LossesRestored},
		{&to.LossesCut, s.LossesCut},
		{&to.LossesOpen, s.LossesOpen},
		{&to.Detection, s.Detection},
		{&to.Resist, s.Resist},
		{&to.Probing, s.Probing},
		{&to.Registration, s.Registration},
		{&to.RetryWait, s.RetryWait},
	} {
		*c.to += c.x
	}
	addCounts(to.FoundBy, s.FoundBy)
	addCounts(to.TimeOn, s.TimeOn)
	addCounts(to.TimeBy[:], s.TimeBy[:])
	addCounts(to.Selections[:], s.Selections[:])
	addCounts(to.RegFailures[:], s.RegFailures[:])
	addCounts(to.Rehomes[:], s.Rehomes[:])
	to.FoundTime.Merge(&s.FoundTime)
	to.SelectionTime.Merge(&s.SelectionTime)
	to.Rounds.Merge(&s.Rounds)
	to.Distance.Merge(&s.Distance)
	to.RehomeTime.Merge(&s.RehomeTime)
	to.ListAge.Merge(&s.ListAge)
}

func addCounts(to, from []uint64) {
	for i, n := range from {
		to[i] += n
	}
}

func sum(ns []uint64) (total uint64) {
	for _, n := range ns {
		total += n
	}
	return total
}

// selections is the number of selections, found the number of those that
// ended with a parent.
func (p *pool) selections() uint64 { return sum(p.Selections[:]) }
func (p *pool) found() uint64      { return p.selections() - p.Selections[selection.ByNone] }

// clientDays is the online time in client-days.
func (p *pool) clientDays() float64 { return float64(p.OnlineAll) / (24 * 3600 * 1e6) }
