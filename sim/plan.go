package sim

import (
	"slices"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// ModelVersion names the behaviour of the model. It is raised by hand when the
// results of an unchanged scenario change on purpose.
const ModelVersion = 4

// Plan is everything a run needs, checked and immutable. Package scenarios
// fills it from a file.
type Plan struct {
	// Name is the scenario's name, Title its question in one line.
	Name, Title string
	// Hash identifies the scenario's text with all files it refers to.
	Hash string
	Seed uint64
	// Replications is the number of independent repetitions, at least 1.
	Replications int
	// Duration is the simulated span. Time averages are taken from WarmUp on;
	// terminating measures take the whole span.
	Duration, WarmUp time.Duration
	// StartOfWeek is the local time at virtual time 0, as a span since Monday
	// 00:00.
	StartOfWeek time.Duration

	// Networks in the order of every policy's topology.Spec.
	Networks []NetworkPlan
	// Relays in the order of handles: index i is selection.RelayID(i) and
	// topology.HostID(i). Exactly one is the root.
	Relays []RelayPlan
	// Labels are the names of client groups as the file has them ("laptop");
	// a group that is spread over sites has one Label and many Groups.
	Labels []string
	Groups []GroupPlan
	// Policies in file order.
	Policies []PolicyPlan
	// Events in order of time, then file order.
	Events []EventPlan
	// Pairs are the policies whose selections are compared one by one
	// (choice_changes), as indices into Policies.
	Pairs [][2]int
	// FoundBounds are the times for which found_within is counted exactly,
	// ascending; the first is the default of 15 min.
	FoundBounds []time.Duration
	// Expectations are the goals and findings in file order.
	Expectations []Expectation
	// DesignLoad and LimitLoad are the bounds of over_design and over_limit.
	DesignLoad, LimitLoad int
	// FlapWithin is the span within which a return to a former parent counts
	// as a flap.
	FlapWithin time.Duration
	// Warnings found while reading, one line each.
	Warnings []string
}

// NetworkPlan is a place as results name it.
type NetworkPlan struct {
	Name string
	// Site marks a row of the sites table.
	Site bool
	// Outside marks a network from which the root is reached only through a
	// firewall that bars some kind of packet; it serves reports alone.
	Outside bool
}

// RelayPlan is a relay or the root.
type RelayPlan struct {
	// ID is the stable id; draws are keyed by its hash. Default: Name.
	ID, Name string
	Address  string
	Network  topology.NetworkID
	Root     bool
	Priority uint32
	// Weight, unless it is Unweighted: then the policy's parameter
	// default_weight or default_weight_root says it.
	Weight     uint32
	Unweighted bool
	// Advertise are the affiliation labels, "*" included.
	Advertise []string
	// NoAutoSelect is AutoSelectableRelay = 0.
	NoAutoSelect bool
	// Unlisted: Relays.dat has no entry for it; settings can still name it.
	Unlisted bool
	// Gate is what it asks of children at the start (spec 6.7b, 10).
	Gate selection.Gate
	// Fallback: it is the masthead's last fallback relay, taken in place of
	// the root as the last resort (spec 7.4). At most one relay is.
	Fallback bool
}

// GroupPlan is a homogeneous set of clients.
type GroupPlan struct {
	// ID is the stable id ("laptop/paris"); draws are keyed by its hash.
	ID string
	// Label indexes Plan.Labels.
	Label int
	Count int
	// First is the number of the first client. It is 0 but in the plan of an
	// explanation, which takes one client out of its group.
	First int
	// Home is where the clients are when they are not away.
	Home topology.NetworkID
	Away []AwayPlan
	Life Life
	// NoCertificate is the fraction of the clients that hold no certificate at
	// the start (spec 10.1); which ones is keyed by the client.
	NoCertificate float64
	// Guard is the clients' own firewall, that of each its own.
	Guard topology.GuardID
	// Version of the clients; zero means current (spec 10.5).
	Version selection.Version
	// StaleList is the fraction of the clients whose copy of Relays.dat never
	// changes (spec F19); which ones is keyed by the client.
	StaleList float64
}

// AwayPlan is a network that clients visit, with its relative weight.
type AwayPlan struct {
	Network topology.NetworkID
	Weight  uint64
}

// Life says when a client is online and where. Times of day are local.
type Life struct {
	// Name is the life's name in the scenario: "always-on", "desktop",
	// "office-laptop".
	Name string
	// Always: online from its first start, which is uniform over
	// [0, StartSpread), to the end, at Home. The other fields mean nothing then.
	Always      bool
	StartSpread time.Duration
	// Office hours on Days (bit 0 = Monday). Each session's beginning and end
	// are displaced by independent uniforms over [-Jitter, +Jitter].
	Days                 uint8
	OfficeFrom, OfficeTo time.Duration
	Jitter               time.Duration
	// AwayDay is the fraction of office days that are spent at an Away
	// network instead of Home.
	AwayDay float64
	// Evening is the fraction of office days with a second session, at an
	// Away network, from EveningFrom to EveningTo.
	Evening                float64
	EveningFrom, EveningTo time.Duration
	// Weekend is the fraction of the other days with a session, at an Away
	// network, from WeekendFrom to WeekendTo.
	Weekend                float64
	WeekendFrom, WeekendTo time.Duration
}

// PolicyPlan is one policy: the same fleet under the same weather behind
// other firewalls or with other settings.
type PolicyPlan struct {
	Name string
	// Text says in words what it opens, for the report's table.
	Text string
	// Openings are the names of its openings, the common ones included.
	Openings []string
	Network  *topology.Network
	// Spec is what Network was compiled from. Only an explanation reads it,
	// to compile the network again with something changed; nil if nobody asks.
	Spec   *topology.Spec
	Params selection.Params
	// World has the parameters of the deployment around the clients.
	World WorldParams
	// Settings per group, in the order of Plan.Groups.
	Settings []*selection.Settings
	// Passwords are the groups' _BESClient_SecureRegistration (spec 10.3), in
	// the order of Plan.Groups; nil if no group has one.
	Passwords []string
	// Like is the policy from which this one differs only in model
	// parameters, or -1; Changed names those parameters as "name=value".
	Like    int
	Changed []string
}

// Clients is the number of clients.
func (p *Plan) Clients() (n int) {
	for i := range p.Groups {
		n += p.Groups[i].Count
	}
	return n
}

// WeightOf is the weight that a relay has in Relays.dat.
func (w *WorldParams) WeightOf(r *RelayPlan) uint32 {
	switch {
	case !r.Unweighted:
		return r.Weight
	case r.Root:
		return w.DefaultWeightRoot
	}
	return w.DefaultWeight
}

// ListChanges tells whether something happens that changes the relay list.
func (p *Plan) ListChanges() bool {
	stale := slices.ContainsFunc(p.Policies, func(pol PolicyPlan) bool { return pol.World.RelaysDatStaleTTL > 0 })
	return p.happens(func(k EventKind) bool {
		return k >= RelayInstalled && k <= RelayUnlisted || k == HostDown && stale
	})
}

// happens tells whether there is an event of such a kind.
func (p *Plan) happens(such func(EventKind) bool) bool {
	return slices.ContainsFunc(p.Events, func(e EventPlan) bool { return such(e.Kind) })
}

// Uses tells whether a parameter plays a part in the plan: those of lists do
// if the list changes, that of staleness if a relay loses its host, that of the
// switch if a relay begins to authenticate, default weights if a relay has one.
func (p *Plan) Uses(i *WorldParamInfo) bool {
	switch i.Name {
	case switchName:
		return p.happens(func(k EventKind) bool { return k == AuthenticatingOn })
	case staleName:
		return p.happens(func(k EventKind) bool { return k == HostDown || k == RelayRetired })
	case weightName, rootWeightName:
		return slices.ContainsFunc(p.Relays, func(r RelayPlan) bool { return r.Unweighted && r.Root == (i.Name == rootWeightName) })
	}
	return p.ListChanges()
}

// EventKind is what happens to a relay, a leg, a view of names, or groups of
// clients.
type EventKind uint8

// Kinds of event. Of those of one instant, all that change the world apply
// before those that happen to clients; among each the order is that of the plan.
const (
	HostDown    EventKind = iota // relay: no echo, no TCP answer at all
	ServiceDown                  // relay: echo answered, TCP refused
	RelayUp                      // relay: everything works again
	LegDown                      // a leg is cut
	LegUp                        // and mended

	RelayInstalled    // relay: it begins to exist, and is to be listed
	RelayRetired      // relay: it ceases to exist, and is to be listed no more
	RelayListed       // relay: Relays.dat is to have an entry for it
	RelayUnlisted     // relay: Relays.dat is to have none
	AuthenticatingOn  // relay: it begins to authenticate its children (10.7)
	AuthenticatingOff // relay: it no longer does

	NamesDown // a view: its resolvers answer nothing
	NamesUp   // and answer again

	SeekChanged   // groups: another seek list, from the next selection on (4.11)
	RelaySelect   // groups: the "relay select" action (3.4)
	ClockBack     // groups: local time moves backwards by Step (3.5)
	AgentRestart  // groups: the agent restarts (3.7)
	AddressChange // groups: the IP address changes, the network stays (3.2)
	VPNUp         // groups: a VPN comes up, the address stays (3.6)
	AdapterChange // groups: a network adapter comes or goes, the address stays (3.6)
)

var eventNames = [...]string{
	"host down", "service down", "relay up", "link cut", "link mended",
	"installed", "retired", "listed", "unlisted", "authenticating", "no longer authenticating",
	"names down", "names up",
	"seek list", "relay select", "clock back", "restart", "address change",
	"vpn up", "adapter change",
}

// ofRelays tells whether it can touch a relay's place in the list.
func (k EventKind) ofRelays() bool {
	return k <= RelayUp || k >= RelayInstalled && k <= RelayUnlisted
}

// isOutage tells whether a relay fails by it, or is mended.
func (k EventKind) isOutage() bool { return k <= RelayUp }

// ofNetwork tells whether it changes links or names.
func (k EventKind) ofNetwork() bool {
	return k == LegDown || k == LegUp || k == NamesDown || k == NamesUp
}

// ofClients tells whether it happens to groups of clients.
func (k EventKind) ofClients() bool { return k >= SeekChanged }

func (k EventKind) String() string { return eventNames[k] }

// EventPlan is a timed change of the world.
type EventPlan struct {
	At   time.Duration
	Kind EventKind
	// Relay, Leg or View that changes.
	Relay selection.RelayID
	Leg   topology.LegID
	View  topology.ViewID
	// Groups are the indices in Plan.Groups of those to whom it happens.
	Groups []int
	// Seek is the seek list of SeekChanged, Step the span of ClockSetBack.
	Seek string
	Step time.Duration
	// Text is the event in words.
	Text string
}
