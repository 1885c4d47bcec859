package topology

import (
	"time"

	"github.com/relaysim/relaysim/rng"
)

// NetworkID numbers the networks (places) of a Spec in its order.
type NetworkID uint16

// NoNetwork is where a firewall's own packets come from: a rule that names
// networks in From does not match them.
const NoNetwork NetworkID = 1<<16 - 1

// BoxID numbers the boxes of a Spec in its order.
type BoxID uint16

// NoBox is the absence of a box.
const NoBox BoxID = 1<<16 - 1

// LegID numbers the legs of a Spec in its order. A leg is what a link-cut
// event cuts.
type LegID uint16

// NoLeg is the absence of a leg.
const NoLeg LegID = 1<<16 - 1

// HostID numbers the hosts of a Spec in its order. Clients have no HostID;
// their Endpoint carries AnyHost.
type HostID uint32

// AnyHost stands for a client or a router: a host that no rule can name
// singly.
const AnyHost HostID = 1<<32 - 1

// Spec describes a network under one policy. Names identify; order does not
// matter to any result.
type Spec struct {
	Networks []NetworkSpec
	Boxes    []BoxSpec
	Legs     []LegSpec
	Hosts    []HostSpec
}

// MaxRouters bounds the number of routers of one leg, inside or access
// variant: no TTL reaches further (RFC 791 section 3.1, eight bits).
const MaxRouters = 255

// NetworkSpec is a place where hosts attach.
type NetworkSpec struct {
	Name string
	// InsideRouters is the number of routers between two hosts of the same
	// network (client to a relay of its own site), 0 to MaxRouters. It is not
	// counted on the way out of the network.
	InsideRouters int
	// InsideDelay is the one-way delay between two hosts of the network.
	InsideDelay time.Duration
	// InsideLoss is the chance, per direction, that a packet between two
	// hosts of the network is lost.
	InsideLoss rng.Chance
	// Access lists the access variants: each is a number of additional routers
	// between a client and the network, 0 to MaxRouters. They add no delay.
	// Empty means one variant of 0.
	Access []int
}

// BoxKind is the kind of a box.
type BoxKind uint8

// Kinds of box.
const (
	// Routed is a routed network: it stands for the routers on its legs and
	// is no hop itself. Silent and Drops apply to each of those routers.
	Routed BoxKind = iota
	// Stateful is a firewall that lets the replies of accepted flows back.
	Stateful
	// Stateless is a firewall that judges each packet by its rules alone.
	Stateless
	numBoxKinds
)

// BoxSpec is a box between two sides. Stateful and Stateless boxes are routers
// themselves (one hop) and judge what they forward, after the TTL check.
type BoxSpec struct {
	Name  string
	Kind  BoxKind
	Rules []Rule // first match decides; Stateful and Stateless only
	// Otherwise decides what no rule matches: Accept, Drop or Reject. It means
	// nothing for a Routed box.
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
	Reject // drop and answer with icmp/unreachable (administratively prohibited, RFC 1812 section 5.2.7.1)
	numVerdicts
)

// Rule is one line of a firewall.
type Rule struct {
	// Name is the opening's name.
	Name string
	// Source is "file:line" of the opening, for explanations.
	Source   string
	From, To Match
	// Kinds lists what the rule is about. Empty means every kind.
	Kinds   []Kind
	Verdict Verdict
	// Limit, if not nil, lets the rule match only while its bucket has a
	// token; otherwise the packet goes on to the next rule (nftables "limit
	// rate").
	Limit *Limit
}

// Limit is a token bucket.
type Limit struct {
	PerSecond float64 // tokens a second, > 0, at most 1e9; rounded to whole nanoseconds a token
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
	// Routers is the number of routers on the leg, box excluded, 0 to
	// MaxRouters.
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
	Role    Role // Relay or Root
}
