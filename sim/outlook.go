package sim

import (
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// outlook is what a stage of a course promises to clients at an attachment, as
// the world stands: with which TTLs who can answer. It is a memo of topology's
// fates, dropped when the world changes.
type outlook struct {
	// quiet is the smallest TTL that can bring a reply, neverTTL if none can.
	quiet int16
	// entrants are, by TTL, who can answer.
	entrants []*selection.Entrants
	// replies are, by TTL, what expectReplies expects of a whole round.
	replies []expectation
	// leap leads a selection that begins with this stage to its first question
	// that may have an answer; it takes span. known: it has been looked for.
	leap  *selection.Leap
	span  time.Duration
	known bool
	// routine is a whole selection that begins with this stage, nil if there is
	// none to be told in advance.
	routine *selection.Routine
	// decides is the outlook of the routine's deciding stage.
	decides *outlook
	// prospects are, by rank, of the entrants of the routine.
	prospects []prospect
	// open: one of these took clients without a certificate when it was looked up.
	open bool
	// failures are the selections that nobody can answer: of a client that goes
	// on to the last resorts, and of one that keeps its parent. sought: it has been
	// looked for.
	failures [2]*failure
	sought   [2]bool
	// expresses are the routine for the labels whose clients have come by here.
	expresses []*express
	// last is the stage that the leap leads to, behind the last one if to none.
	last int
}

// outlookRow has the outlooks of a stage by attachment, in pages: clients on one
// course are mostly at few places.
type outlookRow []*[outlookPageSize]*outlook

const outlookPageSize = 64

// at is the place of an outlook.
func (r outlookRow) at(attachment int) **outlook {
	p := &r[attachment/outlookPageSize]
	if *p == nil {
		*p = new([outlookPageSize]*outlook)
	}
	return &(*p)[attachment%outlookPageSize]
}

// known is an outlook, nil if there is none yet.
func (r outlookRow) known(attachment int) *outlook {
	if r == nil || r[attachment/outlookPageSize] == nil {
		return nil
	}
	return r[attachment/outlookPageSize][attachment%outlookPageSize]
}

// prospect is what becomes of an entrant's packets.
type prospect struct{ echo, tcp *topology.Fate }

// outlookOf is the memo of a stage of the course in force.
func (c *cell) outlookOf(cl *client, stage int) *outlook {
	i := c.courseInForce(cl).stageBase + stage
	if len(c.outlooks) <= i {
		c.outlooks = append(c.outlooks, make([]outlookRow, c.stages-len(c.outlooks))...)
	}
	if c.outlooks[i] == nil {
		c.outlooks[i] = make(outlookRow, (c.attachments+outlookPageSize-1)/outlookPageSize)
	}
	at := c.outlooks[i].at(c.attachment(cl.at))
	if *at == nil {
		*at = &outlook{quiet: c.quietBelow(cl, cl.sel.Course().Stage(stage))}
	}
	return *at
}

// quietBelow is the smallest TTL with which a probe of the stage, sent from
// where the client is, can be answered in the world as it stands. Where each
// packet may have a way of its own, that may be any.
func (c *cell) quietBelow(cl *client, stage *selection.Stage) int16 {
	if c.balanced {
		return 0
	}
	least := int16(neverTTL)
	for _, cand := range stage.Candidates {
		if f := c.echoFate(cl, &cand); f != nil && f.Forward == topology.Delivered && f.Back == topology.Delivered {
			least = min(least, f.FilterHops+1)
		}
	}
	return least
}

// echoFate is what becomes of an echo request to a candidate, nil for a host
// that nobody knows.
func (c *cell) echoFate(cl *client, cand *selection.Candidate) *topology.Fate {
	if !cand.Relay.Known() {
		return nil
	}
	return c.state.Fate(cl.at, topology.HostID(cand.Relay), topology.EchoRequest)
}

// entrantsOf are the candidates that can answer with a TTL.
func (c *cell) entrantsOf(cl *client, o *outlook, stage *selection.Stage, ttl uint8) *selection.Entrants {
	if len(o.entrants) <= int(ttl) {
		o.entrants = append(o.entrants, make([]*selection.Entrants, int(ttl)+1-len(o.entrants))...)
	}
	e := &o.entrants[ttl]
	if *e == nil {
		*e = stage.Entrants(func(i int) bool {
			f := c.echoFate(cl, &stage.Candidates[i])
			return f != nil && (c.balanced || f.End(ttl) == topology.Delivered && f.Back == topology.Delivered)
		})
	}
	return *e
}

// leap takes a selection that begins with the round a to its first question
// that may have an answer. It is not ok if something may touch the client
// before, or there is nothing to leap over.
func (c *cell) leap(cl *client, a *selection.Action) (ok bool) {
	if c.balanced || a.Round != 0 {
		return false
	}
	o := c.foresee(cl, a)
	if o.routine == nil {
		c.seekFailure(cl, o, a)
	}
	return o.leap != nil && a.At.Add(o.span) < c.horizon(cl) && cl.sel.Follow(o.leap)
}

// foresee is the outlook of the stage of a selection's first round, in which it
// has been looked for leap and routine.
func (c *cell) foresee(cl *client, a *selection.Action) *outlook {
	o := c.outlookOf(cl, int(a.Stage))
	if !o.known {
		o.known = true
		o.leap, o.span, o.routine = c.findLeap(cl, a)
		if o.routine != nil {
			o.prospects = c.prospectsOf(cl, o.routine)
			for i := range o.routine.Entrants().All() {
				o.open = o.open || c.relays[o.routine.Relay(i)].takes[0]
			}
		}
	}
	return o
}

// opening is the leap of a selection that begins now with the first stage of its
// course. It is nil if none is known yet, if something may touch the client
// before its end, or if somebody watches the way.
func (c *cell) opening(cl *client) *selection.Leap {
	if c.balanced || c.watch != nil || !c.mayGoAhead(cl) || len(cl.sel.Course().Stages) == 0 {
		return nil
	}
	o := c.outlookOf(cl, 0)
	if o.leap == nil || c.now.Add(o.span) >= c.horizon(cl) {
		return nil
	}
	return o.leap
}

// findLeap lets a copy of the client's Selector go on until somebody may
// answer. What then depends on a draw of the client's own is left to each.
func (c *cell) findLeap(cl *client, a *selection.Action) (*selection.Leap, time.Duration, *selection.Routine) {
	before := cl.sel.CopyFor(cl.key, a.At)
	after, q, rounds := c.inSilence(cl, &before, *a, neverTTL*len(cl.sel.Course().Stages))
	first := c.outlookOf(cl, int(a.Stage))
	first.last = len(cl.sel.Course().Stages)
	if q == nil {
		return nil, 0, nil // it gives up
	}
	var x *selection.Routine
	if q.Kind == selection.AskRound {
		first.last = int(q.Stage)
		o := c.outlookOf(cl, int(q.Stage))
		first.decides = o
		x = selection.NewRoutine(&before, &after, c.entrantsOf(cl, o, cl.sel.Course().Stage(int(q.Stage)), q.TTL))
	}
	if rounds == 0 {
		return nil, 0, x
	}
	l := selection.NewLeap(&before, &after)
	if l == nil && rounds > 1 {
		after, q, _ = c.inSilence(cl, &before, *a, rounds-1)
		l = selection.NewLeap(&before, &after)
	}
	return l, q.At.Sub(a.At), x
}

// prospectsOf looks up what becomes of the packets to the entrants of a routine.
func (c *cell) prospectsOf(cl *client, x *selection.Routine) []prospect {
	of := make([]prospect, x.Entrants().Count())
	stage := x.Stage()
	rank := 0
	for i := range x.Entrants().All() {
		host := topology.HostID(stage.Candidates[i].Relay)
		of[rank] = prospect{c.state.Fate(cl.at, host, topology.EchoRequest), c.state.Fate(cl.at, host, topology.TCP)}
		rank++
	}
	return of
}

// inSilence returns a copy of a Selector that has gone on from its round q until
// somebody may answer, but no further than so many rounds, with the question that
// is in flight then, nil if the selection has ended.
func (c *cell) inSilence(cl *client, before *selection.Selector, q selection.Action, most int) (selection.Selector, *selection.Action, int) {
	s := before.CopyFor(cl.key, q.At)
	var next []selection.Action
	for rounds := range most {
		if q.Kind != selection.AskRound || int16(q.TTL) >= c.outlookOf(cl, int(q.Stage)).quiet {
			return s, &q, rounds
		}
		s.Expire(q.Deadline)
		next = s.Swap(next)
		if len(next) != 1 || next[0].Kind != selection.AskRound && next[0].Kind != selection.Register {
			return s, nil, rounds
		}
		q = next[0]
	}
	return s, &q, most
}

// answers are those to a round of a client's. It serves Reveal, Fill and Race.
type answers struct {
	c      *cell
	cl     *client
	action *selection.Action   // the round
	sel    *selection.Selector // that asks it
	stage  *selection.Stage    // of the round, nil until it is needed
	// prospects are those of the entrants, nil if they are not known.
	prospects []prospect
	entrants  *selection.Entrants
	routine   *selection.Routine // whose race it is, if not a Selector's
	round     rng.Key
	keyed     bool
}

// answersTo are the answers to the round that the client has in ask.action.
func (c *cell) answersTo(cl *client) *answers {
	c.answering = answers{c: c, cl: cl, action: &cl.ask.action, sel: &cl.sel}
	return &c.answering
}

// Answered tells whether the first echo reply of a candidate comes in time.
func (x *answers) Answered(i int) bool {
	_, ok := x.Arrives(i)
	return ok
}

// Arrives is when it comes. Of several replies the first counts.
func (x *answers) Arrives(i int) (at vtime.Instant, ok bool) {
	a, place := x.action, 0
	if a.Gap != 0 {
		for j := range i {
			if !x.sel.Struck(j) {
				place++
			}
		}
	}
	at, ok = x.c.echoAhead(x, x.fate(i), x.candidate(i), place)
	return at, ok && at <= a.Deadline
}

// fate is that of a probe to a candidate and of its answer, nil for a host that
// nobody knows or where each probe has its own.
func (x *answers) fate(i int) *topology.Fate {
	if x.prospects != nil {
		if rank, ok := x.entrants.Rank(i); ok {
			return x.prospects[rank].echo
		}
	}
	if x.c.balanced {
		return nil
	}
	return x.c.echoFate(x.cl, x.candidate(i))
}

// candidate is one that the round asks.
func (x *answers) candidate(i int) *selection.Candidate {
	if x.stage == nil {
		x.stage = x.sel.Course().Stage(int(x.action.Stage))
	}
	return &x.stage.Candidates[i]
}

// key is the key of the round, made when a packet's luck matters.
func (x *answers) key() rng.Key {
	if !x.keyed {
		x.round, x.keyed = roundKey(x.cl, x.action), true
	}
	return x.round
}
