package topology

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
)

// Each walked packet is counted once, at the box and with the End of its
// result; exchanges of the memo are not.
func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := everything.drawSpec(t)
		n := compiled(t, s)
		st := n.NewState()
		var want []Count
		walked := func(r Result) {
			for i := range want {
				if want[i].Box == r.Box && want[i].End == r.End {
					want[i].N++
					return
				}
			}
			want = append(want, Count{r.Box, r.End, 1})
		}
		flow := uint64(0)
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			flow++
			st.Fate(a, h, k)
			st.ErrorFate(a, h, k, 1)
			p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: uint8(1 + flow%9), Flow: flow, Key: rng.Seed(flow)}
			r := n.Walk(st, p, 0)
			walked(r)
			if e, made := st.ErrorAbout(p, r, r.At, rng.Seed(flow+1)); made {
				r, _ := n.Trace(st, e, r.At)
				walked(r)
			}
		})
		slices.SortFunc(want, func(a, b Count) int {
			if a.Box != b.Box {
				return int(a.Box) - int(b.Box)
			}
			return int(a.End) - int(b.End)
		})
		if got := st.Counts(); !slices.Equal(got, want) {
			t.Fatalf("Counts = %v, want %v", got, want)
		}
		if err := st.Balanced(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUnbalanced(t *testing.T) {
	b := newBench(t, company())
	b.send(dmz1, TCP, MaxTTL)
	b.st.ends.walks++
	if err := b.st.Balanced(); err == nil {
		t.Error("a packet without an end was not noticed")
	}
}
