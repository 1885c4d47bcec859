package topology

import "testing"

func TestLimitsTellsWhatAnyLimitCounts(t *testing.T) {
	n := newBench(t, &Spec{
		Networks: []NetworkSpec{{Name: "a", Access: []int{0, 2, 5}}, {Name: "b"}},
		Boxes: []BoxSpec{{Name: "edge", Kind: Stateful, Otherwise: Drop, Rules: []Rule{
			{Name: "slow", Kinds: []Kind{TimeExceeded, TCP}, Limit: &Limit{PerSecond: 5, Burst: 5}},
			{Name: "ping", Kinds: []Kind{EchoRequest}},
		}}},
		Legs: []LegSpec{{Name: "a-edge", Network: 0, Side: 0}, {Name: "b-edge", Network: 1, Side: 1}},
	}).net
	for k := range NumKinds {
		if got, want := n.Limits(k), k == TimeExceeded || k == TCP; got != want {
			t.Errorf("Limits(%v) = %v, want %v", k, got, want)
		}
	}
	if a, b := n.AccessVariants(0), n.AccessVariants(1); a != 3 || b != 1 {
		t.Errorf("access variants %d and %d, want 3 and 1", a, b)
	}
}
