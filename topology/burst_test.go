package topology

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// chainChances are chances to begin and to end a burst, slot by slot: common ones,
// those where most words turn the state round, and certain ones.
var chainChances = []struct{ begin, end float64 }{
	{0.01, 0.25}, {0.3, 0.3}, {0.001, 0.002}, {0.9, 0.8}, {0.5, 0.5}, {1, 0.5}, {0.05, 1}, {1, 1}, {1e-6, 1e-2},
}

func chainOf(begin, end float64, seed uint64) (*bursts, chain) {
	b := newBursts(&Bursts{Slot: ms, Begin: rng.ChanceOf(begin), End: rng.ChanceOf(end), Loss: rng.Always}, rng.Hash("leg"))
	return &b, newChain(&b, rng.Seed(seed))
}

func inSlot(i int) vtime.Instant { return vtime.Instant(i) * vtime.Instant(ms) }

// The states are those of the chain carried forward from its first slot, in
// whatever order they are asked for.
func TestBurstsDoNotDependOnTheOrderOfQuestions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chances := rapid.SampledFrom(chainChances).Draw(t, "chances")
		b, c := chainOf(chances.begin, chances.end, rapid.Uint64().Draw(t, "seed"))
		const slots = 20_000
		forward := make([]bool, slots)
		forward[0] = b.first.Happens(c.words.Draw(0))
		for i := 1; i < slots; i++ {
			chance := b.begin
			if forward[i-1] {
				chance = b.stay
			}
			forward[i] = chance.Happens(c.words.Draw(uint64(i)))
		}
		for range 200 {
			slot := rapid.IntRange(0, slots-1).Draw(t, "slot")
			within := vtime.Instant(rapid.IntRange(0, int(ms)-1).Draw(t, "within"))
			if got := c.isBad(b, inSlot(slot)+within); got != forward[slot] {
				t.Fatalf("slot %d is bad: %v, want %v", slot, got, forward[slot])
			}
		}
	})
}

// The link is bad for Begin/(Begin+End) of the time and for 1/End slots at a
// time on average, and bursts begin in Begin of the good slots: each within 5
// standard errors.
func TestBurstsHaveTheirShareAndLength(t *testing.T) {
	const slots = 400_000
	for _, tc := range chainChances[:7] {
		b, c := chainOf(tc.begin, tc.end, 1)
		var bad, begun, ended int
		before := c.isBad(b, 0)
		for i := 1; i <= slots; i++ {
			now := c.isBad(b, inSlot(i))
			switch {
			case now && !before:
				begun++
			case before && !now:
				ended++
			}
			if before {
				bad++
			}
			before = now
		}
		share := tc.begin / (tc.begin + tc.end)
		// The variance of the share of a two-state chain of n slots.
		wide := 5 * math.Sqrt(share*(1-share)/slots*math.Abs(2-tc.begin-tc.end)/(tc.begin+tc.end))
		if got := float64(bad) / slots; math.Abs(got-share) > wide+1e-9 {
			t.Errorf("%+v: bad %.5f of the time, want %.5f to within %.5f", tc, got, share, wide)
		}
		ratio := func(what string, n, of int, want float64) {
			if got, wide := float64(n)/float64(of), 5*math.Sqrt(want*(1-want)/float64(of)); of == 0 || math.Abs(got-want) > wide+1e-9 {
				t.Errorf("%+v: %s in %d of %d slots, want %.5f of them to within %.5f", tc, what, n, of, want, wide)
			}
		}
		ratio("bursts ended", ended, bad, tc.end)
		ratio("bursts began", begun, slots-bad, tc.begin)
	}
}

// Every slot by itself is bad with the same chance, the first ones too: the
// chain is stationary.
func TestBurstsAreStationary(t *testing.T) {
	const n = 50_000
	for _, tc := range chainChances {
		share := tc.begin / (tc.begin + tc.end)
		for _, slot := range []int{0, 1, 3, 64, 100} {
			bad := 0
			for seed := range uint64(n) {
				b, c := chainOf(tc.begin, tc.end, seed)
				if c.isBad(b, inSlot(slot)) {
					bad++
				}
			}
			if got, wide := float64(bad)/n, 5*math.Sqrt(share*(1-share)/n); math.Abs(got-share) > wide {
				t.Errorf("%+v: slot %d is bad in %.4f of all runs, want %.4f to within %.4f", tc, slot, got, share, wide)
			}
		}
	}
}

// Another weather, another leg and another slot are other bursts.
func TestBurstsAreKeyed(t *testing.T) {
	s := company()
	for _, l := range []LegID{homeEdge, edgeDMZ} {
		s.Legs[l].Bursts = &Bursts{Slot: time.Second, Begin: rng.ChanceOf(0.5), End: rng.ChanceOf(0.5), Loss: rng.Always}
	}
	st := newBench(t, s).st
	states := func(weather rng.Key, leg burstID) (bits uint64) {
		st.SetWeather(weather)
		for i := range 64 {
			if st.chains[leg].isBad(&st.net.bursts[leg], vtime.Instant(i)*vtime.Instant(time.Second)) {
				bits |= 1 << i
			}
		}
		return bits
	}
	first := states(1, 0)
	if first == states(2, 0) || first == states(1, 1) || first != states(1, 0) {
		t.Error("bursts depend on something else than weather and leg")
	}
}

// A packet is lost with the chance Loss if it comes to the link in a bad slot,
// and as the leg's own loss says at any time.
func TestLossInBursts(t *testing.T) {
	const n = 200_000
	s := company()
	s.Legs[homeEdge].Loss = rng.ChanceOf(0.1)
	s.Legs[homeEdge].Bursts = &Bursts{Slot: 20 * ms, Begin: rng.ChanceOf(0.1), End: rng.ChanceOf(0.3), Loss: rng.ChanceOf(0.5)}
	b := newBench(t, s)
	var sent, lost [2]int
	for i := range n {
		p := b.request(Attachment{Network: home}, dmz1, EchoRequest, MaxTTL)
		p.Key = rng.Seed(uint64(i))
		at := vtime.Instant(i) * vtime.Instant(ms)
		state := 0
		if b.st.chains[0].isBad(&b.net.bursts[0], at) { // access routers add no delay
			state = 1
		}
		sent[state]++
		if b.net.Walk(b.st, p, at).End == Lost {
			lost[state]++
		}
	}
	for state, want := range []float64{0.1, 1 - 0.9*0.5} {
		got, wide := float64(lost[state])/float64(sent[state]), 5*math.Sqrt(want*(1-want)/float64(sent[state]))
		if math.Abs(got-want) > wide {
			t.Errorf("state %d: %.4f of %d lost, want %.4f to within %.4f", state, got, sent[state], want, wide)
		}
	}
}

func BenchmarkBursts(b *testing.B) {
	for _, bc := range []struct {
		name       string
		begin, end float64
	}{{"short", 0.01, 0.25}, {"long", 1e-5, 1e-3}} {
		b.Run("bursts="+bc.name, func(b *testing.B) {
			chances, c := chainOf(bc.begin, bc.end, 1)
			i := uint64(0)
			for b.Loop() { // as clients that are looked at one by one ask: anywhere in a day
				i++
				c.isBad(chances, vtime.Instant(rng.Below(rng.Key(i).Draw(rng.Probe, 0), uint64(24*time.Hour))))
			}
		})
	}
}
