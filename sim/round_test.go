package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// firstDistances are the distances of the clients' first selections by probe,
// -1 where that was not how they ended.
func firstDistances(c *cell) []int {
	out := make([]int, len(c.clients))
	for i := len(c.trace.Decisions) - 1; i >= 0; i-- {
		d := &c.trace.Decisions[i]
		if out[d.Client] = -1; d.By == selection.ByProbe {
			out[d.Client] = int(d.DistanceMax)
		}
	}
	return out
}

// Further probes to a relay within a round cost packets and help against loss.
// They take nothing away: who is found by one probe is found as near by three.
func TestSeveralProbesARound(t *testing.T) {
	const n = 400
	run := func(pings int, loss float64) *cell {
		w := newWorld()
		w.duration = 2 * time.Hour
		w.params.PingsPerRelayPerRound = pings
		w.params.RegisterConnectTimeout = 10 * time.Minute // so that no registration fails
		w.spec.Legs[0].Loss = rng.ChanceOf(loss)
		w.addGroup("remote", n, netHome, Life{Name: "always-on", Always: true}, "DMZ").Interval = 100 * time.Hour
		return bothLevels(t, w)
	}
	one, three := run(1, 0), run(3, 0)
	for i := range one.trace.Decisions {
		a, b := one.trace.Decisions[i], three.trace.Decisions[i]
		if a.Probes*3 != b.Probes || a.Ended != b.Ended || a.Target != b.Target {
			t.Fatalf("without loss: %+v by one probe, %+v by three: want three times the probes alone to differ", a, b)
		}
	}
	one, three = run(1, 0.2), run(3, 0.2)
	nearer := 0
	x, y := firstDistances(one), firstDistances(three)
	for i := range x {
		if x[i] >= 0 && (y[i] < 0 || y[i] > x[i]) {
			t.Errorf("client %d finds a relay at %d by one probe, at %d by three", i, x[i], y[i])
		}
		if x[i] != y[i] {
			nearer++
		}
	}
	// A probe and its reply get through with 0.64: neither of two relays is
	// heard in the first round that reaches them with 0.13, by three probes
	// with 0.002. So 51 clients or more find a relay nearer.
	if nearer < 51-34 {
		t.Errorf("%d of %d clients find a relay nearer by three probes, want about 51 or more", nearer, n)
	}
}

// Probes that leave a second apart: everybody finds the same relays at the same
// distance, later by the seconds that the rounds last longer. Nothing times out
// that did not before, since the wait begins with the last probe.
func TestProbesThatLeaveOneByOne(t *testing.T) {
	run := func(gap time.Duration, pings int) *cell {
		w := newWorld()
		w.duration = time.Hour
		w.params.InterPacketGap, w.params.PingsPerRelayPerRound = gap, pings
		w.addGroup("remote", 50, netHome, Life{Name: "always-on", Always: true}, "DMZ").Interval = 100 * time.Hour
		return bothLevels(t, w)
	}
	for _, pings := range []int{1, 2} {
		burst, spaced := run(0, pings), run(time.Second, pings)
		for i := range burst.trace.Decisions {
			a, b := burst.trace.Decisions[i], spaced.trace.Decisions[i]
			// Two relays: every round lasts longer but the last, in which both
			// answer at once, the second a second later.
			longer := time.Duration(a.Rounds-1)*time.Duration(2*pings-1)*time.Second + time.Second
			if a.Target != b.Target || a.DistanceMax != b.DistanceMax || b.Ended.Sub(a.Ended) != longer {
				t.Fatalf("%d probes each: %+v at once, %+v one by one: want it %v later and else alike", pings, a, b, longer)
			}
			if unsent := uint32(2*pings - 2); b.Probes != a.Probes-unsent {
				t.Errorf("%d probes each: %d in all at once, %d one by one: want %d less, when the last round is over", pings, a.Probes, b.Probes, unsent)
			}
		}
	}
}

// Every reply comes after its round has ended. By default it changes nothing,
// so nobody is found by probe; under reopen it decides.
func TestLateReplies(t *testing.T) {
	for _, tc := range []struct {
		policy selection.LateReply
		found  uint64
	}{{selection.CountLate, 0}, {selection.ReopenLate, 20}} {
		w := newWorld()
		w.duration = 2 * time.Hour
		w.params.RoundTimeout, w.params.LateReplyPolicy = 20*time.Millisecond, tc.policy
		w.addGroup("remote", 20, netHome, Life{Name: "always-on", Always: true}, "DMZ").Interval = 100 * time.Hour
		c := bothLevels(t, w)
		s := &c.tally.Slots[c.plan.Slot(0, int(netHome))]
		if got := s.Selections[selection.ByProbe]; got != tc.found {
			t.Errorf("policy %v: %d clients found a relay by probe, want %d", tc.policy, got, tc.found)
		}
	}
}

// Where late answers count, nothing can be completed ahead, and the run says so.
func TestLateRepliesTakeThePacketLevel(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	if p := w.plan(t); p.Coupling(0) != "" {
		t.Errorf("coupled by default: %s", p.Coupling(0))
	}
	w.params.LateReplyPolicy = selection.ReopenLate
	if p := w.plan(t); p.Coupling(0) == "" {
		t.Error("not coupled while late answers count")
	}
}
