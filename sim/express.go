package sim

import (
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// Most of what clients do is to select again by their timer, as the Routine of
// their class has it, and to register again. An express has of that Routine and
// of the fates of its packets what such a client needs, laid out flat, and counts
// by class what is the same each time.

// express is the usual re-selection of the clients of one label, course and
// attachment.
type express struct {
	routine *selection.Routine
	lots    *selection.Lots
	course  *selection.Course
	edition uint32 // of the list
	slot    int32
	lanes   []lane // by lot
	trips   []topology.Trip
	// index has a relay's lane by the last bits of its number, as many as tell
	// the relays apart; noLane is none.
	index []uint8
	// round is the number of the deciding round. It ends after deadline, counted
	// from the selection's start, or after answered if it is early and everybody
	// answers.
	round              uint64
	deadline, answered time.Duration
	early              bool
	by                 selection.By // how its winner is found
	replies            uint64       // that are expected of it, in millionths
}

// lane is an entrant of the deciding round.
type lane struct {
	server *relay
	relay  selection.RelayID
	// registers: tcp leads to the relay itself, in time, and before another SYN
	// would be sent.
	registers bool
	echo, tcp uint8 // index in trips
	// What has been counted and is not in the tally yet: selections that it won
	// when the round timed out and when it ended early, registering with one
	// SYN; those that took more; registrations again; and time on it.
	won             [2]uint32
	slowly, renewed uint32
	time            uint64
}

const noLane = 255

// admits tells whether a relay without a cap surely takes a client, which then
// holds a certificate.
func (r *relay) admits(g *group, certified bool) bool {
	if certified {
		return g.plain && r.takes[1]
	}
	return g.plain && r.takes[0]
}

// winner is the lane that wins the round among those of a set, -1 if none of them
// answers.
func (x *express) winner(selection, round rng.Key, among uint64) (winner int) {
	winner = x.lots.FirstOf(selection, among)
	for winner >= 0 && !x.early && !x.answersOn(&x.lanes[winner], round) {
		among &^= 1 << winner
		winner = x.lots.FirstOf(selection, among)
	}
	return winner
}

// answers are the lanes whose relays answer the round with a key.
func (x *express) answers(round rng.Key) (set uint64) {
	for n := range x.lanes {
		if x.answersOn(&x.lanes[n], round) {
			set |= 1 << n
		}
	}
	return set
}

// answersOn tells whether a lane's relay answers the round with a key.
func (x *express) answersOn(l *lane, round rng.Key) bool {
	t := &x.trips[l.echo]
	return t.Certain() || comes(t, round.Child(rng.Probe, l.server.key))
}

// trip is the index of a trip.
func (x *express) trip(t topology.Trip) uint8 {
	i := slices.Index(x.trips, t)
	if i < 0 {
		i = len(x.trips)
		x.trips = append(x.trips, t)
	}
	return uint8(i)
}

// comes tells whether a request with a key and what answers it are not lost.
func comes(t *topology.Trip, key rng.Key) bool {
	return !t.LostOut(key) && !t.LostHome(replyKey(key))
}

// laneOf is the lane of a relay, nil if it has none.
func (x *express) laneOf(id selection.RelayID) *lane {
	if n := x.index[int(id)&(len(x.index)-1)]; n != noLane && x.lanes[n].relay == id {
		return &x.lanes[n]
	}
	return nil
}

// expressAt is the express by which a client goes in a network, nil if there is
// none.
func (c *cell) expressAt(w *rider, net topology.NetworkID) *express {
	access := c.access(w.key, net)
	via := uint64(w.group)<<32 | uint64(w.edition)<<16 | uint64(net)
	v := &c.expresses[(w.group*5+uint32(w.edition)+uint32(net)+uint32(access)*3)%uint32(len(c.expresses))]
	if v.via != via || v.access != uint32(access)+1 {
		at := topology.Attachment{Network: net, Access: access, Guard: w.of.plan.Guard}
		v.via, v.access, v.express = via, uint32(access)+1, c.findExpress(w.of, w.group, uint32(w.edition), at)
	}
	return v.express
}

// foundExpresses are those that were looked for last.
type foundExpresses [64]struct {
	via     uint64   // group, edition and network
	access  uint32   // from 1; 0 where nothing was looked for
	express *express // nil if there is none
}

// findExpress looks the express up with the outlook of which it is, and makes it
// if that can be done by now.
func (c *cell) findExpress(g *group, number, edition uint32, at topology.Attachment) *express {
	made := c.courseWas(number, edition)
	o := c.knownOutlook(made, at)
	if o == nil || !o.known {
		o = c.foreseeFor(number, made, at)
	}
	if o == nil || o.routine == nil {
		return nil
	}
	slot := int32(c.plan.Slot(g.plan.Label, int(at.Network)))
	for _, x := range o.expresses {
		if x.slot == slot {
			return x
		}
	}
	x := newExpress(o, c.pol.Params.RegisterConnectTimeout)
	if x == nil {
		return nil
	}
	x.course, x.edition, x.slot = made.course, made.edition, slot
	for n := range x.lanes {
		l := &x.lanes[n]
		l.server = &c.relays[l.relay]
	}
	o.expresses = append(o.expresses, x)
	return x
}

// foreseeFor is foresee for the clients of a group at an attachment, nil if they do
// not begin a selection with a round of the first stage.
func (c *cell) foreseeFor(group uint32, made *madeCourse, at topology.Attachment) *outlook {
	if len(made.course.Stages) == 0 {
		return nil
	}
	cl := c.solo.client
	*cl = client{sel: selection.New(made.course, 0, 0), group: group, at: at, lifeAt: vtime.Never, contactAt: vtime.Never, observed: nothingObserved}
	cl.sel.Trigger(0, selection.Start)
	if begins, ok := cl.sel.Deadline(); !cl.sel.Acted() && ok {
		cl.sel.Expire(begins)
	}
	asked := cl.sel.Swap(nil)
	if len(asked) != 1 || asked[0].Kind != selection.AskRound || asked[0].Stage != 0 {
		return nil
	}
	o := c.foresee(cl, &asked[0])
	if y := o.routine; y != nil && y.Asker().Asked() == len(y.Stage().Candidates) {
		if round := y.Round(asked[0].Started); round.Deadline <= c.lastHeard(cl) {
			c.expected(cl, round, o.decides, y.Asker())
		}
	}
	return o
}

// newExpress lays out what an outlook's routine needs. It returns nil where
// more than an express knows of can decide, or something is not known yet. A
// connection is given up after timeout.
func newExpress(o *outlook, timeout time.Duration) *express {
	y := o.routine
	round := y.Round(0)
	if y.Lots() == nil || round.Pings != 1 || round.Gap != 0 || int(round.TTL) >= len(o.decides.replies) {
		return nil
	}
	replies := &o.decides.replies[round.TTL]
	if !replies.known || replies.fleeting {
		return nil
	}
	x := &express{
		routine: y, lots: y.Lots(), round: uint64(round.Round), early: y.Early(), by: y.Said().By, replies: replies.millionths,
		deadline: round.Deadline.Sub(0), lanes: make([]lane, y.Lots().Count()),
	}
	asked := round.At.Sub(0)
	for n := range x.lanes {
		l, i := &x.lanes[n], x.lots.Candidate(n)
		rank, _ := y.Entrants().Rank(i)
		p := &o.prospects[rank]
		l.relay = y.Relay(i)
		echo, ok := p.echo.Trip()
		if !ok || asked+echo.Takes > x.deadline {
			return nil
		}
		x.answered = max(x.answered, asked+echo.Takes)
		tcp, ok := p.tcp.Trip()
		l.registers = ok && p.tcp.By == topology.TheHost && tcp.Takes < time.Second && tcp.Takes <= timeout
		l.echo, l.tcp = x.trip(echo), x.trip(tcp)
	}
	x.trips = slices.Clip(x.trips)
	return x.indexed()
}

// indexed makes the index of the lanes, as small as it can be.
func (x *express) indexed() *express {
	for size := 4; size <= 1<<12; size *= 2 {
		index, apart := make([]uint8, size), true
		for i := range index {
			index[i] = noLane
		}
		for n := range x.lanes {
			at := &index[int(x.lanes[n].relay)&(size-1)]
			apart = apart && *at == noLane
			*at = uint8(n)
		}
		if apart {
			x.index = index
			return x
		}
	}
	return nil
}

// settle puts what was counted by class into the tally.
func (x *express) settle(t *Tally) {
	s, a := &t.Slots[x.slot], x.routine.Said()
	for n := range x.lanes {
		l := &x.lanes[n]
		took := 2 * x.trips[l.tcp].Takes
		s.SelectionTime.AddN(micro(x.deadline+took), uint64(l.won[0]))
		s.SelectionTime.AddN(micro(x.answered+took), uint64(l.won[1]))
		won := uint64(l.won[0]) + uint64(l.won[1]) + uint64(l.slowly)
		if l.time != 0 {
			s.TimeOn.Add(l.relay, l.time)
		}
		t.Relays[l.relay].Registrations += won + uint64(l.renewed)
		t.Selections += won
		t.ByLevel[LevelClass] += won
		s.Rounds.AddN(uint64(a.Rounds), won)
		s.Probes += won * uint64(a.Probes)
		s.EchoReplies += won * x.replies
		s.Selections[a.By] += won
		if a.DistanceMax >= 0 {
			s.DistanceKnown += won
			s.Distance.AddN(uint64(a.DistanceMax), won)
		}
		l.won, l.slowly, l.renewed, l.time = [2]uint32{}, 0, 0, 0
	}
}

// settleExpresses settles those of an outlook, which may be nil.
func (o *outlook) settleExpresses(t *Tally) {
	if o == nil {
		return
	}
	for _, x := range o.expresses {
		x.settle(t)
	}
}

// settleExpresses settles all.
func (c *cell) settleExpresses() {
	for _, row := range c.outlooks {
		for _, page := range row {
			if page == nil {
				continue
			}
			for _, o := range page {
				o.settleExpresses(c.tally)
			}
		}
	}
}
