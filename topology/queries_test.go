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

// Tables of bounded size and limits of errors count too, and what counts the
// outer packets of tunnels counts all that may be inside.
func TestLimitsTellsOfTables(t *testing.T) {
	flow := []Kind{TCP, UDP, EchoRequest, VPN}
	all := []Kind{TCP, UDP, EchoRequest, EchoReply, TimeExceeded, Unreachable, Reset, VPN}
	for _, tc := range []struct {
		name string
		edit func(s *Spec)
		want []Kind
	}{
		{"nothing", func(s *Spec) {}, nil},
		{"flows", func(s *Spec) { s.Boxes[back].Flows = 9 }, flow},
		{"mappings", func(s *Spec) { s.Boxes[cgn].NAT.Mappings = 9 }, flow},
		{"mappings of a host", func(s *Spec) { s.Boxes[cgn].NAT.PerHost = 9 }, flow},
		{"errors of a box that refuses nothing", func(s *Spec) { s.Boxes[back].Errors = LinuxErrors() }, []Kind{TimeExceeded}},
		{"errors", func(s *Spec) {
			s.Boxes[back].Errors, s.Boxes[back].Otherwise = LinuxErrors(), Reject
		}, []Kind{TimeExceeded, Unreachable}},
		{"errors where a network tells of absent hosts", func(s *Spec) {
			s.Boxes[back].Errors, s.Networks[0].TellsAbsent = LinuxErrors(), true
		}, []Kind{TimeExceeded, Unreachable}},
		{"no errors limited", func(s *Spec) { s.Boxes[back].Errors = &ErrorLimit{} }, nil},
		{"a rule about anything", func(s *Spec) { s.Boxes[back].Rules = []Rule{{Limit: &Limit{PerSecond: 1, Burst: 1}}} }, all},
	} {
		for _, tunnels := range []bool{false, true} {
			s := village()
			tc.edit(s)
			want := kindsOf(tc.want)
			if !tunnels {
				s.Legs[branchTunnel].Tunnel, s.Legs[laptopTunnel].Tunnel = nil, nil
				s.Networks[laptop].Tunneled = nil
			} else if want.has(VPN) {
				want = kindsOf(all)
			}
			n := newBench(t, s).net
			for k := range NumKinds {
				if got := n.Limits(k); got != want.has(k) {
					t.Errorf("%s, tunnels %v: Limits(%v) = %v", tc.name, tunnels, k, got)
				}
			}
		}
	}
}

func TestBalanced(t *testing.T) {
	s := company()
	for balance, want := range []bool{OneWay: false, PerFlow: true, PerPacket: true} {
		s.Balance = Balance(balance)
		if got := newBench(t, s).net.Balanced(); got != want {
			t.Errorf("balance %d: Balanced = %v", balance, got)
		}
	}
}
