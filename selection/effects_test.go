package selection

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

func TestMaximumTTLMayBeExclusive(t *testing.T) {
	for _, tc := range []struct {
		inclusive bool
		maximum   uint8
		want      uint8
	}{{true, 12, 12}, {false, 12, 11}, {false, 1, 1}} {
		p, s := defaultParams(), automatic("")
		p.MaxTTLInclusive, s.MaximumTTL = tc.inclusive, tc.maximum
		c, _ := Compile(s, p, listOf())
		if got := slices.Max(c.TTLs); got != tc.want {
			t.Errorf("maximum %d, inclusive %t: last TTL %d, want %d (5.15)", tc.maximum, tc.inclusive, got, tc.want)
		}
	}
	// Manual mode is at the maximum all the same (1.6).
	p := defaultParams()
	p.MaxTTLInclusive = false
	w := newWorld(t, manual(), p, fourRelays()...)
	w.trigger(Start)
	if a := w.log[0]; a.TTL != 255 {
		t.Errorf("%v, want TTL 255", a)
	}
}

func TestSeveralProbesForEachRelay(t *testing.T) {
	p := defaultParams()
	p.PingsPerRelayPerRound, p.RoundEndsEarly = 3, AllAnsweredOrErrored
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}))
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	a := s.Drain(nil)[0]
	if a.Pings != 3 || s.run.probes != 6 {
		t.Errorf("%v: %d probes booked, want three for each of two relays", a, s.run.probes)
	}
	// Two of three probes of a are answered: it has replied, once.
	r := []Reply{{At: 1, Kind: TimeExceeded}, {At: 2, Kind: TimeExceeded}, {At: 3}, {At: 4}}
	if err := s.Replies(4, a.Seq, r); err != nil || !s.Open(a.Seq) {
		t.Errorf("answers to several probes: %v, open %t; want the round to wait for b", err, s.Open(a.Seq))
	}
	s.Expire(a.Deadline)
	if got := s.Drain(nil); len(got) != 1 || got[0].Kind != Register || got[0].Target != 1 {
		t.Errorf("%v, want a registration with a", got)
	}
}

// Probes that leave one by one: the time-out counts from the last, the round
// may end before all have left, and then only those that did are booked.
func TestGapBetweenProbes(t *testing.T) {
	const gap = 300 * time.Millisecond
	p := defaultParams()
	p.InterPacketGap, p.PingsPerRelayPerRound = gap, 2
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}, relay{name: "c", weight: 1}))
	for _, tc := range []struct {
		answered time.Duration // when the last relay's reply comes
		probes   uint32
	}{
		{0, 1}, {1, 1}, {gap, 1}, {gap + 1, 2}, {2*gap + 1, 3}, {3 * gap, 3}, {4 * gap, 4}, {5*gap + 1, 6}, {time.Minute, 12},
	} {
		s := New(c, 1, 0)
		s.Trigger(0, Start)
		a := s.Drain(nil)[0]
		if end := vtime.Instant(0).Add(5*gap + p.RoundTimeout); a.Gap != gap || a.Deadline != end {
			t.Fatalf("%v, want a gap of %v and the end at %v", a, gap, end)
		}
		at := vtime.Instant(tc.answered)
		if at > a.Deadline { // too late: the next round is under way
			s.Expire(a.Deadline)
			if at := s.Drain(nil)[0].At; at != a.Deadline {
				t.Errorf("the next round begins at %v, want %v", at, a.Deadline)
			}
		} else {
			_ = s.Replies(at, a.Seq, []Reply{{At: at}, {At: at, Candidate: 1}, {At: at, Candidate: 2}})
		}
		if s.run.probes != tc.probes {
			t.Errorf("all answered after %v: %d probes booked, want %d", tc.answered, s.run.probes, tc.probes)
		}
	}
}

// Under draw_law = uniform the weights are counted and do not matter, but for 0.
func TestUniformDraw(t *testing.T) {
	p := defaultParams()
	p.DrawLaw = UniformDraw
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 999}, relay{name: "zero"}))
	const n = 4000
	wins := map[RelayID]int{}
	for i := range uint64(n) {
		s := New(c, rng.Seed(3).Child(rng.Client, i), 0)
		s.Trigger(0, Start)
		a := s.Drain(nil)[0]
		_ = s.Replies(1, a.Seq, []Reply{{At: 1}, {At: 1, Candidate: 1}, {At: 1, Candidate: 2}})
		r := s.Drain(nil)[0]
		wins[r.Target]++
		_ = s.RegisterResult(2, r.Seq, Registered)
		if d := s.Drain(nil)[0]; d.CompetitionSize != 3 || d.CompetitionWeight != 1000 {
			t.Fatalf("%v, want a competition of 3 of weight 1000", d)
		}
	}
	if wins[1] < n/2-158 || wins[1] > n/2+158 || wins[3] != 0 { // 5 standard deviations
		t.Errorf("wins %v of %d, want halves for 1 and 2 and none for 3", wins, n)
	}
}

// Under probe_scope = sought_groups a round asks the relays of the other groups
// and priorities too. That costs probes and changes no choice.
func TestProbeScope(t *testing.T) {
	relays := []relay{
		{name: "far", hops: 9, weight: 1, advertise: []string{"A", "B"}},
		{name: "later", hops: 1, weight: 1, priority: 1, advertise: []string{"A"}},
		{name: "other", hops: 0, weight: 1, advertise: []string{"B"}},
		{name: "unsought", hops: 0, weight: 1, advertise: []string{"C"}},
	}
	var probes [2]uint32
	for i, scope := range []ProbeScope{GroupAndPriority, AllSought} {
		p := defaultParams()
		p.ProbeScope, p.InterPacketGap = scope, 2*roundTrip
		w := newWorld(t, automatic("A;B"), p, relays...)
		w.trigger(Start)
		a := w.log[0]
		n := time.Duration(1 + 2*i)
		if want := a.At.Add((n-1)*2*roundTrip + p.RoundTimeout); a.Deadline != want {
			t.Errorf("%d probes: the round ends at %v, want %v", n, a.Deadline, want)
		}
		w.run(time.Minute)
		w.wantParent("far", ByProbe)
		probes[i] = w.last().Probes
		for _, st := range w.sel.Course().Stages {
			if want := (3 - len(st.Candidates)) * i; len(st.Beside) != want {
				t.Errorf("scope %d, group %s, priority %d: %v asked beside, want %d", scope, st.Group, st.Priority, st.Beside, want)
			}
		}
	}
	// In the last round far answers before the other two are asked.
	if want := 3*probes[0] - 2; probes[1] != want {
		t.Errorf("probes %v, want %d of the second", probes, want)
	}
}

func TestEmptyLabelMayStandForTheUnaffiliated(t *testing.T) {
	for _, tc := range []struct {
		law  EmptyLabel
		seek string
		want []string
	}{
		{IgnoreEmpty, "A;;B", []string{"a", "b"}},
		{EmptyIsStar, "A;;B", []string{"a", "*", "b"}},
		{EmptyIsStar, "", []string{"*"}},
	} {
		p := defaultParams()
		p.EmptyLabel = tc.law
		c, _ := Compile(automatic(tc.seek), p, listOf(relay{name: "a", advertise: []string{"A"}},
			relay{name: "b", advertise: []string{"B"}}, relay{name: "z"}, relay{name: "blank", advertise: []string{" "}}))
		var got []string
		for _, st := range c.Stages {
			got = append(got, st.Group)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("law %d, seek %q: groups %q, want %q (4.14)", tc.law, tc.seek, got, tc.want)
		}
	}
}

func TestRefusalMayEndTheSelection(t *testing.T) {
	for _, tc := range []struct {
		law     RegisterFail
		trigger Trigger
		want    ActionKind
	}{
		{Redraw, RelaySelect, Decided},
		{FailSelection, RelaySelect, GaveUp},
		{FailSelection, Timer, Kept}, // the parent works (reselect_exhausted)
	} {
		s := automatic("")
		s.RegisterInterval = 100 * time.Hour
		w := settled(t, s, func(p *Params) { p.OnRegisterFail = tc.law })
		w.host("a").outcome = AtCap
		if tc.trigger == RelaySelect {
			w.trigger(RelaySelect)
			w.run(time.Minute)
		} else {
			w.run(s.Interval)
		}
		if a := w.last(); a.Kind != tc.want || a.Trigger != tc.trigger {
			t.Errorf("law %d, %v: %v, want %v (6.8)", tc.law, tc.trigger, a, tc.want)
		}
	}
}

func TestExtraTriggersStartASelectionIfListed(t *testing.T) {
	for _, tr := range []Trigger{Resume, VPNUp, AdapterChange} {
		for _, listed := range []bool{false, true} {
			w := settled(t, automatic(""), func(p *Params) {
				if listed {
					p.ExtraTriggers = p.ExtraTriggers.With(tr)
				}
			})
			w.trigger(tr)
			if w.sel.Selecting() != listed {
				t.Errorf("%v, listed %t: selecting %t (3.6)", tr, listed, w.sel.Selecting())
			}
			w.run(time.Minute)
			if a := w.last(); listed && a.Trigger != tr {
				t.Errorf("%v: last selection %v", tr, a)
			}
			w.trigger(Stop)
			w.trigger(tr)
			if w.sel.Selecting() {
				t.Errorf("%v starts a selection of a stopped agent", tr)
			}
		}
	}
}

func TestTriggerSets(t *testing.T) {
	all := TriggerSet(0).With(Resume).With(VPNUp).With(AdapterChange)
	p := DefaultParams()
	if err := p.Set("extra_triggers", "adapter_change+ resume +vpn_up"); err != nil || p.ExtraTriggers != all {
		t.Errorf("set to %v: %v, want %v", p.ExtraTriggers, err, all)
	}
	if all.Has(RelaySelect) || all.Has(Start) {
		t.Error("a set of extra triggers has a published one")
	}
	if err := p.Set("extra_triggers", "resume+none"); err == nil {
		t.Error("a set of a trigger and none was accepted")
	}
}

// late returns a Selector in the third round of three relays that have not
// answered so far, and the questions of the three rounds.
func late(t *testing.T, change func(*Params)) (*Selector, []Action) {
	t.Helper()
	p := defaultParams()
	p.LateReplyPolicy = ReopenLate
	if change != nil {
		change(p)
	}
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}, relay{name: "c"}))
	s := New(c, 1, 0)
	s.Trigger(0, Start)
	s.Expire(vtime.Instant(2500 * time.Millisecond))
	rounds := s.Drain(nil)
	if len(rounds) != 3 || !rounds[0].WantLate {
		t.Fatalf("%v, want three rounds that want late replies", rounds)
	}
	return &s, rounds
}

// indexOf is the candidate of a relay.
func indexOf(s *Selector, r RelayID) uint16 {
	return uint16(slices.IndexFunc(s.stage().Candidates, func(c Candidate) bool { return c.Relay == r }))
}

func TestLateReplyDecidesItsRound(t *testing.T) {
	s, rounds := late(t, nil)
	now := s.clock
	if err := s.Replies(now, rounds[1].Seq, []Reply{{At: now, Candidate: indexOf(s, 2)}}); err != nil {
		t.Fatal(err)
	}
	a := s.Drain(nil)
	if len(a) != 1 || a[0].Kind != Register || a[0].Target != 2 || a[0].At != now {
		t.Fatalf("%v, want a registration with b at once", a)
	}
	_ = s.RegisterResult(now, a[0].Seq, Registered)
	d := s.Drain(nil)[0]
	if d.DistanceMin != 1 || d.DistanceMax != 1 || d.CompetitionSize != 1 {
		t.Errorf("%v, want the second round's distance and a competition of one", d)
	}
}

func TestRoundCutShortByALateReplyIsAskedAnewAfterARefusal(t *testing.T) {
	s, rounds := late(t, nil)
	now := s.clock
	_ = s.Replies(now, rounds[0].Seq, []Reply{{At: now, Candidate: indexOf(s, 1)}})
	a := s.Drain(nil)[0]
	_ = s.RegisterResult(now, a.Seq, AtCap)
	again := s.Drain(nil)
	if len(again) != 1 || again[0].Kind != AskRound || again[0].TTL != rounds[2].TTL || !s.Struck(int(indexOf(s, 1))) {
		t.Fatalf("%v, want the third round again without a", again)
	}
	// What came before the refusal is decided.
	if err := s.Replies(now, rounds[1].Seq, []Reply{{At: now, Candidate: indexOf(s, 2)}}); !errors.Is(err, ErrUnknownProbe) {
		t.Errorf("reply to a round before the refusal: %v, want ErrUnknownProbe", err)
	}
}

func TestLateRepliesThatReopenNothing(t *testing.T) {
	never := func(p *Params) { p.ZeroWeight = ZeroNever }
	count := func(p *Params) { p.LateReplyPolicy = CountLate }
	traced := func(p *Params) { p.NeedsTimeExceeded = true }
	for name, tc := range map[string]struct {
		change func(*Params)
		reply  Reply
		round  int
		beside uint32 // added to the number of the round
		taken  bool
	}{
		"eligible":              {nil, Reply{}, 0, 0, true},
		"no echo reply":         {nil, Reply{Kind: TimeExceeded}, 0, 0, false},
		"foreign candidate":     {nil, Reply{Candidate: 9}, 0, 0, false},
		"question to come":      {nil, Reply{}, 2, 1, false},
		"another number":        {nil, Reply{}, 0, 1 << 16, false},
		"path not shown":        {traced, Reply{}, 1, 0, false},
		"path need not be, yet": {traced, Reply{}, 0, 0, true},
	} {
		s, rounds := late(t, tc.change)
		tc.reply.At = s.clock
		err := s.Replies(s.clock, rounds[tc.round].Seq+tc.beside, []Reply{tc.reply})
		if (err == nil) != tc.taken {
			t.Errorf("%s: %v, want it taken: %t", name, err, tc.taken)
		}
	}
	s, rounds := late(t, never)
	if err := s.Replies(s.clock, rounds[0].Seq, []Reply{{At: s.clock, Candidate: indexOf(s, 3)}}); err == nil {
		t.Error("a relay of weight 0 reopened a round in which it cannot win")
	}
	p := defaultParams()
	count(p)
	c, _ := Compile(automatic(""), p, listOf(relay{name: "a", weight: 1}))
	plain := New(c, 1, 0)
	plain.Trigger(0, Start)
	plain.Expire(vtime.Instant(1500 * time.Millisecond))
	first := plain.Drain(nil)[0]
	if err := plain.Replies(plain.clock, first.Seq, []Reply{{At: plain.clock}}); !errors.Is(err, ErrUnknownProbe) || first.WantLate {
		t.Errorf("late reply that only counts: %v, want ErrUnknownProbe", err)
	}
}

// TestEveryAlternativeRuns plays a day under each alternative of each
// parameter: a parent found, lost and found again.
func TestEveryAlternativeRuns(t *testing.T) {
	for _, row := range ParamTable {
		for _, value := range row.Alternatives {
			p := defaultParams()
			if err := p.Set(row.Name, value); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, automatic("A;;*"), p, relay{name: "a", hops: 3, weight: 100, advertise: []string{"A"}}, relay{name: "b", hops: 9, weight: 100})
			w.trigger(Start)
			w.run(12 * time.Hour)
			w.host("a").echo, w.host("a").outcome = false, RelayDown
			w.contact(false)
			w.run(12 * time.Hour)
			if r, by := w.sel.Parent(); !w.sel.Registered() || w.name(r) == "a" || by == ByNone {
				t.Errorf("%s = %s: registered %t with %q by %v after the loss of a", row.Name, value, w.sel.Registered(), w.name(r), by)
			}
		}
	}
}
