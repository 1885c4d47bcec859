package topology

import (
	"fmt"
	"math"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
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
	// RefusedAfter is the time from sending to the arrival of the ICMP error
	// if Forward is Refused and the error gets back; 0 otherwise.
	RefusedAfter time.Duration
	// LossForward is the cumulative chance that the request is lost before it
	// ends as Forward says; LossBack is the same of the reply or, if Forward
	// is Refused, of the error. See IsLost.
	LossForward, LossBack rng.Chance
	// Coupled means that a limit takes part, so that only a walk in order of
	// time can tell. The rest then holds for limits that are never exceeded.
	Coupled bool
	// Box that ended it where Forward or Back is not Delivered, or NoBox.
	Box BoxID
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
	// Kind is TimeExceeded or Unreachable.
	Kind Kind
	// Delay is from the sending of the request to the arrival of the error; 0
	// if it does not arrive.
	Delay time.Duration
	// LossForward is the chance that the request is lost before it ends where
	// the error is made, LossBack the chance that the error is lost before it
	// arrives or ends. See IsLost.
	LossForward, LossBack rng.Chance
	// Coupled means that a limit takes part, on the way there or back.
	Coupled bool
	// Box that dropped the error on its way or, if it was not made, the box
	// that did not send it; NoBox otherwise.
	Box BoxID
}

// exchange is what a State remembers about an attachment, a host and a kind of
// request.
type exchange struct {
	fate Fate
	// errors has the fate of the error for TTLs from 1. Its last element is
	// also that of all greater TTLs if the request is refused. It is computed
	// when first asked for.
	errors []ErrorFate
	known  bool
}

// numRequests counts the kinds that begin an exchange: TCP, UDP, EchoRequest.
const numRequests = int(EchoRequest) + 1

// Fate is what becomes of a request of kind k (TCP, UDP or EchoRequest) from
// an attachment to a host while the links stay as they are, and of its reply:
// EchoReply to EchoRequest, k otherwise. It agrees with Walk for requests with
// a TTL of 255 that begin a flow, and replies with DefaultTTL. The Fate is
// shared and must not be changed.
func (s *State) Fate(a Attachment, h HostID, k Kind) *Fate {
	return &s.exchange(a, h, k).fate
}

// ErrorFate is what becomes of the ICMP error about the request of Fate sent
// with a TTL; it is not ok if such a request neither expires nor is refused.
func (s *State) ErrorFate(a Attachment, h HostID, k Kind, ttl uint8) (f ErrorFate, ok bool) {
	e := s.exchange(a, h, k)
	if !e.known {
		s.findErrors(e, s.request(a, h, k))
	}
	ttl = max(ttl, 1)
	switch {
	case int(ttl) <= len(e.errors):
		return e.errors[ttl-1], true
	case e.fate.Forward == Refused:
		return e.errors[len(e.errors)-1], true
	}
	return ErrorFate{}, false
}

func (s *State) exchange(a Attachment, h HostID, k Kind) *exchange {
	n := s.net
	if int(k) >= numRequests || int(h) >= len(n.hosts) {
		panic(fmt.Sprintf("topology: fate of %v to host %d of %d", k, h, len(n.hosts)))
	}
	i := (n.attachment(a)*len(n.hosts)+int(h))*numRequests + int(k)
	if e := s.exchanges[i]; e != nil {
		return e
	}
	e := &exchange{fate: s.findFate(s.request(a, h, k))}
	s.exchanges[i] = e
	return e
}

// request is the packet whose fate is memoised. It begins a new flow.
func (s *State) request(a Attachment, h HostID, k Kind) Packet {
	return Packet{Kind: k, Src: s.net.Client(a, 0), Dst: s.net.Host(h), TTL: MaxTTL}
}

// dryWalk is Walk without random loss and with limits that are never exceeded,
// on connection tracking of its own. coupled tells whether there was a limit.
func (s *State) dryWalk(p *Packet, at vtime.Instant) (r Result, loss rng.Chance, coupled bool) {
	w := walker{net: s.net, st: s, flows: &s.scratch, p: p, at: at, dry: true}
	r = w.run()
	return r, w.loss, w.coupled
}

// findFate walks a request and what comes back.
func (s *State) findFate(p Packet) Fate {
	s.scratch.reset()
	r, loss, coupled := s.dryWalk(&p, 0)
	f := Fate{
		Forward: r.End, FilterHops: short(r.Hops), DelayForward: r.At.Sub(0),
		LossForward: loss, Coupled: coupled, Box: r.Box,
	}
	hops, ok := s.net.hops(&p.Src, &p.Dst)
	if !ok {
		hops = s.net.routersOf(&p.Src)
	}
	f.Hops = short(hops)
	switch r.End {
	case Delivered:
		s.findReply(&f, p, r.At)
	case Refused:
		e := s.findError(p, r)
		f.RefusedAfter, f.LossBack, f.Coupled = e.Delay, e.LossBack, f.Coupled || e.Coupled
	}
	return f
}

// findReply walks the reply to a request that was delivered.
func (s *State) findReply(f *Fate, p Packet, at vtime.Instant) {
	reply := s.net.Reply(p, p.Kind.Answer(), DefaultTTL, 0)
	r, loss, coupled := s.dryWalk(&reply, at)
	f.Back, f.ReplyHops, f.DelayBack = r.End, short(r.Hops), r.At.Sub(at)
	f.LossBack, f.Coupled, f.Box = loss, f.Coupled || coupled, r.Box
}

// findErrors computes the error of each TTL with which the request expires,
// and that of its refusal.
func (s *State) findErrors(e *exchange, p Packet) {
	e.known = true
	for ttl := 1; ttl <= int(MaxTTL); ttl++ {
		s.scratch.reset()
		p.TTL = uint8(ttl)
		r, loss, coupled := s.dryWalk(&p, 0)
		if _, ok := errorKind(r.End); !ok {
			return
		}
		f := s.findError(p, r)
		f.LossForward, f.Coupled = loss, f.Coupled || coupled
		e.errors = append(e.errors, f)
		if r.End == Refused {
			return
		}
	}
}

// findError walks the error about a request that ended as r says. It leaves
// the way of the request itself to the caller.
func (s *State) findError(p Packet, r Result) ErrorFate {
	kind, _ := errorKind(r.End)
	f := ErrorFate{Kind: kind, Box: NoBox}
	packet, made := s.net.ErrorAbout(p, r, 0)
	if !made {
		f.Box = s.net.boxAt(r)
		return f
	}
	back, loss, coupled := s.dryWalk(&packet, r.At)
	f.Made, f.Arrives, f.LossBack, f.Coupled = true, back.End == Delivered, loss, coupled
	if f.Arrives {
		f.Delay = back.At.Sub(0)
	} else {
		f.Box = back.Box
	}
	return f
}

// boxAt is the box where r ended, or whose leg that was.
func (n *Network) boxAt(r Result) BoxID {
	if r.Box != NoBox {
		return r.Box
	}
	return n.segments[r.segment].box
}

// short narrows a number of routers. Beyond MaxTTL they are all the same to a
// packet.
func short(hops int) int16 { return int16(min(hops, math.MaxInt16)) }
