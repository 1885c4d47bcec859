package sim

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// heard runs the only policy at packet level and returns how many echo replies
// came and how many were expected of those rounds.
func heard(t *testing.T, w *world) (real, expected float64) {
	t.Helper()
	c := newCell(w.plan(t), 0, 0, LevelPacket, false)
	if err := c.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range c.tally.Slots {
		expected += float64(c.tally.Slots[i].EchoReplies) * 1e-6
	}
	return float64(c.tally.Heard), expected
}

// repliesWorld has clients whose every probe crosses one leg with loss on the
// way there and back.
func repliesWorld(loss float64) *world {
	w := newWorld()
	w.duration = 24 * time.Hour
	w.spec.Legs[0].Loss = rng.ChanceOf(loss) // home-edge
	w.spec.Legs[4].Loss = rng.ChanceOf(loss) // east-wan, crossed by west's clients to the east too
	w.addGroup("remote", 250, netHome, roaming, "DMZ")
	w.addGroup("east", 100, netEast, alwaysOn, "DMZ")
	w.addGroup("laptop", 250, netHome, alwaysOn, "*;DMZ;west")
	for i := range w.settings {
		w.settings[i].Interval = time.Hour
	}
	return w
}

// The echo replies that come are those expected, but for chance: each round
// adds a martingale difference, whose variance is the sum of p(1-p) over the
// relays asked. All probes have one p here, so that of the sum is the
// expectation times 1-p.
func TestEchoRepliesAreThoseExpected(t *testing.T) {
	for loss, ends := range map[float64]selection.RoundEnd{
		0: selection.AllEchoReplied, 0.01: selection.OnTimeoutOnly, 0.1: selection.AllEchoReplied, 0.3: selection.AllEchoReplied,
	} {
		w := repliesWorld(loss)
		w.params.RoundEndsEarly = ends
		real, expected := heard(t, w)
		sigma := math.Sqrt(expected * (1 - (1-loss)*(1-loss)))
		if expected < 1e4 || math.Abs(real-expected) > 5*sigma+1e-6*expected {
			t.Errorf("loss %v, %v: %v echo replies came, %v were expected; sigma is %v", loss, ends, real, expected, sigma)
		}
	}
}

// So it is with everything that a network may have, as long as nobody meets a
// limit and jitter makes no reply too late. The variance is at most the
// expectation.
func TestEchoRepliesInRandomWorldsAreThoseExpected(t *testing.T) {
	compared := 0
	for seed := uint64(1); seed <= 60; seed++ {
		w := levelWorld(seed)
		w.params.PingsPerRelayPerRound, w.params.RoundTimeout, w.params.LateReplyPolicy = 1, 8*time.Second, selection.CountLate
		if w.plan(t).Coupling(0) != "" {
			continue
		}
		real, expected := heard(t, w)
		if math.Abs(real-expected) > 5*math.Sqrt(max(expected, 1)) {
			t.Errorf("world %d: %v echo replies came, %v were expected", seed, real, expected)
		}
		if expected > 100 {
			compared++
		}
	}
	if compared < 20 {
		t.Errorf("%d worlds had replies to compare", compared)
	}
}

// What cannot come in time is not expected: after the round, or after the
// session.
func TestEchoRepliesComeInTime(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 50, netHome, alwaysOn, "DMZ")
	w.params.RoundTimeout = 10 * time.Millisecond // there and back takes longer
	if real, expected := heard(t, w); real != 0 || expected != 0 {
		t.Errorf("%v echo replies came in time, %v were expected, want none", real, expected)
	}
}
