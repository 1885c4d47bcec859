// Package sim runs a Plan: the virtual time of one fleet of clients, relays
// and a root server over a network, once for every policy and replication.
//
// A cell is one policy in one replication. It owns the only mutable state: an
// event queue in virtual time, the clients (each with a selection.Selector),
// the relays, and a topology.State. A driver stands between Selector and
// Network and decides nothing: it carries the rounds and registration attempts
// that the Selector asks for and feeds the answers back.
//
// There are two drivers. The packet driver makes an event of every packet's
// arrival. The round driver asks topology for the memoised fate of each probe
// and completes a round, or a registration attempt, at once, provided that it
// ends before anything that could touch it: the next change of the world, the
// client's next change of place, its next contact. Otherwise it hands that one
// round to the packet driver. The Selector cannot tell, and the traces are
// equal byte for byte.
//
// What a relay's name resolves to, and who has that address where the client
// is, the network says (topology.State.Request); a name is asked for with each
// probe, each registration attempt and each contact. Whoever answers a probe is
// a replier to the Selector; a registration succeeds with the relay itself
// alone.
//
// Around the clients the world changes by the plan's events: relays fail and
// return, are installed and retired, begin to authenticate; lists of relays are
// published and copied; actions and new addresses reach groups. A relay decides
// a registration when it completes (see admission.go); where it has a cap on
// its children, that is the one point at which clients under an uncoupled
// policy meet, and it is never passed ahead of time.
//
// Everything is deterministic: events have a total order (time, kind, client,
// detail), draws come from package rng by key, and cells share nothing, so a
// run gives the same Tallies at any number of workers.
package sim
