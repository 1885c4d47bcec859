package sim

import (
	"reflect"
	"testing"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// sentIn is a cell that has run, with the packets that were walked in it and
// that went by errands.
func sentIn(t *testing.T, p *Plan, level Level) (c *cell, walked, memoised uint64) {
	t.Helper()
	c = newCell(p, 0, 0, level, false)
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	walked, memoised = c.state.Sent()
	return c, walked, memoised
}

// twoHomes are clients at home and others near by, whose echo requests a limit
// counts if limited.
func twoHomes(limited bool) *world {
	w := homes(20, "DMZ")
	near := w.network(topology.NetworkSpec{Name: "near", Prefixes: prefixes("192.0.2.0/24")})
	w.leg(near, 0, 0, 4)
	w.addGroup("near", 20, near, Life{Name: "always-on", Always: true}, "DMZ").Interval = time.Hour
	edge := &w.spec.Boxes[0]
	edge.Rules = append(edge.Rules, accept(near, topology.TCP))
	echo := accept(near, topology.EchoRequest)
	if limited {
		echo.Limit = &topology.Limit{PerSecond: 0.01, Burst: 4}
	}
	edge.Rules = append(edge.Rules, echo)
	return w
}

// At packet level no packet is walked that only its key decides about, and with a
// limit those that meet it are, and no others. At hop level all are.
func TestPacketsGoByErrands(t *testing.T) {
	free, walked, memoised := sentIn(t, twoHomes(false).plan(t), LevelPacket)
	if walked != 0 || memoised < 2000 {
		t.Errorf("without a limit %d packets are walked and %d go by errands", walked, memoised)
	}
	if _, walked, memoised := sentIn(t, twoHomes(false).plan(t), LevelHop); walked == 0 || memoised != 0 {
		t.Errorf("at hop level %d packets are walked and %d go by errands", walked, memoised)
	}
	limited, walked, memoised := sentIn(t, twoHomes(true).plan(t), LevelPacket)
	over := uint64(0)
	for _, n := range limited.state.Counts() {
		if n.End == topology.OverLimit {
			over += n.N
		}
	}
	if walked < over || over == 0 || memoised == 0 {
		t.Errorf("with a limit %d packets are walked and %d go by errands; %d are over the limit", walked, memoised, over)
	}
	home := free.plan.Slot(0, int(netHome))
	if got, want := limited.tally.Slots[home], free.tally.Slots[home]; !reflect.DeepEqual(got, want) {
		t.Errorf("the limit for others changes the clients at home:\n%+v\nwithout it\n%+v", got, want)
	}
}

// Packets that are under way by errands when the world changes become flights:
// the answer to what left before a link went down is cut like that of a walk.
func TestErrandsUnderWayWhenTheWorldChanges(t *testing.T) {
	recalled := 0
	for k := range 30 {
		w := homes(20, "DMZ")
		at := time.Duration(k/3)*w.params.RoundTimeout + time.Duration(3+9*(k%3))*time.Millisecond
		w.duration = 5 * time.Minute
		w.events = []EventPlan{{At: at, Kind: LegDown, Leg: 1}, {At: at, Kind: HostDown, Relay: 1}, {At: at + 7*time.Millisecond, Kind: LegUp, Leg: 1}}
		p := w.plan(t)
		same(t, p, 0, levelRun{level: LevelHop, traced: true, workers: 1})
		c := newCell(p, 0, 0, LevelPacket, false)
		for c.q.len() > 0 {
			c.work(c.pop())
			recalled = max(recalled, len(c.flights.at))
		}
		if walked, memoised := c.state.Sent(); memoised == 0 || len(c.flights.at) > 0 {
			t.Errorf("%d packets are walked and %d go by errands; %d flights are left over", walked, memoised, len(c.flights.at))
		}
	}
	if recalled < 20 {
		t.Errorf("at most %d packets were under way when the world changed", recalled)
	}
}

// Probes of a round that surely end together are one entry of the queue, and as
// many events as there are packets.
func TestEventsStandForRuns(t *testing.T) {
	for _, level := range []Level{LevelPacket, LevelHop} {
		c := newCell(homes(20, "DMZ").plan(t), 0, 0, level, false)
		entries := uint64(0)
		for c.q.len() > 0 {
			c.work(c.pop())
			entries++
		}
		if entries == 0 || c.tally.Events > entries != (level == LevelPacket) {
			t.Errorf("%v level: %d events by %d entries of the queue", level, c.tally.Events, entries)
		}
	}
}
