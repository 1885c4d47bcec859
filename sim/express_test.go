package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// underWay counts what has gone by express in a worker and is not in its tally
// yet.
func (c *cell) underWay() (won uint64) {
	for _, row := range c.outlooks {
		for _, page := range row {
			if page == nil {
				continue
			}
			for _, o := range page {
				if o == nil {
					continue
				}
				for _, x := range o.expresses {
					for i := range x.lanes {
						l := &x.lanes[i]
						won += uint64(l.won[0]) + uint64(l.won[1]) + uint64(l.slowly)
					}
				}
			}
		}
	}
	return won
}

// Most selections of a fleet go by express, those on lossy links and of clients
// that roam included, while relays fail and lists change: other tests, which hold
// the class level to the others, hold it to them.
func TestMostSelectionsGoByExpress(t *testing.T) {
	for _, traced := range []bool{false, true} {
		w := newWorld()
		w.addGroup("laptop", 200, netEast, roaming, "east;DMZ")
		w.addGroup("remote", 600, netHome, alwaysOn, "DMZ")
		for i := range w.spec.Legs {
			w.spec.Legs[i].Loss = rng.ChanceOf(0.02)
		}
		w.events = []EventPlan{
			{At: 30 * time.Hour, Kind: HostDown, Relay: 0},
			{At: 33 * time.Hour, Kind: RelayUp, Relay: 0},
			{At: 50 * time.Hour, Kind: RelayUnlisted, Relay: 2},
		}
		w.duration = 4 * 24 * time.Hour
		c := newCell(w.plan(t), 0, 0, LevelClass, traced)
		express := uint64(0)
		c.progress = func(float64) {
			c.eachWorker(func(w *cell) {
				express += w.underWay()
				w.settleExpresses()
			})
		}
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := c.tally.Selections; express > all || express < all*8/10 || all < 5000 {
			t.Errorf("traced %v: of %d selections %d went by express", traced, all, express)
		}
	}
}

// Each relay of an express has its lane, and no other has one.
func TestLanesAreFound(t *testing.T) {
	k := rng.Seed(9)
	for n := range uint64(300) {
		x := &express{}
		has := map[selection.RelayID]int{}
		for i := range 1 + k.Draw(rng.Place, n)%40 {
			id := selection.RelayID(k.Draw(rng.Probe, n<<8+i) % 3000)
			if _, twice := has[id]; !twice {
				has[id] = len(x.lanes)
				x.lanes = append(x.lanes, lane{relay: id})
			}
		}
		if x.indexed() == nil {
			t.Fatalf("no index for %d relays", len(x.lanes))
		}
		for id := range selection.RelayID(3000) {
			i, there := has[id]
			if l := x.laneOf(id); there != (l != nil) || there && l != &x.lanes[i] {
				t.Fatalf("relay %d of %v has lane %v", id, has, l)
			}
		}
	}
}
