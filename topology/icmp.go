package topology

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// ErrorAbout returns what is sent about p, whose walk had the result r, at the
// instant at, which is r.At:
//
//   - icmp/time-exceeded from the router at which it expired (RFC 792; RFC 1812
//     section 5.3.1, RFC 4443 section 3.3),
//   - icmp/unreachable from the box or guard that rejected it, or tcp/reset in
//     the name of its destination (RFC 1812 section 5.2.7.1),
//   - icmp/unreachable from the last router before the network where nobody has
//     its address, or from which no way leads there, if that network
//     TellsAbsent (RFC 1812 sections 5.2.7.1 and 4.3.3.1).
//
// It goes back to the source of p along the reversed way, with a TTL of its
// own, and quotes p: translators on the way treat it as one about the flow.
//
// There is none about an ICMP error (RFC 1122 section 3.2.2, RFC 1812 section
// 4.3.2.7) or a refusal, none from a silent router or box, none of a kind that
// the router or box drops, and none beyond the limit of the router, of which it
// takes a token. An outer packet of a tunnel has nobody to tell.
//
// For the rules of boxes on the way its source has the role Router and the
// network of the leg, inside or access on which the router stands. An error
// from a firewall itself comes from NoNetwork, and that box does not judge it;
// one from a guard comes from its host.
func (s *State) ErrorAbout(p Packet, r Result, at vtime.Instant, key rng.Key) (Packet, bool) {
	e, ok := s.net.errorAbout(&p, &r, key)
	if !ok || !e.Kind.IsError() {
		return e, ok
	}
	if l := s.net.errorLimitAt(&r.ending); l != nil && !s.buckets.takeError(l, r.ending.router(), r.ending.about, at) {
		return Packet{}, false
	}
	return e, true
}

// errorAbout is ErrorAbout where nothing is limited.
func (n *Network) errorAbout(p *Packet, r *Result, key rng.Key) (Packet, bool) {
	kind, ok := errorKind(p, r)
	if !ok || n.mute(&r.ending, kind) {
		return Packet{}, false
	}
	e := Packet{
		Kind: kind, Src: n.maker(p, &r.ending), Dst: p.Src, TTL: DefaultTTL,
		Flow: p.Flow, Back: !p.Back, V6: p.V6, Code: r.Code, Key: key,
		asked: p.asked, answers: true, request: p.requestKind(), pick: n.pick(p),
		made: r.ending.place, quoted: p.Dst,
	}
	if kind == Reset {
		e.Src, e.Code = p.Dst, 0
	}
	return e, true
}

// errorKind is the kind of what an end calls for.
func errorKind(p *Packet, r *Result) (k Kind, ok bool) {
	e := &r.ending
	if e.place == (place{}) || e.quiet || p.Kind.IsError() || p.made != (place{}) {
		return 0, false
	}
	switch {
	case r.End == Expired:
		return TimeExceeded, true
	case r.End == Refused && e.with == TCPReset && p.Kind == TCP:
		return Reset, true
	}
	return Unreachable, true // Refused, NoHost or NoRoute
}

// mute tells whether the router or box of an ending sends nothing of a kind.
func (n *Network) mute(e *ending, kind Kind) bool {
	if e.box != NoBox {
		b := &n.boxes[e.box]
		return b.silent || b.drops.has(kind)
	}
	s := &n.segments[e.segment]
	return s.silent || s.drops.has(kind)
}

// maker is the router, box or host of an ending, as the source of a packet. Its
// Source is a number that no other router or box has, for limits that count by
// source.
func (n *Network) maker(p *Packet, e *ending) Endpoint {
	switch {
	case e.box == NoBox:
		s := &n.segments[e.segment]
		m := Endpoint{
			At: Attachment{Network: s.network}, Host: AnyHost, Role: Router,
			Source: uint64(e.segment)<<16 | uint64(e.place.router-1),
		}
		if s.box != NoBox {
			m.Addr = n.boxes[s.box].errorsFrom
		}
		return m
	case n.boxes[e.box].kind != Guard:
		return Endpoint{
			At: Attachment{Network: NoNetwork}, Host: AnyHost, Role: Router, Addr: n.boxes[e.box].errorsFrom,
			Source: 1<<63 | uint64(e.box),
		}
	case e.outward:
		return p.Src
	}
	return p.Dst
}

// errorLimitAt is the limit of the router or box of an ending, or nil.
func (n *Network) errorLimitAt(e *ending) *errorLimit {
	b := e.box
	if b == NoBox {
		b = n.segments[e.segment].box
	}
	if b == NoBox {
		return nil
	}
	return n.boxes[b].errors
}

// router names the router of an ending.
func (e *ending) router() routerKey { return routerKey{e.box, e.segment, e.place.router} }
