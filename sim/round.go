package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// neverTTL is above every TTL: no probe of the stage can be answered.
const neverTTL = 256

// hostTTL is the TTL that hosts give to the packets they send of their own
// accord (RFC 1700's recommended default).
const hostTTL = 64

// round carries one round. At round level it is completed at once if it ends
// before anything can touch the client.
func (c *cell) round(i int, a *selection.Action) {
	cl := c.client(i)
	if c.mayGoAhead(cl) && a.Deadline < c.horizon(cl) {
		if !c.leap(cl, a) {
			c.roundAhead(cl, a)
		}
		return
	}
	cl.ask.begin(a, cl.sel.Course())
	if a.At == c.now { // also of one that something overtakes at this very instant
		c.expectReplies(cl, a)
	}
	if a.At > c.now || c.solo != nil {
		c.goAway()
		cl.ask.waiting, cl.ask.early = true, a.At > c.now
		c.push(a.At, evAsk, i, a.Seq)
		return
	}
	c.sendProbes(i)
}

// roundAhead answers a round from the memoised fates of its probes.
func (c *cell) roundAhead(cl *client, a *selection.Action) {
	stage := cl.sel.Course().Stage(int(a.Stage))
	o := c.outlookOf(cl, int(a.Stage))
	if int16(a.TTL) < o.quiet {
		cl.sel.Expire(a.Deadline)
		return
	}
	c.expectReplies(cl, a)
	cl.ask.action = *a
	entrants, x := c.entrantsOf(cl, o, stage, a.TTL), c.answersTo(cl)
	if first := c.outlookOf(cl, 0); first.routine != nil && first.routine.Entrants() == entrants {
		x.entrants, x.prospects = entrants, first.prospects
	}
	if cl.sel.Reveal(entrants, x, c.trace != nil) {
		return
	}
	c.replies = c.replies[:0]
	for j := range entrants.All() {
		if cl.sel.Struck(j) {
			continue
		}
		if at, ok := x.Arrives(j); ok {
			c.replies = append(c.replies, selection.Reply{At: at, Candidate: uint16(j), Kind: selection.EchoReply})
		}
	}
	if n := len(c.replies); n > 0 {
		sortReplies(c.replies)
		_ = cl.sel.Replies(c.replies[n-1].At, a.Seq, c.replies)
	}
	if cl.sel.Open(a.Seq) {
		cl.sel.Expire(a.Deadline)
	}
}

// echoAhead is when the first echo reply of a candidate is back, whose first
// probe has that place in the round and comes to the fate f, unless each probe
// has its own.
func (c *cell) echoAhead(x *answers, f *topology.Fate, cand *selection.Candidate, place int) (back vtime.Instant, ok bool) {
	if !cand.Relay.Known() {
		return 0, false
	}
	cl, a := x.cl, x.action
	leaves := a.At.Add(time.Duration(place) * a.Gap)
	if !c.balanced { // all its probes and replies go one way
		switch {
		case f.End(a.TTL) != topology.Delivered || f.Back != topology.Delivered:
			return 0, false
		case certain(f):
			return leaves.Add(f.DelayForward + f.DelayBack), true
		}
	}
	relay := x.key().Child(rng.Probe, cand.Key)
	lap := time.Duration(x.sel.Asked()) * a.Gap // from one probe of a relay to the next
	back = vtime.Never
	for n := range a.Pings {
		key := pingKey(relay, n)
		if c.balanced {
			if f = c.fate(cl, cand.Relay, topology.EchoRequest, key); f.End(a.TTL) != topology.Delivered {
				continue
			}
		}
		if at, ok := c.exchange(f, key, leaves.Add(time.Duration(n)*lap)); ok {
			back = min(back, at)
		}
	}
	return back, back != vtime.Never
}

// pingKey keys the n-th probe of a relay in a round. The first has the key of
// the relay, so that further probes change nothing of its luck.
func pingKey(relay rng.Key, n uint8) rng.Key {
	if n == 0 {
		return relay
	}
	return relay.Child(rng.Try, uint64(n))
}

func sortReplies(r []selection.Reply) {
	slices.SortFunc(r, func(a, b selection.Reply) int {
		if a.At != b.At {
			if a.At < b.At {
				return -1
			}
			return 1
		}
		return int(a.Candidate) - int(b.Candidate)
	})
}

// roundKey keys the packets of one round: by client, selection and round.
func roundKey(cl *client, a *selection.Action) rng.Key {
	return selection.KeyOf(cl.key, a.Started).Toward(rng.Round, uint64(a.Round))
}

// replyKey and errorKey key the packets that a request brings about.
func replyKey(k rng.Key) rng.Key { return k.Answer() }
func errorKey(k rng.Key) rng.Key { return k.Child(rng.Try, 2<<32) }

// asked is a round at packet level.
type asked struct {
	action selection.Action
	// open: answers are still of interest. waiting: it begins at action.At. early:
	// it was asked for before that.
	open, waiting, early bool
	// next is the number of the probe that leaves at nextAt, unless that is
	// Never.
	next   int
	nextAt vtime.Instant
	// course is what the rounds are of.
	course *selection.Course
	// volley, if not nil, is what its probes are; inRuns: an event stands for as
	// many of them as volley.runs says.
	volley *volley
	inRuns bool
	// past are the earlier rounds of the selection, if late answers to them
	// still count (late_reply_policy).
	past []selection.Action
}

// begin makes a the round that is asked.
func (q *asked) begin(a *selection.Action, of *selection.Course) {
	switch {
	case !a.WantLate || !q.open || q.action.Started != a.Started:
		q.past = q.past[:0]
	case q.action.WantLate:
		q.past = append(q.past, q.action)
	}
	q.action, q.course, q.open, q.waiting, q.early, q.nextAt = *a, of, true, false, false, vtime.Never
}

// drop ends all interest in answers.
func (q *asked) drop() { q.open, q.waiting, q.nextAt, q.past = false, false, vtime.Never, q.past[:0] }

// of finds the round that a packet belongs to, or nil if nobody is interested.
func (q *asked) of(detail uint32) *selection.Action {
	if !q.open || q.waiting {
		return nil
	}
	return q.named(detail)
}

// named is the round that a packet belongs to, whether anybody is interested or
// not; nil if a later one has taken its place.
func (q *asked) named(detail uint32) *selection.Action {
	if q.course == nil {
		return nil
	}
	if q.action.Seq&0xffff == detail>>16 {
		return &q.action
	}
	for i := range q.past {
		if q.past[i].Seq&0xffff == detail>>16 {
			return &q.past[i]
		}
	}
	return nil
}

// askNow begins a round that had to wait for its time, or goes on with one
// whose probes leave one by one.
func (c *cell) askNow(i int) {
	q := &c.client(i).ask
	switch {
	case q.waiting && q.action.At == c.now:
		q.waiting = false
		c.sendProbes(i)
	case q.nextAt == c.now:
		c.sendOn(i)
	}
}

// sendProbes begins to send the probes of a round as packets: none to a relay
// whose name does not resolve. What a client then does is not documented (spec
// 5.15); it counts among the probes of the selection all the same.
func (c *cell) sendProbes(i int) {
	cl := c.client(i)
	q := &cl.ask
	stage := cl.sel.Course().Stage(int(q.action.Stage))
	if most := (len(stage.Candidates) + len(stage.Beside)) * int(q.action.Pings); most > firstReset {
		panic(fmt.Sprintf("sim: %d probes in a round, more than the %d that have names", most, firstReset))
	}
	q.next, q.nextAt = 0, c.now
	if q.early && cl.sel.Open(q.action.Seq) {
		c.expectReplies(cl, &q.action)
	}
	q.volley = c.volleyOf(cl, stage, &q.action)
	q.inRuns = q.volley != nil && q.action.Gap == 0 && !q.action.WantLate
	for j := 0; q.inRuns && j < len(stage.Candidates); j++ {
		q.inRuns = !cl.sel.Struck(j)
	}
	c.sendOn(i)
}

// sendOn sends the next probe and those that leave with it. What a round that
// is over has not sent, it never sends.
func (c *cell) sendOn(i int) {
	cl := c.client(i)
	q := &cl.ask
	a := q.action
	q.nextAt = vtime.Never
	if !cl.sel.Open(a.Seq) {
		return
	}
	stage := cl.sel.Course().Stage(int(a.Stage))
	round := roundKey(cl, &a)
	n := len(stage.Candidates)
	for most := (n + len(stage.Beside)) * int(a.Pings); q.next < most; {
		what := q.next
		q.next++
		if q.inRuns && q.volley.runs[what] > 1 {
			n := int(q.volley.runs[what])
			c.sendRun(i, q.volley, what, n, packetDetail(a.Seq, uint32(what)))
			q.next = what + n
			continue
		}
		cand, nth, counts := probed(stage, &a, what)
		if !cand.Relay.Known() || counts && cl.sel.Struck(what%n) {
			continue
		}
		detail := packetDetail(a.Seq, uint32(what))
		if x := c.errandAt(cl, what, cand); x != nil {
			if x.Resolves() {
				c.sendErrand(i, x, pingKey(round.Child(rng.Probe, cand.Key), nth), detail)
			}
		} else if p, ok := c.probe(cl, &a, what); ok {
			c.send(i, p, detail, 0)
		} else {
			c.watch.unresolved(detail)
		}
		if a.Gap != 0 && q.next < most {
			q.nextAt = c.now.Add(a.Gap)
			c.push(q.nextAt, evAsk, i, a.Seq)
			return
		}
	}
}

// probed is the relay that a probe of a round goes to, and which of its probes
// this is. Numbers go through the candidates of the stage, and through them
// again for a further probe to each; then likewise through who is asked beside
// them, which counts tells.
func probed(stage *selection.Stage, a *selection.Action, what int) (cand *selection.Candidate, nth uint8, counts bool) {
	n := len(stage.Candidates)
	if what < n { // the usual case needs no division
		return &stage.Candidates[what], 0, true
	}
	if beside := what - n*int(a.Pings); beside >= 0 {
		n = len(stage.Beside)
		return &stage.Beside[beside%n], uint8(beside / n), false
	}
	return &stage.Candidates[what%n], uint8(what / n), true
}

// probe makes the packet of one probe of a round of the client's. It is not ok
// if the relay's name does not resolve.
func (c *cell) probe(cl *client, a *selection.Action, what int) (topology.Packet, bool) {
	cand, nth, _ := probed(cl.sel.Course().Stage(int(a.Stage)), a, what)
	k := pingKey(roundKey(cl, a).Child(rng.Probe, cand.Key), nth)
	return c.request(cl, cand.Relay, topology.EchoRequest, a.TTL, k)
}

// packetDetail names a packet of a client in an event: the low half of the
// question's number and the number of the probe, or from firstTry on a try of a
// registration attempt.
func packetDetail(seq, what uint32) uint32 { return seq<<16 | what }

const (
	// firstTry is the detail of a SYN's first try and of its SYN-ACK;
	// firstReset of the RST that a closed port answers with.
	firstTry   = 0xff00
	firstReset = 0xfe00
)

// atClient is the arrival of an echo reply, a SYN-ACK or an RST.
func (c *cell) atClient(i int, detail uint32) {
	if detail&0xffff >= firstReset {
		c.tcpAtClient(i, detail)
		return
	}
	c.answer(i, detail, selection.EchoReply)
}

// answer feeds one answer to the Selector. Answers to a round that is over
// are left out unless they can change something.
func (c *cell) answer(i int, detail uint32, kind selection.ReplyKind) {
	cl := c.client(i)
	a := cl.ask.of(detail)
	if a == nil {
		return
	}
	stage, what := cl.ask.course.Stage(int(a.Stage)), int(detail&0xffff)
	if _, _, counts := probed(stage, a, what); !counts {
		return
	}
	seq := a.Seq
	candidate := what
	if n := len(stage.Candidates); what >= n {
		candidate = what % n
	}
	r := [1]selection.Reply{{At: c.now, Candidate: uint16(candidate), Kind: kind}}
	c.watch.answered(seq, r[0], what)
	if cl.sel.Replies(c.now, seq, r[:]) == nil && kind == selection.EchoReply && c.now <= a.Deadline {
		c.tally.Heard++
	}
	c.pump(i)
}
