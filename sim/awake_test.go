package sim

import (
	"context"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// looks is a context that looks at a cell whenever it is asked for an error, as
// it is between the turns of the resting clients and the events of the others.
type looks struct {
	context.Context
	at func()
}

func (l looks) Err() error {
	l.at()
	return l.Context.Err()
}

// troubled is a deployment in which clients are interrupted all the time: relays
// and a leg come and go, the firewall tells those at home that they may not
// register, and lists are published.
func troubled(seed uint64) *world {
	k := rng.Seed(seed)
	w := busy()
	w.groups[0].Count, w.groups[1].Count = 60, 60
	w.addGroup("west", 60, netWest, alwaysOn, "west;DMZ").Interval = time.Hour
	for i := range w.groups {
		w.groups[i].StaleList = 0.1
		w.settings[i].RegisterInterval, w.settings[i].ResistFailure = 30*time.Minute, 10*time.Minute
	}
	edge := &w.spec.Boxes[0]
	edge.Otherwise, edge.Rules = topology.Reject, []topology.Rule{accept(netHome, topology.EchoRequest)}
	w.spec.Legs[0].Loss, w.spec.Legs[4].Loss = rng.ChanceOf(0.1), rng.ChanceOf(0.05)
	w.world.RelaysFileRefresh = 2 * time.Hour
	for n := range uint64(30) {
		at := time.Duration(rng.Below(k.Draw(rng.Hours, n), uint64(w.duration)))
		down := EventPlan{At: at, Kind: []EventKind{HostDown, ServiceDown, LegDown}[n%3], Relay: selection.RelayID(n % 5), Leg: 4}
		up := EventPlan{At: at + time.Duration(rng.Below(k.Draw(rng.Access, n), uint64(time.Hour))), Kind: RelayUp, Relay: down.Relay, Leg: 4}
		if down.Kind == LegDown {
			up.Kind = LegUp
		}
		w.events = append(w.events, down, up)
	}
	w.events = append(w.events,
		EventPlan{At: 4 * time.Hour, Kind: RelayUnlisted, Relay: 2}, EventPlan{At: 11 * time.Hour, Kind: RelayListed, Relay: 2},
		EventPlan{At: 7 * time.Hour, Kind: SeekChanged, Groups: []int{2}, Seek: "east;west"}, EventPlan{At: 9 * time.Hour, Kind: AddressChange, Groups: []int{0}},
		EventPlan{At: 9 * time.Hour, Kind: RelaySelect, Groups: []int{0}}, EventPlan{At: 9 * time.Hour, Kind: ClockBack, Step: time.Hour, Groups: []int{0}})
	return w
}

// Clients that cannot go on alone are handed over to the packet level and
// lie down again, for every reason that there is, and nothing changes by it.
func TestHandedOverClientsAgree(t *testing.T) {
	var rounds, attempts, failing, again int
	for seed := range uint64(4) {
		p := troubled(seed).plan(t)
		cells := same(t, p, 0, levelRun{LevelClass, true, 1, 0}, levelRun{LevelClass, false, 1, 0})
		by := cells[1].tally.ByLevel
		if by[LevelClass] < 500 || by[LevelRound]+by[LevelPacket] < 50 {
			t.Errorf("selections by level: %v, too few", by)
		}
		c := newCell(p, 0, 0, LevelClass, false)
		awake := map[int]bool{}
		err := c.run(looks{t.Context(), func() {
			now := map[int]bool{}
			for at, i := range c.sweep.owner {
				if i < 0 {
					continue
				}
				if now[i] = true; awake[i] {
					continue
				}
				cl := &c.clients[at]
				if cl.ask.open {
					rounds++
				}
				if cl.conn.open {
					attempts++
				}
				if cl.contactAt != vtime.Never {
					failing++
				}
			}
			for i := range awake {
				if !now[i] {
					again++
				}
			}
			awake = now
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("handed over: %d in a round, %d in a registration attempt, %d as contact failed; laid down again %d", rounds, attempts, failing, again)
	for what, n := range map[string]int{
		"handed over in a round that may be cut": rounds, "handed over in a registration that needs packets": attempts,
		"handed over as contact fails": failing, "laid down again": again,
	} {
		if n < 20 {
			t.Errorf("%d clients were %s, want 20", n, what)
		}
	}
}
