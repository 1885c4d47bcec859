package topology

import (
	"fmt"
	"math"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// Fate is the memoised deterministic exchange between a client attachment and
// a host: the request of a kind with sufficient TTL, and its reply. Random
// loss is not part of it; the two chances are.
type Fate struct {
	// Forward and Back are how request and reply end without random loss.
	// Back means something only if Forward is Delivered.
	Forward, Back End
	// Hops is the number of routers between the two: a request is delivered
	// only if its TTL is greater. ReplyHops is the number that decremented the
	// reply on its way back. Without a path Hops is that of the access routers.
	Hops, ReplyHops int16
	// FilterHops is the number of routers that decremented the request until
	// it was delivered or ended, the box that ended it included: a request
	// expires before that if its TTL is not greater.
	FilterHops int16
	// DelayForward and DelayBack are the one-way delays, to where the packet
	// ended.
	DelayForward, DelayBack time.Duration
	// Told means that an ICMP error or a reset is sent about the request, which
	// ended Refused, NoHost or NoRoute. RefusedAfter is the time from sending to
	// its arrival if it gets back; 0 otherwise. DelayBack is that of the error
	// then.
	Told         bool
	RefusedAfter time.Duration
	// LossForward is the cumulative chance that the request is lost before it
	// ends as Forward says; LossBack is the same of the reply or, if Told, of
	// the error. See IsLost.
	LossForward, LossBack rng.Chance
	// Coupled means that a limit takes part, or that delays vary so much that
	// a reply may come after its flow is forgotten, so that only a walk in order
	// of time can tell. The rest then holds for limits that are never exceeded
	// and least delays.
	Coupled bool
	// Box that ended it where Forward or Back is not Delivered, or NoBox.
	Box BoxID
	// By is who answers if Forward is Delivered.
	By Answerer
	// Varies means that delay or loss depend on more than the packet's key and
	// two chances, so that Out and Home have to be asked: DelayForward and
	// DelayBack are the least then, LossForward and LossBack leave out bursts.
	Varies bool
	ways   *carriages // if it varies
}

// Expires tells whether a request with this TTL expires at a router before
// anything else befalls it.
func (f *Fate) Expires(ttl uint8) bool {
	return f.Forward == Expired || int16(max(ttl, 1)) <= f.FilterHops
}

// End is how a request with this TTL ends without random loss.
func (f *Fate) End(ttl uint8) End {
	if f.Expires(ttl) {
		return Expired
	}
	return f.Forward
}

// ErrorFate is the memoised deterministic fate of the ICMP error about a
// request. Random loss is not part of it; the two chances are.
type ErrorFate struct {
	// Made tells whether the router or box where the request ended sends an
	// error, Arrives whether that gets back to the client without random loss.
	Made, Arrives bool
	// Kind is TimeExceeded, Unreachable or Reset.
	Kind Kind
	// Delay is from the sending of the request to the arrival of the error; 0
	// if it does not arrive.
	Delay time.Duration
	// DelayForward is from the sending of the request to its end, DelayBack
	// from there to the end of the error.
	DelayForward, DelayBack time.Duration
	// LossForward is the chance that the request is lost before it ends where
	// the error is made, LossBack the chance that the error is lost before it
	// arrives or ends. See IsLost.
	LossForward, LossBack rng.Chance
	// Coupled means what it does in Fate, on the way there or back.
	Coupled bool
	// Box that dropped the error on its way or, if it was not made, the box
	// that did not send it; NoBox otherwise.
	Box BoxID
	// Varies means what it does in Fate; ErrorOut and ErrorHome have to be
	// asked then.
	Varies bool
	ways   *carriages // if it varies
}

// exchange is what a State remembers about an attachment, a host, a kind of
// request and a way.
type exchange struct {
	fate  Fate
	owner HostID // whom the request arrives at, or AnyHost
	more  *furtherFates
}

// furtherFates are what few exchanges are asked for.
type furtherFates struct {
	// errors has the fate of the error for TTLs from 1. If goesOn, its last
	// element is also that of all greater TTLs: the request calls for an error
	// though it does not expire. It is computed when first asked for.
	errors        []ErrorFate
	known, goesOn bool
	// errands are by TTL from 1, the first of those whose TTL is too great to
	// matter being the last; nil where nobody has asked yet.
	errands []*Errand
	// others are the exchanges by way from 1.
	others []*exchange
}

// Fate is what becomes of a request of kind k (TCP, UDP or EchoRequest) from
// an attachment to a host while links, hosts and views stay as they are, and of
// its reply: EchoReply to EchoRequest, k otherwise. It agrees with Walk for what
// Request makes with a TTL of 255, and replies with DefaultTTL; where ways are
// balanced, for those that take the first of them. The Fate is shared and must
// not be changed.
func (s *State) Fate(a Attachment, h HostID, k Kind) *Fate {
	return &s.exchange(a, h, k, 0).fate
}

// FateOf is the Fate of the request p, which may depend on its source and key
// where ways are balanced.
func (s *State) FateOf(p *Packet) *Fate {
	h := p.Dst.Host
	if p.asked != 0 {
		h = p.asked - 1
	}
	return &s.exchange(p.Src.At, h, p.Kind, s.wayOf(p)).fate
}

// wayOf is the number of the way that a request takes among those of equal
// cost.
func (s *State) wayOf(p *Packet) uint64 {
	return s.net.choice(s.net.pick(p), &p.Src, &p.Dst, p.Kind, p.V6)
}

// ErrorFate is what becomes of the ICMP error about the request of Fate sent
// with a TTL; it is not ok if such a request neither expires nor calls for an
// error in another way.
func (s *State) ErrorFate(a Attachment, h HostID, k Kind, ttl uint8) (f ErrorFate, ok bool) {
	return s.errorFate(s.exchange(a, h, k, 0), a, h, k, 0, ttl)
}

// ErrorFateOf is the ErrorFate of the request p, as FateOf is its Fate.
func (s *State) ErrorFateOf(p *Packet) (f ErrorFate, ok bool) {
	h := p.Dst.Host
	if p.asked != 0 {
		h = p.asked - 1
	}
	way := s.wayOf(p)
	return s.errorFate(s.exchange(p.Src.At, h, p.Kind, way), p.Src.At, h, p.Kind, way, p.TTL)
}

func (s *State) errorFate(e *exchange, a Attachment, h HostID, k Kind, way uint64, ttl uint8) (f ErrorFate, ok bool) {
	m := e.further()
	if !m.known {
		if p, ok := s.request(a, h, k, way); ok {
			s.findErrors(m, p)
		}
		m.known = true
	}
	ttl = max(ttl, 1)
	switch {
	case int(ttl) <= len(m.errors):
		return m.errors[ttl-1], true
	case m.goesOn:
		return m.errors[len(m.errors)-1], true
	}
	return ErrorFate{}, false
}

func (s *State) exchange(a Attachment, h HostID, k Kind, way uint64) *exchange {
	if int(k) >= numRequests || int(h) >= len(s.net.hosts) {
		panic(fmt.Sprintf("topology: fate of %v to host %d of %d", k, h, len(s.net.hosts)))
	}
	at := s.memo.at(s.net, a, h, k)
	if *at == nil {
		*at = s.findExchange(a, h, k, 0)
	}
	if way == 0 {
		return *at
	}
	first := (*at).further()
	for uint64(len(first.others)) < way {
		first.others = append(first.others, nil)
	}
	e := &first.others[way-1]
	if *e == nil {
		*e = s.findExchange(a, h, k, way)
	}
	return *e
}

// further are the further fates of an exchange, for which there is room from
// the first time on that somebody asks.
func (e *exchange) further() *furtherFates {
	if e.more == nil {
		e.more = &furtherFates{}
	}
	return e.more
}

func (s *State) findExchange(a Attachment, h HostID, k Kind, way uint64) *exchange {
	p, ok := s.request(a, h, k, way)
	if !ok {
		return &exchange{fate: Fate{Forward: Unresolved, Box: NoBox}, owner: AnyHost}
	}
	return &exchange{fate: s.findFate(p), owner: p.Dst.Host}
}

// request is the packet whose fate is memoised. It begins a new flow.
func (s *State) request(a Attachment, h HostID, k Kind, way uint64) (p Packet, ok bool) {
	p, ok = s.Request(a, 0, h, k, MaxTTL, 0)
	p.answers, p.request, p.pick = true, k, way // so that it takes this way
	return p, ok
}

// findFate works out the exchange of a request that does not expire for want of
// a greater TTL.
func (s *State) findFate(p Packet) Fate {
	e := s.findErrand(p, false)
	f := Fate{
		Forward: e.out.end, FilterHops: short(e.out.hops), DelayForward: e.out.delay,
		LossForward: e.out.loss, Coupled: e.coupled, Box: e.out.box, By: e.out.by,
		Hops: short(e.routers),
	}
	switch {
	case e.out.end == Delivered:
		f.Back, f.ReplyHops, f.Box = e.back.end, short(e.back.hops), e.back.box
		f.DelayBack, f.LossBack = e.back.delay, e.back.loss
	case e.called:
		f.Told, f.RefusedAfter = e.made, e.errorAfter()
		f.DelayBack, f.LossBack = e.back.delay, e.back.loss
	}
	f.ways = waysOf(e.out.carriage, e.back.carriage)
	f.Varies = f.ways != nil
	return f
}

// callsForError tells whether an end other than by expiry may be answered with
// an error.
func callsForError(r *Result) bool {
	return r.End == Refused || r.End != Expired && r.ending.place != (place{})
}

// routers is the number of routers on the way of the packet: those that see its
// TTL, wherever it ends.
func (w *walker) routers() (hops int) {
	for i := range w.course {
		switch e := &w.course[i]; e.kind {
		case links:
			hops += w.net.segments[e.segment].routers
		case passage:
			hops++
		}
	}
	return hops
}

// findErrors computes the error of each TTL with which the request expires,
// and that of its end if this calls for one.
func (s *State) findErrors(m *furtherFates, p Packet) {
	for ttl := 1; ttl <= int(MaxTTL); ttl++ {
		p.TTL = uint8(ttl)
		x := s.findErrand(p, true)
		if m.goesOn = x.called; !m.goesOn && x.out.end != Expired {
			return
		}
		m.errors = append(m.errors, x.errorFate())
		if m.goesOn {
			return
		}
	}
}

// boxAt is the box where r ended, or whose leg that was.
func (n *Network) boxAt(r Result) BoxID {
	switch e := &r.ending; {
	case r.Box != NoBox:
		return r.Box
	case e.place == (place{}):
		return NoBox
	case e.box != NoBox:
		return e.box
	default:
		return n.segments[e.segment].box
	}
}

// short narrows a number of routers. Beyond MaxTTL they are all the same to a
// packet.
func short(hops int) int16 { return int16(min(hops, math.MaxInt16)) }
