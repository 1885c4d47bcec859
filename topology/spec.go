package topology

import (
	"net/netip"
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

// ViewID numbers the name views of a Spec in its order.
type ViewID uint16

// NoView is where every name resolves to the host itself.
const NoView ViewID = 1<<16 - 1

// Spec describes a network under one policy. Names identify; order does not
// matter to any result.
type Spec struct {
	Networks []NetworkSpec
	Boxes    []BoxSpec
	Legs     []LegSpec
	Hosts    []HostSpec
	Routes   []RouteSpec
	Views    []ViewSpec
	Balance  Balance
}

// Balance is what routers do where several ways cost the same.
type Balance uint8

// Kinds of balance over ways of equal cost (ECMP, RFC 2992).
const (
	// OneWay takes the way whose legs come first by name.
	OneWay Balance = iota
	// PerFlow chooses by source, destination and kind, so that all packets of
	// a client to a host go one way.
	PerFlow
	// PerPacket chooses for each request anew, so that the distance may
	// differ from round to round (spec F22). The reply takes the way of its
	// request.
	PerPacket
	numBalances
)

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

	// Prefixes are the addresses of its clients and hosts, of which rules and
	// Strangers may speak; those of one family do not overlap. Without an IPv6
	// one, nobody here sends or receives IPv6; without any, its hosts are
	// reached over IPv4 without addresses.
	Prefixes []netip.Prefix
	// HasView, View: what names resolve to here. Without, every name resolves
	// to the host itself.
	HasView bool
	View    ViewID
	// Strangers own addresses here that elsewhere belong to somebody else, or
	// to nobody: a home that uses 10.0.0.0/8 too, a captive portal (spec F23).
	Strangers []StrangerSpec
	// TellsAbsent makes the last router on the way answer with
	// icmp/unreachable: code 1 where nobody in this network has the address, or
	// who has it is down, code 0 where no way leads on from here (RFC 1812
	// sections 5.2.7.1 and 4.3.3.1).
	TellsAbsent bool
	// Tunneled, of a place of VPN clients, says where they are besides and
	// what goes through the tunnel; nil for any other place.
	Tunneled *TunneledSpec
}

// TunneledSpec makes a network one of VPN clients. Its legs are those of the
// tunnel. Its access variants are those of Underlay; the routers of these are
// crossed by the outer packets alone.
type TunneledSpec struct {
	// Underlay is the network that the clients are really in.
	Underlay NetworkID
	// Into are the networks that are reached through the tunnel (split
	// tunnel); everything else goes as from Underlay. Empty means everything
	// (full tunnel).
	Into []NetworkID
}

// StrangerSpec is a host of somebody else's. It is as far from a client as
// any host in the network is.
type StrangerSpec struct {
	// Name of it in explanations: "portal".
	Name string
	// Prefix are its addresses.
	Prefix netip.Prefix
	// AnswersEcho and AnswersTCP: it answers icmp/echo-request, and accepts
	// connections to any port. A stranger that does neither is an address in
	// use where packets end without an answer.
	AnswersEcho, AnswersTCP bool
}

// ViewSpec is what a resolver answers (split DNS, RFC 6950 section 4.2). A
// host that is not in Answers and without Wildcard resolves to the host itself.
type ViewSpec struct {
	Name    string
	Answers []NameAnswer
	// Wildcard, if valid, is the answer to every name that Answers lacks.
	Wildcard netip.Addr
	// Closed views know no name that Answers lacks.
	Closed bool
}

// NameAnswer is what the name of a host resolves to: an address, which need
// not be one of the host's, or none.
type NameAnswer struct {
	Host HostID
	// Addrs are the answers, at most one of each family; none means that the
	// name does not exist.
	Addrs []netip.Addr
}

// RouteSpec is a static route: at the network At, what is for one of To goes
// out over Leg. To may be a network of hosts or clients; where an address is
// translated, it is the network that the address is reached at. A route also
// applies to replies, which otherwise go back the way of their requests; so
// it can make a way asymmetric. Routes that lead in circles make packets
// expire.
type RouteSpec struct {
	At  NetworkID
	To  []NetworkID
	Leg LegID // one of At
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
	// Guard is the stateful firewall of a host itself. It has no legs and is no
	// hop; its side 0 is the host, side 1 the network. Hosts and attachments
	// name it, and each has one of its own.
	Guard
	numBoxKinds
)

// GuardID names the Guard of a host or an attachment; the zero value is none.
type GuardID uint16

// GuardOf is the GuardID of a box of the kind Guard.
func GuardOf(b BoxID) GuardID { return GuardID(b + 1) }

// Box is the box of a GuardID, NoBox for none.
func (g GuardID) Box() BoxID { return BoxID(g - 1) }

// BoxSpec is a box between two sides. Stateful and Stateless boxes are routers
// themselves (one hop) and judge what they forward, after the TTL check.
type BoxSpec struct {
	Name  string
	Kind  BoxKind
	Rules []Rule // first match decides; Stateful and Stateless only
	// Otherwise decides what no rule matches: Accept, Drop or Reject. It means
	// nothing for a Routed box, and for a Guard it is about what comes in: what
	// a host sends passes unless a rule says otherwise.
	Otherwise Verdict
	// RelatedErrors lets ICMP errors about an accepted flow back
	// (Stateful only).
	RelatedErrors bool
	// Silent boxes send no ICMP errors themselves.
	Silent bool
	// Drops lists kinds that are neither forwarded nor sent by the box or, for
	// a Routed box, by the routers on its legs.
	Drops []Kind
	// Source and DropsSource are "file:line" of what decides where no rule
	// matches, and of Drops, for explanations.
	Source, DropsSource string

	// NAT makes a Stateful box a translator; nil for none.
	NAT *NATSpec
	// Lifetimes of tracked flows and mappings; zero values mean the defaults
	// TCPTimeout, UDPTimeout and ICMPTimeout.
	Lifetimes Lifetimes
	// Flows is the most flows that a Stateful box tracks at a time; what would
	// begin another is dropped. 0 means any number.
	Flows int
	// Errors limits the ICMP errors that the box sends or, of a Routed box,
	// each router on its legs; nil for no limit.
	Errors *ErrorLimit
	// EatsExpiring drops what arrives with a TTL of 1 without a word, though
	// other errors are sent.
	EatsExpiring bool
	// EchoFor lists the destinations in whose name the box answers
	// icmp/echo-request itself (spec F18): requests that match are answered as
	// though they had arrived, if the rules of the box let them through.
	EchoFor []Match
	// ErrorsFrom, if valid, is the address from which the box or, of a Routed
	// box, the routers on its legs send ICMP errors: one of another interface.
	ErrorsFrom netip.Addr
}

// Lifetimes are how long a flow or mapping lives after its last packet.
type Lifetimes struct{ TCP, UDP, ICMP time.Duration }

// ErrorLimit is the rate limit of the ICMP errors of one router: a message is
// sent if both buckets have a token.
type ErrorLimit struct {
	// PerDestination counts by the address that the message goes to; nil for
	// no limit. Its PerSource means nothing.
	PerDestination *Limit
	// Global counts all messages of the router; nil for no limit.
	Global *Limit
}

// LinuxErrors is what Linux does by default: icmp_ratelimit, one message a
// second and destination with a burst of 6, and icmp_msgs_per_sec with
// icmp_msgs_burst, 1,000 a second with a burst of 50.
func LinuxErrors() *ErrorLimit {
	return &ErrorLimit{
		PerDestination: &Limit{PerSecond: 1, Burst: 6},
		Global:         &Limit{PerSecond: 1000, Burst: 50},
	}
}

// Dependence says on what of the other end a behaviour of a translator
// depends (RFC 4787 sections 4.1 and 5).
type Dependence uint8

// Dependences.
const (
	EndpointIndependent Dependence = iota
	AddressDependent
	AddressAndPortDependent
	numDependences
)

// NATSpec is how a Stateful box translates IPv4 addresses between its Outside
// and its other sides. IPv6 is not translated. Rules see the addresses of the
// inside (as in Linux: destination before, source after the filter).
//
// Packets from outside pass only to a public address of the box, by Static or
// Forwards, or by a mapping; hosts inside have no other address outside. What a
// mapping and its Filtering let in asks no rules. A reply also needs the flow of
// its request, so that what begins Untracked is not answered, but for Static.
type NATSpec struct {
	// Outside is the side where the translated addresses are.
	Outside uint8
	// Mapping tells when a flow of an inside host shares the mapping of
	// another; Filtering from whom packets to a mapping pass. Mapping of ICMP
	// queries is always endpoint-independent (RFC 5508 REQ-1).
	Mapping, Filtering Dependence
	// PerClient stands for a translator of each client's own, as in homes;
	// otherwise one serves all.
	PerClient bool
	// Pool are the external addresses, at least one unless PerClient. An inside
	// host keeps to one of them (paired pooling, RFC 4787 REQ-2).
	Pool []netip.Addr
	// Mappings is the most mappings at a time, PerHost the most of one inside
	// host (RFC 6888 REQ-4); what would need another is dropped. 0: any number.
	Mappings, PerHost int
	// Hairpin lets inside hosts reach each other by public addresses (RFC 4787
	// REQ-9).
	Hairpin bool
	// DropsErrors drops ICMP errors from outside, which RFC 5508 REQ-4 forbids;
	// otherwise they are translated with the packet that they quote if
	// RelatedErrors lets them pass.
	DropsErrors bool
	// ErrorSource is whose address ICMP errors have that leave to the outside
	// about a translated packet.
	ErrorSource ErrorSource
	// Static maps public addresses to hosts one to one, in both directions.
	Static []StaticNAT
	// Forwards lead single kinds of packets to a host.
	Forwards []PortForward
}

// ErrorSource is the source of ICMP errors, from inside a translator or from
// itself, about packets that came from outside to a translated address.
type ErrorSource uint8

// ErrorSources. By default the translator gives errors from inside an address of
// its own, the first of the Pool (RFC 5508 REQ-5), and sends its own as any
// router does. FromDestination gives both the address that the packet was sent
// to: its source is changed like that of a reply, as Linux does
// (nf_nat_icmp_reply_translation).
const (
	FromTranslator ErrorSource = iota
	FromDestination
	numErrorSources
)

// StaticNAT is the public address of an inside host.
type StaticNAT struct {
	Public netip.Addr
	Host   HostID
}

// PortForward leads packets of the Kinds that are addressed to Public to a
// host inside. Public may be one of the Pool.
type PortForward struct {
	Public netip.Addr
	Kinds  []Kind
	Host   HostID
}

// Verdict is what a rule does.
type Verdict uint8

// Verdicts.
const (
	Accept Verdict = iota
	Drop
	Reject // drop and answer as the rule's With says
	numVerdicts
)

// Refusal is how a Reject answers.
type Refusal uint8

// Refusals: icmp/unreachable with a code of RFC 792 or RFC 1812 section
// 5.2.7.1 (RFC 4443 section 3.1 for IPv6), or a TCP reset to TCP.
const (
	Prohibited      Refusal = iota // code 13, communication administratively prohibited
	NetUnreachable                 // code 0
	HostUnreachable                // code 1
	PortUnreachable                // code 3
	TCPReset                       // RST to TCP, Prohibited to anything else
	numRefusals
)

// MaxSides bounds the sides of a box.
const MaxSides = 8

// Families of addresses, as a bit set in Rule.
type Families uint8

// Families.
const (
	IPv4 Families = 1 << iota
	IPv6
)

// Rule is one line of a firewall.
type Rule struct {
	// Name is the opening's name.
	Name string
	// Source is "file:line" of the opening, for explanations.
	Source   string
	From, To Match
	// FromSides and ToSides are bit sets of the sides that a packet comes from
	// and leaves by; 0 = any.
	FromSides, ToSides uint8
	// Kinds lists what the rule is about. Empty means every kind.
	Kinds []Kind
	// Families: 0 = both. Of ICMP kinds it tells icmp from icmpv6.
	Families Families
	Verdict  Verdict
	// With is how a Reject answers.
	With Refusal
	// Untracked lets matching packets pass without a flow, so that their
	// replies need a rule of their own (Stateful and Guard only).
	Untracked bool
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
	// Prefixes match by address. A client has all the addresses of its
	// network, so a prefix must not split those of one, unless it is the
	// address of a single host.
	Prefixes []netip.Prefix
}

// LegSpec connects a network to a side of a box.
type LegSpec struct {
	// Name identifies the leg in events and explanations: "paris-wan".
	Name    string
	Network NetworkID
	Box     BoxID
	// Side is below MaxSides. A packet crosses a box from one side to another,
	// or, for a Routed box only, between two legs of one side. It does not get
	// round that by a network that has legs to the same box alone.
	Side uint8
	// Routers is the number of routers on the leg, box excluded, 0 to
	// MaxRouters.
	Routers int
	// Metric is what the way over the leg costs, up to 65,535; 0 means as much
	// as it has routers. The box adds 1 unless it is Routed.
	Metric int
	// Delay is the one-way delay of the whole leg, or the least of it.
	Delay time.Duration
	// Jitter is added to Delay, for each packet anew.
	Jitter Jitter
	// Loss is the chance, per direction, that a packet is lost on the leg.
	Loss rng.Chance
	// Bursts, if not nil, add loss in bursts.
	Bursts *Bursts
	// Duplicates is the chance that a packet which has crossed the leg
	// arrives twice, the copy later by at least 1 us and by the leg's Jitter
	// once more. Only the leg at the end of its way duplicates.
	Duplicates rng.Chance
	// Reordered is the chance that a packet is held back by ReorderedBy on the
	// leg, so that later ones overtake it.
	Reordered   rng.Chance
	ReorderedBy time.Duration
	// Tunnel makes it a tunnel; nil for a common leg.
	Tunnel *TunnelSpec
}

// TunnelSpec makes a leg a tunnel: its near end is a client or a gateway in
// the leg's network, its far end the box. Packets cross it inside an outer
// packet of kind VPN, whose fate between the networks Over and Gateway decides
// theirs. Routers of the leg are inside the tunnel. The outer packets of each
// exchange are a flow of their own, which begins where the exchange does.
type TunnelSpec struct {
	// Over is the network that carries the outer packets at the near end: the
	// Underlay of VPN clients, the internet of a branch.
	Over NetworkID
	// Gateway is where the outer address of the far end is.
	Gateway NetworkID
}

// Jitter is a random addition to a delay.
type Jitter struct {
	Law  JitterLaw
	Mean time.Duration // of the addition, >= 0
}

// JitterLaw is the distribution of a Jitter.
type JitterLaw uint8

// Laws of jitter, each with the mean that it is given and no less than 0.
const (
	Exponential JitterLaw = iota
	Uniform               // over [0, 2 Mean]
	Pareto                // of shape 3, moved to begin at 0: a long tail
	numJitterLaws
)

// Bursts are losses by the model of Gilbert and Elliott: a link is good or
// bad, and changes from one to the other by chance, slot by slot. To find its
// state costs as much as 1/(Begin+End) slots, at worst; so a Slot should not be
// much shorter than the bursts.
type Bursts struct {
	// Slot is the span for which the link stays as it is; > 0.
	Slot time.Duration
	// Begin is the chance that a good link is bad in the next slot, End that
	// a bad one is good; both > 0. The link is bad Begin/(Begin+End) of the
	// time, for Slot/End at a time on average.
	Begin, End rng.Chance
	// Loss is the chance of loss, per direction, while the link is bad.
	Loss rng.Chance
}

// HostSpec is a relay or the root.
type HostSpec struct {
	Name    string
	Network NetworkID
	Role    Role // Relay or Root
	// Addrs are its own addresses, at most one of each family, in its
	// network's prefixes. A translated public address is not one of them.
	Addrs []netip.Addr
	// ListedAs, if valid, is the address by which relay lists and settings
	// name it in place of its name (spec 2.11): every client takes that,
	// whatever its resolver says.
	ListedAs netip.Addr
	// Guard is its own firewall.
	Guard GuardID
}
