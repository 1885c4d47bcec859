package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Cells end in their order, whichever is done first, and none is begun that
// would have to wait beyond the bound.
func TestHandoverKeepsTheOrder(t *testing.T) {
	const workers, cells = 3, 40
	var got []int
	h := newHandover(workers, cells, func(n int) error {
		got = append(got, n)
		return nil
	})
	for n := h.ahead - 1; n >= 0; n-- { // the first is the slowest
		if !h.mayBegin(n) || len(got) > 0 {
			t.Fatalf("cell %d: may not begin, or %v were ended", n, got)
		}
		if err := h.end(n); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != h.ahead {
		t.Fatalf("%v were ended, want all %d", got, h.ahead)
	}
	for n := h.ahead; n < cells; n++ {
		if err := h.end(n); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range got {
		if i != n {
			t.Fatalf("the order was %v", got)
		}
	}
	if len(got) != cells {
		t.Errorf("%d cells were ended", len(got))
	}
}

// A cell beyond the bound waits until the one whose turn it is has ended, or until nobody waits any longer.
func TestHandoverHoldsBack(t *testing.T) {
	for name, end := range map[string]func(h *handover) bool{
		"turn":    func(h *handover) bool { return h.end(0) == nil },
		"stopped": func(h *handover) bool { h.stop(); return false },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandover(1, 10, func(int) error { return nil })
			over, may := false, false
			go func() { may, over = h.mayBegin(h.ahead), true }()
			synctest.Wait()
			if over {
				t.Errorf("%s: cell %d did not wait for the first of all", name, h.ahead)
			}
			want := end(h)
			synctest.Wait()
			if !over || may != want {
				t.Errorf("%s: cell %d waits no longer: %v, may begin: %v, want true, %v", name, h.ahead, over, may, want)
			}
		})
	}
}

// collector takes decisions, and puts those of a cell together at its end.
type collector struct {
	mu     sync.Mutex
	cells  map[[2]int][]Decision
	text   bytes.Buffer
	blocks int
	err    error
}

func (k *collector) Take(policy, replication int, block []Decision) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blocks++
	if !slices.IsSortedFunc(block, byClient) {
		return errors.New("a block is not in order")
	}
	k.cells[[2]int{policy, replication}] = append(k.cells[[2]int{policy, replication}], block...)
	return k.err
}

func (k *collector) End(_ context.Context, policy, replication int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	fmt.Fprintf(&k.text, "policy %d, replication %d\n", policy, replication)
	d := k.cells[[2]int{policy, replication}]
	slices.SortFunc(d, byClient)
	for i := range d {
		fmt.Fprintf(&k.text, "%+v\n", d[i])
	}
	delete(k.cells, [2]int{policy, replication})
	return nil
}

// handedOver runs a plan and returns what is handed over, cell by cell.
func handedOver(t *testing.T, p *Plan, o Options) *collector {
	t.Helper()
	k := &collector{cells: map[[2]int][]Decision{}}
	o.Decisions = k
	tallies, err := Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	selections := 0
	for _, tally := range tallies {
		selections += int(tally.Selections)
	}
	if lines := strings.Count(k.text.String(), "Client:"); lines != selections || lines == 0 || len(k.cells) != 0 {
		t.Fatalf("%d decisions were handed over, of %d selections; %d cells have not ended", lines, selections, len(k.cells))
	}
	return k
}

// severalCells is a plan of two policies, three replications and two groups,
// one of which moves.
func severalCells(t *testing.T) *Plan {
	w := newWorld()
	w.addGroup("laptop", 20, netEast, roaming, "east;DMZ")
	w.addGroup("remote", 20, netHome, alwaysOn, "DMZ")
	w.reps = 3
	p := w.plan(t)
	second := p.Policies[0]
	second.Name = "second"
	p.Policies = append(p.Policies, second)
	return p
}

// What is handed over depends on neither level, nor workers, nor on how many
// are kept, nor on whether policies are compared by it.
func TestDecisionsAreTheSame(t *testing.T) {
	p := severalCells(t)
	want := handedOver(t, p, Options{Workers: 1}).text.String()
	for level := range Level(NumLevels) {
		for _, workers := range []int{1, 2, 5, 13} {
			for _, atOnce := range []int{0, 10} {
				if got := handedOver(t, p, Options{Workers: workers, Level: level, atOnce: atOnce}).text.String(); got != want {
					t.Errorf("%v level, %d workers, %d at once: %s", level, workers, atOnce, firstDifference(got, want))
				}
			}
		}
	}
	paired := *p
	paired.Pairs = [][2]int{{0, 1}}
	if got := handedOver(t, &paired, Options{Workers: 2}).text.String(); got != want {
		t.Errorf("with a pair of policies: %s", firstDifference(got, want))
	}
	if !strings.HasPrefix(want, "policy 0, replication 0\n") || !strings.Contains(want, "\npolicy 1, replication 2\n") {
		t.Error("the cells are not all there")
	}
}

// No more decisions are kept than a block of each worker has.
func TestDecisionsAreNotKept(t *testing.T) {
	const atOnce, parts = 16, 2
	for level := range Level(NumLevels) {
		c := newCellFor(parts, severalCells(t), 0, 0, level, true)
		var all atomic.Int64
		c.giveDecisions(atOnce, func(block []Decision) { // of several workers at a time
			if all.Add(int64(len(block))); len(block) > atOnce {
				t.Errorf("%v level: a block has %d decisions, want at most %d", level, len(block), atOnce)
			}
		})
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		kept, given := len(c.trace.Decisions), int(all.Load())
		if kept >= parts*atOnce || cap(c.trace.Decisions) > 4*parts*atOnce || given < 10*atOnce || given+kept != int(c.tally.Selections) {
			t.Errorf("%v level: %d decisions were given away and %d (room for %d) kept, of %d", level, given, kept, cap(c.trace.Decisions), c.tally.Selections)
		}
	}
}

// An error of who takes the decisions is that of the run, whoever works, and
// ends it at once.
func TestDecisionsThatNobodyTakes(t *testing.T) {
	p := severalCells(t)
	for _, workers := range []int{1, 2, 6} {
		k := &collector{cells: map[[2]int][]Decision{}, err: errors.New("disk full")}
		_, err := Run(context.Background(), p, Options{Workers: workers, Decisions: k})
		if !errors.Is(err, k.err) || k.text.Len() != 0 || k.blocks > 2*workers {
			t.Errorf("%d workers: error %v after %d blocks, want %v soon", workers, err, k.blocks, k.err)
		}
	}
}
