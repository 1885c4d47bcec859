package sim

import "time"

// Expectation is one goal or finding, parsed.
//
// Its text is "SUBJECT: MEASURE [QUALIFIER] OP VALUE", for example
// "remote: found_within 15m >= 99%", "every relay: load peak <= 1000",
// "laptop at home+hotel: selected_by probe = 0", "all: choice_changes = 0".
type Expectation struct {
	// Goal gates what the administrator means to ship; otherwise it is a
	// finding, a statement about the world.
	Goal bool
	// Policy indexes Plan.Policies. Other is the second policy of a
	// comparison ("A vs B"), or -1.
	Policy, Other int
	// Text is the expectation as written, Source its file:line:col.
	Text, Source string

	Subject Subject
	Measure Measure
	// Stat selects a summary where the measure has several.
	Stat Stat
	// Within is the bound of found_within.
	Within time.Duration
	// By, Reason and Relay qualify selected_by, rehomes (By),
	// registration_failures (Reason) and load_share (Relay); -1 = none.
	By, Reason, Relay int

	Op Op
	// Value in the measure's base unit: a fraction in [0, 1], seconds,
	// clients, hops or a plain count.
	Value float64
	// Percent: the value was written with "%"; selected_by is then a share of
	// the selections that ended with a parent, otherwise a count.
	Percent bool
}

// Subject says of whom an expectation speaks.
type Subject struct {
	Kind SubjectKind
	// Slots lists the (label, network) pairs of a Clients subject, as
	// Slot(label, network) numbers.
	Slots []int
	// Relay indexes Plan.Relays for OneRelay.
	Relay int
	// Text is the subject as written.
	Text string
}

// SubjectKind is the kind of a subject.
type SubjectKind uint8

// Kinds of subject.
const (
	Clients    SubjectKind = iota // "all", "laptop", "laptop+remote", "at home+hotel", "laptop at home"
	OneRelay                      // a relay's name, or "root"
	EveryRelay                    // "every relay": the root is not one
)

// Op is a comparison.
type Op uint8

// Comparisons.
const (
	LE Op = iota // <=
	LT           // <
	GE           // >=
	GT           // >
	EQ           // =
)

var opNames = [...]string{"<=", "<", ">=", ">", "="}

func (o Op) String() string { return opNames[o] }

// Stat is a summary of a measure.
type Stat uint8

// Summaries.
const (
	StatNone Stat = iota
	StatMean
	StatP50
	StatP95
	StatP99
	StatPeak
	StatMax
	StatMin
)

var statNames = [...]string{"", "mean", "p50", "p95", "p99", "peak", "max", "min"}

func (s Stat) String() string { return statNames[s] }

// Measure is one of the measures of docs/measures.md.
type Measure uint8

// Measures. MeasureTable describes each.
const (
	SelectedBy Measure = iota
	Load
	LoadShare
	Imbalance
	OverDesign
	OverLimit
	FoundWithin
	FoundTime
	TimeWithoutRelay
	NeverRegistered
	Rehomes
	RehomeTime
	RehomeDetection
	RehomeResist
	RehomeProbing
	RehomeRegistration
	RehomeRetryWait
	Roams
	Moves
	Flaps
	ChoiceChanges
	Distance
	DistanceKnown
	SelectionTime
	Rounds
	Probes
	EchoReplies
	RegistrationFailures
	ListOutdated
	ListAge
	NumMeasures
)

// Unit is a measure's base unit.
type Unit uint8

// Units.
const (
	Count    Unit = iota // plain number
	Fraction             // in [0, 1]; written as "99%" or "0.99"
	Seconds              // written as "15m", "6h", "90s"
	PerDay               // per client-day
	Hops                 // IP gateway hops
	ClientsN             // clients
)

// MeasureInfo describes a measure to the scenario reader and to the reports.
type MeasureInfo struct {
	Name string
	Unit Unit
	// Stats that may follow the name; the first is the default. None: the
	// measure is a single figure.
	Stats []Stat
	// Kinds of subject it speaks of.
	Clients, Relay bool
	// Pair: it needs two policies.
	Pair bool
	// Text defines it in one line.
	Text string
}

// MeasureTable describes the measures, indexed by Measure.
var MeasureTable = [NumMeasures]MeasureInfo{
	SelectedBy:           {Name: "selected_by", Unit: Count, Clients: true, Text: "selections that ended so (count), or their share of those that found a parent (%)"},
	Load:                 {Name: "load", Unit: ClientsN, Stats: []Stat{StatMean, StatP95, StatPeak}, Relay: true, Text: "clients connected to and registered with the relay"},
	LoadShare:            {Name: "load_share", Unit: Fraction, Clients: true, Text: "share of the subject's registered client time that is spent on the named relay"},
	Imbalance:            {Name: "imbalance", Unit: Count, Stats: []Stat{StatMean}, Relay: true, Text: "largest over mean load of the relays of one affiliation group; the worst group"},
	OverDesign:           {Name: "over_design", Unit: Count, Clients: true, Text: "relays whose peak load exceeds the design figure"},
	OverLimit:            {Name: "over_limit", Unit: Count, Clients: true, Text: "relays whose peak load exceeds the alarm figure"},
	FoundWithin:          {Name: "found_within", Unit: Fraction, Clients: true, Text: "share of online sessions that are registered within the stated time"},
	FoundTime:            {Name: "found_time", Unit: Seconds, Stats: []Stat{StatP50, StatMean, StatP95, StatP99, StatMax}, Clients: true, Text: "time from the beginning of a session to registration, of those that registered"},
	TimeWithoutRelay:     {Name: "time_without_relay", Unit: Fraction, Clients: true, Text: "client time online without a relay over client time online"},
	NeverRegistered:      {Name: "never_registered", Unit: Fraction, Clients: true, Text: "clients that were online and never registered in the window, over clients that were online"},
	Rehomes:              {Name: "rehomes", Unit: PerDay, Clients: true, Text: "changes of parent because the relay or the way to it failed, per client-day"},
	RehomeTime:           {Name: "rehome_time", Unit: Seconds, Stats: []Stat{StatP50, StatMean, StatP95, StatP99, StatMax, StatMin}, Clients: true, Text: "from loss of parent to the next successful registration"},
	RehomeDetection:      {Name: "rehome_detection", Unit: Seconds, Stats: []Stat{StatMean}, Clients: true, Text: "part of rehome_time: loss to the first failed contact"},
	RehomeResist:         {Name: "rehome_resist", Unit: Seconds, Stats: []Stat{StatMean}, Clients: true, Text: "part of rehome_time: first failed contact to the start of a selection"},
	RehomeProbing:        {Name: "rehome_probing", Unit: Seconds, Stats: []Stat{StatMean}, Clients: true, Text: "part of rehome_time: rounds"},
	RehomeRegistration:   {Name: "rehome_registration", Unit: Seconds, Stats: []Stat{StatMean}, Clients: true, Text: "part of rehome_time: registration attempts"},
	RehomeRetryWait:      {Name: "rehome_retry_wait", Unit: Seconds, Stats: []Stat{StatMean}, Clients: true, Text: "part of rehome_time: waiting after failed selections"},
	Roams:                {Name: "roams", Unit: PerDay, Clients: true, Text: "changes of parent because the client changed network, per client-day"},
	Moves:                {Name: "moves", Unit: PerDay, Clients: true, Text: "changes of parent by re-selection in place, per client-day"},
	Flaps:                {Name: "flaps", Unit: PerDay, Clients: true, Text: "changes back to a parent left less than a set time ago, per client-day"},
	ChoiceChanges:        {Name: "choice_changes", Unit: Count, Clients: true, Pair: true, Text: "selections (same client, same start) that ended with another parent under the other policy"},
	Distance:             {Name: "distance", Unit: Hops, Stats: []Stat{StatMean, StatMin, StatMax}, Clients: true, Text: "upper end of the distance range the client knows, of selections won by probe"},
	DistanceKnown:        {Name: "distance_known", Unit: Fraction, Clients: true, Text: "share of selections that found a parent and know its distance"},
	SelectionTime:        {Name: "selection_time", Unit: Seconds, Stats: []Stat{StatP50, StatMean, StatP95, StatP99, StatMax, StatMin}, Clients: true, Text: "from the start of a selection to its end, found or not"},
	Rounds:               {Name: "rounds", Unit: Count, Stats: []Stat{StatMean, StatMin, StatMax}, Clients: true, Text: "rounds of probes in a selection"},
	Probes:               {Name: "probes", Unit: Count, Stats: []Stat{StatMean}, Clients: true, Text: "probes sent in a selection"},
	EchoReplies:          {Name: "echo_replies", Unit: Count, Clients: true, Text: "relays that answer a round in time, as expected of all rounds that are asked"},
	RegistrationFailures: {Name: "registration_failures", Unit: Count, Clients: true, Text: "failed registration attempts, of one reason or of all"},
	ListOutdated:         {Name: "list_outdated", Unit: Fraction, Clients: true, Text: "share of selections that went by a relay list that lacks a relay it should have, or has one it should not"},
	ListAge:              {Name: "list_age", Unit: Seconds, Stats: []Stat{StatP50, StatMean, StatP95, StatMax}, Clients: true, Text: "age of the client's relay list at the start of a selection, of lists that were published in the run"},
}
