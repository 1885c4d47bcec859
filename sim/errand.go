package sim

import (
	"fmt"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// Of a packet that nothing befalls but what its key decides, an event at packet
// level is all there is: the event names client, round and probe, and these the
// errand (topology.Errand) and the key. Other packets are walked, as all are at
// hop level, and have a flight.

// errand is the memo of a packet of the client's, nil if it has to be walked.
func (c *cell) errand(cl *client, to selection.RelayID, kind topology.Kind, ttl uint8) *topology.Errand {
	if c.hops || c.balanced || c.watch != nil {
		return nil
	}
	return c.state.Errand(cl.at, topology.HostID(to), kind, ttl)
}

// sendErrand sends a request. It makes the events that ended makes.
func (c *cell) sendErrand(i int, x *topology.Errand, key rng.Key, detail uint32) {
	switch r := c.state.SendRequest(x, key, c.now); {
	case r.End == topology.Delivered:
		c.push(r.At, evAtHost, i, detail)
	case mayTell(r.End):
		c.foundDead(i, detail, r.End, r.At)
		c.push(r.At, evError, i, detail)
	}
}

// sendRun sends n probes of a round from one on, which surely end alike at one
// instant: one event is enough for them.
func (c *cell) sendRun(i int, v *volley, what, n int, detail uint32) {
	for _, x := range v.errands[what+1 : what+n] {
		c.state.SendRequest(x, 0, c.now)
	}
	c.sendErrand(i, v.errands[what], 0, detail)
}

// errandOf finds the errand of a request of the client's that went by one, and
// its key unless nobody looks at that; nil if later ones have taken its name.
func (c *cell) errandOf(cl *client, detail uint32) (x *topology.Errand, key rng.Key) {
	what := detail & 0xffff
	if what >= firstTry {
		k := &cl.conn
		if k.seq&0xffff != detail>>16 {
			return nil, 0
		}
		return c.errand(cl, k.target, topology.TCP, hostTTL), c.tryKey(cl, what-firstTry)
	}
	a := cl.ask.named(detail)
	if a == nil {
		return nil, 0
	}
	q := &cl.ask
	if a == &q.action && q.volley != nil && q.volley.world == c.worlds {
		if x = q.volley.errands[what]; x == nil || x.Sure() {
			return x, 0
		}
	}
	cand, nth, _ := probed(q.course.Stage(int(a.Stage)), a, int(what))
	if x == nil {
		x = c.errand(cl, cand.Relay, topology.EchoRequest, a.TTL)
	}
	if x == nil || x.Sure() {
		return x, 0
	}
	return x, pingKey(roundKey(cl, a).Child(rng.Probe, cand.Key), nth)
}

// errandAt is the errand of a probe of the client's round.
func (c *cell) errandAt(cl *client, what int, cand *selection.Candidate) *topology.Errand {
	q := &cl.ask
	if q.volley != nil && q.volley.world == c.worlds {
		return q.volley.errands[what]
	}
	return c.errand(cl, cand.Relay, topology.EchoRequest, q.action.TTL)
}

// standsFor is how many packets an event of a kind stands for, from the one it
// names on. Of a round that a later one has overtaken no more matter.
func (c *cell) standsFor(kind uint64, i int, detail uint32) uint32 {
	if detail&0xffff >= firstReset || c.rests(i) {
		return 1
	}
	q := &c.client(i).ask
	switch {
	case !q.inRuns || q.volley.world != c.worlds || q.action.Seq&0xffff != detail>>16:
		return 1
	case kind == evTold:
		return uint32(q.volley.told[detail&0xffff])
	}
	return uint32(q.volley.runs[detail&0xffff])
}

// follows tells whether the event of the error about the probe before stands for
// this one's too.
func (c *cell) follows(i int, detail uint32) bool {
	return detail&0xffff > 0 && c.standsFor(evTold, i, detail-1) > 1
}

// answerByErrand is atHost for a request that went by an errand.
func (c *cell) answerByErrand(i int, detail uint32) {
	cl := c.client(i)
	answer := detail
	if detail&0xffff >= firstReset {
		var ok bool
		if answer, ok = c.synAtHost(i, cl.conn.owner, detail); !ok {
			return
		}
	} else if cl.ask.of(detail) == nil {
		return
	}
	x, key := c.errandOf(cl, detail)
	copied := time.Duration(0)
	if !x.Sure() {
		copied, key = c.state.RequestAgain(x, key), replyKey(key)
	}
	if r := c.state.SendAnswer(x, key, c.now); r.End == topology.Delivered {
		c.arrive(i, answer, r.At, r.Again)
		if copied > 0 {
			c.push(r.At.Add(copied), evAtClient, i, answer)
		}
	}
}

// errorByErrand is sendError for a request that went by an errand. Of errors
// that a later round or attempt has overtaken nothing is told.
func (c *cell) errorByErrand(i int, detail uint32) {
	x, key := c.errandOf(c.client(i), detail)
	if x == nil || !x.Answered() {
		return
	}
	if !x.Sure() {
		key = errorKey(key)
	}
	if r := c.state.SendAnswer(x, key, c.now); r.End == topology.Delivered && !c.follows(i, detail) {
		c.push(r.At, evTold, i, detail)
	}
}

// recall makes flights of all packets that are under way by errands, before the
// world changes: they meet the world as it was when they left, and what answers
// to them the new one.
func (c *cell) recall() {
	if c.hops || c.balanced || c.watch != nil {
		return
	}
	var single []event // of those that events stood for
	c.q.each(func(e event) {
		i, detail := e.what.client(), e.what.detail()
		switch kind := e.what.kind(); kind {
		case evAtHost, evError, evTold:
			if c.rests(i) {
				return
			}
			for n := c.standsFor(kind, i, detail); n > 0; n-- {
				if !c.flights.has(flightOf(i, detail)) {
					c.recallPacket(i, detail, e)
				}
				if detail++; n > 1 {
					single = append(single, event{e.at, pack(kind, i, detail)})
				}
			}
		case evConnect:
			if c.rests(i) {
				return
			}
			cl := c.client(i)
			if k := &cl.conn; k.open && !k.resolved && k.tries > 0 && k.syn == nil {
				p, _ := c.syn(cl, k.tries-1)
				k.syn = &p
			}
		}
	})
	c.forgetVolleys()
	for _, e := range single {
		c.q.push(e)
	}
}

// recallPacket walks a packet that is under way to its next event.
func (c *cell) recallPacket(i int, detail uint32, next event) {
	cl := c.client(i)
	x, key := c.errandOf(cl, detail)
	if x == nil {
		return
	}
	var f flight
	if next.what.kind() == evTold {
		f.packet.Kind = x.Answer
	} else {
		if detail&0xffff >= firstTry {
			f.packet, _ = c.syn(cl, detail&0xffff-firstTry)
		} else {
			f.packet, _ = c.probe(cl, cl.ask.named(detail), int(detail&0xffff))
		}
		f.result = c.net.Recall(c.state, f.packet, c.state.LeftAt(x, key, next.at))
		f.again = f.result.Again
		if f.result.At != next.at {
			panic(fmt.Sprintf("sim: packet %#x of client %d ends at %v, walked again at %v", detail, i, next.at, f.result.At))
		}
	}
	c.flights.put(flightOf(i, detail), f)
}
