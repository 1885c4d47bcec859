package sim

import (
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// SampleEvery is the spacing of RelayTally.Samples.
const SampleEvery = 5 * time.Minute

// loadTick is how finely the times of changes of load are kept. A load is looked at
// when a tick ends, so that the order of changes within one does not matter. Samples
// fall on whole ticks.
const (
	loadTick    = time.Second
	sampleTicks = uint32(SampleEvery / loadTick)
)

// loads keeps the relays' loads. Changes come in any order, from many clients
// and workers; settle works them off up to an instant.
type loads struct {
	relays  []RelayTally
	now     []uint32    // by relay: the load when it was last settled
	pending [2]loadRuns // falls and rises
	free    []*loadRun  // to be used again, for whichever relay
	waiting int         // changes in the runs of pending that are full
	end     vtime.Instant
	base    vtime.Instant // a sample's, from which ticks are counted
	sorting []loadSorter  // one for each goroutine that settles
}

// loadRuns are changes of one kind that wait, by relay; the last run of each relay is
// being filled. Many of them wait, for other relays in every window, so that a slice
// for each relay would be far too long most of the time.
type loadRuns []struct {
	last *loadRun // nil if there is none
	all  []*loadRun
}

// loadRun is the ticks of up to runLength changes, in 512 bytes.
type loadRun struct {
	n     uint32
	ticks [runLength]uint16
}

const runLength = 254

// loadSorter sorts the changes of one relay.
type loadSorter struct {
	sources [2][]*loadRun
	bins    []loadBin
	spread  []ticks // of the bins that need it
}

// loadBin is how much the load of one relay changes between two samples. place is
// that of its ticks, if it needs them, otherwise negative.
type loadBin struct {
	falls, rises uint32
	place        int
}

// ticks are by how much a load changes in each tick between two samples, and in
// which it may change; otherwise it does not.
type ticks struct {
	deltas  [sampleTicks]int32
	changes [(sampleTicks + 63) / 64]uint64
}

// add adds to the change in a tick.
func (t *ticks) add(tick uint32, delta int32) {
	t.deltas[tick] += delta
	t.changes[tick/64] |= 1 << (tick % 64)
}

// take is the largest load at the end of a tick in which it may change. No change is
// left then.
func (t *ticks) take(load uint32) (peak uint32) {
	for k := range t.changes {
		for w := t.changes[k]; w != 0; w &= w - 1 {
			d := &t.deltas[k*64+bits.TrailingZeros64(w)]
			load += uint32(*d)
			*d = 0
			peak = max(peak, load)
		}
		t.changes[k] = 0
	}
	return peak
}

func newLoads(relays []RelayTally, end vtime.Instant) loads {
	l := loads{relays: relays, now: make([]uint32, len(relays)), end: end}
	for kind := range l.pending {
		l.pending[kind] = make(loadRuns, len(relays))
	}
	return l
}

// change notes that a relay's load rises or falls by one client.
func (l *loads) change(id selection.RelayID, at vtime.Instant, rises bool) {
	tick := uint64(at-l.base) / uint64(loadTick)
	if tick >= 1<<16 {
		panic(fmt.Sprintf("sim: a load changes at %v, settled until %v", at, l.base))
	}
	kind := 0
	if rises {
		kind = 1
	}
	run := l.pending[kind][id].last
	if run == nil || run.n == runLength {
		run = l.newRun(kind, id)
	}
	run.ticks[run.n] = uint16(tick)
	run.n++
}

// newRun begins another run of a relay.
func (l *loads) newRun(kind int, id selection.RelayID) (run *loadRun) {
	if n := len(l.free); n > 0 {
		run = l.free[n-1]
		l.free = l.free[:n-1]
		run.n = 0
	} else {
		run = new(loadRun)
	}
	p := &l.pending[kind][id]
	if p.last != nil {
		l.waiting += runLength
	}
	p.all, p.last = append(p.all, run), run
	return run
}

// empty lets go of all changes; those to come are counted from base.
func (l *loads) empty(base vtime.Instant) {
	for kind := range l.pending {
		for id := range l.pending[kind] {
			p := &l.pending[kind][id]
			l.free = append(l.free, p.all...)
			clear(p.all)
			p.all, p.last = p.all[:0], nil
		}
	}
	l.waiting, l.base = 0, base
}

// mostWaiting is how many changes wait at most where one goes event after event,
// longestWait for how long, which is what a tick has room for.
const (
	mostWaiting = 1 << 16
	longestWait = loadTick << 16
)

// settleBefore settles what cannot wait until an event at an instant. The one before
// was at the instant now: only between two ticks may one settle.
func (l *loads) settleBefore(at, now vtime.Instant) {
	if l.waiting <= mostWaiting && at.Sub(l.base) < longestWait {
		return
	}
	if to := at - at%vtime.Instant(loadTick); to > now {
		l.settle(to)
	}
}

// settle works off the changes, and those that others have noted, all of which
// are before the given instant, a whole tick or the end, to which no further ones
// before it may come. There are as many goroutines as others, which each take some
// relays.
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
	for kind := range x.sources {
		x.sources[kind] = append(x.sources[kind][:0], l.pending[kind][id].all...)
		for _, o := range others {
			x.sources[kind] = append(x.sources[kind], o.pending[kind][id].all...)
		}
	}
	if t.Samples == nil {
		t.Samples = make([]uint32, 0, int(l.end.Add(SampleEvery-1)/vtime.Instant(SampleEvery)))
	}
	x.count()
	x.lay(l.now[id], t.Peak)
	for k := range x.bins {
		at := vtime.Instant(0).Add(SampleEvery * time.Duration(first+k))
		if first+k == len(t.Samples) && at < l.end {
			t.Samples = append(t.Samples, l.now[id])
		}
		b := &x.bins[k]
		if b.place >= 0 {
			t.Peak = max(t.Peak, x.spread[b.place].take(l.now[id]))
		}
		l.now[id] += b.rises - b.falls
	}
	for at := vtime.Instant(0).Add(SampleEvery * time.Duration(len(t.Samples))); at < min(to, l.end); at = at.Add(SampleEvery) {
		t.Samples = append(t.Samples, l.now[id])
	}
}

// count counts the changes of all sources between the samples.
func (x *loadSorter) count() {
	x.bins = x.bins[:0]
	for kind, runs := range x.sources {
		for _, run := range runs {
			for _, tick := range run.ticks[:run.n] {
				k := int(uint32(tick) / sampleTicks)
				for len(x.bins) <= k {
					x.bins = append(x.bins, loadBin{})
				}
				if kind == 0 {
					x.bins[k].falls++
				} else {
					x.bins[k].rises++
				}
			}
		}
	}
}

// lay lays the changes out by tick in those bins in which a load may come above a
// peak.
func (x *loadSorter) lay(load, peak uint32) {
	places := 0
	for k := range x.bins {
		b := &x.bins[k]
		b.place = -1
		if load+b.rises > peak {
			b.place = places
			places++
		}
		load += b.rises - b.falls
	}
	if places == 0 {
		return
	}
	if n := places - len(x.spread); n > 0 {
		x.spread = append(x.spread, make([]ticks, n)...)
	}
	for kind, runs := range x.sources {
		delta := int32(2*kind - 1)
		for _, run := range runs {
			for _, tick := range run.ticks[:run.n] {
				if place := x.bins[uint32(tick)/sampleTicks].place; place >= 0 {
					x.spread[place].add(uint32(tick)%sampleTicks, delta)
				}
			}
		}
	}
}

// close samples until the end of the run.
func (l *loads) close() { l.settle(l.end) }
