package topology

import (
	"math"
	"testing"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

func limited(l Limit, kinds ...Kind) Rule {
	return Rule{Name: "limited", Kinds: kinds, Limit: &l}
}

// A bucket starts full, gives Burst tokens at once and PerSecond after that.
func TestLimit(t *testing.T) {
	s := company()
	s.guard(edge, Stateless, limited(Limit{PerSecond: 5, Burst: 3}, TCP))
	b := newBench(t, s)
	send := func(at time.Duration, want End) {
		t.Helper()
		p := b.request(Attachment{Network: home}, dmz1, TCP, MaxTTL)
		b.wantEnd(b.net.Walk(b.st, p, vtime.Instant(at)).End, want, at.String())
	}
	for range 3 {
		send(0, Delivered)
	}
	send(0, OverLimit)
	send(200*ms-1, OverLimit)
	send(200*ms, Delivered)
	send(399*ms, OverLimit)
	send(600*ms, Delivered)
	send(600*ms, Delivered)
	send(600*ms, OverLimit)
	for range 3 {
		send(time.Hour, Delivered)
	}
	send(time.Hour, OverLimit)
}

// When the bucket is empty the rule does not match and the packet goes on.
func TestOverLimitGoesOnToTheNextRule(t *testing.T) {
	for _, tc := range []struct {
		name      string
		next      []Rule
		otherwise Verdict
		want      End
		rule      int
	}{
		{"default drops", nil, Drop, OverLimit, -1},
		{"default rejects", nil, Reject, Refused, -1},
		{"default accepts", nil, Accept, Delivered, -1},
		{"rule drops", []Rule{{Verdict: Drop}}, Accept, Filtered, 1},
		{"rule accepts", []Rule{accepting(TCP)}, Drop, Delivered, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := company()
			first := limited(Limit{PerSecond: 1, Burst: 1}, TCP)
			s.guard(edge, Stateless, append([]Rule{first}, tc.next...)...).Otherwise = tc.otherwise
			b := newBench(t, s)
			_, r := b.send(dmz1, TCP, MaxTTL)
			b.wantEnd(r.End, Delivered, "first")
			b.at = 0
			_, r = b.send(dmz1, TCP, MaxTTL)
			if r.End != tc.want || r.Rule != tc.rule {
				t.Errorf("second: %v by rule %d, want %v by %d", r.End, r.Rule, tc.want, tc.rule)
			}
		})
	}
}

// A limit by source has a bucket for each client, host and router.
func TestLimitPerSource(t *testing.T) {
	for _, perSource := range []bool{false, true} {
		s := company()
		s.guard(edge, Stateless, limited(Limit{PerSecond: 1, Burst: 1, PerSource: perSource}))
		b := newBench(t, s)
		end := func(source uint64) End {
			p := b.request(Attachment{Network: home}, dmz1, TCP, MaxTTL)
			p.Src.Source = source
			return b.net.Walk(b.st, p, 0).End
		}
		second := OverLimit
		if perSource {
			second = Delivered
		}
		b.wantEnd(end(1), Delivered, "first source")
		b.wantEnd(end(2), second, "second source")
		b.wantEnd(end(1), OverLimit, "first source again")
	}
}

func TestLimitPerSourceTellsRoutersApart(t *testing.T) {
	s := company()
	only := limited(Limit{PerSecond: 0.001, Burst: 1, PerSource: true}, TimeExceeded)
	s.guard(edge, Stateless, only, accepting(EchoRequest))
	b := newBench(t, s)
	for _, tc := range []struct {
		ttl  uint8
		want End
	}{{7, Delivered}, {9, Delivered}, {7, OverLimit}, {9, OverLimit}} {
		_, back, ok := b.errorAbout(root, EchoRequest, tc.ttl)
		if !ok || back.End != tc.want {
			t.Errorf("error from router %d: %v (made %v), want %v", tc.ttl, back.End, ok, tc.want)
		}
	}
}

func TestMeterRange(t *testing.T) {
	for _, tc := range []struct {
		l    Limit
		want bool
	}{
		{Limit{PerSecond: 5, Burst: 1}, true},
		{Limit{PerSecond: 1e9, Burst: 1}, true},
		{Limit{PerSecond: 1e-6, Burst: 50}, true},
		{Limit{PerSecond: 1e10, Burst: 1}, false},
		{Limit{PerSecond: 1e-9, Burst: 10}, false},
		{Limit{PerSecond: 0, Burst: 1}, false},
		{Limit{PerSecond: -1, Burst: 1}, false},
		{Limit{PerSecond: math.NaN(), Burst: 1}, false},
		{Limit{PerSecond: math.Inf(1), Burst: 1}, false},
		{Limit{PerSecond: 1, Burst: 0}, false},
	} {
		if _, ok := newMeter(&tc.l); ok != tc.want {
			t.Errorf("newMeter(%+v) ok = %v, want %v", tc.l, ok, tc.want)
		}
	}
}
