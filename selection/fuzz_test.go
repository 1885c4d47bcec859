package selection

import (
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// fuzzed drives a Selector with arbitrary inputs and watches its promises.
type fuzzed struct {
	t     *testing.T
	sel   Selector
	input []byte
	now   vtime.Instant
	asked Action // the latest question
	open  bool   // and whether it waits for its answer
	last  vtime.Instant
	// registering: a registration was asked for and has not ended.
	registering bool
	// twin is the Selector restored when sel was last at rest; it is fed what
	// sel is fed.
	twin  *Selector
	rests int
}

func (f *fuzzed) next() int {
	if len(f.input) == 0 {
		return 0
	}
	b := f.input[0]
	f.input = f.input[1:]
	return int(b)
}

// course picks settings and parameters.
func (f *fuzzed) course() *Course {
	s, p := DefaultSettings(), DefaultParams()
	b := f.next()
	s.Automatic = b&1 == 0
	s.SeekList = []string{"", "A;B", "B;*;A", ";"}[b>>1&3]
	s.Primary, s.Secondary = "a", "ghost"
	if b&8 != 0 {
		s.FailoverList = []string{"b", "ghost", "c"}
	}
	s.MaximumTTL = []uint8{255, 1, 3, 12}[b>>4&3]
	s.Interval = time.Duration(1+b>>6) * time.Minute
	b = f.next()
	p.RoundEndsEarly = RoundEnd(b % 3)
	p.NeedsTimeExceeded = b&4 != 0
	p.GroupAdvanceOn = GroupAdvance(b >> 3 & 1)
	p.ExhaustPolicy = Exhaust(b >> 4 & 1)
	p.FailoverRequiresPing, p.RootRequiresPing = b&32 != 0, b&64 != 0
	p.StickyCurrent = b&128 != 0
	b = f.next()
	p.RelayDedupe = Dedupe(b & 1)
	p.ZeroWeight = ZeroWeight(b >> 1 & 3 % 3)
	p.FailoverListOrder = ListOrder(b >> 3 & 1)
	p.ReselectExhausted = ReselectExhausted(b >> 4 & 1)
	p.RegisterAttempts = 1 + b>>5&1
	p.LoopLatencyMax = time.Duration(b>>6&1) * time.Minute
	p.RetryJitter = float64(b>>7) / 2
	b = f.next()
	p.LateReplyPolicy = LateReply(b & 1)
	p.PingsPerRelayPerRound = 1 + b>>1&1
	p.EmptyLabel = EmptyLabel(b >> 2 & 1)
	p.OnRegisterFail = RegisterFail(b >> 3 & 1)
	p.ExtraTriggers = TriggerSet(b >> 4 & 7)
	p.RegisterRetry *= time.Duration(b >> 7)
	b = f.next()
	p.DrawLaw, p.ProbeScope = DrawLaw(b&1), ProbeScope(b>>1&1)
	p.InterPacketGap = time.Duration(b>>2&3) * 40 * time.Millisecond
	c, _ := Compile(&s, &p, listOf(
		relay{name: "a", weight: 100, advertise: []string{"A", "*", "a"}}, relay{name: "b", weight: 0, advertise: []string{"B"}},
		relay{name: "c", weight: 300, priority: 1, advertise: []string{"A", "B"}}, relay{name: "d", weight: 1}))
	return c
}

// drain checks every action as it comes.
func (f *fuzzed) drain() {
	actions := f.sel.Drain(nil)
	f.compareTwin(actions)
	for _, a := range actions {
		if a.At < f.last {
			f.t.Fatalf("%v comes after an action at %v", a, f.last)
		}
		f.last = a.At
		_ = a.String()
		switch a.Kind {
		case AskRound, Register:
			if a.Kind == AskRound && a.Deadline <= a.At {
				f.t.Fatalf("%v: no time for answers", a)
			}
			if a.Seq == f.asked.Seq {
				f.t.Fatalf("%v repeats the number of %v", a, f.asked)
			}
			if a.Kind == Register && f.registering {
				f.t.Fatalf("%v while the registration of %v is in flight", a, f.asked)
			}
			f.asked, f.open, f.registering = a, true, a.Kind == Register && f.sel.Open(a.Seq)
		default:
			if a.Probing < 0 || a.Registering < 0 || a.At.Sub(a.Started) != a.Probing+a.Registering {
				f.t.Fatalf("%v: %v + %v is not the time since %v", a, a.Probing, a.Registering, a.Started)
			}
			if a.Kind == GaveUp && (a.RetryAt <= a.At || a.RetryAt.Sub(a.At) > f.sel.Course().Settings.MaxRetry) {
				f.t.Fatalf("%v: the wait is out of bounds", a)
			}
		}
	}
}

// check looks at the state between two inputs.
func (f *fuzzed) check() {
	s := &f.sel
	open := f.open && s.Open(f.asked.Seq)
	at, due := s.Deadline()
	parent, by := s.Parent()
	switch {
	case due && at < s.clock:
		f.t.Fatalf("deadline %v lies before %v", at, s.clock)
	case s.state == probing && (!due || !open || f.asked.Kind != AskRound):
		f.t.Fatalf("probing without an open round: deadline %v, question %v", due, f.asked)
	case (s.state == registering || s.state == renewing) && (!open || f.asked.Kind != Register):
		f.t.Fatalf("%v without an open registration: %v", s.state, f.asked)
	case (s.state == idle || s.state == stopped) && open:
		f.t.Fatalf("%v is open in state %v", f.asked, s.state)
	case s.state == idle && !due:
		f.t.Fatal("idle for ever")
	case s.state == stopped && due:
		f.t.Fatalf("stopped, but due at %v", at)
	case f.registering != (s.state == registering || s.state == renewing):
		f.t.Fatalf("a registration is in flight: %t, in state %v", f.registering, s.state)
	case (parent == NoRelay) != (by == ByNone) || s.registered && parent == NoRelay:
		f.t.Fatalf("parent %v by %v, registered %v", parent, by, s.registered)
	}
}

// both feeds one input to the Selector and to its twin.
func (f *fuzzed) both(input func(s *Selector)) {
	input(&f.sel)
	if f.twin != nil {
		input(f.twin)
	}
}

// at is the instant of the next input. The twin has not seen the clock of the
// inputs before its rest, so time stands still where it would go back.
func (f *fuzzed) at() vtime.Instant {
	if f.twin != nil {
		return max(f.now, f.sel.clock)
	}
	return f.now
}

// compareTwin holds the twin to the same actions and deadline.
func (f *fuzzed) compareTwin(actions []Action) {
	if f.twin == nil {
		return
	}
	if got := f.twin.Drain(nil); !slices.Equal(got, actions) {
		f.t.Fatalf("after a rest: %v, without: %v", got, actions)
	}
	at1, ok1 := f.sel.Deadline()
	if at2, ok2 := f.twin.Deadline(); at1 != at2 || ok1 != ok2 {
		f.t.Fatalf("deadline after a rest: %v, %t, without: %v, %t", at2, ok2, at1, ok1)
	}
}

// rest packs and restores the Selector if it is at rest; the twin goes on from
// there.
func (f *fuzzed) rest() {
	r, ok := f.sel.Rest()
	if !ok {
		return
	}
	f.rests++
	s := unpacked(f.sel.Course(), f.sel.key, r)
	if next := f.sel.NextCourse(); next != nil {
		s.SetCourse(next)
	}
	if again, ok := s.Rest(); !ok || again != r {
		f.t.Fatalf("packed again: %+v, %t, want %+v", again, ok, r)
	}
	at, due := f.sel.Deadline()
	if next, ok := s.Deadline(); next != at || ok != due {
		f.t.Fatalf("deadline of the restored: %v, %t, of the Selector: %v, %t", next, ok, at, due)
	}
	if _, next, _ := f.sel.RestUntil(); due && next != at || !due && next != vtime.Never {
		f.t.Fatalf("rests until %v, due at %v, %t", next, at, due)
	}
	p1, by1 := f.sel.Parent()
	if p2, by2 := r.Parent(); p1 != p2 || by1 != by2 || s.Registered() != f.sel.Registered() {
		f.t.Fatalf("parent after a rest: %v by %v, want %v by %v", p2, by2, p1, by1)
	}
	f.twin = &s
}

// step feeds one input.
func (f *fuzzed) step() {
	b, arg := f.next(), f.next()
	now := f.at()
	switch b % 8 {
	case 0:
		t := Trigger(arg % int(NumTriggers))
		f.registering = f.registering && t != AddressChange && t != Stop
		f.both(func(s *Selector) { s.Trigger(now, t) })
	case 1, 2:
		r := f.replies(arg)
		f.both(func(s *Selector) { _ = s.Replies(now, f.asked.Seq-uint32(arg>>7), r) })
	case 3:
		seq, o := f.asked.Seq-uint32(arg>>7), Outcome(arg&15%int(NumOutcomes))
		f.registering = f.registering && !f.sel.Open(seq)
		f.both(func(s *Selector) { _ = s.RegisterResult(now, seq, o) })
	case 4:
		f.both(func(s *Selector) { s.Contact(now, arg&1 == 0) })
	case 5: // time passes, also backwards
		f.now = f.now.Add(time.Duration(arg-16) * time.Duration(arg) * 50 * time.Millisecond)
	case 6:
		f.both(func(s *Selector) { s.Expire(now) })
	case 7:
		f.other(now, arg)
	}
}

// other feeds a new course, goes on with a copy or with another scratch area,
// or goes to the next deadline.
func (f *fuzzed) other(now vtime.Instant, arg int) {
	switch arg & 7 {
	case 0:
		c := f.course()
		f.both(func(s *Selector) { s.SetCourse(c) })
	case 1:
		f.both(func(s *Selector) { *s = s.CopyFor(rng.Key(arg), now) })
	case 2:
		f.sel.Lend(new(Scratch))
	case 3:
		f.sel.Lend(nil)
	default:
		if at, ok := f.sel.Deadline(); ok {
			f.now = max(f.now, at)
			f.both(func(s *Selector) { s.Expire(f.now) })
		}
	}
}

// replies makes up to seven answers, out of range and duplicate ones included.
func (f *fuzzed) replies(n int) []Reply {
	var r []Reply
	for range n & 7 {
		b := f.next()
		r = append(r, Reply{At: f.now - vtime.Instant(b>>5)*1e8, Candidate: uint16(b & 7), Kind: ReplyKind(b >> 3 & 3)})
	}
	return r
}

// settle lets every host answer from now on: the client must register within a
// day, whatever went before.
func (f *fuzzed) settle() {
	f.sel.Trigger(f.now, Start)
	f.drain()
	f.check()
	limit := f.sel.clock.Add(24 * time.Hour)
	for range 1000 {
		if f.sel.Registered() && !f.sel.Selecting() {
			return
		}
		if at, ok := f.sel.Deadline(); f.sel.Open(f.asked.Seq) {
			f.answer()
		} else if ok && at < limit {
			f.sel.Expire(at)
		} else {
			break
		}
		f.drain()
		f.check()
	}
	f.t.Fatalf("not registered although everything answers; state %v", f.sel.state)
}

// answer answers the question in flight in full.
func (f *fuzzed) answer() {
	if f.asked.Kind == Register {
		f.registering = false
		_ = f.sel.RegisterResult(f.sel.clock, f.asked.Seq, Registered)
		return
	}
	var r []Reply
	for i := range f.sel.Course().Stage(int(f.asked.Stage)).Candidates {
		r = append(r, Reply{At: f.sel.clock, Candidate: uint16(i)})
	}
	_ = f.sel.Replies(f.sel.clock, f.asked.Seq, r)
	f.sel.Expire(max(f.asked.Deadline, f.sel.clock)) // a copy may have been made later
}

func FuzzSelector(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 3, 0, 1, 2, 3, 0, 5, 255, 6, 0})
	f.Add([]byte{2, 4, 255, 0, 0, 7, 2, 7, 2, 1, 1, 0, 3, 3, 7, 2, 3, 0, 4, 1, 5, 200, 0, 4, 0, 0})
	f.Add([]byte{1, 255, 7, 0, 1, 1, 1, 0, 3, 2, 7, 3, 7, 3, 7, 3, 3, 0, 0, 1, 5, 90, 7, 0, 9, 9, 9, 0, 2})
	f.Fuzz(func(t *testing.T, input []byte) {
		(&fuzzed{t: t, input: input}).play()
	})
}

// play feeds the whole input and then lets every host answer.
func (f *fuzzed) play() {
	f.sel = New(f.course(), 1, 0)
	f.check()
	for range 400 {
		if len(f.input) == 0 {
			break
		}
		f.step()
		f.drain()
		f.check()
		f.rest()
	}
	f.twin = nil
	f.settle()
}

// TestRandomInputs plays random inputs without a fuzzer, so that a plain test
// run sees thousands of them; among them are many rests.
func TestRandomInputs(t *testing.T) {
	rests := 0
	for trial := range uint64(3000) {
		k := rng.Seed(31).Child(rng.Client, trial)
		input := make([]byte, 300)
		for i := range input {
			input[i] = byte(k.Draw(rng.Place, uint64(i)))
		}
		z := &fuzzed{t: t, input: input}
		z.play()
		rests += z.rests
	}
	if rests < 10000 {
		t.Errorf("the Selector rested %d times, want more", rests)
	}
}

// TestGroupingOfRepliesDoesNotMatter feeds the same replies one by one, all at
// once, and all at once with Expire forgotten.
func TestGroupingOfRepliesDoesNotMatter(t *testing.T) {
	relays := []relay{{name: "a", weight: 1}, {name: "b", weight: 2}, {name: "c", weight: 3}}
	for trial := range uint64(500) {
		k := rng.Seed(6).Child(rng.Client, trial)
		p := defaultParams()
		p.RoundEndsEarly = RoundEnd(trial % 3)
		c, _ := Compile(automatic(""), p, listOf(relays...))
		single, grouped := New(c, k, 0), New(c, k, 0)
		single.Trigger(0, Start)
		grouped.Trigger(0, Start)
		seq := single.Drain(nil)[0].Seq
		grouped.Drain(nil)
		var replies []Reply
		at := vtime.Instant(0)
		for i := range rng.Below(k.Draw(rng.Place, 0), 7) {
			at += vtime.Instant(rng.Below(k.Draw(rng.Day, i), uint64(600*time.Millisecond)))
			b := k.Draw(rng.Loss, i)
			replies = append(replies, Reply{At: at, Candidate: uint16(b & 3), Kind: ReplyKind(b >> 2 % 3)})
		}
		for _, r := range replies {
			single.Expire(r.At - 1)
			_ = single.Replies(r.At, seq, []Reply{r})
		}
		_ = grouped.Replies(at, seq, replies)
		end := at.Add(3 * time.Second)
		single.Expire(end)
		grouped.Expire(end)
		one, all := single.Drain(nil), grouped.Drain(nil)
		if len(one) == 0 || len(one) != len(all) || single.Counters() != grouped.Counters() {
			t.Fatalf("trial %d: %v one by one, %v grouped", trial, one, all)
		}
		for i := range one {
			if one[i] != all[i] {
				t.Fatalf("trial %d: %v one by one, %v grouped", trial, one[i], all[i])
			}
		}
	}
}
