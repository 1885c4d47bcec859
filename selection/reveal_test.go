package selection

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// drawn is answers to the rounds of one selection.
type drawn struct {
	key   rng.Key
	round uint64
	lost  rng.Chance
	asked int
}

func (d *drawn) Answered(i int) bool {
	d.asked++
	return !d.lost.Happens(rng.Key(d.key.Draw(rng.Round, d.round)).Draw(rng.Loss, uint64(i)))
}

// twins are one client twice: the answers of one are revealed, those of the
// other are all fed.
type twins struct {
	t           *testing.T
	lazy, full  Selector
	answers     drawn
	may         func(i int) bool
	exact       bool
	rounds      int // revealed
	refused     int // and then refused
	veiled, won int // decisions, and those of an unknown competition
}

// same compares the twins where nothing is left unknown.
func (w *twins) same(what string) {
	if !sameState(&w.lazy, &w.full) {
		w.t.Fatalf("%s:\n%+v %+v revealed\n%+v %+v fed in full", what, w.lazy, w.lazy.scratch, w.full, w.full.scratch)
	}
}

// question answers what is in flight. It returns false if nothing is.
func (w *twins) question(refuse bool) bool {
	switch w.full.state {
	case probing:
		w.round()
	case registering:
		w.register(refuse)
	default:
		return false
	}
	return true
}

func (w *twins) round() {
	s := &w.full
	w.answers.round++
	e := s.stage().Entrants(w.may)
	end, _ := s.Deadline()
	seq := uint32(s.seq)
	var r []Reply
	for i := range s.stage().Candidates {
		if w.may(i) && !s.Struck(i) && w.answers.Answered(i) {
			r = append(r, Reply{At: s.since + (end-s.since)/2, Candidate: uint16(i)})
		}
	}
	if err := s.Replies(end-1, seq, r); err != nil || !s.Open(seq) {
		w.t.Fatalf("%d replies of %d to %v: %v", len(r), s.Asked(), seq, err)
	}
	s.Expire(end)
	if !w.lazy.Reveal(e, &w.answers, w.exact) {
		w.t.Fatalf("nothing revealed of %+v", w.lazy)
	}
	w.rounds++
	w.actions()
	if w.exact {
		w.same("after an exact reveal")
	}
}

// actions compares what the twins ask for and decide.
func (w *twins) actions() {
	got, want := w.lazy.Drain(nil), w.full.Drain(nil)
	if len(got) != len(want) {
		w.t.Fatalf("revealed: %v, in full: %v", got, want)
	}
	for i, a := range got {
		b := want[i]
		if a.Kind == Decided && b.By == ByProbe {
			w.won++
			if !w.exact && a.CompetitionSize == 0 && a.CompetitionWeight == 0 {
				w.veiled++
				b.CompetitionSize, b.CompetitionWeight = 0, 0
			}
		}
		if a != b {
			w.t.Fatalf("revealed: %v, in full: %v", a, b)
		}
	}
}

func (w *twins) register(refuse bool) {
	o, at := Registered, w.full.clock+1e6
	if refuse {
		w.refused++
		o = AtCap
		w.lazy.Fill(&w.answers)
		w.same("after Fill")
	}
	for _, s := range [...]*Selector{&w.lazy, &w.full} {
		if err := s.RegisterResult(at, uint32(s.seq), o); err != nil {
			w.t.Fatal(err)
		}
	}
	w.actions()
	if refuse {
		w.same("after a refusal")
	}
}

// lottery draws the parameters of a list and of the client's laws.
func lottery(k rng.Key) *Course {
	below := func(i, n uint64) uint64 { return rng.Below(k.Draw(rng.Day, i), n) }
	p, s := defaultParams(), automatic("A;*")
	p.ZeroWeight, p.DrawLaw = ZeroWeight(below(0, 3)), DrawLaw(below(1, 2))
	p.StickyCurrent, p.OnRegisterFail = below(2, 2) == 0, RegisterFail(below(3, 4)/3)
	p.GroupAdvanceOn, p.RegisterAttempts = GroupAdvance(below(4, 2)), 1+int(below(5, 4)/3)
	p.InterPacketGap = time.Duration(below(6, 4)/3) * 10 * time.Millisecond
	p.PingsPerRelayPerRound = 1 + int(below(7, 4)/3)
	p.RelayDedupe = Dedupe(below(8, 2))
	p.FailoverRequiresPing, p.RoundEndsEarly = below(13, 3) > 0, RoundEnd(below(9, 2))
	p.ReselectExhausted = ReselectExhausted(below(14, 2))
	s.MaximumTTL, s.FailoverList = 4, []string{"relay-0", "ghost"}
	weights := [][]uint32{{1}, {0}, {0, 1}, {1, 100}, {100, 200, 300}, {0, 7, 1 << 31}}[below(10, 6)]
	n := int(1 + below(11, 12))
	if below(12, 20) == 0 {
		n = 70
	}
	l := crowd(n, weights...)
	for i := range l.Entries {
		e := &l.Entries[i]
		e.Affiliations = [][]string{nil, {"A"}, {"A", "*", "a"}}[below(20+uint64(i), 3)]
	}
	// Two that never answer, so that no round ends early.
	for i, label := range []string{"A", "*"} {
		id := RelayID(1000 + i)
		l.Entries = append(l.Entries, Entry{Relay: id, Key: rng.Hash(label), Affiliations: []string{label}, Weight: 1})
		l.Keys[id] = rng.Hash(label)
	}
	c, _ := Compile(s, p, l)
	return c
}

// trials plays selections of one client of one random course.
func trials(t *testing.T, k rng.Key, selections int, sum *twins) {
	c := lottery(k)
	for i := range uint64(selections) {
		key := k.Child(rng.Client, i)
		w := &twins{t: t, full: New(c, key, vtime.Instant(i)), answers: drawn{key: key, lost: rng.Chance(key.Draw(rng.Burst, 0))}}
		w.exact = i%3 == 0
		w.full.parent, w.full.by = RelayID(1+i%12), ByProbe
		w.full.state, w.full.endAt = idle, 0
		w.full.Trigger(vtime.Instant(i), RelaySelect)
		w.full.Drain(nil)
		w.lazy = clone(&w.full)
		mute := key.Draw(rng.Place, 1)
		w.may = func(i int) bool {
			st := w.full.stage()
			if st.Kind == Single {
				return c.Params.RoundEndsEarly == OnTimeoutOnly && mute&1 == 0
			}
			return st.Candidates[i].Relay < 1000 && mute>>(i&63)&3 != 0
		}
		for n := uint64(0); w.full.Selecting(); n++ {
			if !w.full.Open(uint32(w.full.seq)) || n > 200 {
				t.Fatalf("selection %d does not end: %+v", i, w.full)
			}
			if w.full.state == probing && w.full.stage().Kind == Single && c.Params.RoundEndsEarly != OnTimeoutOnly {
				w.may = func(int) bool { return false }
			}
			w.question(key.Draw(rng.Connect, n)%3 == 0)
		}
		if w.exact {
			w.same("at the end")
		}
		w.lazy.run, w.lazy.scratch, w.full.scratch = w.full.run, nil, nil // what is unknown stays there
		w.same("between selections")
		sum.rounds += w.rounds
		sum.refused += w.refused
		sum.veiled += w.veiled
		sum.won += w.won
	}
}

// TestRevealChoosesAsIfAllWereKnown holds selections whose answers are revealed
// as their turn comes to the same ones with all replies fed.
func TestRevealChoosesAsIfAllWereKnown(t *testing.T) {
	var sum twins
	for course := range uint64(1000) {
		trials(t, rng.Seed(41).Child(rng.Group, course), 210, &sum)
	}
	if sum.rounds < 300_000 || sum.refused < 30_000 || sum.won < 100_000 || sum.veiled < 50_000 {
		t.Errorf("%d rounds, %d refused registrations, %d won races, %d of them veiled: want more", sum.rounds, sum.refused, sum.won, sum.veiled)
	}
}

// A reply is asked for when its turn comes, and after four turns without one
// all are.
func TestRevealAsksInTheOrderOfTheRace(t *testing.T) {
	p := defaultParams()
	p.RoundEndsEarly = OnTimeoutOnly
	c, _ := Compile(automatic(""), p, crowd(50, 1, 2, 3))
	e := c.Stage(0).Entrants(func(i int) bool { return i%2 == 0 })
	for _, tc := range []struct {
		lost  rng.Chance
		exact bool
		want  int
	}{{rng.Never, false, 1}, {rng.Always, false, 25}, {rng.Never, true, 25}, {rng.ChanceOf(0.5), false, 2}} {
		asked := math.MaxInt
		for i := range uint64(20) {
			key := rng.Seed(5).Child(rng.Client, i)
			s := New(c, key, 0)
			s.Trigger(0, Start)
			d := drawn{key: key, lost: tc.lost}
			if tc.want == 2 { // the first in the race is lost, the second answers
				first := clone(&s)
				first.Reveal(e, &d, false)
				if d.asked != 2 {
					d.asked = 0
					continue
				}
				d.asked = 0
			}
			s.Reveal(e, &d, tc.exact)
			asked = min(asked, d.asked)
		}
		if asked != tc.want {
			t.Errorf("lost %v, exact %t: %d answers asked for, want %d", tc.lost.Float(), tc.exact, asked, tc.want)
		}
	}
}

// Where a reply not known yet could change more than the race, nothing is
// revealed and nothing changes.
func TestWhatIsNotRevealed(t *testing.T) {
	for name, tc := range map[string]struct {
		params func(*Params)
		do     func(*Selector)
		may    func(int) bool
		want   bool
	}{
		"to the time-out":      {want: true},
		"nobody can answer":    {may: func(int) bool { return false }, want: true},
		"errors end the round": {params: func(p *Params) { p.RoundEndsEarly = AllAnsweredOrErrored }},
		"errors are needed":    {params: func(p *Params) { p.NeedsTimeExceeded = true }},
		"late replies count":   {params: func(p *Params) { p.LateReplyPolicy = ReopenLate }},
		"replies end the round": {
			params: func(p *Params) { p.RoundEndsEarly = AllEchoReplied },
		},
		"one that is mute keeps the round open": {
			params: func(p *Params) { p.RoundEndsEarly = AllEchoReplied },
			may:    func(i int) bool { return i != 1 }, want: true,
		},
		"the one that is mute was struck": {
			params: func(p *Params) { p.RoundEndsEarly = AllEchoReplied },
			may:    func(i int) bool { return i != 1 },
			do: func(s *Selector) {
				s.strike(s.stage().Candidates[1].Relay)
				s.askRound(s.clock)
			},
		},
		"somebody has answered": {do: func(s *Selector) { _ = s.Replies(s.clock, uint32(s.seq), []Reply{{At: s.clock}}) }},
		"no round":              {do: func(s *Selector) { s.Trigger(s.clock, Stop) }},
		"another stage":         {do: func(s *Selector) { s.openStage(1, s.clock) }},
	} {
		p := defaultParams()
		p.RoundEndsEarly, p.RootRequiresPing = OnTimeoutOnly, true
		if tc.params != nil {
			tc.params(p)
		}
		c, _ := Compile(automatic(""), p, crowd(3, 1))
		may := tc.may
		if may == nil {
			may = func(int) bool { return true }
		}
		e := c.Stage(0).Entrants(may)
		s := New(c, 1, 0)
		s.Trigger(0, Start)
		if tc.do != nil {
			tc.do(&s)
		}
		was := clone(&s)
		if got := s.Reveal(e, &drawn{}, true); got != tc.want || sameState(&s, &was) == tc.want {
			t.Errorf("%s: revealed %t, want %t, and a change only then", name, got, tc.want)
		}
	}
}

// A refusal must not be judged by answers that nobody asked for.
func TestFillIsNotForgotten(t *testing.T) {
	p := defaultParams()
	p.RoundEndsEarly = OnTimeoutOnly
	c, _ := Compile(automatic(""), p, crowd(3, 1))
	e := c.Stage(0).Entrants(func(int) bool { return true })
	for name, do := range map[string]func(s *Selector){
		"refused":   func(s *Selector) { _ = s.RegisterResult(s.clock, uint32(s.seq), AtCap) },
		"standings": func(s *Selector) { s.Standings() },
	} {
		for _, filled := range []bool{false, true} {
			s := New(c, 1, 0)
			s.Lend(new(Scratch))
			s.Trigger(0, Start)
			s.Reveal(e, &drawn{}, false)
			s.Lend(new(Scratch)) // what is unknown stays so
			if filled {
				s.Fill(&drawn{})
			}
			s = clone(&s)
			got := fmt.Sprint(panicOf(func() { do(&s) }))
			if (got == "<nil>") != filled {
				t.Errorf("%s, filled %t: panic %v", name, filled, got)
			}
		}
	}
}

func panicOf(f func()) (reason any) {
	defer func() { reason = recover() }()
	f()
	return nil
}

// FuzzReveal plays selections of any course, loss and order of refusals.
func FuzzReveal(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Add(uint64(7), uint64(1<<63))
	f.Fuzz(func(t *testing.T, course, client uint64) {
		trials(t, rng.Seed(course).Child(rng.Group, client), 3, new(twins))
	})
}
