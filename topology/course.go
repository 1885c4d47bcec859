package topology

import (
	"slices"

	"github.com/relaysim/relaysim/rng"
)

// elementKind is the kind of an element.
type elementKind uint8

const (
	links    elementKind = iota // the links and routers of a segment
	passage                     // a box that is a hop
	guarding                    // the Guard of a host
)

// element is one thing on the way of a packet, in the direction of travel.
type element struct {
	kind elementKind
	// outward: over the links from their near end, or out of the guarded host.
	outward bool
	// back is set where the packet goes against the direction of the request
	// of its exchange.
	back bool
	// fresh is set where a reply has left the way of its request.
	fresh bool
	// near is set on the guard of the requester.
	near bool
	// change is what a translator does to the request, epoch how many such
	// changes the request has been through before.
	change  change
	epoch   uint32
	segment segmentID
	box     BoxID
	in, out LegID
}

// change is what a translator does to a request, as a bit set.
type change uint8

const (
	// toInside: the destination, a public address, becomes a host inside.
	toInside change = 1 << iota
	// toOutside: the source becomes a public address.
	toOutside
	// byMapping: the host inside is found by a mapping, not by Static or
	// Forwards.
	byMapping
	// toNobody: the public address leads to nobody inside.
	toNobody
)

// header is the source and the destination of a request, as they are between
// two translators.
type header struct{ near, far Endpoint }

// arrivalKind is what is at the end of a course.
type arrivalKind uint8

const (
	atEnd     arrivalKind = iota // who the packet is for: a host or a client
	atOther                      // a stranger
	atNobody                     // an address that nobody has
	offRoute                     // no way on
	unmatched                    // a reply that a translator has not translated back
)

// arrival is the end of a course.
type arrival struct {
	kind     arrivalKind
	network  NetworkID
	host     HostID // atEnd: AnyHost for a client
	box      BoxID  // offRoute: where there is no way on, or NoBox; unmatched
	stranger *stranger
}

// pick is what chooses among ways of equal cost for p. Equal picks choose
// alike.
func (n *Network) pick(p *Packet) uint64 {
	switch {
	case p.answers:
		return p.pick
	case n.balanceBy == PerFlow:
		return rng.Key(n.hostKey(&p.Src)).Child(rng.Balance, n.hostKey(&p.Dst)).Draw(rng.Balance, uint64(p.Kind))
	case n.balanceBy == PerPacket:
		return p.Key.Draw(rng.Balance, 0)
	}
	return 0
}

// hostKey is an identity of an endpoint that no order of declaration changes.
func (n *Network) hostKey(e *Endpoint) uint64 {
	if e.Host != AnyHost {
		return n.hosts[e.Host].key
	}
	return e.Source
}

// plot lays out the way of w.p in the direction of travel, and sets w.p's ends
// to what they are where it starts.
//
// Every packet of an exchange is laid out from its request: a reply goes the
// request's way reversed, but for static routes, and an error the way of the
// packet that it is about, reversed from where that ended.
func (w *walker) plot() {
	p := &w.p
	near, far := p.Src, p.Dst
	if p.made != (place{}) {
		near = p.quoted
	}
	if p.Back {
		near, far = far, near
	}
	w.course, w.headers = w.course[:0], append(w.headers[:0], header{near, far})
	w.arrival, w.asDestination = arrival{}, false
	w.pick = w.net.choice(w.net.pick(p), &near, &far, p.requestKind(), p.V6)
	w.outbound()
	if p.made != (place{}) == !p.Back { // the way of a reply
		w.turn()
	}
	if p.made != (place{}) {
		w.turnAt(p.made)
	}
	w.begin()
}

// choice is the least pick that makes the choices of a pick on all ways of a
// kind of request from near to far: the number of its way.
func (n *Network) choice(pick uint64, near, far *Endpoint, k Kind, v6 bool) uint64 {
	if n.balanceBy == OneWay {
		return 0
	}
	ways := uint32(n.waysTo(near.At.Network, far, k, v6))
	for _, leg := range n.tunnels {
		s := &n.segments[leg]
		ways = min(lcm(ways, uint32(n.tree(goal{s.gateway, NoBox}, false).waysFrom(node(s.over)))), maxWays)
	}
	return pick % uint64(ways)
}

// begin sets the ends of w.p to what they are where it starts.
func (w *walker) begin() {
	p := &w.p
	epoch := uint32(0)
	if len(w.course) > 0 {
		if e := &w.course[0]; e.back {
			epoch = e.after()
		} else {
			epoch = e.epoch
		}
	}
	w.quoted = w.headers[epoch]
	src, dst := &w.quoted.near, &w.quoted.far
	if p.Back {
		src, dst = dst, src
	}
	p.Dst = *dst
	if p.made == (place{}) || p.Kind == Reset || w.asDestination { // other errors come from where they were made
		p.Src = *src
	}
}

// after is the epoch of the request behind the element.
func (e *element) after() uint32 {
	if e.change&(toInside|toOutside) != 0 {
		return e.epoch + 1
	}
	return e.epoch
}

// outbound lays out the way of the request whose ends are w.headers[0].
func (w *walker) outbound() {
	n := w.net
	h := &w.headers[0]
	s := n.locate(h.near.At.Network, &h.far, w.p.V6)
	if g := h.near.At.Guard; g != 0 {
		w.add(element{kind: guarding, outward: true, near: true, box: g.Box()})
	}
	h.near.At.Network = s.from
	if h.near.Role == Client && !n.isTunneled(s.from) {
		w.addLinks(n.access(h.near.At), true)
	}
	w.toSpot(s, s.from)
}

// toSpot lays out the way from network at to where the destination is.
func (w *walker) toSpot(s spot, at NetworkID) {
	n, v6 := w.net, w.p.V6
	switch s.kind {
	case nowhere:
		w.take(n.wayOut(w.st.steps[:0], at, v6), false)
		w.offRoute(at)
	case atStranger:
		w.inside(at)
		w.arrival = arrival{kind: atOther, network: at, host: AnyHost, stranger: s.stranger}
	case atBox:
		w.toBox(s.box, at)
	default:
		if s.network == at {
			w.inside(at)
		} else if steps, ok := n.way(w.st.steps[:0], at, s.network, w.pick, v6); !w.take(steps, ok) {
			w.offRoute(at)
			return
		}
		if s.kind == vacant {
			w.arrival = arrival{kind: atNobody, network: s.network, host: AnyHost}
			return
		}
		w.toHost(s.network, s.host)
	}
}

// toBox lays out the way from network at to a public address of a translator,
// and from there to the host to which that leads.
func (w *walker) toBox(b BoxID, at NetworkID) {
	n, v6 := w.net, w.p.V6
	steps, ok := n.wayToBox(w.st.steps[:0], at, b, w.pick, v6)
	if !w.take(steps, ok) {
		w.offRoute(at)
		return
	}
	in := steps[len(steps)-1].in
	far := &w.headers[len(w.headers)-1].far
	c, to, inner := w.lookUp(b, far)
	if c&toNobody != 0 {
		w.add(element{kind: passage, box: b, in: in, out: NoLeg, change: c})
		w.arrival = arrival{kind: unmatched, network: at, host: AnyHost, box: b}
		return
	}
	if n.segments[in].side != n.boxes[b].nat.outside {
		c |= toOutside // hairpin
	}
	steps, ok = n.wayFromBox(w.st.steps[:0], in, b, to.At.Network, w.pick, v6)
	w.add(element{kind: passage, box: b, in: in, out: steps[0].out, change: c})
	h := w.headers[len(w.headers)-1]
	h.far = to
	if c&toOutside != 0 {
		h.near = w.outsideNear(&n.boxes[b], n.outside[b][0])
	}
	w.headers = append(w.headers, h)
	if out := steps[0].out; out != NoLeg {
		w.addLinks(segmentID(out), false)
	}
	if !w.take(steps[1:], ok) {
		w.offRoute(to.At.Network)
		return
	}
	if inner != NoBox {
		w.toBox(inner, to.At.Network)
		return
	}
	w.toHost(to.At.Network, to.Host)
}

// toHost lays out the end of the way in the network of the destination.
func (w *walker) toHost(at NetworkID, h HostID) {
	to := &w.headers[len(w.headers)-1].far
	if h != AnyHost && h != to.Host { // the address is another's now
		e := w.net.Host(h)
		e.Addr, e.Port = to.Addr, to.Port
		*to = e
	}
	if to.Role == Client && !w.net.isTunneled(at) {
		w.addLinks(w.net.access(to.At), false)
	}
	if g := to.At.Guard; g != 0 {
		w.add(element{kind: guarding, box: g.Box()})
	}
	w.arrival = arrival{kind: atEnd, network: at, host: h}
}

// offRoute ends the way where it has come to, or at the network at if it has
// not gone anywhere.
func (w *walker) offRoute(at NetworkID) {
	a := arrival{kind: offRoute, network: at, host: AnyHost, box: NoBox}
	if c := w.course; len(c) > 0 {
		switch e := &c[len(c)-1]; {
		case e.kind == passage:
			a.box = e.box
		case e.kind == links && !e.outward:
			a.network = w.net.segments[e.segment].network
		}
	}
	w.arrival = a
}

// add appends an element to the way of the request.
func (w *walker) add(e element) {
	e.epoch = uint32(len(w.headers) - 1)
	w.course = append(w.course, e)
}

func (w *walker) addLinks(id segmentID, outward bool) {
	w.add(element{kind: links, segment: id, outward: outward, box: NoBox})
}

// inside appends the way between two hosts of a network.
func (w *walker) inside(at NetworkID) {
	h := &w.headers[0]
	w.addLinks(w.net.networks[at].inside, w.net.nearer(&h.near, &h.far))
}

// take appends steps to the way of the request. It hands on ok. Of a last step
// that leads to a box as its goal (ok, without a leg out) the box is left out.
func (w *walker) take(steps []step, ok bool) bool {
	w.st.steps = steps
	n, c, epoch := w.net, w.course, uint32(len(w.headers)-1)
	for i, s := range steps {
		c = append(c, element{segment: segmentID(s.in), outward: true, epoch: epoch})
		b := &n.boxes[s.box]
		if s.out == NoLeg && ok && i == len(steps)-1 {
			break
		}
		if b.kind != Routed {
			c = append(c, element{kind: passage, box: s.box, in: s.in, out: s.out, epoch: epoch})
			if b.nat != nil && !w.p.V6 && s.out != NoLeg && n.segments[s.out].side == b.nat.outside {
				c[len(c)-1].change = toOutside
				h := w.headers[epoch]
				h.near = w.outsideNear(b, n.segments[s.out].network)
				w.headers = append(w.headers, h)
				epoch++
			}
		}
		if s.out != NoLeg {
			c = append(c, element{segment: segmentID(s.out), epoch: epoch})
		}
	}
	w.course = c
	return ok
}

// outsideNear is what a translator makes of the source of the request for the
// network at outside. The port is known once there is a mapping, as there is
// for what answers.
func (w *walker) outsideNear(b *box, at NetworkID) Endpoint {
	h := &w.headers[len(w.headers)-1]
	near := w.net.masquerade(b.id, &h.near, at)
	if w.p.answers && !b.nat.isStatic(&h.near) {
		if m := w.tables.mapping(b, h, w.p.request); m != nil {
			near.Port = m.outside.Port
		}
	}
	return near
}

// turn makes the way of the request that of its reply.
func (w *walker) turn() {
	if w.p.requestKind() == EchoRequest {
		w.cutAtMiddlebox()
	}
	switch w.arrival.kind {
	case offRoute:
		w.arrival.network, w.arrival.box = w.headers[0].far.At.Network, NoBox
		fallthrough
	case unmatched:
		w.course = w.course[:0]
		return
	}
	reverseCourse(w.course)
	w.far, w.arrival = w.arrival, w.home()
	w.divert(0)
}

// cutAtMiddlebox ends the way of an echo request at the first box that answers
// in the destination's name, from which the reply starts. That the rules of
// the box let the request through to it goes without saying, for it was
// answered.
func (w *walker) cutAtMiddlebox() {
	for i := range w.course {
		e := &w.course[i]
		if e.kind == passage && w.net.boxes[e.box].answersFor(&w.headers[e.inside()].far, w.p.V6) {
			w.course = w.course[:i]
			w.arrival = arrival{kind: atEnd, network: w.headers[0].far.At.Network, host: AnyHost}
			return
		}
	}
}

// inside is the epoch whose destination the rules of a box see.
func (e *element) inside() uint32 {
	if e.change&toInside != 0 {
		return e.epoch + 1
	}
	return e.epoch
}

// home is the arrival of what goes back to the requester.
func (w *walker) home() arrival {
	near := &w.headers[0].near
	return arrival{kind: atEnd, network: near.At.Network, host: near.Host}
}

// turnAt makes the way of a packet that ended at a place that of what is made
// there about it.
func (w *walker) turnAt(p place) {
	last := int(p.before)
	if last > len(w.course) { // a mapping that led there is gone
		w.course = w.course[:0]
		w.arrival = arrival{kind: offRoute, network: w.headers[0].near.At.Network, host: AnyHost, box: NoBox}
		return
	}
	if e := &w.course[last-1]; e.kind != links {
		w.asDestination = e.kind == passage && w.net.boxes[e.box].speaksAs(e)
		last--
	}
	w.course = w.course[:last]
	reverseCourse(w.course)
	if w.p.Back {
		w.arrival = w.home()
		w.divert(min(1, int(p.router)))
	} else {
		w.arrival = w.far
	}
}

func reverseCourse(c []element) {
	slices.Reverse(c)
	for i := range c {
		e := &c[i]
		e.outward, e.back = !e.outward, !e.back
		e.in, e.out = e.out, e.in
	}
}

// divert applies static routes to what goes back to the requester: at each
// network that it comes to by element first or later.
func (w *walker) divert(first int) {
	if w.net.routes == nil {
		return
	}
	for i := first; i < len(w.course); i++ {
		e := &w.course[i]
		if e.kind != links || !e.outward {
			continue
		}
		s := &w.net.segments[e.segment]
		if s.leg == NoLeg {
			continue
		}
		j, to := w.heading(i)
		if leg := w.net.divert(s.network, to); leg != NoLeg && leg != s.leg {
			i = w.redirect(i, j, s.network, to)
		}
	}
}

// heading is where a packet on its way back is addressed to at element i: the
// translator at element j, which is reached at the network to, or the
// requester's network, and no j before the end.
func (w *walker) heading(i int) (j int, to NetworkID) {
	for j = i; j < len(w.course); j++ {
		if e := &w.course[j]; e.change&toOutside != 0 {
			return j, w.net.segments[e.in].network
		}
	}
	return j, w.headers[0].near.At.Network
}

// redirect lets the way back go on from network at, at element i, by the
// ordinary way to element j. It returns the place of that in the new course.
func (w *walker) redirect(i, j int, at, to NetworkID) int {
	n, old := w.net, slices.Clone(w.course)
	w.course = w.course[:i]
	var steps []step
	var ok bool
	if j < len(old) {
		steps, ok = n.wayToBox(w.st.steps[:0], at, old[j].box, w.pick, w.p.V6)
	} else {
		steps, ok = n.way(w.st.steps[:0], at, to, w.pick, w.p.V6)
	}
	w.st.steps = steps
	missed := w.retake(steps, old[i:j], old[i].after())
	switch {
	case !ok:
		w.offRoute(at)
		return len(w.course)
	case missed != NoBox:
		w.arrival = arrival{kind: unmatched, network: to, host: AnyHost, box: missed}
		return len(w.course)
	case j == len(old):
		for j = len(old); j > i && old[j-1].isAtRequester(n); j-- {
		}
		w.course = append(w.course, old[j:]...)
		return len(w.course)
	}
	back := old[j]
	back.in = steps[len(steps)-1].in
	w.course = append(w.course, back)
	w.course = append(w.course, old[j+1:]...)
	return len(w.course) - (len(old) - j)
}

// isAtRequester tells whether an element is the requester's own: its guard or
// its access routers.
func (e *element) isAtRequester(n *Network) bool {
	return e.kind == guarding || e.kind == links && n.segments[e.segment].leg == NoLeg
}

// retake appends steps to the way of a reply that has left the way of its
// request. A translator that it would have met there and meets here too
// translates its source back; missed is one that it does not meet.
func (w *walker) retake(steps []step, skipped []element, epoch uint32) (missed BoxID) {
	over := func(leg LegID, outward bool) {
		w.course = append(w.course, element{
			kind: links, segment: segmentID(leg), outward: outward, box: NoBox,
			back: true, fresh: true, epoch: epoch,
		})
	}
	for i, s := range steps {
		over(s.in, true)
		if s.out == NoLeg && i == len(steps)-1 && w.net.boxes[s.box].nat != nil {
			break
		}
		if b := &w.net.boxes[s.box]; b.kind != Routed {
			e := element{kind: passage, box: s.box, in: s.in, out: s.out, back: true, fresh: true, epoch: epoch}
			if old := translates(skipped, s.box); old != nil {
				e.change, e.epoch, e.fresh = old.change, old.epoch, false
				epoch = e.epoch
			} else if b.nat != nil && !w.p.V6 && s.out != NoLeg && w.net.segments[s.out].side == b.nat.outside {
				e.change = toNobody
			}
			w.course = append(w.course, e)
		}
		if s.out != NoLeg {
			over(s.out, false)
		}
	}
	if len(skipped) > 0 && epoch != skipped[len(skipped)-1].epoch {
		for _, e := range skipped {
			if e.change != 0 {
				return e.box
			}
		}
	}
	return NoBox
}

// translates is the element among some at which a box translates, or nil.
func translates(among []element, b BoxID) *element {
	for i := range among {
		if e := &among[i]; e.kind == passage && e.box == b && e.change != 0 {
			return e
		}
	}
	return nil
}
