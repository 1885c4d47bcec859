package probe

import (
	"context"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// stopwatch maps the monotonic clock to the Selector's instants.
type stopwatch struct {
	real time.Time
	at   vtime.Instant
}

// set lets the Selector's clock go on from an instant now.
func (w *stopwatch) set(at vtime.Instant) { w.real, w.at = time.Now(), at }

// now is the present instant.
func (w *stopwatch) now() vtime.Instant { return w.at.Add(time.Since(w.real)) }

// until is how long it takes until an instant.
func (w *stopwatch) until(at vtime.Instant) time.Duration { return at.Sub(w.now()) }

// pacer spaces what is sent evenly.
type pacer struct {
	gap  time.Duration
	next time.Time
}

func newPacer(rate float64) pacer {
	return pacer{gap: time.Duration(float64(time.Second) / rate)}
}

// delay takes the next turn and returns how long it is until then.
func (p *pacer) delay() time.Duration {
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.gap)
	return at.Sub(now)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
