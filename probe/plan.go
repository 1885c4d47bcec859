package probe

import (
	"time"

	"github.com/relaysim/relaysim/selection"
)

// Planned is what a selection sends if nothing answers, which is the most of
// probes that it can send.
type Planned struct {
	Steps []PlannedStep
	// Probes counts the echo requests, Bytes their packets with IP headers.
	Probes, Bytes int
	// Attempts counts the registration attempts if nothing answers; Relays
	// that answer and refuse would each add one.
	Attempts int
	// Checks is the number of relays at most that are looked at after the
	// selection, with a connection each. An echo request each comes before it
	// only if the selection ended early, and so does not add to Probes.
	Checks int
	// Lasts is the time for rounds and pacing, and for attempts that get no
	// answer.
	Lasts time.Duration
}

// PlannedStep is a run of rounds over one stage, or an attempt.
type PlannedStep struct {
	By selection.By
	// Group and Priority are those of a sweep; Single marks one probe at
	// maximum TTL.
	Group    string
	Priority uint32
	Single   bool
	Relays   []selection.RelayID
	// TTLs are those of the rounds; none marks an attempt.
	TTLs   []int
	Probes int
}

// Plan drives the Selector of a Config as if nothing answered. It sends
// nothing and looks nothing up.
func Plan(c Config) *Planned {
	d := &planner{c: newDefaults(c), sel: selection.New(c.Course, c.Key, c.Start)}
	at := c.Start
	d.sel.Trigger(at, c.Trigger)
	for !d.over {
		actions := d.sel.Drain(nil)
		for i := range actions {
			d.take(&actions[i])
		}
		if len(actions) > 0 && actions[len(actions)-1].Kind == selection.Register {
			continue
		}
		next, ok := d.sel.Deadline()
		if !ok {
			break
		}
		d.sel.Expire(next)
	}
	d.plan.Checks = max(0, min(d.c.MaxChecks, len(d.probed)))
	d.plan.Lasts += time.Duration(float64(d.plan.Probes) / d.c.Rate * float64(time.Second))
	return &d.plan
}

type planner struct {
	c      Config
	sel    selection.Selector
	plan   Planned
	probed map[selection.RelayID]bool
	stage  uint16
	over   bool
}

func (d *planner) take(a *selection.Action) {
	p := &d.plan
	switch a.Kind {
	case selection.AskRound:
		d.round(a)
	case selection.Register:
		p.Attempts++
		p.Steps = append(p.Steps, PlannedStep{By: a.By, Relays: []selection.RelayID{a.Target}})
		p.Lasts += d.c.Course.Params.RegisterConnectTimeout
		_ = d.sel.RegisterResult(a.At, a.Seq, selection.TCPBlocked)
	default:
		d.over = true
	}
}

func (d *planner) round(a *selection.Action) {
	p, st := &d.plan, d.c.Course.Stage(int(a.Stage))
	if n := len(p.Steps); n == 0 || len(p.Steps[n-1].TTLs) == 0 || d.stage != a.Stage {
		step := PlannedStep{By: st.By, Group: st.Group, Priority: st.Priority, Single: st.Kind == selection.Single}
		for _, c := range st.Candidates {
			step.Relays = append(step.Relays, c.Relay)
		}
		p.Steps = append(p.Steps, step)
	}
	d.stage = a.Stage
	step := &p.Steps[len(p.Steps)-1]
	n := len(st.Candidates) * max(1, int(a.Pings))
	step.TTLs = append(step.TTLs, int(a.TTL))
	step.Probes += n
	p.Probes += n
	p.Bytes += n * d.c.Course.Params.ICMPBytes
	p.Lasts += a.Deadline.Sub(a.At)
	if d.probed == nil {
		d.probed = map[selection.RelayID]bool{}
	}
	for _, c := range st.Candidates {
		d.probed[c.Relay] = true
	}
}
