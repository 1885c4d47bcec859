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

// sweep is the part of a cell that rests, and the workers who carry it on.
type sweep struct {
	resting []resting
	batches []batch
	groupOf []uint32 // by batch: the group of its first client
	workers []*cell
	loads   []*loads // of the workers
	// owner has the number of each client in cell.clients, idle the places
	// there that are free.
	owner []int
	idle  []int
	// turn is what the beginning of the present window brings.
	turn turn
}

// handed is a client that a worker could not lay down.
type handed struct {
	number int
	client client
	agenda []event
}

// maxWindow bounds a window by what changes of load it brings: a few for each
// client and selection.
const maxWindow = 3 * time.Hour

// newSweep lays the clients of a cell down whose groups demand nothing.
func (c *cell) newSweep(workers int, demands []demand, traced bool) {
	s, n := &sweep{}, c.plan.Clients()
	s.resting = make([]resting, n)
	for i := range s.resting {
		s.resting[i] = resting{flags: restsFresh}
	}
	s.batches = make([]batch, (n+batchSize-1)/batchSize)
	g := uint32(0)
	for k := range s.batches {
		g = c.groupOf(k*batchSize, g)
		s.groupOf = append(s.groupOf, g)
	}
	s.turn.relays, s.turn.groups = make([]bool, len(c.relays)), make([]bool, len(c.groups))
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
				c.begin(&h.client, clientKey(g.key, g.plan.First+n-g.first), uint32(i))
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
		scene: c.scene, end: c.end, warm: c.warm, changeAt: c.changeAt,
		state: c.state, tally: c.tally, solo: &solo{client: new(client)},
	}
	w.loads = newLoads(c.tally.Relays, w.warm, w.end)
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
	s := c.sweep
	for from := vtime.Instant(0); from < c.end; {
		c.turnTo(from)
		until := min(from.Add(maxWindow), c.changeAt, c.library.staleAt, c.library.publishAt, c.end)
		s.turn.until = until
		if err := c.sweepAll(ctx); err != nil {
			return err
		}
		if err := c.runUntil(ctx, until); err != nil {
			return err
		}
		c.loads.settle(until, s.loads...)
		c.layAllDown(until)
		c.tell(from, until)
		from = until
	}
	c.now = c.end
	for _, w := range s.workers {
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
		w.changeAt = c.changeAt
		switch {
		case t.contacts:
			w.forgetOutlooks()
		case t.hosts:
			w.forgetHosts(t.relays)
		}
	}
}

// makeCourses makes all courses that clients may be on from now on: workers only
// look them up.
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
		for i := range w.handedOver {
			c.takeOver(&w.handedOver[i])
		}
		clear(w.handedOver)
		w.handedOver = w.handedOver[:0]
	}
	return ctx.Err()
}

// sweepBatch takes the resting clients of a batch through the window.
func (c *cell) sweepBatch(s *sweep, k int) {
	ch, t, group := &s.batches[k], &s.turn, s.groupOf[k]
	c.extras.clear()
	first := k * batchSize
	for i := first; i < min(first+batchSize, len(s.resting)); i++ {
		group = c.groupOf(i, group)
		r := &s.resting[i]
		switch {
		case r.is(restsAwake):
		case t.changed && c.touched(t, group, r):
			c.takeTurn(t, i, group, r, &ch.extras, true)
		case r.due < t.until:
			c.takeTurn(t, i, group, r, &ch.extras, false)
		case r.extra != 0:
			c.carryExtra(r, &ch.extras, &c.extras, t.until)
		}
	}
	ch.extras.keep(&c.extras)
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
	s.resting[h.number].due = vtime.Instant(at)
	for _, e := range h.agenda {
		c.q.push(e)
	}
}

// layAllDown lays down who can rest again. Its events stay in the queue, where
// they find it asleep.
func (c *cell) layAllDown(until vtime.Instant) {
	s := c.sweep
	for at, i := range s.owner {
		if i < 0 || c.groups[c.clients[at].group].restless {
			continue
		}
		r := &s.resting[i]
		if c.layDown(&c.clients[at], r, &s.batches[i/batchSize].extras, until) {
			c.clients[at] = client{}
			s.owner[at] = -1
			s.idle = append(s.idle, at)
		}
	}
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
			c.finishResting(g, r, &s.batches[i/batchSize])
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
