package sim

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// Level is how a run carries rounds and registration attempts.
type Level uint8

// Levels. Both give the same traces.
const (
	LevelRound  Level = iota // a round is one step where nothing can touch it
	LevelPacket              // every packet's arrival is an event
	LevelClass               // clients are taken one by one through windows of time
)

var levelNames = [...]string{"round", "packet", "class"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads a level's name.
func ParseLevel(s string) (Level, error) {
	for i, n := range levelNames {
		if s == n {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("level %q is not known (class, round or packet)", s)
}

// Options are how to run a plan; none of them changes a result.
type Options struct {
	// Workers is the number of cells worked at once; 0 means GOMAXPROCS.
	Workers int
	Level   Level
	// Progress, if not nil, is called after each finished cell, from any
	// goroutine, one call at a time.
	Progress func(done, total int)
}

// Run works all cells of the plan and returns their tallies, policy by policy
// and within a policy by replication. If ctx ends first it returns ctx's error;
// if the packets of a cell do not add up, an error that names it.
func Run(ctx context.Context, p *Plan, o Options) ([]*Tally, error) {
	r := &runner{plan: p, options: o, traces: make([]*Trace, len(p.Policies)*p.Replications)}
	r.tallies = make([]*Tally, len(r.traces))
	r.left = make([]atomic.Int32, p.Replications)
	for i := range r.left {
		r.left[i].Store(int32(len(p.Policies)))
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(workers, len(r.tallies)) {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	if err := cmp.Or(r.err, ctx.Err()); err != nil {
		return nil, err
	}
	return r.tallies, nil
}

// runner shares the cells of a plan out to its workers.
type runner struct {
	plan    *Plan
	options Options
	next    atomic.Int64
	// tallies and traces by policy*Replications + replication. left counts
	// the cells of a replication that are not done; who takes it to zero
	// compares the pairs.
	tallies []*Tally
	traces  []*Trace
	left    []atomic.Int32

	mu   sync.Mutex
	done int
	err  error // of the first cell that failed, in order of time
}

// work takes cells until there are none, replication by replication so that
// traces are dropped soon.
func (r *runner) work(ctx context.Context) {
	p := r.plan
	for {
		n := int(r.next.Add(1)) - 1
		if n >= len(r.tallies) || ctx.Err() != nil {
			return
		}
		policy, rep := n%len(p.Policies), n/len(p.Policies)
		if !r.cell(ctx, policy, rep) {
			return
		}
		if r.left[rep].Add(-1) == 0 {
			r.comparePairs(rep)
		}
		r.progress()
	}
}

func (r *runner) cell(ctx context.Context, policy, rep int) bool {
	p := r.plan
	level := r.options.Level
	if reason := p.Coupling(policy); reason != "" {
		level = LevelPacket
	}
	c := newCell(p, policy, rep, level, p.traced(policy))
	if err := c.run(ctx); err != nil {
		r.fail(ctx, fmt.Errorf("run policy %s, replication %d: %w", p.Policies[policy].Name, rep+1, err))
		return false
	}
	i := policy*p.Replications + rep
	if level != r.options.Level {
		c.tally.Coupled = c.tally.Selections
	}
	r.tallies[i], r.traces[i] = c.tally, c.trace
	return true
}

// fail ends the run, unless that is what ended the cell.
func (r *runner) fail(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && ctx.Err() == nil {
		r.err = err
		r.next.Store(int64(len(r.tallies)))
	}
}

func (r *runner) comparePairs(rep int) {
	p := r.plan
	at := func(policy int) int { return policy*p.Replications + rep }
	for policy := range p.Policies {
		if t := r.traces[at(policy)]; t != nil {
			t.sort()
		}
	}
	for k, pair := range p.Pairs {
		t := r.tallies[at(pair[0])]
		t.Pairs = append(t.Pairs, PairTally{
			Pair: k, Slots: compare(r.traces[at(pair[0])], r.traces[at(pair[1])], p.Slots()),
		})
	}
	for policy := range p.Policies {
		r.traces[at(policy)] = nil
	}
}

func (r *runner) progress() {
	if r.options.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.options.Progress(r.done, len(r.tallies))
}

// traced tells whether a policy's selections are compared one by one.
func (p *Plan) traced(policy int) bool {
	for _, pair := range p.Pairs {
		if pair[0] == policy || pair[1] == policy {
			return true
		}
	}
	return false
}

// Coupling says why clients under a policy cannot be taken one by one, so
// that every packet has to be walked in order of time; "" if they can. A limit
// on icmp/time-exceeded alone does not couple while errors can change neither
// time nor choice (spec 5.10); icmp/unreachable always ends a registration
// attempt.
//
// A cap on children (spec 6.7b) couples clients too, but at one point only, and
// the round level is exact there: whatever a relay with a cap decides, it
// decides at the event at which the registration completes, never ahead, and
// at any level in the same order; nothing else that is completed ahead reads
// the number of children. A registration that makes a client leave a relay
// waits for its time as well. So a cap needs no packet level.
func (p *Plan) Coupling(policy int) string {
	pol := &p.Policies[policy]
	if pol.Params.NeedsTimeExceeded {
		return "needs_time_exceeded: ICMP errors take part in the choice"
	}
	if pol.Params.RoundEndsEarly == selection.AllAnsweredOrErrored {
		return "round_ends_early: ICMP errors end rounds"
	}
	if pol.Params.LateReplyPolicy == selection.ReopenLate {
		return "late_reply_policy: answers count after their round"
	}
	return pol.limited()
}

// limited says which limit counts packets that clients need, "" if none does.
func (pol *PolicyPlan) limited() string {
	kinds := []topology.Kind{
		topology.EchoRequest, topology.EchoReply, topology.TCP, topology.VPN, topology.Unreachable, topology.Reset,
	}
	if pol.Params.NeedsTimeExceeded || pol.Params.RoundEndsEarly == selection.AllAnsweredOrErrored {
		kinds = append(kinds, topology.TimeExceeded)
	}
	for _, k := range kinds {
		if what := pol.Network.LimitOf(k); what != "" {
			return what + " counts " + k.String()
		}
	}
	return ""
}
