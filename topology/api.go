package topology

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// NetworkID numbers the networks (places) of a Spec in its order.
type NetworkID uint16

// BoxID numbers the boxes of a Spec in its order.
type BoxID uint16

// NoBox is the absence of a box.
const NoBox BoxID = 1<<16 - 1

// LegID numbers the legs of a Spec in its order. A leg is what a link-cut
// event cuts.
type LegID uint16

// HostID numbers the hosts of a Spec in its order. Clients have no HostID;
// their Endpoint carries AnyHost.
type HostID uint32

// AnyHost stands for a client: a host that no rule can name singly.
const AnyHost HostID = 1<<32 - 1

// Role is what a host is, as rules may say it.
type Role uint8

// Roles, as a bit set in Match.
const (
	Client Role = 1 << iota
	Relay
	Root
	Router // the source of an ICMP error
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

func (k Kind) String() string { return kindNames[k] }

// IsError tells whether k is an ICMP error message; no error is ever sent
// about one (RFC 1122 section 3.2.2).
func (k Kind) IsError() bool { return k == TimeExceeded || k == Unreachable }

// Spec describes a network under one policy. Names identify; order does not
// matter to any result.
type Spec struct {
	Networks []NetworkSpec
	Boxes    []BoxSpec
	Legs     []LegSpec
	Hosts    []HostSpec
}

// NetworkSpec is a place where hosts attach.
type NetworkSpec struct {
	Name string
	// InsideRouters is the number of routers between two hosts of the same
	// network (client to a relay of its own site). It is not counted on the
	// way out of the network.
	InsideRouters int
	// InsideDelay is the one-way delay between two hosts of the network.
	InsideDelay time.Duration
	// InsideLoss is the chance, per direction, that a packet between two
	// hosts of the network is lost.
	InsideLoss rng.Chance
	// Access lists the access variants: each is a number of additional routers
	// between a client and the network. Empty means one variant of 0.
	Access []int
}

// BoxKind is the kind of a box.
type BoxKind uint8

// Kinds of box.
const (
	// Routed is a routed network: it stands for the routers on its legs and
	// is no hop itself. Drops applies to each of those routers.
	Routed BoxKind = iota
	// Stateful is a firewall that lets the replies of accepted flows back.
	Stateful
	// Stateless is a firewall that judges each packet by its rules alone.
	Stateless
)

// BoxSpec is a box between two sides. Stateful and Stateless boxes are routers
// themselves (one hop) and judge what they forward, after the TTL check.
type BoxSpec struct {
	Name  string
	Kind  BoxKind
	Rules []Rule // first match decides; Stateful and Stateless only
	// Otherwise decides what no rule matches: Accept, Drop or Reject.
	Otherwise Verdict
	// RelatedErrors lets ICMP errors about an accepted flow back
	// (Stateful only).
	RelatedErrors bool
	// Silent boxes send no ICMP errors themselves.
	Silent bool
	// Drops lists kinds that are neither forwarded nor sent by the box or, for
	// a Routed box, by the routers on its legs.
	Drops []Kind
}

// Verdict is what a rule does.
type Verdict uint8

// Verdicts.
const (
	Accept Verdict = iota
	Drop
	Reject // drop and answer with icmp/unreachable (administratively prohibited)
)

// Rule is one line of a firewall.
type Rule struct {
	// Name is the opening's name.
	Name string
	// Source is "file:line" of the opening, for explanations.
	Source   string
	From, To Match
	Kinds    []Kind
	Verdict  Verdict
	// Limit, if not nil, lets the rule match only while its bucket has a
	// token; otherwise the packet goes on to the next rule (nftables "limit
	// rate").
	Limit *Limit
}

// Limit is a token bucket.
type Limit struct {
	PerSecond float64 // tokens a second, > 0
	Burst     int     // bucket size, >= 1; starts full
	PerSource bool    // one bucket a source host, else one for the rule
}

// Match selects packets by one end. Within a field any value matches; all
// non-empty fields must match. The zero Match matches everything.
type Match struct {
	Networks []NetworkID
	Roles    Role // bit set; 0 = any
	Hosts    []HostID
}

// LegSpec connects a network to a side of a box.
type LegSpec struct {
	// Name identifies the leg in events and explanations: "paris-wan".
	Name    string
	Network NetworkID
	Box     BoxID
	// Side is 0 or 1. A packet crosses a box from one side to the other, or,
	// for a Routed box only, between two legs of one side.
	Side uint8
	// Routers is the number of routers on the leg, box excluded.
	Routers int
	// Delay is the one-way delay of the whole leg.
	Delay time.Duration
	// Loss is the chance, per direction, that a packet is lost on the leg.
	Loss rng.Chance
}

// HostSpec is a relay or the root.
type HostSpec struct {
	Name    string
	Network NetworkID
	Role    Role
}

// Attachment is where a host is attached: a network and an access variant.
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

// Packet is one packet. Requests are made by the driver; replies with
// Network.Reply and ICMP errors with Network.ErrorAbout.
type Packet struct {
	Kind     Kind
	Src, Dst Endpoint
	TTL      uint8
	// Flow names the exchange: a request, its reply and errors about it share it.
	Flow uint64
	// Back is set on the reply direction of a flow.
	Back bool
	// Key is the opaque key of the packet's random fate; see Lost.
	Key rng.Key

	// about and hop describe the packet an ICMP error quotes and where on
	// that packet's way the error was made.
	about Kind
	hop   int16
	for_  Endpoint
}

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

func (e End) String() string { return endNames[e] }

// Result is the fate of one packet.
type Result struct {
	End End
	// At is when the packet arrived or ended.
	At vtime.Instant
	// Hops is the number of routers that decremented the TTL on the way.
	Hops int
	// Box ended the packet, or NoBox. Rule is the index of the rule that
	// did, or -1 for the box's default or its Drops.
	Box  BoxID
	Rule int
	// index of the element of the path where it ended, for ErrorAbout.
	element int
}

// Hop is one element of a traced walk.
type Hop struct {
	// Name of the router, box or host: "home-edge.r3", "edge", "dmz-1".
	Name string
	At   vtime.Instant
	TTL  uint8 // as the packet leaves the element
	// Rule that matched, "" where none was asked.
	Rule string
	// Note says what happened here in a few words.
	Note string
}

// Fate is the memoised deterministic exchange between a client attachment and
// a host: the request of a kind with sufficient TTL, and its reply. Random
// loss is not part of it; the two chances are.
type Fate struct {
	// Forward and Back are how request and reply end without random loss.
	// Back means something only if Forward is Delivered.
	Forward, Back End
	// Hops is the number of routers between the two: a request is delivered
	// only if its TTL is greater. ReplyHops is the same on the way back.
	Hops, ReplyHops int16
	// DelayForward and DelayBack are the one-way delays.
	DelayForward, DelayBack time.Duration
	// RefusedAfter is the time from sending to the arrival of the ICMP error
	// if Forward is Refused and the error gets back; 0 otherwise.
	RefusedAfter time.Duration
	// LossForward and LossBack are the cumulative chances of loss; see IsLost.
	LossForward, LossBack rng.Chance
	// Coupled means that a limit takes part, so that only a walk in order of
	// time can tell.
	Coupled bool
	// Box that ended it where Forward or Back is not Delivered, or NoBox.
	Box BoxID
}
