package selection

import "github.com/relaysim/relaysim/vtime"

// Station is one step of a course that a selection has still before it, for
// explanations.
type Station struct {
	// By is what a parent found there counts as.
	By By
	// Group is the affiliation of a sweep, in folded form.
	Group string
	// Relays are those that the station asks or draws from; one for a
	// failover relay or a last resort.
	Relays []RelayID
	// Probed: a relay has to answer a probe before it is registered with.
	Probed bool
	// Keeps ends the course: the parent, which works, is kept
	// (reselect_exhausted).
	Keeps bool
}

// Ahead returns what the selection in progress turns to if nothing of its
// present step registers the client.
func (s *Selector) Ahead() []Station {
	if s.state == registering && s.run.stage != noStage && s.stage().Kind == Sweep && s.course.Params.OnRegisterFail == FailSelection {
		return nil
	}
	var out []Station
	for i := int(s.run.step) + 1; i < len(s.course.steps); i++ {
		if i == s.course.search && s.keeps() {
			return append(out, Station{By: s.by, Relays: []RelayID{s.parent}, Keeps: true})
		}
		if st := s.stepAt(i); !s.skips(st) {
			out = append(out, s.course.station(st))
		}
	}
	return out
}

func (c *Course) station(st *step) Station {
	out := Station{By: st.by, Probed: st.kind == sweepStep || st.kind == gateStep}
	switch st.kind {
	case sweepStep:
		out.Group = c.Stages[st.stage].Group
		out.Relays = relaysOf(c.Stages[st.stage].Candidates)
	case randomStep:
		out.Relays = relaysOf(c.random)
	default:
		out.Relays = []RelayID{st.relay}
	}
	return out
}

func relaysOf(candidates []Candidate) []RelayID {
	out := make([]RelayID, len(candidates))
	for i := range candidates {
		out[i] = candidates[i].Relay
	}
	return out
}

// NextSelection returns when the client next selects by itself if nothing
// happens until then. ok is false if it does not.
func (s *Selector) NextSelection() (at vtime.Instant, ok bool) {
	at = min(s.startAt, s.retryAt(), s.reselectAt())
	return at, at != vtime.Never && s.state != stopped
}
