package selection

import "github.com/relaysim/relaysim/rng"

// Candidate is a relay as one stage of a course sees it.
type Candidate struct {
	Relay  RelayID
	Key    uint64
	Weight uint32
}

// StageKind says what the rounds of a stage are for.
type StageKind uint8

// Kinds of stage.
const (
	Sweep  StageKind = iota // rounds of rising TTL over a group and priority (5.1)
	Single                  // one probe at maximum TTL to one host (1.6)
)

// Stage is a set of candidates that one round asks together.
type Stage struct {
	Kind StageKind
	// Group is the affiliation label in folded form, "*" for the unaffiliated
	// set, empty for a Single.
	Group    string
	Priority uint32
	// Candidates are in ascending order of Key.
	Candidates []Candidate
	// By is what a parent found in this stage counts as.
	By By

	even bool // all candidates have one weight
	// nth has the candidates' keys as the race's draws count them.
	nth []rng.Nth
}
