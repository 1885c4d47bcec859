package selection

import (
	"math"
	"testing"
	"time"
)

// V27: the disclosure's metric (6.10), the smaller is better.
func TestV27LuckMetric(t *testing.T) {
	for _, tc := range []struct {
		delay          time.Duration
		children, most uint32
		luck           uint8
		want           time.Duration
	}{
		{20 * time.Millisecond, 500, 1000, 1, 100 * time.Microsecond},
		{10 * time.Millisecond, 900, 1000, 50, 4500 * time.Microsecond},
		{20 * time.Millisecond, 500, 0, 1, 100 * time.Microsecond}, // 1,000 by default
		{time.Second, 0, 1000, 100, 0},
		{-time.Second, 5, 10, 100, 0},
		{math.MaxInt64, math.MaxUint32, 1, 100, math.MaxInt64},
		{math.MaxInt64, 3, 1, 100, math.MaxInt64},
	} {
		if got := LuckMetric(tc.delay, tc.children, tc.most, tc.luck); got != tc.want {
			t.Errorf("LuckMetric(%v, %d, %d, %d) = %v, want %v", tc.delay, tc.children, tc.most, tc.luck, got, tc.want)
		}
	}
}
