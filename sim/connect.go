package sim

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// connection is a registration attempt: a TCP handshake, whose SYN is sent
// again after 1, 2, 4... seconds (RFC 6298 section 2 and 5.5), then one round
// trip for the request.
type connection struct {
	open   bool
	again  bool
	seq    uint32
	target selection.RelayID
	at     vtime.Instant
	tries  uint32
	// sawDead: a SYN reached a host that is dead.
	sawDead bool
	// resolved: the outcome is known and takes effect at resultAt.
	resolved bool
	outcome  selection.Outcome
	resultAt vtime.Instant
}

// tryAt is when the n-th SYN is sent, counted from 0.
func (k *connection) tryAt(n uint32) vtime.Instant {
	return k.at.Add(time.Second<<n - time.Second)
}

// register carries one registration attempt. Like a round it is completed at
// once where nothing can touch it; a success that changes the load of a relay
// still waits for its time, so that loads change in order.
func (c *cell) register(i int, a selection.Action) {
	cl := &c.clients[i]
	cl.conn = connection{open: true, again: a.Again, seq: a.Seq, target: a.Target, at: a.At}
	k := &cl.conn
	if !a.Target.Known() {
		c.registered(i, selection.NameNotResolved, a.At)
		return
	}
	if c.ahead && c.connectAhead(cl) && k.resultAt < c.horizon(cl) {
		if c.outcomeAhead(cl) {
			c.registered(i, k.outcome, k.resultAt)
			return
		}
		c.push(k.resultAt, evConnect, i, a.Seq)
		return
	}
	k.resolved, k.sawDead = false, false
	if a.At > c.now {
		c.push(a.At, evConnect, i, a.Seq)
		return
	}
	c.connectStep(i, a.Seq)
}

// outcomeAhead tells whether an attempt that was worked out ahead can end now:
// the relay's decision depends on no other client, and the outcome moves no
// client between relays. If so, it is decided.
func (c *cell) outcomeAhead(cl *client) bool {
	k := &cl.conn
	if k.outcome == selection.Registered && c.relays[k.target].gate.MaxChildren > 0 {
		return false
	}
	o, certificate := c.judge(cl)
	if o == selection.Registered && !(k.again && cl.connected) {
		return false
	}
	k.outcome = o
	c.keepAdmission(cl, o, certificate)
	return true
}

// connectAhead works out an attempt from the memoised fate of its packets. It
// declines what takes an ICMP error.
func (c *cell) connectAhead(cl *client) bool {
	k := &cl.conn
	f := c.state.Fate(cl.at, topology.HostID(k.target), topology.TCP)
	if f.Forward == topology.Refused {
		return false
	}
	timeout := k.at.Add(c.pol.Params.RegisterConnectTimeout)
	rtt := f.DelayForward + f.DelayBack
	k.resolved, k.outcome, k.resultAt = true, selection.TCPBlocked, timeout
	if f.Forward != topology.Delivered || f.Hops >= hostTTL {
		return true
	}
	mode := c.relays[k.target].mode
	for n := uint32(0); k.tryAt(n) < timeout; n++ {
		key := c.tryKey(cl, n)
		if topology.IsLost(key, f.LossForward) || k.tryAt(n).Add(f.DelayForward) > timeout {
			continue
		}
		if mode == relayHostDown {
			k.outcome = selection.RelayDown
			return true
		}
		back := k.tryAt(n).Add(rtt)
		if f.Back != topology.Delivered || topology.IsLost(replyKey(key), f.LossBack) || back > timeout {
			continue
		}
		k.outcome, k.resultAt = selection.Registered, back.Add(rtt)
		if mode == relayServiceDown {
			k.outcome, k.resultAt = selection.RelayDown, back
		}
		return true
	}
	return true
}

// tryKey keys the n-th SYN of the client's attempt.
func (c *cell) tryKey(cl *client, n uint32) rng.Key {
	k := &cl.conn
	return cl.key.Child(rng.Connect, uint64(k.at)).Child(rng.Probe, c.relays[k.target].key).Child(rng.Try, uint64(n))
}

// connectStep is the time for the next SYN, for giving up, or for the result.
func (c *cell) connectStep(i int, seq uint32) {
	cl := &c.clients[i]
	k := &cl.conn
	if !k.open || k.seq != seq {
		return
	}
	if k.resolved {
		if k.resultAt == c.now {
			c.conclude(i)
		}
		return
	}
	timeout := k.at.Add(c.pol.Params.RegisterConnectTimeout)
	if c.now >= timeout {
		outcome := selection.TCPBlocked
		if k.sawDead {
			outcome = selection.RelayDown
		}
		c.registered(i, outcome, c.now)
		c.pump(i)
		return
	}
	n := k.tries
	k.tries++
	c.push(min(k.tryAt(n+1), timeout), evConnect, i, seq)
	c.send(i, c.syn(cl, n), packetDetail(seq, firstTry+n))
}

func (c *cell) syn(cl *client, n uint32) topology.Packet {
	k := c.tryKey(cl, n)
	return topology.Packet{
		Kind: topology.TCP, TTL: hostTTL, Flow: uint64(k), Key: k,
		Src: c.net.Client(cl.at, uint64(cl.key)), Dst: c.net.Host(topology.HostID(cl.conn.target)),
	}
}

// is tells whether a packet's detail belongs to this attempt.
func (k *connection) is(detail uint32) bool {
	return k.open && !k.resolved && k.seq&0xffff == detail>>16
}

func (c *cell) synAtHost(i int, detail uint32) {
	cl := &c.clients[i]
	if !cl.conn.is(detail) {
		return
	}
	n := detail&0xffff - firstTry
	switch c.relays[cl.conn.target].mode {
	case relayHostDown:
		cl.conn.sawDead = true
		return
	case relayServiceDown:
		detail = detail&^0xffff | (firstReset + n)
	}
	p := c.syn(cl, n)
	c.send(i, c.net.Reply(p, topology.TCP, hostTTL, replyKey(p.Key)), detail)
}

func (c *cell) tcpAtClient(i int, detail uint32) {
	cl := &c.clients[i]
	k := &cl.conn
	if !k.is(detail) {
		return
	}
	if detail&0xffff < firstTry {
		c.registered(i, selection.RelayDown, c.now)
		c.pump(i)
		return
	}
	rtt := c.now.Sub(k.tryAt(detail&0xffff - firstTry))
	k.resolved, k.outcome, k.resultAt = true, selection.Registered, c.now.Add(rtt)
	c.push(k.resultAt, evConnect, i, k.seq)
}

// connectRefused ends an attempt that a firewall rejected. A time-exceeded is
// a soft error and does not end it (RFC 1122 section 4.2.3.9).
func (c *cell) connectRefused(i int, detail uint32, kind topology.Kind) {
	if !c.clients[i].conn.is(detail) || kind != topology.Unreachable {
		return
	}
	c.registered(i, selection.TCPBlocked, c.now)
	c.pump(i)
}

// registered ends the attempt and feeds its outcome to the Selector. The
// caller pumps.
func (c *cell) registered(i int, o selection.Outcome, at vtime.Instant) {
	cl := &c.clients[i]
	k := &cl.conn
	k.open = false
	c.watch.registered(at, o)
	c.observeRegistration(i, o)
	_ = cl.sel.RegisterResult(at, k.seq, o)
	c.watchFailing(i)
}
