package sim

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// Story is one selection of one client, told for a reader: plain data, in
// words and names instead of numbers. Instants count from the start of the run
// and spans are lengths, both in nanoseconds.
type Story struct {
	Scenario     string        `json:"scenario"`
	Policy       string        `json:"policy"`
	PolicyText   string        `json:"policy_text"`
	ModelVersion int           `json:"model_version"`
	Seed         uint64        `json:"seed"`
	Replication  int           `json:"replication"`      // from 1
	StartOfWeek  time.Duration `json:"start_of_week_ns"` // local time of instant 0, since Monday 00:00
	// Coupled says why the client's selections depend on those of others
	// under this policy, "" if they do not. The story is then that of the
	// client if it were alone.
	Coupled string      `json:"coupled,omitempty"`
	Client  StoryClient `json:"client"`

	// Trigger is what started the selection.
	Trigger  string        `json:"trigger"`
	Started  vtime.Instant `json:"started_ns"`
	Previous string        `json:"previous_parent,omitempty"`
	List     StoryList     `json:"list"`
	Sought   []StoryGroup  `json:"sought"`
	Steps    []StoryStep   `json:"steps"`
	Outcome  StoryOutcome  `json:"outcome"`
	Rounds   uint32        `json:"rounds"`
	Probes   uint32        `json:"probes"`
	// Rest is what the selection would have turned to after its last step.
	Rest []StoryRest `json:"rest,omitempty"`
	// Next is when the client next selects by itself, or nil.
	Next *vtime.Instant `json:"next_selection_ns,omitempty"`
	// Without is the same selection run again with its parent dead, then with
	// the parent that it finds then dead as well, and so on. It ends where a
	// client keeps a parent of which it does not know yet that it is dead.
	Without []StoryChange `json:"without,omitempty"`
	// Changes are those to the network or to relays that alter the outcome,
	// the nearest first: single ones, and pairs if no single rule does.
	// Parameters are model parameters of which another documented value
	// alters it.
	Changes    []StoryChange `json:"changes"`
	Parameters []StoryChange `json:"parameters"`
	// Policies are the scenario's others.
	Policies []StoryPolicy `json:"policies"`
}

// StoryClient says who the client is and where.
type StoryClient struct {
	ID    string `json:"id"` // group and number: "laptop/paris/17"
	Group string `json:"group"`
	Life  string `json:"life"`
	Home  string `json:"home"`
	// At is the network in which it is during the selection.
	At string `json:"at"`
	// Mode is "automatic" or "manual"; Seek its seek list as written.
	Mode       string `json:"mode"`
	Seek       string `json:"seek,omitempty"`
	MaximumTTL uint8  `json:"maximum_ttl"`
}

// StoryList is the client's copy of Relays.dat.
type StoryList struct {
	Version uint32 `json:"version"`
	Entries int    `json:"entries"`
	// Age since it was published; nil for the list with which the run began.
	Age *time.Duration `json:"age_ns,omitempty"`
	// Outdated: a relay that should be listed has no entry, or one that should
	// not has one.
	Outdated bool `json:"outdated"`
}

// StoryGroup is one stage of the course: a group at one priority, or a single
// host that is probed.
type StoryGroup struct {
	Group    string       `json:"group,omitempty"`
	Priority uint32       `json:"priority"`
	By       string       `json:"by"`
	Relays   []StoryRelay `json:"relays"`
	// Asked: the selection came to it.
	Asked bool `json:"asked"`
}

// StoryRelay is a relay as the client stands to it.
type StoryRelay struct {
	Name    string `json:"name"`
	Network string `json:"network,omitempty"`
	Weight  uint32 `json:"weight"`
	// Routers between client and relay, or -1 without a path.
	Routers int `json:"routers"`
}

// StoryStep is one thing that happened; exactly one field is set.
type StoryStep struct {
	Rounds   *StoryRounds       `json:"rounds,omitempty"`
	Draw     *StoryDraw         `json:"draw,omitempty"`
	Register *StoryRegistration `json:"register,omitempty"`
}

// StoryRounds are successive rounds that look alike: the same relays were
// asked and the same became of each probe.
type StoryRounds struct {
	Group    string        `json:"group,omitempty"`
	Priority uint32        `json:"priority"`
	Single   bool          `json:"single"` // one probe at maximum TTL
	By       string        `json:"by"`
	Count    int           `json:"count"`
	TTLs     []int         `json:"ttls"`
	From     vtime.Instant `json:"from_ns"`
	To       vtime.Instant `json:"to_ns"` // the end of the last
	Probes   []StoryProbe  `json:"probes"`
	// Errors is the number of ICMP errors that came back.
	Errors int `json:"icmp_errors"`
}

// StoryProbe is what became of the probes to one relay.
type StoryProbe struct {
	Relay string `json:"relay"`
	// RTT is set where it answered in time.
	RTT  *time.Duration `json:"rtt_ns,omitempty"`
	Fate StoryFate      `json:"fate"`
}

// Fates beyond those of a packet (topology.End).
const (
	FateAnswered   = "answered"   // and in time
	FateLate       = "late"       // answered after the round
	FateDead       = "dead"       // reached a host that answers nothing
	FateClosed     = "closed"     // reached a host that refuses the connection
	FateUnresolved = "unresolved" // the name of the host does not resolve
	FateStruck     = "struck"     // not asked: it refused the client in this selection
	FateUnsent     = "unsent"     // not asked: the selection was broken off before
)

// StoryFate is how a packet, or the answer to it, ended.
type StoryFate struct {
	// End is a Fate constant or the name of a topology.End.
	End string `json:"end"`
	// Packet is the kind that ended: "icmp/echo-reply" if the answer did. Back
	// marks the way back to the client.
	Packet string `json:"packet,omitempty"`
	Back   bool   `json:"back,omitempty"`
	// Tunnel is the leg whose outer packet ended, and the packet with it.
	Tunnel string `json:"tunnel,omitempty"`
	// From and To are the networks of its source and destination as the rules
	// saw them where it ended. FromAddress is set where a translator made the
	// source one of its own addresses.
	From        string `json:"from,omitempty"`
	FromAddress string `json:"from_address,omitempty"`
	To          string `json:"to,omitempty"`
	// Box ended it: by the rule of this name, made at Source ("file:line"), by
	// its default, because it forwards none of the kind, or over a limit.
	Box     string `json:"box,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Source  string `json:"source,omitempty"`
	Default bool   `json:"default,omitempty"`
	// Where it ended: a router, box, leg, network or host.
	Where string `json:"where,omitempty"`
	// By says what answered, or has the address, if that is not the relay:
	// "another host", "a stranger", "a middlebox"; Where is its name then, and
	// Address what the relay's name resolved to. Address is set as well where
	// nobody has it, or no way leads there.
	By      string `json:"by,omitempty"`
	Address string `json:"address,omitempty"`
	// Through has the names of the translators that it went through.
	Through string `json:"through,omitempty"`
}

// StoryDraw is a race among the repliers of a round.
type StoryDraw struct {
	At          vtime.Instant `json:"at_ns"`
	Size        int           `json:"size"`
	Weight      uint64        `json:"weight"`
	DistanceMin int           `json:"distance_min"`
	DistanceMax int           `json:"distance_max"`
	// Repliers in the order of the race, the winner first.
	Repliers []StoryReplier `json:"repliers"`
}

// StoryReplier is one relay in a race.
type StoryReplier struct {
	Relay  string `json:"relay"`
	Weight uint32 `json:"weight"`
	// Chance is its share of the weight. Time is its exponential variate
	// divided by its weight, scaled so that the winner's expectation is 1 ÷
	// size; the smallest wins.
	Chance float64 `json:"chance"`
	Time   float64 `json:"time"`
	// Kept: it is the parent, which sticky_current keeps.
	Kept bool `json:"kept,omitempty"`
}

// StoryRegistration is one registration attempt.
type StoryRegistration struct {
	Relay   string        `json:"relay"`
	Address string        `json:"address,omitempty"`
	By      string        `json:"by"`
	From    vtime.Instant `json:"from_ns"`
	To      vtime.Instant `json:"to_ns"`
	Outcome string        `json:"outcome"` // "" if it was broken off
	Tries   int           `json:"tries"`
	// Fate is that of the last SYN.
	Fate StoryFate `json:"fate"`
}

// StoryOutcome is how a selection ended.
type StoryOutcome struct {
	// Kind is "decided", "gave up", "kept", "abandoned", or "none" if there
	// was no such selection.
	Kind   string        `json:"kind"`
	Parent string        `json:"parent,omitempty"`
	By     string        `json:"by,omitempty"`
	At     vtime.Instant `json:"at_ns"`
	// DistanceMin and DistanceMax are the range of hops as the client knows
	// it, or -1.
	DistanceMin int `json:"distance_min"`
	DistanceMax int `json:"distance_max"`
}

// Same tells whether two selections ended alike: with the same parent, come by
// in the same way, or both without one.
func (o StoryOutcome) Same(p StoryOutcome) bool {
	return o.Kind == p.Kind && o.Parent == p.Parent && o.By == p.By
}

// StoryRest is a step that the selection still had before it.
type StoryRest struct {
	By     string   `json:"by"`
	Group  string   `json:"group,omitempty"`
	Relays []string `json:"relays"`
	Probed bool     `json:"probed"`
	Keeps  bool     `json:"keeps,omitempty"`
}

// StoryChange is the same selection, run again with something changed.
type StoryChange struct {
	Changes []string     `json:"changes"`
	Outcome StoryOutcome `json:"outcome"`
}

// StoryPolicy is another policy of the scenario: how the client's last
// selection until then ended, had that policy been in force from the start.
type StoryPolicy struct {
	Policy  string       `json:"policy"`
	Outcome StoryOutcome `json:"outcome"`
	Same    bool         `json:"same"`
}
