package sim

import (
	"math/bits"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// expectation is a memo of what a round brings: millionths of replies.
type expectation struct {
	millionths uint64
	known      bool
	// fleeting: it is another one at another instant.
	fleeting bool
}

// expectReplies counts how many relays will answer a round that begins now, as
// far as that is expected of it: who does answer is found out for those alone
// that a draw asks for, and at packet level. It depends on the round, on where
// the client is and on the world as it stands, so that all levels count the
// same. docs/measures.md says what goes into it.
func (c *cell) expectReplies(cl *client, a *selection.Action) {
	c.expectRound(cl, a, c.outlookOf(cl, int(a.Stage)), &cl.sel)
}

// expectRound is expectReplies with the outlook of the round's stage and the
// Selector that asks it.
func (c *cell) expectRound(cl *client, a *selection.Action, o *outlook, sel *selection.Selector) {
	if int16(a.TTL) < o.quiet {
		return
	}
	s := &c.tally.Slots[cl.slot]
	stage := sel.Course().Stage(int(a.Stage))
	if c.balanced || sel.Asked() < len(stage.Candidates) || a.Deadline > c.lastHeard(cl) {
		n, _ := c.repliesTo(cl, sel, stage, a)
		s.EchoReplies += n
		return
	}
	s.EchoReplies += c.expected(cl, a, o, sel).millionths
}

// expected is the memo of a round that everybody in its stage is asked in.
func (c *cell) expected(cl *client, a *selection.Action, o *outlook, sel *selection.Selector) *expectation {
	if len(o.replies) <= int(a.TTL) {
		o.replies = append(o.replies, make([]expectation, int(a.TTL)+1-len(o.replies))...)
	}
	e := &o.replies[a.TTL]
	if !e.known || e.fleeting {
		e.millionths, e.fleeting = c.repliesTo(cl, sel, sel.Course().Stage(int(a.Stage)), a)
		e.known = true
	}
	return e
}

// lastHeard is the last instant at which an answer to the client can arrive.
func (c *cell) lastHeard(cl *client) vtime.Instant { return min(cl.lifeAt, c.end.Add(-1)) }

// repliesTo adds up, over the relays that a round asks, the chances that they
// answer in time, in millionths. fleeting: they hang on the state of links.
func (c *cell) repliesTo(cl *client, sel *selection.Selector, stage *selection.Stage, a *selection.Action) (n uint64, fleeting bool) {
	x := reach{c: c, cl: cl, a: a, last: min(a.Deadline, c.lastHeard(cl)), lap: time.Duration(sel.Asked()) * a.Gap}
	leaves := a.At
	for j := range stage.Candidates {
		if sel.Struck(j) {
			continue
		}
		n += millionths(x.answers(&stage.Candidates[j], leaves))
		leaves = leaves.Add(a.Gap)
	}
	return n, x.fleeting
}

// millionths rounds a chance.
func millionths(c rng.Chance) uint64 {
	if c == rng.Always {
		return 1e6
	}
	n, rest := bits.Mul64(uint64(c), 1e6)
	return n + rest>>63
}

// reach is a round whose answers are expected until the instant last.
type reach struct {
	c    *cell
	cl   *client
	a    *selection.Action
	last vtime.Instant
	lap  time.Duration // from one probe of a relay to the next
	// fleeting: a chance was that of the instant alone.
	fleeting bool
}

// answers is the chance that a relay answers whose first probe leaves at an
// instant.
func (x *reach) answers(cand *selection.Candidate, leaves vtime.Instant) rng.Chance {
	if !cand.Relay.Known() {
		return rng.Never
	}
	c := x.c
	var relay rng.Key
	if c.balanced {
		relay = roundKey(x.cl, x.a).Child(rng.Probe, cand.Key)
	}
	some := rng.Never
	for n := range x.a.Pings {
		f := c.fate(x.cl, cand.Relay, topology.EchoRequest, pingKey(relay, n))
		if f.End(x.a.TTL) == topology.Delivered && leaves.Add(f.DelayForward+f.DelayBack) <= x.last {
			some = some.Or(c.state.Returns(f, leaves))
			x.fleeting = x.fleeting || f.Varies
		}
		leaves = leaves.Add(x.lap)
	}
	return some
}
