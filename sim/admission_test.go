package sim

import (
	"context"
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// bothLevels runs the plan at both levels, holds them equal, and returns the
// cell of the round level with its trace in order.
func bothLevels(tb testing.TB, w *world) *cell {
	tb.Helper()
	p := w.plan(tb)
	roundTrace, roundTally := runCell(tb, p, LevelRound)
	packetTrace, packetTally := runCell(tb, p, LevelPacket)
	if roundTrace != packetTrace {
		tb.Fatalf("traces of the levels differ: %s", firstDifference(roundTrace, packetTrace))
	}
	if roundTally != packetTally {
		tb.Fatalf("tallies of the levels differ: %s", firstDifference(roundTally, packetTally))
	}
	c := newCell(p, 0, 0, LevelRound, true)
	if err := c.run(context.Background()); err != nil {
		tb.Fatal(err)
	}
	c.trace.sort()
	return c
}

// failures sums the failed attempts of one reason.
func failures(c *cell, o selection.Outcome) (n uint64) {
	for i := range c.tally.Slots {
		n += c.tally.Slots[i].RegFailures[o]
	}
	return n
}

// eastern is a world of n clients in the east that start at once and keep
// their parents, with two relays of their own at one distance, 0 or 1 of which
// have a weight.
func eastern(n int, duration time.Duration) *world {
	w := newWorld()
	w.duration = duration
	w.relays[3].Weight = 0 // east-2
	s := w.addGroup("client", n, netEast, Life{Name: "always-on", Always: true}, "east")
	s.Interval, s.RegisterInterval = 100*time.Hour, 100*time.Hour
	return w
}

const (
	east1 selection.RelayID = 2
	east2 selection.RelayID = 3
)

// V26: the nearest relay authenticates and wins every competition; a client
// without a certificate is refused and goes on to the other, which gives it
// one. At its next selection it is not refused.
func TestAuthenticatingRelayRefusesClientWithoutCertificate(t *testing.T) {
	const n = 20
	w := eastern(n, time.Hour)
	w.relays[east1].Gate.Authenticating = true
	w.groups[0].NoCertificate = 1
	c := bothLevels(t, w)
	if got := failures(c, selection.NoCertificate); got != n {
		t.Errorf("%d refusals for want of a certificate, want one for each of %d clients", got, n)
	}
	if got := c.tally.Relays[east2].Console; got != n {
		t.Errorf("%d clients on the relay that does not authenticate, want %d", got, n)
	}
	w.events = []EventPlan{{At: 30 * time.Minute, Kind: RelaySelect, Groups: []int{0}}}
	c = bothLevels(t, w)
	if got := failures(c, selection.NoCertificate); got != n {
		t.Errorf("%d refusals after a second selection, want the first %d alone", got, n)
	}
	if got := c.tally.Relays[east1].Console; got != n {
		t.Errorf("%d clients on the authenticating relay, want all %d, which have certificates now", got, n)
	}
}

// What a client must show to a relay that authenticates, where there is no
// other (10.2 to 10.5, F11).
func TestWhoPassesAnAuthenticatingRelay(t *testing.T) {
	for _, tc := range []struct {
		name                string
		without             float64
		version             selection.Version
		relay, client       string
		registered, refused bool
	}{
		{"with certificate", 0, 0, "", "", true, false},
		{"without", 1, 0, "", "", false, true},
		{"by password", 1, 0, "sesame", "sesame", true, false},
		{"by another password", 1, 0, "sesame", "other", false, true},
		{"where none is set", 1, 0, "", "", false, true},
		{"of version 8.2", 0, selection.MakeVersion(8, 2), "sesame", "sesame", false, true},
	} {
		w := eastern(5, time.Hour)
		for i := range w.relays {
			w.relays[i].Gate = selection.Gate{Authenticating: true, Password: tc.relay}
		}
		w.groups[0].NoCertificate, w.groups[0].Version = tc.without, tc.version
		w.passwords = []string{tc.client}
		c := bothLevels(t, w)
		if got := c.tally.Never[0] == 0; got != tc.registered {
			t.Errorf("%s: registered %v, want %v", tc.name, got, tc.registered)
		}
		if got := failures(c, selection.NoCertificate) > 0; got != tc.refused {
			t.Errorf("%s: refused %v, want %v", tc.name, got, tc.refused)
		}
	}
}

// A fraction of clients without certificates is drawn per client.
func TestCertificatesAreDrawnPerClient(t *testing.T) {
	w := eastern(4000, time.Minute)
	w.groups[0].NoCertificate = 0.25
	c := newCell(w.plan(t), 0, 0, LevelRound, false)
	without := 0
	for i := range c.clients {
		if !c.clients[i].certificate {
			without++
		}
	}
	if without < 1000-137 || without > 1000+137 { // 5 standard deviations
		t.Errorf("%d of 4000 clients have no certificate, want about 1000", without)
	}
}

// V26b: two equal clients come to a relay with one place at the same instant:
// one registers, the other is refused and goes on.
func TestCapTakesTheFirstAndRefusesTheSecond(t *testing.T) {
	const runs = 400
	first := 0
	for seed := range uint64(runs) {
		w := eastern(2, time.Minute)
		w.relays[east1].Gate.MaxChildren = 1
		p := w.plan(t)
		p.Seed = seed
		c := newCell(p, 0, 0, Level(seed%3), false)
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if f, a, b := failures(c, selection.AtCap), c.tally.Relays[east1], c.tally.Relays[east2]; f != 1 || a.Console != 1 || b.Console != 1 {
			t.Fatalf("seed %d: %d refusals, %d and %d clients on the relays, want 1, 1 and 1", seed, f, a.Console, b.Console)
		}
		if c.clients[0].parent == east1 {
			first++
		}
	}
	if first < runs/2-50 || first > runs/2+50 { // 5 standard deviations
		t.Errorf("the client of the lower number came first in %d of %d runs, want about half", first, runs)
	}
}

// A child keeps its place while it is offline and when it registers again; it
// frees it by registering elsewhere.
func TestPlaceIsKeptUntilTheChildRegistersElsewhere(t *testing.T) {
	w := eastern(3, 6*time.Hour)
	w.relays[east1].Gate.MaxChildren = 3
	w.settings[0].Interval, w.settings[0].RegisterInterval = 20*time.Minute, 7*time.Minute
	night := Life{Name: "desktop", Days: 0x7f, OfficeFrom: 0, OfficeTo: 2 * time.Hour}
	w.groups[0].Life = night
	w.addGroup("late", 1, netEast, Life{Name: "desktop", Days: 0x7f, OfficeFrom: 3 * time.Hour, OfficeTo: 6 * time.Hour}, "east")
	c := bothLevels(t, w)
	if got := c.clients[3].parent; got != east2 || failures(c, selection.AtCap) != 1 {
		t.Errorf("the late client is on %v after %d refusals, want on east-2 after one: the places of offline children are taken", got, failures(c, selection.AtCap))
	}
	w.groups[0].Life = alwaysOn
	w.groups[0].Life.StartSpread = 0
	w.events = []EventPlan{
		{At: 2 * time.Hour, Kind: SeekChanged, Groups: []int{0}, Seek: "DMZ"},
		{At: 2 * time.Hour, Kind: RelaySelect, Groups: []int{0}},
	}
	c = bothLevels(t, w)
	if got := c.clients[3].parent; got != east1 || failures(c, selection.AtCap) != 0 {
		t.Errorf("the late client is on %v after %d refusals, want on east-1, which the others left", got, failures(c, selection.AtCap))
	}
}

// In any world a relay counts those that last registered with it, and never
// more than its cap.
func TestChildrenAreCountedAndCapped(t *testing.T) {
	capped := 0
	for seed := uint64(500); seed < 530; seed++ {
		p := randomWorld(seed).plan(t)
		c := newCell(p, 0, 0, LevelRound, false)
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i := range c.relays {
			r := &c.relays[i]
			if r.children != c.tally.Relays[i].Console {
				t.Errorf("world %d: relay %d counts %d children, of which %d are", seed, i, r.children, c.tally.Relays[i].Console)
			}
			if m := r.gate.MaxChildren; m > 0 {
				capped++
				if r.children > m || c.tally.Relays[i].Peak > m {
					t.Errorf("world %d: relay %d has %d children, %d at once, want %d at most", seed, i, r.children, c.tally.Relays[i].Peak, m)
				}
			}
		}
	}
	if capped == 0 {
		t.Error("no relay of these worlds has a cap")
	}
}

// 10.7, F12: when a relay begins to authenticate, its children report nothing
// until their next registration; it starts no selection.
func TestSwitchToAuthenticatingSilencesUntilTheNextRegistration(t *testing.T) {
	w := newWorld()
	w.duration = 20 * time.Hour
	w.params.RegisterJitter = 0
	for i := range w.spec.Networks[netHome].Access {
		w.spec.Networks[netHome].Access[i] = 0
	}
	const n = 100
	s := w.addGroup("remote", n, netHome, alwaysOn, "DMZ")
	s.Interval, s.RegisterInterval = 100*time.Hour, 6*time.Hour
	at := 10 * time.Hour
	w.events = []EventPlan{
		{At: at, Kind: AuthenticatingOn, Relay: 0},
		{At: at, Kind: AuthenticatingOn, Relay: 1},
	}
	c := bothLevels(t, w)
	if len(c.trace.Decisions) != n {
		t.Fatalf("%d selections, want the first of each of %d clients", len(c.trace.Decisions), n)
	}
	want := int64(0)
	renewal := 4 * 16 * time.Millisecond // two round trips of 16 ms each way
	for _, d := range c.trace.Decisions {
		// Registrations keep their phase (9.10): every 6 h after the first, so
		// that the second renewal is the first after the switch.
		again := d.Ended.Add(12*time.Hour + renewal)
		want += int64(d.Ended.Sub(d.Started)+again.Sub(vtime.Instant(at))) / 1000
	}
	var without int64
	for i := range c.tally.Slots {
		without += int64(c.tally.Slots[i].Without)
	}
	if diff := without - want; diff < -3*n || diff > 3*n { // ends are rounded to µs
		t.Errorf("%d µs without a relay, want %d: up to the next registration", without, want)
	}
}

// The other law: a refused report is a failed contact, so that the client
// selects after the resist interval and stays with its relay.
func TestSwitchToAuthenticatingAsFailedContact(t *testing.T) {
	w := eastern(50, 10*time.Hour)
	w.world.AuthenticatingSwitch = ContactFails
	w.events = []EventPlan{{At: 4 * time.Hour, Kind: AuthenticatingOn, Relay: east1}}
	c := bothLevels(t, w)
	lost := 0
	for _, d := range c.trace.Decisions {
		if d.Trigger == selection.ParentLost && d.Target == east1 {
			lost++
		}
	}
	s := &c.tally.Slots[c.plan.Slot(0, int(netEast))]
	if resist := uint64(10 * time.Minute / time.Microsecond); lost != 50 || s.RehomeTime.N != 50 || s.Resist != 50*resist {
		t.Errorf("%d selections for loss, %d losses made good, resist of %d µs in all, want 50, 50 and 10 min each", lost, s.RehomeTime.N, s.Resist)
	}
}

// A relay that stops authenticating takes the reports again at once.
func TestSwitchBackRestoresReports(t *testing.T) {
	w := eastern(10, 10*time.Hour)
	w.events = []EventPlan{
		{At: 4 * time.Hour, Kind: AuthenticatingOn, Relay: east1},
		{At: 6 * time.Hour, Kind: AuthenticatingOff, Relay: east1},
	}
	c := bothLevels(t, w)
	s := &c.tally.Slots[c.plan.Slot(0, int(netEast))]
	gap := 10 * uint64(2*time.Hour/time.Microsecond)
	if s.Without < gap || s.Without > gap+10*uint64(20*time.Second/time.Microsecond) {
		t.Errorf("%d µs without a relay, want 2 h for each of 10 clients and their first selections", s.Without)
	}
}

// V21: nothing answers, the failover relay is dead: the masthead's fallback
// relay takes the place of the root.
func TestFallbackRelayTakesThePlaceOfTheRoot(t *testing.T) {
	w := newWorld()
	w.duration = time.Hour
	w.spec.Boxes[0].Rules = []topology.Rule{accept(netHome, topology.TCP)}
	w.addGroup("remote", 10, netHome, alwaysOn, "DMZ").Failover = "dmz-1"
	w.relays[1].Fallback = true
	w.events = []EventPlan{{Kind: HostDown, Relay: 0}}
	c := bothLevels(t, w)
	s := &c.tally.Slots[c.plan.Slot(0, int(netHome))]
	if s.Selections[selection.ByFallback] != 10 || s.Selections[selection.ByRoot] != 0 || s.RegFailures[selection.RelayDown] != 10 {
		t.Errorf("%d by fallback, %d by root, %d attempts at the dead failover relay, want 10, 0 and 10",
			s.Selections[selection.ByFallback], s.Selections[selection.ByRoot], s.RegFailures[selection.RelayDown])
	}
	w.events = nil
	c = bothLevels(t, w)
	if got := c.tally.Slots[c.plan.Slot(0, int(netHome))].Selections[selection.ByFailover]; got != 10 {
		t.Errorf("%d by failover while that relay lives, want all 10", got)
	}
}
