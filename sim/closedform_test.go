package sim

import (
	"context"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// tallyOf runs the plan's cells and returns the first tally.
func tallyOf(tb testing.TB, w *world) (*Plan, *Tally) {
	tb.Helper()
	p := w.plan(tb)
	ts, err := Run(context.Background(), p, Options{Workers: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return p, ts[0]
}

// Clients in a home see both DMZ relays at one distance; their weights are 100
// and 300, so the load is multinomial with 1/4 and 3/4 (spec 6.4, V12).
func TestLoadOfAWeightedDrawIsMultinomial(t *testing.T) {
	w := newWorld()
	w.duration = 3 * time.Hour
	const n = 4000
	w.addGroup("remote", n, netHome, alwaysOn, "DMZ")
	_, tally := tallyOf(t, w)
	a, b := float64(tally.Relays[0].Console), float64(tally.Relays[1].Console)
	if a+b != n {
		t.Fatalf("%v clients on the two relays, want %v", a+b, n)
	}
	chi2 := (a-n/4)*(a-n/4)/(n/4) + (b-3*n/4)*(b-3*n/4)/(3*n/4)
	if chi2 > 10.83 { // 1 degree of freedom, p = 0.001
		t.Errorf("loads %v and %v: chi-square %.2f, want below 10.83", a, b, chi2)
	}
}

// One of two relays dies: a client on it re-homes after detection (to its next
// contact) + resist + probing + registration, each of which is known.
func TestRehomeTimeIsTheSumOfItsParts(t *testing.T) {
	w := newWorld()
	w.duration = 10 * time.Hour
	for i := range w.spec.Networks[netHome].Access {
		w.spec.Networks[netHome].Access[i] = 0
	}
	s := w.addGroup("remote", 200, netHome, alwaysOn, "DMZ")
	s.Interval, s.RegisterInterval = 100*time.Hour, 100*time.Hour
	s.ResistFailure = 10 * time.Minute
	fails := 4 * time.Hour
	w.events = []EventPlan{{At: fails, Kind: HostDown, Relay: 0}}
	p, tally := tallyOf(t, w)

	slot := &tally.Slots[p.Slot(0, int(netHome))]
	if n := slot.RehomeTime.N; n == 0 || n != uint64(slot.Rehomes[selection.ByProbe]) {
		t.Fatalf("%d re-home times and %d re-homes by probe, want the same and some", n, slot.Rehomes[selection.ByProbe])
	}
	n := slot.RehomeTime.N
	// 4 routers, the firewall and 2 routers: 7 hops. TTLs 1 to 7 bring
	// nothing for a second each. With TTL 8 the living relay answers and the
	// dead one does not, so the eighth round lasts its full second too.
	probing := uint64(8 * time.Second / time.Microsecond)
	// One round trip for the handshake, one for the request; 16 ms one way.
	registration := uint64(2 * 2 * 16 * time.Millisecond / time.Microsecond)
	resist := uint64(10 * time.Minute / time.Microsecond)
	if slot.Probing != n*probing || slot.Registration != n*registration || slot.Resist != n*resist || slot.RetryWait != 0 {
		t.Errorf("parts per re-home: probing %d registration %d resist %d retry %d, want %d %d %d 0",
			slot.Probing/n, slot.Registration/n, slot.Resist/n, slot.RetryWait, probing, registration, resist)
	}
	detection := uint64(0)
	course, _ := selection.Compile(p.Policies[0].Settings[0], &p.Policies[0].Params, p.list(0))
	gk := rng.Seed(p.Seed).Child(rng.Replication, 0).Child(rng.Group, rng.Hash("remote"))
	c := newCell(p, 0, 0, LevelRound, false)
	_ = c.run(context.Background())
	for i := range c.clients {
		sel := selection.New(course, gk.Child(rng.Client, uint64(i)), 0)
		if len(c.clients[i].left) > 0 && c.clients[i].left[0].relay == 0 {
			detection += uint64(sel.NextContact(vtime.Instant(fails)).Microseconds() - vtime.Instant(fails).Microseconds())
		}
	}
	if slot.Detection != detection {
		t.Errorf("detection = %d µs in all, want %d from the clients' contact phases", slot.Detection, detection)
	}
	if sum := slot.Detection + slot.Resist + slot.Probing + slot.Registration; sum != slot.RehomeTime.Sum {
		t.Errorf("parts add up to %d µs, re-home times to %d", sum, slot.RehomeTime.Sum)
	}
}

func TestClientThatReachesNothingIsAlwaysWithoutRelay(t *testing.T) {
	w := newWorld()
	w.duration = 50 * time.Hour
	w.spec.Boxes[0].Rules = nil
	w.addGroup("remote", 30, netHome, alwaysOn, "DMZ")
	p, tally := tallyOf(t, w)
	s := &tally.Slots[p.Slot(0, int(netHome))]
	if s.Online == 0 || s.Without != s.Online || tally.Never[0] != 30 || s.FoundTime.N != 0 {
		t.Errorf("without %d of %d µs online, %d never registered, %d found; want all, 30, 0", s.Without, s.Online, tally.Never[0], s.FoundTime.N)
	}
	if s.Selections[selection.ByNone] == 0 || s.RegFailures[selection.TCPBlocked] == 0 {
		t.Error("no failed selection was observed")
	}
}

// Loss 1 behaves like a dropped packet, and loss 0 like a lossless network.
func TestLossZeroAndOne(t *testing.T) {
	run := func(change func(*world)) string {
		w := newWorld()
		w.addGroup("remote", 40, netHome, alwaysOn, "DMZ")
		w.addGroup("laptop", 40, netEast, roaming, "east;DMZ")
		change(w)
		trace, _ := runCell(t, w.plan(t), LevelRound)
		return trace
	}
	clean := run(func(*world) {})
	if zero := run(func(w *world) { w.spec.Legs[0].Loss = 0 }); zero != clean {
		t.Errorf("loss 0 changes the trace: %s", firstDifference(clean, zero))
	}
	dropped := run(func(w *world) { w.spec.Boxes[0].Rules = nil })
	lost := run(func(w *world) { w.spec.Legs[0].Loss = rng.Always })
	if lost != dropped {
		t.Errorf("loss 1 differs from dropping all: %s", firstDifference(dropped, lost))
	}
	if dropped == clean {
		t.Error("dropping all changes nothing")
	}
}

// Integrals add up: connected and unconnected time make the time online, and
// relay loads make the connected time, which the samples of the loads are of.
func TestClientTimeIsConserved(t *testing.T) {
	total := uint64(0)
	for seed := uint64(100); seed < 110; seed++ {
		p := randomWorld(seed).plan(t)
		c := newCell(p, 0, 0, LevelRound, false)
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		var load, on, by, sampled uint64
		for i := range c.tally.Relays {
			load += c.tally.Relays[i].Load
			for k, n := range c.tally.Relays[i].Samples {
				if vtime.Instant(k)*vtime.Instant(SampleEvery) >= c.warm {
					sampled += uint64(n) * micro(SampleEvery)
				}
			}
		}
		for i := range c.tally.Slots {
			s := &c.tally.Slots[i]
			if made := s.RehomeTime.N + s.LossesRestored + s.LossesCut + s.LossesOpen; made != s.Losses {
				t.Errorf("world %d slot %d: %d losses, %d ended in some way", seed, i, s.Losses, made)
			}
			if s.Without > s.Online {
				t.Errorf("world %d slot %d: %d µs without a relay of %d online", seed, i, s.Without, s.Online)
			}
			on += s.TimeOn.Sum()
			for _, us := range s.TimeBy {
				by += us
			}
		}
		if load != on || on != by {
			t.Errorf("world %d: load %d µs, client time on relays %d, by cause %d", seed, load, on, by)
		}
		if apart := max(load, sampled) - min(load, sampled); apart > load/50 {
			t.Errorf("world %d: load %d µs, by its samples %d", seed, load, sampled)
		}
		total += load
	}
	if total == 0 {
		t.Error("no client is ever on a relay")
	}
}

// A loss that ends without a change of parent is no cause of the next change:
// a relay is down while people go home, and next day's timed re-selections
// are moves.
func TestLossThatPassedIsNoRehome(t *testing.T) {
	run := func(events ...EventPlan) (rehomes, moves uint64) {
		w := newWorld()
		w.duration = 4 * 24 * time.Hour
		s := w.addGroup("desktop", 300, netEast, Life{Days: 0b1111111, OfficeFrom: 8 * time.Hour, OfficeTo: 18 * time.Hour}, "east")
		s.Interval = 4 * time.Hour
		w.events = events
		p, tally := tallyOf(t, w)
		slot := &tally.Slots[p.Slot(0, int(netEast))]
		for _, n := range slot.Rehomes {
			rehomes += n
		}
		return rehomes, slot.Moves
	}
	_, moves := run()
	down := EventPlan{At: 17*time.Hour + 55*time.Minute, Kind: HostDown, Relay: 2}
	up := EventPlan{At: 20 * time.Hour, Kind: RelayUp, Relay: 2}
	if r, m := run(down, up); r != 0 || m != moves {
		t.Errorf("relay down at the end of the day: %d re-homes and %d moves, want 0 and %d", r, m, moves)
	}
}

// A client that wakes to a dead parent and finds another has re-homed, by
// whatever trigger its selection started.
func TestWakingToADeadParentIsARehome(t *testing.T) {
	w := newWorld()
	w.duration = 2 * 24 * time.Hour
	s := w.addGroup("desktop", 200, netEast, Life{Days: 0b1111111, OfficeFrom: 8 * time.Hour, OfficeTo: 18 * time.Hour}, "east")
	s.Interval = 2 * time.Hour
	w.events = []EventPlan{{At: 20 * time.Hour, Kind: HostDown, Relay: 2}}
	p, tally := tallyOf(t, w)
	slot := &tally.Slots[p.Slot(0, int(netEast))]
	if slot.Rehomes[selection.ByProbe] < 50 {
		t.Errorf("%d re-homes of 200 clients of which about half wake to a dead relay", slot.Rehomes[selection.ByProbe])
	}
}
