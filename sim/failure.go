package sim

import (
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// failure is a selection that finds nothing by probing, with the outcomes of the
// registration attempts that surely fail: it ends there, or a relay of last
// resort takes the client.
type failure struct {
	fruitless *selection.Fruitless
	resort    *selection.Resort // nil if there is none
	refused   []selection.Outcome
}

// seekFailure looks for the selection that finds nothing by probing.
func (c *cell) seekFailure(cl *client, o *outlook, a *selection.Action) {
	keeps := 0
	if cl.sel.Keeps() {
		keeps = 1
	}
	if !o.sought[keeps] {
		o.sought[keeps] = true
		o.failures[keeps] = c.findFailure(cl, a)
	}
}

// findFailure lets a copy of the client's Selector go on in a selection that
// begins with the round a, if nobody can answer, to its end or to the first
// registration that may succeed.
func (c *cell) findFailure(cl *client, a *selection.Action) *failure {
	before := cl.sel.CopyFor(cl.key, a.At)
	s := before.CopyFor(cl.key, a.At)
	var refused []selection.Outcome
	var next []selection.Action
	for q := *a; ; {
		switch q.Kind {
		case selection.AskRound:
			if int16(q.TTL) >= c.outlookOf(cl, int(q.Stage)).quiet {
				return nil
			}
			s.Expire(q.Deadline)
		case selection.Register:
			o, took, ok := c.surelyFails(cl, q.Target)
			if !ok {
				if x := selection.NewResort(&before, &s); x != nil {
					return &failure{resort: x, refused: refused}
				}
				return nil
			}
			refused = append(refused, o)
			_ = s.RegisterResult(q.At.Add(took), q.Seq, o)
		default:
			if x := selection.NewFruitless(&before, &s, &q); x != nil {
				return &failure{fruitless: x, refused: refused}
			}
			return nil
		}
		next = s.Swap(next)
		if len(next) != 1 {
			return nil
		}
		q = next[0]
	}
}

// surelyFails is the outcome of a registration attempt with a relay, and how long
// it takes, if chance has no part in its failing.
func (c *cell) surelyFails(cl *client, target selection.RelayID) (o selection.Outcome, took time.Duration, ok bool) {
	if !target.Known() {
		return selection.NameNotResolved, 0, true
	}
	switch end := c.state.Fate(cl.at, topology.HostID(target), topology.TCP).End(hostTTL); end {
	case topology.Delivered, topology.NoHost:
		return 0, 0, false
	}
	was := cl.conn
	cl.conn = connection{target: target}
	ok = c.connectAhead(cl, nil)
	o, took = cl.conn.outcome, cl.conn.resultAt.Sub(0)
	cl.conn = was
	return o, took, ok
}
