package probe

import (
	"encoding/binary"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/relaysim/relaysim/selection"
)

// Types of messages that answer an echo request (RFC 792; RFC 4443).
const (
	echoReply4, unreachable4, echoRequest4, timeExceeded4 = 0, 3, 8, 11
	unreachable6, timeExceeded6, echoRequest6, echoReply6 = 1, 3, 128, 129
)

// Lengths and protocol numbers of the headers.
const (
	icmpHeader  = 8
	ipv4Header  = 20
	ipv6Header  = 40
	protoICMP   = 1
	protoICMPv6 = 58
)

// message is what matters of an ICMP message: which request it answers.
type message struct {
	kind           selection.ReplyKind
	kindType, code uint8
	id, seq        uint16
}

// parseMessage reads an ICMP message without the IP header before it. ok is
// false if it answers no echo request.
func parseMessage(v6 bool, b []byte) (m message, ok bool) {
	if len(b) < icmpHeader {
		return m, false
	}
	m.kindType, m.code = b[0], b[1]
	switch {
	case v6 && b[0] == echoReply6, !v6 && b[0] == echoReply4:
		m.kind = selection.EchoReply
		m.id, m.seq = idAndSeq(b)
		return m, b[1] == 0
	case v6 && b[0] == timeExceeded6, !v6 && b[0] == timeExceeded4:
		m.kind = selection.TimeExceeded
	case v6 && b[0] == unreachable6, !v6 && b[0] == unreachable4:
		m.kind = selection.Unreachable
	default:
		return m, false
	}
	m.id, m.seq, ok = quotedEcho(v6, quoted(v6, b))
	return m, ok
}

// quoted is the datagram that an error quotes. RFC 4884, sections 4 and 5: a
// length other than zero, in words of 32 or of 64 bits, bounds it, and
// extensions may follow.
func quoted(v6 bool, b []byte) []byte {
	q := b[icmpHeader:]
	length := int(b[5]) * 4
	if v6 {
		length = int(b[4]) * 8
	}
	if length > 0 && length < len(q) {
		q = q[:length]
	}
	return q
}

// quotedEcho finds identifier and sequence number of an echo request that an
// error quotes: the IP header and at least 64 bits after it (RFC 792; RFC 4443,
// section 2.4 c).
func quotedEcho(v6 bool, q []byte) (id, seq uint16, ok bool) {
	request := quotedICMP(v6, q)
	if len(request) < icmpHeader || !isEchoRequest(v6, request) {
		return 0, 0, false
	}
	id, seq = idAndSeq(request)
	return id, seq, true
}

// quotedICMP is what follows the quoted IP header, or nil if that is not one
// before ICMP. Requests are sent without options, extension headers and
// fragments, but a router on the way may have put options in.
func quotedICMP(v6 bool, q []byte) []byte {
	if v6 {
		if len(q) < ipv6Header || q[0]>>4 != 6 || q[6] != protoICMPv6 {
			return nil
		}
		return q[ipv6Header:]
	}
	if len(q) < ipv4Header || q[0]>>4 != 4 || q[9] != protoICMP {
		return nil
	}
	const fragmentOffset = 0x1fff
	header := int(q[0]&0x0f) * 4
	if header < ipv4Header || len(q) < header || binary.BigEndian.Uint16(q[6:])&fragmentOffset != 0 {
		return nil
	}
	return q[header:]
}

func isEchoRequest(v6 bool, b []byte) bool {
	return b[1] == 0 && (v6 && b[0] == echoRequest6 || !v6 && b[0] == echoRequest4)
}

func idAndSeq(b []byte) (id, seq uint16) {
	return binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
}

// filler is what a request carries, so that who looks at packets sees whose
// they are.
const filler = "relaysim probe, see docs/probe.md; "

// marshalEcho makes an echo request for a packet of the given size. The
// checksum of ICMPv6 is left to the kernel, which knows the addresses
// (RFC 3542, section 3.1).
func marshalEcho(v6 bool, id, seq uint16, size int) ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho}
	overhead := ipv4Header + icmpHeader
	if v6 {
		m.Type = ipv6.ICMPTypeEchoRequest
		overhead = ipv6Header + icmpHeader
	}
	data := make([]byte, max(0, min(size, maxPacket)-overhead))
	for i := range data {
		data[i] = filler[i%len(filler)]
	}
	m.Body = &icmp.Echo{ID: int(id), Seq: int(seq), Data: data}
	return m.Marshal(nil)
}

// maxPacket bounds a request, so that none is sent in fragments.
const maxPacket = 1280
