package topology

import (
	"reflect"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
	"pgregory.net/rapid"
)

// advanced takes a packet to the end of its way and tells how often it halted.
func advanced(t *rapid.T, x *Transit, st *State, p Packet, at vtime.Instant, h Halts) (r Result, halts int) {
	x.Send(st, &p, at, h)
	for last := at; ; halts++ {
		r, onWay := x.Advance()
		switch {
		case !onWay:
			return r, halts
		case x.At() < last:
			t.Fatalf("comes to a place at %v, and was at the one before at %v", x.At(), last)
		}
		last = x.At()
	}
}

// A packet that halts on its way has the same fate, and does the same to the
// state, as one that does not.
func TestTransitAgreesWithWalk(t *testing.T) {
	halted := [AtRouters + 1]int{}
	check := func(t *rapid.T) {
		limits := rapid.Bool().Draw(t, "limits")
		s, n := whole{limits: limits, vary: true}.compile(t)
		walked := n.NewState()
		disturb(t, s, walked)
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		walked.SetWeather(key)
		var stepped [AtRouters + 1]*State
		var transits [AtRouters + 1]Transit
		for h := AtLimits; h <= AtRouters; h++ {
			stepped[h] = n.NewState()
			stepped[h].down, stepped[h].hostDown, stepped[h].viewsDown = walked.down, walked.hostDown, walked.viewsDown
			stepped[h].SetWeather(key)
		}
		at, all := vtime.Instant(0), [AtRouters + 1]int{}
		walk := func(p Packet) Result {
			want := n.Walk(walked, p, at)
			for h := AtLimits; h <= AtRouters; h++ {
				got, halts := advanced(t, &transits[h], stepped[h], p, at, h)
				if got != want {
					t.Fatalf("%+v\nin steps %+v\nwalked   %+v", p, got, want)
				}
				all[h] += halts
			}
			at = want.At.Add(time.Millisecond)
			return want
		}
		eachRequest(s, walked, key, func(p Packet, _ HostID) {
			p.TTL = uint8(rapid.SampledFrom([]int{1, 3, 5, 255}).Draw(t, "ttl"))
			r := walk(p)
			for h := AtLimits; h <= AtRouters; h++ {
				stepped[h].ErrorAbout(p, r, r.At, p.Key.Answer()) // takes its token
			}
			if e, ok := walked.ErrorAbout(p, r, r.At, p.Key.Answer()); ok {
				walk(e)
			}
			if r.End == Delivered {
				walk(n.Reply(p, p.Kind.Answer(), DefaultTTL, p.Key.Answer()))
			}
		})
		for h := AtLimits; h <= AtRouters; h++ {
			if !reflect.DeepEqual(walked.Counts(), stepped[h].Counts()) || walked.Met() != stepped[h].Met() {
				t.Fatalf("ends %v and %d places met in steps, %v and %d walked", stepped[h].Counts(), stepped[h].Met(), walked.Counts(), walked.Met())
			}
			halted[h] += all[h]
		}
		switch met := int(walked.Met()); {
		case all[AtRouters] < met || !limits && all[AtRouters] != met: // with limits, at guards as well
			t.Fatalf("halted %d times at %d routers and boxes", all[AtRouters], met)
		case all[AtLimits] > 0 && !n.Counts():
			t.Fatalf("halted %d times where nothing is counted", all[AtLimits])
		}
	}
	enough := func() bool { return halted[AtLimits] >= 10 && halted[AtRouters] >= 100 }
	checkUntil(t, 1, enough, check)
	if !enough() {
		t.Errorf("only %d halts at limits and %d at routers", halted[AtLimits], halted[AtRouters])
	}
}
