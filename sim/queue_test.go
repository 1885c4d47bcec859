package sim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// checkQueue pushes and pops by the bytes of a script and compares each pop
// with a sorted slice.
func checkQueue(t *testing.T, script []byte) {
	var q queue
	var sorted []event
	for i, b := range script {
		if b%3 == 0 && q.len() > 0 {
			got := q.pop()
			if got != sorted[0] {
				t.Fatalf("pop %d = %v, want %v", i, got, sorted[0])
			}
			sorted = sorted[1:]
			continue
		}
		e := event{at: vtime.Instant(b % 16), what: pack(uint64(b%9), int(b/2), uint32(i%5))}
		q.push(e)
		at, _ := slices.BinarySearchFunc(sorted, e, func(a, b event) int {
			if a.less(b) {
				return -1
			}
			return 1
		})
		sorted = slices.Insert(sorted, at, e)
	}
	if q.len() != len(sorted) {
		t.Fatalf("%d events left, want %d", q.len(), len(sorted))
	}
}

func TestQueueAgreesWithSortedSlice(t *testing.T) {
	k := rng.Seed(1)
	for n := range uint64(50) {
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(k.Draw(rng.Place, n<<32|uint64(i)))
		}
		checkQueue(t, script)
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{1, 2, 0, 4, 3, 0})
	f.Fuzz(func(t *testing.T, script []byte) { checkQueue(t, script[:min(len(script), 2000)]) })
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

func BenchmarkQueueHold(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(fmt.Sprint("pending=", n), func(b *testing.B) {
			var q queue
			k := rng.Seed(1)
			for i := range n {
				q.push(event{at: vtime.Instant(k.Draw(rng.Place, uint64(i)) >> 30), what: pack(evDeadline, i, 0)})
			}
			i := uint64(0)
			for b.Loop() {
				e := q.pop()
				i++
				e.at += vtime.Instant(k.Draw(rng.Hours, i) >> 30)
				q.push(e)
			}
		})
	}
}
