package selection

import (
	"math"
	"testing"

	"github.com/relaysim/relaysim/rng"
)

// chanceOf returns by relay the exact probability to win, and last that nobody
// answers, summed over the subsets that may have answered.
func chanceOf(weights []uint32, loss float64) []float64 {
	n := len(weights)
	p := make([]float64, n+1)
	for subset := range 1 << n {
		chance, total := 1.0, 0.0
		for i, w := range weights {
			if subset>>i&1 != 0 {
				chance *= 1 - loss
				total += float64(w)
			} else {
				chance *= loss
			}
		}
		for i, w := range weights {
			if subset>>i&1 != 0 {
				p[i] += chance * float64(w) / total
			}
		}
		if subset == 0 {
			p[n] = chance
		}
	}
	return p
}

// The picks of a lazy race follow the exact law (6.4), whatever is lost.
func TestRevealFollowsTheExactLaw(t *testing.T) {
	const draws = 20_000
	tests, most := 0, 0.0
	for _, loss := range []float64{0.01, 0.1, 0.3, 0.6, 0.9} {
		for _, n := range []int{1, 2, 3, 5, 8, 12} {
			for _, pattern := range [][]uint32{{100}, {1, 3}, {100, 200, 300}, {1, 1000}} {
				weights := make([]uint32, n)
				for i := range weights {
					weights[i] = pattern[i%len(pattern)]
				}
				observed := make([]int, n+1)
				p := defaultParams()
				p.RoundEndsEarly = OnTimeoutOnly
				c, _ := Compile(automatic(""), p, crowd(n, pattern...))
				e := c.Stage(0).Entrants(func(int) bool { return true })
				for i := range uint64(draws) {
					key := rng.Seed(43).Child(rng.Client, uint64(tests)<<32+i)
					s := New(c, key, 0)
					s.Trigger(0, Start)
					if !s.Reveal(e, &drawn{key: key, lost: rng.ChanceOf(loss)}, false) {
						t.Fatal("not revealed")
					}
					if s.state == registering {
						observed[s.run.target-1]++
					} else {
						observed[n]++
					}
				}
				z := excess(observed, chanceOf(weights, loss), draws)
				most = max(most, z)
				if z > 4 {
					t.Errorf("loss %v, weights %v: chi-square %.1f standard deviations too large; observed %v", loss, weights, z, observed)
				}
				tests++
			}
		}
	}
	if most < 1.5 { // of 120, one in 15 is above
		t.Errorf("the largest of %d deviations is %v: too good", tests, most)
	}
}

// excess is by how many standard deviations the chi-square statistic is above
// its mean (Wilson and Hilferty's approximation). Rare cells are taken together.
func excess(observed []int, p []float64, draws int) float64 {
	chi, cells := 0.0, 0
	var rareP float64
	var rare int
	add := func(o int, p float64) {
		want := p * float64(draws)
		chi += (float64(o) - want) * (float64(o) - want) / want
		cells++
	}
	for i := range p {
		if p[i]*float64(draws) < 10 {
			rare, rareP = rare+observed[i], rareP+p[i]
			continue
		}
		add(observed[i], p[i])
	}
	if rareP*float64(draws) > 5 {
		add(rare, rareP)
	} else if rare > 30 {
		return math.Inf(1)
	}
	k := float64(cells - 1)
	if k < 1 {
		return 0
	}
	return (math.Cbrt(chi/k) - (1 - 2/(9*k))) / math.Sqrt(2/(9*k))
}
