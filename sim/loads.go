package sim

import (
	"slices"
	"sync"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// SampleEvery is the spacing of RelayTally.Samples.
const SampleEvery = 5 * time.Minute

// change of a relay's load: twice the instant, plus one if it rises.
type loadChange uint64

func (l loadChange) at() vtime.Instant { return vtime.Instant(l >> 1) }
func (l loadChange) rises() bool       { return l&1 == 1 }

// loads keeps the relays' loads. Changes come in any order, from many clients
// and workers; settle works them off up to an instant.
type loads struct {
	relays  []RelayTally
	now     []uint32 // by relay: the load when it was last settled
	pending []loadRuns
	free    [][]loadChange // runs to be used again, for whichever relay
	waiting int            // changes in pending
	warm    vtime.Instant
	end     vtime.Instant
	sorting []loadSorter // one for each goroutine that settles
}

// loadRuns are the changes of one relay that wait, in runs of runLength; the
// last is being filled. Many of them wait, for other relays in every window, so
// that a slice for each relay would be far too long most of the time.
type loadRuns [][]loadChange

const runLength = 128

// loadSorter sorts the changes of one relay.
type loadSorter struct {
	sources [][]loadChange
	bins    []loadBin
	sorted  []loadChange
}

// loadBin is the changes of one relay between two samples.
type loadBin struct{ rises, falls, place int }

func newLoads(relays []RelayTally, warm, end vtime.Instant) loads {
	return loads{relays: relays, now: make([]uint32, len(relays)), pending: make([]loadRuns, len(relays)), warm: warm, end: end}
}

// change notes that a relay's load rises or falls by one client.
func (l *loads) change(id selection.RelayID, at vtime.Instant, rises bool) {
	c := loadChange(at) << 1
	if rises {
		c |= 1
	}
	runs := l.pending[id]
	if n := len(runs); n == 0 || len(runs[n-1]) == runLength {
		runs = append(runs, l.newRun())
		l.pending[id] = runs
	}
	last := &runs[len(runs)-1]
	*last = append(*last, c)
	l.waiting++
}

func (l *loads) newRun() []loadChange {
	n := len(l.free)
	if n == 0 {
		return make([]loadChange, 0, runLength)
	}
	run := l.free[n-1]
	l.free = l.free[:n-1]
	return run[:0]
}

// empty lets go of all changes.
func (l *loads) empty() {
	for id, runs := range l.pending {
		l.free = append(l.free, runs...)
		clear(runs)
		l.pending[id] = runs[:0]
	}
	l.waiting = 0
}

// settle works off the changes, and those that others have noted, all of which
// are before the given instant, to which no further ones before it may come.
// There are as many goroutines as others, which each take some relays.
func (l *loads) settle(to vtime.Instant, others ...*loads) {
	n := max(1, len(others))
	for len(l.sorting) < n {
		l.sorting = append(l.sorting, loadSorter{})
	}
	some := func(k int) {
		for id := k; id < len(l.relays); id += n {
			l.settleRelay(&l.sorting[k], id, to, others)
		}
	}
	if n == 1 {
		some(0)
	} else {
		var wg sync.WaitGroup
		for k := range n {
			wg.Go(func() { some(k) })
		}
		wg.Wait()
	}
	l.empty()
	for _, o := range others {
		o.empty()
	}
}

// settleRelay integrates and samples a relay's load. A sample is the load
// before what changes at its instant.
func (l *loads) settleRelay(x *loadSorter, id int, to vtime.Instant, others []*loads) {
	t := &l.relays[id]
	first := max(0, len(t.Samples)-1) // the bin that is open
	x.sources = append(x.sources[:0], l.pending[id]...)
	for _, o := range others {
		x.sources = append(x.sources, o.pending[id]...)
	}
	x.sort(first)
	for k := range x.bins {
		at := vtime.Instant(0).Add(SampleEvery * time.Duration(first+k))
		if first+k == len(t.Samples) && at < l.end {
			t.Samples = append(t.Samples, l.now[id])
		}
		b := &x.bins[k]
		l.apply(id, x.sorted[b.place-b.rises-b.falls:b.place], b)
	}
	for at := vtime.Instant(0).Add(SampleEvery * time.Duration(len(t.Samples))); at < min(to, l.end); at = at.Add(SampleEvery) {
		t.Samples = append(t.Samples, l.now[id])
	}
}

// sort brings the changes of all sources into the order of the samples
// between which they are; bins[0] follows sample first.
func (x *loadSorter) sort(first int) {
	x.bins = x.bins[:0]
	n := 0
	for _, changes := range x.sources {
		n += len(changes)
		for _, c := range changes {
			k := int(c.at()/vtime.Instant(SampleEvery)) - first
			for len(x.bins) <= k {
				x.bins = append(x.bins, loadBin{})
			}
			if c.rises() {
				x.bins[k].rises++
			} else {
				x.bins[k].falls++
			}
		}
	}
	place := 0
	for k := range x.bins {
		x.bins[k].place = place
		place += x.bins[k].rises + x.bins[k].falls
	}
	x.sorted = slices.Grow(x.sorted[:0], n)[:n]
	for _, changes := range x.sources {
		for _, c := range changes {
			b := &x.bins[int(c.at()/vtime.Instant(SampleEvery))-first]
			x.sorted[b.place] = c
			b.place++
		}
	}
}

// apply applies the changes of one bin. Only where they can reach a new peak
// does their order matter. A load that lasted no time is no peak: it hangs on
// the order of what happens at once.
func (l *loads) apply(id int, changes []loadChange, b *loadBin) {
	t := &l.relays[id]
	load := l.now[id]
	if load+uint32(b.rises) > t.Peak {
		slices.Sort(changes)
		running := load
		for i, c := range changes {
			if c.rises() {
				running++
			} else {
				running--
			}
			if i+1 == len(changes) || changes[i+1].at() != c.at() {
				t.Peak = max(t.Peak, running)
			}
		}
	}
	for _, c := range changes {
		us := uint64(max(c.at(), l.warm).Microseconds())
		if c.rises() {
			t.Load -= us
		} else {
			t.Load += us
		}
	}
	l.now[id] = load + uint32(b.rises) - uint32(b.falls)
}

// close ends the integrals at the end of the run.
func (l *loads) close() {
	l.settle(l.end)
	for id := range l.relays {
		l.relays[id].Load += uint64(l.now[id]) * uint64(max(l.end, l.warm).Microseconds())
	}
}
