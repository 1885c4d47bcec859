// Package topology models the network between clients and relays and decides
// the fate of one packet.
//
// A Spec lists networks (places where hosts attach), boxes (firewalls and
// routed networks between them), the legs that connect them, and hosts.
// Compile turns it into a Network, which is immutable and shared. State
// (connection tracking, limit buckets, links that are down) belongs to one
// run and is passed in. Walk gives the fate of one packet; Fate is the
// memoised deterministic part of an exchange and must agree with Walk.
//
// # The way of a packet
//
// A packet goes from its source through the access routers of a client, then
// either over the inside of its network or over one leg, a box and another
// leg for each step from network to network, and through the access routers
// at the other end. It takes the way of least metric, by default the one with
// the fewest routers; see Compile. It is routed by the address of its
// destination: see Request for who has that.
//
// All packets of an exchange are laid out from its request. A reply goes the
// request's way reversed, but for static routes; what is sent about a packet
// that ended goes the way of that packet reversed from there, but for static
// routes if that leads back to the requester.
//
// Each router, in this order: expires a packet that arrives with a TTL of 1
// (RFC 1812 section 5.3.1), decrements the TTL, and drops what its box's Drops
// lists. Firewalls are routers and go on: a translator translates the
// destination; connection tracking, or a mapping, lets pass what it knows; the
// rules judge the rest; a box with EchoFor answers what they let through to it;
// a translator translates the source; and the flow is kept. The destination
// host neither decrements nor checks the TTL, so a packet is delivered only if
// its TTL is greater than the number of routers. Guards stand between a host
// and its first router and are none themselves.
//
// A tunnel leg is crossed by an outer packet, which goes its own way with a TTL
// and flows of its own before the inner one goes on, or ends as it did.
//
// The loss of a leg sits on its link at the network, that of a network's
// inside on the client's link. Each packet has one uniform, drawn from its
// Key, and is lost on the first link where that falls below the cumulative
// loss of the way so far; so loss is a pure function of the Key, and the whole
// way is summed up by one chance.
//
// # Determinism
//
// Networks, boxes, legs and hosts are identified by name; their order in the
// Spec reaches no result. The order of a box's rules does, as it must. All
// times and decisions are integers.
//
// # Left out
//
// Queues, bandwidth, fragments, rerouting round a cut leg, and what else
// docs/network.md lists with its effect on results.
package topology
