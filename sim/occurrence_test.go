package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// quietWorld has n clients in the east with one selection each before 4 h and
// none after, if nothing happens; then an event happens to them.
func quietWorld(n int, e EventPlan) *world {
	w := eastern(n, 8*time.Hour)
	e.At, e.Groups = 4*time.Hour, []int{0}
	w.events = []EventPlan{e}
	return w
}

// after returns the selections that start at 4 h or later.
func after(c *cell) (out []Decision) {
	for _, d := range c.trace.Decisions {
		if d.Started >= vtime.Instant(4*time.Hour) {
			out = append(out, d)
		}
	}
	return out
}

// 3.4: every client that is online selects at once. Seven hops away, two
// relays cost 16 probes a client within 8 seconds.
func TestRelaySelectMakesABurst(t *testing.T) {
	const n = 30
	w := newWorld()
	w.duration = 8 * time.Hour
	for i := range w.spec.Networks[netHome].Access {
		w.spec.Networks[netHome].Access[i] = 0
	}
	s := w.addGroup("remote", n, netHome, alwaysOn, "DMZ")
	s.Interval = 100 * time.Hour
	w.addGroup("other", n, netHome, alwaysOn, "DMZ").Interval = 100 * time.Hour
	w.events = []EventPlan{{At: 4 * time.Hour, Kind: RelaySelect, Groups: []int{0}}}
	c := bothLevels(t, w)
	burst := after(c)
	probes := uint32(0)
	for _, d := range burst {
		if d.Client >= n || d.Trigger != selection.RelaySelect || d.Started != vtime.Instant(4*time.Hour) {
			t.Errorf("client %d selects at %v for %v, want one of the group at 4 h for relay select", d.Client, d.Started, d.Trigger)
		}
		probes += d.Probes
	}
	if len(burst) != n || probes != 16*n {
		t.Errorf("%d selections with %d probes, want %d with %d", len(burst), probes, n, 16*n)
	}
}

// V16: a restart registers again and starts no selection; the client keeps its
// parent.
func TestRestartStartsNoSelection(t *testing.T) {
	const n = 12
	c := bothLevels(t, quietWorld(n, EventPlan{Kind: AgentRestart}))
	if got := after(c); len(got) != 0 {
		t.Errorf("%d selections after the restart, want none", len(got))
	}
	if got := c.tally.Relays[east1].Registrations; got != 2*n {
		t.Errorf("%d registrations, want %d: one for the selection and one for the restart", got, 2*n)
	}
	s := &c.tally.Slots[c.plan.Slot(0, int(netEast))]
	if s.Sessions != n || c.loads.now[east1] != n {
		t.Errorf("%d sessions, load %d after the restart, want %d and %d", s.Sessions, c.loads.now[east1], n, n)
	}
}

// A restart does not cure a bad choice (F14), but a dead parent is noticed.
func TestRestartWhileTheParentIsDead(t *testing.T) {
	w := quietWorld(5, EventPlan{Kind: AgentRestart})
	w.events = append(w.events, EventPlan{At: 3*time.Hour + 59*time.Minute, Kind: HostDown, Relay: east1})
	c := bothLevels(t, w)
	for _, d := range after(c) {
		if d.Trigger != selection.ParentLost || d.Target != east2 || d.Started < vtime.Instant(4*time.Hour+10*time.Minute) {
			t.Errorf("selection at %v for %v chose %v, want the other relay after the resist interval", d.Started, d.Trigger, d.Target)
		}
	}
	if s := &c.tally.Slots[c.plan.Slot(0, int(netEast))]; len(after(c)) != 5 || s.RehomeTime.N != 5 {
		t.Errorf("%d selections, %d losses made good, want 5 of each", len(after(c)), s.RehomeTime.N)
	}
}

// V17: the clock moves back by 299 s: nothing; by 301 s: a selection.
func TestClockSetBack(t *testing.T) {
	for _, tc := range []struct {
		step time.Duration
		want int
	}{{299 * time.Second, 0}, {300 * time.Second, 0}, {301 * time.Second, 4}} {
		c := bothLevels(t, quietWorld(4, EventPlan{Kind: ClockBack, Step: tc.step}))
		got := after(c)
		if len(got) != tc.want || len(got) > 0 && got[0].Trigger != selection.ClockBack {
			t.Errorf("clock back by %v: %d selections, want %d", tc.step, len(got), tc.want)
		}
	}
}

// V16, F13, 4.11: a new seek list starts no selection and is followed by the
// next one, of clients that were offline when it came too.
func TestSeekListIsFollowedAtTheNextSelection(t *testing.T) {
	w := quietWorld(6, EventPlan{Kind: SeekChanged, Seek: "DMZ"})
	if c := bothLevels(t, w); len(after(c)) != 0 || c.loads.now[east1] != 6 {
		t.Errorf("%d selections and load %d after the change, want none and 6", len(after(c)), c.loads.now[east1])
	}
	w.settings[0].Interval = 5 * time.Hour
	w.groups[0].Life = Life{Name: "desktop", Days: 0x7f, OfficeFrom: 0, OfficeTo: 3 * time.Hour}
	w.duration = 26 * time.Hour
	c := bothLevels(t, w)
	for _, d := range after(c) {
		if d.Target > 1 || d.Started < vtime.Instant(24*time.Hour) {
			t.Errorf("selection at %v chose %v, want a relay of the DMZ on the second day", d.Started, d.Target)
		}
	}
	if len(after(c)) != 6 {
		t.Errorf("%d selections on the second day, want 6", len(after(c)))
	}
}

// 3.2: another address starts a selection at once and ends the registration.
func TestAddressChangeInPlace(t *testing.T) {
	w := quietWorld(6, EventPlan{Kind: AddressChange})
	w.params.LoopLatencyMin, w.params.LoopLatencyMax = time.Minute, time.Minute
	c := bothLevels(t, w)
	s := &c.tally.Slots[c.plan.Slot(0, int(netEast))]
	without := uint64(0)
	for _, d := range c.trace.Decisions {
		// The main loop takes a minute before each selection begins.
		without += micro(d.Ended.Sub(d.Started) + time.Minute)
	}
	if got := after(c); len(got) != 6 || got[0].Trigger != selection.AddressChange || s.Sessions != 6 {
		t.Errorf("%d selections in %d sessions, want 6 in 6", len(got), s.Sessions)
	}
	if diff := int64(s.Without - without); diff < -30 || diff > 30 { // ends are rounded to µs
		t.Errorf("%d µs without a relay, want %d: until registered anew", s.Without, without)
	}
}

// Who gives its parent up is on no relay's load from then on, at either level.
func TestGivingUpLeavesTheParent(t *testing.T) {
	w := newWorld()
	w.duration = 8 * time.Hour
	w.addGroup("remote", 10, netHome, alwaysOn, "DMZ").Interval = 100 * time.Hour
	w.events = []EventPlan{
		{At: 4 * time.Hour, Kind: SeekChanged, Groups: []int{0}, Seek: "nowhere"},
		{At: 4 * time.Hour, Kind: RelaySelect, Groups: []int{0}},
	}
	c := bothLevels(t, w)
	if c.loads.now[0]+c.loads.now[1] != 0 {
		t.Errorf("loads %d and %d after all gave up, want none", c.loads.now[0], c.loads.now[1])
	}
	s := &c.tally.Slots[c.plan.Slot(0, int(netHome))]
	if s.Without < 10*uint64(3*time.Hour/time.Microsecond) || s.Selections[selection.ByNone] == 0 {
		t.Errorf("%d µs without a relay, %d selections given up, want nearly 4 h a client and some", s.Without, s.Selections[selection.ByNone])
	}
}

// What happens to clients that are offline does not reach them.
func TestOfflineClientsMissWhatHappens(t *testing.T) {
	for _, kind := range []EventKind{RelaySelect, ClockBack, AgentRestart, AddressChange} {
		w := quietWorld(5, EventPlan{Kind: kind, Step: time.Hour})
		w.groups[0].Life = Life{Name: "desktop", Days: 0x7f, OfficeFrom: time.Hour, OfficeTo: 3 * time.Hour}
		if c := bothLevels(t, w); len(after(c)) != 0 || c.tally.Relays[east1].Registrations != 5 {
			t.Errorf("%v: %d selections of offline clients, want none", kind, len(after(c)))
		}
	}
}

// 3.6: what is not published as a trigger starts a selection only where
// extra_triggers says so: waking in the same network, a VPN, an adapter.
func TestExtraTriggers(t *testing.T) {
	for _, tc := range []struct {
		trigger selection.Trigger
		event   EventKind
	}{{selection.Resume, AgentRestart}, {selection.VPNUp, VPNUp}, {selection.AdapterChange, AdapterChange}} {
		for _, extra := range []bool{false, true} {
			w := quietWorld(4, EventPlan{Kind: tc.event})
			want := 0
			if extra {
				w.params.ExtraTriggers = w.params.ExtraTriggers.With(tc.trigger)
				want = 4
			}
			if tc.trigger == selection.Resume {
				// Two sessions a day: the second begins at 5 h, in the same network.
				w.events = nil
				w.groups[0].Away = nil
				w.groups[0].Life = Life{
					Name: "office-laptop", Days: 0x7f, OfficeFrom: 0, OfficeTo: 3 * time.Hour,
					Evening: 1, EveningFrom: 5 * time.Hour, EveningTo: 6 * time.Hour,
				}
			}
			got := after(bothLevels(t, w))
			if len(got) != want || want > 0 && got[0].Trigger != tc.trigger {
				t.Errorf("%v, extra trigger %v: %d selections, want %d", tc.trigger, extra, len(got), want)
			}
		}
	}
}
