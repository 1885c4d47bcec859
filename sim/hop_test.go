package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// busy is a deployment without limits in which nothing happens to the world.
func busy() *world {
	w := newWorld()
	w.duration = 20 * time.Hour
	w.addGroup("laptop", 30, netEast, roaming, "east;DMZ").Interval = 2 * time.Hour
	w.addGroup("remote", 30, netHome, alwaysOn, "DMZ").Interval = 2 * time.Hour
	return w
}

// stepped runs a cell and counts its events by kind.
func stepped(tb testing.TB, p *Plan, level Level) (c *cell, events [evLife + 1]uint64) {
	tb.Helper()
	c = newCell(p, 0, 0, level, false)
	for c.q.len() > 0 {
		e, before := c.pop(), c.tally.Events
		c.work(e)
		events[e.what.kind()] += c.tally.Events - before
	}
	if n := len(c.transits.at); n > 0 {
		tb.Fatalf("%d packets are under way at the end of the run", n)
	}
	return c, events
}

// The packet level has an event for each packet that ends where somebody hears
// of it; the hop level has these, and one for each time that a packet comes to
// a router or box.
func TestLevelsHaveTheirEvents(t *testing.T) {
	p := busy().plan(t)
	packets, atPacketLevel := stepped(t, p, LevelPacket)
	hops, atHopLevel := stepped(t, p, LevelHop)
	if got, want := atHopLevel[evHop], packets.state.Met(); got != want || got < 50_000 {
		t.Errorf("hop level: %d events of hops, %d routers and boxes met", got, want)
	}
	if got, want := hops.state.Met(), packets.state.Met(); got != want {
		t.Errorf("%d routers and boxes met at hop level, %d at packet level", got, want)
	}
	ended := uint64(0)
	for _, n := range packets.state.Counts() {
		if n.End == topology.Delivered || mayTell(n.End) {
			ended += n.N
		}
	}
	if got := atPacketLevel[evAtHost] + atPacketLevel[evError] + atPacketLevel[evTold] + atPacketLevel[evAtClient]; got != ended || got < 10_000 {
		t.Errorf("packet level: %d events of packets, %d packets ended where somebody hears of it", got, ended)
	}
	for kind := range atHopLevel {
		want := atPacketLevel[kind]
		if uint64(kind) == evHop {
			want = packets.state.Met()
		}
		if atHopLevel[kind] != want {
			t.Errorf("%d events of kind %d at hop level, want %d", atHopLevel[kind], kind, want)
		}
	}
}

// The world changes and the run ends while packets are under way: they meet the
// world that they left in, and are counted all the same.
func TestPacketsUnderWayWhenTheWorldChanges(t *testing.T) {
	settled := 0
	for k := range 12 {
		w := homes(20, "DMZ")
		at := time.Duration(k)*w.params.RoundTimeout + 9*time.Millisecond
		w.duration = 5 * time.Minute
		w.events = []EventPlan{{At: at, Kind: LegDown, Leg: 1}, {At: at, Kind: HostDown, Relay: 1}, {At: at + 7*time.Millisecond, Kind: LegUp, Leg: 1}}
		if k%3 == 0 {
			w.duration = at + 8*time.Millisecond
		}
		p := w.plan(t)
		same(t, p, 0, levelRun{level: LevelHop, traced: true, workers: 1})
		c := newCell(p, 0, 0, LevelHop, false)
		for c.q.len() > 0 {
			e := c.pop()
			if e.what.kind() == evWorld {
				settled += len(c.transits.at)
			}
			c.work(e)
		}
	}
	if settled < 20 {
		t.Errorf("only %d packets were under way when the world changed", settled)
	}
}

// Where a limit couples clients, packets are counted in the order in which they
// come to it, not in that in which they left: of two clients that probe at once,
// the nearer one gets the two tokens that there are.
func TestLimitsCountInOrderOfArrival(t *testing.T) {
	w := homes(1, "DMZ")
	near := w.network(topology.NetworkSpec{Name: "near", Prefixes: prefixes("192.0.2.0/24")})
	w.leg(near, 0, 0, 4)                  // 3 ms from the edge; home is 15
	w.spec.Networks[netHome].Access = nil // and as many routers away
	w.spec.Legs[1].Routers = 0
	w.addGroup("near", 1, near, Life{Name: "always-on", Always: true}, "DMZ").Interval = 100 * time.Hour
	limited := topology.Rule{Name: "limited", Kinds: []topology.Kind{topology.EchoRequest}, Limit: &topology.Limit{PerSecond: 1e-6, Burst: 2}}
	w.spec.Boxes[0].Rules = []topology.Rule{limited, accept(netHome, topology.TCP), accept(near, topology.TCP)}
	for _, level := range []Level{LevelRound, LevelPacket, LevelHop} {
		c := newCell(w.plan(t), 0, 0, level, false)
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		far := c.tally.Slots[c.plan.Slot(0, int(netHome))].Selections[selection.ByProbe]
		if got := c.tally.Slots[c.plan.Slot(1, int(near))].Selections[selection.ByProbe]; got != 1 || far != 0 {
			t.Errorf("%v level: %d selections by probe near the limit and %d far from it, want 1 and 0", level, got, far)
		}
	}
}
