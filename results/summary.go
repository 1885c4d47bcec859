package results

import "slices"

// SchemaVersion is the version of Summary as JSON (docs/summary-json.md). It
// is raised when a reader of the old shape would misread the new one.
const SchemaVersion = 1

// Summary is the result of a run. As JSON it is summary.json.
type Summary struct {
	Schema int `json:"schema"`
	// Scenario, Title and ScenarioHash identify what was run, Seed and
	// ModelVersion how.
	Scenario     string  `json:"scenario"`
	Title        string  `json:"title"`
	ScenarioHash string  `json:"scenario_hash"`
	Seed         uint64  `json:"seed"`
	ModelVersion int     `json:"model_version"`
	Replications int     `json:"replications"`
	DurationS    Figure  `json:"duration_s"`
	WarmUpS      Figure  `json:"warm_up_s"`
	Confidence   Figure  `json:"confidence"`
	FoundBoundsS []int64 `json:"found_bounds_s"`
	// DesignLoad and LimitLoad are the bounds of over_design and over_limit.
	DesignLoad int `json:"design_load_clients"`
	LimitLoad  int `json:"limit_load_clients"`

	Networks []Network `json:"networks"`
	Relays   []Relay   `json:"relays"`
	Groups   []Group   `json:"groups"`
	Events   []Event   `json:"events"`
	Policies []Policy  `json:"policies"`
	// Differences compare every further policy with the first, in the scope of
	// the headline.
	Differences []Difference `json:"differences"`
	Pairs       []Pair       `json:"pairs"`
	// Verdicts of goals and findings in the scenario's order.
	Verdicts []Verdict `json:"verdicts"`
	Warnings []string  `json:"warnings"`
}

// Network is a place.
type Network struct {
	Name string `json:"name"`
	// Site marks a row of the sites table, Outside a network behind a firewall.
	Site    bool `json:"site"`
	Outside bool `json:"outside"`
}

// Relay is a relay or the root.
type Relay struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Network   string   `json:"network"`
	Root      bool     `json:"root"`
	Priority  uint32   `json:"priority"`
	Weight    uint32   `json:"weight"`
	Advertise []string `json:"advertise"`
}

// Group is a homogeneous set of clients; groups of one label are one row of
// the scenario that is spread over sites.
type Group struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Count int    `json:"clients"`
	Home  string `json:"home"`
	Life  string `json:"life"`
}

// Event is a timed change of the world.
type Event struct {
	AtS  Figure `json:"at_s"`
	Text string `json:"text"`
}

// Policy is one policy's result.
type Policy struct {
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	Openings []string `json:"openings"`
	// Like is the policy from which this one differs only in model
	// parameters, Changed names those as "name=value".
	Like       string      `json:"like,omitempty"`
	Changed    []string    `json:"changed,omitempty"`
	Parameters []Parameter `json:"parameters"`

	Scopes []Scope       `json:"scopes"`
	Relays []RelayResult `json:"relays"`
	// OverDesign and OverLimit count relays whose peak load is above the
	// bound; Imbalance is that of the worst affiliation group.
	OverDesign Estimate `json:"over_design"`
	OverLimit  Estimate `json:"over_limit"`
	Imbalance  Estimate `json:"imbalance_mean"`
}

// Parameter is a model parameter in force.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Unit  string `json:"unit,omitempty"`
	// Default tells that the value is the documented default, Unverified that
	// no public source states that default.
	Default    bool `json:"default"`
	Unverified bool `json:"unverified"`
	// Row is the row of docs/model.md.
	Row string `json:"row,omitempty"`
}

// Kinds of scope.
const (
	ScopeAll     = "all"     // every client everywhere
	ScopeOutside = "outside" // every client while in a network outside
	ScopeSites   = "sites"   // every client while at a site
	ScopeNetwork = "network" // every client while in one network
	ScopeLabel   = "label"   // the clients of one label, everywhere
)

// Scope is a set of clients and places, with what they met.
type Scope struct {
	Kind string `json:"kind"`
	// Name is that of the network or label; otherwise the kind.
	Name     string   `json:"name"`
	Measures Measures `json:"measures"`
}

// Measures are the client measures of docs/measures.md for one scope.
type Measures struct {
	Sessions         Estimate `json:"sessions"`
	ClientDays       Estimate `json:"online_client_days"`
	FoundWithin      []Within `json:"found_within"`
	FoundTime        Spread   `json:"found_time"`
	TimeWithoutRelay Estimate `json:"time_without_relay"`
	// WithoutRelay is the mean number of them that are online without a relay.
	WithoutRelay Estimate `json:"without_relay_mean"`
	// NeverRegistered is known for all clients and for labels.
	NeverRegistered *Estimate `json:"never_registered,omitempty"`

	Selections Estimate `json:"selections"`
	// SelectedBy counts selections by how they ended; a way that never
	// occurred is left out. Share is of those that found a parent; of "none"
	// it is of all.
	SelectedBy    []Part   `json:"selected_by"`
	SelectionTime Spread   `json:"selection_time"`
	Rounds        Spread   `json:"rounds"`
	Probes        Estimate `json:"probes_mean"`
	EchoReplies   Estimate `json:"echo_replies_expected"`
	Distance      Spread   `json:"distance"`
	DistanceKnown Estimate `json:"distance_known"`
	// LoadShare has the relays that carried these clients, in the order of
	// Summary.Relays: the mean number of them and the share of their
	// registered time.
	LoadShare []Part `json:"load_share"`

	Rehomes Estimate `json:"rehomes_per_client_day"`
	// RehomesBy counts re-homes by how the new parent was found; Share is of
	// all re-homes.
	RehomesBy  []Part      `json:"rehomes_by"`
	Losses     Losses      `json:"losses"`
	RehomeTime Spread      `json:"rehome_time"`
	Parts      RehomeParts `json:"rehome_parts"`
	// RehomeCDF is the distribution of rehome_time over all replications
	// together, for all clients, those outside and those at sites. It is
	// absent if there were no re-homes.
	RehomeCDF *CDF     `json:"rehome_time_cdf,omitempty"`
	Roams     Estimate `json:"roams_per_client_day"`
	Moves     Estimate `json:"moves_per_client_day"`
	Flaps     Estimate `json:"flaps_per_client_day"`

	// RegistrationFailures counts failed attempts by reason; Share is of all
	// failed attempts.
	RegistrationFailures []Part `json:"registration_failures"`
}

// Within is found_within for one bound.
type Within struct {
	BoundS int64    `json:"bound_s"`
	Share  Estimate `json:"share"`
}

// Spread is the shape of a distribution: each figure is the mean over
// replications of the replication's own. Figures that a measure does not
// have are absent.
type Spread struct {
	Mean *Estimate `json:"mean,omitempty"`
	P50  *Estimate `json:"p50,omitempty"`
	P95  *Estimate `json:"p95,omitempty"`
	P99  *Estimate `json:"p99,omitempty"`
	Min  *Estimate `json:"min,omitempty"`
	Max  *Estimate `json:"max,omitempty"`
}

// Part is one class of a breakdown.
type Part struct {
	Name  string   `json:"name"`
	Mean  Estimate `json:"mean"`
	Share Estimate `json:"share"`
}

// Losses counts losses of a parent by how they ended. Those that the other
// three leave were made good by a selection, with the lost parent or another,
// and are in rehome_time.
type Losses struct {
	Count Estimate `json:"count"`
	// Restored: contact with the parent worked again. Cut: the client went
	// offline. Open: the run ended.
	Restored Estimate `json:"restored"`
	Cut      Estimate `json:"cut"`
	Open     Estimate `json:"open"`
}

// RehomeParts splits the mean of rehome_time.
type RehomeParts struct {
	Detection    Estimate `json:"detection_mean"`
	Resist       Estimate `json:"resist_mean"`
	Probing      Estimate `json:"probing_mean"`
	Registration Estimate `json:"registration_mean"`
	RetryWait    Estimate `json:"retry_wait_mean"`
}

// CDF is a cumulative distribution: Share[i] of Count values are at most
// Seconds[i]. The first point is the smallest value with share 0, the last
// the largest with share 1.
type CDF struct {
	Count uint64 `json:"count"`
	// Losses is the number of losses of which these were made good.
	Losses  uint64   `json:"losses"`
	Seconds []Figure `json:"s"`
	Share   []Figure `json:"share"`
}

// RelayResult is one relay under one policy. Relays follow Summary.Relays.
type RelayResult struct {
	Name     string   `json:"name"`
	LoadMean Estimate `json:"load_mean"`
	LoadP95  Estimate `json:"load_p95"`
	LoadPeak Estimate `json:"load_peak"`
	// LoadShare is its share of the registered time of all clients.
	LoadShare     Estimate `json:"load_share"`
	ConsoleCount  Estimate `json:"console_count"`
	Registrations Estimate `json:"registrations"`
}

// Pair compares the selections of two policies.
type Pair struct {
	Policy string `json:"policy"`
	Other  string `json:"other"`
	// Matched selections have a counterpart (same client, same start); Changed
	// of them ended with another parent; Unmatched have none.
	Matched   Estimate `json:"matched"`
	Changed   Estimate `json:"changed"`
	Unmatched Estimate `json:"unmatched"`
}

// part returns the part of a name; ok is false if it did not occur.
func part(ps []Part, name string) (Part, bool) {
	i := slices.IndexFunc(ps, func(p Part) bool { return p.Name == name })
	if i < 0 {
		return Part{}, false
	}
	return ps[i], true
}

// Scope returns the policy's scope of a kind and name, or nil.
func (p *Policy) Scope(kind, name string) *Scope {
	for i := range p.Scopes {
		if s := &p.Scopes[i]; s.Kind == kind && (s.Name == name || name == "") {
			return s
		}
	}
	return nil
}

// Headline returns the kind of scope that the question is about: the clients
// outside if the scenario has any, else all.
func (s *Summary) Headline() string {
	if len(s.Policies) > 0 && s.Policies[0].Scope(ScopeOutside, "") != nil {
		return ScopeOutside
	}
	return ScopeAll
}

// Shipped returns the policy that the administrator means to ship: the first
// with a goal. Where no goal is set it is the one that leaves the clients of
// the headline without a relay for the least time, the last of several.
func (s *Summary) Shipped() *Policy {
	for _, v := range s.Verdicts {
		if !v.Goal {
			continue
		}
		for i := range s.Policies {
			if s.Policies[i].Name == v.Policy {
				return &s.Policies[i]
			}
		}
	}
	var best *Policy
	least := 0.0
	for i := range s.Policies {
		without := 1.0
		if sc := s.Policies[i].Scope(s.Headline(), ""); sc != nil && !sc.Measures.TimeWithoutRelay.None() {
			without = sc.Measures.TimeWithoutRelay.Mean
		}
		if best == nil || without <= least {
			best, least = &s.Policies[i], without
		}
	}
	return best
}
