package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// apart is a deployment whose groups seek different relays on lossy links, which
// fail one after another. Of four, one lets relays that are gone drop off the list,
// one changes the list, one changes what a group seeks.
func apart(seed uint64) *world {
	w, k := newWorld(), rng.Seed(seed)
	w.addGroup("east", 40, netEast, alwaysOn, "east")
	w.addGroup("laptop", 40, netEast, roaming, "DMZ")
	w.addGroup("home", 40, netHome, alwaysOn, "DMZ")
	w.addGroup("west", 40, netWest, alwaysOn, "west")
	for i := range w.groups {
		w.groups[i].StaleList, w.groups[i].NoCertificate = 0.2, 0.2
		w.settings[i].Interval, w.settings[i].RegisterInterval = time.Hour, 40*time.Minute
	}
	w.params.RoundTimeout = 3 * time.Minute // many are in one when something happens
	for i := range w.spec.Legs {
		w.spec.Legs[i].Loss = rng.ChanceOf(0.05)
	}
	for n := range uint64(40) {
		at := time.Duration(rng.Below(k.Draw(rng.Hours, n), uint64(w.duration)))
		span := time.Duration(rng.Below(k.Draw(rng.Access, n), uint64(3*time.Hour)))
		down := EventPlan{At: at, Kind: HostDown, Relay: selection.RelayID(rng.Below(k.Draw(rng.Place, n), 5))}
		if n%3 == 0 {
			down.Kind = ServiceDown
		}
		w.events = append(w.events, down, EventPlan{At: at + span, Kind: RelayUp, Relay: down.Relay})
	}
	switch w.world.RelaysFileRefresh, w.world.RelaysDatPropagation = time.Hour, time.Hour; seed % 4 {
	case 1:
		w.world.RelaysDatStaleTTL = 100 * time.Minute
	case 2:
		w.events = append(w.events, EventPlan{At: 9 * time.Hour, Kind: RelayUnlisted, Relay: 2},
			EventPlan{At: 21 * time.Hour, Kind: RelayListed, Relay: 2}, EventPlan{At: 30 * time.Hour, Kind: RelayRetired, Relay: 0})
	case 3:
		w.events = append(w.events, EventPlan{At: 11 * time.Hour, Kind: SeekChanged, Groups: []int{0}, Seek: "west"},
			EventPlan{At: 20 * time.Hour, Kind: AddressChange, Groups: []int{2, 3}},
			EventPlan{At: 27 * time.Hour, Kind: SeekChanged, Groups: []int{3}, Seek: "east;DMZ"})
	}
	return w
}

// Batches go on where a change of the world does not concern them, clients that
// lie down behind their batch catch up with it, and nothing changes by it.
func TestBatchesAheadAgree(t *testing.T) {
	seeds := uint64(24)
	if testing.Short() {
		seeds = 8
	}
	var passed, stopped, behind int
	for seed := range seeds {
		p := apart(seed).plan(t)
		same(t, p, 0, levelRun{LevelClass, true, 1, 0}, levelRun{LevelClass, false, 1 + int(seed%3), 0})
		c := newCell(p, 0, 0, LevelClass, false)
		until := vtime.Instant(0)
		c.progress = func(fraction float64) { // of a span that may end with a change
			until += vtime.Instant(fraction*float64(c.end) + 0.5)
			s := c.sweep
			behind += len(s.behind)
			for i := range s.batches {
				switch b := &s.batches[i]; {
				case until < c.changeAt:
				case b.until > until:
					passed++
				default:
					stopped++
				}
			}
		}
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d times a change did not concern a batch, %d times it may have; %d clients caught up", passed, stopped, behind)
	for what, n := range map[string]int{
		"batches passed a change": passed, "batches stopped at a change": stopped, "clients caught up": behind,
	} {
		if n < 20*int(seeds) {
			t.Errorf("%d %s, want %d", n, what, 20*seeds)
		}
	}
}
