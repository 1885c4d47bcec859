package sim

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Level is how a run carries rounds and registration attempts.
type Level uint8

// Levels, from the fastest to the slowest. All give the same traces. What a
// level cannot take falls to the next by itself.
const (
	LevelClass  Level = iota // clients one by one, from their first round that can be answered on
	LevelRound               // event after event, a round is one step where nothing can touch it
	LevelPacket              // every packet's arrival is an event
	LevelHop                 // and its arrival at every router and box
	NumLevels   = iota
)

var levelNames = [NumLevels]string{"class", "round", "packet", "hop"}

func (l Level) String() string { return levelNames[l] }

// LevelNames are the names of the levels, from the fastest to the slowest.
func LevelNames() []string { return slices.Clone(levelNames[:]) }

// ParseLevel reads a level's name.
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames[:], s); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("level %q is not known (one of %s)", s, strings.Join(levelNames[:], ", "))
}

// Options are how to run a plan; none of them changes a result.
type Options struct {
	// Workers is how many cells, or parts of one where there are fewer cells,
	// are worked at once; 0 means GOMAXPROCS.
	Workers int
	// Level is the fastest that is used.
	Level Level
	// Progress, if not nil, is told how many cells are done, the fractions of
	// those in work included, from any goroutine, one call at a time.
	Progress func(done float64, total int)
	// Decisions, if not nil, is given every selection of each cell. An error of
	// it ends the run.
	Decisions DecisionSink
	// atOnce is how many decisions a worker keeps until it gives them away; 0
	// means decisionsAtOnce.
	atOnce int
}

// DecisionSink takes the selections of a run as they come, so that nobody has to
// keep those of a whole cell.
type DecisionSink interface {
	// Take takes selections of a cell, in order of client and start. A cell gives
	// several such blocks, whose clients and times overlap, from any goroutine,
	// several at a time. The block is good during the call.
	Take(policy, replication int, block []Decision) error
	// End tells that those of a cell are all there: replication by replication,
	// and of each policy by policy, one call at a time. It returns ctx's error
	// if that ends first.
	End(ctx context.Context, policy, replication int) error
}

// decisionsAtOnce is 6 MiB of them: enough that whoever puts blocks together
// has a few thousand for ten million clients and a week.
const decisionsAtOnce = 1 << 17

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
	r.parts = max(1, workers/len(r.tallies))
	ctx, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	if o.Decisions != nil {
		r.handover = newHandover(workers, len(r.tallies), func(n int) error {
			policy, rep := p.cellAt(n)
			return o.Decisions.End(ctx, policy, rep)
		})
		defer context.AfterFunc(ctx, r.handover.stop)()
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
	parts   int // at once of a cell
	next    atomic.Int64
	// tallies and traces by policy*Replications + replication. left counts
	// the cells of a replication that are not done; who takes it to zero
	// compares the pairs.
	tallies []*Tally
	traces  []*Trace
	left    []atomic.Int32
	// handover ends cells in their order; nil where nobody wants their decisions.
	handover *handover
	cancel   context.CancelFunc // ends the run where nobody can take them

	mu sync.Mutex
	// spare is the memory of traces that have been dropped.
	spare [][]Decision
	done  float64
	err   error // of the first cell that failed, in order of time
}

// work takes cells until there are none, replication by replication so that
// traces are dropped soon.
func (r *runner) work(ctx context.Context) {
	p := r.plan
	for {
		n := int(r.next.Add(1)) - 1
		if n >= len(r.tallies) || ctx.Err() != nil || !r.handover.mayBegin(n) {
			return
		}
		if !r.cell(ctx, n) {
			return
		}
		if _, rep := p.cellAt(n); r.left[rep].Add(-1) == 0 {
			r.comparePairs(rep)
		}
	}
}

// cellAt is the policy and the replication of the n-th cell that is worked.
func (p *Plan) cellAt(n int) (policy, rep int) { return n % len(p.Policies), n / len(p.Policies) }

// cell works the n-th cell.
func (r *runner) cell(ctx context.Context, n int) bool {
	p := r.plan
	policy, rep := p.cellAt(n)
	paired := p.traced(policy)
	c := newCellFor(r.parts, p, policy, rep, r.options.Level, paired || r.handover != nil)
	c.progress = r.progress
	if paired {
		c.trace.Decisions = r.spareDecisions()
	}
	if r.handover != nil && !paired {
		c.giveDecisions(cmp.Or(r.options.atOnce, decisionsAtOnce), func(block []Decision) { r.take(ctx, n, block) })
	}
	if err := c.run(ctx); err != nil {
		r.fail(ctx, fmt.Errorf("run policy %s, replication %d: %w", p.Policies[policy].Name, rep+1, err))
		return false
	}
	i := policy*p.Replications + rep
	r.tallies[i] = c.tally
	if paired {
		c.trace.sort()
		r.traces[i] = c.trace
	}
	if r.handover == nil {
		return true
	}
	if paired {
		r.take(ctx, n, c.trace.Decisions)
	} else {
		c.trace.giveAway()
	}
	if ctx.Err() != nil {
		return false
	}
	if err := r.handover.end(n); err != nil {
		r.fail(ctx, err)
		return false
	}
	return true
}

// take gives decisions of the n-th cell away, which are in order. Where they are
// not taken the run ends.
func (r *runner) take(ctx context.Context, n int, block []Decision) {
	policy, rep := r.plan.cellAt(n)
	if err := r.options.Decisions.Take(policy, rep, block); err != nil {
		r.fail(ctx, err)
		r.cancel()
	}
}

// fail ends the run, unless that is what ended the cell.
func (r *runner) fail(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && ctx.Err() == nil {
		r.err = err
		r.next.Store(int64(len(r.tallies)))
	}
	r.handover.stop()
}

func (r *runner) comparePairs(rep int) {
	p := r.plan
	at := func(policy int) int { return policy*p.Replications + rep }
	for k, pair := range p.Pairs {
		t := r.tallies[at(pair[0])]
		t.Pairs = append(t.Pairs, PairTally{
			Pair: k, Slots: compare(r.traces[at(pair[0])], r.traces[at(pair[1])], p.Slots()),
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for policy := range p.Policies {
		if t := &r.traces[at(policy)]; *t != nil {
			r.spare = append(r.spare, (*t).Decisions[:0])
			*t = nil
		}
	}
}

// spareDecisions is memory for a trace.
func (r *runner) spareDecisions() (d []Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.spare) - 1; n >= 0 {
		d, r.spare = r.spare[n], r.spare[:n]
	}
	return d
}

// progress is told that a further fraction of a cell is done.
func (r *runner) progress(fraction float64) {
	if r.options.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += fraction
	r.options.Progress(min(r.done, float64(len(r.tallies))), len(r.tallies))
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
