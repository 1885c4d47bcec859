package selection

import (
	"math/bits"

	"github.com/relaysim/relaysim/rng"
)

// Lots are what the race of a Routine's deciding round is drawn with: its
// entrants in the order in which the race takes them, numbered from 0. They are
// immutable.
type Lots struct {
	nth        []rng.Nth
	runs       []lotRun // by weight
	candidates []uint16
}

// lotRun are the lots of one weight that are before to and in no run before.
type lotRun struct {
	weight, listed uint32 // with which they take part, and that of the list
	to             int
}

// MostLots is how many entrants can have Lots.
const MostLots = 64

// lotsOf are the lots of the entrants, nil where more than the race decides or
// who is eligible depends on who answers.
func lotsOf(p *Params, e *Entrants) *Lots {
	if e.weightless || p.StickyCurrent || e.Count() == 0 || e.Count() > MostLots {
		return nil
	}
	l := &Lots{nth: make([]rng.Nth, 0, e.Count()), candidates: make([]uint16, 0, e.Count())}
	for i := range e.classes {
		c := &e.classes[i]
		l.nth = append(l.nth, c.nth...)
		l.candidates = append(l.candidates, c.index...)
		l.runs = append(l.runs, lotRun{effectiveWeight(p, c.weight, 1), c.weight, len(l.nth)})
	}
	return l
}

// Count returns how many there are.
func (l *Lots) Count() int { return len(l.candidates) }

// Candidate returns the candidate of a lot, an index in the round's stage.
func (l *Lots) Candidate(n int) int { return int(l.candidates[n]) }

// All is the set of all lots.
func (l *Lots) All() uint64 { return 1<<len(l.candidates) - 1 }

// First returns the lot that wins if everybody answers, of the selection with a
// key.
func (l *Lots) First(selection rng.Key) int {
	draws, n := selection.Stream(rng.Race), l.runs[0].to
	winner, least := earliest(l.nth[:n], draws)
	if len(l.runs) == 1 {
		return winner
	}
	best := l.runner(winner, &l.runs[0], least)
	for i := 1; i < len(l.runs); i++ {
		run := &l.runs[i]
		place, least := earliest(l.nth[n:run.to], draws)
		if r := l.runner(n+place, run, least); r.precedes(best) {
			winner, best = n+place, r
		}
		n = run.to
	}
	return winner
}

// runner is a lot of a run with its draw. Candidates are in the order of their
// keys.
func (l *Lots) runner(n int, run *lotRun, word uint64) runner {
	return runner{word, run.weight, uint64(l.candidates[n])}
}

// FirstOf returns the lot that wins if just those of a set answer, -1 if the set
// is empty.
func (l *Lots) FirstOf(selection rng.Key, set uint64) int {
	draws, n := selection.Stream(rng.Race), 0
	x := leader{place: -1}
	for i := range l.runs {
		run := &l.runs[i]
		winner, least := -1, uint64(0)
		for ; n < run.to; n++ {
			if set>>n&1 == 0 {
				continue
			}
			if word := draws.At(l.nth[n]); word < least || winner < 0 {
				winner, least = n, word
			}
		}
		if winner >= 0 {
			x = x.meet(winner, l.runner(winner, run, least))
		}
	}
	return x.place
}

// Competition returns the account of a draw (6.3) in which just the lots of a
// set take part.
func (l *Lots) Competition(set uint64) (size uint16, weight uint32) {
	total, from := uint64(0), 0
	for i := range l.runs {
		run := &l.runs[i]
		n := bits.OnesCount64(set >> from & (1<<(run.to-from) - 1))
		size += uint16(n)
		total += uint64(n) * uint64(run.listed)
		from = run.to
	}
	return size, uint32(min(total, 1<<32-1))
}
