package topology

import (
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// An Errand is a request of a kind, from an attachment to a host, with a TTL, and
// what answers to it or is sent about it, as a State remembers them while links,
// hosts and views stay as they are. Both are walked without random loss and with
// limits that are never exceeded; where nothing else takes part than the keys of
// the two packets, SendRequest and SendAnswer tell what Walk would, and count it
// like Walk. An Errand must not be used after the world has changed.
type Errand struct {
	out, back journey
	// Answer is the kind of what comes back, if Answered.
	Answer Kind
	// Owner is whom the request is for, or AnyHost: who has the address to which
	// the name resolved.
	Owner HostID
	// made: something comes back, be it an error about the request. called: the
	// request calls for an error though it does not expire.
	made, called bool
	// coupled means what it does in Fate.
	coupled bool
	mute    BoxID // that sends no error, or NoBox
	routers int   // on the way of the request, wherever that ends
}

// journey is how one packet fares that nothing befalls by chance.
type journey struct {
	carriage
	end  End
	by   Answerer
	box  BoxID
	hops int // routers that decremented the TTL, see Result
	met  int // routers and boxes that it came to, see Met
	// last is the impairment of the leg crossed last, or 0.
	last impairmentID
	// risks are the places where it can be lost, in their order.
	risks []risk
}

// risk is a place where a packet can be lost: the cumulative chance of that
// without bursts, and how many routers and boxes and how many links that vary
// are behind it.
type risk struct {
	loss            rng.Chance
	met, variations int
}

// Sent is what becomes of a packet.
type Sent struct {
	End End
	// At is when it arrives or ends; 0 where it is lost.
	At vtime.Instant
	// Again, if not 0, is how much later a copy of it arrives.
	Again time.Duration
}

// Errand returns the memo of a request (TCP, UDP or EchoRequest) with a TTL; nil
// if that has to be walked, because a limit takes part or the answer may come
// after its flow is forgotten. Where ways are balanced it takes the first.
func (s *State) Errand(a Attachment, h HostID, k Kind, ttl uint8) *Errand {
	e := s.exchange(a, h, k, 0)
	m := e.further()
	if m.errands == nil {
		m.errands = make([]*Errand, max(0, min(int(e.fate.FilterHops), int(MaxTTL)-1))+1)
	}
	x := &m.errands[min(max(int(ttl), 1), len(m.errands))-1]
	if *x == nil {
		*x = s.newErrand(a, h, k, ttl)
	}
	if (*x).coupled {
		return nil
	}
	return *x
}

func (s *State) newErrand(a Attachment, h HostID, k Kind, ttl uint8) *Errand {
	p, ok := s.request(a, h, k, 0)
	if !ok {
		return &Errand{out: journey{end: Unresolved, box: NoBox}, Owner: AnyHost}
	}
	p.TTL = ttl
	x := s.findErrand(p, true)
	x.coupled = x.coupled || s.net.outlasts(&x.out.carriage, &x.back.carriage)
	return &x
}

// findErrand walks a request and what comes back: about one that expires only
// if expiring.
func (s *State) findErrand(p Packet, expiring bool) Errand {
	s.scratch.reset()
	x := Errand{Owner: p.Dst.Host, Answer: Unreachable, mute: NoBox}
	r := s.dryWalk(&p, 0, &x.out, &x.coupled)
	x.routers, x.called = s.routers, callsForError(&r)
	switch {
	case r.End == Delivered:
		x.made, x.Answer = true, p.Kind.Answer()
		reply := s.net.Reply(p, x.Answer, DefaultTTL, 0)
		s.dryWalk(&reply, r.At, &x.back, &x.coupled)
	case x.called || expiring && r.End == Expired:
		s.findError(&x, &p, &r)
	}
	if len(x.out.variations)+len(x.back.variations) > 0 && s.net.outlasts(&x.out.carriage, &x.back.carriage) {
		x.coupled = true
	}
	return x
}

// findError walks the error about a request that ended as r says.
func (s *State) findError(x *Errand, p *Packet, r *Result) {
	if r.End == Expired {
		x.Answer = TimeExceeded
	}
	e, made := s.net.errorAbout(p, r, 0)
	if !made {
		x.mute = s.net.boxAt(*r)
		return
	}
	x.made, x.Answer = true, e.Kind
	if e.Kind.IsError() && s.net.errorLimitAt(&r.ending) != nil {
		x.coupled = true
	}
	s.dryWalk(&e, r.At, &x.back, &x.coupled)
}

// errorFate is the ErrorFate of a request that expires or calls for an error in
// another way.
func (x *Errand) errorFate() ErrorFate {
	f := ErrorFate{
		Made: x.made, Arrives: x.made && x.back.end == Delivered, Kind: x.Answer, Delay: x.errorAfter(), Box: x.mute,
		DelayForward: x.out.delay, LossForward: x.out.loss, DelayBack: x.back.delay, LossBack: x.back.loss,
		Coupled: x.coupled, ways: waysOf(x.out.carriage, x.back.carriage),
	}
	if x.made {
		f.Box = x.back.box
	}
	f.Varies = f.ways != nil
	return f
}

// errorAfter is the time from the sending of a request to the arrival of the
// error about it; 0 if that does not arrive.
func (x *Errand) errorAfter() time.Duration {
	if !x.made || x.back.end != Delivered {
		return 0
	}
	return x.out.delay + x.back.delay
}

// dryWalk is Walk without random loss and with limits that are never exceeded,
// on tables of its own. It notes the journey, and whether there was a limit.
func (s *State) dryWalk(p *Packet, at vtime.Instant, j *journey, coupled *bool) Result {
	var w walker
	w.start(s, p, at)
	w.tables, w.dry = &s.scratch, true
	r := w.rehearse(j)
	s.routers = w.routers()
	*coupled = *coupled || w.coupled
	return r
}

// rehearse runs a dry walk and notes its journey.
func (w *walker) rehearse(j *journey) Result {
	s, start := w.st, w.at
	s.variations, s.risks = s.variations[:0], s.risks[:0]
	r := w.run()
	for i := range s.variations {
		s.variations[i].after -= start.Sub(0)
	}
	*j = journey{
		carriage: carriage{r.At.Sub(start), w.loss, slices.Clone(s.variations)},
		end:      r.End, by: r.By, box: r.Box, hops: r.Hops, met: w.met + w.hops, last: w.last,
		risks: slices.Clone(s.risks),
	}
	return r
}

// Resolves tells whether the host's name resolves.
func (x *Errand) Resolves() bool { return x.out.end != Unresolved }

// Answered tells whether something comes back of the request, be it an error
// about it, unless chance prevents it.
func (x *Errand) Answered() bool { return x.made }

// Sure tells whether chance has no part in it, so that keys are not looked at.
func (x *Errand) Sure() bool { return x.out.sure() && x.back.sure() }

func (j *journey) sure() bool { return len(j.risks) == 0 && j.last == 0 }

// EndsWith tells whether requests of two errands that are sent together surely
// end alike at one instant.
func (x *Errand) EndsWith(y *Errand) bool {
	return x.out.end == y.out.end && x.out.delay == y.out.delay && x.out.sure() && y.out.sure()
}

// AnswersWith tells whether what comes back of two errands that end together
// surely arrives at one instant.
func (x *Errand) AnswersWith(y *Errand) bool {
	return x.made && y.made && x.back.end == Delivered && y.back.end == Delivered &&
		x.back.delay == y.back.delay && x.back.sure() && y.back.sure()
}

// SendRequest sends the request with a key at an instant.
func (s *State) SendRequest(x *Errand, key rng.Key, at vtime.Instant) Sent {
	return s.travel(&x.out, key, at)
}

// SendAnswer sends what comes back with a key at an instant. The request must
// be Answered.
func (s *State) SendAnswer(x *Errand, key rng.Key, at vtime.Instant) Sent {
	return s.travel(&x.back, key, at)
}

// RequestAgain is Sent.Again of the request with a key.
func (s *State) RequestAgain(x *Errand, key rng.Key) time.Duration {
	return s.net.again(x.out.last, key)
}

// LeftAt is when a request with a key was sent that ended at an instant.
func (s *State) LeftAt(x *Errand, key rng.Key, end vtime.Instant) vtime.Instant {
	took := x.out.delay
	for _, v := range x.out.variations {
		took += s.net.impairment(v.by).delay(key)
	}
	return end.Add(-took)
}

// travel is what becomes of a packet with a key, which it counts.
func (s *State) travel(j *journey, key rng.Key, at vtime.Instant) Sent {
	s.ends.memoised++
	arrival, lost := at.Add(j.delay), false
	if len(j.risks) > 0 {
		arrival, lost = s.carry(&j.carriage, key, at)
	}
	if lost {
		s.ends.add(NoBox, Lost, s.lostBehind(j, key, at))
		return Sent{End: Lost}
	}
	s.ends.add(j.box, j.end, j.met)
	sent := Sent{End: j.end, At: arrival}
	if j.last != 0 && j.end == Delivered {
		sent.Again = s.net.again(j.last, key)
	}
	return sent
}

// lostBehind is how many routers and boxes are behind a packet that is lost.
func (s *State) lostBehind(j *journey, key rng.Key, at vtime.Instant) int {
	burst, n := rng.Never, 0
	for _, r := range j.risks {
		for ; n < r.variations; n++ {
			v := j.variations[n]
			i := s.net.impairment(v.by)
			burst = burst.Or(s.burstLoss(i, at.Add(v.after)))
			at = at.Add(i.delay(key))
		}
		if IsLost(key, r.loss.Or(burst)) {
			return r.met
		}
	}
	panic("topology: a packet was lost where none can be lost")
}
