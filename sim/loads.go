package sim

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// SampleEvery is the spacing of RelayTally.Samples.
const SampleEvery = 5 * time.Minute

// loadTick is how finely the times of changes are kept: 18 hours of them have
// room beside a bit in four bytes. Samples fall on whole ticks.
const loadTick = 30720 * time.Nanosecond

const ticksASample = uint32(SampleEvery / loadTick)

// loadChange is a change of a relay's load: twice its tick, counted from base,
// plus one if it rises.
type loadChange uint32

func (l loadChange) tick() uint32 { return uint32(l >> 1) }
func (l loadChange) rises() bool  { return l&1 == 1 }

// loads keeps the relays' loads. Changes come in any order, from many clients
// and workers; settle works them off up to an instant.
type loads struct {
	relays  []RelayTally
	now     []uint32 // by relay: the load when it was last settled
	pending []loadRuns
	free    []*loadRun // to be used again, for whichever relay
	waiting int        // room for changes in pending
	end     vtime.Instant
	base    vtime.Instant // a sample's, from which ticks are counted
	sorting []loadSorter  // one for each goroutine that settles
}

// loadRuns are the changes of one relay that wait; the last run is being filled.
// Many of them wait, for other relays in every window, so that a slice for each
// relay would be far too long most of the time.
type loadRuns struct {
	last *loadRun // nil if there is none
	all  []*loadRun
}

// loadRun is up to runLength changes, in 1 KiB.
type loadRun struct {
	n       uint32
	changes [runLength]loadChange
}

const runLength = 254

// loadSorter sorts the changes of one relay.
type loadSorter struct {
	sources []*loadRun
	bins    []loadBin
	sorted  []loadChange // if they had to be
}

// loadBin is the changes of one relay between two samples; of those that are
// sorted, they are the ones before place.
type loadBin struct{ rises, falls, place int }

func newLoads(relays []RelayTally, end vtime.Instant) loads {
	return loads{relays: relays, now: make([]uint32, len(relays)), pending: make([]loadRuns, len(relays)), end: end}
}

// change notes that a relay's load rises or falls by one client.
func (l *loads) change(id selection.RelayID, at vtime.Instant, rises bool) {
	tick := uint64(at-l.base) / uint64(loadTick)
	if tick >= 1<<31 {
		panic(fmt.Sprintf("sim: load changes at %v, settled until %v", at, l.base))
	}
	c := loadChange(tick << 1)
	if rises {
		c |= 1
	}
	run := l.pending[id].last
	if run == nil || run.n == runLength {
		run = l.newRun(id)
	}
	run.changes[run.n] = c
	run.n++
}

// newRun begins another run of a relay.
func (l *loads) newRun(id selection.RelayID) (run *loadRun) {
	if n := len(l.free); n > 0 {
		run = l.free[n-1]
		l.free = l.free[:n-1]
		run.n = 0
	} else {
		run = new(loadRun)
	}
	p := &l.pending[id]
	p.all, p.last = append(p.all, run), run
	l.waiting += runLength
	return run
}

// empty lets go of all changes; those to come are counted from base.
func (l *loads) empty(base vtime.Instant) {
	for id := range l.pending {
		p := &l.pending[id]
		l.free = append(l.free, p.all...)
		clear(p.all)
		p.all, p.last = p.all[:0], nil
	}
	l.waiting, l.base = 0, base
}

// mayWait tells whether changes before an instant can still wait for it to be
// settled.
func (l *loads) mayWait(until vtime.Instant) bool {
	return l.waiting <= mostWaiting && until.Sub(l.base) < longestWait
}

// mostWaiting is how many changes wait at most where one goes event after event,
// longestWait for how long, which is what ticks have room for.
const (
	mostWaiting = 1 << 16
	longestWait = loadTick << 31
)

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
	base := to - to%vtime.Instant(SampleEvery)
	l.empty(base)
	for _, o := range others {
		o.empty(base)
	}
}

// settleRelay samples a relay's load and watches its peak. A sample is the load
// before what changes at its instant.
func (l *loads) settleRelay(x *loadSorter, id int, to vtime.Instant, others []*loads) {
	t := &l.relays[id]
	first := int(l.base / vtime.Instant(SampleEvery)) // the bin that is open
	x.sources = append(x.sources[:0], l.pending[id].all...)
	for _, o := range others {
		x.sources = append(x.sources, o.pending[id].all...)
	}
	x.count()
	sorted := false
	for k := range x.bins {
		at := vtime.Instant(0).Add(SampleEvery * time.Duration(first+k))
		if first+k == len(t.Samples) && at < l.end {
			t.Samples = append(t.Samples, l.now[id])
		}
		b := &x.bins[k]
		load := l.now[id]
		// Only where they can reach a new peak does the order of changes matter.
		if load+uint32(b.rises) > t.Peak {
			if !sorted {
				x.sort()
				sorted = true
			}
			t.Peak = max(t.Peak, peak(load, x.sorted[b.place-b.rises-b.falls:b.place]))
		}
		l.now[id] = load + uint32(b.rises) - uint32(b.falls)
	}
	for at := vtime.Instant(0).Add(SampleEvery * time.Duration(len(t.Samples))); at < min(to, l.end); at = at.Add(SampleEvery) {
		t.Samples = append(t.Samples, l.now[id])
	}
}

// count counts the changes of all sources between the samples.
func (x *loadSorter) count() {
	x.bins = x.bins[:0]
	for _, run := range x.sources {
		for _, c := range run.changes[:run.n] {
			k := int(c.tick() / ticksASample)
			for len(x.bins) <= k {
				x.bins = append(x.bins, loadBin{})
			}
			// Whether it rises cannot be foreseen: no branch hangs on it.
			rises := int(c & 1)
			b := &x.bins[k]
			b.rises += rises
			b.falls += 1 - rises
		}
	}
}

// sort brings the changes that have been counted into the order of the bins.
func (x *loadSorter) sort() {
	place := 0
	for k := range x.bins {
		x.bins[k].place = place
		place += x.bins[k].rises + x.bins[k].falls
	}
	x.sorted = slices.Grow(x.sorted[:0], place)[:place]
	for _, run := range x.sources {
		for _, c := range run.changes[:run.n] {
			b := &x.bins[c.tick()/ticksASample]
			x.sorted[b.place] = c
			b.place++
		}
	}
}

// peak is the largest load that the changes of one bin lead to, which it puts in
// order. A load that did not last from one tick to another is no peak: it hangs on
// the order of what happens at once.
func peak(load uint32, changes []loadChange) (peak uint32) {
	slices.Sort(changes)
	for i, c := range changes {
		if c.rises() {
			load++
		} else {
			load--
		}
		if i+1 == len(changes) || changes[i+1].tick() != c.tick() {
			peak = max(peak, load)
		}
	}
	return peak
}

// close samples until the end of the run.
func (l *loads) close() { l.settle(l.end) }
