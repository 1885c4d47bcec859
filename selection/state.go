package selection

import (
	"fmt"

	"github.com/relaysim/relaysim/vtime"
)

// state is what a Selector is doing.
type state uint8

const (
	stopped     state = iota // the agent does not run
	idle                     // it runs and waits for a timer
	renewing                 // a registration outside a selection is in flight
	probing                  // a round is in flight
	registering              // a registration of a selection is in flight
	numStates
)

var stateNames = [numStates]string{"stopped", "idle", "renewing", "probing", "registering"}

func (st state) String() string { return stateNames[st] }

// transitions has, by state, the set of states that may follow it. The table
// with the reasons is in the package comment.
var transitions = [numStates]uint8{
	stopped:     1<<idle | 1<<renewing,
	idle:        1<<stopped | 1<<idle | 1<<renewing | 1<<probing | 1<<registering,
	renewing:    1<<stopped | 1<<idle | 1<<renewing,
	probing:     1<<stopped | 1<<idle | 1<<probing | 1<<registering,
	registering: 1<<stopped | 1<<idle | 1<<probing | 1<<registering,
}

// enter is the one place where the state changes. It books the time spent
// waiting for rounds; the rest of a selection's time goes to registrations.
func (s *Selector) enter(to state, at vtime.Instant) {
	if transitions[s.state]&(1<<to) == 0 {
		panic(fmt.Sprintf("selection: transition from %v to %v at %v", s.state, to, at))
	}
	if s.state == probing {
		s.run.probing += at.Sub(s.since)
	}
	if s.state == registering && to != registering {
		s.scratch.veiled = nil
	}
	s.state, s.since = to, at
}
