package topology

import (
	"time"

	"github.com/relaysim/relaysim/rng"
)

// Trip is a Fate of which two chances and the time are all there is to know: the
// request gets there and the reply gets back unless chance will have it
// otherwise, at any instant alike.
type Trip struct {
	// Takes is the time there and back.
	Takes     time.Duration
	out, home rng.Chance // of loss
}

// Trip returns the Fate as a Trip. It is not ok if it is none.
func (f *Fate) Trip() (t Trip, ok bool) {
	if f.Forward != Delivered || f.Back != Delivered || f.ways != nil {
		return t, false
	}
	return Trip{f.DelayForward + f.DelayBack, f.LossForward, f.LossBack}, true
}

// Certain tells whether chance has no part in it.
func (t *Trip) Certain() bool { return t.out|t.home == rng.Never }

// LostOut tells whether the request with this key is lost, as Out does.
func (t *Trip) LostOut(key rng.Key) bool { return IsLost(key, t.out) }

// LostHome tells whether the reply with this key is lost, as Home does.
func (t *Trip) LostHome(key rng.Key) bool { return IsLost(key, t.home) }
