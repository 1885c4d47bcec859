package sim

import "math/bits"

func (e event) less(f event) bool {
	return e.at < f.at || e.at == f.at && e.what < f.what
}

// before is less as 1 or 0 and without a branch, for events that are not before
// the start of the run.
func (e event) before(f event) int {
	_, b := bits.Sub64(uint64(e.what), uint64(f.what), 0)
	_, b = bits.Sub64(uint64(e.at), uint64(f.at), b)
	return int(b)
}

// sortLastFirst sorts events, last first. It is a quicksort for the few events
// of a bottom: it knows its type, because a comparison by function costs more
// than all the rest, and partitions without branches, which would be
// mispredicted half of the time.
func sortLastFirst(s []event) {
	for len(s) > 12 {
		n := len(s) - 1
		medianToEnd(s)
		pivot, later := s[n], 0
		for i, e := range s[:n] {
			s[i] = s[later]
			s[later] = e
			later += pivot.before(e)
		}
		s[n] = s[later]
		s[later] = pivot
		sortLastFirst(s[later+1:])
		s = s[:later]
	}
	for i := 1; i < len(s); i++ {
		e, j := s[i], i
		for ; j > 0 && s[j-1].less(e); j-- {
			s[j] = s[j-1]
		}
		s[j] = e
	}
}

// medianToEnd moves the median of first, middle and last to the end.
func medianToEnd(s []event) {
	n := len(s) - 1
	a, b, c := &s[0], &s[n/2], &s[n]
	if a.less(*b) {
		*a, *b = *b, *a
	}
	if a.less(*c) {
		*a, *c = *c, *a
	}
	if c.less(*b) {
		*b, *c = *c, *b
	}
}

// heapPush adds an event to a binary heap, of which h[0] is the first.
func heapPush(h []event, e event) []event {
	h = append(h, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.less(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	return h
}

// heapPop removes the first event of a binary heap.
func heapPop(h []event) (event, []event) {
	first := h[0]
	n := len(h) - 1
	e := h[n]
	if h = h[:n]; n > 0 {
		heapDown(h, 0, e)
	}
	return first, h
}

// heapInit makes a binary heap of events in any order.
func heapInit(h []event) {
	for i := len(h)/2 - 1; i >= 0; i-- {
		heapDown(h, i, h[i])
	}
}

// heapDown puts an event at i or below.
func heapDown(h []event, i int, e event) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1].less(h[c]) {
			c++
		}
		if !h[c].less(e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
}
