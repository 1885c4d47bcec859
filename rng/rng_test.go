package rng

import (
	"math"
	"testing"
)

func TestExponentialFollowsTheLogarithm(t *testing.T) {
	k := Seed(1)
	sum := 0.0
	const n = 200000
	for i := range uint64(n) {
		b := k.Draw(Race, i)
		got := float64(Exponential(b)) / (1 << 57)
		u := 1 - float64(b>>11)/(1<<53)
		want := -math.Log2(u)
		if math.Abs(got-want) > 1e-9*math.Max(1, want)+3e-16/u {
			t.Fatalf("Exponential(%#x) = %v, want %v", b, got, want)
		}
		sum += got
	}
	if mean := sum / n * math.Ln2; math.Abs(mean-1) > 0.01 {
		t.Errorf("mean of %d variates, in natural units = %v, want 1", n, mean)
	}
}

func TestExponentialEnds(t *testing.T) {
	for _, tc := range []struct {
		b    uint64
		want uint64
	}{{0, 0}, {1 << 63, 1 << 57}, {3 << 62, 2 << 57}, {^uint64(0), 64 << 57}} {
		if got := Exponential(tc.b); got-tc.want > 4 && tc.want-got > 4 {
			t.Errorf("Exponential(%#x) = %#x, want %#x", tc.b, got, tc.want)
		}
	}
	prev := uint64(0)
	for b := uint64(0); b < 1<<20; b++ {
		got := Exponential(b << 44)
		if got+4 < prev {
			t.Fatalf("Exponential(%#x) = %d falls below %d", b<<44, got, prev)
		}
		prev = got
	}
}

func TestDrawsOfNeighboursAreUncorrelated(t *testing.T) {
	// Mean and lag correlation of uniforms over keys, purposes and counters.
	root := Seed(7)
	const n = 1 << 16
	for name, draw := range map[string]func(i uint64) uint64{
		"counter": func(i uint64) uint64 { return root.Draw(Loss, i) },
		"purpose": func(i uint64) uint64 { return root.Draw(Purpose(i), 3) },
		"key":     func(i uint64) uint64 { return root.Child(Client, i).Draw(Loss, 0) },
		"seed":    func(i uint64) uint64 { return Seed(i).Draw(Loss, 0) },
		"toward":  func(i uint64) uint64 { return uint64(root.Toward(Connect, i).Child(Probe, 3)) },
		"at hand": func(i uint64) uint64 { return uint64(root.Toward(Connect, 3).Child(Probe, i)) },
		"by turns": func(i uint64) uint64 { // a packet and what answers it
			if k := root.Toward(Connect, i/2).Child(Probe, 3); i%2 == 0 {
				return uint64(k)
			} else {
				return uint64(k.Answer())
			}
		},
	} {
		var mean, lag, prev float64
		for i := range uint64(n) {
			u := float64(draw(i)>>11)/(1<<53) - 0.5
			mean += u
			lag += u * prev
			prev = u
		}
		// Standard errors: 1/sqrt(12 n) and 1/(12 sqrt n); six of each.
		if math.Abs(mean/n) > 6/math.Sqrt(12*n) || math.Abs(lag/n) > 6/(12*math.Sqrt(n)) {
			t.Errorf("%s: mean %v, lag-1 covariance %v", name, mean/n, lag/n)
		}
	}
}

// The words that are mixed for draws of one key are different ones where two
// purposes are below 64 and their counters less than 2^57 apart.
func TestStreamsOfAKeyDoNotMeet(t *testing.T) {
	step := uint64(NthOf(1))
	inverse := step // Newton's iteration, modulo 2^64
	for range 6 {
		inverse *= 2 - step*inverse
	}
	if inverse*step != 1 {
		t.Fatalf("%#x is not the inverse of %#x", inverse, step)
	}
	first := Key(0).Stream(0)
	for p := Purpose(1); p < 64; p++ {
		apart := uint64(Key(0).Stream(p)-first) * inverse
		if apart = min(apart, -apart); apart < 1<<57 {
			t.Errorf("purposes that are %d apart meet after %d draws", p, apart)
		}
	}
}

func TestChance(t *testing.T) {
	if ChanceOf(0).Happens(0) || !ChanceOf(1).Happens(^uint64(0)) {
		t.Error("chances 0 and 1 are not certain")
	}
	if got := ChanceOf(0.5).Or(ChanceOf(0.5)).Float(); got != 0.75 {
		t.Errorf("0.5 or 0.5 = %v, want 0.75", got)
	}
	if c := ChanceOf(0.9999999); c.Or(c).Or(c) < c {
		t.Errorf("0.9999999 or'ed three times wraps round to %v", c.Or(c).Or(c).Float())
	}
	if got := ChanceOf(math.NaN()); got != Never {
		t.Errorf("ChanceOf(NaN) = %v, want Never", got)
	}
}
