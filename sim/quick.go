package sim

import (
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// quick does what the client does before the limit, as long as that goes its
// usual way. It returns false if the client is not as one on its usual way.
func (c *cell) quick(cl *client, i int, s *stroll, limit vtime.Instant) bool {
	o := c.knownOutlook(s.made, cl.at)
	for {
		n, ok := s.rest.Next(s.made.course, s.key, s.now)
		if !ok {
			return false
		}
		if s.due = n.At; n.At >= limit {
			return true
		}
		if n.Renews {
			if ok = c.attempt(cl, i, true, cl.parent, nil, n.At, limit); ok {
				s.now = cl.conn.resultAt
				s.rest.Renew(s.made.course, s.now)
			}
		} else if n.At, ok = s.rest.Begins(s.made.course, s.key, &n); ok {
			ok = c.quickSelection(cl, i, s, o, n.Trigger, n.At, limit)
		}
		if !ok {
			return true
		}
	}
}

// quickSelection carries out a selection that a trigger starts at an instant.
func (c *cell) quickSelection(cl *client, i int, s *stroll, o *outlook, trigger selection.Trigger, started, limit vtime.Instant) bool {
	switch {
	case o == nil || started >= limit:
		return false
	case o.routine == nil:
		return c.quickFailure(cl, i, s, o, trigger, started, limit)
	case c.groups[cl.group].plain && !cl.certificate && !o.open:
		return false // it will be refused, and what then is not usual
	}
	x := o.routine
	round := x.Round(started)
	if round.Deadline >= limit {
		return false
	}
	if c.answering.keyed = false; c.answering.routine != x {
		c.answering = answers{c: c, cl: cl, sel: x.Asker(), stage: x.Stage(), action: round, routine: x, entrants: x.Entrants(), prospects: o.prospects}
	}
	winner, probed := x.Race(s.rest, s.key, started, &c.answering, c.trace != nil)
	if winner < 0 {
		return false
	}
	rank, _ := x.Entrants().Rank(winner)
	if !c.attempt(cl, i, false, x.Relay(winner), o.prospects[rank].tcp, probed, limit) {
		return false
	}
	s.now = c.now
	decided := x.Decide(s.rest, trigger, started, probed, s.now, winner)
	c.expectRound(cl, round, o.decides, x.Asker())
	c.observeSelection(i, decided, s.made)
	return true
}

// quickFailure carries out a selection that finds nothing by probing.
func (c *cell) quickFailure(cl *client, i int, s *stroll, o *outlook, trigger selection.Trigger, started, limit vtime.Instant) bool {
	keeps := 0
	if s.rest.Keeps(s.made.course, trigger) {
		keeps = 1
	}
	x := o.failures[keeps]
	var ended *selection.Action
	switch {
	case x == nil:
		return false
	case x.resort != nil:
		target, at := x.resort.Asks(s.key, started)
		if !c.attempt(cl, i, false, target, nil, at, limit) {
			return false
		}
		ended = x.resort.Decide(s.rest, trigger, started, c.now, target)
	case started.Add(x.fruitless.Span()) >= limit:
		return false
	default:
		ended = x.fruitless.End(s.rest, s.key, trigger, started)
		c.now = ended.At
	}
	s.now = c.now
	for _, o := range x.refused {
		c.observeRegistration(i, o)
	}
	c.observeSelection(i, ended, s.made)
	return true
}

// attempt lets the client register with a relay at an instant, again or for the
// first time; f is the fate of its packets, nil to look it up. It is not ok, and
// nothing has happened, unless the relay takes the client before the limit.
func (c *cell) attempt(cl *client, i int, again bool, target selection.RelayID, f *topology.Fate, at, limit vtime.Instant) bool {
	k := &cl.conn
	k.again, k.target, k.at = again, target, at
	if !target.Known() || !c.connectAhead(cl, f) || k.resultAt >= limit {
		return false
	}
	o, certificate := c.judge(cl)
	if o != selection.Registered {
		return false
	}
	c.now = k.resultAt
	c.keepAdmission(cl, o, certificate)
	c.observeRegistration(i, o)
	return true
}

// knownOutlook is the memo of the first stage of a course, nil if there is none
// yet.
func (c *cell) knownOutlook(made *madeCourse, at topology.Attachment) *outlook {
	if made.stageBase >= len(c.outlooks) || len(made.course.Stages) == 0 {
		return nil
	}
	return c.outlooks[made.stageBase].known(c.attachment(at))
}
