package topology

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// Time-outs of a flow entry, counted from the last packet that the entry or
// a rule let pass.
//
// TCP is the minimum for an established connection, 2 h 4 min (RFC 5382
// REQ-5); a connection that is opened and never used again is kept as long.
// ICMP and UDP are Linux's defaults (nf_conntrack_icmp_timeout and
// nf_conntrack_udp_timeout), which firewalls commonly use; a translator would
// have to keep queries for at least 60 s (RFC 5508 REQ-2).
const (
	TCPTimeout  = 7440 * time.Second
	UDPTimeout  = 30 * time.Second
	ICMPTimeout = 30 * time.Second
)

func timeout(k Kind) time.Duration {
	switch k {
	case TCP:
		return TCPTimeout
	case UDP:
		return UDPTimeout
	}
	return ICMPTimeout
}

// flowKey names the entry of a flow in one box.
type flowKey struct {
	box  BoxID
	flow uint64
}

// flowTable has the flows that stateful boxes have accepted, with the instant
// at which each is forgotten.
type flowTable struct {
	until map[flowKey]vtime.Instant
	// sweep is the size at which expired entries are looked for.
	sweep int
}

const minSweep = 1024

func (t *flowTable) live(b BoxID, flow uint64, at vtime.Instant) bool {
	until, ok := t.until[flowKey{b, flow}]
	return ok && at < until
}

// keep makes or refreshes the entry of a flow.
func (t *flowTable) keep(b BoxID, flow uint64, k Kind, at vtime.Instant) {
	if t.until == nil {
		t.until, t.sweep = make(map[flowKey]vtime.Instant), minSweep
	}
	if len(t.until) >= t.sweep {
		t.forget(at)
	}
	t.until[flowKey{b, flow}] = at.Add(timeout(k))
}

// forget removes expired entries. Its cost is spread over at least as many
// insertions. What live says does not depend on it.
func (t *flowTable) forget(at vtime.Instant) {
	// order: expired entries go whichever comes first, and nothing else happens.
	for key, until := range t.until {
		if until <= at {
			delete(t.until, key)
		}
	}
	t.sweep = max(minSweep, 2*len(t.until))
}

func (t *flowTable) reset() { clear(t.until) }
