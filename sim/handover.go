package sim

import "sync"

// handover ends a run's cells in the order in which they are numbered, whichever
// is done first. A nil one ends nothing.
type handover struct {
	to func(n int) error
	// ahead is how many cells may be begun and not be ended: what lies waiting
	// grows with the workers, not with the cells.
	ahead int

	mu      sync.Mutex
	turned  sync.Cond // next or stopped changed
	next    int       // the cell whose turn it is
	waiting []bool    // by cell: done before its turn
	stopped bool
}

func newHandover(workers, cells int, to func(n int) error) *handover {
	h := &handover{to: to, ahead: 2 * workers, waiting: make([]bool, cells)}
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

// end ends cell n, at once or when its turn comes. It returns the receiver's
// error, of this cell or one that waited for it.
func (h *handover) end(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting[n] = true
	for !h.stopped && h.next < len(h.waiting) && h.waiting[h.next] {
		if err := h.to(h.next); err != nil {
			h.stopped = true
			h.turned.Broadcast()
			return err
		}
		h.next++
		h.turned.Broadcast()
	}
	return nil
}

// stop lets nobody wait any longer and ends nothing any more.
func (h *handover) stop() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.turned.Broadcast()
}
