package sim

import (
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// ModelVersion names the behaviour of the model. It is raised by hand when the
// results of an unchanged scenario change on purpose.
const ModelVersion = 1

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
	Weight   uint32
	// Advertise are the affiliation labels, "*" included.
	Advertise []string
	// NoAutoSelect is AutoSelectableRelay = 0.
	NoAutoSelect bool
	// Unlisted: Relays.dat has no entry for it; settings can still name it.
	Unlisted bool
}

// GroupPlan is a homogeneous set of clients.
type GroupPlan struct {
	// ID is the stable id ("laptop/paris"); draws are keyed by its hash.
	ID string
	// Label indexes Plan.Labels.
	Label int
	Count int
	// Home is where the clients are when they are not away.
	Home topology.NetworkID
	Away []AwayPlan
	Life Life
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
	Params   selection.Params
	// Settings per group, in the order of Plan.Groups.
	Settings []*selection.Settings
	// Like is the policy from which this one differs only in model
	// parameters, or -1; Changed names those parameters as "name=value".
	Like    int
	Changed []string
}

// EventKind is what happens to a relay or a leg.
type EventKind uint8

// Kinds of event. The order is that in which events of one instant apply.
const (
	HostDown    EventKind = iota // relay: no echo, no TCP answer at all
	ServiceDown                  // relay: echo answered, TCP refused
	RelayUp                      // relay: everything works again
	LegDown                      // a leg is cut
	LegUp                        // and mended
)

var eventNames = [...]string{"host down", "service down", "relay up", "link cut", "link mended"}

func (k EventKind) String() string { return eventNames[k] }

// EventPlan is a timed change of the world.
type EventPlan struct {
	At   time.Duration
	Kind EventKind
	// Relay or Leg that changes.
	Relay selection.RelayID
	Leg   topology.LegID
	// Text is the event in words.
	Text string
}
