package sim

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// Trace is every selection of a cell, when it is done in order of client and
// start, or what has not been given away of them.
type Trace struct {
	Decisions []Decision
	// give takes atOnce of them and the last, in order; nil: all are kept.
	give   func(block []Decision)
	atOnce int
}

// giveDecisions lets a cell keep no more of its decisions than that at once.
func (c *cell) giveDecisions(atOnce int, give func(block []Decision)) {
	c.trace.give, c.trace.atOnce = give, atOnce
	c.eachWorker(func(w *cell) { w.trace.give, w.trace.atOnce = give, atOnce })
}

// giveAway gives away what is there.
func (t *Trace) giveAway() {
	if len(t.Decisions) == 0 {
		return
	}
	t.sort()
	t.give(t.Decisions)
	t.Decisions = t.Decisions[:0]
}

// Decision is the end of one selection of one client.
type Decision struct {
	Client         uint32
	Slot           int32
	Started, Ended vtime.Instant
	Kind           selection.ActionKind // Decided, GaveUp or Kept
	Trigger        selection.Trigger
	By             selection.By
	DistanceMax    int16
	Size           uint16
	Target         selection.RelayID // NoRelay for GaveUp
	Rounds, Probes uint32
}

// traceSelection records the end of a selection.
func (c *cell) traceSelection(i int, a *selection.Action) {
	if c.trace != nil {
		c.traceAction(i, c.client(i).slot, a)
	}
}

// traceAction records the end of a selection of a client in a slot.
func (c *cell) traceAction(i int, slot int32, a *selection.Action) {
	d := Decision{
		Client: uint32(i), Slot: slot, Started: a.Started, Ended: a.At,
		Kind: a.Kind, Trigger: a.Trigger, By: a.By, Target: a.Target,
		Rounds: a.Rounds, Probes: a.Probes, DistanceMax: a.DistanceMax, Size: a.CompetitionSize,
	}
	if a.Kind == selection.GaveUp {
		d.Target = selection.NoRelay
	}
	c.trace.Decisions = append(c.trace.Decisions, d)
	if c.trace.give != nil && len(c.trace.Decisions) >= c.trace.atOnce {
		c.trace.giveAway()
	}
}

// sort brings the decisions into the order of client and start. A client
// starts at most one selection at an instant. They are dealt out to their
// clients in place, which takes half the time of comparing them.
func (t *Trace) sort() {
	d := t.Decisions
	last := uint32(0)
	for i := range d {
		last = max(last, d[i].Client)
	}
	if int(last)>>2 > len(d) { // a few of many clients'
		slices.SortFunc(d, byClient)
		return
	}
	// The decisions of client n belong to [end[n-1], end[n]), of which those
	// before next[n] are there.
	next, end := make([]int, last+1), make([]int, last+1)
	for i := range d {
		end[d[i].Client]++
	}
	for n := 1; n < len(end); n++ {
		next[n] = end[n-1]
		end[n] += end[n-1]
	}
	for n := range end {
		for next[n] < end[n] {
			x := d[next[n]]
			for int(x.Client) != n {
				at := &next[x.Client]
				d[*at], x = x, d[*at]
				*at++
			}
			d[next[n]] = x
			next[n]++
		}
	}
	begin := 0
	for _, end := range end {
		slices.SortFunc(d[begin:end], func(a, b Decision) int { return cmp.Compare(a.Started, b.Started) })
		begin = end
	}
}

// byClient orders decisions by client and start.
func byClient(a, b Decision) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Started, b.Started))
}

// WriteText writes a line a decision.
func (t *Trace) WriteText(w io.Writer) error {
	for _, d := range t.Decisions {
		_, err := fmt.Fprintf(w, "%d %d %d %v %v %v %d %d %d %d %d\n", d.Client, d.Started, d.Ended,
			d.Kind, d.Trigger, d.By, int32(d.Target), d.Rounds, d.Probes, d.DistanceMax, d.Size)
		if err != nil {
			return err
		}
	}
	return nil
}

// compare counts, by slot of the first trace, the selections of the same
// client and start that ended with another parent. Both are sorted.
func compare(a, b *Trace, slots int) []PairSlot {
	out := make([]PairSlot, slots)
	x, y := a.Decisions, b.Decisions
	for len(x) > 0 && len(y) > 0 {
		switch o := byClient(x[0], y[0]); {
		case o < 0:
			out[x[0].Slot].Unmatched++
			x = x[1:]
		case o > 0:
			out[y[0].Slot].Unmatched++
			y = y[1:]
		default:
			s := &out[x[0].Slot]
			s.Matched++
			if x[0].Target != y[0].Target {
				s.Changed++
			}
			x, y = x[1:], y[1:]
		}
	}
	for _, rest := range [][]Decision{x, y} {
		for i := range rest {
			out[rest[i].Slot].Unmatched++
		}
	}
	return out
}
