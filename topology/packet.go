package topology

import (
	"fmt"

	"github.com/relaysim/relaysim/rng"
)

// Role is what a host is, as rules may say it.
type Role uint8

// Roles, as a bit set in Match.
const (
	Client Role = 1 << iota
	Relay
	Root
	Router   // the source of an ICMP error
	Stranger // a host of somebody else's, or nobody
	allRoles = Client | Relay | Root | Router | Stranger
)

// Kind is a service as openings name it.
type Kind uint8

// Kinds of packet.
const (
	TCP          Kind = iota // tcp/52311
	UDP                      // udp/52311
	EchoRequest              // icmp/echo-request, RFC 792 type 8
	EchoReply                // icmp/echo-reply, RFC 792 type 0
	TimeExceeded             // icmp/time-exceeded, RFC 792 type 11 code 0
	Unreachable              // icmp/unreachable, RFC 792 type 3
	Reset                    // tcp/reset, a refusal in the destination's name
	VPN                      // udp/4500, the outer packets of tunnels (RFC 3948)
	NumKinds
)

var kindNames = [NumKinds]string{
	"tcp/52311", "udp/52311", "icmp/echo-request", "icmp/echo-reply", "icmp/time-exceeded", "icmp/unreachable",
	"tcp/reset", "udp/4500",
}

func (k Kind) String() string {
	if k >= NumKinds {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// IsError tells whether k is an ICMP error message; no error is ever sent
// about one (RFC 1122 section 3.2.2).
func (k Kind) IsError() bool { return k == TimeExceeded || k == Unreachable }

// IsICMP tells whether k is a message of ICMP, of either version.
func (k Kind) IsICMP() bool { return k >= EchoRequest && k <= Unreachable }

// Answer is the kind of the reply to a request of kind k: icmp/echo-reply to
// icmp/echo-request (RFC 792), otherwise the kind itself.
func (k Kind) Answer() Kind {
	if k == EchoRequest {
		return EchoReply
	}
	return k
}

// kindSet is a set of kinds, one bit each.
type kindSet uint16

const allKinds kindSet = 1<<NumKinds - 1

func kindsOf(kinds []Kind) kindSet {
	var s kindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k Kind) bool { return s>>k&1 != 0 }

// Attachment is where a host is attached: a network and an access variant, and
// behind which firewall of its own. Relays and the root have variant 0, which
// means nothing for them, and the Guard of their HostSpec.
type Attachment struct {
	Network NetworkID
	Access  uint16
	Guard   GuardID
}

// AddrID numbers the addresses that a Network knows: of hosts, of translators
// and in answers of resolvers. 0, NoAddr, is the address of clients and
// routers, and of hosts that were given none.
type AddrID uint32

// NoAddr is the absence of a known address.
const NoAddr AddrID = 0

// Endpoint is one end of a packet's way.
type Endpoint struct {
	At   Attachment
	Host HostID
	Role Role
	// Addr is the address, as far as it is known by itself.
	Addr AddrID
	// Port is the TCP or UDP port or the ICMP query identifier.
	Port uint16
	// Source distinguishes clients where a limit counts by source, and what
	// translators made of them.
	Source uint64
}

// TTLs that the model itself sets. Requests carry what their maker asks for.
const (
	// MaxTTL is the greatest TTL there is (RFC 791 section 3.1).
	MaxTTL uint8 = 255
	// DefaultTTL is the TTL of replies and ICMP errors: 64, the recommended
	// default (RFC 1700, "IP time to live").
	DefaultTTL uint8 = 64
)

// Packet is one packet. Requests are made by the driver; replies with
// Network.Reply, ICMP errors and resets with State.ErrorAbout.
type Packet struct {
	Kind     Kind
	Src, Dst Endpoint
	// TTL as the source sends it. A host never sends 0 (RFC 1122 section
	// 3.2.1.7); it counts as 1.
	TTL uint8
	// Flow names the exchange: a request, its reply and errors about it share it.
	Flow uint64
	// Back is set on the reply direction of a flow.
	Back bool
	// V6 tells IPv6 from IPv4. TTL is the hop limit then (RFC 8200 section 3).
	V6 bool
	// Code of an ICMP error (RFC 792, RFC 4443).
	Code uint8
	// Key is the opaque key of the packet's random fate, a draw itself: see IsLost.
	Key rng.Key

	// asked is one more than the host that was asked for if the name resolved
	// to an address of another; 0 otherwise.
	asked HostID

	// What answers to a packet (answers) goes back the way of the exchange's
	// request: request is the kind of that and pick what chose its way.
	answers bool
	request Kind
	pick    uint64
	// made, if not the zero place, marks an ICMP error or a reset: it was made
	// there, on the way of a packet for quoted.
	made   place
	quoted Endpoint
}

// place is a place on the way of a packet: router number router of the links
// that are its element number before-1, or that box or guard itself. The zero
// place is none.
type place struct {
	before int32
	router int16
}

// Reply returns the answer to p: from its destination to its source in the
// other direction of the same flow, with a TTL and a key of its own. The TTL
// of an echo reply has nothing to do with that of the request: RFC 792 leaves
// it open, and hosts start with their default (RFC 1122 section 3.2.1.7),
// which is DefaultTTL in this model. It is addressed as p was sent; translators
// on the way see what they made of p.
func (n *Network) Reply(p Packet, kind Kind, ttl uint8, key rng.Key) Packet {
	return Packet{
		Kind: kind, Src: p.Dst, Dst: p.Src, TTL: ttl, Flow: p.Flow, Back: !p.Back, V6: p.V6, Key: key,
		asked: p.asked, answers: true, request: p.requestKind(), pick: n.pick(&p),
	}
}

// requestKind is the kind of the request that began the exchange of p.
func (p *Packet) requestKind() Kind {
	if p.answers {
		return p.request
	}
	return p.Kind
}

// IsLost tells whether a packet with this key, a draw of its own, is lost on a way
// with the cumulative chance c of loss: all the way it is the same draw.
func IsLost(key rng.Key, c rng.Chance) bool { return c.Happens(uint64(key)) }
