package selection

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// timedAnswers are answers with their arrivals.
type timedAnswers struct {
	drawn
	from, span vtime.Instant
}

func (a *timedAnswers) Arrives(i int) (vtime.Instant, bool) {
	at := a.from + vtime.Instant(rng.Below(rng.Key(a.key.Draw(rng.Round, a.round)).Draw(rng.Probe, uint64(i)), uint64(a.span)))
	return at, a.Answered(i)
}

// routineTrial takes one client through a re-selection message by message, and
// compares what another client's Routine makes of it. It returns false where
// there is no routine, or it leaves the selection to the ordinary way.
func routineTrial(t *testing.T, k rng.Key, early *int) bool {
	t.Helper()
	c := lottery(k)
	key, other := k.Child(rng.Client, 1), k.Child(rng.Client, 2)
	a := beginning(t, c, other, timed, 0)
	if a.state != probing || a.run.trigger != Timer || len(c.Stages) == 0 {
		return false
	}
	a.Swap(nil)
	before := clone(&a)
	for range k.Draw(rng.Round, 0) % 3 { // silent rounds
		if due, ok := a.Deadline(); ok && a.state == probing {
			a.Expire(due)
			a.Swap(nil)
		}
	}
	if a.state != probing {
		return false
	}
	lost := rng.ChanceOf(float64(k.Draw(rng.Loss, 0)%4) / 5)
	few := k.Draw(rng.Loss, 1)%2 == 0
	e := a.stage().Entrants(func(i int) bool { return !few || k.Draw(rng.Probe, uint64(i))%3 == 0 })
	x := NewRoutine(&before, &a, e)
	if x == nil {
		return false
	}
	// The client of the trial, from its rest to its rest.
	s := New(c, key, 0)
	s.state, s.registered, s.parent, s.by = idle, true, c.Stages[0].Candidates[0].Relay, ByProbe
	s.endAt, s.registerBase = 0, 0
	from, ok := s.Rest()
	if !ok {
		return false
	}
	started, ok := x.Begins(from, key, 0)
	if !ok {
		return false
	}
	round := *x.Round(started)
	answers := &timedAnswers{drawn: drawn{key: key, lost: lost}, from: round.At, span: vtime.Instant(round.Deadline.Sub(round.At)) + 1}
	lazy, lazyEnd := x.Race(from, key, started, answers, false)
	winner, end := x.Race(from, key, started, answers, true)
	if lazy != winner || lazyEnd != end {
		t.Fatalf("revealed one by one candidate %d wins at %v, of all %d at %v", lazy, lazyEnd, winner, end)
	}
	for {
		due, ok := s.Deadline()
		if !ok || s.Selecting() {
			break
		}
		s.Expire(due)
	}
	if s.run.started != started {
		t.Fatalf("the selection begins at %v, the routine says %v", s.run.started, started)
	}
	for s.state == probing && s.since < round.At {
		due, _ := s.Deadline()
		s.Expire(due)
	}
	var replies []Reply
	for i := range e.stage.Candidates {
		if at, ok := answers.Arrives(i); ok && e.members.has(i) {
			replies = append(replies, Reply{At: at, Candidate: uint16(i), Kind: EchoReply})
		}
	}
	s.Swap(nil)
	sortByArrival(replies)
	if n := len(replies); n > 0 {
		_ = s.Replies(replies[n-1].At, uint32(s.seq), replies)
	}
	if s.state == probing && s.since == round.At {
		s.Expire(round.Deadline)
	}
	asked := s.Swap(nil)
	if winner < 0 {
		return false
	}
	if len(asked) != 1 || asked[0].Kind != Register || asked[0].Target != x.Relay(winner) || asked[0].At != end {
		t.Fatalf("asked %+v; the routine registers with %v at %v", asked, x.Relay(winner), end)
	}
	if end < round.Deadline {
		*early++
	}
	at := end.Add(80 * time.Millisecond)
	_ = s.RegisterResult(at, asked[0].Seq, Registered)
	done := s.Swap(nil)
	rest, ok := s.Rest()
	got, decided := x.Decide(from, started, end, at, winner)
	if !ok || got != rest || *decided != done[0] {
		t.Fatalf("routine:\n%+v\n%+v\nSelector:\n%+v\n%+v", got, *decided, rest, done[0])
	}
	return true
}

func sortByArrival(r []Reply) {
	for i := 1; i < len(r); i++ {
		for j := i; j > 0 && r[j].At < r[j-1].At; j-- {
			r[j], r[j-1] = r[j-1], r[j]
		}
	}
}

// A selection that another client's routine tells is the one that the client's
// own Selector goes through.
func TestRoutineIsTheSelection(t *testing.T) {
	carried, early := 0, 0
	for n := range uint64(4000) {
		if routineTrial(t, rng.Seed(n), &early) {
			carried++
		}
	}
	if carried < 300 || early < 20 {
		t.Errorf("%d selections were told, %d of which ended early: too few to show anything", carried, early)
	}
}

// What a client at rest renews and when is what its Selector does.
func TestRenewalsAreTheSelectors(t *testing.T) {
	renewed := 0
	for n := range uint64(2000) {
		k := rng.Seed(n)
		c := lottery(k)
		s := New(c, k, 0)
		s.state, s.registered, s.parent, s.by = idle, true, c.Stages[0].Candidates[0].Relay, ByProbe
		s.endAt, s.registerBase = 0, vtime.Instant(rng.Below(k.Draw(rng.Start, 0), uint64(7*time.Hour)))-vtime.Instant(6*time.Hour)
		from, next, ok := s.RestUntil()
		if !ok {
			continue
		}
		at, renews := from.Renews(c, k, 0)
		if renews && at != next || !renews && c.registerAt(k, s.registerBase) == next && c.registerAt(k, s.registerBase) < s.reselectAt() {
			t.Fatalf("trial %d: renews %v at %v, deadline %v", n, renews, at, next)
		}
		if !renews {
			continue
		}
		s.Expire(next)
		asked := s.Swap(nil)
		if len(asked) != 1 || !asked[0].Again {
			t.Fatalf("trial %d: at its time the Selector asks %+v", n, asked)
		}
		end := at.Add(time.Duration(rng.Below(k.Draw(rng.Start, 1), uint64(8*time.Hour))))
		_ = s.RegisterResult(end, asked[0].Seq, Registered)
		want := Rest{end: s.endAt, base: s.registerBase, parent: s.parent, seq: s.seq, failures: s.failures, flags: from.flags}
		if got := from.Renewed(c, end); got != want {
			t.Fatalf("trial %d: %+v after the renewal, want %+v", n, got, want)
		}
		renewed++
	}
	if renewed < 200 {
		t.Errorf("%d renewals: too few to show anything", renewed)
	}
}
