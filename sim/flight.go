package sim

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// flight is a packet of a client at packet level whose next event is to come:
// a request on its way to a host or to where it ends, then the ICMP error about
// it. It is kept because the world may change meanwhile: what a name resolved
// to when the request was sent is where the answer comes from.
type flight struct {
	packet topology.Packet
	result topology.Result // of a request that an error may be about
	// again is how much later a copy of the request arrives, 0 for none.
	again time.Duration
	// gone: it was sent in another network than the cell's.
	gone bool
}

// flights are by client and detail. A request is either at a host next or
// where an error is made, so these name one.
type flights struct {
	at   map[flightKey]uint32
	all  []flight
	free []uint32
}

type flightKey uint64

func flightOf(client int, detail uint32) flightKey {
	return flightKey(uint64(client)<<32 | uint64(detail))
}

func (f *flights) put(k flightKey, v flight) {
	if f.at == nil {
		f.at = map[flightKey]uint32{}
	}
	if n := len(f.free); n > 0 {
		i := f.free[n-1]
		f.free = f.free[:n-1]
		f.at[k], f.all[i] = i, v
		return
	}
	f.at[k] = uint32(len(f.all))
	f.all = append(f.all, v)
}

// take removes a packet, nil if it is not here. It is good until the next put.
func (f *flights) take(k flightKey) *flight {
	if len(f.at) == 0 {
		return nil
	}
	i, ok := f.at[k]
	if !ok {
		return nil
	}
	delete(f.at, k)
	f.free = append(f.free, i)
	return &f.all[i]
}

// has tells whether a packet is here.
func (f *flights) has(k flightKey) bool {
	_, ok := f.at[k]
	return ok
}

// ground drops what has not come to its end yet.
func (f *flights) ground() {
	for i := range f.all {
		f.all[i].gone = !f.all[i].isError()
	}
}

// isError tells whether it is what a router or firewall answered.
func (f *flight) isError() bool {
	return f.packet.Kind.IsError() || f.packet.Kind == topology.Reset
}

// request makes a packet of the client's to a relay; it is not ok if the
// relay's name does not resolve where the client is.
func (c *cell) request(cl *client, to selection.RelayID, kind topology.Kind, ttl uint8, key rng.Key) (topology.Packet, bool) {
	return c.state.Request(cl.at, uint64(cl.key), topology.HostID(to), kind, ttl, key)
}

// fate is what becomes of such a packet with enough TTL, and of its answer.
func (c *cell) fate(cl *client, to selection.RelayID, kind topology.Kind, key rng.Key) *topology.Fate {
	if !c.balanced {
		return c.state.Fate(cl.at, topology.HostID(to), kind)
	}
	p, ok := c.request(cl, to, kind, topology.MaxTTL, key)
	if !ok {
		return &neverSent
	}
	return c.state.FateOf(&p)
}

var neverSent = topology.Fate{Forward: topology.Unresolved, Box: topology.NoBox}

// send lets a packet go from its source. copied is how much later than the
// request that it answers a copy of that arrived, 0 for none.
func (c *cell) send(i int, p topology.Packet, detail uint32, copied time.Duration) {
	if c.halts != 0 && c.watch == nil {
		c.depart(i, &p, detail, copied)
		return
	}
	r := c.walk(p, detail)
	c.ended(i, &p, detail, &r, copied)
}

// ended queues what becomes of a packet whose way has ended. A host answers a
// copy of a request too; that answer comes as much later as the copy did.
// Copies have no luck of their own, so none brings what its original did not.
func (c *cell) ended(i int, p *topology.Packet, detail uint32, r *topology.Result, copied time.Duration) {
	f := flight{packet: *p}
	switch delivered := r.End == topology.Delivered; {
	case f.isError():
		if delivered {
			c.flights.put(flightOf(i, detail), f)
			c.push(r.At, evTold, i, detail)
		}
	case delivered && p.Back:
		c.arrive(i, detail, r.At, r.Again)
		if copied > 0 {
			c.push(r.At.Add(copied), evAtClient, i, detail)
		}
	case delivered:
		f.again = r.Again
		c.flights.put(flightOf(i, detail), f)
		c.push(r.At, evAtHost, i, detail)
	case !p.Back && mayTell(r.End):
		c.foundDead(i, detail, r.End, r.At)
		f.result = *r
		c.flights.put(flightOf(i, detail), f)
		c.push(r.At, evError, i, detail)
	}
}

// mayTell tells whether an ICMP error can be about a packet that ended so.
func mayTell(e topology.End) bool {
	switch e {
	case topology.Delivered, topology.Filtered, topology.OverLimit, topology.Lost, topology.Cut:
		return false
	}
	return true
}

// arrive queues the arrival of an answer at the client, and of its copy.
func (c *cell) arrive(i int, detail uint32, at vtime.Instant, again time.Duration) {
	c.push(at, evAtClient, i, detail)
	if again > 0 {
		c.push(at.Add(again), evAtClient, i, detail)
	}
}

// reply sends the answer to a request that has arrived.
func (c *cell) reply(i int, f *flight, kind topology.Kind, detail uint32) {
	c.send(i, c.net.Reply(f.packet, kind, hostTTL, replyKey(f.packet.Key)), detail, f.again)
}

// each calls f with the packets that an event stands for.
func (c *cell) each(kind uint64, i int, detail uint32, f func(c *cell, i int, detail uint32)) {
	n := c.standsFor(kind, i, detail)
	c.tally.Events += uint64(n - 1)
	for last := detail + n; detail < last; detail++ {
		f(c, i, detail)
	}
}

// sendError is the time for an ICMP error about a request to start back.
func (c *cell) sendError(i int, detail uint32) {
	f := c.flights.take(flightOf(i, detail))
	switch {
	case f == nil:
		c.errorByErrand(i, detail)
		return
	case f.gone:
		return
	}
	e, made := c.state.ErrorAbout(f.packet, f.result, c.now, errorKey(f.packet.Key))
	if made {
		c.send(i, e, detail, 0)
	}
}

// told is the arrival of an ICMP error, or of a firewall's reset, at the client.
func (c *cell) told(i int, detail uint32) {
	var kind topology.Kind
	if f := c.flights.take(flightOf(i, detail)); f != nil {
		kind = f.packet.Kind
	} else if x, _ := c.errandOf(c.client(i), detail); x != nil {
		kind = x.Answer
	} else {
		return
	}
	switch {
	case detail&0xffff >= firstReset:
		c.connectRefused(i, detail, kind)
	case kind == topology.TimeExceeded:
		c.answer(i, detail, selection.TimeExceeded)
	case kind == topology.Unreachable:
		c.answer(i, detail, selection.Unreachable)
	}
}

// atHost is the arrival of a probe or a SYN at a host, or at a box that answers
// in its name.
func (c *cell) atHost(i int, detail uint32) {
	f := c.flights.take(flightOf(i, detail))
	switch {
	case f == nil:
		c.answerByErrand(i, detail)
	case f.gone:
	case detail&0xffff >= firstReset:
		if reset, ok := c.synAtHost(i, f.packet.Dst.Host, detail); ok {
			c.reply(i, f, topology.TCP, reset)
		}
	case c.client(i).ask.of(detail) != nil:
		c.reply(i, f, topology.EchoReply, detail)
	}
}
