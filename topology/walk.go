package topology

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// walker carries one packet along its way.
type walker struct {
	net    *Network
	st     *State
	tables *tables
	trace  *[]Hop // appended to if not nil

	carried

	at, sent vtime.Instant
	// Cumulative chances of loss, of the links so far and of their bursts.
	loss, burst rng.Chance
	last        impairmentID // of the leg crossed last, or 0
	// A dry walk loses nothing and takes nothing from limits; coupled notes
	// that it came to one.
	dry, coupled bool
	counted      bool // before
	halts        Halts
	motion       motion
	met          int       // routers and boxes by outer packets of tunnels
	inner        []carried // the packets inside the present one, the innermost first

	result Result
}

// motion is what a walker is about.
type motion uint8

const (
	moving motion = iota
	halted        // it has come to a router or box, which has not looked at it yet
	ended
)

// carried is what a walker knows of the packet that it carries: of an outer
// one while it is in a tunnel.
type carried struct {
	p      Packet // with the source and destination that it has at the time
	quoted header // of the request that an error is about, likewise
	pick   uint64

	course  []element
	headers []header // of the request, by epoch
	arrival arrival
	far     arrival // of the request, on the way of what answers to it
	// i is the element where the packet is, from the link of its segment that
	// comes next or leads to the router where it halts. through: the tunnel of
	// the segment is behind it.
	i, from int
	through bool

	// asDestination: this error has the source that a reply would have, where it
	// is made.
	asDestination bool

	untracked  bool   // the box where the packet is need not keep its flow
	translated string // what it changed, not yet noted

	ttl, hops int
	// Of an outer packet: the tunnel that it crosses (NoLeg for none), how many
	// tunnels are inside each other, and the routers that the innermost packet
	// has met.
	tunnel           LegID
	depth, innerHops int
}

// Walk is the fate of p, sent at the instant at. It reads and changes the
// connection tracking and the limits of st, so at must never decrease over the
// walks of one State where these take part.
func (n *Network) Walk(st *State, p Packet, at vtime.Instant) Result {
	var w walker
	w.start(st, &p, at)
	return w.run()
}

// Recall is Walk for a packet that went by an Errand, so that boxes remember its
// flow from now on. It is counted already.
func (n *Network) Recall(st *State, p Packet, at vtime.Instant) Result {
	var w walker
	w.start(st, &p, at)
	w.counted = true
	return w.run()
}

// start lets a new walker carry p. (Returned by value, it would be copied.)
func (w *walker) start(st *State, p *Packet, at vtime.Instant) {
	w.net, w.st, w.tables, w.at, w.sent = st.net, st, &st.tables, at, at
	w.p, w.course, w.headers, w.tunnel, w.inner = *p, st.course[:0], st.headers[:0], NoLeg, st.inner[:0]
}

func (w *walker) run() Result {
	w.setOut()
	w.carry()
	w.st.course, w.st.headers, w.st.inner = w.course, w.headers, w.inner
	return w.finish()
}

// setOut begins the way of the packet.
func (w *walker) setOut() {
	if !w.dry && !w.counted {
		w.st.ends.walks++
	}
	w.reset()
	w.depart()
}

// finish is the result of a way that has ended.
func (w *walker) finish() Result {
	if w.result.End == Delivered {
		w.result.Again = w.again()
	}
	if !w.dry && !w.counted {
		w.st.ends.count(&w.result, w.met+w.hops)
	}
	return w.result
}

// reset makes the result that of a packet that is on its way.
func (w *walker) reset() {
	w.motion = moving
	w.result = Result{Box: NoBox, Rule: -1, ending: ending{box: NoBox}}
}

// depart lays out the way of w.p and puts it at its beginning, or behind the
// routers of the first links that it has behind it already.
func (w *walker) depart() {
	w.ttl, w.hops = int(w.p.TTL), 0
	w.plot()
	w.i, w.from, w.through = 0, 0, false
	if m := w.p.made; m != (place{}) && m.router > 0 && len(w.course) > 0 {
		w.from = int(m.router)
		if e := &w.course[0]; !e.outward {
			w.from = w.net.segments[e.segment].routers + 1 - w.from
		}
	}
}

// carry takes the packet on until its way has ended or it halts.
func (w *walker) carry() {
	for {
		for w.i < len(w.course) {
			if w.pass(&w.course[w.i]) {
				w.i++
				w.from, w.through = 0, false
			} else if w.motion == halted {
				return
			} else if w.motion == ended {
				break
			}
		}
		if w.motion == moving {
			w.arrive()
		}
		if len(w.inner) == 0 {
			return
		}
		if w.result.End != Delivered {
			for len(w.inner) > 0 {
				w.unwrap()
			}
			return
		}
		w.unwrap()
		w.reset()
	}
}

// pass takes the packet through an element. It does not if the way ends there,
// if the packet halts before a router or box of it, or if an outer packet has
// to be carried before.
func (w *walker) pass(e *element) bool {
	if e.kind == links {
		return w.cross(e)
	}
	if w.halts != atNone && w.haltsAt(e) {
		return false
	}
	if e.kind == guarding {
		return w.guard(e)
	}
	return w.enter(e)
}

// stop ends the walk. It returns false, as everything does that does not let
// the packet go on.
func (w *walker) stop(e End, b BoxID, rule int) bool {
	r := &w.result
	w.motion = ended
	r.End, r.At, r.Hops, r.Box, r.Rule = e, w.at, w.hops, b, rule
	if w.tunnel != NoLeg {
		r.Hops = w.innerHops
		r.ending = ending{box: NoBox, quiet: true} // the outer source is told, not the inner
	}
	return false
}

// stopAt is stop where an error about the packet may be made.
func (w *walker) stopAt(e End, b BoxID, rule int, segment segmentID, router int) bool {
	w.result.ending = ending{
		place: place{before: int32(w.i + 1), router: int16(router + 1)},
		box:   b, segment: segment, about: identOf(&w.p.Src),
	}
	w.result.Code = w.code(e)
	return w.stop(e, b, rule)
}

// nearer tells whether a and not b is at the near end of the inside of their
// network: the client, or the lesser of two of a kind. It only has to be the
// same in both directions.
func (n *Network) nearer(a, b *Endpoint) bool {
	switch {
	case (a.Role == Client) != (b.Role == Client):
		return a.Role == Client
	case a.Host == AnyHost || b.Host == AnyHost:
		return a.Source <= b.Source
	}
	return n.hosts[a.Host].name <= n.hosts[b.Host].name
}

// cross takes the packet over the links and routers of a segment, outward
// from its near end or inward to it. Link i leads to the i-th router on the
// way or, the last, out of the segment.
func (w *walker) cross(e *element) bool {
	s := &w.net.segments[e.segment]
	if s.leg != NoLeg && w.st.down[s.leg] {
		w.note(w.net.LegName(s.leg), "link down")
		return w.stop(Cut, NoBox, -1)
	}
	if s.tunneled && e.outward && w.from == 0 && !w.through {
		return w.wrap(e, s)
	}
	near, last := 0, s.routers-1
	if !e.outward {
		near = s.routers
	}
	i, halts := w.from, w.halts == AtRouters
	if w.motion == halted { // at the router that link i leads to
		w.motion = moving
		if !w.router(e, i, last) {
			return false
		}
		i++
	}
	for ; i <= s.routers; i++ {
		if !w.link(s, i == near) {
			return false
		}
		switch {
		case i > last:
		case halts:
			w.from, w.motion = i, halted
			return false
		case !w.router(e, i, last):
			return false
		}
	}
	if s.tunneled && !e.outward && !w.through {
		w.from = s.routers + 1
		return w.wrap(e, s)
	}
	return true
}

// decrement is the TTL check of the router that the packet has come to, before
// anything else (RFC 1812 sections 4.2.2.9 and 5.3.1; RFC 8200 section 3 for
// the hop limit): it must not forward a packet whose TTL would become 0.
func (w *walker) decrement() bool {
	if w.ttl <= 1 {
		w.ttl = 0
		return false
	}
	w.ttl--
	w.hops++
	return true
}

// router takes the packet through the i-th router of a segment on its way, of
// which the last has the number last.
func (w *walker) router(e *element, i, last int) bool {
	s := &w.net.segments[e.segment]
	if !e.outward {
		i = last - i // from the near end
	}
	if !w.decrement() {
		w.noteRouter(s, i, "TTL exceeded")
		w.stopAt(Expired, NoBox, -1, e.segment, i)
		w.result.ending.quiet = w.result.ending.quiet || s.eats
		return false
	}
	if s.drops.has(w.p.Kind) {
		w.noteRouter(s, i, "dropped: router drops this kind")
		return w.stop(Filtered, s.box, -1)
	}
	w.noteRouter(s, i, "forwarded")
	return true
}

// enter takes the packet through a box: it is a router that checks the TTL,
// then translates the destination, judges, and translates the source.
func (w *walker) enter(e *element) bool {
	b := &w.net.boxes[e.box]
	switch {
	case !w.decrement():
		w.note(b.name, "TTL exceeded")
		w.stopAt(Expired, b.id, -1, 0, -1)
		w.result.ending.quiet = w.result.ending.quiet || b.eats
		return false
	case b.drops.has(w.p.Kind):
		w.note(b.name, "dropped: box drops this kind")
		return w.stop(Filtered, b.id, -1)
	}
	let := judged
	w.untracked = false
	if e.change != 0 {
		if let = w.translateIn(b, e); let == stopped {
			return false
		}
	}
	if e.out == NoLeg {
		w.note(b.name, "no route")
		return w.stop(NoRoute, b.id, -1)
	}
	if let == passed {
		w.note(b.name, "accepted: mapping")
	} else if !w.filter(b, e) {
		return false
	}
	if len(b.echoFor) > 0 && w.p.Kind == EchoRequest && !w.p.Back && b.answersFor(&w.p.Dst, w.p.V6) {
		w.noteAnswer(b)
		return w.deliver(Middlebox)
	}
	if e.change != 0 {
		if !w.translateOut(b, e) {
			return false
		}
		w.noteTranslated()
	}
	return w.track(b, e)
}

// filter judges the packet and ends its walk unless it is accepted.
func (w *walker) filter(b *box, e *element) bool {
	j := w.judge(b, e)
	w.noteJudgement(b, &j)
	w.untracked = j.untracked
	if j.verdict == Accept {
		return true
	}
	end := j.end()
	if end == Refused {
		w.stopAt(Refused, b.id, j.rule, 0, -1)
		w.result.ending.with, w.result.ending.outward = j.with, e.outward
		w.result.Code = j.with.code(w.p.V6)
		return false
	}
	return w.stop(end, b.id, j.rule)
}
