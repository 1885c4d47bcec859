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
	allRoles = Client | Relay | Root | Router
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
	NumKinds
)

var kindNames = [NumKinds]string{"tcp/52311", "udp/52311", "icmp/echo-request", "icmp/echo-reply", "icmp/time-exceeded", "icmp/unreachable"}

func (k Kind) String() string {
	if k >= NumKinds {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// IsError tells whether k is an ICMP error message; no error is ever sent
// about one (RFC 1122 section 3.2.2).
func (k Kind) IsError() bool { return k == TimeExceeded || k == Unreachable }

// Answer is the kind of the reply to a request of kind k: icmp/echo-reply to
// icmp/echo-request (RFC 792), otherwise the kind itself.
func (k Kind) Answer() Kind {
	if k == EchoRequest {
		return EchoReply
	}
	return k
}

// kindSet is a set of kinds, one bit each.
type kindSet uint8

func kindsOf(kinds []Kind) kindSet {
	var s kindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k Kind) bool { return s>>k&1 != 0 }

// Attachment is where a host is attached: a network and an access variant.
// Relays and the root have variant 0, which means nothing for them.
type Attachment struct {
	Network NetworkID
	Access  uint16
}

// Endpoint is one end of a packet's way.
type Endpoint struct {
	At   Attachment
	Host HostID
	Role Role
	// Source distinguishes clients where a limit counts by source.
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
// Network.Reply and ICMP errors with Network.ErrorAbout.
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
	// Key is the opaque key of the packet's random fate; see IsLost.
	Key rng.Key

	// hop, if not 0, marks an ICMP error: it was made by the hop-th router on
	// the way of the packet that it quotes, whose destination was quoted.
	hop    int
	quoted Endpoint
}

// Reply returns the answer to p: from its destination to its source in the
// other direction of the same flow, with a TTL and a key of its own. The TTL
// of an echo reply has nothing to do with that of the request: RFC 792 leaves
// it open, and hosts start with their default (RFC 1122 section 3.2.1.7),
// which is DefaultTTL in this model.
func (n *Network) Reply(p Packet, kind Kind, ttl uint8, key rng.Key) Packet {
	return Packet{Kind: kind, Src: p.Dst, Dst: p.Src, TTL: ttl, Flow: p.Flow, Back: !p.Back, Key: key}
}

// IsLost tells whether a packet with this key is lost on a way with the
// cumulative chance c of loss.
func IsLost(key rng.Key, c rng.Chance) bool { return c.Happens(key.Draw(rng.Loss, 0)) }
