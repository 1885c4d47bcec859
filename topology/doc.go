// Package topology models the network between clients and relays and decides
// the fate of one packet.
//
// A Spec lists networks (places where hosts attach), boxes (firewalls and
// routed networks between them), the legs that connect them, and hosts.
// Compile turns it into a Network, which is immutable and shared. State
// (connection tracking, limit buckets, links that are down) belongs to one
// run and is passed in. Walk gives the fate of one packet; Fate is the
// memoised deterministic part of an exchange and must agree with Walk.
package topology
