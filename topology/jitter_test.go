package topology

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// laws are the distributions as their names define them: the quantile of each
// for a mean of 1, and its standard deviation.
var laws = []struct {
	name      string
	law       JitterLaw
	deviation float64
	quantile  func(p float64) float64
}{
	{"exponential", Exponential, 1, func(p float64) float64 { return -math.Log(1 - p) }},
	{"uniform", Uniform, 1 / math.Sqrt(3), func(p float64) float64 { return 2 * p }},
	{"pareto", Pareto, math.Sqrt(3), func(p float64) float64 { return 2 * 2601. / 2600 * (math.Pow(1-p, -1.0/3) - 1) }},
}

// variates are samples of a jitter, one for each of n packets, in order.
func variates(j Jitter, n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = j.sample(rng.Seed(uint64(i)).Stream(rng.Jitter), rng.Hash("leg"))
	}
	slices.Sort(all)
	return all
}

// Each law has the mean that it is given: within 5 standard errors.
func TestJitterHasItsMean(t *testing.T) {
	const n = 400_000
	for _, tc := range laws {
		for _, mean := range []time.Duration{1000, 7 * ms, time.Hour} {
			sum := 0.0
			for _, d := range variates(Jitter{tc.law, mean}, n) {
				sum += float64(d)
			}
			got, wide := sum/n/float64(mean), 5*tc.deviation/math.Sqrt(n)+1/float64(mean)
			if math.Abs(got-1) > wide {
				t.Errorf("%s of mean %v: mean of %d is %.4f of that, want 1 to within %.4f", tc.name, mean, n, got, wide)
			}
		}
	}
}

// Each law has the quantiles of its distribution: the share of variates below
// each is within 5 standard errors of what it should be.
func TestJitterHasItsQuantiles(t *testing.T) {
	const n, mean = 400_000, 7 * ms
	for _, tc := range laws {
		all := variates(Jitter{tc.law, mean}, n)
		for _, p := range []float64{0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999} {
			q := time.Duration(float64(mean) * tc.quantile(p))
			below, _ := slices.BinarySearch(all, q)
			if got := float64(below) / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
				t.Errorf("%s: %.5f of all below %v, want %v", tc.name, got, q, p)
			}
		}
		if all[0] < 0 {
			t.Errorf("%s: %v", tc.name, all[0])
		}
	}
}

// What an integer machine makes of given words is the same everywhere.
func TestJitterIsTheSameEverywhere(t *testing.T) {
	for _, tc := range []struct {
		law  JitterLaw
		want []time.Duration
	}{
		{Exponential, []time.Duration{746895063, 364463953, 205427081, 2296501701}},
		{Uniform, []time.Duration{1052328999, 610862255, 371401060, 1798779614}},
		{Pareto, []time.Duration{1029962692, 1714798131, 361384263, 223815944}},
	} {
		var got []time.Duration
		for i := range uint64(4) {
			j := Jitter{tc.law, time.Second}
			got = append(got, j.sample(rng.Seed(i).Stream(rng.Jitter), 0))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("law %d: %#v, want %#v", tc.law, got, tc.want)
		}
	}
}

// No variate is above what its law allows, and the longest do not wrap round.
func TestJitterIsBounded(t *testing.T) {
	for _, tc := range laws {
		for _, mean := range []time.Duration{1, ms, time.Hour, math.MaxInt64} {
			j := Jitter{tc.law, mean}
			for i := range uint64(400_000) {
				if d := j.sample(rng.Key(i).Stream(rng.Jitter), 0); d < 0 || d > j.most() || d > longest {
					t.Fatalf("%s of mean %v: %v, not in [0, %v]", tc.name, mean, d, j.most())
				}
			}
		}
	}
	// Where V is 1/51, which only one packet in 132,651 falls below.
	if d := longer(uint64(26 * time.Second)); d != uint64(26010*ms) {
		t.Errorf("the mean of 26 s without its tail cut is %v, want 26.01 s", time.Duration(d))
	}
}

func BenchmarkJitter(b *testing.B) {
	for _, tc := range laws {
		b.Run("law="+tc.name, func(b *testing.B) {
			j, i := Jitter{tc.law, ms}, uint64(0)
			for b.Loop() {
				j.sample(rng.Key(i).Stream(rng.Jitter), 1)
				i++
			}
		})
	}
}
