package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

var (
	firstWorld = flag.Uint64("world", 1, "first of the worlds in which TestLevelsAgree compares the levels")
	numWorlds  = flag.Uint64("worlds", 150, "how many it compares")
)

// levelRun is a way to run a cell that must not matter.
type levelRun struct {
	level   Level
	traced  bool // at class level answers are revealed one by one otherwise
	workers int
	procs   int // GOMAXPROCS, 0 to leave it
}

func (r levelRun) String() string {
	traced := map[bool]string{true: ", traced", false: ""}[r.traced]
	return fmt.Sprintf("%v level%s, %d workers, GOMAXPROCS %d", r.level, traced, r.workers, r.procs)
}

// run runs the only policy of a plan. The tally is without what describes the
// run itself.
func (r levelRun) run(tb testing.TB, p *Plan, replication int) (*cell, *Tally) {
	tb.Helper()
	if r.procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.procs))
	}
	c := newCellFor(r.workers, p, 0, replication, r.level, r.traced)
	if err := c.run(context.Background()); err != nil {
		tb.Fatalf("%v: %v", r, err)
	}
	if c.trace != nil {
		c.trace.sort()
	}
	t := *c.tally
	t.Events, t.Heard, t.ByLevel = 0, 0, [NumLevels]uint64{}
	return c, &t
}

// asText is a tally as JSON.
func asText(tb testing.TB, t *Tally) string {
	tb.Helper()
	j, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(j)
}

// sameTally fails unless two tallies are the same in every byte.
func sameTally(tb testing.TB, want, got *Tally, what ...any) {
	tb.Helper()
	if reflect.DeepEqual(want, got) {
		return
	}
	if a, b := asText(tb, want), asText(tb, got); a != b {
		tb.Fatalf("tallies differ: %s: %s", fmt.Sprint(what...), firstDifference(a, b))
	}
}

// runCell is levelRun.run in the first replication with the trace as text.
func runCell(tb testing.TB, p *Plan, level Level) (trace, tally string) {
	tb.Helper()
	c, t := levelRun{level: level, traced: true, workers: 1}.run(tb, p, 0)
	var b bytes.Buffer
	if err := c.trace.WriteText(&b); err != nil {
		tb.Fatal(err)
	}
	return b.String(), asText(tb, t)
}

// same fails unless runs give the same traces and tallies as the packet level,
// byte for byte. It returns the cells, that of the packet level first.
func same(tb testing.TB, p *Plan, replication int, runs ...levelRun) []*cell {
	tb.Helper()
	packets := levelRun{level: LevelPacket, traced: true, workers: 1}
	want, wantTally := packets.run(tb, p, replication)
	cells := []*cell{want}
	for _, r := range runs {
		got, tally := r.run(tb, p, replication)
		if r.traced && !slices.Equal(got.trace.Decisions, want.trace.Decisions) {
			tb.Fatal(divergence(p, replication, [2]levelRun{packets, r}, [2]*Trace{want.trace, got.trace}))
		}
		sameTally(tb, wantTally, tally, packets, " against ", r)
		cells = append(cells, got)
	}
	return cells
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d:\n  %s\n  %s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines against %d", len(x), len(y))
}

// levelWorld draws a deployment for comparisons of levels. Three of four have no
// caps, so that the class level really runs. Of six, one has a limit that some
// groups meet, one limits on everything.
func levelWorld(seed uint64) *world {
	w := randomWorld(seed)
	if seed%4 != 0 {
		for i := range w.relays {
			w.relays[i].Gate.MaxChildren = 0
		}
	}
	switch seed % 6 {
	case 1:
		w.coupleSome()
	case 5:
		w.couple()
	}
	return w
}

// coupleSome limits what a client in the east needs, and nobody else, in a
// network where that can be told once for the whole run.
func (w *world) coupleSome() {
	w.events = slices.DeleteFunc(w.events, func(e EventPlan) bool { return e.Kind.ofNetwork() })
	w.spec.Balance = topology.OneWay
	w.params.LateReplyPolicy = 0
	limited := accept(netEast, topology.EchoRequest)
	limited.Limit = &topology.Limit{PerSecond: 0.1, Burst: 1}
	inner := &w.spec.Boxes[1]
	inner.Rules = append([]topology.Rule{limited}, slices.DeleteFunc(slices.Clone(inner.Rules), func(r topology.Rule) bool {
		return slices.Contains(r.From.Networks, netEast)
	})...)
}

// The levels are one answer (design decision "four levels, one answer").
func TestLevelsAgree(t *testing.T) {
	first, worlds := *firstWorld, *numWorlds
	if testing.Short() {
		worlds = min(worlds, 12)
	}
	var by [NumLevels]uint64 // selections of the default run
	var open, openAtClass uint64
	hopped := uint64(0)
	for seed := first; seed < first+worlds; seed++ {
		w, n := levelWorld(seed), int(seed)
		p := w.plan(t)
		p.Policies[0].Spec = &w.spec
		cells := sameIn(t, seed, p, n%2,
			levelRun{LevelHop, true, 1, 0},
			levelRun{LevelRound, n%3 > 0, 1, 0},
			levelRun{LevelClass, true, 1 + n%3, 1 + n%2},
			levelRun{LevelClass, false, 1 + (n+1)%3, 2 - n%2},
		)
		hopped += cells[1].tally.ByLevel[LevelHop]
		class := &cells[3].tally.ByLevel
		for l, n := range class {
			by[l] += n
		}
		if p.Coupling(0) == "" && seed%4 != 0 {
			open += cells[3].tally.Selections
			openAtClass += class[LevelClass]
		}
	}
	t.Logf("selections by level: %v and %d at %v; of %d where nothing couples %d at %v level",
		by, hopped, LevelHop, open, openAtClass, LevelClass)
	if worlds < 10 {
		return // too few to show anything
	}
	for _, l := range []Level{LevelClass, LevelRound, LevelPacket} {
		if by[l] < 10*worlds {
			t.Errorf("only %d selections were carried by the %v level", by[l], l)
		}
	}
	if hopped < 100*worlds {
		t.Errorf("only %d selections were carried by the %v level", hopped, LevelHop)
	}
	if 3*openAtClass < 2*open {
		t.Errorf("where nothing couples, the class level carried %d of %d selections, want two thirds", openAtClass, open)
	}
}

// sameIn is same with the world's number in the failure.
func sameIn(t *testing.T, seed uint64, p *Plan, replication int, runs ...levelRun) (cells []*cell) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("again: go test ./sim -run TestLevelsAgree -world %d -worlds 1", seed)
		}
	}()
	return same(t, p, replication, runs...)
}

// Workers, and how many of them run at once, change nothing where there are
// enough clients for each of them.
func TestWorkersAgree(t *testing.T) {
	w := busy()
	for i := range w.groups {
		w.groups[i].Count += largestBatch
	}
	w.spec.Legs[0].Loss, w.spec.Legs[4].Loss = rng.ChanceOf(0.2), rng.ChanceOf(0.01)
	w.events = []EventPlan{
		{At: 3*time.Hour + time.Minute, Kind: HostDown, Relay: 0},
		{At: 9 * time.Hour, Kind: RelayUp, Relay: 0},
		{At: 10 * time.Hour, Kind: AddressChange, Groups: []int{1}},
	}
	p := w.plan(t)
	c, want := levelRun{LevelClass, true, 1, 1}.run(t, p, 0)
	if len(c.sweep.batches) < 3 || c.tally.Selections < 100_000 {
		t.Fatalf("%d selections in %d batches, too few for three workers", c.tally.Selections, len(c.sweep.batches))
	}
	for _, r := range []levelRun{{LevelClass, true, 2, 1}, {LevelClass, true, 3, 2}, {LevelClass, false, 2, 2}} {
		d, got := r.run(t, p, 0)
		if r.traced && !slices.Equal(c.trace.Decisions, d.trace.Decisions) {
			t.Fatalf("%v: traces differ", r)
		}
		sameTally(t, want, got, r)
	}
}

// Groups of equal settings share their courses, but not what their own firewalls
// let through.
func TestGuardsAreTheGroups(t *testing.T) {
	w := newWorld()
	w.addGroup("open", 30, netHome, alwaysOn, "DMZ")
	w.addGroup("guarded", 30, netHome, alwaysOn, "DMZ")
	deaf := w.box(topology.BoxSpec{Name: "deaf", Kind: topology.Guard, Otherwise: topology.Accept, Rules: []topology.Rule{
		{Name: "deaf", Kinds: []topology.Kind{topology.EchoRequest}, Verdict: topology.Drop},
	}})
	w.groups[1].Guard = topology.GuardOf(deaf)
	p := w.plan(t)
	p.Policies[0].Settings[1] = p.Policies[0].Settings[0]
	c := newCell(p, 0, 0, LevelClass, false)
	if n := len(c.profiles); c.groups[0].profile == c.groups[1].profile {
		t.Errorf("%d profiles, the groups have one", n)
	}
	cells := same(t, p, 0, levelRun{LevelRound, true, 1, 0}, levelRun{LevelClass, true, 1, 0})
	found := [2]int{}
	for _, d := range cells[0].trace.Decisions {
		if d.By.String() == "probe" {
			found[d.Client/30]++
		}
	}
	if found[0] == 0 || found[1] > 0 {
		t.Errorf("the open group found a relay by probing %d times, the guarded one %d times", found[0], found[1])
	}
}
