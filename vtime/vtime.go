// Package vtime is virtual time: an integer count of nanoseconds from the
// start of a run, and its arithmetic.
//
// The model has no other clock. For the prober an Instant counts from the
// prober's own start on a monotonic clock. Spans are time.Duration.
package vtime

import (
	"fmt"
	"math"
	"time"
)

// Instant is a point in virtual time: nanoseconds from the start of the run.
// Negative instants lie before the start and are valid only as results of
// arithmetic.
type Instant int64

// Never is later than every instant a run can reach. It orders last; it is
// not a substitute for an ok result.
const Never Instant = math.MaxInt64

// Add returns i moved by d. The result saturates at Never instead of
// wrapping round.
func (i Instant) Add(d time.Duration) Instant {
	s := i + Instant(d)
	if d > 0 && s < i {
		return Never
	}
	return s
}

// Sub returns the span from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Microseconds returns whole microseconds from the start, rounded down for
// instants at or after the start. Differences of it telescope, so integrals
// kept in microseconds lose nothing by being summed in parts.
func (i Instant) Microseconds() int64 { return int64(i) / 1000 }

// String prints the instant as days and time of day from the start, with
// milliseconds: "2d 09:00:00.000".
func (i Instant) String() string {
	if i == Never {
		return "never"
	}
	sign := ""
	if i < 0 {
		sign, i = "-", -i
	}
	ms := int64(i) / int64(time.Millisecond)
	s := ms / 1000
	return fmt.Sprintf("%s%dd %02d:%02d:%02d.%03d", sign, s/86400, s/3600%24, s/60%60, s%60, ms%1000)
}
