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
// at the other end. It takes the way with the fewest routers; see Compile for
// ties. The way back is always the same way reversed.
//
// Each router, in this order: expires a packet that arrives with a TTL of 1
// (RFC 1812 section 5.3.1), decrements the TTL, and drops what its box's Drops
// lists. Firewalls are routers and judge after that. The destination host
// neither decrements nor checks the TTL, so a packet is delivered only if its
// TTL is greater than the number of routers.
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
// Address translation, queues, bandwidth, fragments, rerouting round a cut
// leg, asymmetric routing, and ICMP codes other than those named.
package topology
