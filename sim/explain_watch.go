package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// watch is told what the only client of an explanation's cell does, and keeps
// the account of one selection. All methods work on a nil watch, which every
// other cell has.
type watch struct {
	// wants tells whether a selection that begins is to be recorded in place
	// of the one recorded so far.
	wants func(cl *client, started vtime.Instant) bool
	rec   *record
	// open: the recorded selection is in progress.
	open bool
}

// record is the account of one selection, in order of time.
type record struct {
	started  vtime.Instant
	trigger  selection.Trigger
	previous selection.RelayID
	at       topology.Attachment
	course   *selection.Course
	listAt   vtime.Instant // publication of its list, or longAgo
	outdated bool
	entries  []entry
	// ended is the end of the selection, nil if it was abandoned at gaveWay:
	// the client went offline or its address changed.
	ended   *selection.Action
	gaveWay vtime.Instant
	next    vtime.Instant // the next selection that begins by itself, or Never
	ahead   []selection.Station
}

// entry is one question of the Selector: a round or a registration attempt.
type entry struct {
	action selection.Action
	// Round: one probe for each candidate of the stage.
	probes []probeSeen
	// Registration: the tries of the SYN and the end. draw has the race that
	// led to it, if one did.
	tries    []packetPair
	draw     []selection.Standing
	outcome  selection.Outcome
	ended    vtime.Instant
	resolved bool
}

// packetPair is a request and what came back: nil where nothing was sent.
type packetPair struct {
	request, reply, icmp *sighting
}

// probeSeen is one probe of a round.
type probeSeen struct {
	packetPair
	struck bool
	// nameless counts the probes not sent because its name did not resolve.
	nameless int
	// sent has the departures of its probes, answered the arrival of an echo
	// reply that counted, or Never, and rtt how long after its own probe.
	sent     []vtime.Instant
	answered vtime.Instant
	rtt      time.Duration
	// errors counts ICMP errors that arrived while the round was open.
	errors int
}

// sighting is a packet and how it ended.
type sighting struct {
	packet topology.Packet
	sent   vtime.Instant
	result topology.Result
	// last is the element at which it, or the outer packet of a tunnel that it
	// was in, ended; through are the translators that this packet went through.
	last    topology.Hop
	through string
}

// walk is Walk, with every element on the way where somebody watches.
func (c *cell) walk(p topology.Packet, detail uint32) topology.Result {
	if c.watch == nil {
		return c.net.Walk(c.state, p, c.now)
	}
	r, hops := c.net.Trace(c.state, p, c.now)
	s := &sighting{packet: p, sent: c.now, result: r, last: topology.Hop{From: c.net.Seen(&p.Src), To: c.net.Seen(&p.Dst)}}
	if len(hops) > 0 {
		s.last, s.through = hops[len(hops)-1], translators(hops)
	}
	c.watch.sent(s, detail)
	return r
}

// kind is that of the packet that ended: of the outer one in a tunnel.
func (s *sighting) kind() topology.Kind {
	if s.last.Tunnel != "" {
		return topology.VPN
	}
	return s.packet.Kind
}

// translators are the names of those that changed the packet that met the last
// element, each once. What changed the outer packet of a tunnel left the inner
// one as it was.
func translators(hops []topology.Hop) string {
	tunnel := hops[len(hops)-1].Tunnel
	var names []string
	for i := range hops {
		if hops[i].Translated != "" && hops[i].Tunnel == tunnel && !slices.Contains(names, hops[i].Name) {
			names = append(names, hops[i].Name)
		}
	}
	return strings.Join(names, ", ")
}

// acted is told of an action before it is carried out.
func (w *watch) acted(c *cell, i int, a *selection.Action) {
	if w == nil || a.Again {
		return
	}
	cl := c.client(i)
	if w.open && w.rec.isOver(a) {
		w.abandon(c.now)
	}
	if !w.open && w.begins(cl, a) {
		w.open = true
		w.rec = &record{
			started: a.Started, trigger: a.Trigger, previous: a.Previous,
			at: cl.at, course: cl.sel.Course(), next: vtime.Never,
		}
		e := c.library.of(w.rec.course.List)
		w.rec.listAt, w.rec.outdated = e.at, e.outdated
	}
	if !w.open {
		return
	}
	switch a.Kind {
	case selection.AskRound:
		w.round(cl, a)
	case selection.Register:
		w.rec.ahead = cl.sel.Ahead()
		e := entry{action: *a}
		if a.By == selection.ByProbe {
			e.draw = cl.sel.Standings()
		}
		w.rec.entries = append(w.rec.entries, e)
	default:
		w.end(cl, a)
	}
}

// begins tells whether an action begins a selection that is to be recorded.
func (w *watch) begins(cl *client, a *selection.Action) bool {
	return (w.rec == nil || w.rec.isOver(a)) && w.wants(cl, a.Started)
}

// isOver tells whether an action belongs to a later selection. That may have
// begun at the same instant, if its beginning was interrupted there.
func (r *record) isOver(a *selection.Action) bool {
	return a.Started != r.started || a.Trigger != r.trigger || a.Kind == selection.AskRound && a.Round == 0 && len(r.entries) > 0
}

func (w *watch) round(cl *client, a *selection.Action) {
	stage := cl.sel.Course().Stage(int(a.Stage))
	e := entry{action: *a, probes: make([]probeSeen, len(stage.Candidates))}
	for j := range e.probes {
		e.probes[j] = probeSeen{struck: cl.sel.Struck(j), answered: vtime.Never}
	}
	w.rec.ahead = cl.sel.Ahead()
	w.rec.entries = append(w.rec.entries, e)
}

func (w *watch) end(cl *client, a *selection.Action) {
	ended := *a
	w.rec.ended = &ended
	w.rec.next = vtime.Never
	if at, ok := cl.sel.NextSelection(); ok {
		w.rec.next = at
	}
	w.open = false
}

// abandon ends the recording of a selection that the client gave up for
// another, or by going offline.
func (w *watch) abandon(at vtime.Instant) {
	w.rec.gaveWay, w.open = at, false
}

// stepped is told that an event is over.
func (w *watch) stepped(c *cell) {
	if w.open && !c.clients[0].sel.Selecting() {
		w.abandon(c.now)
	}
}

// entryOf finds the question to which a packet belongs.
func (w *watch) entryOf(detail uint32) *entry {
	for k := len(w.rec.entries) - 1; k >= 0; k-- {
		if e := &w.rec.entries[k]; e.action.Seq&0xffff == detail>>16 {
			return e
		}
	}
	return nil
}

// sent is told of a packet: a request, what answers it, or an ICMP error.
func (w *watch) sent(s *sighting, detail uint32) {
	if w.rec == nil {
		return
	}
	e := w.entryOf(detail)
	if e == nil {
		return
	}
	pair := e.pair(w.rec.course, detail&0xffff)
	if pair == nil {
		return
	}
	switch {
	case s.packet.Kind.IsError():
		pair.icmp = s
	case s.packet.Back:
		pair.reply = s
	default:
		pair.request = s
		if e.action.Kind == selection.AskRound {
			p := &e.probes[int(detail&0xffff)%len(e.probes)]
			p.sent = append(p.sent, s.sent)
		}
	}
}

// unresolved is told of a probe that is not sent because the name of its relay
// does not resolve.
func (w *watch) unresolved(detail uint32) {
	if w == nil || w.rec == nil {
		return
	}
	e := w.entryOf(detail)
	if e == nil {
		return
	}
	what := int(detail & 0xffff)
	if _, _, counts := probed(w.rec.course.Stage(int(e.action.Stage)), &e.action, what); counts {
		e.probes[what%len(e.probes)].nameless++
	}
}

// pair is the exchange to which a packet of the question belongs, or nil if the
// answer would not count.
func (e *entry) pair(course *selection.Course, what uint32) *packetPair {
	if e.action.Kind == selection.AskRound {
		if _, _, counts := probed(course.Stage(int(e.action.Stage)), &e.action, int(what)); !counts {
			return nil
		}
		// Where a relay gets several probes, the last one stands for them.
		return &e.probes[int(what)%len(e.probes)].packetPair
	}
	n := int(what) - firstTry
	if n < 0 {
		n = int(what) - firstReset
	}
	for len(e.tries) <= n {
		e.tries = append(e.tries, packetPair{})
	}
	return &e.tries[n]
}

// answered is told of an answer to a probe that reached the client. It counts if
// its round is still the latest question.
func (w *watch) answered(seq uint32, r selection.Reply, probe int) {
	if w == nil || !w.open {
		return
	}
	e := &w.rec.entries[len(w.rec.entries)-1]
	if e.action.Seq != seq {
		return
	}
	p := &e.probes[r.Candidate]
	if r.Kind != selection.EchoReply {
		p.errors++
		return
	}
	if r.At < p.answered {
		p.answered, p.rtt = r.At, r.At.Sub(p.sent[probe/len(e.probes)])
	}
}

// registered is told of the end of a registration attempt.
func (w *watch) registered(at vtime.Instant, o selection.Outcome) {
	if w == nil || !w.open {
		return
	}
	e := &w.rec.entries[len(w.rec.entries)-1]
	e.outcome, e.ended, e.resolved = o, at, true
}

// of is the edition to which a list belongs.
func (l *library) of(list *selection.List) *edition {
	i := slices.IndexFunc(l.editions, func(e edition) bool { return e.list == list })
	return &l.editions[i]
}
