package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// Traces are given away in the order of the cells, whichever is done first, and
// none is begun that would have to be kept beyond the bound.
func TestHandoverKeepsTheOrder(t *testing.T) {
	const workers, cells = 3, 40
	var got []int
	h := newHandover(workers, cells, func(n int, tr *Trace) error {
		got = append(got, n)
		if len(tr.Decisions) != n {
			t.Errorf("cell %d came with the trace of cell %d", n, len(tr.Decisions))
		}
		return nil
	})
	trace := func(n int) *Trace { return &Trace{Decisions: make([]Decision, n)} }
	for n := h.ahead - 1; n >= 0; n-- { // the first is the slowest
		if !h.mayBegin(n) || len(got) > 0 {
			t.Fatalf("cell %d: may not begin, or %v were given away", n, got)
		}
		if err := h.give(n, trace(n)); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != h.ahead {
		t.Fatalf("%v were given away, want all %d", got, h.ahead)
	}
	for n := h.ahead; n < cells; n++ {
		if err := h.give(n, trace(n)); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range got {
		if i != n {
			t.Fatalf("the order was %v", got)
		}
	}
	if len(got) != cells {
		t.Errorf("%d cells were given away, want %d", len(got), cells)
	}
}

// A cell beyond the bound waits until the one whose turn it is was given away,
// or until nobody waits any longer.
func TestHandoverHoldsBack(t *testing.T) {
	for name, end := range map[string]func(h *handover) bool{
		"turn":    func(h *handover) bool { return h.give(0, &Trace{}) == nil },
		"stopped": func(h *handover) bool { h.stop(); return false },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandover(1, 10, func(int, *Trace) error { return nil })
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

// handedOver runs a plan and returns what is handed over as text.
func handedOver(t *testing.T, p *Plan, o Options) string {
	t.Helper()
	var b bytes.Buffer
	o.Decisions = func(policy, replication int, tr *Trace) error {
		fmt.Fprintf(&b, "policy %d, replication %d\n", policy, replication)
		for _, d := range tr.Decisions {
			fmt.Fprintf(&b, "%+v\n", d)
		}
		return nil
	}
	tallies, err := Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	selections := 0
	for _, tally := range tallies {
		selections += int(tally.Selections)
	}
	if lines := strings.Count(b.String(), "Client:"); lines != selections || lines == 0 {
		t.Fatalf("%d decisions were handed over, of %d selections", lines, selections)
	}
	return b.String()
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

// What is handed over depends on neither level, nor workers, nor on whether
// policies are compared by it.
func TestDecisionsAreTheSame(t *testing.T) {
	p := severalCells(t)
	want := handedOver(t, p, Options{Workers: 1})
	for level := range Level(NumLevels) {
		for _, workers := range []int{1, 2, 5, 13} {
			if got := handedOver(t, p, Options{Workers: workers, Level: level}); got != want {
				t.Errorf("%v level, %d workers: %s", level, workers, firstDifference(got, want))
			}
		}
	}
	paired := *p
	paired.Pairs = [][2]int{{0, 1}}
	if got := handedOver(t, &paired, Options{Workers: 2}); got != want {
		t.Errorf("with a pair of policies: %s", firstDifference(got, want))
	}
	if !strings.HasPrefix(want, "policy 0, replication 0\n") || !strings.Contains(want, "\npolicy 1, replication 2\n") {
		t.Error("the cells are not all there")
	}
}

// An error of who takes the decisions is that of the run, whoever works.
func TestDecisionsThatNobodyTakes(t *testing.T) {
	full := errors.New("disk full")
	p := severalCells(t)
	for _, workers := range []int{1, 2, 6} {
		calls := 0
		_, err := Run(context.Background(), p, Options{Workers: workers, Decisions: func(int, int, *Trace) error {
			calls++
			return full
		}})
		if !errors.Is(err, full) || calls != 1 {
			t.Errorf("%d workers: error %v after %d calls, want %v after one", workers, err, calls, full)
		}
	}
}
