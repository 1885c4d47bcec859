package selection

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// TestTransitionsAreThoseOfThePackageComment compares the table of doc.go with
// the code's.
func TestTransitionsAreThoseOfThePackageComment(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var documented [numStates]uint8
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(strings.TrimPrefix(line, "//"))
		if len(f) < 3 || !strings.HasPrefix(line, "//\t") {
			continue
		}
		from, to := slices.Index(stateNames[:], f[0]), slices.Index(stateNames[:], f[1])
		if from >= 0 && to >= 0 {
			documented[from] |= 1 << to
		}
	}
	if documented != transitions {
		t.Errorf("documented transitions %b, in code %b", documented, transitions)
	}
}

func TestForbiddenTransitionPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("stopped to probing did not panic")
		}
	}()
	s := New(&Course{}, 0, 0)
	s.enter(probing, 0)
}

func TestAddressChangeAbandonsWhatIsInFlight(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 3, weight: 100})
	w.trigger(Start)
	w.run(1500 * time.Millisecond)
	old := w.log[len(w.log)-1]
	w.trigger(AddressChange)
	a := w.log[len(w.log)-1]
	if a.Kind != AskRound || a.Trigger != AddressChange || a.Started != w.now || a.Round != 0 {
		t.Errorf("%v; want the first round of a new selection", a)
	}
	if err := w.sel.Replies(w.now, old.Seq, []Reply{{At: w.now}}); !errors.Is(err, ErrUnknownProbe) {
		t.Errorf("reply to the abandoned round: %v, want ErrUnknownProbe", err)
	}
	w.run(time.Minute)
	w.wantParent("a", ByProbe)
	w.trigger(AddressChange)
	if w.sel.Registered() {
		t.Error("registered right after a change of network")
	}
}

func TestTriggersDuringASelectionDoNothing(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 3, weight: 100})
	w.trigger(Start)
	for _, tr := range []Trigger{Start, RelaySelect, ClockBack, Timer, ParentLost, Retry} {
		n := len(w.log)
		w.trigger(tr)
		if len(w.log) != n {
			t.Errorf("%v during a selection: %v", tr, w.log[n:])
		}
	}
	w.run(time.Hour)
	if n := w.count(Decided); n != 1 {
		t.Errorf("%d selections, want the one that was in progress", n)
	}
}

func TestRelaySelectDuringARenewalWaitsForItsEnd(t *testing.T) {
	w := settled(t, automatic(""), nil)
	w.trigger(Stop)
	w.trigger(Start)
	n := len(w.log)
	w.trigger(RelaySelect)
	if len(w.log) != n {
		t.Fatalf("two things in flight: %v", w.log[n-1:])
	}
	w.run(connectTime)
	if got := w.log[n:]; len(got) != 1 || got[0].Kind != AskRound || got[0].Trigger != RelaySelect {
		t.Errorf("after the renewal: %v, want a round by relay select", got)
	}
}

func TestStopAbandonsEverything(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 0, weight: 100})
	w.trigger(Start)
	w.run(15 * time.Millisecond) // registering
	reg := w.log[len(w.log)-1]
	w.trigger(Stop)
	w.trigger(Stop)
	if err := w.sel.RegisterResult(w.now, reg.Seq, Registered); !errors.Is(err, ErrUnknownRegistration) {
		t.Errorf("result after Stop: %v, want ErrUnknownRegistration", err)
	}
	if _, ok := w.sel.Deadline(); ok || w.sel.Selecting() {
		t.Error("something is pending after Stop")
	}
	if got := w.sel.Counters(); got != (Counters{UnknownRegistrations: 1}) {
		t.Errorf("counters %+v", got)
	}
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("a", ByProbe)
	// Stopped in the middle of a selection, it still knows its old parent.
	w.trigger(AddressChange)
	w.run(15 * time.Millisecond)
	w.trigger(Stop)
	w.trigger(Start)
	if a := w.log[len(w.log)-1]; !a.Again || a.Target != 1 {
		t.Errorf("start with a known parent: %v, want a registration again with relay 1", a)
	}
	w.run(time.Minute)
	if a := w.last(); !w.sel.Registered() || a.Started != 15*vtime.Instant(time.Millisecond) {
		t.Errorf("the renewal was taken for a selection: %v", a)
	}
}

func TestLateDuplicateAndForeignRepliesAreCounted(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}))
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	seq := s.Drain(nil)[0].Seq
	for name, r := range map[string][]Reply{
		"foreign candidate": {{At: 1, Candidate: 2}},
		"unknown kind":      {{At: 1, Candidate: 0, Kind: 9}},
		"other question":    nil,
	} {
		want := seq
		if r == nil {
			r, want = []Reply{{At: 1}}, seq+1
		}
		if err := s.Replies(1, want, r); !errors.Is(err, ErrUnknownProbe) {
			t.Errorf("%s: %v, want ErrUnknownProbe", name, err)
		}
	}
	err := s.Replies(2, seq, []Reply{{At: 2, Candidate: 0}, {At: 2, Candidate: 0}})
	if !errors.Is(err, ErrUnknownProbe) || s.Counters().UnknownProbes != 4 {
		t.Errorf("duplicate: %v, %+v; want it counted as the fourth", err, s.Counters())
	}
	if err := s.Replies(3, seq, []Reply{{At: 3, Candidate: 0, Kind: TimeExceeded}, {At: 3, Candidate: 1, Kind: Unreachable}}); !errors.Is(err, ErrUnknownProbe) {
		t.Errorf("error after the echo reply: %v, want ErrUnknownProbe", err)
	}
	if !s.Open(seq) {
		t.Fatal("the round ended although b has not replied")
	}
	if err := s.Replies(4, seq, []Reply{{At: 4, Candidate: 1}}); err != nil || s.Open(seq) {
		t.Errorf("last reply: %v, open %v; want the round to end", err, s.Open(seq))
	}
}

func TestReplyAtTheDeadlineCountsAndLaterOnesDoNot(t *testing.T) {
	for _, tc := range []struct {
		after time.Duration
		want  ActionKind
	}{{time.Second, Register}, {time.Second + 1, AskRound}} {
		c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}))
		s := New(c, 1, 0)
		s.Trigger(0, Start)
		a := s.Drain(nil)[0]
		at := a.At.Add(tc.after)
		_ = s.Replies(at, a.Seq, []Reply{{At: at}})
		if got := s.Drain(nil); len(got) != 1 || got[0].Kind != tc.want || got[0].At != a.Deadline {
			t.Errorf("reply %v after the probe: %v, want %v at %v", tc.after, got, tc.want, a.Deadline)
		}
	}
}

func TestRoundsEnd(t *testing.T) {
	two := []relay{{name: "near", hops: 0, weight: 1}, {name: "far", hops: 1, weight: 1}}
	for _, tc := range []struct {
		law  RoundEnd
		errs bool
		want vtime.Instant
	}{
		{AllEchoReplied, true, vtime.Instant(time.Second)}, // far only sends an error
		{AllAnsweredOrErrored, true, vtime.Instant(roundTrip)},
		{AllAnsweredOrErrored, false, vtime.Instant(time.Second)},
		{OnTimeoutOnly, true, vtime.Instant(time.Second)},
	} {
		p := defaultParams()
		p.RoundEndsEarly = tc.law
		w := newWorld(t, automatic(""), p, two...)
		w.host("far").expires = tc.errs
		w.trigger(Start)
		w.run(time.Minute)
		i := slices.IndexFunc(w.log, func(a Action) bool { return a.Kind == Register })
		if got := w.log[i].At; got != tc.want {
			t.Errorf("law %d, errors %v: the round ended at %v, want %v", tc.law, tc.errs, got, tc.want)
		}
		if got, want := w.log[0].WantErrors, tc.law == AllAnsweredOrErrored; got != want {
			t.Errorf("law %d: WantErrors = %v", tc.law, got)
		}
	}
}

func TestErrorThenEchoReplyOfOneProbe(t *testing.T) {
	p := defaultParams()
	p.RoundEndsEarly = AllAnsweredOrErrored
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}))
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	a := s.Drain(nil)[0]
	if err := s.Replies(1, a.Seq, []Reply{{At: 1, Kind: Unreachable}, {At: 1}}); err != nil || !s.Open(a.Seq) {
		t.Errorf("error then reply of one candidate: %v, open %v; want the round to wait for the other", err, s.Open(a.Seq))
	}
	if err := s.Replies(2, a.Seq, []Reply{{At: 2, Candidate: 1, Kind: TimeExceeded}}); err != nil || s.Open(a.Seq) {
		t.Errorf("last answer: %v, open %v; want the round to end", err, s.Open(a.Seq))
	}
}

func TestNeedsTimeExceeded(t *testing.T) {
	for _, tc := range []struct {
		hops    int
		expires bool
		by      By
	}{
		{3, true, ByProbe}, // rounds before the reply brought time-exceeded
		{3, false, ByRoot}, // none did: the echo reply alone does not admit it
		{0, false, ByProbe},
	} {
		p := defaultParams()
		p.NeedsTimeExceeded = true
		w := newWorld(t, automatic(""), p, relay{name: "a", hops: tc.hops, weight: 1})
		w.host("a").expires = tc.expires
		w.trigger(Start)
		w.run(time.Minute)
		if _, by := w.sel.Parent(); by != tc.by {
			t.Errorf("relay at %d hops, errors %v: by %v, want %v (5.10)", tc.hops, tc.expires, by, tc.by)
		}
	}
}

func TestGroupAdvance(t *testing.T) {
	relays := []relay{
		{name: "a0", hops: 1, weight: 1, advertise: []string{"A"}},
		{name: "a1", hops: 1, weight: 1, priority: 1, advertise: []string{"A"}},
		{name: "b", hops: 1, weight: 1, advertise: []string{"B"}},
	}
	for _, tc := range []struct {
		law   GroupAdvance
		echo  bool
		wants []string
	}{
		{NoRegistration, true, []string{"a0", "a1", "b"}},
		{NoPingReply, true, []string{"a0", "a1", "root"}}, // A answered: B is not turned to
		{NoPingReply, false, []string{"b"}},
	} {
		p := defaultParams()
		p.GroupAdvanceOn = tc.law
		w := newWorld(t, automatic("A;B"), p, relays...)
		for _, name := range []string{"a0", "a1"} {
			w.host(name).outcome, w.host(name).echo = NoCertificate, tc.echo
		}
		w.trigger(Start)
		w.run(2 * time.Minute)
		if got := w.targets(); !slices.Equal(got, tc.wants) {
			t.Errorf("law %d, echo %v: registrations with %v, want %v (4.13)", tc.law, tc.echo, got, tc.wants)
		}
	}
}

func TestStickyCurrentKeepsTheParent(t *testing.T) {
	relays := []relay{{name: "a", weight: 1}, {name: "b", weight: 1}, {name: "c", weight: 1}}
	for _, sticky := range []bool{true, false} {
		p := defaultParams()
		p.StickyCurrent = sticky
		w := newWorld(t, automatic(""), p, relays...)
		w.trigger(Start)
		w.run(30 * 24 * time.Hour)
		moves := 0
		for _, a := range w.log {
			if a.Kind == Decided && a.Previous != NoRelay && a.Previous != a.Target {
				moves++
			}
		}
		if sticky != (moves == 0) {
			t.Errorf("sticky %v: %d moves among equals in a month", sticky, moves)
		}
	}
}

func TestZeroWeightLaws(t *testing.T) {
	for _, tc := range []struct {
		law    ZeroWeight
		shares []float64
	}{
		{EligibleOnlyIfTotalZero, []float64{0, 1}},
		{ZeroNever, []float64{0, 1}},
		{ZeroUniformShare, []float64{0.25, 0.75}},
	} {
		p := defaultParams()
		p.ZeroWeight = tc.law
		counts := wins(t, p, 10000, 0, 3)
		if tc.shares[0] == 0 {
			if counts[0] != 0 {
				t.Errorf("law %d: weight 0 won %v times (6.8)", tc.law, counts[0])
			}
			continue
		}
		wantShares(t, counts, tc.shares...)
	}
	wantShares(t, wins(t, defaultParams(), 20000, 0, 0), 0.5, 0.5)
	p := defaultParams()
	p.ZeroWeight = ZeroNever
	w := newWorld(t, automatic(""), p, relay{name: "a"})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("root", ByRoot)
}

func TestRandomRelayAfterExhaustion(t *testing.T) {
	relays := []relay{
		{name: "a", advertise: []string{"A"}},
		{name: "a1", priority: 5, advertise: []string{"A"}},
		{name: "b", advertise: []string{"B"}},
		{name: "z"},
	}
	for _, tc := range []struct {
		scope RandomScope
		want  []string
	}{
		{SoughtGroups, []string{"a", "a1", "b"}},
		{LastGroup, []string{"b"}},
		{WholeList, []string{"a", "a1", "b", "z"}},
	} {
		p := defaultParams()
		p.ExhaustPolicy, p.RandomScope = ExhaustRandom, tc.scope
		l := listOf(relays...)
		c, _ := Compile(automatic("A;B"), p, l)
		seen := map[string]bool{}
		for client := range uint64(200) {
			s := New(c, rng.Seed(8).Child(rng.Client, client), 0)
			s.run.started = 5
			seen[l.Entries[s.randomRelay()-1].Name] = true
		}
		for _, name := range []string{"a", "a1", "b", "z"} {
			if seen[name] != slices.Contains(tc.want, name) {
				t.Errorf("scope %d: %q drawn %v, want among %v (7.3)", tc.scope, name, seen[name], tc.want)
			}
		}
	}
}

func TestRandomRelayComesBeforeTheRootAndOnlyWithoutFailover(t *testing.T) {
	p := defaultParams()
	p.ExhaustPolicy = ExhaustRandom
	for failover, want := range map[string][]string{"": {"a", "root"}, "f": {"f", "root"}} {
		s := automatic("")
		s.Failover = failover
		w := newWorld(t, s, p, relay{name: "a", weight: 1}, relay{name: "f", advertise: []string{"x"}})
		for _, name := range []string{"a", "f"} {
			w.host(name).echo, w.host(name).outcome = false, TCPBlocked
		}
		w.trigger(Start)
		w.run(time.Minute)
		if got := w.targets(); !slices.Equal(got, want) {
			t.Errorf("failover %q: registrations with %v, want %v (7.3)", failover, got, want)
		}
		w.wantParent("root", ByRoot)
	}
}

func TestFailoverAndRootMayNeedAProbe(t *testing.T) {
	p := defaultParams()
	p.FailoverRequiresPing, p.RootRequiresPing = true, true
	s := automatic("")
	s.Failover = "f"
	w := newWorld(t, s, p, relay{name: "f", advertise: []string{"x"}})
	w.host("f").echo = false
	w.trigger(Start)
	w.run(10 * time.Second)
	if want := [][]string{{"f"}, {"root"}}; !slices.EqualFunc(w.asked, want, slices.Equal) {
		t.Errorf("asked %v, want %v (7.8)", w.asked, want)
	}
	w.wantParent("root", ByRoot)
}

func TestRandomFailoverOrderIsAPermutationPerSelection(t *testing.T) {
	p := defaultParams()
	p.FailoverListOrder = RandomOrder
	s := automatic("")
	s.FailoverList = []string{"f1", "f2", "f3"}
	c, _ := Compile(s, p, listOf(relay{name: "f1"}, relay{name: "f2"}, relay{name: "f3"}))
	first := make([]float64, 3)
	for started := range vtime.Instant(6000) {
		sel := New(c, rng.Seed(1), 0)
		sel.run.started = started
		var order []RelayID
		for i := c.search; i < c.failover; i++ {
			order = append(order, sel.stepAt(i).relay)
		}
		first[order[0]-1]++
		slices.Sort(order)
		if !slices.Equal(order, []RelayID{1, 2, 3}) {
			t.Fatalf("selection %d tries %v, want each once", started, order)
		}
	}
	wantShares(t, first, 1./3, 1./3, 1./3)
}

func TestNewCourseCountsFromTheNextSelection(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 2, weight: 100}, relay{name: "b", hops: 2, weight: 100, advertise: []string{"B"}})
	w.trigger(Start)
	next, _ := Compile(automatic("B"), defaultParams(), w.list)
	w.sel.SetCourse(next)
	if w.sel.Course() == next {
		t.Error("the course changed in the middle of a selection")
	}
	w.run(time.Minute)
	w.wantParent("a", ByProbe)
	w.trigger(RelaySelect)
	if w.sel.Course() != next {
		t.Error("the new course is not in force at the next selection")
	}
	w.run(time.Minute)
	w.wantParent("b", ByProbe)
}

func TestCopyForSharesNothing(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}))
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	o := s.CopyFor(2, 5)
	a := s.Drain(nil)[0]
	if err := s.Replies(1, a.Seq, []Reply{{At: 1, Candidate: 0}}); err != nil {
		t.Fatal(err)
	}
	b := o.Drain(nil)
	if len(b) != 1 || b[0] != a {
		t.Fatalf("the copy asks %v, want %v", b, a)
	}
	if err := o.Replies(6, b[0].Seq, []Reply{{At: 6, Candidate: 0}, {At: 6, Candidate: 1}}); err != nil {
		t.Errorf("the copy has seen the original's reply: %v", err)
	}
	if o.Selecting() && !s.Open(a.Seq) {
		t.Error("the copy's replies ended the original's round")
	}
}

func TestUnknownHostsGetHandlesOfTheirOwn(t *testing.T) {
	s := automatic("")
	s.FailoverList = []string{"ghost", "spook", "ghost"}
	w := newWorld(t, s, defaultParams())
	c, warnings := Compile(s, defaultParams(), w.list)
	if len(warnings) != 2 {
		t.Errorf("warnings %q, want one for each unknown name", warnings)
	}
	if name, ok := c.UnknownHost(FirstUnknown + 1); !ok || name != "spook" || (FirstUnknown + 1).Known() {
		t.Errorf("UnknownHost(second) = %q, %v", name, ok)
	}
	for _, r := range []RelayID{0, FirstUnknown + 2, NoRelay} {
		if name, ok := c.UnknownHost(r); ok {
			t.Errorf("UnknownHost(%v) = %q", r, name)
		}
	}
	w.trigger(Start)
	w.run(time.Minute)
	if got, want := w.targets(), []string{"ghost", "spook", "ghost", "root"}; !slices.Equal(got, want) {
		t.Errorf("registrations with %v, want %v", got, want)
	}
}

func TestNothingToTryGivesUpAndRetries(t *testing.T) {
	l := listOf()
	l.Root = NoRelay
	c, _ := Compile(automatic(""), defaultParams(), l)
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	if got := s.Drain(nil); len(got) != 1 || got[0].Kind != GaveUp || got[0].RetryAt != vtime.Instant(time.Minute) {
		t.Errorf("%v, want to give up and retry after 1m", got)
	}
}
