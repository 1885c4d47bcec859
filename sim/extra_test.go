package sim

import (
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// TestExtrasAreGivenBack: a client that rests, for some time on end, gets up
// with all that may still matter: former parents to which a return is a flap,
// and whatever else is not as usual.
func TestExtrasAreGivenBack(t *testing.T) {
	c := &cell{scene: &scene{plan: &Plan{FlapWithin: time.Hour}}}
	k := rng.Seed(11)
	var kept extras
	var formers, more, dropped int
	for i := range uint64(largestBatch) {
		draw := func(p rng.Purpose, below uint64) uint64 { return k.Draw(p, i) % below }
		var r resting // with relay 0 since its last selection ended, at instant 0
		now := vtime.Instant(draw(rng.Loss, uint64(2*time.Hour)))
		later := now.Add(time.Duration(draw(rng.Burst, uint64(time.Hour))))
		cl := client{online: draw(rng.Day, 9) > 0, observed: nothingObserved, gatherAt: vtime.Never, parent: 0}
		cl.found = draw(rng.Hours, 20) > 0
		if draw(rng.Gather, 20) == 0 {
			cl.gatherAt = later + 1
		}
		if draw(rng.Access, 20) == 0 {
			cl.parent = 7
		}
		cl.session.on = -vtime.Instant(draw(rng.Start, uint64(time.Hour)))
		for n := range draw(rng.Place, 3) {
			cl.left[1] = cl.left[0]
			cl.left[0] = formerParent{selection.RelayID(draw(rng.Presence, 500)), r.rest.Ended() - vtime.Instant(draw(rng.Balance, 3)*draw(rng.Port, 1000)>>n)}
		}
		if draw(rng.Tunnel, 3) > 0 && cl.left[0].relay != selection.NoRelay {
			cl.left[0].at = r.rest.Ended()
		}
		r.mark(&cl)
		c.keepExtra(&cl, &r, &kept, now)
		switch {
		case r.is(restsLeft):
			formers++
		case r.extra == 0:
			dropped++
		default:
			more++
		}
		got := client{online: cl.online, observed: nothingObserved, gatherAt: vtime.Never}
		r.takeExtra(&got, &kept)
		for n, want := range cl.left {
			if c.isFlap(want, later) && got.left[n] != want {
				t.Fatalf("client %d left %v at last, then %v", i, cl.left, got.left)
			}
		}
		if got.parent != cl.parent || got.gatherAt != cl.gatherAt || cl.online && !cl.found && got.session.on != cl.session.on {
			t.Fatalf("client %d: parent %d, gathers at %v, online from %v; want %d, %v, %v", i,
				got.parent, got.gatherAt, got.session.on, cl.parent, cl.gatherAt, cl.session.on)
		}
	}
	if min(formers, more, dropped) < largestBatch/40 {
		t.Errorf("%d formers, %d more, %d dropped: too few of one kind", formers, more, dropped)
	}
	if len(kept.all) != 1 {
		t.Errorf("room for %d extras, where one was kept at a time", len(kept.all))
	}
}
