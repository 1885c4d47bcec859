package main

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// boxedQueue is what a simulator often begins with: container/heap, and a
// closure for each event.
type boxedQueue struct {
	now  time.Duration
	done uint64 // events that have happened
	list boxedList
}

type boxedEvent struct {
	at time.Duration
	f  func()
}

type boxedList []*boxedEvent

func (l boxedList) Len() int           { return len(l) }
func (l boxedList) Less(i, j int) bool { return l[i].at < l[j].at }
func (l boxedList) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *boxedList) Push(x any)        { *l = append(*l, x.(*boxedEvent)) }
func (l *boxedList) Pop() any {
	n := len(*l) - 1
	last := (*l)[n]
	(*l)[n] = nil
	*l = (*l)[:n]
	return last
}

// after lets f happen a span from now.
func (q *boxedQueue) after(d time.Duration, f func()) {
	heap.Push(&q.list, &boxedEvent{q.now + d, f})
}

// step lets the next event happen; it tells whether there was one.
func (q *boxedQueue) step() bool {
	if len(q.list) == 0 {
		return false
	}
	e := heap.Pop(&q.list).(*boxedEvent)
	q.now = e.at
	q.done++
	e.f()
	return true
}

// calibrate is the CPU time of one hold in the hold model, in ns: with 100,000
// closures pending, each happens and is pushed again.
func calibrate() float64 {
	const pending, holds = 100_000, 200_000
	q := &boxedQueue{}
	chance := rand.New(rand.NewPCG(1, 2))
	var again func()
	again = func() { q.after(time.Duration(chance.Int64N(int64(200*time.Millisecond))), func() { again() }) }
	for range pending {
		again()
	}
	from := cpuTime()
	for range holds {
		q.step()
	}
	return float64(cpuTime()-from) / holds
}

// boxedRef is the reference job, written as plainly as it can be: every packet's
// arrival is an event, and what becomes of a packet is looked up in a table.
type boxedRef struct {
	queue   boxedQueue
	job     refJob
	chance  *rand.Rand
	relays  []refRelay
	dead    []bool
	clients []boxedClient

	selections, rounds, probes, replies uint64
}

type boxedClient struct {
	network, ttl int
	repliers     []int
	parent       int
}

// Of the scenario: the time from one router to the next, a round's length and
// the number of routers in front of the firewall and at it, whose time-exceeded
// comes back.
const (
	boxedHop    = time.Millisecond
	boxedRound  = time.Second
	beforeFence = 2
)

func newBoxedRef(j refJob) *boxedRef {
	b := &boxedRef{job: j, chance: rand.New(rand.NewPCG(1, 2)), relays: refRelays()}
	b.dead = make([]bool, len(b.relays))
	return b
}

func (b *boxedRef) run() {
	b.clients = make([]boxedClient, b.job.Clients)
	for i := range b.clients {
		c := &b.clients[i]
		c.network, c.parent = 1+i*refNetworks/len(b.clients), -1
		b.queue.after(time.Duration(b.chance.Int64N(int64(20*time.Second))), func() { b.begin(c) })
	}
	if b.job.Death {
		b.queue.after(time.Minute, b.die)
	}
	for b.queue.step() {
	}
}

// die is the end of a relay: its clients select again.
func (b *boxedRef) die() {
	for r := range b.relays {
		if b.relays[r].Name != refDeath {
			continue
		}
		b.dead[r] = true
		for i := range b.clients {
			if c := &b.clients[i]; c.parent == r {
				b.queue.after(time.Duration(b.chance.Int64N(int64(30*time.Second))), func() { b.begin(c) })
			}
		}
	}
}

func (b *boxedRef) begin(c *boxedClient) {
	b.selections++
	c.parent, c.ttl = -1, 0
	b.round(c)
}

// round sends a probe to each relay with the next TTL.
func (b *boxedRef) round(c *boxedClient) {
	c.ttl++
	b.rounds++
	c.repliers = c.repliers[:0]
	for r := range b.relays {
		b.probes++
		b.probe(c, r)
	}
	b.queue.after(boxedRound, func() { b.end(c) })
}

func (b *boxedRef) probe(c *boxedClient, r int) {
	need, ttl := refTTL(c.network, b.relays[r]), c.ttl
	way := time.Duration(min(need, ttl)) * boxedHop
	if ttl < need {
		b.queue.after(way, func() { // it expires
			if ttl <= beforeFence {
				b.queue.after(way, func() {})
			}
		})
		return
	}
	b.queue.after(way, func() {
		if !b.dead[r] {
			b.queue.after(way, func() {
				b.replies++
				c.repliers = append(c.repliers, r)
			})
		}
	})
}

// end is the end of a round: if any relay has answered, one is drawn by weight
// and asked to register the client.
func (b *boxedRef) end(c *boxedClient) {
	if len(c.repliers) == 0 {
		b.round(c)
		return
	}
	sum := 0
	for _, r := range c.repliers {
		sum += b.relays[r].Weight
	}
	left := b.chance.IntN(sum)
	for _, r := range c.repliers {
		if left -= b.relays[r].Weight; left < 0 {
			way := time.Duration(refTTL(c.network, b.relays[r])) * boxedHop
			b.queue.after(way, func() { b.queue.after(way, func() { c.parent = r }) })
			return
		}
	}
}
