package selection

import (
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// Routine is a re-selection as it goes for clients of one class: the timer
// starts it, nothing touches it, the first round that can be answered decides,
// and the winner takes the client. It is recorded from a Selector that went
// through it; left open is what differs between clients, which its methods
// fill in: when it begins, who wins, when the registration ends.
//
// It works on memory of its own and is not safe for concurrent use.
type Routine struct {
	// proto is in the deciding round, of which all entrants count as having
	// answered; bits are its sets.
	proto    Selector
	bits     []uint64
	entrants *Entrants
	// early: the round ends with the last answer, since all who are asked can
	// answer. whole is the competition if they do.
	early bool
	whole competition
	round Action // what is asked in it
	lots  *Lots
	recorded
}

// Arrivals tells besides when answers come.
type Arrivals interface {
	Answers
	// Arrives is when the first echo reply of a candidate comes; it is not ok if
	// none does before the round's time-out.
	Arrives(candidate int) (at vtime.Instant, ok bool)
}

// NewRoutine records the selection whose beginning before shows, with its first
// round in flight, and whose deciding round is in flight in after: the same one,
// or where the Leap between them leads to. The entrants are those of the
// deciding round. It returns nil where answers cannot be revealed (see Reveal)
// or the end depends on more than the winner.
func NewRoutine(before, after *Selector, e *Entrants) *Routine {
	if before.state != probing || after.state != probing || after.stage().Kind != Sweep || int(after.run.step) >= after.course.search {
		return nil
	}
	p := &after.course.Params
	early := !after.revealable(e)
	if early && (p.RoundEndsEarly != AllEchoReplied || p.InterPacketGap != 0 || p.LateReplyPolicy == ReopenLate || after.course.errors ||
		after.stage() != e.stage || !after.unanswered() || e.members.count() != after.Asked()) {
		return nil
	}
	x := &Routine{
		proto: after.CopyFor(after.key, after.clock), entrants: e, early: early,
	}
	x.proto.Swap(nil)
	x.proto.emitQuestion()
	x.round = x.proto.Swap(nil)[0]
	if x.proto.scratch.set(struckSet).count() > 0 {
		return nil
	}
	x.proto.expect(e)
	x.bits = slices.Clone(x.proto.scratch.bits)
	f := x.proto.field()
	x.whole = x.proto.competition(e.classes, &f)
	s := after.CopyFor(after.key, after.clock)
	s.Swap(nil)
	all := make([]Reply, 0, e.members.count())
	for i := range e.stage.Candidates {
		if e.members.has(i) {
			all = append(all, Reply{At: s.since, Candidate: uint16(i), Kind: EchoReply})
		}
	}
	_ = s.Replies(s.since, uint32(s.seq), all)
	if s.Open(uint32(s.seq)) && s.state == probing {
		s.Expire(s.roundEnd())
	}
	asked := s.Swap(nil)
	if len(asked) != 1 || asked[0].Kind != Register {
		return nil // nobody is eligible
	}
	var ok bool
	if x.recorded, ok = record(before, &s); !ok {
		return nil
	}
	x.lots = lotsOf(p, e)
	return x
}

// Lots returns what the race is drawn with. It is nil where more than the race
// decides, where who is eligible depends on who answers, or where they are more
// than MostLots.
func (x *Routine) Lots() *Lots { return x.lots }

// Early tells whether the round ends with the last answer if all entrants answer.
func (x *Routine) Early() bool { return x.early }

// Said returns what the Selector says at the end. What differs between clients
// is of any of them. It must not be changed.
func (x *Routine) Said() *Action { return &x.said }

// Settle makes r the client at rest after the target has registered it at an
// instant, as Decide does.
func (x *Routine) Settle(r *Rest, at vtime.Instant, target RelayID) { x.settle(r, at, target) }

// Round returns the deciding round of a selection that began at an instant. It
// is valid until the next call.
func (x *Routine) Round(started vtime.Instant) *Action {
	a, late := &x.round, started.Sub(x.round.Started)
	a.Started, a.At, a.Deadline = started, a.At.Add(late), a.Deadline.Add(late)
	return a
}

// Race returns the candidate that wins the deciding round, or -1, and when the
// round ends: as Reveal, with exact of the same meaning, or as Replies.
func (x *Routine) Race(r *Rest, key rng.Key, started vtime.Instant, a Arrivals, exact bool) (winner int, end vtime.Instant) {
	s, e := &x.proto, x.entrants
	s.key, s.run.started, s.parent, s.by = key, started, r.parent, By(r.flags&restBy)
	end = x.round.Deadline
	var won competition
	switch {
	case x.early:
		if last, all := x.await(a); all {
			if winner = x.favourite(); winner >= 0 {
				x.said.CompetitionSize, x.said.CompetitionWeight = x.whole.size, x.whole.weight
				return winner, last
			}
			end = last
		}
	case !exact:
		if winner = x.favourite(); winner >= 0 && a.Answered(winner) {
			x.said.CompetitionSize, x.said.CompetitionWeight = 0, 0
			return winner, end
		}
	}
	copy(s.scratch.bits, x.bits)
	s.scratch.veiled = nil
	if x.early || exact {
		s.hear(e, a)
		winner, won = s.draw(e.classes)
	} else {
		winner, won = s.reveal(e, a)
	}
	x.said.CompetitionSize, x.said.CompetitionWeight = won.size, won.weight
	return winner, end
}

// favourite is the entrant that wins if it answers, -1 if that is not known
// without asking the others.
func (x *Routine) favourite() int {
	if x.entrants.weightless || x.proto.course.Params.StickyCurrent {
		return -1
	}
	return x.proto.fastest(x.entrants.classes, nil, 1)
}

// await asks for answers until one does not come; all tells whether all do, last
// when the last of them comes.
func (x *Routine) await(a Arrivals) (last vtime.Instant, all bool) {
	for i := range x.entrants.All() {
		at, ok := a.Arrives(i)
		if !ok {
			return 0, false
		}
		last = max(last, at)
	}
	return last, true
}

// Asker returns the Selector that asks the deciding round, for Struck and
// Asked.
func (x *Routine) Asker() *Selector { return &x.proto }

// Entrants returns those of the deciding round.
func (x *Routine) Entrants() *Entrants { return x.entrants }

// Stage returns the stage of the deciding round.
func (x *Routine) Stage() *Stage { return x.entrants.stage }

// Relay returns the relay of a candidate of the deciding round.
func (x *Routine) Relay(candidate int) RelayID { return x.entrants.stage.Candidates[candidate].Relay }

// Decide makes r the client at rest, and returns what its Selector says at the
// end, after the winner of the last Race, which ended the probing, has registered
// it at the instant at. The trigger is what started the selection. The Action is
// valid until the next call.
func (x *Routine) Decide(r *Rest, trigger Trigger, started, probed, at vtime.Instant, winner int) *Action {
	return x.decide(r, trigger, started, probed, at, x.Relay(winner))
}

// Next is what a client at rest does next by itself.
type Next struct {
	// At is when its timer fires; vtime.Never if it has none.
	At vtime.Instant
	// Renews: it registers with its parent again; otherwise a selection is due,
	// which Trigger starts.
	Renews  bool
	Trigger Trigger
	// registers is when the next periodic registration is due, or an instant
	// before it and not before At.
	registers vtime.Instant
}

// Next returns what the client does next by itself. It last did something at the
// instant now, and what was due before is due then. It is not ok if the client
// is neither registered with its parent nor without one since its last selection
// failed.
func (r *Rest) Next(c *Course, key rng.Key, now vtime.Instant) (n Next, ok bool) {
	switch r.flags &^ restBy {
	case restRuns | restRetrying:
		n.At = max(r.end.Add(c.backOff(key, r.end, r.failures)), now)
		n.Trigger, n.registers = Retry, vtime.Never
		return n, true
	case restRuns | restRegistered:
	default:
		return n, false
	}
	n.At, n.Trigger = c.reselectAt(r.end), Timer
	if n.registers = c.registerAtLeast(r.base); n.registers < n.At { // else its draw decides nothing
		if n.registers = c.registerAt(key, r.base); n.registers < n.At {
			n.At, n.Renews = n.registers, true
		}
	}
	n.At = max(n.At, now)
	return n, true
}

// Fires returns what a registered client does at an instant at which its timer
// fires, as Next has told before; nothing that was due before is left.
func (r *Rest) Fires(c *Course, at vtime.Instant) Next {
	return Next{At: at, Trigger: Timer, Renews: at < c.reselectAt(r.end), registers: at}
}

// Begins returns when the selection that is next begins. It is not ok if the
// periodic registration comes before.
func (r *Rest) Begins(c *Course, key rng.Key, n *Next) (at vtime.Instant, ok bool) {
	at = c.startAt(key, n.At)
	return at, at <= n.registers || at <= c.registerAt(key, r.base)
}

// Arrives returns when the selection begins that a trigger starts at an instant
// at which the client's agent does not run yet. It is not ok if the trigger
// starts none.
func (r *Rest) Arrives(c *Course, key rng.Key, trigger Trigger, at vtime.Instant) (started vtime.Instant, ok bool) {
	if r.flags&restRuns != 0 || trigger != AddressChange && (trigger != Start || r.parent != NoRelay) {
		return 0, false
	}
	return c.startAt(key, at), true
}

// Stop stops the client's agent.
func (r *Rest) Stop() { r.flags &^= restRuns | restRegistered }

// Wakes tells whether a client whose agent does not run yet registers with its
// parent again because of a trigger.
func (r *Rest) Wakes(trigger Trigger) bool {
	return r.flags&restRuns == 0 && r.parent != NoRelay && trigger == Start
}

// Wake lets that registration succeed at an instant.
func (r *Rest) Wake(at vtime.Instant) {
	r.base = at
	r.seq++
	r.flags |= restRuns | restRegistered
}

// Renew lets the client's parent register it again at an instant.
func (r *Rest) Renew(c *Course, at vtime.Instant) {
	r.base = c.renewedFrom(r.base, at)
	r.seq++
}
