package selection

import (
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// sameState compares two Selectors in all that they hold, actions included.
func sameState(a, b *Selector) bool {
	x, y := *a, *b
	x.scratch, y.scratch = nil, nil
	if x != y || (a.scratch == nil) != (b.scratch == nil) {
		return false
	}
	return a.scratch == nil || a.scratch.words == b.scratch.words && a.scratch.veiled == b.scratch.veiled &&
		slices.Equal(a.scratch.bits, b.scratch.bits) && slices.Equal(a.scratch.out, b.scratch.out)
}

// clone is an exact copy.
func clone(s *Selector) Selector { return s.CopyFor(s.key, s.clock) }

// past is what a client went through before a selection begins.
type past uint8

const (
	newcomer past = iota
	timed         // registered, re-selects by the timer
	failing       // the same while contact fails
	told          // registered, by the action
	moved         // by another address, with the action of an abandoned round not drained
	numPasts
)

// beginning brings a client of the course to where a selection has just begun.
func beginning(t *testing.T, c *Course, key rng.Key, p past, at vtime.Instant) Selector {
	z := &fuzzed{t: t, sel: New(c, key, at), now: at}
	if p != newcomer {
		z.settle()
	}
	switch p {
	case newcomer:
		z.sel.Trigger(at, Start)
	case failing:
		z.sel.Contact(z.sel.clock, false)
	case told:
		z.sel.Trigger(z.sel.clock, RelaySelect)
	case moved:
		z.sel.Trigger(z.sel.clock, AddressChange)
		z.sel.Trigger(z.sel.clock, AddressChange)
		if z.sel.Selecting() {
			return z.sel
		}
	}
	for range 100 {
		if z.sel.Selecting() {
			break
		}
		z.drain()
		if due, ok := z.sel.Deadline(); ok {
			z.sel.Expire(due)
		} else {
			z.answer()
		}
	}
	return z.sel
}

// randomBytes are n bytes that belong to a trial.
func randomBytes(k rng.Key, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(k.Draw(rng.Place, uint64(i)))
	}
	return b
}

// TestFollowIsExpireRoundByRound records ways of every length over random
// courses and takes other clients along: they get to the state to which silent
// rounds bring them one by one.
func TestFollowIsExpireRoundByRound(t *testing.T) {
	followed, kept, undrained, ended := 0, 0, 0, [numStates]int{}
	for trial := range uint64(2000) {
		k := rng.Seed(17).Child(rng.Client, trial)
		c := (&fuzzed{t: t, input: randomBytes(k, 8)}).course()
		before := beginning(t, c, k, newcomer, 0)
		other := beginning(t, c, k.Child(rng.Client, 1), past(trial%uint64(numPasts)), vtime.Instant(trial)*1e9)
		if !other.Selecting() {
			continue // a manual client has no timer
		}
		if trial&1 == 0 && len(other.scratch.out) == 1 {
			other.Drain(nil)
		}
		after, slow := clone(&before), clone(&other)
		for rounds := 0; after.Selecting(); rounds++ {
			l := NewLeap(&before, &after)
			if barred := c.Params.LateReplyPolicy == ReopenLate || c.drawn(int(after.run.step)); (l == nil) != barred {
				t.Fatalf("trial %d: a leap of %d rounds: %v, want one: %t", trial, rounds, l, !barred)
			}
			fast := clone(&other)
			switch {
			case fast.Follow(l):
				followed++
				ended[fast.state]++
				if rounds == 0 && len(slow.scratch.out) == 0 {
					slow.emitQuestion()
				}
				slow.scratch.out = slices.Delete(slow.scratch.out, 0, len(slow.scratch.out)-1)
				if !sameState(&fast, &slow) {
					t.Fatalf("trial %d: after a leap of %d rounds\n%+v %+v, one by one\n%+v %+v", trial, rounds, fast, fast.scratch, slow, slow.scratch)
				}
			case !sameState(&fast, &other):
				t.Fatalf("trial %d: a leap of %d rounds was refused and changed %+v to %+v", trial, rounds, other, fast)
			case len(other.scratch.out) > 1:
				undrained++
			case l != nil && !slow.Selecting():
				kept++
			case l != nil:
				t.Fatalf("trial %d: a leap of %d rounds was refused by %+v", trial, rounds, other)
			}
			if after.state != probing {
				break
			}
			due, _ := after.Deadline()
			after.Expire(due)
			if slow.state == probing {
				due, _ = slow.Deadline()
				slow.Expire(due)
			}
		}
	}
	if followed < 5000 || kept < 30 || undrained < 100 || min(ended[probing], ended[registering]) < 200 {
		t.Errorf("%d ways were followed, to the states %v, %d ended in the parent kept, %d clients had actions to drain: want more", followed, ended, kept, undrained)
	}
}

// TestExpireAlongIsExpireThenFollow lets clients with a past come to their
// deadlines with ways at hand, also those that they cannot take.
func TestExpireAlongIsExpireThenFollow(t *testing.T) {
	followed, stayed := 0, 0
	for trial := range uint64(1000) {
		k := rng.Seed(19).Child(rng.Client, trial)
		c := (&fuzzed{t: t, input: randomBytes(k, 8)}).course()
		before := beginning(t, c, k, newcomer, 0)
		z := &fuzzed{t: t, sel: New(c, k.Child(rng.Client, 1), 0)}
		z.settle()
		switch trial % 4 {
		case 0:
			z.sel.Contact(z.sel.clock, false)
		case 1:
			z.sel.SetCourse(before.course)
		case 2:
			other, _ := Compile(&c.Settings, &c.Params, c.List)
			z.sel.SetCourse(other)
		}
		if trial%8 != 7 {
			z.sel.Drain(nil)
		}
		after := clone(&before)
		for after.Selecting() {
			l := NewLeap(&before, &after)
			waits := clone(&z.sel)
			for range 5 {
				at, ok := waits.Deadline()
				if !ok {
					break
				}
				for _, now := range []vtime.Instant{at - 1, at, at + 1, at.Add(2 * c.Params.RoundTimeout)} {
					one, two := clone(&waits), clone(&waits)
					two.Expire(now)
					got, want := one.ExpireAlong(now, l), two.Follow(l)
					if got != want || !sameState(&one, &two) {
						t.Fatalf("trial %d: ExpireAlong(%v) = %t\n%+v %+v, Expire and Follow: %t\n%+v %+v", trial, now, got, one, one.scratch, want, two, two.scratch)
					}
					if got {
						followed++
					} else if l != nil && two.Selecting() {
						stayed++
					}
				}
				waits.Expire(at)
			}
			if after.state != probing {
				break
			}
			due, _ := after.Deadline()
			after.Expire(due)
		}
	}
	if followed < 2000 || stayed < 2000 {
		t.Errorf("%d times along a leap, %d times not: want more", followed, stayed)
	}
}

// What is not a silent beginning of one selection is no leap, and nobody
// follows who has come further, or is on another course.
func TestWhatIsNoLeap(t *testing.T) {
	p := defaultParams()
	p.RoundEndsEarly, p.GroupAdvanceOn = OnTimeoutOnly, NoRegistration
	s := automatic("A;B")
	relays := []relay{{name: "a", weight: 1, advertise: []string{"A"}}, {name: "b", weight: 1, advertise: []string{"A", "B"}}}
	c, _ := Compile(s, p, listOf(relays...))
	before := beginning(t, c, 1, newcomer, 0)
	before.Drain(nil)
	expire := func(s *Selector) {
		at, _ := s.Deadline()
		s.Expire(at)
	}
	reply := func(s *Selector, i uint16) {
		_ = s.Replies(s.clock, uint32(s.seq), []Reply{{At: s.clock, Candidate: i}})
	}
	for name, change := range map[string]func(s *Selector){
		"the round has been answered": func(s *Selector) { reply(s, 0) },
		"a winner is registered with": func(s *Selector) { reply(s, 0); expire(s) },
		"a winner has refused": func(s *Selector) {
			reply(s, 0)
			expire(s)
			_ = s.RegisterResult(s.clock, uint32(s.seq), AtCap)
		},
		"a last resort has refused": func(s *Selector) {
			for s.state == probing {
				expire(s)
			}
			_ = s.RegisterResult(s.clock, uint32(s.seq), RelayDown)
		},
		"another selection":      func(s *Selector) { s.Trigger(s.clock.Add(time.Second), AddressChange) },
		"another client":         func(s *Selector) { s.key++ },
		"another course":         func(s *Selector) { s.course, _ = Compile(automatic(""), p, listOf(relays...)) },
		"the client has stopped": func(s *Selector) { s.Trigger(s.clock, Stop) },
	} {
		after := clone(&before)
		expire(&after)
		if NewLeap(&before, &after) == nil {
			t.Fatal("a silent round is no leap")
		}
		change(&after)
		if NewLeap(&before, &after) != nil {
			t.Errorf("%s: recorded as a leap", name)
		}
		if l := NewLeap(&after, &after); l != nil && name != "another selection" && name != "another client" && name != "another course" {
			t.Errorf("%s: recorded as the beginning of a leap", name)
		}
	}
	after := clone(&before)
	expire(&after)
	l := NewLeap(&before, &after)
	for name, change := range map[string]func(s *Selector){
		"a round further":             expire,
		"the round has been answered": func(s *Selector) { reply(s, 0) },
		"another course":              func(s *Selector) { s.course, _ = Compile(automatic("A;B"), p, listOf(relays...)) },
		"the client has stopped":      func(s *Selector) { s.Trigger(s.clock, Stop) },
		"an action to drain":          func(s *Selector) { s.emit(Kept, 0) },
	} {
		late := clone(&before)
		change(&late)
		if as := clone(&late); late.Follow(l) || !sameState(&as, &late) {
			t.Errorf("%s: follows, or changes", name)
		}
	}
	if s := clone(&before); s.Follow(nil) {
		t.Error("a nil leap is followed")
	}
}
