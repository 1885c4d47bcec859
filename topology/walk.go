package topology

import (
	"fmt"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// End is how a packet's way ended. The set is closed.
type End uint8

// Ends.
const (
	Delivered End = iota
	Expired       // TTL reached zero at a router
	Filtered      // dropped by a rule or the default of a box
	Refused       // rejected: dropped and answered with icmp/unreachable
	OverLimit     // dropped by the default after a limit was exceeded
	Lost          // random loss on a link
	Cut           // a link on the way is down
	NoRoute       // no path between the two networks
	NumEnds
)

var endNames = [NumEnds]string{"delivered", "expired", "filtered", "refused", "over_limit", "lost", "link_down", "no_route"}

func (e End) String() string {
	if e >= NumEnds {
		return fmt.Sprintf("End(%d)", uint8(e))
	}
	return endNames[e]
}

// Result is the fate of one packet.
type Result struct {
	End End
	// At is when the packet arrived or ended.
	At vtime.Instant
	// Hops is the number of routers that decremented the TTL on the way, a
	// box that then dropped the packet included.
	Hops int
	// Box ended the packet, or NoBox. Rule is the index of the rule that
	// did, or -1 for the box's default or its Drops.
	Box  BoxID
	Rule int

	// Where it expired or was refused, for ErrorAbout: the hop-th router of
	// the way, which is Box or router number router of a segment.
	hop     int
	segment segmentID
	router  int
}

// walker carries one packet along its way.
type walker struct {
	net   *Network
	st    *State
	flows *flowTable
	p     *Packet
	trace *[]Hop // appended to if not nil

	at   vtime.Instant
	ttl  int
	hops int
	loss rng.Chance // cumulative, of the links so far
	// skip is the number of routers still to be passed over before the one
	// where the packet, an ICMP error, was made.
	skip int
	// A dry walk loses nothing and takes nothing from limits; coupled notes
	// that it came to one.
	dry, coupled bool

	result Result
}

// Walk is the fate of p, sent at the instant at. It reads and changes the
// connection tracking and the limits of st, so at must never decrease over the
// walks of one State where these take part.
func (n *Network) Walk(st *State, p Packet, at vtime.Instant) Result {
	w := walker{net: n, st: st, flows: &st.flows, p: &p, at: at}
	return w.run()
}

func (w *walker) run() Result {
	w.ttl = int(w.p.TTL)
	w.result = Result{Box: NoBox, Rule: -1}
	from, to := &w.p.Src, &w.p.Dst
	if w.p.hop > 0 { // back along the way of the quoted packet, from its hop-th router
		from = &w.p.quoted
		total, _ := w.net.hops(from, to)
		w.skip = total + 1 - w.p.hop
	}
	if w.travel(from, to) {
		w.note(w.destination(), "delivered")
		w.stop(Delivered, NoBox, -1)
	}
	return w.result
}

// stop ends the walk. It returns false, as everything does that does not let
// the packet go on.
func (w *walker) stop(e End, b BoxID, rule int) bool {
	r := &w.result
	r.End, r.At, r.Hops, r.Box, r.Rule = e, w.at, w.hops, b, rule
	return false
}

// travel takes the packet all the way between two endpoints.
func (w *walker) travel(from, to *Endpoint) bool {
	if from.Role == Client && !w.cross(w.net.access(from.At), true) {
		return false
	}
	if from.At.Network == to.At.Network {
		if !w.cross(w.net.networks[from.At.Network].inside, w.net.nearer(from, to)) {
			return false
		}
	} else if !w.steps(from.At.Network, to.At.Network) {
		return false
	}
	return to.Role != Client || w.cross(w.net.access(to.At), false)
}

// nearer tells whether a and not b is at the near end of the inside of their
// network: the client, or the lesser of two of a kind. It only has to be the
// same in both directions.
func (n *Network) nearer(a, b *Endpoint) bool {
	switch {
	case (a.Role == Client) != (b.Role == Client):
		return a.Role == Client
	case a.Role == Client:
		return a.Source <= b.Source
	}
	return n.hosts[a.Host].name <= n.hosts[b.Host].name
}

// steps takes the packet from network to network.
func (w *walker) steps(from, to NetworkID) bool {
	path := w.net.paths.between(from, to)
	if path.hops < 0 {
		w.note(w.net.networks[from].name, "no route")
		return w.stop(NoRoute, NoBox, -1)
	}
	for _, s := range w.net.paths.of(path) {
		if !w.cross(segmentID(s.in), true) || !w.enter(&w.net.boxes[s.box]) || !w.cross(segmentID(s.out), false) {
			return false
		}
	}
	return true
}

// cross takes the packet over the links and routers of a segment, outward
// from its near end or inward to it. Link i leads to the i-th router on the
// way or, the last, out of the segment.
func (w *walker) cross(id segmentID, outward bool) bool {
	s := &w.net.segments[id]
	first := min(w.skip, s.routers+1)
	w.skip -= min(w.skip, s.routers)
	if first > s.routers {
		return true // the packet was made beyond this segment
	}
	if s.leg != NoLeg && w.st.down[s.leg] {
		w.note(w.net.LegName(s.leg), "link down")
		return w.stop(Cut, NoBox, -1)
	}
	near, last := 0, s.routers-1
	if !outward {
		near = s.routers
	}
	for i := first; i <= s.routers; i++ {
		if !w.link(s, i == near) {
			return false
		}
		router := i
		if !outward {
			router = last - i
		}
		if i <= last && !w.router(id, router) {
			return false
		}
	}
	return true
}

// link takes the packet over one link, on which it may be lost if it is the
// segment's near one.
func (w *walker) link(s *segment, near bool) bool {
	if !near {
		w.at = w.at.Add(s.link)
		return true
	}
	w.at = w.at.Add(s.first)
	if s.loss == rng.Never {
		return true
	}
	w.loss = w.loss.Or(s.loss)
	if w.dry || !IsLost(w.p.Key, w.loss) {
		return true
	}
	w.note(s.of(), "lost")
	return w.stop(Lost, NoBox, -1)
}

// decrement is the TTL check of the router that the packet has come to, before
// anything else (RFC 1812 sections 4.2.2.9 and 5.3.1): it must not forward a
// packet whose TTL would become 0.
func (w *walker) decrement() bool {
	if w.ttl <= 1 {
		w.result.hop = w.hops + 1
		w.ttl = 0
		return false
	}
	w.ttl--
	w.hops++
	return true
}

// router takes the packet through the i-th router of a segment, counted from
// its near end and 0.
func (w *walker) router(id segmentID, i int) bool {
	s := &w.net.segments[id]
	if !w.decrement() {
		w.result.segment, w.result.router = id, i
		w.noteRouter(s, i, "TTL exceeded")
		return w.stop(Expired, NoBox, -1)
	}
	if s.drops.has(w.p.Kind) {
		w.noteRouter(s, i, "dropped: router drops this kind")
		return w.stop(Filtered, s.box, -1)
	}
	w.noteRouter(s, i, "forwarded")
	return true
}

// enter takes the packet through a box. A Routed box is nothing but the
// routers on its legs.
func (w *walker) enter(b *box) bool {
	switch {
	case b.kind == Routed:
		return true
	case w.skip > 0:
		w.skip--
		return true
	case !w.decrement():
		w.note(b.name, "TTL exceeded")
		return w.stop(Expired, b.id, -1)
	case b.drops.has(w.p.Kind):
		w.note(b.name, "dropped: box drops this kind")
		return w.stop(Filtered, b.id, -1)
	}
	j := w.judge(b)
	w.noteJudgement(b, j)
	if j.verdict == Accept {
		return true
	}
	w.result.hop = w.hops
	return w.stop(j.end(), b.id, j.rule)
}
