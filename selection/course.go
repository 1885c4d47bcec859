package selection

import (
	"github.com/relaysim/relaysim/rng"
)

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
	// Beside are the relays of the other sweeps that a round asks too, each
	// once, in ascending order of Key (probe_scope). Their answers do not count.
	Beside []Candidate
	// By is what a parent found in this stage counts as.
	By By

	// classes are the candidates by weight, in the order of their first ones.
	classes []class
	// distinct: no relay is among the candidates more than once.
	distinct bool
}

// LeadsTo tells whether a selection on the course can come to register with a
// relay.
func (c *Course) LeadsTo(r RelayID) bool {
	leads := false
	c.EachLead(func(id RelayID) { leads = leads || id == r })
	return leads
}

// EachLead calls f with the relays to which the course leads (LeadsTo), with some of
// them more than once.
func (c *Course) EachLead(f func(r RelayID)) {
	for i := range c.Stages {
		for _, cand := range c.Stages[i].Candidates {
			f(cand.Relay)
		}
	}
	for i := range c.steps {
		if st := &c.steps[i]; st.kind == plainStep || st.kind == gateStep {
			f(st.relay)
		}
	}
	for _, cand := range c.random {
		f(cand.Relay)
	}
}

// class is the candidates of a stage that have one weight.
type class struct {
	weight uint32
	// members is a set of candidates without the words before the first one's,
	// of which there are from.
	members set
	from    int
	// index has the members one by one, nth their keys as the race's draws
	// count them.
	index []uint16
	nth   []rng.Nth
}

// classify sorts the candidates of the set by weight.
func classify(candidates []Candidate, of func(i int) bool) (classes []class) {
	ordinal := map[uint32]int{}
	for i := range candidates {
		if !of(i) {
			continue
		}
		cand := &candidates[i]
		k, ok := ordinal[cand.Weight]
		if !ok {
			k = len(classes)
			ordinal[cand.Weight] = k
			classes = append(classes, class{weight: cand.Weight, from: i >> 6})
		}
		c := &classes[k]
		for len(c.members) <= i>>6-c.from {
			c.members = append(c.members, 0)
		}
		c.members.add(i - c.from<<6)
		c.index = append(c.index, uint16(i))
		c.nth = append(c.nth, rng.NthOf(cand.Key))
	}
	return classes
}
