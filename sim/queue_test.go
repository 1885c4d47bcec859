package sim

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// sortedQueue is a queue that keeps a sorted slice beside it and compares every
// pop with it.
type sortedQueue struct {
	t *testing.T
	queue
	sorted []event
	now    vtime.Instant
}

func (q *sortedQueue) push(e event) {
	q.queue.push(e)
	i, _ := slices.BinarySearchFunc(q.sorted, e, compareEvents)
	q.sorted = slices.Insert(q.sorted, i, e)
	q.compareLen()
}

func (q *sortedQueue) pop() event {
	got, want := q.queue.pop(), q.sorted[0]
	if got != want {
		q.t.Fatalf("popped %v, want %v", got, want)
	}
	q.sorted, q.now = q.sorted[1:], got.at
	q.compareLen()
	return got
}

func (q *sortedQueue) compareLen() {
	if q.len() != len(q.sorted) {
		q.t.Fatalf("%d events pending, want %d", q.len(), len(q.sorted))
	}
}

func compareEvents(a, b event) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
}

// The queue agrees with a sorted slice while it is filled, held and emptied
// again and again, from a few events to thousands.
func TestQueueAgreesWithSortedSlice(t *testing.T) {
	type gapFunc func(draw uint64) time.Duration
	cases := map[string]gapFunc{
		"one instant":       func(uint64) time.Duration { return 0 },
		"a few instants":    func(draw uint64) time.Duration { return time.Duration(draw % 16 / 15) },
		"byte boundaries":   func(draw uint64) time.Duration { return 1<<(draw%6*8) - 1 + time.Duration(draw>>8%3) },
		"up to the end":     func(draw uint64) time.Duration { return time.Duration(draw >> 8) },
		"bits at any level": func(draw uint64) time.Duration { return time.Duration(draw >> 20 >> (draw % 44)) },
	}
	for _, g := range holdGaps {
		cases[g.name] = g.gap
	}
	for name, gap := range cases {
		for _, start := range []vtime.Instant{0, 1<<40 - 5, vtime.Never - 1<<36, vtime.Never - 300} {
			t.Run(fmt.Sprintf("%s from %d", name, start), func(t *testing.T) {
				q := sortedQueue{t: t, now: start}
				k := rng.Seed(uint64(start))
				n := uint64(0)
				push := func() {
					n++
					q.push(event{at: q.now.Add(gap(k.Draw(rng.Hours, n))), what: payload(k.Draw(rng.Place, n))})
				}
				for _, size := range []int{5, 40, 130, 1000, 3000} {
					for q.len() < size {
						push()
					}
					for range 2 * size {
						q.pop()
						push()
					}
					for q.len() > size%7 {
						q.pop()
					}
				}
			})
		}
	}
}

// FuzzQueue carries out a script of pairs of bytes: what to do, and how often or
// how far ahead.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{2, 9, 3, 200, 0, 0, 1, 50, 7, 3, 3, 40, 1, 255})
	f.Add([]byte{2, 0xff, 2, 0xf7, 0, 0, 2, 0x3f, 1, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		q := sortedQueue{t: t}
		for i := 0; i+1 < min(len(script), 1000); i += 2 {
			do, x := script[i], script[i+1]
			switch do % 4 {
			case 0, 1: // pop once or often
				for range 1 + int(do%4)*int(x) {
					if q.len() > 0 {
						q.pop()
					}
				}
			case 2: // push one that is due up to Never
				d := time.Duration(x&7) << (x >> 4 * 4)
				q.push(event{at: q.now.Add(d), what: payload(do)})
			case 3: // push many, at one instant or some way apart
				for j := range vtime.Instant(x) {
					q.push(event{at: q.now.Add(time.Duration(j * vtime.Instant(do/4))), what: payload(do ^ x*byte(j))})
				}
			}
		}
		for q.len() > 0 {
			q.pop()
		}
	})
}

func TestPushBeforeTheLastPopPanics(t *testing.T) {
	for name, n := range map[string]int{"bottom": 3, "wheel": 300, "crowd": 300} {
		t.Run(name, func(t *testing.T) {
			var q queue
			for i := range n {
				e := event{at: 1 << 20, what: payload(i)}
				if name == "wheel" {
					e.at += vtime.Instant(i) << 20
				}
				q.push(e)
			}
			q.pop()
			if crowded := len(q.crowd) > 0; crowded != (name == "crowd") {
				t.Fatalf("a crowd: %v", crowded)
			}
			if wheeled := q.wheel != nil && q.wheel.n > 0; wheeled != (name == "wheel") {
				t.Fatalf("a wheel in use: %v", wheeled)
			}
			q.push(event{at: 1 << 20}) // the same instant is not before
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			q.push(event{at: 1<<20 - 1})
		})
	}
}

func TestPopFromAnEmptyQueuePanics(t *testing.T) {
	for _, n := range []int{0, 5, 200} {
		t.Run(fmt.Sprint("after=", n), func(t *testing.T) {
			var q queue
			for i := range n {
				q.push(event{at: vtime.Instant(i)})
			}
			for range n {
				q.pop()
			}
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			q.pop()
		})
	}
}

// Under a steady load the queue allocates nothing, and no more than it has at
// most held if it is emptied and refilled.
func TestQueueReusesItsMemory(t *testing.T) {
	for _, g := range holdGaps {
		for _, n := range []uint64{30, 1000, 20000} {
			t.Run(fmt.Sprintf("%s/pending=%d", g.name, n), func(t *testing.T) {
				var q wheelHold
				k := rng.Seed(1)
				held := uint64(0)
				for round := range uint64(4) {
					for i := range n {
						q.push(event{at: q.last.Add(g.gap(k.Draw(rng.Client, round<<32|i))), what: payload(i)})
					}
					q.hold(g, k.Stream(rng.Hours), held, 3*n)
					held += 3 * n
					if round == 2 {
						if allocs := testing.AllocsPerRun(10, func() {
							q.hold(g, k.Stream(rng.Hours), held, n)
							held += n
						}); allocs > 0 {
							t.Errorf("%v allocations per %d holds, want 0", allocs, n)
						}
					}
					for q.len() > 0 {
						q.pop()
					}
				}
				if n == 30 {
					if q.wheel != nil {
						t.Error("a few events made a wheel")
					}
					return
				}
				// Every slot can have one chunk that is not full.
				most := n/chunkEvents + wheelLevels*wheelSlots + slabChunks
				if got := uint64(len(q.wheel.next)); got > most {
					t.Errorf("%d chunks after four rounds, want at most %d", got, most)
				}
			})
		}
	}
}

func TestSortLastFirst(t *testing.T) {
	k := rng.Seed(3)
	for n := range 2 * bottomFill {
		for _, instants := range []uint64{1, 3, 1 << 62} {
			got := make([]event, n)
			for i := range got {
				got[i] = event{
					at:   vtime.Instant(k.Draw(rng.Hours, uint64(i)) % instants),
					what: payload(k.Draw(rng.Place, uint64(i)) << (i % 3 * 31)),
				}
			}
			want := slices.Clone(got)
			slices.SortFunc(want, func(a, b event) int { return compareEvents(b, a) })
			if sortLastFirst(got); !slices.Equal(got, want) {
				t.Fatalf("%d events of %d instants sorted to %v, want %v", n, instants, got, want)
			}
		}
	}
}

// The kind decides first among events of one instant, whatever the client.
func TestEventsOfOneInstantAreOrderedByKind(t *testing.T) {
	var q queue
	for kind := evLife; ; kind-- {
		q.push(event{at: 7, what: pack(kind, int(kind)*3%MaxClients, 9)})
		if kind == evWorld {
			break
		}
	}
	for want := evWorld; want <= evLife; want++ {
		if got := q.pop().what.kind(); got != want {
			t.Fatalf("popped kind %d, want %d", got, want)
		}
	}
}

func TestPayloadKeepsItsParts(t *testing.T) {
	p := pack(evLife, MaxClients-1, 1<<32-1)
	if p.kind() != evLife || p.client() != MaxClients-1 || p.detail() != 1<<32-1 {
		t.Errorf("pack lost a part: kind %d client %d detail %d", p.kind(), p.client(), p.detail())
	}
}

func TestEventOlderThanTheClockPanics(t *testing.T) {
	w := newWorld()
	w.addGroup("g", 1, netEast, alwaysOn, "east")
	c := newCell(w.plan(t), 0, 0, LevelRound, false)
	c.now = vtime.Instant(2 * day)
	defer func() {
		if recover() == nil {
			t.Error("no panic when time goes backwards")
		}
	}()
	_ = c.run(t.Context())
}
