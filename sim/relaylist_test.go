package sim

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// listWorld has n clients in the east that re-select every half hour. Both
// relays there are at one distance.
func listWorld(n int) *world {
	w := newWorld()
	w.duration = 12 * time.Hour
	w.world = WorldParams{RelaysFileRefresh: time.Minute, RelaysDatPropagation: 2 * time.Hour}
	s := w.addGroup("client", n, netEast, alwaysOn, "east")
	s.Interval, s.RegisterInterval = 30*time.Minute, 100*time.Hour
	return w
}

// hasListAt is when an online client has the n-th edition, published then.
func hasListAt(c *cell, client uint32, n uint64, published time.Duration) vtime.Instant {
	delay := rng.Below(c.clients[client].key.Draw(rng.Gather, n), uint64(c.pol.World.RelaysDatPropagation)+1)
	return vtime.Instant(published).Add(time.Duration(delay))
}

// A relay that is installed is asked by each client from the first selection
// on that begins after its list has come, and starts none (2.10, V16).
func TestInstalledRelayIsAskedOnceTheListHasCome(t *testing.T) {
	w := listWorld(60)
	installed := 4 * time.Hour
	w.events = []EventPlan{{At: installed, Kind: RelayInstalled, Relay: east2}}
	c := bothLevels(t, w)
	counts := [2]int{}
	outdated := uint64(0)
	var ages Hist
	for _, d := range c.trace.Decisions {
		if d.Trigger != selection.Start && d.Trigger != selection.Timer {
			t.Fatalf("a selection was started by %v", d.Trigger)
		}
		want := uint16(1)
		knows := d.Started >= hasListAt(c, d.Client, 1, installed)
		if knows {
			want = 2
			ages.Add(micro(d.Started.Sub(vtime.Instant(installed))))
		}
		if d.Ended >= vtime.Instant(installed) && !knows {
			outdated++
		}
		counts[want-1]++
		if d.Size != want {
			t.Fatalf("client %d at %v competes among %d relays, want %d", d.Client, d.Started, d.Size, want)
		}
	}
	if counts[0] == 0 || counts[1] == 0 || outdated == 0 {
		t.Errorf("%d selections without the new relay, %d with it, %d outdated: want some of each", counts[0], counts[1], outdated)
	}
	if got := c.tally.Slots[c.plan.Slot(0, int(netEast))].Outdated; got != outdated {
		t.Errorf("%d selections went by an outdated list, want %d", got, outdated)
	}
	// Of the list with which the run began nobody knows the age.
	if got := c.tally.Slots[c.plan.Slot(0, int(netEast))].ListAge; !reflect.DeepEqual(got, ages) || got.N == 0 {
		t.Errorf("ages of lists: %d, up to %d µs, want %d, up to %d µs", got.N, got.Max, ages.N, ages.Max)
	}
}

// F19: a retired relay answers no more. Clients whose copy never changes go on
// asking it, so that every round of theirs has two probes and lasts its full
// time; the others ask the one that is left.
func TestStaleListGoesOnAskingTheRetiredRelay(t *testing.T) {
	w := listWorld(80)
	retired := 4 * time.Hour
	w.groups[0].StaleList = 0.5
	w.events = []EventPlan{{At: retired, Kind: RelayRetired, Relay: east2}}
	c := bothLevels(t, w)
	stale := 0
	for i := range c.clients {
		cl := &c.clients[i]
		if cl.stale {
			stale++
		}
		if cl.parent != east1 {
			t.Errorf("client %d ends on %v, want on the relay that is left", i, cl.parent)
		}
	}
	if stale < 40-22 || stale > 40+22 { // 5 standard deviations
		t.Errorf("%d of 80 lists are stale, want about half", stale)
	}
	outdated := uint64(0)
	for _, d := range c.trace.Decisions {
		knows := !c.clients[d.Client].stale && d.Started >= hasListAt(c, d.Client, 1, retired)
		if want := 2 - uint32(btoi(knows)); d.Probes != want*d.Rounds {
			t.Fatalf("client %d at %v: %d probes in %d rounds, want %d a round", d.Client, d.Started, d.Probes, d.Rounds, want)
		}
		if d.Ended >= vtime.Instant(retired) && !knows {
			outdated++
		}
	}
	if got := c.tally.Slots[c.plan.Slot(0, int(netEast))].Outdated; got != outdated || got == 0 {
		t.Errorf("%d selections went by an outdated list, want %d", got, outdated)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The root publishes at once, then not before the refresh interval has passed;
// what changes meanwhile comes out together.
func TestListIsPublishedAtMostEveryRefresh(t *testing.T) {
	w := listWorld(1)
	w.world.RelaysFileRefresh = time.Hour
	minute := func(m int, k EventKind, r selection.RelayID) EventPlan {
		return EventPlan{At: time.Duration(m) * time.Minute, Kind: k, Relay: r}
	}
	w.events = []EventPlan{
		minute(10, RelayUnlisted, 0), minute(11, RelayUnlisted, 1), minute(12, RelayRetired, 4), minute(13, RelayRetired, 4),
		minute(100, RelayListed, 0),
	}
	c := newCell(w.plan(t), 0, 0, LevelRound, false)
	var at []vtime.Instant
	for c.q.len() > 0 {
		e := c.pop()
		if c.now = e.at; e.at >= c.end {
			break
		}
		if e.what.kind() == evPublish {
			at = append(at, e.at)
		}
		c.handle(e)
	}
	m := func(n int) vtime.Instant { return vtime.Instant(0).Add(time.Duration(n) * time.Minute) }
	if want := []vtime.Instant{m(10), m(70), m(130)}; !slices.Equal(at, want) {
		t.Errorf("lists published at %v, want %v", at, want)
	}
	var sizes []int
	for _, e := range c.library.editions {
		sizes = append(sizes, len(e.list.Entries))
	}
	if want := []int{6, 5, 3, 4}; !slices.Equal(sizes, want) {
		t.Errorf("entries of the editions: %v, want %v", sizes, want)
	}
}

// A relay that has had no host for the stated time is listed no more until it is
// back. A dead service, an outage that ends before, and the root's own do not
// count; a retired relay leaves likewise.
func TestRelayThatIsGoneLeavesTheList(t *testing.T) {
	for _, tc := range []struct {
		ttl   time.Duration
		at    []int // hours
		sizes []int
	}{
		{0, []int{5, 9}, []int{6, 5, 6}},
		{time.Hour, []int{2, 4, 6, 9}, []int{6, 5, 6, 5, 6}},
	} {
		w := listWorld(1)
		w.world = WorldParams{RelaysDatStaleTTL: tc.ttl}
		hour := func(h float64, k EventKind, r selection.RelayID) EventPlan {
			return EventPlan{At: time.Duration(h * float64(time.Hour)), Kind: k, Relay: r}
		}
		w.events = []EventPlan{
			hour(1, HostDown, east2), hour(4, RelayUp, east2), // listed no more at 2, again at 4
			hour(1, ServiceDown, east1), hour(1, HostDown, 5),
			hour(1, HostDown, 0), hour(1.5, RelayUp, 0), hour(1.75, HostDown, 0), hour(2.5, RelayUp, 0),
			hour(5, RelayRetired, 1), hour(9, RelayInstalled, 1),
		}
		c := newCell(w.plan(t), 0, 0, LevelRound, false)
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		var at, sizes []int
		for i, e := range c.library.editions {
			sizes = append(sizes, len(e.list.Entries))
			if i > 0 {
				at = append(at, int(time.Duration(e.at)/time.Hour))
			}
		}
		if !slices.Equal(at, tc.at) || !slices.Equal(sizes, tc.sizes) {
			t.Errorf("listed for %v without a host: lists at %v h with %v entries, want %v and %v", tc.ttl, at, sizes, tc.at, tc.sizes)
		}
	}
}

// The weight of a relay is the scenario's, or else the policy's default, of
// which the root has its own.
func TestDefaultWeights(t *testing.T) {
	w := listWorld(1)
	w.world.DefaultWeight, w.world.DefaultWeightRoot = 7, 3
	w.relays[0].Unweighted, w.relays[5].Unweighted = true, true
	var got []uint32
	for _, e := range w.plan(t).list(0).Entries {
		got = append(got, e.Weight)
	}
	if want := []uint32{7, 300, 100, 100, 100, 3}; !slices.Equal(got, want) {
		t.Errorf("weights of the list: %v, want %v", got, want)
	}
	p, of := w.plan(t), func(name string) *WorldParamInfo {
		return &WorldParamTable[slices.Index(WorldParamNames(), name)]
	}
	if !p.Uses(of("default_weight")) || !p.Uses(of("default_weight_root")) {
		t.Error("default weights are in force and play no part")
	}
	p.Relays[0].Unweighted = false
	if p.Uses(of("default_weight")) || !p.Uses(of("default_weight_root")) {
		t.Error("every relay has a weight but the root: want the root's default alone to play a part")
	}
}

// A client that is offline when a list is published copies it after it starts
// again, and then has the newest.
func TestOfflineClientCopiesTheListAfterItStarts(t *testing.T) {
	w := listWorld(1)
	w.world.RelaysDatPropagation = 0
	w.groups[0].Life = Life{Name: "desktop", Days: 0x7f, OfficeFrom: time.Hour, OfficeTo: 2 * time.Hour}
	w.duration = 26 * time.Hour
	w.events = []EventPlan{
		{At: 3 * time.Hour, Kind: RelayUnlisted, Relay: east1},
		{At: 4 * time.Hour, Kind: RelayUnlisted, Relay: east2},
	}
	p := w.plan(t)
	c := newCell(p, 0, 0, LevelRound, false)
	c.end = vtime.Instant(24 * time.Hour)
	if err := c.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c.clients[0].edition != 0 {
		t.Errorf("the client has edition %d while it is offline, want the first", c.clients[0].edition)
	}
	c = newCell(p, 0, 0, LevelRound, false)
	_ = c.run(context.Background())
	if c.clients[0].edition != 2 {
		t.Errorf("the client has edition %d after it started again, want the newest, 2", c.clients[0].edition)
	}
}

// A client that waits for a list gets the newest there is by then; a later
// publication does not put it off.
func TestWaitingClientGetsTheNewestList(t *testing.T) {
	w := listWorld(50)
	w.groups[0].Life.StartSpread = 0
	w.world.RelaysDatPropagation = 3 * time.Hour
	w.events = []EventPlan{
		{At: time.Hour, Kind: RelayUnlisted, Relay: 0},
		{At: 2 * time.Hour, Kind: RelayUnlisted, Relay: 1},
	}
	c := newCell(w.plan(t), 0, 0, LevelRound, false)
	got := make([][]vtime.Instant, 50)
	for c.q.len() > 0 {
		e := c.pop()
		if c.now = e.at; e.at >= c.end {
			break
		}
		i := e.what.client()
		if e.what.kind() == evGather && c.clients[i].gatherAt == e.at {
			got[i] = append(got[i], e.at)
		}
		c.handle(e)
	}
	waited := 0
	for i := range got {
		first := hasListAt(c, uint32(i), 1, time.Hour)
		want := []vtime.Instant{first}
		if first < vtime.Instant(2*time.Hour) {
			want = append(want, hasListAt(c, uint32(i), 2, 2*time.Hour))
		} else {
			waited++
		}
		if !slices.Equal(got[i], want) || c.clients[i].edition != 2 {
			t.Errorf("client %d copies lists at %v and ends with edition %d, want %v and the newest", i, got[i], c.clients[i].edition, want)
		}
	}
	if waited == 0 || waited == 50 {
		t.Errorf("%d of 50 clients wait for the first list when the second comes, want some", waited)
	}
}

// A relay that does not exist is as good as dead: it answers neither echo nor
// TCP, whatever outages begin or end meanwhile.
func TestAbsentRelayAnswersNothing(t *testing.T) {
	w := eastern(10, 6*time.Hour)
	w.relays[east1].Advertise = nil
	w.settings[0].SeekList = "nowhere"
	w.settings[0].Failover = "east-1"
	w.events = []EventPlan{
		{At: 0, Kind: ServiceDown, Relay: east1},
		{At: time.Minute, Kind: RelayUp, Relay: east1},
		{At: time.Hour, Kind: RelaySelect, Groups: []int{0}},
		{At: 2 * time.Hour, Kind: RelayInstalled, Relay: east1},
		{At: 3 * time.Hour, Kind: RelaySelect, Groups: []int{0}},
		{At: 4 * time.Hour, Kind: RelayRetired, Relay: east1},
		{At: 5 * time.Hour, Kind: RelaySelect, Groups: []int{0}},
	}
	c := bothLevels(t, w)
	count := map[vtime.Instant]int{}
	for _, d := range c.trace.Decisions {
		if d.By == selection.ByFailover {
			count[d.Started]++
		}
	}
	if len(count) != 1 || count[vtime.Instant(3*time.Hour)] != 10 {
		t.Errorf("registrations with the failover relay by start: %v, want 10 at 3 h, while it exists", count)
	}
}
