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
}

// outlookOf is the memo of a stage of the course in force.
func (c *cell) outlookOf(cl *client, stage int) *outlook {
	i := c.courseInForce(cl).stageBase + stage
	if len(c.outlooks) <= i {
		c.outlooks = append(c.outlooks, make([][]*outlook, c.stages-len(c.outlooks))...)
	}
	row := c.outlooks[i]
	if row == nil {
		row = make([]*outlook, c.attachments)
		c.outlooks[i] = row
	}
	at := &row[c.attachment(cl.at)]
	if *at == nil {
		*at = &outlook{quiet: c.quietBelow(cl, cl.sel.Course().Stage(stage))}
	}
	return *at
}

// forgetOutlooks is for a world that has changed.
func (c *cell) forgetOutlooks() {
	for _, row := range c.outlooks {
		clear(row)
	}
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
	o := c.outlookOf(cl, int(a.Stage))
	if !o.known {
		o.known = true
		o.leap, o.span, o.routine = c.findLeap(cl, a)
	}
	return o.leap != nil && a.At.Add(o.span) < c.horizon(cl) && cl.sel.Follow(o.leap)
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
// answer.
func (c *cell) findLeap(cl *client, a *selection.Action) (*selection.Leap, time.Duration, *selection.Routine) {
	before := cl.sel.CopyFor(cl.key, a.At)
	after := before.CopyFor(cl.key, a.At)
	for q := *a; ; {
		if q.Kind == selection.AskRound && int16(q.TTL) < c.outlookOf(cl, int(q.Stage)).quiet {
			after.Expire(q.Deadline)
			if next := after.Swap(nil); len(next) == 1 {
				q = next[0]
				continue
			}
			return nil, 0, nil // it gives up
		}
		var x *selection.Routine
		if q.Kind == selection.AskRound {
			o := c.outlookOf(cl, int(q.Stage))
			x = selection.NewRoutine(&before, &after, c.entrantsOf(cl, o, cl.sel.Course().Stage(int(q.Stage)), q.TTL))
		}
		if q.Seq == a.Seq {
			return nil, 0, x
		}
		return selection.NewLeap(&before, &after), q.At.Sub(a.At), x
	}
}

// answers are those to the round that a client has in ask.action. It serves
// Reveal and Fill.
type answers struct {
	c     *cell
	cl    *client
	round rng.Key
	keyed bool
}

// answersTo are the answers to the client's round.
func (c *cell) answersTo(cl *client) *answers {
	c.answering = answers{c: c, cl: cl}
	return &c.answering
}

// Answered tells whether the first echo reply of a candidate comes in time.
func (x *answers) Answered(i int) bool {
	_, ok := x.Arrives(i)
	return ok
}

// Arrives is when it comes. Of several replies the first counts.
func (x *answers) Arrives(i int) (at vtime.Instant, ok bool) {
	a, place := &x.cl.ask.action, 0
	if a.Gap != 0 {
		for j := range i {
			if !x.cl.sel.Struck(j) {
				place++
			}
		}
	}
	at, ok = x.c.echoAhead(x, x.candidate(i), place)
	return at, ok && at <= a.Deadline
}

// candidate is one that the round asks.
func (x *answers) candidate(i int) *selection.Candidate {
	return &x.cl.sel.Course().Stage(int(x.cl.ask.action.Stage)).Candidates[i]
}

// key is the key of the round, made when a packet's luck matters.
func (x *answers) key() rng.Key {
	if !x.keyed {
		x.round, x.keyed = roundKey(x.cl, &x.cl.ask.action), true
	}
	return x.round
}
