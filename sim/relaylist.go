package sim

import (
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// edition is one published Relays.dat.
type edition struct {
	list *selection.List
	at   vtime.Instant // of its publication
	// members are the relays with an entry, by handle.
	members []bool
	// outdated: a list published now would have other members.
	outdated bool
}

// library is what the root knows of the relay lists of a run.
//
// Where a relay is installed, retired, listed or unlisted, or has been without a
// host for relays_dat_stale_ttl_s, the root publishes a new list: at once, or as soon as relays_file_refresh_s have passed since
// it last published one. A client that is online copies it after a delay of
// its own, uniform from 0 to relays_dat_propagation_s; one that is offline
// does so after it starts. It then has the newest list there is. Every client
// begins with the first edition.
type library struct {
	// wanted: the relay is to be listed while it is there; listed: Relays.dat
	// should have an entry for it. gone is since when it has had no host, or
	// Never; staleAt when the next relay has been gone for too long, or Never.
	wanted, listed []bool
	gone           []vtime.Instant
	staleAt        vtime.Instant
	editions       []edition
	// publishAt is when the next edition comes out, or Never.
	publishAt, publishedAt vtime.Instant
}

// longAgo is when the first edition was published.
const longAgo = vtime.Instant(-1 << 62)

// newLibrary has the edition with which the run begins.
func newLibrary(p *Plan, w *WorldParams) library {
	l := library{publishAt: vtime.Never, publishedAt: longAgo, staleAt: vtime.Never}
	for i := range p.Relays {
		l.wanted = append(l.wanted, !p.Relays[i].Unlisted && !p.absentAtFirst(selection.RelayID(i)))
		l.gone = append(l.gone, vtime.Never)
	}
	l.listed = slices.Clone(l.wanted)
	l.publish(p, w)
	return l
}

// publish adds the edition that is due.
func (l *library) publish(p *Plan, w *WorldParams) {
	members := slices.Clone(l.listed)
	l.editions = append(l.editions, edition{list: p.listOf(w, members, uint32(len(l.editions)+1)), at: l.publishedAt, members: members})
	l.compare()
}

// compare finds the editions that are outdated.
func (l *library) compare() {
	for i := range l.editions {
		l.editions[i].outdated = !slices.Equal(l.editions[i].members, l.listed)
	}
}

// newest is the number of the newest edition.
func (l *library) newest() uint32 { return uint32(len(l.editions) - 1) }

// absentAtFirst tells whether a relay does not exist yet when the run begins:
// the first that happens to its existence is that it is installed.
func (p *Plan) absentAtFirst(id selection.RelayID) bool {
	for i := range p.Events {
		switch e := &p.Events[i]; {
		case e.Relay != id:
		case e.Kind == RelayInstalled:
			return true
		case e.Kind == RelayRetired:
			return false
		}
	}
	return false
}

// reviewListing is told that a relay may be gone or back, or is to be listed
// otherwise than before. The root knows of its own host without a list.
func (c *cell) reviewListing(id selection.RelayID) {
	l, ttl := &c.library, c.pol.World.RelaysDatStaleTTL
	switch gone := c.relays[id].mode == relayHostDown && !c.plan.Relays[id].Root; {
	case !gone:
		l.gone[id] = vtime.Never
	case l.gone[id] == vtime.Never:
		l.gone[id] = c.now
		if ttl > 0 {
			c.push(c.now.Add(ttl), evStale, 0, uint32(id))
		}
	}
	l.staleAt = vtime.Never
	for _, since := range l.gone {
		if since != vtime.Never && ttl > 0 && since.Add(ttl) > c.now {
			l.staleAt = min(l.staleAt, since.Add(ttl))
		}
	}
	stale := ttl > 0 && l.gone[id] != vtime.Never && l.gone[id].Add(ttl) <= c.now
	c.changeList(id, l.wanted[id] && !stale)
}

// stale is the time at which a relay has been gone for too long, unless it has
// come back meanwhile.
func (c *cell) stale(id selection.RelayID) {
	if c.library.gone[id] != vtime.Never && c.library.gone[id].Add(c.pol.World.RelaysDatStaleTTL) == c.now {
		c.reviewListing(id)
	}
}

// changeList changes whether a relay should be listed and makes a new edition
// due.
func (c *cell) changeList(id selection.RelayID, listed bool) {
	l := &c.library
	if l.listed[id] == listed {
		return
	}
	l.listed[id] = listed
	l.compare()
	if l.publishAt == vtime.Never {
		l.publishAt = max(c.now, l.publishedAt.Add(c.pol.World.RelaysFileRefresh))
		c.push(l.publishAt, evPublish, 0, 0)
	}
}

// publishList publishes an edition. Clients that are online begin to copy it.
func (c *cell) publishList() {
	l := &c.library
	l.publishAt, l.publishedAt = vtime.Never, c.now
	l.publish(c.plan, &c.pol.World)
	c.eachAwake(c.scheduleGather)
	if c.sweep != nil {
		c.sweep.turn.published, c.sweep.turn.changed = true, true
	}
}

// scheduleGather queues the client's next copy of the relay list, if it is
// online and there is a newer one than its own.
func (c *cell) scheduleGather(i int) {
	cl := c.client(i)
	if !cl.online || !c.lacksList(cl) || cl.gatherAt != vtime.Never {
		return
	}
	cl.gatherAt = c.gathersAt(cl.key, c.now)
	c.push(cl.gatherAt, evGather, i, 0)
}

// gathersAt is when a client copies the newest list that hears of it at an
// instant.
func (c *cell) gathersAt(key rng.Key, from vtime.Instant) vtime.Instant {
	delay := rng.Below(key.Draw(rng.Gather, uint64(c.library.newest())), uint64(c.pol.World.RelaysDatPropagation)+1)
	return from + vtime.Instant(delay)
}

// lacksList tells whether the client will copy a newer list than its own when it
// is online.
func (c *cell) lacksList(cl *client) bool {
	return !cl.stale && cl.edition != c.library.newest()
}

// gather gives the client the newest relay list. It starts no selection (2.10).
func (c *cell) gather(i int) {
	cl := c.client(i)
	if cl.gatherAt != c.now {
		return
	}
	cl.gatherAt = vtime.Never
	cl.edition = c.library.newest()
	cl.sel.SetCourse(c.course(cl.group, cl.edition))
}
