package sim

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

const day = 24 * time.Hour

// session is one span that a client spends online in one network.
type session struct {
	on, off vtime.Instant
	at      topology.NetworkID
}

// sessionOn returns the first session that begins on local day d (0 is the Monday
// of the first week) and ends later than after; sessions do not overlap. It is a
// pure function of the client's key.
func (g *GroupPlan) sessionOn(key rng.Key, d int, startOfWeek time.Duration, after vtime.Instant) (s session, ok bool) {
	const change = time.Minute // a change of place takes at least this
	l := &g.Life
	k := key.Child(rng.Day, uint64(d))
	span := func(from, to time.Duration, n uint64, at topology.NetworkID) session {
		return session{
			on:  localInstant(d, from+jitter(k, 2*n, l.Jitter), startOfWeek),
			off: localInstant(d, to+jitter(k, 2*n+1, l.Jitter), startOfWeek),
			at:  at,
		}
	}
	if l.Days>>(uint(d)%7)&1 == 0 {
		if happens(k, 2, l.Weekend) {
			s = span(l.WeekendFrom, l.WeekendTo, 2, g.away(k, 2))
		}
		return s, s.on < s.off && s.off > after
	}
	free := vtime.Instant(0) // for the evening
	if latest := l.OfficeTo + l.Jitter; localInstant(d, latest, startOfWeek) > after || latest+change > l.EveningFrom-l.Jitter {
		at := g.Home
		if happens(k, 0, l.AwayDay) {
			at = g.away(k, 0)
		}
		s = span(l.OfficeFrom, l.OfficeTo, 0, at)
		if s.on = max(s.on, 0); s.on < s.off {
			if s.off > after {
				return s, true
			}
			free = s.off.Add(change)
		}
	}
	if !happens(k, 1, l.Evening) {
		return s, false
	}
	s = span(l.EveningFrom, l.EveningTo, 1, g.away(k, 1))
	s.on = max(s.on, free)
	return s, s.on < s.off && s.off > after
}

// away chooses the network of the n-th session of a day.
func (g *GroupPlan) away(k rng.Key, n uint64) topology.NetworkID {
	total := uint64(0)
	for _, a := range g.Away {
		total += a.Weight
	}
	if total == 0 {
		return g.Home
	}
	r := rng.Below(k.Draw(rng.Place, n), total)
	for _, a := range g.Away {
		if r < a.Weight {
			return a.Network
		}
		r -= a.Weight
	}
	panic("sim: weighted choice ran past its end")
}

func happens(k rng.Key, n uint64, p float64) bool {
	return rng.ChanceOf(p).Happens(k.Draw(rng.Presence, n))
}

// jitter is a uniform over [-j, +j].
func jitter(k rng.Key, n uint64, j time.Duration) time.Duration {
	return time.Duration(rng.Below(k.Draw(rng.Hours, n), 2*uint64(j)+1)) - j
}

// localInstant converts a local day and time of day to virtual time.
func localInstant(d int, t, startOfWeek time.Duration) vtime.Instant {
	return vtime.Instant(time.Duration(d)*day + t - startOfWeek)
}

// nextSession returns the client's first session that ends later than after,
// cut to begin no earlier than that (one may be under way when the run
// starts). ok is false if none begins before the end.
func (g *GroupPlan) nextSession(key rng.Key, after vtime.Instant, startOfWeek time.Duration, end vtime.Instant) (s session, ok bool) {
	if g.Life.Always {
		on := vtime.Instant(rng.Below(key.Draw(rng.Start, 0), uint64(max(g.Life.StartSpread, 1))))
		return session{on: on, off: vtime.Never, at: g.Home}, after <= on && on < end
	}
	for d := int((time.Duration(after) + startOfWeek) / day); ; d++ {
		if localInstant(d, 0, startOfWeek).Add(-g.Life.Jitter) >= end {
			return session{}, false
		}
		if s, ok := g.sessionOn(key, d, startOfWeek, after); ok {
			s.on = max(s.on, after)
			return s, s.on < end
		}
	}
}
