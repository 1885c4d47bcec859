package sim

import (
	"fmt"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// transit is a packet of a client that has come to a router or box: at hop
// level to any, at packet level to one where it matters who else comes.
type transit struct {
	topology.Transit
	packet topology.Packet
	copied time.Duration // see send
}

// transits are by client and detail, which name one packet under way: what
// answers to a packet, or an error about it, is made when that has ended.
type transits struct {
	at   map[flightKey]*transit
	free []*transit
}

// next is an empty transit.
func (t *transits) next() *transit {
	n := len(t.free)
	if n == 0 {
		return new(transit)
	}
	x := t.free[n-1]
	t.free = t.free[:n-1]
	return x
}

// depart lets a packet go until it halts or its way ends.
func (c *cell) depart(i int, p *topology.Packet, detail uint32, copied time.Duration) {
	t := c.transits.next()
	t.packet, t.copied = *p, copied
	t.Send(c.state, p, c.now, c.halts)
	if !c.advance(i, detail, t) {
		return
	}
	k := flightOf(i, detail)
	if c.transits.at == nil {
		c.transits.at = map[flightKey]*transit{}
	}
	if c.transits.at[k] != nil {
		panic(fmt.Sprintf("sim: two packets %#x of client %d are under way", detail, i))
	}
	c.transits.at[k] = t
	c.push(t.At(), evHop, i, detail)
}

// advance takes a packet on from where it is. It tells whether the packet has
// halted again.
func (c *cell) advance(i int, detail uint32, t *transit) bool {
	r, onWay := t.Advance()
	if !onWay {
		c.ended(i, &t.packet, detail, &r, t.copied)
		c.transits.free = append(c.transits.free, t)
	}
	return onWay
}

// hop is the arrival of a packet at a router or box. One that has been settled
// is not there any more.
func (c *cell) hop(i int, detail uint32) {
	k := flightOf(i, detail)
	t := c.transits.at[k]
	if t == nil || t.At() != c.now {
		return
	}
	if c.advance(i, detail, t) {
		c.push(t.At(), evHop, i, detail)
	} else {
		delete(c.transits.at, k)
	}
}

// settle takes all packets to the ends of their ways before the world changes:
// a packet meets the world as it was when it left. They come to the routers and
// boxes in the order in which they would have come.
func (c *cell) settle() {
	var next []event
	// order: a heap gives them back in their total order.
	for k, t := range c.transits.at {
		next = append(next, event{t.At(), payload(evHop<<60 | uint64(k))})
	}
	heapInit(next)
	for len(next) > 0 {
		var e event
		e, next = heapPop(next)
		i, detail := e.what.client(), e.what.detail()
		t := c.transits.at[flightOf(i, detail)]
		if c.advance(i, detail, t) {
			next = heapPush(next, event{t.At(), e.what})
		} else {
			delete(c.transits.at, flightOf(i, detail))
		}
	}
}
