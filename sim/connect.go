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
	// owner is the host that the last SYN was for, AnyHost if it is somebody
	// else's. syn is that SYN, nil if it went by an Errand and the world is still
	// as it was.
	owner topology.HostID
	syn   *topology.Packet
	// deadAt is when a SYN first comes to where the host should be, and nothing
	// is there.
	deadAt vtime.Instant
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
func (c *cell) register(i int, a *selection.Action) {
	cl := c.client(i)
	k := &cl.conn
	k.open, k.again, k.seq, k.target, k.at = true, a.Again, a.Seq, a.Target, a.At
	k.tries, k.deadAt, k.resolved = 0, vtime.Never, false
	if !a.Target.Known() {
		c.registered(i, selection.NameNotResolved, a.At)
		return
	}
	if c.mayGoAhead(cl) && c.connectAhead(cl, nil) && k.resultAt < c.horizon(cl) {
		if c.outcomeAhead(cl) {
			c.registered(i, k.outcome, k.resultAt)
			return
		}
		c.push(k.resultAt, evConnect, i, a.Seq)
		return
	}
	cl.sel.Fill(c.answersTo(cl)) // as the world stands now
	k.resolved = false
	if a.At > c.now || c.solo != nil {
		c.goAway()
		c.push(a.At, evConnect, i, a.Seq)
		return
	}
	c.try(i)
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

// connectAhead works out an attempt from the memoised fate of its packets, which
// it looks up if f is nil. It declines what may take an ICMP error.
func (c *cell) connectAhead(cl *client, f *topology.Fate) bool {
	k := &cl.conn
	timeout := k.at.Add(c.pol.Params.RegisterConnectTimeout)
	k.resolved, k.outcome, k.resultAt = true, selection.TCPBlocked, timeout
	first := vtime.Never // of the answers
	if f == nil && !c.balanced {
		f = c.state.Fate(cl.at, topology.HostID(k.target), topology.TCP)
	}
	for n := uint32(0); k.tryAt(n) < min(timeout, first); n++ {
		var key rng.Key
		sent := k.tryAt(n)
		if c.balanced || !certain(f) {
			key = c.tryKey(cl, n)
		}
		if c.balanced {
			f = c.fate(cl, k.target, topology.TCP, key)
		}
		switch end := f.End(hostTTL); {
		case end == topology.Unresolved:
			k.outcome, k.resultAt = selection.NameNotResolved, k.at
			return true
		case end == topology.Delivered:
			if back, ok := c.exchange(f, key, sent); ok && back <= timeout && back < first {
				first = back
				k.outcome, k.resultAt = c.greeting(k.target, c.owner(cl, k.target, f)), back
				if k.outcome != selection.RelayDown {
					k.resultAt = back.Add(back.Sub(sent))
				}
			}
		case c.mayBeTold(cl, key, end):
			return false
		case end == topology.NoHost && first == vtime.Never:
			if at, lost := c.state.Out(f, key, sent); !lost && at <= timeout {
				k.outcome = selection.RelayDown
			}
		}
	}
	return true
}

// certain tells whether chance has no part in an exchange that succeeds.
func certain(f *topology.Fate) bool {
	return f.LossForward|f.LossBack == rng.Never && !f.Varies && f.Forward == topology.Delivered && f.Back == topology.Delivered
}

// exchange is when the answer to a request with this key is back; it is not ok
// if there is none.
func (c *cell) exchange(f *topology.Fate, key rng.Key, sent vtime.Instant) (back vtime.Instant, ok bool) {
	if certain(f) {
		return sent.Add(f.DelayForward + f.DelayBack), true
	}
	arrival, lost := c.state.Out(f, key, sent)
	if lost || f.Back != topology.Delivered {
		return 0, false
	}
	back, lost = c.state.Home(f, replyKey(key), arrival)
	return back, !lost
}

// mayBeTold tells whether an ICMP error about a SYN that ends so may reach the
// client, for which the attempt is over then. A time-exceeded is a soft error
// and does not end it (RFC 1122 section 4.2.3.9).
func (c *cell) mayBeTold(cl *client, key rng.Key, end topology.End) bool {
	if end == topology.Expired || !mayTell(end) {
		return false
	}
	p, _ := c.request(cl, cl.conn.target, topology.TCP, hostTTL, key)
	e, ok := c.state.ErrorFateOf(&p)
	return ok && e.Arrives
}

// owner is the host that has the address to which the target's name resolves
// where the client is; AnyHost if it is somebody else's.
func (c *cell) owner(cl *client, target selection.RelayID, f *topology.Fate) topology.HostID {
	if f.By == topology.TheHost {
		return topology.HostID(target)
	}
	p, _ := c.request(cl, target, topology.TCP, hostTTL, cl.key)
	return p.Dst.Host
}

// greeting is what an attempt comes to that a live host answers which has the
// target's address: a reset if its port is closed; and if it is not the target,
// it accepts the connection and understands nothing (spec F23).
func (c *cell) greeting(target selection.RelayID, owner topology.HostID) selection.Outcome {
	switch {
	case owner != topology.AnyHost && c.relays[owner].mode == relayServiceDown:
		return selection.RelayDown
	case owner != topology.HostID(target):
		return selection.NotTheRelay
	}
	return selection.Registered
}

// tryKey keys the n-th SYN of the client's attempt.
func (c *cell) tryKey(cl *client, n uint32) rng.Key {
	k := &cl.conn
	return synKey(cl.key, k.at, c.relays[k.target].key, n)
}

// synKey keys the n-th SYN of an attempt of a client to register with a relay.
// The first has the key of the attempt.
func synKey(client rng.Key, at vtime.Instant, relay uint64, n uint32) rng.Key {
	attempt := client.Toward(rng.Connect, uint64(at)).Child(rng.Probe, relay)
	if n == 0 {
		return attempt
	}
	return attempt.Child(rng.Try, uint64(n))
}

// connectStep is the time for the next SYN, for giving up, or for the result.
func (c *cell) connectStep(i int, seq uint32) {
	cl := c.client(i)
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
		if k.deadAt <= c.now {
			outcome = selection.RelayDown
		}
		c.registered(i, outcome, c.now)
		c.pump(i)
		return
	}
	c.try(i)
	if !k.open {
		c.pump(i)
	}
}

// try sends the next SYN. The first asks the resolver; without an answer the
// attempt is over. The caller pumps then.
func (c *cell) try(i int) {
	cl := c.client(i)
	k := &cl.conn
	n := k.tries
	detail := packetDetail(k.seq, firstTry+n)
	if x := c.errand(cl, k.target, topology.TCP, hostTTL); x != nil && x.Resolves() {
		k.syn, k.owner = nil, x.Owner
		c.tryAgainLater(i)
		c.sendErrand(i, x, c.tryKey(cl, n), detail)
		return
	}
	p, ok := c.syn(cl, n)
	if !ok {
		c.registered(i, selection.NameNotResolved, c.now)
		return
	}
	k.syn, k.owner = &p, p.Dst.Host
	c.tryAgainLater(i)
	c.send(i, p, detail, 0)
}

// tryAgainLater queues the next try, or the end of the attempt.
func (c *cell) tryAgainLater(i int) {
	k := &c.client(i).conn
	k.tries++
	timeout := k.at.Add(c.pol.Params.RegisterConnectTimeout)
	c.push(min(k.tryAt(k.tries), timeout), evConnect, i, k.seq)
}

// foundDead notes a SYN that comes to where its host is not.
func (c *cell) foundDead(i int, detail uint32, end topology.End, at vtime.Instant) {
	if end != topology.NoHost || detail&0xffff < firstTry || c.rests(i) {
		return
	}
	if k := &c.client(i).conn; k.is(detail) {
		k.deadAt = min(k.deadAt, at)
	}
}

// syn makes the n-th SYN; it is not ok if the target's name does not resolve.
func (c *cell) syn(cl *client, n uint32) (topology.Packet, bool) {
	k := &cl.conn
	key := c.tryKey(cl, n)
	p, ok := c.request(cl, k.target, topology.TCP, hostTTL, key)
	if !ok && n > 0 { // names have failed since, and the connection has its address
		p, ok = *k.syn, true
		p.Key, p.Flow = key, uint64(key)
	}
	return p, ok
}

// is tells whether a packet's detail belongs to this attempt.
func (k *connection) is(detail uint32) bool {
	return k.open && !k.resolved && k.seq&0xffff == detail>>16
}

// synAtHost is the arrival of a SYN at its owner. It tells under which detail the
// answer goes back; it is not ok if nobody waits for one.
func (c *cell) synAtHost(i int, owner topology.HostID, detail uint32) (answer uint32, ok bool) {
	k := &c.client(i).conn
	if !k.is(detail) {
		return 0, false
	}
	if c.greeting(k.target, owner) == selection.RelayDown {
		detail -= firstTry - firstReset
	}
	return detail, true
}

func (c *cell) tcpAtClient(i int, detail uint32) {
	cl := c.client(i)
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
	if k.owner != topology.HostID(k.target) {
		k.outcome = selection.NotTheRelay
	}
	c.push(k.resultAt, evConnect, i, k.seq)
}

// connectRefused ends an attempt that a firewall rejected, or of which a router
// tells that the host is not there. Clients take any icmp/unreachable so while
// they connect, whatever its code. A time-exceeded is a soft error and does not
// end it (RFC 1122 section 4.2.3.9).
func (c *cell) connectRefused(i int, detail uint32, kind topology.Kind) {
	k := &c.client(i).conn
	if !k.is(detail) || kind == topology.TimeExceeded {
		return
	}
	outcome := selection.TCPBlocked
	if k.deadAt <= c.now {
		outcome = selection.RelayDown
	}
	c.registered(i, outcome, c.now)
	c.pump(i)
}

// registered ends the attempt and feeds its outcome to the Selector. The
// caller pumps.
func (c *cell) registered(i int, o selection.Outcome, at vtime.Instant) {
	cl := c.client(i)
	k := &cl.conn
	k.open = false
	if o != selection.Registered {
		cl.sel.Fill(c.answersTo(cl))
	}
	c.watch.registered(at, o)
	c.observeRegistration(i, o)
	_ = cl.sel.RegisterResult(at, k.seq, o)
	c.watchFailing(i)
}
