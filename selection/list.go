package selection

// RelayID is the handle by which the driver knows a host that a client may
// register with: a relay, the root server, or a host that a setting names and
// nobody knows. It carries no meaning in a decision; Entry.Key does.
type RelayID uint32

// NoRelay is the absence of a relay.
const NoRelay RelayID = 1<<32 - 1

// FirstUnknown is the first handle given to host names that the list's
// directory does not know. See Course.UnknownHost.
const FirstUnknown RelayID = 1 << 31

// Known tells whether r names a host of the list's directory. An unknown host
// is one that a setting names: registration with it fails because its name
// does not resolve.
func (r RelayID) Known() bool { return r < FirstUnknown }

// Entry is one relay as the client's copy of Relays.dat shows it (spec 2.3).
type Entry struct {
	// Relay is the driver's handle.
	Relay RelayID
	// Key is the hash of the relay's stable id. Draws are keyed by it and
	// ties end in it, so renumbering or reordering relays changes nothing.
	Key uint64
	// Name is the host name that clients resolve (spec 2.11).
	Name string
	// Priority groups relays: all of a lower number are tried first (2.4).
	Priority uint32
	// Weight is the relative weight among relays at the same approximate
	// distance (2.5). Zero: see the parameter zero_weight.
	Weight uint32
	// Affiliations are the labels the relay advertises, as written, "*"
	// included. None means unaffiliated (4.8).
	Affiliations []string
	// NoAutoSelect takes the relay out of automatic choice (2.14, 6.7).
	NoAutoSelect bool
}

// List is one version of Relays.dat with the directory of host names that
// settings may refer to. It is immutable once compiled.
type List struct {
	// Version distinguishes lists; it is reported, never interpreted.
	Version uint32
	// Entries are the candidates, in any order.
	Entries []Entry
	// Hosts maps lower-case host names and addresses, without a trailing dot,
	// to handles. It covers every relay and the root, listed or not.
	Hosts map[string]RelayID
	// Keys gives the stable key of every handle in Hosts.
	Keys map[RelayID]uint64
	// Root is the root server.
	Root RelayID
	// Fallback is the last fallback relay of the masthead, taken in place of
	// the root as the last resort (7.4), or NoRelay.
	Fallback RelayID
}
