package selection

import (
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

func TestWhatIsNotAtRest(t *testing.T) {
	long := func(p *Params) { p.LoopLatencyMin, p.LoopLatencyMax = time.Hour, time.Hour }
	for name, tc := range map[string]struct {
		change func(*Params)
		do     func(*world)
		rests  bool
	}{
		"waiting for its timers": {nil, func(*world) {}, true},
		"stopped":                {nil, func(w *world) { w.trigger(Stop) }, true},
		"in a round":             {nil, func(w *world) { w.trigger(RelaySelect) }, false},
		"registering": {nil, func(w *world) {
			w.trigger(RelaySelect)
			w.run(roundTrip)
		}, false},
		"renewing": {nil, func(w *world) {
			w.trigger(Stop)
			w.trigger(Start)
		}, false},
		"failing":             {nil, func(w *world) { w.contact(false) }, false},
		"failing no more":     {nil, func(w *world) { w.contact(false); w.contact(true) }, true},
		"selection requested": {long, func(w *world) { w.trigger(RelaySelect) }, false},
		"actions not drained": {nil, func(w *world) { w.sel.emit(Kept, 0) }, false},
		"something due": {nil, func(w *world) {
			at, _ := w.sel.Deadline()
			w.sel.clock = at
		}, false},
		"waiting to retry": {nil, func(w *world) {
			w.host("a").echo, w.host("root").outcome = false, RelayDown
			w.trigger(RelaySelect)
			w.run(time.Minute)
		}, true},
	} {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", weight: 100})
		w.trigger(Start)
		w.run(time.Minute)
		if tc.change != nil {
			p := defaultParams()
			tc.change(p)
			w.sel.course, _ = Compile(automatic(""), p, w.list)
		}
		tc.do(w)
		if _, ok := w.sel.Rest(); ok != tc.rests {
			t.Errorf("%s: at rest %t, want %t", name, ok, tc.rests)
		}
	}
}

// TestLifeInRests packs the client whenever it rests for a month with losses
// and restarts, and compares with a life without.
func TestLifeInRests(t *testing.T) {
	var logs [2][]Action
	packed := 0
	for i := range logs {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100}, relay{name: "b", hops: 1, weight: 300})
		w.trigger(Start)
		for day := range 30 {
			for hour := range 24 {
				w.run(time.Hour)
				switch {
				case hour == 9 && day%3 == 0:
					w.trigger(AddressChange)
				case hour == 12 && day%4 == 1:
					w.contact(false)
				case hour == 17 && day%5 == 2:
					w.trigger(Stop)
				case hour == 19 && day%5 == 2:
					w.trigger(Start)
				}
				w.hosts[RelayID(day%3)].outcome = []Outcome{Registered, RelayDown}[hour/18]
				if r, ok := w.sel.Rest(); ok && i == 1 {
					packed++
					w.sel = unpacked(w.sel.course, w.sel.key, r)
				}
			}
		}
		logs[i] = w.log
	}
	if !slices.Equal(logs[0], logs[1]) || packed < 500 {
		t.Errorf("%d actions in a life in %d rests, %d without; want the same ones", len(logs[1]), packed, len(logs[0]))
	}
}

// unpacked is a new Selector that r is restored in.
func unpacked(c *Course, key rng.Key, r Rest) (s Selector) {
	s.Restore(c, key, r)
	return s
}

// A Selector that is restored in place works on in the Scratch it was lent, and
// nothing of what it did before is left.
func TestRestoredInPlace(t *testing.T) {
	w := settled(t, automatic(""), nil)
	r, _ := w.sel.Rest()
	x := new(Scratch)
	var s Selector
	s.Lend(x)
	s.Restore(w.sel.Course(), 5, r)
	for _, used := range []func(){
		func() { s.Trigger(s.clock, RelaySelect) },
		func() { s.Contact(s.clock, false) },
		func() { s.SetCourse(w.sel.Course()) },
	} {
		used()
		s.Restore(w.sel.Course(), w.sel.key, r)
		want := unpacked(w.sel.Course(), w.sel.key, r)
		if s.scratch != x || len(s.Swap(nil)) > 0 {
			t.Fatalf("restored in place with %p %+v, want %p and no actions", s.scratch, s.scratch, x)
		}
		if want.scratch = x; s != want {
			t.Errorf("restored in place: %+v, want %+v", s, want)
		}
	}
}

func TestSwapIsDrainWithoutACopy(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}))
	s := New(c, 1, 0)
	if got := s.Swap(nil); got != nil {
		t.Errorf("before anything: %v", got)
	}
	s.Trigger(0, Start)
	o := clone(&s)
	if got, want := s.Swap(nil), o.Drain(nil); !slices.Equal(got, want) || len(want) != 1 {
		t.Errorf("Swap(nil) = %v, want %v", got, want)
	}
	if got := s.Drain(nil); len(got) > 0 {
		t.Errorf("%v are left", got)
	}
}

func TestLentScratchIsTakenOver(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 1}))
	used := &Scratch{words: 3, bits: []uint64{1, 2, 3}, out: []Action{{}}}
	s := New(c, 1, 0)
	s.Lend(used) // what an earlier Selector left is gone
	s.Trigger(0, Start)
	seq := s.Drain(nil)[0].Seq
	_ = s.Replies(1, seq, []Reply{{At: 1, Candidate: 1}})
	other := new(Scratch)
	s.Lend(other)
	used.bits[0], used.bits[1] = ^uint64(0), ^uint64(0)
	s.Lend(nil) // in flight: it works on with its own
	other.bits[0], other.bits[1] = ^uint64(0), ^uint64(0)
	if err := s.Replies(vtime.Instant(time.Second), seq, []Reply{{At: 2}}); err != nil || s.Open(seq) {
		t.Errorf("the second of two replies: %v, round open %t; want the round to end", err, s.Open(seq))
	}
	s.Drain(nil)
	s.Trigger(3e9, Stop)
	s.Lend(used)
	s.Lend(used)
	s.Lend(nil)
	if s.scratch != nil {
		t.Error("a Selector with nothing in flight keeps a scratch area that was taken back")
	}
}

// A periodic registration that its jitter brought forward counts from an
// instant that is still to come. A client restored before that lives in the
// present all the same.
func TestRestBeforeTheBaseOfTheRegistration(t *testing.T) {
	s := automatic("")
	s.Interval = 1000 * time.Hour
	w := settled(t, s, func(p *Params) { p.RegisterJitter = time.Hour })
	for range 20 {
		at, _ := w.sel.Deadline()
		w.run(at.Sub(w.now) + time.Minute)
		if w.sel.registerBase <= w.now {
			continue
		}
		r, ok := w.sel.Rest()
		if !ok {
			t.Fatal("not at rest")
		}
		restored := unpacked(w.sel.Course(), w.sel.key, r)
		restored.Contact(w.now, false)
		if since, _ := restored.Failing(); since != w.now {
			t.Errorf("contact fails at %v, watched since %v", w.now, since)
		}
		return
	}
	t.Error("no registration came early")
}
