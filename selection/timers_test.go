package selection

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// settled returns an automatic client that has been on its only relay since
// shortly after 0, without jitter.
func settled(t *testing.T, s *Settings, change func(*Params)) *world {
	t.Helper()
	p := defaultParams()
	p.RegisterJitter = 0
	if change != nil {
		change(p)
	}
	w := newWorld(t, s, p, relay{name: "a", hops: 0, weight: 100})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("a", ByProbe)
	return w
}

// since returns the logged actions after n.
func (w *world) kindsSince(n int) []ActionKind {
	var kinds []ActionKind
	for _, a := range w.log[n:] {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// found is when the first selection of a settled client ends.
const found = vtime.Instant(roundTrip + connectTime)

func TestIntervalRunsFromTheEndOfTheLastSelection(t *testing.T) {
	s := automatic("")
	s.Interval, s.RegisterInterval = time.Hour, 100*time.Hour
	w := settled(t, s, nil)
	w.run(3 * time.Hour)
	var starts []vtime.Instant
	for _, a := range w.log {
		if a.Kind == Decided {
			starts = append(starts, a.Started)
		}
	}
	second := found.Add(time.Hour)
	third := second.Add(roundTrip + connectTime + time.Hour)
	if want := []vtime.Instant{0, second, third}; !slices.Equal(starts[:3], want) {
		t.Errorf("selections started at %v, want %v (3.1)", starts, want)
	}
	if a := w.last(); a.Trigger != Timer || a.Previous != 1 {
		t.Errorf("last selection %v, want one by the timer from relay 1", a)
	}
}

func TestManualClientHasNoSelectionTimer(t *testing.T) {
	s := manual()
	w := newWorld(t, s, defaultParams(), fourRelays()...)
	w.trigger(Start)
	w.run(48 * time.Hour)
	if n := w.count(Decided); n != 1 {
		t.Errorf("%d selections in two days, want the first alone (3.10)", n)
	}
}

func TestTimerOverdueAfterSleepFiresAfterTheStartRegistration(t *testing.T) {
	for _, outcome := range []Outcome{Registered, RelayDown} {
		w := settled(t, automatic(""), nil)
		w.trigger(Stop)
		if at, ok := w.sel.Deadline(); ok {
			t.Fatalf("stopped, but a deadline at %v", at)
		}
		w.run(24 * time.Hour)
		w.host("a").outcome = outcome
		n := len(w.log)
		w.trigger(Start)
		w.run(roundTrip + refusalTime)
		got := w.kindsSince(n)
		if want := []ActionKind{Register, AskRound}; len(got) < 2 || !slices.Equal(got[:2], want) {
			t.Fatalf("%v: actions after the sleep %v, want %v", outcome, got, want)
		}
		if !w.log[n].Again || w.log[n+1].Trigger != Timer {
			t.Errorf("%v: %v then %v; want a registration again, then the timer", outcome, w.log[n], w.log[n+1])
		}
	}
}

func TestStartWithoutAParentSelects(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", weight: 100})
	w.trigger(RelaySelect) // not running yet
	if w.sel.Selecting() || len(w.log) > 0 {
		t.Error("a stopped agent selects")
	}
	w.trigger(Start)
	if !w.sel.Selecting() {
		t.Error("no selection after Start without a parent (9.1)")
	}
}

func TestFailedStartRegistrationCountsAsFailedContact(t *testing.T) {
	w := settled(t, automatic(""), nil)
	w.trigger(Stop)
	w.host("a").outcome = TCPBlocked
	w.trigger(Start)
	w.run(refusalTime)
	since, ok := w.sel.Failing()
	if !ok || since != w.now || w.sel.Registered() {
		t.Fatalf("Failing() = %v, %v, registered %v; want since %v, not registered", since, ok, w.sel.Registered(), w.now)
	}
	// Contact works again: the registration is made up for.
	w.host("a").outcome = Registered
	w.run(100 * time.Second)
	w.contact(true)
	if _, ok := w.sel.Failing(); !ok {
		t.Error("a contact alone ended the failure although the registration is owed")
	}
	w.run(connectTime)
	if _, ok := w.sel.Failing(); ok || !w.sel.Registered() {
		t.Error("still failing after the registration was made up for")
	}
}

func TestParentThatRefusesForTheResistIntervalIsLost(t *testing.T) {
	w := settled(t, automatic(""), nil)
	w.trigger(Stop)
	w.host("a").outcome = AtCap
	w.trigger(Start)
	for range 15 { // contact works, registration does not
		w.run(time.Minute)
		w.contact(true)
	}
	if a := w.last(); a.Trigger != ParentLost && a.Trigger != Retry {
		t.Errorf("last selection %v, want one because the parent was lost", a)
	}
}

func TestParentLostStartsASelectionAfterTheResistInterval(t *testing.T) {
	w := settled(t, automatic(""), nil)
	w.host("a").echo, w.host("a").outcome = false, RelayDown
	w.contact(false)
	lost := w.now
	w.run(5 * time.Minute)
	w.contact(false) // a further failure does not start the interval anew
	w.run(5*time.Minute + time.Second)
	if w.sel.Registered() || !w.sel.Selecting() {
		t.Errorf("registered %v, selecting %v; want the parent given up", w.sel.Registered(), w.sel.Selecting())
	}
	w.run(time.Hour)
	a := w.last()
	for _, b := range w.log {
		if b.Trigger == ParentLost && (b.Kind == Decided || b.Kind == GaveUp) {
			a = b
		}
	}
	if want := lost.Add(600 * time.Second); a.Started != want || a.Trigger != ParentLost {
		t.Errorf("selection %v, want one started at %v by the lost parent (3.9)", a, want)
	}
	w.wantParent("root", ByRoot)
}

func TestZeroResistIntervalReactsAtOnce(t *testing.T) {
	s := automatic("")
	s.ResistFailure = 0
	w := settled(t, s, nil)
	w.contact(false)
	at, ok := w.sel.Deadline()
	if !ok || at != w.now {
		t.Errorf("Deadline() = %v, %v; want %v", at, ok, w.now)
	}
}

func TestRetryWaitGrowsToItsCap(t *testing.T) {
	s := automatic("")
	s.MinRetry, s.MaxRetry = time.Minute, 5*time.Minute
	w := newWorld(t, s, defaultParams(), relay{name: "a", weight: 100})
	for _, h := range w.hosts {
		h.echo, h.outcome = false, RelayDown
	}
	w.trigger(Start)
	w.run(time.Hour)
	var waits []time.Duration
	for _, a := range w.log {
		if a.Kind == GaveUp {
			waits = append(waits, a.RetryAt.Sub(a.At))
		}
	}
	want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute}
	if len(waits) < 5 || !slices.Equal(waits[:5], want) {
		t.Errorf("waits %v, want %v … (3.10)", waits, want)
	}
	if a := w.last(); a.Trigger != Retry {
		t.Errorf("last selection %v, want a retry", a)
	}
	// A success starts the sequence anew.
	w.hosts[0].outcome = Registered
	w.run(10 * time.Minute)
	w.wantParent("root", ByRoot)
	w.hosts[0].outcome = RelayDown
	w.trigger(AddressChange)
	w.run(59 * time.Second)
	if a := w.last(); a.RetryAt.Sub(a.At) != time.Minute {
		t.Errorf("first wait after a success is %v, want 1m", a.RetryAt.Sub(a.At))
	}
}

func TestGivingUpLeavesNoParent(t *testing.T) {
	w := settled(t, automatic(""), nil)
	for _, h := range w.hosts {
		h.echo, h.outcome = false, RelayDown
	}
	w.trigger(RelaySelect)
	w.run(time.Minute)
	if a := w.last(); a.Kind != GaveUp || a.Previous != 1 {
		t.Errorf("%v, want to give up relay 1", a)
	}
	w.wantParent("", ByNone)
	if w.sel.Registered() {
		t.Error("registered without a parent")
	}
}

func TestRetryJitterShortensTheWait(t *testing.T) {
	p := defaultParams()
	p.RetryJitter = 0.5
	c, _ := Compile(automatic(""), p, listOf())
	var sum time.Duration
	const n = 2000
	for client := range uint64(n) {
		sel := New(c, rng.Seed(2).Child(rng.Client, client), 0)
		sel.failures, sel.retrying, sel.endAt = 1, true, 0
		wait := sel.retryAt().Sub(0)
		if wait < 30*time.Second || wait > time.Minute {
			t.Fatalf("wait %v, want 30s..1m", wait)
		}
		sum += wait
	}
	// Uniform over 30 s: standard error 30 s / sqrt(12 n) = 0.19 s.
	if mean := sum / n; mean < 44*time.Second || mean > 46*time.Second {
		t.Errorf("mean wait %v, want 45s", mean)
	}
}

func TestPeriodicRegistrationKeepsItsPhase(t *testing.T) {
	s := automatic("")
	s.Interval = 1000 * time.Hour
	w := settled(t, s, func(p *Params) { p.RegisterJitter = time.Minute })
	w.run(30 * 24 * time.Hour)
	n, displaced := 0, false
	for _, a := range w.log {
		if a.Kind != Register || !a.Again {
			continue
		}
		n++
		off := a.At.Sub(found.Add(time.Duration(n) * 6 * time.Hour))
		if off < -time.Minute || off > time.Minute {
			t.Fatalf("registration %d at %v is %v off its phase, want at most 1m (9.10)", n, a.At, off)
		}
		displaced = displaced || off != 0
	}
	if n != 4*30 || !displaced {
		t.Errorf("%d registrations, displaced %v; want 120 with jitter (9.3)", n, displaced)
	}
}

func TestStartBeginsTheCycleOfRegistrationsAnew(t *testing.T) {
	s := automatic("")
	s.Interval = 1000 * time.Hour
	w := settled(t, s, nil)
	w.run(time.Hour)
	w.trigger(Stop)
	w.run(time.Hour)
	w.trigger(Start)
	want := w.now.Add(connectTime + s.RegisterInterval)
	w.run(7 * time.Hour)
	if a := w.log[len(w.log)-1]; a.Kind != Register || a.At != want {
		t.Errorf("%v, want the next registration at %v (9.3)", a, want)
	}
}

func TestStopForgetsAFailureThatWasWatched(t *testing.T) {
	w := settled(t, automatic(""), nil)
	w.contact(false)
	w.run(9 * time.Minute)
	w.trigger(Stop)
	if since, ok := w.sel.Failing(); ok {
		t.Errorf("failing since %v while stopped", since)
	}
}

func TestParentLostDuringTheLoopLatencyWaitsForTheSelectionDue(t *testing.T) {
	p := defaultParams()
	p.LoopLatencyMin, p.LoopLatencyMax = time.Hour, time.Hour
	w := newWorld(t, automatic(""), p, relay{name: "a", weight: 100})
	w.trigger(Start)
	w.run(2 * time.Hour)
	w.wantParent("a", ByProbe)
	w.contact(false)
	w.trigger(RelaySelect)
	due := w.now.Add(time.Hour)
	w.run(30 * time.Minute) // beyond the resist interval
	if at, ok := w.sel.Deadline(); !ok || at != due {
		t.Errorf("Deadline() = %v, %v; want the selection due at %v", at, ok, due)
	}
	w.run(time.Hour)
	if a := w.last(); a.Trigger != RelaySelect || a.Started != due {
		t.Errorf("last selection %v, want one by relay select at %v", a, due)
	}
}

func TestFailedPeriodicRegistrationIsOwed(t *testing.T) {
	s := automatic("")
	s.Interval = 1000 * time.Hour
	w := settled(t, s, func(p *Params) { p.RegisterRetry = 0 })
	w.host("a").outcome = TCPBlocked
	w.run(6*time.Hour + refusalTime)
	if since, ok := w.sel.Failing(); !ok || since != found.Add(6*time.Hour+refusalTime) {
		t.Errorf("Failing() = %v, %v; want since the failed registration", since, ok)
	}
	if !w.sel.Registered() {
		t.Error("a failed periodic registration alone gives the parent up")
	}
	n := len(w.log)
	w.run(9 * time.Minute)
	if len(w.log) != n {
		t.Errorf("%v: want nothing before a contact or the loss of the parent", w.log[n:])
	}
}

// 9.2: a client that cannot register tries again every few minutes.
func TestOwedRegistrationIsTriedAgain(t *testing.T) {
	s := automatic("")
	s.Interval = 1000 * time.Hour
	s.ResistFailure = 6 * time.Hour
	w := settled(t, s, nil)
	w.host("a").outcome = TCPBlocked
	w.run(6 * time.Hour)
	n := len(w.log)
	w.run(10 * time.Minute)
	var at []vtime.Instant
	for _, a := range w.log[n-1:] {
		if a.Kind != Register || !a.Again {
			t.Errorf("%v; want registrations with the parent alone", a)
		}
		at = append(at, a.At)
	}
	first := found.Add(6 * time.Hour)
	if want := []vtime.Instant{first, first.Add(190 * time.Second), first.Add(380 * time.Second), first.Add(570 * time.Second)}; !slices.Equal(at, want) {
		t.Errorf("registrations at %v, want %v (9.2, 9.9)", at, want)
	}
	w.host("a").outcome = Registered
	w.run(5 * time.Minute)
	if _, failing := w.sel.Failing(); failing || w.sel.owed {
		t.Error("still failing after the registration was made up for")
	}
}

func TestAttemptsAreRepeatedAtOneRelay(t *testing.T) {
	p := defaultParams()
	p.RegisterAttempts = 3
	w := newWorld(t, automatic(""), p, relay{name: "a", weight: 100})
	w.host("a").outcome = TCPBlocked
	w.trigger(Start)
	w.run(2 * time.Minute)
	if got, want := w.targets(), []string{"a", "a", "a", "root"}; !slices.Equal(got, want) {
		t.Errorf("registrations with %v, want %v (9.9)", got, want)
	}
}

func TestLoopLatencyDelaysTheStart(t *testing.T) {
	p := defaultParams()
	p.LoopLatencyMin, p.LoopLatencyMax = 300*time.Second, 900*time.Second
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 100}))
	var seen []vtime.Instant
	for client := range uint64(100) {
		sel := New(c, rng.Seed(5).Child(rng.Client, client), 0)
		sel.Trigger(0, Start)
		at, ok := sel.Deadline()
		if !ok || at < vtime.Instant(300*time.Second) || at > vtime.Instant(900*time.Second) {
			t.Fatalf("client %d: start at %v, %v; want within 300..900 s (3.8)", client, at, ok)
		}
		sel.Trigger(at-1, RelaySelect) // already due
		sel.Trigger(at-1, AddressChange)
		sel.Expire(at)
		a := sel.Drain(nil)
		if len(a) != 1 || a[0].Kind != AskRound || a[0].At != at || a[0].Trigger != AddressChange {
			t.Fatalf("client %d: %v, want a round at %v by the address change", client, a, at)
		}
		seen = append(seen, at)
	}
	slices.Sort(seen)
	if seen[99]-seen[0] < vtime.Instant(500*time.Second) {
		t.Errorf("starts between %v and %v, want them spread over 600 s", seen[0], seen[99])
	}
}

func TestTimedReselectionInWhichNothingAnswers(t *testing.T) {
	for _, tc := range []struct {
		law     ReselectExhausted
		failing bool
		trigger Trigger
		want    ActionKind
		by      By
	}{
		{KeepIfWorking, false, Timer, Kept, ByProbe},
		{KeepIfWorking, true, Timer, Decided, ByRoot},
		{KeepIfWorking, false, RelaySelect, Decided, ByRoot},
		{DropParent, false, Timer, Decided, ByRoot},
	} {
		s := automatic("")
		s.ResistFailure = 6 * time.Hour
		w := settled(t, s, func(p *Params) { p.ReselectExhausted = tc.law })
		w.host("a").echo = false
		if tc.failing {
			w.contact(false)
		}
		if tc.trigger == RelaySelect {
			w.trigger(RelaySelect)
			w.run(time.Minute)
		} else {
			w.run(s.Interval)
		}
		a := w.last()
		if a.Kind != tc.want || a.By != tc.by || a.Trigger != tc.trigger {
			t.Errorf("law %d, failing %v: %v, want %v by %v", tc.law, tc.failing, a, tc.want, tc.by)
		}
	}
}

func TestContactsAreSpacedInAPhaseOfTheirOwn(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf())
	a := New(c, rng.Seed(1), 0)
	b := New(c, rng.Seed(2), 0)
	at := a.NextContact(-1 << 50)
	for range 10 {
		next := a.NextContact(at)
		if next.Sub(at) != 900*time.Second || a.NextContact(next-1) != next {
			t.Fatalf("contacts at %v and %v, want 900 s apart", at, next)
		}
		at = next
	}
	if a.NextContact(0) == b.NextContact(0) {
		t.Error("two clients have one phase")
	}
	for _, after := range []vtime.Instant{-1e12, -1, 0, 1, math.MaxInt64 / 2} {
		if got := a.NextContact(after); got <= after || got.Sub(after) > 900*time.Second {
			t.Errorf("NextContact(%d) = %d, want later by at most 900 s", after, got)
		}
	}
}

func TestSuccessfulContactWhileNothingFailsDoesNothing(t *testing.T) {
	w := settled(t, automatic(""), nil)
	n, before := len(w.log), w.sel.timers
	w.contact(true)
	if len(w.log) != n || w.sel.timers != before {
		t.Error("a successful contact changed the state")
	}
}
