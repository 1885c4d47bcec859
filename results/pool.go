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
	seen := make([]bool, len(p.Labels))
	for _, s := range slots {
		out.SlotTally.Add(&t.Slots[s])
		if l := s / len(p.Networks); !seen[l] {
			seen[l] = true
			out.online += t.Online[l]
			out.never += t.Never[l]
		}
	}
	return out
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
