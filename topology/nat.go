package topology

import (
	"encoding/binary"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// translator is a compiled NATSpec.
type translator struct {
	number             int // among all translators
	key                rng.Key
	outside            uint8
	mapping, filtering Dependence
	perClient, hairpin bool
	dropsErrors        bool
	asDestination      bool // the source of errors, not the translator's own
	pool               []AddrID
	mappings, perHost  int
	static             map[HostID]AddrID
}

func (n *Network) newTranslator(b *BoxSpec) *translator {
	spec := b.NAT
	t := &translator{
		number: n.translators, key: rng.Key(rng.Hash(b.Name)), outside: spec.Outside,
		mapping: spec.Mapping, filtering: spec.Filtering,
		perClient: spec.PerClient, hairpin: spec.Hairpin, dropsErrors: spec.DropsErrors,
		asDestination: spec.ErrorSource == FromDestination,
		mappings:      spec.Mappings, perHost: spec.PerHost,
		static: make(map[HostID]AddrID, len(spec.Static)),
	}
	n.translators++
	for _, a := range spec.Pool {
		t.pool = append(t.pool, n.idOf(a))
	}
	for _, m := range spec.Static {
		t.static[m.Host] = n.idOf(m.Public)
	}
	return t
}

// limited tells whether the table of mappings may be full.
func (t *translator) limited() bool { return t.mappings > 0 || t.perHost > 0 }

// ident is who an endpoint is, whatever its port.
type ident struct {
	host   HostID
	addr   AddrID // of hosts that are not ours
	source uint64
}

func identOf(e *Endpoint) ident {
	if e.Host != AnyHost {
		return ident{host: e.Host}
	}
	return ident{AnyHost, e.Addr, e.Source}
}

// draw is a number that belongs to an inside host.
func (n *Network) draw(t *translator, e *Endpoint, i uint64) uint64 {
	return t.key.Child(rng.Translator, n.hostKey(e)).Draw(rng.Translator, i)
}

// masquerade is what a translator makes of an inside host as the source of
// packets that it sends to the network at outside, but for the port. A host of Static has its
// public address; any other always the same one of the pool (paired pooling,
// RFC 4787 REQ-2). Hosts behind a shared address are one source to whoever is
// outside.
func (n *Network) masquerade(b BoxID, inside *Endpoint, at NetworkID) Endpoint {
	t := n.boxes[b].nat
	if a, ok := t.static[inside.Host]; ok {
		e := *inside
		e.Addr = a
		return e
	}
	e := Endpoint{
		At: Attachment{Network: at}, Host: AnyHost, Role: Client, Port: inside.Port,
	}
	if len(t.pool) > 0 {
		e.Addr = t.pool[rng.Below(n.draw(t, inside, 0), uint64(len(t.pool)))]
	}
	if t.perClient {
		e.Source = n.draw(t, inside, 1)
	} else {
		e.Source = t.key.Draw(rng.Translator, n.addrKey(e.Addr))
	}
	return e
}

// addrKey is a number of an address that depends on nothing else.
func (n *Network) addrKey(id AddrID) uint64 {
	a := n.Addr(id)
	if !a.IsValid() {
		return 0
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])*0x9e3779b97f4a7c15 ^ binary.BigEndian.Uint64(b[8:])
}

// self is the translator itself as the source of ICMP errors from inside, unless
// it speaks as their destination (RFC 5508 REQ-5).
func (n *Network) self(t *translator, e *Endpoint, out LegID) Endpoint {
	e2 := *e
	e2.At, e2.Addr = Attachment{Network: n.segments[out].network}, NoAddr
	if len(t.pool) > 0 {
		e2.Addr = t.pool[0]
	}
	return e2
}

// mapping is an entry of a translator: inside endpoints take the place of
// outside ones and the other way round.
type mapping struct {
	inside, outside Endpoint
	inner           BoxID // translator whose the inside endpoint is, or NoBox
	kind            Kind
	until           vtime.Instant
	key             insideKey
	gone            bool
}

// insideKey finds a mapping by the inside endpoint and, where the mapping
// depends on that, by the other end (RFC 4787 section 4.1).
type insideKey struct {
	from       ident
	port       uint16
	kind       Kind
	remote     ident
	remotePort uint16
}

// outsideKey finds a mapping by the outside endpoint.
type outsideKey struct {
	addr   AddrID
	source uint64 // of a translator of each client's own, which one it is
	kind   Kind
	port   uint16
}

// space is what ports are counted within.
func (k outsideKey) space() outsideKey {
	k.port = 0
	return k
}

// permit lets packets from another end through a mapping (RFC 4787 section 5).
type permit struct {
	to         outsideKey
	remote     ident
	remotePort uint16
}

// natTable is the table of one translator.
type natTable struct {
	byInside  map[insideKey]*mapping
	byOutside map[outsideKey]*mapping
	permits   map[permit]vtime.Instant
	ofHost    map[ident]int      // number of mappings
	used      map[outsideKey]int // number of ports, by space
	queue     queue[*mapping]
	live      int
	sweep     int // size of permits at which expired ones are looked for
}

func (t *natTable) reset() {
	clear(t.byInside)
	clear(t.byOutside)
	clear(t.permits)
	clear(t.ofHost)
	clear(t.used)
	t.queue.entries, t.live = t.queue.entries[:0], 0
}

func (t *natTable) init() {
	if t.byInside == nil {
		t.byInside, t.byOutside = make(map[insideKey]*mapping), make(map[outsideKey]*mapping)
		t.permits, t.ofHost = make(map[permit]vtime.Instant), make(map[ident]int)
		t.used = make(map[outsideKey]int)
		t.sweep = minSweep
	}
}

func (t *translator) insideKey(h *header, k Kind) insideKey {
	key := insideKey{from: identOf(&h.near), port: h.near.Port, kind: k}
	dependence := t.mapping
	if k == EchoRequest {
		dependence = EndpointIndependent // RFC 5508 REQ-1
	}
	if dependence != EndpointIndependent {
		key.remote = identOf(&h.far)
	}
	if dependence == AddressAndPortDependent {
		key.remotePort = h.far.Port
	}
	return key
}

func (t *translator) outsideKey(e *Endpoint, k Kind) outsideKey {
	key := outsideKey{addr: e.Addr, kind: k, port: e.Port}
	if t.perClient {
		key.source = e.Source
	}
	return key
}

func (t *translator) permit(to outsideKey, remote *Endpoint) permit {
	p := permit{to: to, remote: identOf(remote)}
	if t.filtering == AddressAndPortDependent && to.kind != EchoRequest {
		p.remotePort = remote.Port
	}
	return p
}

// mapping is the entry for a request, or nil.
func (t *tables) mapping(b *box, h *header, k Kind) *mapping {
	return t.nats[b.nat.number].byInside[b.nat.insideKey(h, k)]
}

// remove takes a mapping out of the table.
func (t *natTable) remove(nat *translator, key insideKey, m *mapping) {
	m.gone = true
	t.live--
	from := identOf(&m.inside)
	if t.ofHost[from]--; t.ofHost[from] == 0 {
		delete(t.ofHost, from)
	}
	delete(t.byInside, key)
	if out := nat.outsideKey(&m.outside, m.kind); t.byOutside[out] == m {
		delete(t.byOutside, out)
		if t.used[out.space()]--; t.used[out.space()] == 0 {
			delete(t.used, out.space())
		}
	}
}

// expire removes the mappings whose time is over at an instant.
func (t *natTable) expire(nat *translator, at vtime.Instant) {
	for t.queue.due(at) {
		m := t.queue.pop().what
		switch {
		case m.gone:
		case m.until > at:
			t.queue.push(m.until, m)
		default:
			t.remove(nat, m.key, m)
		}
	}
}

// bind finds or makes the mapping for a request that leaves to the outside, and
// refreshes it (RFC 4787 REQ-6). It is not ok if there is no room for another.
func (w *walker) bind(b *box, e *element) (m *mapping, ok bool) {
	nat := b.nat
	t := &w.tables.nats[nat.number]
	t.init()
	before, after := &w.headers[e.epoch], &w.headers[e.epoch+1]
	k := w.p.requestKind()
	now := w.sent
	if nat.limited() {
		w.coupled, now = true, w.at
	}
	t.expire(nat, now)
	key := nat.insideKey(&header{w.p.Src, before.far}, k)
	if m = t.byInside[key]; m == nil {
		if from := identOf(&w.p.Src); !w.dry && (nat.mappings > 0 && t.live >= nat.mappings || nat.perHost > 0 && t.ofHost[from] >= nat.perHost) {
			return nil, false
		}
		m = &mapping{inside: w.p.Src, outside: after.near, inner: w.innerOf(), kind: k, key: key}
		t.add(w, b, m)
	}
	until := w.at.Add(b.lifetimes.of(k))
	m.until, m.inside = max(m.until, until), w.p.Src
	if nat.filtering != EndpointIndependent {
		t.let(nat.permit(nat.outsideKey(&m.outside, k), &before.far), until, w.sent)
	}
	return m, true
}

// innerOf is the translator that the source has been through last, if that
// made it what it is; NoBox if the source is its own.
func (w *walker) innerOf() BoxID {
	for i := w.i - 1; i >= 0; i-- {
		if e := &w.course[i]; e.kind == passage && e.change&toOutside != 0 {
			return e.box
		}
	}
	return NoBox
}

// lastPort and firstPort bound the ports that a translator gives away where
// the port of the inside host is taken.
const (
	firstPort = 1024
	lastPort  = 1<<16 - 1
)

// add gives a mapping its outside port: that of the inside host where it is
// free (port preservation, RFC 4787 section 4.2.1), else a free one of those
// that the host's draws propose. Where all are taken and nothing limits the
// number of mappings, it shares one.
func (t *natTable) add(w *walker, b *box, m *mapping) {
	nat := b.nat
	m.outside.Port = m.inside.Port
	out := nat.outsideKey(&m.outside, m.kind)
	if t.taken(nat, out, w.at) {
		out.port = t.freePort(w, nat, m, out)
		m.outside.Port = out.port
	}
	if t.byOutside[out] == nil {
		t.byOutside[out] = m
		t.used[out.space()]++
	}
	t.byInside[m.key] = m
	t.ofHost[identOf(&m.inside)]++
	t.live++
	t.queue.push(w.at.Add(b.lifetimes.of(m.kind)), m)
}

// freePort is a port that is free for a mapping; any if none is.
func (t *natTable) freePort(w *walker, nat *translator, m *mapping, out outsideKey) uint16 {
	const ports = lastPort - firstPort + 1
	const proposed = 64 // until they are looked through one by one
	draws := nat.key.Child(rng.Translator, w.net.hostKey(&m.inside)).Stream(rng.Translator)
	first := uint64(m.inside.Port)<<16 | uint64(m.kind)<<8 | 2
	port := func(i uint64) uint16 {
		if i < proposed {
			return uint16(firstPort + rng.Below(draws.Draw(first+i), ports))
		}
		return uint16(firstPort + (draws.Draw(first)+i)%ports)
	}
	if t.used[out.space()] < ports {
		for i := range uint64(proposed + ports) {
			out.port = port(i)
			if !t.taken(nat, out, w.at) {
				return out.port
			}
		}
	}
	return port(0)
}

// taken tells whether an outside port is in use. One whose time is over is
// free.
func (t *natTable) taken(nat *translator, out outsideKey, at vtime.Instant) bool {
	m := t.byOutside[out]
	if m != nil && m.until <= at {
		t.remove(nat, m.key, m)
		return false
	}
	return m != nil
}

// let lets another end use a mapping until an instant.
func (t *natTable) let(p permit, until, sent vtime.Instant) {
	if len(t.permits) >= t.sweep {
		// order: expired permits go whichever comes first, and nothing else happens.
		for old, end := range t.permits {
			if end <= sent {
				delete(t.permits, old)
			}
		}
		t.sweep = max(minSweep, 2*len(t.permits))
	}
	t.permits[p] = max(t.permits[p], until)
}

// lookUp finds out where the public address of a request leads: what changes,
// to which endpoint inside, and which further translator that belongs to.
func (w *walker) lookUp(b BoxID, far *Endpoint) (c change, to Endpoint, inner BoxID) {
	k := w.p.requestKind()
	if h, ok := w.net.inside(b, far.Addr, k); ok {
		to = w.net.Host(h)
		to.Addr, to.Port = w.net.hosts[h].addrs.v4, far.Port
		return toInside, to, NoBox
	}
	nat := w.net.boxes[b].nat
	if m := w.tables.nats[nat.number].byOutside[nat.outsideKey(far, k)]; m != nil {
		return toInside | byMapping, m.inside, m.inner
	}
	return toNobody, Endpoint{}, NoBox
}

// ruling is what translation has to say about a packet before the rules.
type ruling uint8

const (
	judged  ruling = iota // the rules decide
	passed                // a mapping lets it pass
	stopped               // its walk has ended
)

// translateIn lets a packet come to a translator: it finds the mapping that it
// needs and translates its destination.
func (w *walker) translateIn(b *box, e *element) ruling {
	if w.p.Kind.IsError() && b.nat.dropsErrors && w.net.segments[e.in].side == b.nat.outside {
		w.note(b.name, "dropped: translator drops errors from outside")
		w.stop(Filtered, b.id, -1)
		return stopped
	}
	switch {
	case e.change&toNobody != 0:
		return w.noMapping(b, "no mapping")
	case e.back && e.change&toOutside != 0:
		return w.backInside(b, e)
	case e.back:
		return w.backOutside(b, e)
	case e.change&toInside != 0:
		return w.toInside(b, e)
	}
	return judged
}

func (w *walker) noMapping(b *box, text string) ruling {
	w.note(b.name, text)
	w.stop(NoMapping, b.id, -1)
	return stopped
}

// isStatic tells whether the inside end of the request is one of Static.
func (t *translator) isStatic(inside *Endpoint) bool {
	_, ok := t.static[inside.Host]
	return ok
}

// backInside takes a reply or an error back to the inside host whose request
// was translated. A reply needs the flow of its request, a live mapping and its
// filter; an error only the mapping (RFC 5508 REQ-4), and falls to the rules.
func (w *walker) backInside(b *box, e *element) ruling {
	nat, before := b.nat, &w.headers[e.epoch]
	if nat.isStatic(&before.near) {
		w.becomes("destination", &w.p.Dst, before.near)
		w.quoted.near = before.near
		return judged
	}
	k := w.p.requestKind()
	t := &w.tables.nats[nat.number]
	key := nat.outsideKey(&w.p.Dst, k)
	m := t.byOutside[key]
	if m == nil || identOf(&m.inside) != identOf(&before.near) {
		m = t.byInside[nat.insideKey(before, k)] // its port is shared
	}
	if m == nil || m.until <= w.at {
		return w.noMapping(b, "no mapping any more")
	}
	to := before.near
	to.Port = m.inside.Port
	if !w.p.Kind.IsError() {
		flow := w.flowKey(b, e)
		if !w.tables.flows.live(flow, w.at) || !t.lets(nat, key, &w.headers[e.epoch].far, w.at) {
			return w.noMapping(b, "no mapping any more")
		}
		w.tables.flows.keep(flow, b.lifetimes.of(w.p.Kind), w.at, w.sent)
	}
	w.becomes("destination", &w.p.Dst, to)
	w.quoted.near = to
	if w.p.Kind.IsError() {
		return judged
	}
	return passed
}

// lets tells whether the filter of a mapping lets packets from another end in.
func (t *natTable) lets(nat *translator, to outsideKey, remote *Endpoint, at vtime.Instant) bool {
	return nat.filtering == EndpointIndependent || at < t.permits[nat.permit(to, remote)]
}

// backOutside takes what answers to a request from outside. Without the flow
// of that its source would not be translated, but for Static.
func (w *walker) backOutside(b *box, e *element) ruling {
	if b.nat.isStatic(&w.headers[e.epoch+1].far) || w.tables.flows.live(w.flowKey(b, e), w.at) {
		return judged
	}
	return w.noMapping(b, "no mapping any more")
}

// toInside takes a packet for a public address to the host inside.
func (w *walker) toInside(b *box, e *element) ruling {
	nat, before, after := b.nat, &w.headers[e.epoch], &w.headers[e.epoch+1]
	if e.change&toOutside != 0 && !nat.hairpin {
		return w.noMapping(b, "no hairpin")
	}
	let := judged
	switch {
	case w.p.Kind.IsError():
		if !nat.isStatic(&after.far) && !w.tables.flows.live(w.flowKey(b, e), w.at) {
			return w.noMapping(b, "no mapping any more")
		}
	case e.change&byMapping != 0:
		t := &w.tables.nats[nat.number]
		key := nat.outsideKey(&before.far, w.p.requestKind())
		if m := t.byOutside[key]; m == nil || m.until <= w.at || !t.lets(nat, key, &w.p.Src, w.at) {
			return w.noMapping(b, "no mapping lets it in")
		}
		let = passed
	}
	w.becomes("destination", &w.p.Dst, after.far)
	w.quoted.far = after.far
	return let
}

// translateOut translates the source of a packet that a translator has
// accepted.
func (w *walker) translateOut(b *box, e *element) bool {
	switch {
	case e.back && e.change&toInside != 0:
		before := &w.headers[e.epoch]
		w.quoted.far = before.far
		w.becomes("source", &w.p.Src, w.outsideSource(b.nat, e, before.far))
	case e.back || e.change&toOutside == 0:
	case b.nat.isStatic(&w.headers[e.epoch].near):
		return w.leave(b, e, w.headers[e.epoch+1].near)
	case w.p.Kind.IsError():
		m := w.tables.mapping(b, &w.headers[e.epoch], w.p.requestKind())
		if m == nil || m.until <= w.at { // RFC 5508 REQ-5
			w.noMapping(b, "no mapping any more")
			return false
		}
		return w.leave(b, e, w.outsideOf(m, e))
	default:
		m, ok := w.bind(b, e)
		if !ok {
			w.note(b.name, "dropped: table of mappings is full")
			return w.stop(TableFull, b.id, -1)
		}
		return w.leave(b, e, w.outsideOf(m, e))
	}
	return true
}

// outsideOf is the outside endpoint of a mapping, where packets that leave by
// this element have it.
func (w *walker) outsideOf(m *mapping, e *element) Endpoint {
	out := m.outside
	out.At = w.headers[e.epoch+1].near.At
	return out
}

// leave lets a packet go outside in the name of an endpoint: a request from
// there, or an error that quotes a packet for it.
func (w *walker) leave(b *box, e *element, as Endpoint) bool {
	w.quoted.near = as
	w.becomes("source", &w.p.Src, w.outsideSource(b.nat, e, as))
	return true
}

// outsideSource is the source outside of what leaves in the name of an endpoint.
func (w *walker) outsideSource(t *translator, e *element, as Endpoint) Endpoint {
	if w.p.Kind.IsError() && !t.asDestination {
		return w.net.self(t, &w.p.Src, e.out)
	}
	return as
}

// speaksAs tells whether a box sends its own errors about a packet that it met
// at an element in the name of the packet's destination: those about what it
// had translated from outside.
func (b *box) speaksAs(e *element) bool {
	return b.nat != nil && b.nat.asDestination &&
		(!e.back && e.change&toInside != 0 || e.back && e.change&toOutside != 0)
}
