package sim

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// The class level takes clients one after another, not event after event: each
// goes through its own events of a window of time before the next one's turn,
// and rests in between. That is the same run, since between two changes of the
// world nothing that a client does touches another. A client that needs
// packets, or cannot rest when the window ends, is handed to the cell's queue
// until it rests again.
//
// Windows are a batch's of clients. One ends when something changes that concerns
// any of them; what does not passes while they are ahead already.

// sweep is the part of a cell that rests, and the workers who carry it on.
type sweep struct {
	resting []resting
	due     []vtime.Instant // of those that rest: see berth
	batches []batch
	shift   uint     // of a client's number, to that of its batch
	groupOf []uint32 // by batch: the group of its first client
	workers []*cell
	loads   []*loads // of the workers
	// settleAt is when the changes of load are settled next, which is when every
	// window ends.
	settleAt vtime.Instant
	// owner has the number of each client in cell.clients, idle the places
	// there that are free.
	owner []int
	idle  []int
	// turn is what the beginning of the present window brings.
	turn turn
	// behind are the clients that lie down behind their batch.
	behind []berth
}

// A worker takes a batch of clients at once: of few, since few have few concerns, but
// no more than mostBatches, and none of more than largestBatch, whose memory the
// nearest caches hold.
const (
	mostBatches  = 128
	largestBatch = 1 << 13
)

// batchShift is the binary logarithm of how many of so many clients are a batch.
func batchShift(clients int) (shift uint) {
	const least = 4
	for shift = least; clients>>shift > mostBatches && 1<<shift < largestBatch; {
		shift++
	}
	return shift
}

// batchOf is the batch of a client.
func (s *sweep) batchOf(i int) *batch { return &s.batches[i>>s.shift] }

// batch is what so many clients share.
type batch struct {
	extras extras
	// until is when its window ends: so far are those of its clients that rest.
	until vtime.Instant
	// leads are the relays to which courses lead that its clients have had so far:
	// no other can be a parent of theirs. parents are those that are the parent of a
	// client that rests, or were when they were last counted.
	leads, parents relaySet
	begun          bool // its clients are settled in
}

// note notes the parent of a client that lies down.
func (b *batch) note(r *selection.Rest) {
	if parent, _ := r.Parent(); parent.Known() {
		b.parents.add(parent)
	}
}

// relaySet is a set of relays.
type relaySet []uint64

// newRelaySet is an empty set of so many relays.
func newRelaySet(relays int) relaySet { return make(relaySet, (relays+63)/64) }

func (s relaySet) add(id selection.RelayID)      { s[id>>6] |= 1 << (id & 63) }
func (s relaySet) has(id selection.RelayID) bool { return s[id>>6]>>(id&63)&1 == 1 }

// join adds those of another.
func (s relaySet) join(o relaySet) {
	for i, w := range o {
		s[i] |= w
	}
}

// meets tells whether two sets have a relay in common.
func (s relaySet) meets(o relaySet) bool {
	for i, w := range s {
		if w&o[i] != 0 {
			return true
		}
	}
	return false
}

// handed is a client that a worker could not lay down.
type handed struct {
	number int
	client client
	agenda []event
}

// longestWindow bounds windows by the room that changes of load take until they are
// settled: two for most selections, two bytes each. A longer one means fewer turns
// for as many selections.
func longestWindow(clients int) time.Duration {
	if clients > 4e6 {
		return 12 * time.Hour
	}
	return 16 * time.Hour
}

// newSweep lays the clients of a cell down whose groups demand nothing.
func (c *cell) newSweep(workers int, demands []demand, traced bool) {
	s, n := &sweep{}, c.plan.Clients()
	s.resting = make([]resting, n)
	s.due = make([]vtime.Instant, n)
	s.shift = batchShift(n)
	s.batches = make([]batch, (n-1)>>s.shift+1)
	g := uint32(0)
	for k := range s.batches {
		s.batches[k].parents, s.batches[k].leads = newRelaySet(len(c.relays)), newRelaySet(len(c.relays))
		g = c.groupOf(k<<s.shift, g)
		s.groupOf = append(s.groupOf, g)
	}
	s.turn.relays, s.turn.groups = newRelaySet(len(c.relays)), make([]bool, len(c.groups))
	for k := range min(workers, max(1, len(s.batches))) {
		w := c.newWorker(k == 0, traced)
		s.workers, s.loads = append(s.workers, w), append(s.loads, &w.loads)
	}
	c.sweep = s
	for i := range c.groups {
		if g := &c.groups[i]; demands[i] != demandNone {
			g.restless = true
			for n := g.first; n < g.first+g.plan.Count; n++ {
				s.resting[n].flags = restsAwake
				h := handed{number: n}
				c.begin(&h.client, g.clientKey(n), uint32(i))
				c.takeOver(&h)
				c.scheduleSession(n, 0)
			}
		}
	}
}

// newWorker is a cell for a part of the clients of c. The first has the network
// and the tally of c itself, which does nothing while workers work.
func (c *cell) newWorker(first, traced bool) *cell {
	w := &cell{
		scene: c.scene, end: c.end, warm: c.warm,
		state: c.state, tally: c.tally, solo: &solo{client: new(client)}, due: new(places),
	}
	w.loads = newLoads(c.tally.Relays, w.end)
	if !first {
		w.tally = newTally(c.plan, c.tally.Policy, c.tally.Replication)
		w.state = c.net.NewState()
		w.state.SetWeather(c.weather)
		for id := range c.relays {
			w.place(selection.RelayID(id))
		}
	}
	switch {
	case traced && first:
		w.trace = c.trace
	case traced:
		w.trace = &Trace{}
	}
	return w
}

// runWindows is run where clients may rest.
func (c *cell) runWindows(ctx context.Context) error {
	s, longest := c.sweep, longestWindow(len(c.sweep.due))
	for from := vtime.Instant(0); from < c.end; {
		c.turnTo(from)
		if from == s.settleAt {
			s.settleAt = min(from.Add(longest), c.end)
		}
		if err := c.sweepAll(ctx); err != nil {
			return err
		}
		until := min(s.settleAt, c.changeAt, c.library.staleAt, c.library.publishAt)
		if err := c.runUntil(ctx, until); err != nil {
			return err
		}
		c.layAllDown(until)
		if until == s.settleAt {
			c.loads.settle(until, s.loads...)
		}
		c.tell(from, until)
		from = until
	}
	c.now = c.end
	for _, w := range s.workers {
		w.settleExpresses()
		if w.tally != c.tally {
			c.tally.add(w.tally)
		}
		if c.trace != w.trace {
			c.trace.Decisions = append(c.trace.Decisions, w.trace.Decisions...)
		}
	}
	c.settle()
	c.finish()
	return c.state.Balanced()
}

// turnTo lets the world change at the beginning of a window.
func (c *cell) turnTo(from vtime.Instant) {
	t := &c.sweep.turn
	clear(t.relays)
	clear(t.groups)
	*t = turn{from: from, relays: t.relays, groups: t.groups}
	for i := range c.groups {
		c.groups[i].was = c.groups[i].seek
	}
	c.now = from
	for {
		e, ok := c.q.next()
		if !ok || e.at != from || e.what.kind() > evPublish {
			break
		}
		c.work(c.q.pop())
	}
	if from == 0 || t.published || len(t.happened) > 0 {
		c.makeCourses()
	}
	for _, w := range c.sweep.workers {
		w.change, w.expresses = c.change, foundExpresses{}
		switch {
		case t.contacts:
			w.forgetOutlooks()
		case t.hosts:
			w.forgetHosts(t.relays)
		}
	}
}

// makeCourses makes all courses that clients may be on from now on: workers only
// look them up. It finds to which relays they lead.
func (c *cell) makeCourses() {
	for i := range uint32(len(c.groups)) {
		for edition := range uint32(len(c.library.editions)) {
			c.course(i, edition)
			c.courseBy(i, edition, c.groups[i].was)
			for _, e := range c.sweep.turn.happened {
				if e.Kind == SeekChanged && slices.Contains(e.Groups, int(i)) {
					c.courseBy(i, edition, &e.Seek)
				}
			}
		}
	}
	s := c.sweep
	for k := range s.batches {
		b, last := &s.batches[k], -1
		for i := int(s.groupOf[k]); i < len(c.groups) && c.groups[i].first < (k+1)<<s.shift; i++ {
			n := c.groups[i].profile
			if n == last {
				continue
			}
			last = n
			for j := range c.profiles[n].courses {
				b.leads.join(c.profiles[n].courses[j].leads)
			}
		}
	}
}

// concernOf is when next an event, or what may come of it, concerns clients of a
// batch, or the instant latest if that is before. An outage of a relay to which none
// of them can turn does not.
func (c *cell) concernOf(b *batch, latest vtime.Instant) vtime.Instant {
	ttl := c.pol.World.RelaysDatStaleTTL
	for i := c.change; i < len(c.plan.Events); i++ {
		e := &c.plan.Events[i]
		at := vtime.Instant(e.At)
		switch {
		case at >= latest:
			return latest
		case !e.Kind.isOutage() || !c.net.OwnNames() || b.leads.has(e.Relay):
			return at
		case ttl > 0 && e.Kind != HostDown: // it may be listed again
			return at
		case ttl > 0: // it may be listed no more
			latest = min(latest, at.Add(ttl))
		}
	}
	return latest
}

// meet tells the worker what concerns the clients of a batch next, beyond the
// window if nothing does before: what ends by then may be completed ahead.
func (c *cell) meet(s *sweep, b *batch) {
	c.changeAt = c.concernOf(b, s.settleAt.Add(time.Hour))
}

// sweepAll lets every worker take batches: those of its own part of the
// clients, then of others'.
func (c *cell) sweepAll(ctx context.Context) error {
	s := c.sweep
	n := len(s.workers)
	taken := make([]atomic.Int64, n)
	work := func(k int) {
		for part := range n {
			part = (k + part) % n
			first, last := part*len(s.batches)/n, (part+1)*len(s.batches)/n
			for ctx.Err() == nil {
				i := first + int(taken[part].Add(1)) - 1
				if i >= last {
					break
				}
				s.workers[k].sweepBatch(s, i)
			}
		}
	}
	if n == 1 {
		work(0)
	} else {
		var wg sync.WaitGroup
		for k := range n {
			wg.Go(func() { work(k) })
		}
		wg.Wait()
	}
	for _, w := range s.workers {
		c.takeOverFrom(w)
	}
	return ctx.Err()
}

// sweepBatch takes the resting clients of a batch through its next window, if the
// last one has ended: all as far as they go by express, then who is left as far as
// that goes its usual way, then who is left. So each way's code and memos stay in
// the nearest cache.
func (c *cell) sweepBatch(s *sweep, k int) {
	b := &s.batches[k]
	if b.until > s.turn.from {
		return
	}
	if !b.begun {
		b.begun = true
		c.settleIn(s, k)
	}
	c.meet(s, b)
	b.until = min(c.changeAt, s.settleAt, c.library.staleAt, c.library.publishAt)
	t := &c.turn
	*t = s.turn
	t.until = b.until
	first := k << s.shift
	due := s.due[first:min(first+1<<s.shift, len(s.due))]
	changed := t.mayTouch(b)
	turns := allPlaces[:len(due)]
	if changed {
		clear(b.parents)
	} else {
		turns = c.due.dueBefore(t.until, due)
	}
	c.late = c.late[:0]
	r := &c.berthed
	*r = berth{batch: b, group: s.groupOf[k]}
	for _, i := range turns {
		s.show(r, first+int(i))
		if r.is(restsAwake) {
			continue
		}
		r.group = c.groupOf(r.number, r.group)
		touched, published := false, false
		if changed {
			touched, published = c.touched(t, r.group, r.resting)
		}
		switch {
		case touched && !published:
			c.late = append(c.late, latecomer{group: r.group, place: i, touched: true})
		case !touched && due[i] >= t.until:
			b.note(&r.rest)
		default:
			if seen, acted, done := c.expressTurn(t, r, published); !done {
				c.late = append(c.late, latecomer{seen, r.group, i, touched && !acted})
			}
		}
	}
	left := c.late[:0]
	for _, l := range c.late {
		if !l.touched {
			s.show(r, first+int(l.place))
			r.group = l.group
			var done bool
			if l.seen, done = c.quickTurn(t, r, l.seen); done {
				continue
			}
		}
		left = append(left, l)
	}
	for _, l := range left {
		s.show(r, first+int(l.place))
		r.group = l.group
		c.takeTurn(t, r, l.seen, l.touched)
	}
}

// settleIn writes the clients of a batch that have not begun, which changes nothing
// of them: memory that is read before it is written costs two page faults.
func (c *cell) settleIn(s *sweep, k int) {
	g := s.groupOf[k]
	for i := k << s.shift; i < min((k+1)<<s.shift, len(s.due)); i++ {
		if g = c.groupOf(i, g); !c.groups[g].restless {
			s.resting[i], s.due[i] = resting{}, 0
		}
	}
}

// latecomer is a client of a batch that is not done with the window.
type latecomer struct {
	seen    vtime.Instant // the instant of what it has done in it, 0 if nothing
	group   uint32
	place   uint16
	touched bool // it has to be told what happened before
}

// show makes r the berth of a client but for its batch and group.
func (s *sweep) show(r *berth, i int) { r.resting, r.due, r.number = &s.resting[i], &s.due[i], i }

// places are numbers of clients in their batch.
type places [largestBatch]uint16

// allPlaces are those of a whole batch.
var allPlaces = func() (p places) {
	for i := range p {
		p[i] = uint16(i)
	}
	return p
}()

// dueBefore finds those that are due before an instant. That cannot be foreseen
// of anybody, so no branch hangs on it.
func (p *places) dueBefore(until vtime.Instant, due []vtime.Instant) []uint16 {
	n := 0
	for i, at := range due {
		p[n&(largestBatch-1)] = uint16(i)
		if at < until {
			n++
		}
	}
	return p[:n]
}

// berth is that of a client, whose group has to be found from that of an earlier
// one.
func (c *cell) berth(i int, group uint32) berth {
	s := c.sweep
	return berth{&s.resting[i], &s.due[i], s.batchOf(i), i, c.groupOf(i, group)}
}

// takeOver gives a client a place among those that are awake.
func (c *cell) takeOver(h *handed) {
	s := c.sweep
	var at int
	if n := len(s.idle); n > 0 {
		at = s.idle[n-1]
		s.idle = s.idle[:n-1]
		c.clients[at], s.owner[at] = h.client, h.number
	} else {
		at = len(c.clients)
		c.clients, s.owner = append(c.clients, h.client), append(s.owner, h.number)
	}
	s.due[h.number] = vtime.Instant(at)
	for _, e := range h.agenda {
		c.q.push(e)
	}
}

// layAllDown lays down who can rest again. Its events stay in the queue, where
// they find it asleep. Where its batch is ahead, the client catches up with it.
func (c *cell) layAllDown(until vtime.Instant) {
	s := c.sweep
	s.behind = s.behind[:0]
	for at, i := range s.owner {
		if i < 0 || c.groups[c.clients[at].group].restless {
			continue
		}
		r := c.berth(i, c.clients[at].group)
		if c.layDown(&c.clients[at], &r, until) {
			c.clients[at] = client{}
			s.owner[at] = -1
			s.idle = append(s.idle, at)
			if *r.due < r.batch.until {
				s.behind = append(s.behind, r)
			}
		}
	}
	w := s.workers[0]
	for i := range s.behind {
		r := &s.behind[i]
		w.meet(s, r.batch)
		w.turn = turn{from: until, until: r.batch.until}
		w.takeTurn(&w.turn, r, 0, false)
	}
	c.takeOverFrom(w)
}

// takeOverFrom takes over the clients that a worker could not lay down.
func (c *cell) takeOverFrom(w *cell) {
	for i := range w.handedOver {
		c.takeOver(&w.handedOver[i])
	}
	clear(w.handedOver)
	w.handedOver = w.handedOver[:0]
}

// asleep tells whether an event is for a client that rests, as one of an
// earlier time when it was awake is, and of what is still in flight for it.
func (c *cell) asleep(e event) bool {
	k := e.what.kind()
	if k <= evPublish || k == evHop || k == evAdmit || !c.rests(e.what.client()) {
		return false
	}
	if k == evAtHost || k == evError || k == evTold {
		c.flights.take(flightOf(e.what.client(), e.what.detail()))
	}
	return true
}

// rests tells whether a client rests.
func (c *cell) rests(i int) bool { return c.sweep != nil && !c.sweep.resting[i].is(restsAwake) }

// eachWorker calls f for each worker that the cell has.
func (c *cell) eachWorker(f func(w *cell)) {
	if c.sweep != nil {
		for _, w := range c.sweep.workers {
			f(w)
		}
	}
}

// finishAsleep ends the clients that rest at the end of the run.
func (c *cell) finishAsleep() {
	if c.sweep == nil {
		return
	}
	s := c.sweep
	g := uint32(0)
	for i := range s.resting {
		g = c.groupOf(i, g)
		if r := &s.resting[i]; !r.is(restsAwake) {
			c.finishResting(g, r, s.batchOf(i))
		}
	}
}

// eachAwake calls f with the number of each client that is awake.
func (c *cell) eachAwake(f func(i int)) {
	if c.sweep == nil {
		for i := range c.clients {
			f(i)
		}
		return
	}
	for _, i := range c.sweep.owner {
		if i >= 0 {
			f(i)
		}
	}
}
