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
	from, trigger, started, ok := toSelection(&s, k.Draw(rng.Start, 9))
	if !ok {
		return false
	}
	round := *x.Round(started)
	answers := &timedAnswers{drawn: drawn{key: key, lost: lost}, from: round.At, span: vtime.Instant(round.Deadline.Sub(round.At)) + 1}
	lazy, lazyEnd := x.Race(&from, key, started, answers, false)
	winner, end := x.Race(&from, key, started, answers, true)
	if lazy != winner || lazyEnd != end {
		t.Fatalf("revealed one by one candidate %d wins at %v, of all %d at %v", lazy, lazyEnd, winner, end)
	}
	checkLots(t, x, KeyOf(key, started), answers.Answered, winner)
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
	got := from
	decided := x.Decide(&got, trigger, started, end, at, winner)
	if !ok || got != rest || *decided != done[0] {
		t.Fatalf("routine:\n%+v\n%+v\nSelector:\n%+v\n%+v", got, *decided, rest, done[0])
	}
	return true
}

// toSelection makes of an idle client one that comes to a selection in one of
// several ways, and says what its Rest tells of it. The Selector is left before
// its next deadline.
func toSelection(s *Selector, way uint64) (from Rest, trigger Trigger, started vtime.Instant, ok bool) {
	c, key := s.course, s.key
	switch trigger = Timer; way % 4 {
	case 1:
		trigger = AddressChange
	case 2:
		trigger, s.parent, s.by = Start, NoRelay, ByNone
	case 3:
		trigger, s.parent, s.by = Retry, NoRelay, ByNone
		s.registered, s.retrying, s.failures = false, true, uint8(1+way>>8)
	}
	at := vtime.Instant(0)
	if arrives := trigger == AddressChange || trigger == Start; arrives {
		s.Trigger(0, Stop)
		s.Swap(nil)
		at = vtime.Instant(way >> 40)
		if from, ok = s.Rest(); ok {
			started, ok = from.Arrives(c, key, trigger, at)
		}
		s.Trigger(at, trigger)
		return from, trigger, started, ok
	}
	if from, ok = s.Rest(); !ok {
		return
	}
	next, ok := from.Next(c, key, 0)
	if !ok || next.Renews || next.Trigger != trigger {
		return from, trigger, 0, false
	}
	started, ok = from.Begins(c, key, &next)
	return from, trigger, started, ok
}

// fruitlessTrial takes one client through a selection in which nobody answers
// and no relay takes it, and compares what another client's makes of it.
func fruitlessTrial(t *testing.T, k rng.Key, ends *[2]int) bool {
	t.Helper()
	c := lottery(k)
	fails := func(s *Selector) (last Action) { // from its first question to the end
		for q := s.Swap(nil); len(q) == 1; q = s.Swap(nil) {
			switch last = q[0]; last.Kind {
			case AskRound:
				s.Expire(last.Deadline)
			case Register:
				_ = s.RegisterResult(last.At.Add(time.Duration(last.Target%7)*time.Second), last.Seq, TCPBlocked)
			default:
				return last
			}
		}
		return last
	}
	client := func(n uint64) Selector {
		s := New(c, k.Child(rng.Client, n), 0)
		s.state, s.registered, s.parent, s.by = idle, true, c.Stages[0].Candidates[0].Relay, ByProbe
		s.endAt, s.registerBase = 0, 0
		return s
	}
	begin := func(s *Selector) bool {
		for !s.Selecting() {
			due, ok := s.Deadline()
			if !ok || s.state == renewing {
				return false
			}
			s.Expire(due)
		}
		return true
	}
	way := k.Draw(rng.Start, 9)
	a := client(1)
	if _, _, _, ok := toSelection(&a, way); !ok || !begin(&a) {
		return false
	}
	before := clone(&a)
	before.Swap(nil)
	end := fails(&a)
	x := NewFruitless(&before, &a, &end)
	if x == nil {
		return false
	}
	b := client(2)
	from, trigger, started, ok := toSelection(&b, way)
	if !ok {
		return false
	}
	if from.Keeps(c, trigger) != (end.Kind == Kept) {
		t.Fatalf("keeps %v, ends with %+v", from.Keeps(c, trigger), end)
	}
	if !begin(&b) || b.run.started != started || started.Add(x.Span()) <= started {
		t.Fatalf("the selection begins at %v, should at %v, and takes %v", b.run.started, started, x.Span())
	}
	want := fails(&b)
	rest, ok := b.Rest()
	if want.Kind < Decided { // its registration was due when the selection ended
		return false
	}
	got := from
	said := x.End(&got, b.key, trigger, started)
	if !ok || got != rest || *said != want {
		t.Fatalf("fruitless:\n%+v\n%+v\nSelector:\n%+v\n%+v", got, *said, rest, want)
	}
	if next, ok := got.Next(c, b.key, want.At); ok {
		if due, _ := b.Deadline(); next.At != due {
			t.Fatalf("next at %v, deadline %v", next.At, due)
		}
	}
	ends[end.Kind-GaveUp]++
	return true
}

// resortTrial takes one client through a selection in which nobody answers to a
// relay of last resort, which takes it, and compares what another client's makes
// of it.
func resortTrial(t *testing.T, k rng.Key) (drawn, ok bool) {
	t.Helper()
	p, s := defaultParams(), automatic("A;*")
	p.ExhaustPolicy = []Exhaust{ExhaustRoot, ExhaustRandom}[k.Draw(rng.Round, 0)%2]
	s.MaximumTTL = 3
	if k.Draw(rng.Round, 1)%2 == 0 {
		s.FailoverList = []string{"relay-0", "relay-1"}[:1+k.Draw(rng.Round, 2)%2]
	}
	c, _ := Compile(s, p, crowd(8, 100, 200))
	way := k.Draw(rng.Start, 9)
	fail := int(k.Draw(rng.Round, 3) % 2) // registrations that fail first
	ask := func(n uint64) (z Selector, before Selector, from Rest, trigger Trigger, started vtime.Instant, ok bool) {
		z = New(c, k.Child(rng.Client, n), 0)
		z.state, z.registered, z.parent, z.by = idle, true, c.Stages[0].Candidates[0].Relay, ByProbe
		z.endAt, z.registerBase = 0, 0
		if from, trigger, started, ok = toSelection(&z, way); !ok || from.Keeps(c, trigger) {
			return z, before, from, trigger, started, false
		}
		for !z.Selecting() {
			due, ok := z.Deadline()
			if !ok || z.state == renewing {
				return z, before, from, trigger, started, false
			}
			z.Expire(due)
		}
		before = clone(&z)
		before.Swap(nil)
		for left := fail; ; {
			q := z.Swap(nil)
			switch {
			case len(q) != 1 || q[0].Kind > Register:
				return z, before, from, trigger, started, false
			case q[0].Kind == AskRound:
				z.Expire(q[0].Deadline)
			case left == 0:
				return z, before, from, trigger, started, true
			default:
				left--
				_ = z.RegisterResult(q[0].At.Add(time.Second), q[0].Seq, TCPBlocked)
			}
		}
	}
	a, before, _, _, _, ok := ask(1)
	if !ok {
		return false, false
	}
	x := NewResort(&before, &a)
	if x == nil {
		return false, false
	}
	b, _, from, trigger, started, ok := ask(2)
	if !ok {
		t.Fatal("another client goes another way")
	}
	target, at := x.Asks(b.key, started)
	if b.run.target != target || b.since != at {
		t.Fatalf("registers with %v at %v, should with %v at %v", target, at, b.run.target, b.since)
	}
	end := at.Add(80 * time.Millisecond)
	_ = b.RegisterResult(end, uint32(b.seq), Registered)
	done := b.Swap(nil)
	rest, ok := b.Rest()
	got := from
	said := x.Decide(&got, trigger, started, end, target)
	if !ok || got != rest || *said != done[0] {
		t.Fatalf("resort:\n%+v\n%+v\nSelector:\n%+v\n%+v", got, *said, rest, done)
	}
	return x.drawn, true
}

// What the relay of last resort ends for another client is what ends it for the
// client's own Selector.
func TestResortIsTheSelection(t *testing.T) {
	var n [2]int
	for seed := range uint64(2000) {
		if drawn, ok := resortTrial(t, rng.Seed(seed)); drawn {
			n[1]++
		} else if ok {
			n[0]++
		}
	}
	if min(n[0], n[1]) < 50 {
		t.Errorf("%d fixed and %d drawn relays: too few to show anything", n[0], n[1])
	}
}

// A fruitless selection that another client's tells is the one that the client's
// own Selector goes through.
func TestFruitlessIsTheSelection(t *testing.T) {
	var ends [2]int
	for n := range uint64(5000) {
		fruitlessTrial(t, rng.Seed(n), &ends)
	}
	if min(ends[0], ends[1]) < 100 {
		t.Errorf("%d gave up and %d kept the parent: too few to show anything", ends[0], ends[1])
	}
}

// An agent that is started registers with the parent it knows, and rests as
// Woken says.
func TestWokenIsTheSelectors(t *testing.T) {
	for n := range uint64(500) {
		k := rng.Seed(n)
		c := lottery(k)
		s := New(c, k, 0)
		s.state, s.registered, s.parent, s.by = idle, true, c.Stages[0].Candidates[0].Relay, ByProbe
		s.endAt, s.registerBase = 0, 0
		running, _ := s.Rest()
		s.Trigger(1, Stop)
		s.Swap(nil)
		from, ok := s.Rest()
		stopped := running
		if stopped.Stop(); from != stopped || from.Wakes(AddressChange) || !from.Wakes(Start) || !ok {
			t.Fatalf("stopped %+v, want %+v", stopped, from)
		}
		at := vtime.Instant(rng.Below(k.Draw(rng.Start, 0), uint64(9*time.Hour)))
		s.Trigger(at, Start)
		asked := s.Swap(nil)
		if len(asked) != 1 || !asked[0].Again || asked[0].At != max(at, 1) {
			t.Fatalf("started it asks %+v", asked)
		}
		end := at.Add(time.Minute)
		_ = s.RegisterResult(end, asked[0].Seq, Registered)
		want := Rest{end: s.endAt, base: s.registerBase, parent: s.parent, seq: s.seq, failures: s.failures, flags: running.flags}
		got := from
		got.Wake(end)
		if next, ok := got.Next(c, k, end); got != want || !ok {
			t.Fatalf("%+v, want %+v", got, want)
		} else if due, _ := s.Deadline(); due != next.At {
			t.Fatalf("next at %v, deadline %v", next.At, due)
		}
	}
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
	for n := range uint64(5000) {
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
		due, ok := from.Next(c, k, 0)
		if _, which := s.nextTimer(); !ok || due.At != next || due.Renews != (which == registerTimer) {
			t.Fatalf("trial %d: %+v, deadline %v of timer %d", n, due, next, which)
		}
		if !due.Renews {
			continue
		}
		s.Expire(next)
		asked := s.Swap(nil)
		if len(asked) != 1 || !asked[0].Again {
			t.Fatalf("trial %d: at its time the Selector asks %+v", n, asked)
		}
		end := next.Add(time.Duration(rng.Below(k.Draw(rng.Start, 1), uint64(8*time.Hour))))
		_ = s.RegisterResult(end, asked[0].Seq, Registered)
		want := Rest{end: s.endAt, base: s.registerBase, parent: s.parent, seq: s.seq, failures: s.failures, flags: from.flags}
		got := from
		if got.Renew(c, end); got != want {
			t.Fatalf("trial %d: %+v after the renewal, want %+v", n, got, want)
		}
		renewed++
	}
	if renewed < 200 {
		t.Errorf("%d renewals: too few to show anything", renewed)
	}
}

// checkLots holds the lots of a routine's deciding round to its last Race.
func checkLots(t *testing.T, x *Routine, selection rng.Key, answered func(candidate int) bool, winner int) {
	t.Helper()
	l := x.Lots()
	if l == nil {
		return
	}
	lot := func(set uint64, place int) int {
		if place < 0 {
			return -1
		}
		if set>>place&1 == 0 {
			t.Fatalf("lot %d wins, which is not of the set %#x", place, set)
		}
		return l.Candidate(place)
	}
	set := uint64(0)
	for n := range l.Count() {
		if answered(l.Candidate(n)) {
			set |= 1 << n
		}
	}
	if got := lot(set, l.FirstOf(selection, set)); got != winner {
		t.Fatalf("of the lots %#x candidate %d wins, by the race %d", set, got, winner)
	}
	if first, all := l.First(selection), l.FirstOf(selection, l.All()); first != all {
		t.Fatalf("of all lots %d wins, or is it %d", first, all)
	}
	if size, weight := l.Competition(set); size != x.said.CompetitionSize || weight != x.said.CompetitionWeight {
		t.Fatalf("%d lots of weight %d compete, by the race %d of %d", size, weight, x.said.CompetitionSize, x.said.CompetitionWeight)
	}
}
