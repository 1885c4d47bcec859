package topology

import (
	"math"

	"github.com/relaysim/relaysim/vtime"
)

// meter is a token bucket without its contents, in integers.
type meter struct {
	perToken int64 // nanoseconds in which one token comes in
	depth    int64 // nanoseconds in which an empty bucket fills
	perSrc   bool
}

// newMeter converts l; it is not ok where l makes no sense or where an empty
// bucket would take more than 146 years to fill.
func newMeter(l *Limit) (m meter, ok bool) {
	ns := math.Round(1e9 / l.PerSecond)
	if !(l.PerSecond > 0) || !(ns >= 1) || l.Burst < 1 || ns > math.MaxInt64/2/float64(l.Burst) {
		return meter{}, false
	}
	return meter{perToken: int64(ns), depth: int64(ns) * int64(l.Burst), perSrc: l.PerSource}, true
}

// bucket is the instant from which a bucket is full, if nothing more is taken
// from it. One instant is the whole state: what is missing at any time is the
// span until then. The zero bucket is full from the start.
type bucket vtime.Instant

// take removes a token at the instant at, if there is a whole one.
func (b *bucket) take(m meter, at vtime.Instant) bool {
	if !b.has(m, at) {
		return false
	}
	*b = bucket(max(vtime.Instant(*b), at) + vtime.Instant(m.perToken))
	return true
}

// has tells whether a bucket has a whole token at the instant at.
func (b *bucket) has(m meter, at vtime.Instant) bool {
	full := max(vtime.Instant(*b), at) + vtime.Instant(m.perToken)
	return int64(full-at) <= m.depth
}

// bucketKey names a bucket of one limit: that of a source, of a guarded host,
// or of a source for a guarded host.
type bucketKey struct {
	limit         int32
	source, guard hostKey
}

// hostKey tells clients and hosts apart; the zero hostKey is nobody.
type hostKey struct {
	host   HostID
	role   Role
	source uint64
	known  bool
}

func hostKeyOf(e *Endpoint) hostKey { return hostKey{e.Host, e.Role, e.Source, true} }

// buckets are the contents of all limits of a Network. The zero value has
// every bucket full.
type buckets struct {
	shared map[int32]*bucket
	byHost map[bucketKey]*bucket
	// Of limits on ICMP errors.
	byRouter      map[routerKey]*bucket
	byDestination map[errorKey]*bucket
}

// take asks the limit with this number for a token on behalf of src. guarded is
// the host whose guard it is, nil if it is no guard's.
func (b *buckets) take(limit int32, m meter, src, guarded *Endpoint, at vtime.Instant) bool {
	key := bucketKey{limit: limit}
	if m.perSrc {
		key.source = hostKeyOf(src)
	}
	if guarded != nil {
		key.guard = hostKeyOf(guarded)
	}
	if !m.perSrc && guarded == nil {
		return open(&b.shared, limit).take(m, at)
	}
	return open(&b.byHost, key).take(m, at)
}

// open returns the bucket for key, a full one if there was none.
func open[K comparable](m *map[K]*bucket, key K) *bucket {
	if *m == nil {
		*m = make(map[K]*bucket)
	}
	b := (*m)[key]
	if b == nil {
		b = new(bucket)
		(*m)[key] = b
	}
	return b
}

// errorLimit is a compiled ErrorLimit.
type errorLimit struct {
	perDestination, global       meter
	hasPerDestination, hasGlobal bool
}

func newErrorLimit(l *ErrorLimit) *errorLimit {
	if l == nil || l.PerDestination == nil && l.Global == nil {
		return nil
	}
	c := &errorLimit{}
	if l.PerDestination != nil {
		c.perDestination, c.hasPerDestination = newMeter(l.PerDestination) // checked before
	}
	if l.Global != nil {
		c.global, c.hasGlobal = newMeter(l.Global)
	}
	return c
}

// routerKey names a router: a box, or a router of a segment.
type routerKey struct {
	box     BoxID
	segment segmentID
	router  int16
}

// errorKey names the bucket of what a router sends to one destination.
type errorKey struct {
	routerKey
	to ident
}

// takeError asks the limit of a router for a token to send an error. Both
// buckets lose one or none does.
func (b *buckets) takeError(l *errorLimit, r routerKey, to ident, at vtime.Instant) bool {
	var global, own *bucket
	if l.hasGlobal {
		if global = open(&b.byRouter, r); !global.has(l.global, at) {
			return false
		}
	}
	if l.hasPerDestination {
		if own = open(&b.byDestination, errorKey{r, to}); !own.has(l.perDestination, at) {
			return false
		}
		own.take(l.perDestination, at)
	}
	if l.hasGlobal {
		global.take(l.global, at)
	}
	return true
}
