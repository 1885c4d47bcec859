package sim

import (
	"math/bits"

	"github.com/relaysim/relaysim/vtime"
)

// wheel sorts events by radix, no further than is needed to find the next few.
// The zero value is an empty wheel.
//
// It has a level for each byte of an instant and a slot for each value of that
// byte. An event is in the level of the highest byte in which its instant
// differs from base, in the slot of that byte's value. So the events due first
// are in the first slot in use of the lowest level in use. When that slot is
// taken out, base moves to its beginning: its events, if put back, go to lower
// levels, and no other event changes its place.
//
// The events are in chunks of an arena that has no pointers in it; a chunk that
// has been emptied is used again.
type wheel struct {
	n int
	// base is not later than any event.
	base vtime.Instant
	// levels has a bit for each level in use, used one for each slot.
	levels uint8
	used   [wheelLevels][wheelSlots / 64]uint64
	slots  [wheelLevels][wheelSlots]slot

	slabs []*[slabChunks]chunk
	// next links the chunks of a slot, and the spare ones.
	next  []uint32
	spare uint32 // the first spare chunk; 0, which is never used: none
}

const (
	wheelLevels = 8
	wheelSlots  = 256
	chunkEvents = 16
	slabChunks  = 128
)

// chunk is 256 bytes: few enough to be half empty in 2,048 slots, enough to be
// read as one run.
type chunk [chunkEvents]event

// slot is n events in a list of chunks, all but the first of which are full.
type slot struct{ first, n uint32 }

func (w *wheel) chunk(i uint32) *chunk { return &w.slabs[i/slabChunks][i%slabChunks] }

// push adds an event that is not earlier than base.
func (w *wheel) push(e event) {
	level := uint(bits.Len64(uint64(e.at^w.base)|1)-1) / 8 % wheelLevels
	i := uint(e.at>>(8*level)) % wheelSlots
	s := &w.slots[level][i]
	if s.n%chunkEvents == 0 {
		c := w.take()
		w.next[c] = s.first
		s.first = c
		w.used[level][i/64] |= 1 << (i % 64)
		w.levels |= 1 << level
	}
	w.chunk(s.first)[s.n%chunkEvents] = e
	s.n++
	w.n++
}

// drain takes the first slot that has at most bottomFill events or is of one
// instant, appends its events, in no order, to a slice and returns the slot's
// last instant as well. The wheel must not be empty.
func (w *wheel) drain(into []event) ([]event, vtime.Instant) {
	for {
		level, s, end := w.takeFirst()
		if s.n > bottomFill && level > 0 {
			for s.n > 0 {
				for _, e := range w.head(s) {
					w.push(e)
				}
				s = w.behead(s)
			}
			continue
		}
		for s.n > 0 {
			into = append(into, w.head(s)...)
			s = w.behead(s)
		}
		return into, end
	}
}

// takeFirst takes the first slot out of the wheel and moves base to its first
// instant. It returns its level and its last instant as well.
func (w *wheel) takeFirst() (level uint, s slot, end vtime.Instant) {
	level = uint(bits.TrailingZeros8(w.levels)) % wheelLevels
	used := &w.used[level]
	i := uint(0)
	for used[i/64] == 0 {
		i += 64
	}
	i += uint(bits.TrailingZeros64(used[i/64]))

	used[i/64] &^= 1 << (i % 64)
	if used[0]|used[1]|used[2]|used[3] == 0 {
		w.levels &^= 1 << level
	}
	s = w.slots[level][i]
	w.slots[level][i] = slot{}
	w.n -= int(s.n)

	below := vtime.Instant(1)<<(8*level) - 1 // the bytes of the levels below
	w.base = w.base&^(below<<8|0xff) | vtime.Instant(i)<<(8*level)
	return level, s, w.base | below
}

// each calls f with every event, in no order.
func (w *wheel) each(f func(e event)) {
	for level := range w.slots {
		for _, s := range w.slots[level] {
			for s.n > 0 {
				for _, e := range w.head(s) {
					f(e)
				}
				s = slot{w.next[s.first], s.n - (s.n-1)%chunkEvents - 1}
			}
		}
	}
}

// head returns the events of the first chunk of a slot with events.
func (w *wheel) head(s slot) []event {
	return w.chunk(s.first)[:(s.n-1)%chunkEvents+1]
}

// behead gives the first chunk of a slot back and returns the rest of it.
func (w *wheel) behead(s slot) slot {
	rest := slot{w.next[s.first], s.n - (s.n-1)%chunkEvents - 1}
	w.next[s.first] = w.spare
	w.spare = s.first
	return rest
}

// take returns a spare chunk.
func (w *wheel) take() uint32 {
	if w.spare == 0 {
		w.grow()
	}
	c := w.spare
	w.spare = w.next[c]
	return c
}

// grow adds a slab to the arena.
func (w *wheel) grow() {
	first := uint32(len(w.next))
	w.slabs = append(w.slabs, new([slabChunks]chunk))
	for i := range uint32(slabChunks) {
		w.next = append(w.next, first+i+1)
	}
	w.next[len(w.next)-1] = 0
	w.spare = max(first, 1)
}
