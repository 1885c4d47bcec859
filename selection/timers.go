package selection

import (
	"math/bits"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// timers are the instants from which an idle Selector's deadlines are computed,
// by the course in force; Never where there is none.
type timers struct {
	// startAt is when the requested selection starts.
	startAt vtime.Instant
	// failingSince is the first failed contact with the parent since the last
	// successful one.
	failingSince vtime.Instant
	// endAt is the end of the last selection, from which the wait for the next
	// runs, also while the agent is stopped.
	endAt vtime.Instant
	// registerBase is the last registration with the parent without its jitter;
	// it means something while the client is registered.
	registerBase vtime.Instant
}

var noTimers = timers{startAt: vtime.Never, failingSince: vtime.Never, endAt: vtime.Never}

// timer names one of the timers. Of those due at one instant the lowest goes first.
type timer uint8

const (
	startTimer timer = iota
	lostTimer
	retryTimer
	reselectTimer
	registerTimer
	owedTimer
)

// nextTimer returns the timer that is due first. While a selection is
// requested, nothing else requests one.
func (s *Selector) nextTimer() (vtime.Instant, timer) {
	at, which := s.startAt, startTimer
	if at == vtime.Never {
		if s.failingSince != vtime.Never {
			at, which = s.lostAt(), lostTimer
		}
		if s.retrying {
			if next := s.retryAt(); next < at {
				at, which = next, retryTimer
			}
		} else if next := s.reselectAt(); next < at {
			at, which = next, reselectTimer
		}
		if s.owed {
			if next := s.owedAt(); next < at {
				at, which = next, owedTimer
			}
		}
	}
	if s.registered && !s.owed && s.course.registerAtLeast(s.registerBase) < at { // else its draw decides nothing
		if next := s.registerAt(); next < at {
			at, which = next, registerTimer
		}
	}
	return at, which
}

// lostAt is when a failing parent counts as lost: contact has failed for the
// resist interval (3.9).
func (s *Selector) lostAt() vtime.Instant {
	if s.failingSince == vtime.Never {
		return vtime.Never
	}
	return s.failingSince.Add(s.course.Settings.ResistFailure)
}

// retryAt is when a selection follows one that failed (3.10).
func (s *Selector) retryAt() vtime.Instant {
	if !s.retrying {
		return vtime.Never
	}
	return s.endAt.Add(s.course.backOff(s.key, s.endAt, s.failures))
}

// reselectAt is when a selection follows one that found a parent. The timer is
// that of automatic mode (3.1, 3.10).
func (s *Selector) reselectAt() vtime.Instant {
	if s.retrying {
		return vtime.Never
	}
	return s.course.reselectAt(s.endAt)
}

// reselectAt is when a selection follows one that found a parent and ended at an
// instant; vtime.Never if that is Never.
func (c *Course) reselectAt(end vtime.Instant) vtime.Instant {
	if end == vtime.Never || !c.Settings.Automatic {
		return vtime.Never
	}
	return end.Add(c.Settings.Interval)
}

// registerAt is the next periodic registration of a registered client: base
// plus interval plus or minus jitter (9.3, 9.10).
func (s *Selector) registerAt() vtime.Instant { return s.course.registerAt(s.key, s.registerBase) }

func (c *Course) registerAt(key rng.Key, base vtime.Instant) vtime.Instant {
	jitter := c.Params.RegisterJitter
	shift := time.Duration(rng.Below(key.Draw(rng.RegisterJitter, uint64(base)), 2*uint64(jitter)+1)) - jitter
	return base.Add(c.Settings.RegisterInterval + shift)
}

// registerAtLeast is the earliest that registerAt can be.
func (c *Course) registerAtLeast(base vtime.Instant) vtime.Instant {
	return base.Add(c.Settings.RegisterInterval - c.Params.RegisterJitter)
}

// owedAt is when a failed registration outside a selection is tried again
// (9.2). An idle client that owes one is idle since it failed.
func (s *Selector) owedAt() vtime.Instant {
	if !s.owed || s.course.Params.RegisterRetry == 0 {
		return vtime.Never
	}
	return s.since.Add(s.course.Params.RegisterRetry)
}

func (s *Selector) fireTimer(which timer, at vtime.Instant) {
	switch which {
	case startTimer:
		s.begin(at)
	case lostTimer:
		s.registered = false
		s.request(at, ParentLost)
	case retryTimer:
		s.request(at, Retry)
	case reselectTimer:
		s.request(at, Timer)
	case registerTimer:
		s.renew(at)
		s.periodic = true
	case owedTimer:
		s.renew(at)
	}
}

// request makes a selection due. It starts after the latency of the client's
// main loop (3.8), and not before a registration in flight has ended.
func (s *Selector) request(at vtime.Instant, cause Trigger) {
	if s.startAt != vtime.Never {
		if cause == AddressChange {
			s.cause = cause
		}
		return
	}
	s.cause = cause
	s.startAt = s.course.startAt(s.key, at)
	if s.state == idle && s.startAt == at {
		s.begin(at)
	}
}

// startAt is when a selection starts that is requested at an instant.
func (c *Course) startAt(key rng.Key, at vtime.Instant) vtime.Instant {
	start := at.Add(c.Params.LoopLatencyMin)
	if spread := uint64(c.Params.LoopLatencyMax - c.Params.LoopLatencyMin); spread > 0 {
		start = start.Add(time.Duration(rng.Below(key.Draw(rng.LoopLatency, uint64(at)), spread+1)))
	}
	return start
}

// renew registers with the parent again, outside a selection.
func (s *Selector) renew(at vtime.Instant) {
	s.periodic = false
	s.run.attempt = 0
	s.askRegister(renewing, at)
}

// renewed ends a successful registration outside a selection. A periodic one
// keeps its phase, so that jitter does not add up (9.10).
func (s *Selector) renewed(at vtime.Instant) {
	s.enter(idle, at)
	base := at
	if s.periodic {
		base = s.course.renewedFrom(s.registerBase, at)
	}
	s.settle(base)
}

// renewedFrom is from when the next periodic registration counts after one that
// counted from base has ended.
func (c *Course) renewedFrom(base, at vtime.Instant) vtime.Instant {
	if next := base.Add(c.Settings.RegisterInterval); next.Add(c.Settings.RegisterInterval) > at {
		return next
	}
	return at
}

// notRenewed ends a failed one: it is a failed contact, and the registration
// stays owed until contact works again or the parent is given up.
func (s *Selector) notRenewed(at vtime.Instant) {
	s.enter(idle, at)
	s.owed = true
	s.failingSince = min(s.failingSince, at)
}

// settle books a successful registration with the parent; the next periodic
// one counts from base.
func (s *Selector) settle(base vtime.Instant) {
	s.registered, s.owed = true, false
	s.failingSince = vtime.Never
	s.registerBase = base
}

// backOff returns the wait after the selection that failed at an instant, the
// last of so many in a row: growing with each from the minimum to the maximum
// (3.10), shortened by the jitter. It grows no further after the 255th failure.
func (c *Course) backOff(key rng.Key, end vtime.Instant, failures uint8) time.Duration {
	w := c.waits[min(max(int(failures), 1), len(c.waits))-1]
	return w.longest - time.Duration(rng.Below(key.Draw(rng.RetryJitter, uint64(end)), uint64(w.loose)+1))
}

// wait is how long a client waits after a failed selection: the longest, and by
// how much the jitter shortens that at most.
type wait struct{ longest, loose time.Duration }

// backOffs are the waits after one failure, two and so on, up to the one that
// grows no further.
func (c *Course) backOffs() (waits []wait) {
	longest := min(c.Settings.MinRetry, c.Settings.MaxRetry)
	for len(waits) < 255 {
		waits = append(waits, wait{longest, timesMillionths(longest, c.jitter)})
		grown := min(timesMillionths(longest, c.growth), c.Settings.MaxRetry)
		if grown == longest {
			break
		}
		longest = grown
	}
	return waits
}

// timesMillionths returns d × m ÷ 10^6, at most the longest span.
func timesMillionths(d time.Duration, m uint64) time.Duration {
	const million, longest = 1_000_000, 1<<63 - 1
	hi, lo := bits.Mul64(uint64(d), m)
	if hi >= million {
		return longest
	}
	q, _ := bits.Div64(hi, lo, million)
	return time.Duration(min(q, longest))
}

// NextContact returns the client's first contact with its parent strictly
// after the given instant: every report_interval_s, in a phase of its own. It
// depends on nothing else.
func (s *Selector) NextContact(after vtime.Instant) vtime.Instant {
	every := s.course.Params.ReportInterval
	phase := vtime.Instant(rng.Below(s.key.Draw(rng.ContactPhase, 0), uint64(every)))
	n := (after - phase) / vtime.Instant(every)
	at := phase + n*vtime.Instant(every)
	for at <= after { // once, or twice before the phase
		at += vtime.Instant(every)
	}
	return at
}
