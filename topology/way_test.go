package topology

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The village of the tests: homes behind routers of their own behind a
// carrier's translator, a company behind a firewall with a static address for
// its relay, a branch on a tunnel, and laptops on a VPN.
//
//	house ─ (home-router) ─ carrier ─ (cgn) ─ internet ─ (front) ─ yard ─ (back) ─ office
//	branch ─ (uplink) ─ internet
//	branch ═ branch-tunnel ═ (hub) ─ office;  laptop ═ laptop-tunnel ═ (hub)
const (
	house NetworkID = iota
	carrier
	internet
	yard
	office
	branch
	laptop
)

const (
	homeRouter BoxID = iota
	cgn
	front
	back
	hubVPN
	uplink
)

const (
	houseLAN LegID = iota
	houseWAN
	cgnInside
	cgnOutside
	frontOutside
	frontYard
	backYard
	backOffice
	hubOffice
	branchTunnel
	laptopTunnel
	branchUplink
	internetUplink
)

const (
	yard1 HostID = iota
	office1
)

var (
	public    = netip.MustParseAddr("203.0.113.10")
	yardAddr  = netip.MustParseAddr("10.1.0.10")
	yardAddr6 = netip.MustParseAddr("2001:db8:1::10")
	officeIP  = netip.MustParseAddr("10.2.0.10")
	stale     = netip.MustParseAddr("10.2.0.77")
	unrouted  = netip.MustParseAddr("192.0.2.1")
)

func prefixesOf(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func village() *Spec {
	return &Spec{
		Networks: []NetworkSpec{
			house:    {Name: "house", Access: []int{1, 4}, Prefixes: prefixesOf("192.168.0.0/16", "2001:db8:99::/48")},
			carrier:  {Name: "carrier", Prefixes: prefixesOf("100.64.0.0/10")},
			internet: {Name: "internet", Prefixes: prefixesOf("203.0.113.0/24", "198.51.100.0/24", "2001:db8:ffff::/48")},
			yard:     {Name: "yard", Prefixes: prefixesOf("10.1.0.0/16", "2001:db8:1::/48")},
			office:   {Name: "office", Prefixes: prefixesOf("10.2.0.0/16")},
			branch:   {Name: "branch", Prefixes: prefixesOf("10.3.0.0/16")},
			laptop:   {Name: "laptop", Prefixes: prefixesOf("10.4.0.0/16"), Tunneled: &TunneledSpec{Underlay: house, Into: []NetworkID{office}}},
		},
		Boxes: []BoxSpec{
			homeRouter: {Name: "home-router", Kind: Stateful, NAT: &NATSpec{Outside: 1, PerClient: true}},
			cgn:        {Name: "cgn", Kind: Stateful, NAT: &NATSpec{Outside: 1, Pool: []netip.Addr{netip.MustParseAddr("198.51.100.1")}}},
			front: {Name: "front", Kind: Stateful, NAT: &NATSpec{
				Outside: 0, Pool: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, Static: []StaticNAT{{public, yard1}},
				Forwards: []PortForward{{netip.MustParseAddr("203.0.113.1"), []Kind{TCP}, office1}},
			}},
			back:   {Name: "back", Kind: Stateful},
			hubVPN: {Name: "hub", Kind: Stateful},
			uplink: {Name: "uplink", Kind: Stateful, NAT: &NATSpec{Outside: 1, Pool: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}},
		},
		Legs: []LegSpec{
			houseLAN:       {Name: "house-lan", Network: house, Box: homeRouter, Side: 0},
			houseWAN:       {Name: "house-wan", Network: carrier, Box: homeRouter, Side: 1, Routers: 2},
			cgnInside:      {Name: "cgn-inside", Network: carrier, Box: cgn, Side: 0, Routers: 1},
			cgnOutside:     {Name: "cgn-outside", Network: internet, Box: cgn, Side: 1, Routers: 1},
			frontOutside:   {Name: "front-outside", Network: internet, Box: front, Side: 0, Routers: 3},
			frontYard:      {Name: "front-yard", Network: yard, Box: front, Side: 1},
			backYard:       {Name: "back-yard", Network: yard, Box: back, Side: 0},
			backOffice:     {Name: "back-office", Network: office, Box: back, Side: 1},
			hubOffice:      {Name: "hub-office", Network: office, Box: hubVPN, Side: 1},
			branchTunnel:   {Name: "branch-tunnel", Network: branch, Box: hubVPN, Side: 0, Metric: 10, Tunnel: &TunnelSpec{Over: branch, Gateway: internet}},
			laptopTunnel:   {Name: "laptop-tunnel", Network: laptop, Box: hubVPN, Side: 2, Tunnel: &TunnelSpec{Over: house, Gateway: internet}},
			branchUplink:   {Name: "branch-uplink", Network: branch, Box: uplink, Side: 0, Routers: 1},
			internetUplink: {Name: "internet-uplink", Network: internet, Box: uplink, Side: 1},
		},
		Hosts: []HostSpec{
			yard1:   {Name: "yard-1", Network: yard, Role: Relay, Addrs: []netip.Addr{yardAddr, yardAddr6}},
			office1: {Name: "office-1", Network: office, Role: Root, Addrs: []netip.Addr{officeIP}},
		},
	}
}

// told is a way in one line: the legs, with "?" where a box has no way on.
func (n *Network) told(way []step, ok bool) string {
	var names []string
	for _, s := range way {
		names = append(names, n.LegName(s.in))
		if s.out != NoLeg {
			names = append(names, n.LegName(s.out))
		}
	}
	if !ok {
		names = append(names, "?")
	}
	return strings.Join(names, " ")
}

func TestWaysOverTranslators(t *testing.T) {
	n := newBench(t, village()).net
	for _, tc := range []struct {
		name     string
		from, to NetworkID
		v6       bool
		want     string
	}{
		{"outward over both", house, internet, false, "house-lan house-wan cgn-inside cgn-outside"},
		{"not inward", internet, yard, false, "?"},
		// What has no way is carried outside by default routes and no further.
		{"to an inner address", house, yard, false, "house-lan house-wan cgn-inside cgn-outside ?"},
		{"to an inner address, from inside another", office, house, false, "back-office back-yard front-yard front-outside ?"},
		{"inward in IPv6", internet, yard, true, "front-outside front-yard"},
		{"all the way in IPv6", house, office, true, "house-lan house-wan cgn-inside cgn-outside front-outside front-yard back-yard back-office"},
		{"to a place of VPN clients", branch, laptop, false, "branch-tunnel laptop-tunnel"},
		{"over the tunnel, though it has fewer legs", branch, office, false, "branch-tunnel hub-office"},
		{"over the tunnel and out again", office, internet, false, "back-office back-yard front-yard front-outside"},
	} {
		if got := n.told(n.way(nil, tc.from, tc.to, 0, tc.v6)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestWaysToTranslators(t *testing.T) {
	n := newBench(t, village()).net
	for _, tc := range []struct {
		name string
		from NetworkID
		to   NetworkID // behind it
		want string
	}{
		{"from outside", house, yard, "house-lan house-wan cgn-inside cgn-outside front-outside / front-outside front-yard"},
		{"from inside: back by the side it came from", office, yard, "back-office back-yard front-yard / front-yard front-yard"},
		{"from outside, further in", internet, office, "front-outside / front-outside front-yard back-yard back-office"},
	} {
		way, ok := n.wayToBox(nil, tc.from, front, 0, false)
		in := way[len(way)-1].in
		got := n.told(way, ok) + " / " + n.told(n.wayFromBox(nil, in, front, tc.to, 0, false))
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// A static route goes before the cheapest way, and what it leads to goes on
// from there by the ordinary one.
func TestStaticRoutes(t *testing.T) {
	s := village()
	s.Routes = []RouteSpec{
		{At: branch, To: []NetworkID{yard}, Leg: branchUplink},
		{At: office, To: []NetworkID{internet}, Leg: hubOffice},
		{At: office, To: []NetworkID{branch}, Leg: backOffice},
	}
	n := newBench(t, s).net
	for _, tc := range []struct {
		name     string
		from, to NetworkID
		want     string
	}{
		{"the long way", office, internet, "hub-office branch-tunnel branch-uplink internet-uplink"},
		{"the long way from further off", yard, internet, "front-yard front-outside"},
		{"to where no way leads on", branch, yard, "branch-uplink internet-uplink ?"},
		{"for another network", branch, office, "branch-tunnel hub-office"},
	} {
		if got := n.told(n.way(nil, tc.from, tc.to, 0, false)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	// The yard sends it back to the office, and so on until it expires.
	if way, ok := n.way(nil, office, branch, 0, false); ok || n.routersOn(way) <= int(MaxTTL) {
		t.Errorf("in circles: %d routers, ok %v", n.routersOn(way), ok)
	}
	// For a public address it is the network outside the translator that counts.
	if got, want := n.told(n.wayToBox(nil, office, front, 0, false)), "hub-office branch-tunnel branch-uplink internet-uplink front-outside"; got != want {
		t.Errorf("to a public address: %s, want %s", got, want)
	}
	if n.divert(branch, yard) != branchUplink || n.divert(yard, branch) != NoLeg {
		t.Errorf("divert = %d, %d", n.divert(branch, yard), n.divert(yard, branch))
	}
}

// Static routes in a circle without any router end all the same.
func TestCirclesWithoutRouters(t *testing.T) {
	s := &Spec{
		Networks: []NetworkSpec{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Boxes:    []BoxSpec{{Name: "ab", Kind: Routed}, {Name: "bc", Kind: Routed}},
		Legs: []LegSpec{
			{Name: "a-ab", Network: 0, Box: 0},
			{Name: "b-ab", Network: 1, Box: 0},
			{Name: "b-bc", Network: 1, Box: 1},
			{Name: "c-bc", Network: 2, Box: 1},
		},
		Routes: []RouteSpec{{At: 1, To: []NetworkID{2}, Leg: 1}},
	}
	n := newBench(t, s).net
	way, ok := n.way(nil, 0, 2, 0, false)
	if ok || len(way) > 10 {
		t.Errorf("%d steps, ok %v", len(way), ok)
	}
}

func TestMetricGoesBeforeRouters(t *testing.T) {
	s := village()
	s.Legs[branchTunnel].Metric = 100
	n := newBench(t, s).net
	if got, want := n.told(n.way(nil, branch, office, 0, true)), "branch-uplink internet-uplink front-outside front-yard back-yard back-office"; got != want {
		t.Errorf("with a metric of 100: %s, want %s", got, want)
	}
}

// diamonds is a row of networks, each joined to the next by some boxes.
func diamonds(widths ...int) *Spec {
	s := &Spec{Networks: []NetworkSpec{{Name: "n0"}}, Balance: PerFlow}
	for i, w := range widths {
		s.Networks = append(s.Networks, NetworkSpec{Name: "n" + string(rune('1'+i))})
		for j := range w {
			name := string(rune('a'+i)) + string(rune('a'+j))
			b := BoxID(len(s.Boxes))
			s.Boxes = append(s.Boxes, BoxSpec{Name: name, Kind: Stateless})
			s.Legs = append(s.Legs, LegSpec{Name: name + "-in", Network: NetworkID(i), Box: b},
				LegSpec{Name: name + "-out", Network: NetworkID(i + 1), Box: b, Side: 1})
		}
	}
	return s
}

// Each router shares its traffic equally among the ways that cost the same
// (RFC 2992), and independently of the routers before it: of all picks, each
// way has exactly the product of the shares.
func TestBalanceIsEven(t *testing.T) {
	s := diamonds(2, 3, 2)
	n := newBench(t, s).net
	end := Endpoint{At: Attachment{Network: 3}, Host: AnyHost, Role: Client}
	ways := n.waysTo(0, &end, TCP, false)
	if ways != 12 {
		t.Fatalf("%d ways, want 12", ways)
	}
	count := map[string]int{}
	for pick := range 5 * ways {
		count[n.told(n.way(nil, 0, 3, uint64(pick), false))]++
	}
	if len(count) != 12 {
		t.Errorf("%d different ways: %v", len(count), count)
	}
	for way, n := range count {
		if n != 5 {
			t.Errorf("%s: %d of 60 picks, want 5", way, n)
		}
	}
	if way, _ := n.way(nil, 0, 3, 0, false); n.LegName(way[0].in) != "aa-in" {
		t.Errorf("pick 0: %s", n.told(way, true))
	}
}

// Behind unequal branches, the share of each way is still the product of the
// shares at each router: half goes the way without a further choice.
func TestBalanceOverUnequalBranches(t *testing.T) {
	s := &Spec{Balance: PerPacket, Networks: []NetworkSpec{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}}
	join := func(name string, from, to NetworkID, metric int) {
		b := BoxID(len(s.Boxes))
		s.Boxes = append(s.Boxes, BoxSpec{Name: name, Kind: Routed})
		s.Legs = append(s.Legs, LegSpec{Name: name + "-1", Network: from, Box: b, Metric: metric}, LegSpec{Name: name + "-2", Network: to, Box: b, Metric: 1})
	}
	join("ab", 0, 1, 1)
	join("ac", 0, 2, 1)
	join("bd", 1, 3, 1)
	for _, name := range []string{"cd", "ce", "cf"} {
		join(name, 2, 3, 1)
	}
	n := newBench(t, s).net
	end := Endpoint{At: Attachment{Network: 3}, Host: AnyHost, Role: Client}
	count := map[string]int{}
	for pick := range n.waysTo(0, &end, TCP, false) {
		count[n.told(n.way(nil, 0, 3, uint64(pick), false))]++
	}
	want := map[string]int{
		"ab-1 ab-2 bd-1 bd-2": 3, "ac-1 ac-2 cd-1 cd-2": 1, "ac-1 ac-2 ce-1 ce-2": 1, "ac-1 ac-2 cf-1 cf-2": 1,
	}
	if d := cmp.Diff(want, count); d != "" {
		t.Errorf("picks by way (-want +got):\n%s", d)
	}
}

// Where there would be too many ways to tell apart, routers far from the end
// take the first of theirs.
func TestBalanceHasBounds(t *testing.T) {
	s := diamonds(8, 8, 8, 8, 8, 8)
	n := newBench(t, s).net
	end := Endpoint{At: Attachment{Network: 6}, Host: AnyHost, Role: Client}
	if ways := n.waysTo(0, &end, TCP, false); ways != maxWays {
		t.Errorf("%d ways, want %d", ways, maxWays)
	}
	s.Balance = OneWay
	if ways := newBench(t, s).net.waysTo(0, &end, TCP, false); ways != 1 {
		t.Errorf("%d ways without balance", ways)
	}
}

// Workers that share a Network find the same ways, whoever is first.
func TestWaysAreSharedSafely(t *testing.T) {
	s := meshed(60, 10)
	s.Balance = PerFlow
	n := newBench(t, s).net
	found := make([]string, 4)
	var wg sync.WaitGroup
	for i := range found {
		wg.Go(func() {
			for to := range NetworkID(60) {
				found[i] += n.told(n.way(nil, 0, (to+NetworkID(i)*15)%60, 0, false))
			}
		})
	}
	wg.Wait()
	alone := newBench(t, s).net
	for i, got := range found {
		want := ""
		for to := range NetworkID(60) {
			want += alone.told(alone.way(nil, 0, (to+NetworkID(i)*15)%60, 0, false))
		}
		if got != want {
			t.Errorf("worker %d: %s, alone %s", i, got, want)
		}
	}
}
