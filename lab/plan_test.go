package lab

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/topology"
)

var update = flag.Bool("update", false, "rewrite testdata")

// company is a network with one of each thing that a lab has a counterpart of.
func company() *Design {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	s := &topology.Spec{
		Networks: []topology.NetworkSpec{
			{Name: "home", Access: []int{0, 1}},
			{Name: "internet", HasView: true},
			{Name: "dmz", Prefixes: []netip.Prefix{prefix("10.1.0.0/24")}, InsideRouters: 1},
			{Name: "site"},
		},
		Boxes: []topology.BoxSpec{
			{Name: "home-router", Kind: topology.Stateful, RelatedErrors: true, NAT: &topology.NATSpec{
				Outside: 1, PerClient: true, Filtering: topology.AddressAndPortDependent,
			}},
			{Name: "edge", Kind: topology.Stateful, Otherwise: topology.Drop, EatsExpiring: true, NAT: &topology.NATSpec{
				Outside: 0, Pool: []netip.Addr{addr("203.0.113.1")}, Filtering: topology.AddressAndPortDependent, DropsErrors: true,
				Static: []topology.StaticNAT{{Public: addr("203.0.113.10"), Host: 0}},
			}, Rules: []topology.Rule{
				{Name: "relay-port", To: topology.Match{Prefixes: []netip.Prefix{prefix("10.1.0.0/24")}}, Kinds: []topology.Kind{topology.TCP}},
				{Name: "ping", To: topology.Match{Roles: topology.Relay}, Kinds: []topology.Kind{topology.EchoRequest}, Limit: &topology.Limit{PerSecond: 5, Burst: 10}},
				{Name: "no", FromSides: 1, Verdict: topology.Reject, With: topology.TCPReset},
			}},
			{Name: "wan", Kind: topology.Routed, Silent: true, Drops: []topology.Kind{topology.TimeExceeded}},
			{Name: "own", Kind: topology.Guard, Otherwise: topology.Reject, Rules: []topology.Rule{
				{Name: "ping in", FromSides: networkSide, Kinds: []topology.Kind{topology.EchoRequest}},
			}},
		},
		Legs: []topology.LegSpec{
			{Name: "home-nat", Network: 0, Box: 0, Side: 0},
			{Name: "nat-internet", Network: 1, Box: 0, Side: 1, Routers: 2},
			{Name: "internet-edge", Network: 1, Box: 1, Side: 0},
			{Name: "dmz-edge", Network: 2, Box: 1, Side: 1},
			{Name: "dmz-wan", Network: 2, Box: 2},
			{Name: "site-wan", Network: 3, Box: 2, Routers: 1},
		},
		Hosts: []topology.HostSpec{
			{Name: "dmz-1", Network: 2, Role: topology.Relay, Addrs: []netip.Addr{addr("10.1.0.10")}},
			{Name: "dmz-2", Network: 2, Role: topology.Relay, Guard: topology.GuardOf(3)},
		},
		Views: []topology.ViewSpec{{Name: "public", Answers: []topology.NameAnswer{{Host: 0, Addrs: []netip.Addr{addr("203.0.113.10")}}, {Host: 1}}}},
	}
	s.Networks[0].HasView = true
	return &Design{s, []Client{
		{"laptop", topology.Attachment{Network: 0, Access: 1}},
		{"desktop", topology.Attachment{Network: 3, Guard: topology.GuardOf(3)}},
	}}
}

// The plan of a network is pure data, and reads as what a user would type.
// Rewritten by -update.
func TestScript(t *testing.T) {
	p, err := NewPlan(company())
	if err != nil {
		t.Fatal(err)
	}
	got, path := p.Script(Prefix), filepath.Join("testdata", "company.sh")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the script is not that of %s (read it after go test ./lab -update):\n%s", path, got)
	}
	if p.Targets[0][1].IsValid() || p.Targets[0][0] != netip.MustParseAddr("203.0.113.10") {
		t.Errorf("the laptop asks at %v, want 203.0.113.10 and nothing", p.Targets[0])
	}
}

// Equal designs give equal plans.
func TestPlanIsPure(t *testing.T) {
	first, err := NewPlan(company())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		p, err := NewPlan(company())
		if err != nil || p.Script("x-") != first.Script("x-") {
			t.Fatalf("another plan, %v", err)
		}
	}
}

// What has no counterpart is refused with the reason.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*topology.Spec)
		reason string
	}{
		{func(s *topology.Spec) { s.Balance = topology.PerFlow }, "balanced"},
		{func(s *topology.Spec) { s.Boxes[1].NAT.Filtering = topology.EndpointIndependent }, `translator "edge" filters`},
		{func(s *topology.Spec) { s.Boxes[1].Flows = 9 }, "limited size"},
		{func(s *topology.Spec) { s.Boxes[1].EchoFor = []topology.Match{{}} }, "in the name of others"},
		{func(s *topology.Spec) { s.Boxes[1].Rules[0].Untracked = true }, "does not translate"},
		{func(s *topology.Spec) { s.Networks[3].TellsAbsent = true }, "absent"},
		{func(s *topology.Spec) {
			s.Networks[3].Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}
		}, "IPv6 alone"},
	} {
		d := company()
		c.change(d.Spec)
		_, err := NewPlan(d)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("NewPlan = %v, want a refusal that says %q", err, c.reason)
		}
	}
}

// A client meets as many routers in a lab as topology counts.
func TestWaysAreAsLong(t *testing.T) {
	d := company()
	p, err := NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	for c := range d.Clients {
		for h := range d.Spec.Hosts {
			if p.Unrouted[c][h] || !p.Targets[c][h].IsValid() {
				continue
			}
			want, _ := m.net.Hops(d.Clients[c].At, topology.HostID(h))
			if got := hops(p, c, h); got != want {
				t.Errorf("%s meets %d routers to %s, want %d", d.Clients[c].Name, got, d.Spec.Hosts[h].Name, want)
			}
		}
	}
}

// hops follows the routes of a plan. A public address is followed to its host.
func hops(p *Plan, client, host int) (n int) {
	at, to := p.Clients[client].Node, p.Targets[client][host]
	for at != p.Hosts[host].Node && n < 50 {
		next := -1
		for _, want := range []netip.Addr{to, p.Hosts[host].Address} {
			for _, r := range p.Nodes[at].Routes {
				if r.To == want && next < 0 {
					next = nodeOf(p, r.Via)
				}
			}
		}
		if next < 0 {
			return -1
		}
		if at = next; p.Nodes[at].Forwards {
			n++
		}
	}
	return n
}

func nodeOf(p *Plan, a netip.Addr) int {
	for i := range p.Nodes {
		if p.Nodes[i].Address == a {
			return i
		}
	}
	return -1
}

// Linux knows one source of a translator's errors. A lab says that it leaves
// out the other, and asks the model about Linux's.
func TestErrorSourceIsLinux(t *testing.T) {
	d := company()
	for _, tc := range []struct {
		source topology.ErrorSource
		said   int
	}{{topology.FromTranslator, 1}, {topology.FromDestination, 0}} {
		d.Spec.Boxes[1].NAT.ErrorSource = tc.source
		d.Spec.Boxes[0].NAT.ErrorSource = topology.FromDestination
		p, err := NewPlan(d)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Count(strings.Join(p.LeftOut, "\n"), "own source of the errors")
		if got := Calm(d.Spec).Boxes[1].NAT.ErrorSource; said != tc.said || got != topology.FromDestination || d.Spec.Boxes[1].NAT.ErrorSource != tc.source {
			t.Errorf("source %d: left out %d times, want %d; the model has %d", tc.source, said, tc.said, got)
		}
	}
}
