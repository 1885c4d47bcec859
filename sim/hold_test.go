package sim

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// gaps is a distribution of the time from an event to the one that takes its
// place, by its quantiles, so that a draw costs next to nothing.
type gaps struct {
	name      string
	quantiles [4096]time.Duration
	// pending are the quantiles of the gap that an event is in which is found
	// pending: the longer a gap, the likelier.
	pending [4096]time.Duration
}

func newGaps(name string, quantile func(p float64) time.Duration) *gaps {
	g := &gaps{name: name}
	sum := 0.0
	for i := range g.quantiles {
		g.quantiles[i] = quantile((float64(i) + 0.5) / float64(len(g.quantiles)))
		sum += float64(g.quantiles[i])
	}
	i, upTo := 0, float64(g.quantiles[0])
	for j := range g.pending {
		for upTo < (float64(j)+0.5)/float64(len(g.pending))*sum {
			i++
			upTo += float64(g.quantiles[i])
		}
		g.pending[j] = g.quantiles[i]
	}
	return g
}

// gap is the gap of a draw: a quantile, longer by up to 1/16, so that instants
// seldom coincide.
func (g *gaps) gap(draw uint64) time.Duration {
	q := g.quantiles[draw>>52]
	return q + q*time.Duration(draw&1023)>>14
}

// first is the time, by two draws, until an event is due that is found pending.
func (g *gaps) first(draw, part uint64) time.Duration {
	return time.Duration(float64(g.pending[draw>>52]) * float64(part>>11) / (1 << 53))
}

// uniform is the quantile of p between two bounds.
func uniform(p float64, from, to time.Duration) time.Duration {
	return from + time.Duration(p*float64(to-from))
}

// holdGaps are the distributions of the hold model: exponential; what a fleet
// is made of, packets under way and timers of six hours; and two humps far
// apart (Rönngren and Ayani 1997).
var holdGaps = []*gaps{
	newGaps("exp", func(p float64) time.Duration { return time.Duration(-math.Log(1-p) * float64(time.Second)) }),
	newGaps("relay", func(p float64) time.Duration {
		if p < 0.05 {
			return 6 * time.Hour
		}
		return uniform((p-0.05)/0.95, time.Millisecond, 200*time.Millisecond)
	}),
	newGaps("bimodal", func(p float64) time.Duration {
		if p < 0.1 {
			return uniform(p/0.1, 9524*time.Millisecond, 10476*time.Millisecond)
		}
		return uniform((p-0.1)/0.9, 0, 952*time.Millisecond)
	}),
}

// A holdQueue is a queue under the hold model: n times the first event is
// popped and pushed again a gap later.
type holdQueue interface {
	push(e event)
	hold(g *gaps, s rng.Stream, from, n uint64)
}

type wheelHold struct{ queue }

func (q *wheelHold) hold(g *gaps, s rng.Stream, from, n uint64) {
	for i := from; i < from+n; i++ {
		e := q.pop()
		e.at = e.at.Add(g.gap(s.Draw(i)))
		q.push(e)
	}
}

// heapHold is a binary heap by value.
type heapHold struct{ heap []event }

func (q *heapHold) push(e event) { q.heap = heapPush(q.heap, e) }

func (q *heapHold) hold(g *gaps, s rng.Stream, from, n uint64) {
	for i := from; i < from+n; i++ {
		var e event
		e, q.heap = heapPop(q.heap)
		e.at = e.at.Add(g.gap(s.Draw(i)))
		q.push(e)
	}
}

// boxedHold is what a simulator often begins with: container/heap, with an
// allocation and a closure for each event.
type boxedHold struct{ list boxedList }

type boxedEvent struct {
	at  vtime.Instant
	run func() payload
}

func (q *boxedHold) push(e event) {
	heap.Push(&q.list, &boxedEvent{at: e.at, run: func() payload { return e.what }})
}

func (q *boxedHold) hold(g *gaps, s rng.Stream, from, n uint64) {
	for i := from; i < from+n; i++ {
		b := heap.Pop(&q.list).(*boxedEvent)
		q.push(event{at: b.at.Add(g.gap(s.Draw(i))), what: b.run()})
	}
}

type boxedList []*boxedEvent

func (l boxedList) Len() int           { return len(l) }
func (l boxedList) Less(i, j int) bool { return l[i].at < l[j].at }
func (l boxedList) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *boxedList) Push(x any)        { *l = append(*l, x.(*boxedEvent)) }
func (l *boxedList) Pop() any {
	n := len(*l) - 1
	last := (*l)[n]
	(*l)[n] = nil
	*l = (*l)[:n]
	return last
}

// BenchmarkHold compares the queue with a binary heap by value and with a boxed
// one. They take turns within one benchmark, because a machine's speed changes
// from minute to minute, and are timed by CPU time, because others use it too.
// Times and ratios are those of all turns together, with the least and greatest
// ratio of a turn: the wheel takes a slot of a high level apart once in many
// turns, which a median would hide. 1e7 events, and a million boxed ones, are
// left out if -short.
func BenchmarkHold(b *testing.B) {
	for _, g := range holdGaps {
		for digits := 1; digits <= 7; digits++ {
			b.Run(fmt.Sprintf("%s/1e%d", g.name, digits), func(b *testing.B) {
				if testing.Short() && digits > 6 {
					b.Skip("takes half a minute and gigabytes")
				}
				queues := []holdQueue{&wheelHold{}, &heapHold{}, &boxedHold{}}
				if testing.Short() && digits > 5 {
					queues = queues[:2]
				}
				benchmarkHold(b, g, uint64(math.Pow10(digits)), queues)
			})
		}
	}
}

// benchmarkHold compares queues with the first of them.
func benchmarkHold(b *testing.B, g *gaps, pending uint64, queues []holdQueue) {
	names := []string{"wheel", "heap", "boxed"}
	key := rng.Seed(1)
	gap := key.Stream(rng.Hours)
	for _, q := range queues {
		for i := range pending {
			at := g.first(key.Draw(rng.Client, i), key.Draw(rng.Place, i))
			q.push(event{at: vtime.Instant(at), what: pack(evDeadline, int(i), 0)})
		}
		q.hold(g, gap, 0, min(pending, 1e6))
	}
	turn := min(max(pending, 1<<14), 1<<20)
	times := make([][]float64, len(queues)) // by turn
	from := pending
	for b.Loop() {
		for i, q := range queues {
			before := cpuTime()
			q.hold(g, gap, from, turn)
			times[i] = append(times[i], float64(cpuTime()-before))
		}
		from += turn
	}
	b.ReportMetric(0, "ns/op")
	for i, t := range times {
		b.ReportMetric(sum(t)/float64(from-pending), names[i]+"-ns/hold")
		if i > 0 {
			ratios := make([]float64, len(t))
			for j := range ratios {
				ratios[j] = t[j] / times[0][j]
			}
			b.ReportMetric(sum(t)/sum(times[0]), names[i]+"/wheel")
			b.ReportMetric(slices.Min(ratios), names[i]+"/wheel-min")
			b.ReportMetric(slices.Max(ratios), names[i]+"/wheel-max")
		}
	}
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}
