package sim

import "sync"

// handover gives the traces of a run's cells away in the order in which the
// cells are numbered, whichever is done first. A nil one gives nothing away.
type handover struct {
	to func(n int, t *Trace) error
	// ahead is how many cells may be begun and not be given away: what is kept
	// grows with the workers, not with the cells.
	ahead int

	mu      sync.Mutex
	turned  sync.Cond // next or stopped changed
	next    int       // the cell whose turn it is
	waiting []*Trace  // by cell: done before its turn
	stopped bool
}

func newHandover(workers, cells int, to func(n int, t *Trace) error) *handover {
	h := &handover{to: to, ahead: 2 * workers, waiting: make([]*Trace, cells)}
	h.turned.L = &h.mu
	return h
}

// mayBegin waits until cell n may be begun, false if it never may. Cells are
// begun in order, so the one whose turn it is never waits here.
func (h *handover) mayBegin(n int) bool {
	if h == nil {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for !h.stopped && n >= h.next+h.ahead {
		h.turned.Wait()
	}
	return !h.stopped
}

// give hands over the trace of cell n, at once or when its turn comes. It
// returns the receiver's error, of this cell or one that waited for it.
func (h *handover) give(n int, t *Trace) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting[n] = t
	for !h.stopped && h.next < len(h.waiting) && h.waiting[h.next] != nil {
		t, h.waiting[h.next] = h.waiting[h.next], nil
		if err := h.to(h.next, t); err != nil {
			h.stopped = true
			h.turned.Broadcast()
			return err
		}
		h.next++
		h.turned.Broadcast()
	}
	return nil
}

// stop lets nobody wait any longer and gives nothing away any more.
func (h *handover) stop() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.turned.Broadcast()
}
