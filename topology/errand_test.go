package topology

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// exchanged is what becomes of a request and of what comes back.
type exchanged struct {
	out, back Sent
	answered  bool
	kind      Kind
}

// sentAs is what Sent says of a result.
func sentAs(r Result) Sent {
	if r.End == Lost {
		return Sent{End: Lost}
	}
	return Sent{r.End, r.At, r.Again}
}

// carriedByWalk is what Walk makes of a request and what comes back.
func carriedByWalk(n *Network, st *State, p Packet, back rng.Key, at vtime.Instant) (x exchanged) {
	r := n.Walk(st, p, at)
	x.out = sentAs(r)
	var answer Packet
	if r.End == Delivered {
		answer, x.answered = n.Reply(p, p.Kind.Answer(), DefaultTTL, back), true
	} else {
		answer, x.answered = st.ErrorAbout(p, r, r.At, back)
	}
	if x.answered {
		r := n.Walk(st, answer, r.At)
		x.back, x.kind = sentAs(r), answer.Kind
	}
	return x
}

// carriedByErrand is what an Errand makes of them.
func carriedByErrand(st *State, e *Errand, key, back rng.Key, at vtime.Instant) (x exchanged) {
	x.out = st.SendRequest(e, key, at)
	if x.answered = e.Answered() && x.out.End != Lost; x.answered {
		x.back, x.kind = st.SendAnswer(e, back, x.out.At), e.Answer
	}
	return x
}

// Errands end as walks do, at the same instants, with the same copies, and are
// counted at the same places, in networks with everything where no limit takes
// part. A walk afterwards leaves as early.
func TestErrandsAreWalks(t *testing.T) {
	lost, coupled, expired := 0, 0, 0
	check := func(t *rapid.T) {
		s, n := whole{limits: rapid.Bool().Draw(t, "limits"), vary: rapid.Bool().Draw(t, "vary")}.compile(t)
		if n.Balanced() {
			return
		}
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		walked, sent := n.NewState(), n.NewState()
		disturb(t, s, walked)
		sent.down, sent.hostDown, sent.viewsDown = walked.down, walked.hostDown, walked.viewsDown
		walked.SetWeather(key)
		sent.SetWeather(key)
		at := vtime.Instant(0)
		eachRequest(s, walked, key, func(p Packet, h HostID) {
			p.TTL = uint8(rapid.SampledFrom([]int{0, 1, 2, 3, 4, 6, 9, 64, 255}).Draw(t, "ttl"))
			e := sent.Errand(p.Src.At, h, p.Kind, p.TTL)
			if e == nil {
				coupled++
				return
			}
			want := carriedByWalk(n, walked, p, p.Key+1, at)
			if got := carriedByErrand(sent, e, p.Key, p.Key+1, at); got != want {
				t.Fatalf("%+v at %v:\nby errand %+v\nwalked    %+v", p, at, got, want)
			}
			if e.Owner != p.Dst.Host || sent.RequestAgain(e, p.Key) != want.out.Again && want.out.End == Delivered {
				t.Fatalf("%+v: the errand is for %d, its copy comes after %v", p, e.Owner, sent.RequestAgain(e, p.Key))
			}
			if want.out.End != Lost {
				if left := sent.LeftAt(e, p.Key, want.out.At); left != at {
					t.Fatalf("%+v left at %v, by what the errand says at %v", p, at, left)
				}
			} else {
				lost++
			}
			if want.out.End == Expired && want.answered {
				expired++
			}
			at = max(at, want.out.At, want.back.At).Add(time.Millisecond)
		})
		if !reflect.DeepEqual(walked.Counts(), sent.Counts()) || walked.Met() != sent.Met() {
			t.Fatalf("ends %v and %d places met by errands, %v and %d walked", sent.Counts(), sent.Met(), walked.Counts(), walked.Met())
		}
		if err := sent.Balanced(); err != nil {
			t.Fatal(err)
		}
	}
	// A tenth of them are like networks in use; there are to be enough for each
	// of the cases to be met.
	enough := func() bool { return lost >= 20 && coupled >= 20 && expired >= 20 }
	checkUntil(t, 10, enough, check)
	if !enough() {
		t.Errorf("only %d lost, %d that have to be walked, %d errors of expiry", lost, coupled, expired)
	}
}

// A recalled packet is counted once, and leaves a flow that lets its answer in.
func TestRecall(t *testing.T) {
	s := company()
	s.guard(edge, Stateful, Rule{Verdict: Accept, From: Match{Networks: []NetworkID{home}}})
	s.Boxes[edge].Otherwise = Drop
	b := newBench(t, s)
	a := Attachment{Network: home}
	for _, recalled := range []bool{false, true} {
		st := b.net.NewState()
		p, _ := st.Request(a, 1, dmz1, EchoRequest, DefaultTTL, rng.Seed(1))
		e := st.Errand(a, dmz1, EchoRequest, DefaultTTL)
		r := st.SendRequest(e, p.Key, 0)
		if recalled {
			if got := b.net.Recall(st, p, 0); got.End != r.End || got.At != r.At {
				t.Fatalf("recalled: %v at %v, want %v at %v", got.End, got.At, r.End, r.At)
			}
		}
		want := Filtered
		if recalled {
			want = Delivered
		}
		if back := b.net.Walk(st, b.net.Reply(p, EchoReply, DefaultTTL, 2), r.At); r.End != Delivered || back.End != want {
			t.Errorf("recalled %v: request %v, reply %v, want %v", recalled, r.End, back.End, want)
		}
		if walked, memoised := st.Sent(); walked != 1 || memoised != 1 {
			t.Errorf("recalled %v: %d walked and %d by errands, want 1 and 1", recalled, walked, memoised)
		}
		if err := st.Balanced(); err != nil {
			t.Error(err)
		}
	}
}

// Copies come after their originals like those of walks.
func TestErrandsAreCopied(t *testing.T) {
	s := company()
	for i := range s.Legs {
		s.Legs[i].Duplicates, s.Legs[i].Jitter = rng.Always, Jitter{Mean: ms}
	}
	b := newBench(t, s)
	p, _ := b.st.Request(Attachment{Network: home}, 1, dmz1, EchoRequest, DefaultTTL, rng.Seed(1))
	want := carriedByWalk(b.net, b.st, p, 2, 0)
	got := carriedByErrand(b.st, b.st.Errand(p.Src.At, dmz1, EchoRequest, DefaultTTL), p.Key, 2, 0)
	if got != want || want.out.Again == 0 || want.back.Again == 0 {
		t.Errorf("by errand %+v, walked %+v", got, want)
	}
}
