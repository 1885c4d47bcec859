package selection

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// nextOf drains the only action of that kind.
func nextOf(t *testing.T, s *Selector, kind ActionKind) Action {
	t.Helper()
	for _, a := range s.Drain(nil) {
		if a.Kind == kind {
			return a
		}
	}
	t.Fatalf("no action of kind %v", kind)
	return Action{}
}

// The order that an explanation shows is the one in which the client tries the
// repliers, under every law for weight 0 (6.4, 6.8).
func TestStandingsAreTheOrderOfTheRace(t *testing.T) {
	s := automatic("g")
	for _, law := range []ZeroWeight{EligibleOnlyIfTotalZero, ZeroNever, ZeroUniformShare} {
		for _, weights := range [][]uint32{{100, 100, 100, 100}, {100, 300, 0, 1}, {0, 0, 0, 0}} {
			p := defaultParams()
			p.ZeroWeight = law
			var relays []relay
			for i, w := range weights {
				relays = append(relays, relay{name: fmt.Sprint("r", i), weight: w, advertise: []string{"g"}})
			}
			c, _ := Compile(s, p, listOf(relays...))
			for client := range uint64(50) {
				sel := New(c, rng.Seed(3).Child(rng.Client, client), 0)
				sel.Trigger(0, Start)
				ask := nextOf(t, &sel, AskRound)
				var replies []Reply
				for i := range weights {
					replies = append(replies, Reply{At: 1, Candidate: uint16(i), Kind: EchoReply})
				}
				if err := sel.Replies(1, ask.Seq, replies); err != nil {
					t.Fatal(err)
				}
				var shown, tried []RelayID
				for i, now := 0, vtime.Instant(1); ; i++ {
					var a Action
					for _, a = range sel.Drain(nil) {
					}
					if a.Kind != Register || a.By != ByProbe {
						break
					}
					standings := sel.Standings()
					if i == 0 {
						for _, st := range standings {
							if st.Weight > 0 {
								shown = append(shown, c.Stages[0].Candidates[st.Candidate].Relay)
							}
						}
					}
					if got := c.Stages[0].Candidates[standings[0].Candidate].Relay; got != a.Target {
						t.Fatalf("%v %v client %d: %v leads, the client registers with %v", law, weights, client, got, a.Target)
					}
					tried = append(tried, a.Target)
					now = now.Add(time.Millisecond)
					if err := sel.RegisterResult(now, a.Seq, TCPBlocked); err != nil {
						t.Fatal(err)
					}
				}
				if law == EligibleOnlyIfTotalZero {
					// Weight 0 takes part once all others have refused.
					tried = tried[:len(shown)]
				}
				if !slices.Equal(shown, tried) {
					t.Fatalf("%v %v client %d: shown %v, tried %v", law, weights, client, shown, tried)
				}
			}
		}
	}
}

// sticky_current shows the parent first, though others may have smaller
// variates.
func TestStandingsKeepTheParent(t *testing.T) {
	p := defaultParams()
	p.StickyCurrent = true
	w := newWorld(t, automatic("g"), p, relay{name: "a", hops: 1, weight: 1, advertise: []string{"g"}}, relay{name: "b", hops: 1, weight: 1000, advertise: []string{"g"}})
	w.host("b").echo = false
	w.trigger(Start)
	w.run(time.Hour)
	parent, _ := w.sel.Parent()
	if w.name(parent) != "a" {
		t.Fatalf("parent is %s, want a", w.name(parent))
	}
	w.sel.Trigger(w.now, RelaySelect)
	var ask Action
	for range 2 { // one hop: the second round is answered
		ask = nextOf(t, &w.sel, AskRound)
		if ask.TTL < 2 {
			w.sel.Expire(ask.Deadline)
		}
	}
	if err := w.sel.Replies(ask.At, ask.Seq, []Reply{{At: ask.At, Candidate: 0}, {At: ask.At, Candidate: 1}}); err != nil {
		t.Fatal(err)
	}
	target := nextOf(t, &w.sel, Register).Target
	standings := w.sel.Standings()
	if got := w.sel.Course().Stages[0].Candidates[standings[0].Candidate].Relay; !standings[0].Kept || got != parent || target != parent {
		t.Errorf("%v leads (kept: %v) and %v is registered with, want the parent %v", got, standings[0].Kept, target, parent)
	}
}

// What lies ahead is what the client then does (section 8).
func TestAheadIsWhatFollows(t *testing.T) {
	s := automatic("g;h")
	s.FailoverList = []string{"b", "nowhere"}
	for _, p := range []*Params{defaultParams(), {}} {
		if p.RoundTimeout == 0 {
			*p = DefaultParams()
			p.FailoverListOrder, p.FailoverRequiresPing, p.RootRequiresPing = RandomOrder, true, true
		}
		c, _ := Compile(s, p, listOf(
			relay{name: "a", weight: 100, advertise: []string{"g"}},
			relay{name: "b", weight: 100, advertise: []string{"h"}},
			relay{name: "c", weight: 100, priority: 1, advertise: []string{"h"}},
		))
		sel := New(c, rng.Seed(5), 0)
		sel.Trigger(0, Start)
		want := ahead(&sel)
		var got []string
		for {
			at, ok := sel.Deadline()
			acts := sel.Drain(nil)
			if len(acts) == 0 && !ok {
				t.Fatal("nothing follows")
			}
			over := false
			for _, a := range acts {
				switch a.Kind {
				case AskRound:
					st := c.Stage(int(a.Stage))
					if text := fmt.Sprint(st.By, st.Group, relaysOf(st.Candidates), true); len(got) == 0 || got[len(got)-1] != text {
						got = append(got, text)
					}
				case Register:
					got = append(got, fmt.Sprint(a.By, []RelayID{a.Target}, false))
					if err := sel.RegisterResult(a.At, a.Seq, TCPBlocked); err != nil {
						t.Fatal(err)
					}
				default:
					over = true
				}
			}
			if over {
				break
			}
			if ok {
				sel.Expire(at)
			}
		}
		if got = got[1:]; !slices.Equal(got, want) {
			t.Errorf("the client did\n%q, ahead was\n%q", got, want)
		}
		if sel.Ahead() != nil {
			t.Errorf("after its end %v is ahead", sel.Ahead())
		}
		if at, ok := sel.NextSelection(); !ok || at <= sel.clock {
			t.Errorf("the next selection is at %v (%v), want a retry after %v", at, ok, sel.clock)
		}
	}
}

// ahead is what lies ahead as text.
func ahead(s *Selector) []string {
	var out []string
	for _, st := range s.Ahead() {
		if st.Probed {
			out = append(out, fmt.Sprint(st.By, st.Group, st.Relays, true))
		} else {
			out = append(out, fmt.Sprint(st.By, st.Relays, false))
		}
	}
	return out
}

// A timed selection ends with the parent that works; the random relay comes
// after the groups.
func TestAheadKeepsAndDraws(t *testing.T) {
	p := defaultParams()
	p.ExhaustPolicy, p.RegisterJitter = ExhaustRandom, 0 // so that no registration comes before the timed selection
	w := newWorld(t, automatic("g"), p, relay{name: "a", hops: 1, weight: 1, advertise: []string{"g"}})
	w.trigger(Start)
	if got, want := ahead(&w.sel), []string{fmt.Sprint(ByRandom, []RelayID{1}, false), fmt.Sprint(ByRoot, []RelayID{0}, false)}; !slices.Equal(got, want) {
		t.Errorf("at first %q is ahead, want %q", got, want)
	}
	w.run(time.Hour)
	at, ok := w.sel.NextSelection()
	if want := w.sel.Course().Settings.Interval; !ok || at < vtime.Instant(want) {
		t.Errorf("the next selection is at %v (%v), want one after %v", at, ok, want)
	}
	w.sel.Expire(at)
	if got := w.sel.Ahead(); len(got) != 1 || !got[0].Keeps || got[0].Relays[0] != 1 {
		t.Errorf("ahead of a timed selection is %+v, want its parent", got)
	}
	w.sel.Trigger(at, Stop)
	if at, ok := w.sel.NextSelection(); ok {
		t.Errorf("a stopped client selects next at %v", at)
	}
}

// The range of distances is that of the round (5.8).
func TestDistanceOfARound(t *testing.T) {
	c, _ := Compile(automatic("g"), defaultParams(), listOf(relay{name: "a", advertise: []string{"g"}}))
	for ttl, want := range map[uint8][2]int{1: {0, 0}, 2: {1, 1}, 9: {8, 8}, 13: {9, 12}, 19: {13, 18}} {
		if least, most := c.Distance(ttl); [2]int{least, most} != want {
			t.Errorf("TTL %d: %d..%d, want %v", ttl, least, most, want)
		}
	}
}

// Under fail_selection nothing follows a refusal by the winner of a
// competition.
func TestNothingIsAheadUnderFailSelection(t *testing.T) {
	p := defaultParams()
	p.OnRegisterFail = FailSelection
	w := newWorld(t, automatic("g"), p, relay{name: "a", weight: 1, advertise: []string{"g"}})
	w.sel.Trigger(0, Start)
	ask := nextOf(t, &w.sel, AskRound)
	if len(w.sel.Ahead()) != 1 {
		t.Errorf("ahead of the round is %+v, want the root", w.sel.Ahead())
	}
	if err := w.sel.Replies(1, ask.Seq, []Reply{{At: 1}}); err != nil {
		t.Fatal(err)
	}
	register := nextOf(t, &w.sel, Register)
	if got := w.sel.Ahead(); got != nil {
		t.Errorf("ahead of the registration is %+v, want nothing", got)
	}
	if err := w.sel.RegisterResult(2, register.Seq, TCPBlocked); err != nil {
		t.Fatal(err)
	}
	nextOf(t, &w.sel, GaveUp)
}
