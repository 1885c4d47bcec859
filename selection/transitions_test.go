package selection

import (
	"fmt"
	"math/bits"
	"testing"
	"time"
)

// passage is one transition of the documented table: how a client comes to the
// state before it, and the input that makes it.
type passage struct {
	from, to state
	why      string
	before   func(t *testing.T) *world
	input    func(w *world)
}

// on returns a client of one relay, a, with changed settings and parameters.
func on(t *testing.T, change func(*Settings, *Params)) *world {
	s, p := automatic(""), defaultParams()
	p.RegisterJitter = 0
	if change != nil {
		change(s, p)
	}
	return newWorld(t, s, p, relay{name: "a", hops: 1, weight: 100})
}

// after returns such a client some time after its start.
func after(d time.Duration, change func(*Settings, *Params)) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := on(t, change)
		w.trigger(Start)
		w.run(d)
		return w
	}
}

// Times at which a client that started at 0 is in each state: its only relay
// answers the second round.
const (
	inFirstRound   = time.Second / 2
	inRegistration = time.Second + roundTrip + connectTime/2
	inPeace        = time.Minute
)

func latency(_ *Settings, p *Params) { p.LoopLatencyMin, p.LoopLatencyMax = time.Hour, time.Hour }

func twice(_ *Settings, p *Params) { p.RegisterAttempts = 2 }

func stopped1(t *testing.T) *world {
	w := after(inPeace, nil)(t)
	w.trigger(Stop)
	return w
}

func renewing1(change func(*Settings, *Params)) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := after(inPeace, change)(t)
		w.trigger(Stop)
		w.host("a").outcome = AtCap
		w.trigger(Start)
		return w
	}
}

// registering1 is a client whose registration with a is about to be refused.
func registering1(change func(*Settings, *Params)) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := on(t, change)
		w.host("a").outcome = AtCap
		w.trigger(Start)
		w.run(2*time.Second + inRegistration)
		return w
	}
}

// withoutAnything is a client that has nothing to try.
func withoutAnything(t *testing.T) *world {
	w := newWorld(t, automatic(""), defaultParams())
	w.list.Root = NoRelay
	c, _ := Compile(automatic(""), defaultParams(), w.list)
	w.sel = New(c, 1, 0)
	w.trigger(Start)
	return w
}

func give(tr Trigger) func(*world) { return func(w *world) { w.trigger(tr) } }

func pass(d time.Duration) func(*world) { return func(w *world) { w.run(d) } }

var passages = []passage{
	{stopped, idle, "AddressChange", func(t *testing.T) *world { return on(t, latency) }, give(AddressChange)},
	{stopped, idle, "Start without a parent", func(t *testing.T) *world { return on(t, latency) }, give(Start)},
	{stopped, renewing, "Start with a parent", stopped1, give(Start)},
	{idle, stopped, "Stop", after(inPeace, nil), give(Stop)},
	{idle, idle, "nothing to try", withoutAnything, give(RelaySelect)},
	{idle, idle, "AddressChange during a wait", after(inPeace, latency), give(AddressChange)},
	{
		idle, renewing, "re-registration falls due", after(inPeace, func(s *Settings, _ *Params) { s.Interval = 100 * time.Hour }),
		pass(6*time.Hour - inPeace + inRegistration + connectTime),
	},
	{idle, renewing, "a registration is owed", func(t *testing.T) *world {
		w := renewing1(nil)(t)
		w.run(refusalTime)
		return w
	}, pass(180 * time.Second)},
	{idle, probing, "a selection starts with a round", after(inPeace, nil), give(RelaySelect)},
	{idle, registering, "a selection starts with the last resort", func(t *testing.T) *world {
		w := newWorld(t, automatic(""), defaultParams())
		w.trigger(Start)
		w.run(inPeace)
		return w
	}, give(RelaySelect)},
	{renewing, stopped, "Stop", renewing1(nil), give(Stop)},
	{renewing, idle, "the attempt ended", renewing1(nil), pass(refusalTime)},
	{renewing, renewing, "a further attempt", renewing1(twice), pass(refusalTime)},
	{probing, stopped, "Stop", after(inFirstRound, nil), give(Stop)},
	{probing, idle, "the parent is kept", func(t *testing.T) *world {
		w := after(inPeace, func(s *Settings, _ *Params) { s.MaximumTTL = 2 })(t)
		w.host("a").echo = false
		w.run(6*time.Hour - inPeace + 2*time.Second)
		return w
	}, pass(2 * time.Second)},
	{probing, probing, "the next round", after(inFirstRound, nil), pass(time.Second / 2)},
	{probing, registering, "the race is decided", after(inFirstRound, nil), pass(inRegistration - inFirstRound)},
	{registering, stopped, "Stop", after(inRegistration, nil), give(Stop)},
	{registering, idle, "registered", after(inRegistration, nil), pass(connectTime)},
	{registering, probing, "refused: the rounds go on", func(t *testing.T) *world {
		s, p := automatic(""), defaultParams()
		w := newWorld(t, s, p, relay{name: "a", hops: 1, weight: 100}, relay{name: "b", hops: 9, weight: 100})
		w.host("a").outcome = AtCap
		w.trigger(Start)
		w.run(2*time.Second + connectTime)
		return w
	}, pass(refusalTime)},
	{registering, registering, "a further attempt", registering1(twice), pass(refusalTime)},
	{registering, registering, "refused: the next step", func(t *testing.T) *world {
		return registering1(func(s *Settings, _ *Params) { s.MaximumTTL = 2 })(t)
	}, pass(refusalTime - 2*time.Second)},
}

// TestEveryTransition exercises each transition of the documented table, and
// no other is possible.
func TestEveryTransition(t *testing.T) {
	var seen [numStates]uint8
	for _, p := range passages {
		t.Run(fmt.Sprintf("%v to %v: %s", p.from, p.to, p.why), func(t *testing.T) {
			w := p.before(t)
			if w.sel.state != p.from {
				t.Fatalf("the client is %v, want %v", w.sel.state, p.from)
			}
			n := len(w.log)
			p.input(w)
			if w.sel.state != p.to {
				t.Errorf("then it is %v, want %v", w.sel.state, p.to)
			}
			if p.from == p.to && p.why != "AddressChange during a wait" && len(w.log) == n {
				t.Error("nothing was done")
			}
		})
		seen[p.from] |= 1 << p.to
	}
	if seen != transitions {
		t.Errorf("exercised %b, the table has %b", seen, transitions)
	}
	total := 0
	for _, set := range transitions {
		total += bits.OnesCount8(set)
	}
	if total != 18 {
		t.Errorf("%d transitions, the package comment was written for 18", total)
	}
}
