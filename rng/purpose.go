package rng

// Purpose separates the draws of one entity. Values are part of the model:
// append, never renumber, never reuse.
type Purpose uint16

const (
	// Replication derives the key of a replication from the seed.
	Replication Purpose = 1
	// Client derives the key of a client from its group's stable id and its
	// index in the group.
	Client Purpose = 2
	// Group derives the key of a client group from its stable id.
	Group Purpose = 3
	// Race is the variate of one relay in one selection of one client.
	Race Purpose = 4
	// Selection derives the key of one selection from the instant at which it
	// started, so that two policies in which a client selects at the same
	// instant share its draws.
	Selection Purpose = 5
	// ContactPhase is the phase of a client's reporting cycle.
	ContactPhase Purpose = 6
	// RegisterJitter displaces one re-registration.
	RegisterJitter Purpose = 7
	// RetryJitter displaces one retry after a failed selection.
	RetryJitter Purpose = 8
	// RandomRelay chooses the relay of last resort when nothing answered.
	RandomRelay Purpose = 9
	// LoopLatency is the wait between a selection being due and its start.
	LoopLatency Purpose = 10
	// Round derives the key of one round of a selection.
	Round Purpose = 11
	// Probe derives the key of one probe of a round from the relay's identity.
	Probe Purpose = 12
	// Loss was the uniform of one packet in one direction, which its key is now.
	Loss Purpose = 13
	// Connect derives the key of one registration attempt.
	Connect Purpose = 14
	// Try derives the key of one packet of a registration attempt.
	Try Purpose = 15
	// Day derives the key of one day of a client's life.
	Day Purpose = 16
	// Place chooses the network of a session.
	Place Purpose = 17
	// Access chooses the access variant (hop count) of a session's network.
	Access Purpose = 18
	// Hours displaces the beginning or the end of a session.
	Hours Purpose = 19
	// Presence decides whether a session takes place at all.
	Presence Purpose = 20
	// Start spreads the first start of clients that are always on.
	Start Purpose = 21
	// FailoverOrder permutes a failover list that is taken at random.
	FailoverOrder Purpose = 22
	// Certificate decides whether a client holds a certificate at the start.
	Certificate Purpose = 23
	// StaleList decides whether a client's copy of the relay list never changes.
	StaleList Purpose = 24
	// Gather is the delay between a list's publication and a client's copy.
	Gather Purpose = 25
	// Admission orders registrations that reach capped relays at one instant.
	Admission Purpose = 26
	// Jitter is what one packet is held up on a leg, by the leg's name.
	Jitter Purpose = 27
	// Reorder decides whether a leg holds one packet back, by the leg's name.
	Reorder Purpose = 28
	// Duplicate decides whether a leg makes a copy of one packet and how much
	// later that arrives, by the leg's name.
	Duplicate Purpose = 29
	// Burst derives the key of a leg's chain of good and bad slots from the
	// key of the weather and the leg's name, and decides one slot.
	Burst Purpose = 30
	// Translator derives what a translator makes of an inside host: its external
	// address, its identity outside and the port from which one is looked for.
	Translator Purpose = 31
	// Balance chooses among ways of equal cost, by the flow.
	Balance Purpose = 32
	// Tunnel names the flow of the outer packets that carry another flow.
	Tunnel Purpose = 33
	// Port chooses source ports of connections and query identifiers of echo.
	Port Purpose = 34
)
