package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// Config says what to run. Course, Hosts and Echoer are needed; the rest has
// defaults.
type Config struct {
	// Course is the compiled course; the handles in it index Hosts.
	Course *selection.Course
	Hosts  []Host
	// Key is the client's. Equal keys and Starts give equal draws.
	Key rng.Key
	// Start is the instant of the Selector's clock at which it starts.
	Start vtime.Instant
	// Trigger is what starts it; zero is the start of the agent.
	Trigger selection.Trigger
	Echoer  Echoer
	// Resolver and Dialer: nil means the system's.
	Resolver Resolver
	Dialer   Dialer
	// Rate caps what is sent, in packets or connections per second. Zero means
	// DefaultRate.
	Rate float64
	// MaxProbes caps the echo requests; zero means DefaultMaxProbes.
	MaxProbes int
	// MaxChecks caps the relays that are looked at after the selection, since
	// they did not answer: one echo request and one connection each. Zero means DefaultMaxChecks, less than zero none.
	MaxChecks int
}

// Defaults of a Config.
const (
	DefaultRate      = 50.0
	DefaultMaxProbes = 5000
	DefaultMaxChecks = 20
)

// ErrProbeCap reports that a selection was broken off at the cap on probes.
var ErrProbeCap = errors.New("the selection needs more probes than may be sent")

// Run drives one selection from its start to its end. The Record is as far as
// it came also where there is an error: that of the context, or ErrProbeCap.
func Run(ctx context.Context, c Config) (*Record, error) {
	d := newDriver(c)
	err := d.selectRelay(ctx)
	if err == nil && d.MaxChecks > 0 {
		err = d.check(ctx)
	}
	return d.rec, err
}

// driver carries out what a Selector asks for.
type driver struct {
	Config
	sel   selection.Selector
	rec   *Record
	watch stopwatch
	pacer pacer
	names *names
	// asked has the echo requests by their ID.
	asked map[uint32]askedEcho
	// heard are answers that the Selector has not been told of, by their
	// instants.
	heard []heardReply
}

// askedEcho is where an echo request belongs, and when it was sent.
type askedEcho struct {
	round *Round
	index int
	at    time.Time
}

// heardReply is an answer on its way to the Selector.
type heardReply struct {
	seq   uint32
	reply selection.Reply
}

// newDefaults fills in what is left out.
func newDefaults(c Config) Config {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Dialer == nil {
		c.Dialer = &net.Dialer{}
	}
	if c.Rate <= 0 {
		c.Rate = DefaultRate
	}
	if c.MaxProbes == 0 {
		c.MaxProbes = DefaultMaxProbes
	}
	if c.MaxChecks == 0 {
		c.MaxChecks = DefaultMaxChecks
	}
	return c
}

func newDriver(c Config) *driver {
	c = newDefaults(c)
	return &driver{
		Config: c, sel: selection.New(c.Course, c.Key, c.Start),
		pacer: newPacer(c.Rate), names: newNames(c.Resolver, c.Hosts), asked: map[uint32]askedEcho{},
		rec: &Record{
			Mode: c.Echoer.Mode(), Began: time.Now(), Started: c.Start, Trigger: c.Trigger,
			Course: c.Course, Hosts: c.Hosts, Next: vtime.Never,
		},
	}
}

// selectRelay runs the selection: feed, drain, wait.
func (d *driver) selectRelay(ctx context.Context) error {
	d.watch.set(d.Start)
	d.sel.Trigger(d.Start, d.Trigger)
	for d.rec.Ended == nil {
		actions := d.sel.Drain(nil)
		if len(actions) == 0 {
			if err := d.idle(ctx); err != nil {
				return d.breakOff(err)
			}
		}
		for i := range actions {
			if err := d.carryOut(ctx, &actions[i]); err != nil {
				return d.breakOff(err)
			}
		}
	}
	return nil
}

// errNothingStarts reports a Selector that waits for nothing.
var errNothingStarts = errors.New("the trigger starts no selection")

// idle waits for the Selector's next deadline (loop_latency_s).
func (d *driver) idle(ctx context.Context) error {
	at, ok := d.sel.Deadline()
	if !ok {
		return errNothingStarts
	}
	if err := sleep(ctx, d.watch.until(at)); err != nil {
		return err
	}
	d.sel.Expire(at)
	return nil
}

// breakOff closes the record of a selection that has no end.
func (d *driver) breakOff(err error) error {
	d.rec.BrokenOff = d.watch.now()
	return err
}

func (d *driver) carryOut(ctx context.Context, a *selection.Action) error {
	switch a.Kind {
	case selection.AskRound:
		d.rec.Ahead = d.sel.Ahead()
		return d.round(ctx, a)
	case selection.Register:
		d.rec.Ahead = d.sel.Ahead()
		return d.register(ctx, a)
	}
	ended := *a
	d.rec.Ended = &ended
	if at, ok := d.sel.NextSelection(); ok {
		d.rec.Next = at
	}
	return nil
}

// round sends the probes of a round and waits for its end. The Selector's
// clock stands still until the last one is on its way.
func (d *driver) round(ctx context.Context, a *selection.Action) error {
	candidates := d.Course.Stage(int(a.Stage)).Candidates
	r := &Round{Action: *a, Probes: make([]Probe, len(candidates)), End: a.At}
	d.rec.Entries = append(d.rec.Entries, Entry{Round: r})
	for i := range candidates {
		r.Probes[i] = Probe{Relay: candidates[i].Relay, Struck: d.sel.Struck(i)}
	}
	d.names.fetch(ctx, candidates)
	began := time.Now()
	for range max(1, int(a.Pings)) {
		for i := range r.Probes {
			if err := d.send(ctx, r, i); err != nil {
				return err
			}
		}
	}
	d.watch.set(a.At)
	r.Paced = time.Since(began)
	err := d.collect(ctx, a)
	r.End = d.watch.now()
	return err
}

// send sends one probe when its turn comes. That it cannot be sent is an
// observation; only the end of the context and the cap are errors.
func (d *driver) send(ctx context.Context, r *Round, i int) error {
	p := &r.Probes[i]
	if p.Struck {
		return ctx.Err()
	}
	if p.Address, p.Unresolved = d.names.address(ctx, p.Relay); p.Unresolved != nil {
		return ctx.Err()
	}
	if d.rec.Sent >= d.MaxProbes {
		return fmt.Errorf("%w: the cap is %d", ErrProbeCap, d.MaxProbes)
	}
	if err := d.listen(ctx, d.pacer.delay()); err != nil {
		return err
	}
	id := NewID()
	d.asked[id] = askedEcho{r, i, time.Now()}
	p.SendError = d.Echoer.Send(Echo{
		ID: id, To: p.Address, TTL: r.Action.TTL, Size: d.Course.Params.ICMPBytes, Wait: d.Course.Params.RoundTimeout + answerMargin,
	})
	if p.SendError == nil {
		p.Sent++
		d.rec.Sent++
	}
	return nil
}

// answerMargin is for how long after a round's end answers are still heard
// where that has an end.
const answerMargin = 500 * time.Millisecond

// listen hears answers for a while.
func (d *driver) listen(ctx context.Context, span time.Duration) error {
	if span <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(span)
	defer t.Stop()
	for {
		select {
		case a := <-d.Echoer.Answers():
			d.hear(a)
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hear books an answer. It arrived, for the Selector, so long after its round
// began as it came after its own probe.
func (d *driver) hear(a Answer) {
	q, ok := d.asked[a.ID]
	if !ok {
		return
	}
	rtt := max(0, a.At.Sub(q.at))
	asked := &q.round.Action
	h := heardReply{asked.Seq, selection.Reply{At: asked.At.Add(rtt), Candidate: uint16(q.index), Kind: a.Kind}}
	late := h.reply.At > asked.Deadline || !d.sel.Open(asked.Seq)
	p := &q.round.Probes[q.index]
	p.Answers = append(p.Answers, Heard{Kind: a.Kind, From: a.From, Type: a.Type, Code: a.Code, RTT: rtt, Late: late})
	i := len(d.heard)
	for i > 0 && d.heard[i-1].reply.At > h.reply.At {
		i--
	}
	d.heard = slices.Insert(d.heard, i, h)
}

// collect hears answers until the Selector takes the round for over.
func (d *driver) collect(ctx context.Context, a *selection.Action) error {
	for d.tell(a.Seq) {
		until, _ := d.sel.Deadline()
		if len(d.heard) > 0 {
			until = min(until, d.heard[0].reply.At)
		}
		if err := d.listenUntil(ctx, until); err != nil {
			return err
		}
	}
	return nil
}

// listenUntil hears one answer, or waits until the instant.
func (d *driver) listenUntil(ctx context.Context, at vtime.Instant) error {
	t := time.NewTimer(max(0, d.watch.until(at)))
	defer t.Stop()
	select {
	case a := <-d.Echoer.Answers():
		d.hear(a)
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// tell feeds the Selector what has happened until now, in order of time, and
// returns whether the question is still open. Answers to probes that were
// sent late in the round come into line with those to earlier ones here.
func (d *driver) tell(seq uint32) bool {
	now := d.watch.now()
	for len(d.heard) > 0 && d.heard[0].reply.At <= now && d.sel.Open(seq) {
		h := d.heard[0]
		d.heard = d.heard[1:]
		// An answer to an earlier round is unknown unless late_reply_policy
		// makes something of it; either way it is in the record.
		_ = d.sel.Replies(h.reply.At, h.seq, []selection.Reply{h.reply})
	}
	if d.sel.Open(seq) {
		d.sel.Expire(now)
	}
	return d.sel.Open(seq)
}

// register carries out one attempt.
func (d *driver) register(ctx context.Context, a *selection.Action) error {
	at := &Attempt{Action: *a, From: a.At}
	if a.By == selection.ByProbe {
		at.Standings = d.sel.Standings()
	}
	d.rec.Entries = append(d.rec.Entries, Entry{Attempt: at})
	if err := d.listen(ctx, d.pacer.delay()); err != nil {
		return err
	}
	d.watch.set(a.At)
	ended := make(chan verdictOf, 1)
	go func() { ended <- d.attempt(ctx, at) }()
	for {
		select {
		case answer := <-d.Echoer.Answers():
			d.hear(answer)
		case v := <-ended:
			at.To = d.watch.now()
			if err := ctx.Err(); err != nil {
				return err
			}
			at.Done, at.Outcome, at.Detail = true, v.outcome, v.detail
			return d.sel.RegisterResult(at.To, a.Seq, v.outcome)
		}
	}
}

// attempt finds the address and asks for the version. It touches of the record
// only its own attempt.
func (d *driver) attempt(ctx context.Context, at *Attempt) verdictOf {
	id := at.Action.Target
	address, err := d.names.address(ctx, id)
	if err != nil {
		return verdictOf{selection.NameNotResolved, err.Error()}
	}
	host := d.Hosts[id]
	at.Address = netip.AddrPortFrom(address, host.Port)
	d.rec.Connections++
	return askVersion(ctx, d.Dialer, at.Address, host.Name, d.Course.Params.RegisterConnectTimeout)
}
