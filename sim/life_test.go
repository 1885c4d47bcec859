package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// sessions lists all sessions of a client up to the end.
func sessions(g *GroupPlan, k rng.Key, start time.Duration, end vtime.Instant) []session {
	var all []session
	for at := vtime.Instant(0); ; {
		s, ok := g.nextSession(k, at, start, end)
		if !ok {
			return all
		}
		all = append(all, s)
		if s.off == vtime.Never {
			return all
		}
		at = s.off
	}
}

func TestSessionsAreDisjointAndWithinOfficeHours(t *testing.T) {
	g := &GroupPlan{Home: netEast, Away: []AwayPlan{{Network: netHome, Weight: 9}, {Network: netDMZ, Weight: 1}}, Life: roaming}
	count := map[int]int{}
	for i := range uint64(300) {
		last := vtime.Instant(-1)
		for _, s := range sessions(g, rng.Seed(i), 0, vtime.Instant(14*day)) {
			if s.on < last || s.off <= s.on {
				t.Fatalf("client %d: session %v-%v after %v", i, s.on, s.off, last)
			}
			last = s.off
			count[int(s.at)]++
			tod := time.Duration(s.on) % day
			if tod < 7*time.Hour+30*time.Minute || tod > 19*time.Hour+30*time.Minute {
				t.Fatalf("client %d: session begins at %v", i, s.on)
			}
		}
	}
	// 10 office days of which 70 % at home = 7 a client; away: 3 + 6 evenings
	// + 0.3 of 4 other days = 10.2, nine in ten of them in network home.
	for at, want := range map[int]float64{int(netEast): 7, int(netHome): 9.18, int(netDMZ): 1.02} {
		if got := float64(count[at]) / 300; got < want*0.9 || got > want*1.1 {
			t.Errorf("sessions a client in network %d = %.2f, want %.2f", at, got, want)
		}
	}
}

func TestRunThatStartsInOfficeHoursFindsClientsOnline(t *testing.T) {
	g := &GroupPlan{Home: netEast, Life: Life{Days: 0b11111, OfficeFrom: 8 * time.Hour, OfficeTo: 17 * time.Hour}}
	s, ok := g.nextSession(rng.Seed(1), 0, 2*day+10*time.Hour, vtime.Instant(day))
	if !ok || s.on != 0 || s.off != vtime.Instant(7*time.Hour) {
		t.Errorf("first session from Wed 10:00 = %v-%v, %v, want 0-7h", s.on, s.off, ok)
	}
}

func TestNightSessionsOverMidnightDoNotVanish(t *testing.T) {
	// A shift that ends after midnight meets the next day's, which begins then.
	g := &GroupPlan{Home: netEast, Life: Life{Days: 0b1111111, OfficeFrom: time.Hour, OfficeTo: 26 * time.Hour}}
	all := sessions(g, rng.Seed(1), 0, vtime.Instant(5*day))
	if len(all) != 5 {
		t.Fatalf("%d sessions in 5 days, want 5: %v", len(all), all)
	}
}

func TestAlwaysOnStartsOnceWithinItsSpread(t *testing.T) {
	g := &GroupPlan{Home: netHome, Life: alwaysOn}
	for i := range uint64(100) {
		all := sessions(g, rng.Seed(i), 0, vtime.Instant(day))
		if len(all) != 1 || all[0].on >= vtime.Instant(time.Hour) || all[0].off != vtime.Never {
			t.Fatalf("client %d: sessions %v", i, all)
		}
	}
}
