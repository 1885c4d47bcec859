package selection

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// slowWinner is the race written the obvious way, in floating point.
func slowWinner(key rng.Key, p *Params, repliers []Candidate) RelayID {
	total := uint64(0)
	for _, c := range repliers {
		total += uint64(c.Weight)
	}
	best, least := NoRelay, math.Inf(1)
	for _, c := range repliers {
		weight := float64(c.Weight)
		if weight == 0 && (p.ZeroWeight == ZeroUniformShare || p.ZeroWeight == EligibleOnlyIfTotalZero && total == 0) {
			weight = 1
		}
		if weight > 0 && p.DrawLaw == UniformDraw {
			weight = 1
		}
		if weight == 0 {
			continue
		}
		u := (float64(key.Draw(rng.Race, c.Key)>>11) + 0.5) / (1 << 53)
		if v := -math.Log1p(-u) / weight; v < least {
			best, least = c.Relay, v
		}
	}
	return best
}

// TestRaceAgreesWithTheObviousOne plays whole selections in which relays
// reply and refuse at random, and predicts every registration.
func TestRaceAgreesWithTheObviousOne(t *testing.T) {
	root := rng.Seed(99)
	for trial := range uint64(3000) {
		k := root.Child(rng.Client, trial)
		p := defaultParams()
		p.ZeroWeight, p.DrawLaw = ZeroWeight(trial%3), DrawLaw(trial/3%4/3)
		var relays []relay
		most := uint64(9)
		if trial%50 == 0 { // several words of candidates
			most = 300
		}
		for i := range 1 + rng.Below(k.Draw(rng.Place, 0), most) {
			weight := []uint32{0, 1, 100, 100, 300, 1 << 31}[rng.Below(k.Draw(rng.Day, i), 6)]
			if trial%100 == 0 && weight == 300 {
				weight += uint32(i)
			}
			relays = append(relays, relay{name: string(rune('a' + i)), weight: weight})
		}
		c, _ := Compile(automatic(""), p, listOf(relays...))
		s := New(c, k, 0)
		started := vtime.Instant(trial * 1000)
		s.Trigger(started, Start)
		ask := s.Drain(nil)[0]
		var replies []Reply
		var left []Candidate
		for i, cand := range c.Stage(0).Candidates {
			if k.Draw(rng.Loss, uint64(i))%4 != 0 {
				replies = append(replies, Reply{At: ask.Deadline, Candidate: uint16(i)})
				left = append(left, cand)
			}
		}
		_ = s.Replies(ask.Deadline, ask.Seq, replies)
		s.Expire(ask.Deadline)
		for {
			want := slowWinner(k.Child(rng.Selection, uint64(started)), p, left)
			a := s.Drain(nil)[0]
			if want == NoRelay {
				// The rounds go on, or, if everybody refused, the root is next.
				if a.Kind == Register && a.By == ByProbe {
					t.Fatalf("trial %d: %v, want no winner", trial, a)
				}
				break
			}
			if a.Kind != Register || a.Target != want {
				t.Fatalf("trial %d: %v, want registration with %v among %v", trial, a, want, left)
			}
			left = slices.DeleteFunc(left, func(c Candidate) bool { return c.Relay == want })
			if err := s.RegisterResult(ask.Deadline, a.Seq, AtCap); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRunnersOrderTotally(t *testing.T) {
	low, high := runner{word: 1 << 40, weight: 5, key: 1}, runner{word: 1 << 60, weight: 5, key: 2}
	twin := runner{word: 1 << 40, weight: 5, key: 3}
	for _, tc := range []struct {
		a, b runner
		want int
	}{
		{low, high, -1},
		{high, low, 1},
		{low, twin, -1},
		{twin, low, 1},
		{low, low, 0},
		// A variate of 0 loses to none; equal fractions end in the words.
		{runner{0, 1, 1}, runner{0, 2, 2}, -1},
		// Weight decides: four times the variate at eight times the weight.
		{runner{1 << 62, 8, 1}, runner{1 << 60, 1, 2}, -1},
	} {
		if got := tc.a.compare(tc.b); got != tc.want {
			t.Errorf("%+v compare %+v = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

// What the bounds of variates tell is what the variates tell.
func TestRunnersPrecedeByTheirVariates(t *testing.T) {
	k := rng.Seed(3)
	byLogarithm := 0
	const n = 200_000
	for i := range uint64(n) {
		draw := func(d uint64) uint64 { return k.Draw(rng.Race, 8*i+d) }
		a := runner{draw(0) >> (draw(1) % 40 * (draw(1) >> 63)), 1 + uint32(draw(2)%4000), 1}
		b := runner{draw(3) >> (draw(4) % 40 * (draw(4) >> 63)), 1 + uint32(draw(5)%4000), 2}
		if draw(6)%2 == 0 { // nearly equal
			b.word = min(a.word, 1<<63) / uint64(a.weight) * uint64(min(a.weight, b.weight))
		}
		if draw(7)%8 == 0 {
			b.weight = 1<<20 + uint32(draw(7)>>40)
		}
		if got, want := a.precedes(b), a.compare(b) < 0; got != want {
			t.Fatalf("%+v precedes %+v is %v, want %v", a, b, got, want)
		}
		least, most := a.bounds()
		if x := rng.Exponential(a.word) >> 25; x < least || x > most {
			t.Fatalf("the variate of %#x is %#x, not from %#x to %#x", a.word, x, least, most)
		}
		if a.word>>48 > 0 && a.word>>56 < 250 && most-least > least/8 {
			byLogarithm++
		}
	}
	if byLogarithm > n/10 {
		t.Errorf("%d of %d bounds are wide", byLogarithm, n)
	}
}

// outcomeOf runs a selection through a list and returns the parent's name.
func outcomeOf(t *testing.T, client uint64, l *List, hosts map[string]*host) string {
	t.Helper()
	c, _ := Compile(automatic("A;B"), defaultParams(), l)
	w := &world{t: t, list: l, hosts: map[RelayID]*host{}, sel: New(c, rng.Seed(4).Child(rng.Client, client), 0)}
	for name, r := range l.Hosts {
		w.hosts[r] = hosts[name]
	}
	w.trigger(Start)
	w.run(2 * 60 * 1e9)
	r, _ := w.sel.Parent()
	return w.name(r)
}

func TestChoiceDependsOnNothingBesideTheRepliers(t *testing.T) {
	relays := []relay{
		{name: "a", weight: 100, advertise: []string{"A"}},
		{name: "b", weight: 100, advertise: []string{"A", "B"}},
		{name: "c", weight: 300, advertise: []string{"A"}},
		{name: "d", weight: 100, advertise: []string{"B"}},
	}
	mute := relay{name: "mute", weight: 1000, advertise: []string{"A"}}
	hosts := map[string]*host{"mute": {name: "mute"}, "root": {name: "root"}}
	for i, r := range relays {
		hosts[r.name] = &host{name: r.name, hops: 2, echo: true, outcome: []Outcome{Registered, AtCap}[i%2]}
	}
	reversed := slices.Clone(relays)
	slices.Reverse(reversed)
	parents := map[string]bool{}
	for client := range uint64(100) {
		want := outcomeOf(t, client, listOf(relays...), hosts)
		parents[want] = true
		if got := outcomeOf(t, client, listOf(reversed...), hosts); got != want {
			t.Fatalf("client %d: %q with the list reversed, %q before", client, got, want)
		}
		if got := outcomeOf(t, client, listOf(append([]relay{mute}, relays...)...), hosts); got != want {
			t.Fatalf("client %d: %q with a relay more that cannot answer, %q before", client, got, want)
		}
	}
	if len(parents) < 2 {
		t.Errorf("all clients chose %v: the test shows nothing", parents)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	c, _ := Compile(automatic(""), defaultParams(), listOf(relay{name: "a", weight: 1}, relay{name: "b", weight: 2}))
	s := New(c, 1, 0)
	var actions []Action
	replies := make([]Reply, 2)
	now := vtime.Instant(0)
	selectOnce := func() {
		now += 1e12
		s.Trigger(now, AddressChange)
		actions = s.Drain(actions[:0])
		for range 3 { // three silent rounds
			s.Expire(actions[0].Deadline)
			actions = s.Drain(actions[:0])
		}
		at := actions[0].Deadline
		replies[0], replies[1] = Reply{At: at}, Reply{At: at, Candidate: 1}
		_ = s.Replies(at, actions[0].Seq, replies)
		actions = s.Drain(actions[:0])
		_ = s.RegisterResult(at, actions[0].Seq, Registered)
		actions = s.Drain(actions[:0])
	}
	selectOnce()
	if n := testing.AllocsPerRun(100, selectOnce); n != 0 {
		t.Errorf("%v allocations a selection, want none", n)
	}
	if actions[0].Kind != Decided {
		t.Errorf("%v: the selection did not end", actions[0])
	}
}

// From some refusals on who comes next is looked up in an order that is made once.
// It is who would be found among all.
func TestRankingIsTheOrderOfTheRace(t *testing.T) {
	var x Scratch
	looked := 0
	for seed := range uint64(60) {
		k := rng.Seed(seed)
		candidates := make([]Candidate, 1+k.Draw(rng.Client, 0)%500)
		for i := range candidates {
			candidates[i] = Candidate{Relay: RelayID(i), Key: k.Draw(rng.Probe, uint64(i)), Weight: uint32(k.Draw(rng.Place, uint64(i)) % 4)}
		}
		slices.SortFunc(candidates, func(a, b Candidate) int { return cmp.Compare(a.Key, b.Key) })
		classes := classify(candidates, func(int) bool { return true })
		x.open(len(candidates), false)
		f := field{n: len(candidates), awaited: x.set(awaitedSet), struck: x.set(struckSet)}
		draws := k.Stream(rng.Race)
		for n := range uint64(2 * len(candidates)) {
			i := int(k.Draw(rng.Loss, n) % uint64(len(candidates)))
			switch {
			case n%5 == 0: // another round, in which others answer
				clear(f.awaited)
				f.awaited.add(i)
			case n%97 == 96: // the stage begins anew
				x.open(len(candidates), false)
				f.awaited, f.struck = x.set(awaitedSet), x.set(struckSet)
			default:
				f.struck.add(i)
			}
			r := x.rank(classes, &f, draws)
			for c := range classes {
				want, least := classes[c].first(&f, draws)
				got, word := r.first(c, &f)
				if looked++; got != want || want >= 0 && word != least {
					t.Fatalf("seed %d, class %d after %d: %d with %#x, want %d with %#x", seed, c, n, got, word, want, least)
				}
			}
		}
	}
	if looked < 10_000 {
		t.Errorf("%d races, too few", looked)
	}
}
