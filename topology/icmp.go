package topology

import "github.com/relaysim/relaysim/rng"

// ErrorAbout returns the ICMP error about p, whose walk had the result r:
// icmp/time-exceeded from the router at which it expired (RFC 792; RFC 1812
// section 5.3.1) or icmp/unreachable, code 13, from the box that rejected it
// (RFC 1812 section 5.2.7.1). The error goes back to the source of p along the
// reversed way, with a TTL of its own.
//
// There is none about an ICMP error (RFC 1122 section 3.2.2, RFC 1812 section
// 4.3.2.7), none from a silent router or box, and none of a kind that the
// router or box drops.
//
// For the rules of boxes on the way its source has the role Router and the
// network of the leg, inside or access on which the router stands. An error
// from a firewall itself comes from NoNetwork, and that box does not judge it.
func (n *Network) ErrorAbout(p Packet, r Result, key rng.Key) (Packet, bool) {
	kind, ok := errorKind(r.End)
	if !ok || p.Kind.IsError() || n.mute(r, kind) {
		return Packet{}, false
	}
	return Packet{
		Kind: kind, Src: n.maker(r), Dst: p.Src, TTL: DefaultTTL,
		Flow: p.Flow, Back: !p.Back, Key: key,
		hop: r.hop, quoted: p.Dst,
	}, true
}

// errorKind is the kind of ICMP error that an end calls for.
func errorKind(e End) (k Kind, ok bool) {
	switch e {
	case Expired:
		return TimeExceeded, true
	case Refused:
		return Unreachable, true
	}
	return 0, false
}

// mute tells whether the router or box where r ended sends no errors of a
// kind.
func (n *Network) mute(r Result, kind Kind) bool {
	if r.Box != NoBox {
		b := &n.boxes[r.Box]
		return b.silent || b.drops.has(kind)
	}
	s := &n.segments[r.segment]
	return s.silent || s.drops.has(kind)
}

// maker is the router or box where r ended, as the source of a packet. Its
// Source is a number that no other router or box has, for limits that count by
// source.
func (n *Network) maker(r Result) Endpoint {
	if r.Box != NoBox {
		return Endpoint{
			At: Attachment{Network: NoNetwork}, Host: AnyHost, Role: Router,
			Source: 1<<63 | uint64(r.Box),
		}
	}
	return Endpoint{
		At: Attachment{Network: n.segments[r.segment].network}, Host: AnyHost, Role: Router,
		Source: uint64(r.segment)<<16 | uint64(r.router),
	}
}
