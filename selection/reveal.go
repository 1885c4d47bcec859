package selection

import (
	"iter"
	"math/bits"
	"slices"
)

// Entrants are the candidates of a stage that can answer a round at all. They
// are immutable and shared by all clients to which the same candidates may
// answer.
type Entrants struct {
	stage *Stage
	// members is the set of them, classes the same by weight.
	members set
	classes []class
	// weightless: some have a weight of 0.
	weightless bool
}

// Entrants returns the candidates for which may is true, by their indices in
// the stage. Entrants belong to the stage that made them.
func (st *Stage) Entrants(may func(candidate int) bool) *Entrants {
	e := &Entrants{stage: st, members: make(set, (len(st.Candidates)+63)/64)}
	for i := range st.Candidates {
		if may(i) {
			e.members.add(i)
		}
	}
	e.classes = classify(st.Candidates, e.members.has)
	e.weightless = slices.ContainsFunc(e.classes, func(c class) bool { return c.weight == 0 })
	return e
}

// Count returns how many there are.
func (e *Entrants) Count() int { return e.members.count() }

// Rank returns how many entrants come before a candidate in the order of the
// stage; it is not ok if the candidate is none.
func (e *Entrants) Rank(candidate int) (rank int, ok bool) {
	k := candidate >> 6
	for _, w := range e.members[:k] {
		rank += bits.OnesCount64(w)
	}
	return rank + bits.OnesCount64(e.members[k]&first(candidate&63)), e.members.has(candidate)
}

// All goes through them in the order of the stage.
func (e *Entrants) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for k, w := range e.members {
			for ; w != 0; w &= w - 1 {
				if !yield(k<<6 | bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// Answers tells what became of the probes of one round.
type Answers interface {
	// Answered tells whether an echo reply to a probe of the candidate, an
	// index in the round's stage, comes before the round's time-out. Equal
	// questions have equal answers.
	Answered(candidate int) bool
}

// mostMisses is how many turns in the race may come without an answer before
// all answers are asked for: the race is run anew after each.
const mostMisses = 4

// Reveal carries the round in flight to its time-out: as if Replies had fed an
// echo reply of every entrant that answered, and of nobody else, and Expire had
// been called at the round's end. An answer is asked for only when its turn in
// the race comes: once it is known who wins, the others stay unknown, and the
// CompetitionSize and CompetitionWeight of the decision are 0. exact asks for
// every answer and fills them in. The choice is the same.
//
// The successor of a winner that refuses depends on answers that are not known
// yet: before a result other than Registered is fed, Fill has to be called.
//
// It returns false and changes nothing where the answers have to be fed one by
// one: no round is in flight or it has been answered already, e is of another
// stage, ICMP errors or late replies count, or the round might end early
// because everybody whom it asks is an entrant.
func (s *Selector) Reveal(e *Entrants, a Answers, exact bool) bool {
	if !s.revealable(e) {
		return false
	}
	at := max(s.roundEnd(), s.clock)
	s.clock = at
	s.expect(e)
	switch {
	case e.stage.Kind == Single:
		s.hear(e, a)
		s.endRound(at)
	case exact:
		s.hear(e, a)
		s.dropUnsent(at)
		s.compete(e.classes, at)
	default:
		s.dropUnsent(at)
		winner, won := s.reveal(e, a)
		s.proceed(winner, won, at)
	}
	return true
}

// expect counts the answers of all entrants as given until they are asked for.
func (s *Selector) expect(e *Entrants) {
	awaited, struck := s.scratch.set(awaitedSet), s.scratch.set(struckSet)
	for k, w := range e.members {
		awaited[k] &^= w &^ struck[k]
	}
}

// revealable tells whether the round's answers may stay unknown until they are
// asked for.
func (s *Selector) revealable(e *Entrants) bool {
	p := &s.course.Params
	if s.state != probing || s.stage() != e.stage || s.course.errors || p.LateReplyPolicy == ReopenLate {
		return false
	}
	asked := s.Asked()
	if int(s.run.silent) != asked {
		return false
	}
	if p.RoundEndsEarly == OnTimeoutOnly {
		return true
	}
	n := 0
	for k, w := range s.scratch.set(struckSet) {
		n += bits.OnesCount64(e.members[k] &^ w)
	}
	return n < asked
}

// reveal runs the race among those who count as having answered, and asks the
// winner, until one did.
func (s *Selector) reveal(e *Entrants, a Answers) (winner int, won competition) {
	f := s.field()
	for range mostMisses {
		total := uint32(1)
		if e.weightless {
			total = s.competition(e.classes, &f).weight
		}
		if winner = s.race(e.classes, &f, total); winner < 0 {
			break
		}
		if a.Answered(winner) {
			s.scratch.veiled = e
			return winner, competition{}
		}
		f.awaited.add(winner)
	}
	s.hear(e, a)
	won = s.competition(e.classes, &f)
	if winner < 0 || won.size == 0 {
		return -1, won
	}
	if winner = s.race(e.classes, &f, won.weight); winner < 0 {
		return -1, won
	}
	s.scratch.veiled = e // as if it had been known to win before the others were heard
	return winner, competition{}
}

// hear asks for the answers of all entrants that count as having answered.
func (s *Selector) hear(e *Entrants, a Answers) {
	awaited, struck := s.scratch.set(awaitedSet), s.scratch.set(struckSet)
	for k, w := range e.members {
		for w &^= awaited[k] | struck[k]; w != 0; w &= w - 1 {
			if i := k<<6 + bits.TrailingZeros64(w); !a.Answered(i) {
				awaited.add(i)
			}
		}
	}
	s.run.silent = uint16(awaited.count())
}

// Fill asks for the answers to the round before the registration in flight
// that Reveal left unknown; then all is as after an exact Reveal. a answers as in
// Reveal, for the same round of the same client. It does nothing if all is known.
func (s *Selector) Fill(a Answers) {
	if s.state != registering || s.scratch.veiled == nil {
		return
	}
	e := s.scratch.veiled
	s.scratch.veiled = nil
	s.hear(e, a)
	f := s.field()
	won := s.competition(e.classes, &f)
	s.run.wonSize, s.run.wonWeight = won.size, won.weight
}
