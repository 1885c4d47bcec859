package scenarios

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// networkFiles are testdata/network.toml and its rules, with edits of either.
func networkFiles(t testing.TB, edit ...string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{"network.toml", "edge.csv"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	for i := 0; i+1 < len(edit); i += 2 {
		found := false
		for _, f := range fsys { // order: an edit is made in one of the two
			if s := string(f.Data); !found && strings.Contains(s, edit[i]) {
				f.Data, found = []byte(strings.Replace(s, edit[i], edit[i+1], 1)), true
			}
		}
		if !found {
			t.Fatalf("network.toml and edge.csv have no %q", edit[i])
		}
	}
	return fsys
}

// networked reads testdata/network.toml.
func networked(t testing.TB, edit ...string) *Scenario {
	t.Helper()
	s, err := Parse(networkFiles(t, edit...), "network.toml", Options{})
	if err != nil {
		t.Fatalf("Parse(network.toml): %v", err)
	}
	return s
}

var equalAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func prefixes(words ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w))
	}
	return out
}

func addrs(words ...string) []netip.Addr {
	var out []netip.Addr
	for _, w := range words {
		out = append(out, netip.MustParseAddr(w))
	}
	return out
}

// ids of the test's places.
func ids(t testing.TB, s *Scenario, names ...string) []topology.NetworkID {
	t.Helper()
	var out []topology.NetworkID
	for _, name := range names {
		out = append(out, network(t, s.Plan(), name))
	}
	slices.Sort(out)
	return out
}

func boxOf(t testing.TB, s *Scenario, policy int, name string) topology.BoxSpec {
	t.Helper()
	spec := s.Spec(policy)
	i := slices.IndexFunc(spec.Boxes, func(b topology.BoxSpec) bool { return b.Name == name })
	if i < 0 {
		t.Fatalf("no box %q", name)
	}
	return spec.Boxes[i]
}

func legOf(t testing.TB, s *Scenario, name string) (topology.LegID, topology.LegSpec) {
	t.Helper()
	legs := s.Spec(0).Legs
	i := slices.IndexFunc(legs, func(l topology.LegSpec) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("no leg %q", name)
	}
	return topology.LegID(i), legs[i]
}

func TestNetworkPlaces(t *testing.T) {
	s := networked(t)
	spec := s.Spec(0)
	view := func(name string) topology.ViewID {
		i := slices.IndexFunc(spec.Views, func(v topology.ViewSpec) bool { return v.Name == name })
		if i < 0 {
			t.Fatalf("no view %q", name)
		}
		return topology.ViewID(i)
	}
	base := topology.NetworkSpec{InsideRouters: 1, InsideDelay: time.Millisecond / 2}
	with := func(change func(*topology.NetworkSpec)) topology.NetworkSpec {
		n := base
		change(&n)
		return n
	}
	for name, want := range map[string]topology.NetworkSpec{
		"lagos": with(func(n *topology.NetworkSpec) { n.Prefixes = prefixes("10.2.0.0/16", "2001:db8:2::/48") }),
		"dmz": with(func(n *topology.NetworkSpec) {
			n.Prefixes, n.TellsAbsent = prefixes("10.9.0.0/24", "2001:db8::/64"), true
		}),
		"carrier": base,
		"home": with(func(n *topology.NetworkSpec) {
			n.Prefixes, n.Access, n.HasView, n.View = prefixes("192.168.0.0/16"), []int{0, 1, 2}, true, view("public")
			n.Strangers = []topology.StrangerSpec{
				{Name: "home host of 10.0.0.0/24", Prefix: netip.MustParsePrefix("10.0.0.0/24"), AnswersEcho: true},
				{Name: "home host of 10.9.0.0/24", Prefix: netip.MustParsePrefix("10.9.0.0/24"), AnswersEcho: true},
			}
		}),
		"hotel": with(func(n *topology.NetworkSpec) {
			n.Prefixes, n.Access, n.HasView, n.View = prefixes("172.16.0.0/12"), []int{0, 1, 2}, true, view("hotel portal")
			n.Strangers = []topology.StrangerSpec{
				{Name: "hotel portal", Prefix: netip.MustParsePrefix("192.0.0.8/32"), AnswersEcho: true, AnswersTCP: true},
				{Name: "hotel host of 10.0.0.0/24", Prefix: netip.MustParsePrefix("10.0.0.0/24"), AnswersEcho: true},
				{Name: "hotel host of 10.9.0.0/24", Prefix: netip.MustParsePrefix("10.9.0.0/24"), AnswersEcho: true},
			}
		}),
		"vpn": with(func(n *topology.NetworkSpec) {
			n.Prefixes = prefixes("10.8.0.0/16")
			n.Tunneled = &topology.TunneledSpec{Underlay: network(t, s.Plan(), "home"), Into: ids(t, s, "paris", "lagos", "core", "dmz")}
		}),
		"shop": with(func(n *topology.NetworkSpec) {
			n.Prefixes, n.HasView, n.View = prefixes("10.7.0.0/16"), true, view("split")
		}),
	} {
		want.Name = name
		if diff := cmp.Diff(want, spec.Networks[network(t, s.Plan(), name)], equalAddresses); diff != "" {
			t.Errorf("place %s (-want +got):\n%s", name, diff)
		}
	}
	outside := map[string]bool{}
	for _, n := range s.Plan().Networks {
		outside[n.Name] = n.Outside
	}
	want := map[string]bool{
		"paris": false, "lagos": false, "carrier": true, "core": false, "dmz": false, "flat": true, "home": true,
		"hotel": true, "internet": true, "perimeter": true, "shop": false, "vpn": false,
	}
	if diff := cmp.Diff(want, outside); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

func TestNetworkNames(t *testing.T) {
	s := networked(t)
	want := []topology.ViewSpec{
		{
			Name: "public", Closed: true,
			Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.10")}, {Host: 1, Addrs: addrs("203.0.113.11", "2001:db8::2")}},
		},
		{Name: "split", Wildcard: netip.MustParseAddr("10.9.0.1"), Answers: []topology.NameAnswer{{Host: 3}}},
		{Name: "hotel portal", Wildcard: netip.MustParseAddr("192.0.0.8")},
	}
	if diff := cmp.Diff(want, s.Spec(0).Views, equalAddresses); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
	events := s.Plan().Events
	if len(events) != 2 || events[0].Kind != sim.NamesDown || events[0].View != 0 || events[1].Kind != sim.NamesUp || events[1].At != 9*time.Hour+30*time.Minute {
		t.Errorf("events: %+v", events)
	}
}

// TestPolicyChangesNames: what a policy says of a view is laid over it, answer
// by answer, under this policy and those that are like it.
func TestPolicyChangesNames(t *testing.T) {
	s := networked(t)
	base := s.Spec(0).Views
	want := slices.Clone(base)
	want[0] = topology.ViewSpec{
		Name: "public", Wildcard: netip.MustParseAddr("203.0.113.9"),
		Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.10")}, {Host: 1}, {Host: 3, Addrs: addrs("203.0.113.12")}},
	}
	if diff := cmp.Diff(want, s.Spec(1).Views, equalAddresses); diff != "" {
		t.Errorf("views under two (-want +got):\n%s", diff)
	}
	if !base[0].Closed || len(base[0].Answers) != 2 {
		t.Errorf("what two changes has changed one: %+v", base[0])
	}
	s = networked(t, "\n[relay]", "\n[policy.three]\nlike = \"two\"\nnames.public = { dmz-2 = \"203.0.113.11\" }\n[relay]")
	want[0].Answers[1].Addrs = addrs("203.0.113.11")
	if diff := cmp.Diff(want, s.Spec(2).Views, equalAddresses); diff != "" {
		t.Errorf("views under three, which is like two (-want +got):\n%s", diff)
	}
}

func TestNetworkHosts(t *testing.T) {
	s := networked(t)
	guard := func(name string) topology.GuardID {
		i := slices.IndexFunc(s.Spec(0).Boxes, func(b topology.BoxSpec) bool { return b.Name == name })
		return topology.GuardOf(topology.BoxID(i))
	}
	want := []topology.HostSpec{
		{Name: "dmz-1", Network: network(t, s.Plan(), "dmz"), Role: topology.Relay, Addrs: addrs("10.9.0.1", "2001:db8::1"), Guard: guard("defender")},
		{Name: "dmz-2", Network: network(t, s.Plan(), "dmz"), Role: topology.Relay, Addrs: addrs("10.9.0.2"), ListedAs: netip.MustParseAddr("203.0.113.11")},
		{Name: "paris-1", Network: network(t, s.Plan(), "paris"), Role: topology.Relay, Addrs: addrs("10.1.0.1")},
		{Name: "root", Network: network(t, s.Plan(), "core"), Role: topology.Root, Addrs: addrs("10.0.0.10"), ListedAs: netip.MustParseAddr("10.0.0.10"), Guard: guard("shut")},
	}
	if diff := cmp.Diff(want, s.Spec(0).Hosts, equalAddresses); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	for i := range s.Plan().Groups {
		g := &s.Plan().Groups[i]
		want := topology.GuardID(0)
		if slices.Contains([]string{"remote", "guest", "road"}, g.ID) {
			want = guard("defender")
		}
		if g.Guard != want {
			t.Errorf("guard of %s: %d, want %d", g.ID, g.Guard, want)
		}
	}
	if got := s.Plan().Relays[0].Address; got != "10.9.0.1" {
		t.Errorf("address of dmz-1: %q, want its first", got)
	}
}

// TestPlaceWithoutPrefix: it has the addresses of its hosts.
func TestPlaceWithoutPrefix(t *testing.T) {
	s := networked(t, `, prefix = ["10.0.0.0/24", "2001:db8:1::/48"]`, "", `, into = ["sites+core", "dmz"]`, "")
	n := s.Spec(0).Networks[network(t, s.Plan(), "core")]
	if diff := cmp.Diff(prefixes("10.0.0.10/32"), n.Prefixes, equalAddresses); diff != "" {
		t.Errorf("prefixes of core (-want +got):\n%s", diff)
	}
	if vpn := s.Spec(0).Networks[network(t, s.Plan(), "vpn")].Tunneled; vpn == nil || vpn.Into != nil {
		t.Errorf("vpn without into: %+v, want a full tunnel", vpn)
	}
}

func TestNetworkLegs(t *testing.T) {
	s := networked(t)
	ms := time.Millisecond
	for _, want := range []topology.LegSpec{
		{Name: "internet-cgn", Delay: ms / 2, Jitter: topology.Jitter{Law: topology.Pareto, Mean: 3 * ms}, Side: 1},
		{Name: "dmz-inner", Routers: 2, Metric: 5, Delay: ms / 2},
		{
			Name: "home-home-router", Routers: 1, Delay: 2 * ms, Jitter: topology.Jitter{Law: topology.Uniform, Mean: 5 * ms},
			Duplicates: rng.ChanceOf(0.001), Reordered: rng.ChanceOf(0.002),
		},
		{
			Name: "flat-home-router", Routers: 1, Delay: ms / 2,
			Duplicates: rng.ChanceOf(0.001), Reordered: rng.ChanceOf(0.002), ReorderedBy: 20 * ms,
		},
		{
			Name: "paris-wan", Routers: 7, Metric: 70, Delay: 6 * ms, Loss: rng.ChanceOf(0.01),
			Bursts:     &topology.Bursts{Slot: 100 * ms, Begin: rng.ChanceOf(0.5), End: rng.ChanceOf(0.5), Loss: rng.ChanceOf(0.25)},
			Duplicates: rng.ChanceOf(0.01), Reordered: rng.ChanceOf(0.02), ReorderedBy: 30 * ms,
		},
		{
			Name: "hotel-home-router", Routers: 1, Delay: ms / 2, Duplicates: rng.ChanceOf(0.001), Reordered: rng.ChanceOf(0.002),
			Bursts: &topology.Bursts{Slot: 250 * ms, Begin: rng.ChanceOf(0.0625), End: rng.ChanceOf(0.25), Loss: rng.Always},
		},
		{Name: "vpn-concentrator", Delay: ms / 2, Tunnel: &topology.TunnelSpec{Over: network(t, s.Plan(), "home"), Gateway: network(t, s.Plan(), "perimeter")}},
		{Name: "shop-concentrator", Routers: 2, Delay: ms / 2, Tunnel: &topology.TunnelSpec{Over: network(t, s.Plan(), "internet"), Gateway: network(t, s.Plan(), "perimeter")}},
		{Name: "shop-line", Routers: 6, Delay: ms / 2},
	} {
		_, got := legOf(t, s, want.Name)
		got.Network, got.Box = 0, 0
		if want.ReorderedBy == 0 {
			want.ReorderedBy = 10 * ms
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("leg %s (-want +got):\n%s", want.Name, diff)
		}
	}
}

// TestBurstsHaveTheirShare: the share of bad time and the length of bad spells
// are those of the model's stationary chain.
func TestBurstsHaveTheirShare(t *testing.T) {
	_, l := legOf(t, networked(t), "carrier-cgn")
	begin, end := float64(l.Bursts.Begin)/(1<<64), float64(l.Bursts.End)/(1<<64)
	if bad := begin / (begin + end); bad < 0.0099999 || bad > 0.0100001 {
		t.Errorf("bad %v of the time, want 0.01", bad)
	}
	if lasts := l.Bursts.Slot.Seconds() / end; lasts < 1.99999 || lasts > 2.00001 {
		t.Errorf("bad for %v s at a time, want 2", lasts)
	}
}

func TestNetworkRoutes(t *testing.T) {
	s := networked(t)
	back, _ := legOf(t, s, "core-second")
	shops, _ := legOf(t, s, "core-concentrator")
	want := []topology.RouteSpec{
		{At: network(t, s.Plan(), "core"), To: ids(t, s, "home", "flat"), Leg: back},
		{At: network(t, s.Plan(), "core"), To: ids(t, s, "shop", "vpn"), Leg: shops},
	}
	if diff := cmp.Diff(want, s.Spec(0).Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if s.Spec(0).Balance != topology.PerFlow {
		t.Errorf("balance %d, want per flow", s.Spec(0).Balance)
	}
}

// TestPolicyWithoutRoutes: a policy that is like another lacks the same routes,
// unless it says which.
func TestPolicyWithoutRoutes(t *testing.T) {
	s := networked(t, "\n[relay]", `
[policy.three]
like = "two"
[policy.four]
like = "two"
without_routes = ["shops", "back"]
[policy.five]
like = "two"
without_routes = []
[relay]`)
	all := s.Spec(0).Routes // back and shops
	for i, want := range [][]topology.RouteSpec{all, all[1:], all[1:], nil, all} {
		if diff := cmp.Diff(want, s.Spec(i).Routes); diff != "" {
			t.Errorf("routes under %s (-want +got):\n%s", s.Plan().Policies[i].Name, diff)
		}
	}
}

func TestNetworkTranslators(t *testing.T) {
	s := networked(t)
	for _, tc := range []struct {
		policy int
		box    string
		want   *topology.NATSpec
	}{
		{0, "home-router", &topology.NATSpec{Outside: 1, Mapping: topology.AddressDependent, Filtering: topology.AddressDependent, PerClient: true}},
		{0, "cgn", &topology.NATSpec{
			Outside: 1, Filtering: topology.AddressAndPortDependent, Mappings: 100000, PerHost: 64, Hairpin: true, DropsErrors: true,
			ErrorSource: topology.FromDestination,
			Pool:        addrs("198.51.100.0", "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6", "198.51.100.7", "198.51.100.20"),
		}},
		{0, "edge", &topology.NATSpec{
			Filtering: topology.AddressAndPortDependent, Pool: addrs("203.0.113.9"),
			Static: []topology.StaticNAT{{Public: netip.MustParseAddr("203.0.113.10"), Host: 0}, {Public: netip.MustParseAddr("203.0.113.12"), Host: 3}},
			Forwards: []topology.PortForward{
				{Public: netip.MustParseAddr("203.0.113.11"), Kinds: []topology.Kind{topology.TCP, topology.Reset}, Host: 1},
				{Public: netip.MustParseAddr("203.0.113.11"), Kinds: []topology.Kind{topology.UDP, topology.EchoRequest, topology.VPN}, Host: 0},
			},
		}},
		{0, "wan", nil},
		{1, "wan", &topology.NATSpec{Outside: 1, Filtering: topology.AddressAndPortDependent, Pool: addrs("10.0.0.200")}},
	} {
		if diff := cmp.Diff(tc.want, boxOf(t, s, tc.policy, tc.box).NAT, equalAddresses); diff != "" {
			t.Errorf("translator %s under policy %d (-want +got):\n%s", tc.box, tc.policy, diff)
		}
	}
	two := boxOf(t, s, 1, "edge").NAT
	if len(two.Static) != 3 || !two.Hairpin || !slices.Equal(two.Pool, addrs("203.0.113.14")) || len(two.Forwards) != 2 {
		t.Errorf("edge under two: %+v, want another static address and another pool, the rest as it was", two)
	}
}

func TestNetworkBoxes(t *testing.T) {
	s := networked(t)
	cgn, line, edge := boxOf(t, s, 0, "cgn"), boxOf(t, s, 0, "line"), boxOf(t, s, 0, "edge")
	want := topology.Lifetimes{TCP: topology.TCPTimeout, UDP: 5 * time.Minute, ICMP: topology.ICMPTimeout}
	if cgn.Lifetimes != want || cgn.Flows != 50000 || !cgn.EatsExpiring || cgn.Errors != nil || cgn.Otherwise != topology.Accept {
		t.Errorf("cgn: %+v", cgn)
	}
	if diff := cmp.Diff(topology.LinuxErrors(), line.Errors); diff != "" || line.ErrorsFrom != netip.MustParseAddr("198.51.100.99") {
		t.Errorf("line: errors from %v (-want +got):\n%s", line.ErrorsFrom, diff)
	}
	limits := &topology.ErrorLimit{
		PerDestination: &topology.Limit{PerSecond: 2, Burst: 3}, Global: &topology.Limit{PerSecond: 1000, Burst: 50},
	}
	echoFor := []topology.Match{{Hosts: []topology.HostID{0}}, {Prefixes: prefixes("203.0.113.0/28")}}
	if diff := cmp.Diff(limits, edge.Errors) + cmp.Diff(echoFor, edge.EchoFor, equalAddresses); diff != "" {
		t.Errorf("edge (-want +got):\n%s", diff)
	}
	two := boxOf(t, s, 1, "cgn")
	want.TCP = time.Hour
	if two.Lifetimes != want || two.Flows != 7 || two.Errors == nil {
		t.Errorf("cgn under two: %+v", two)
	}
}

// rulesOf are the rules of a box under a policy without their sources.
func rulesOf(t testing.TB, s *Scenario, policy int, box string) []topology.Rule {
	t.Helper()
	out := slices.Clone(boxOf(t, s, policy, box).Rules)
	for i := range out {
		out[i].Source = ""
	}
	return out
}

// TestPresets pins the tables of presets in docs/scenario.md.
func TestPresets(t *testing.T) {
	own := topology.Rule{FromSides: 1}
	kinds := func(k ...topology.Kind) topology.Rule { return topology.Rule{Kinds: k} }
	tcp, echo := kinds(topology.TCP, topology.Reset), kinds(topology.EchoRequest)
	for _, tc := range []struct {
		preset, kind string
		want         []topology.Rule
		otherwise    topology.Verdict
		related      bool
	}{
		{"allow-all", "stateful", nil, topology.Accept, true},
		{"allow-all", "stateless", nil, topology.Accept, false},
		{"tcp-only", "stateful", []topology.Rule{tcp}, topology.Drop, false},
		{"tcp-only", "host", []topology.Rule{own, tcp}, topology.Drop, false},
		{"echo-only", "stateful", []topology.Rule{echo}, topology.Drop, false},
		{"echo-only", "stateless", []topology.Rule{kinds(topology.EchoRequest, topology.EchoReply)}, topology.Drop, false},
		{"echo-and-time-exceeded", "stateful", []topology.Rule{echo}, topology.Drop, true},
		{"echo-and-time-exceeded", "stateless", []topology.Rule{kinds(topology.EchoRequest, topology.EchoReply, topology.TimeExceeded)}, topology.Drop, false},
		{"windows-defender-default", "host", []topology.Rule{own}, topology.Drop, true},
		{"closed", "stateful", nil, topology.Drop, false},
		{"closed", "host", []topology.Rule{own}, topology.Drop, false},
	} {
		between := `, between = ["home", "core"]`
		if tc.kind == "host" {
			between = ""
		}
		text := "extends = \"base.toml\"\n[box.extra]\nkind = \"" + tc.kind + "\"\npreset = \"" + tc.preset + "\"\n"
		text = strings.Replace(text, "[box.extra]\nkind", "[box]\nextra = { kind", 1)
		text = strings.Replace(text, "\"\npreset", "\", preset", 1)
		text = strings.TrimSuffix(text, "\n") + between + " }\n"
		s := overBase(t, text)
		box := boxOf(t, s, 0, "extra")
		got := rulesOf(t, s, 0, "extra")
		for i := range tc.want {
			tc.want[i].Name = tc.preset
		}
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || box.Otherwise != tc.otherwise || box.RelatedErrors != tc.related {
			t.Errorf("preset %s of a %s box: otherwise %v, related %v; rules (-want +got):\n%s", tc.preset, tc.kind, box.Otherwise, box.RelatedErrors, diff)
		}
	}
}

// overBase reads a scenario over testdata/base.toml.
func overBase(t testing.TB, text string) *Scenario {
	t.Helper()
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(fstest.MapFS{"base.toml": {Data: base}, "s.toml": {Data: []byte(text)}}, "s.toml", Options{})
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return s
}

// TestRulesStandInOrder: those of the file by number, those of the openings,
// those of the preset.
func TestRulesStandInOrder(t *testing.T) {
	s := networked(t)
	var got []string
	for _, r := range boxOf(t, s, 0, "edge").Rules {
		got = append(got, r.Name+" "+r.Source)
	}
	want := []string{
		"rule 10 edge.csv:3", "rule 10 edge.csv:3", "rule 10 edge.csv:3", "rule 10 edge.csv:3",
		"rule 20 edge.csv:2", "rule 20 edge.csv:2", "rule 40 edge.csv:5",
		"port network.toml:67", "tunnel network.toml:72", "ping network.toml:68",
	}
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], "network.toml")
	}
	for i := range want {
		want[i], _, _ = strings.Cut(want[i], "network.toml")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules of edge under one (-want +got):\n%s", diff)
	}
	var inner []string
	for _, r := range rulesOf(t, s, 1, "inner") {
		inner = append(inner, r.Name)
	}
	if want := []string{"port", "mixed", "mixed", "mixed", "mixed", "mixed", "mixed", "six", "tcp-only"}; !slices.Equal(slices.Compact(slices.Clone(inner)), slices.Compact(slices.Clone(want))) {
		t.Errorf("rules of inner under two: %q", inner)
	}
}

// TestRules pins what ends, services, sides and families come to.
func TestRules(t *testing.T) {
	s := networked(t)
	home, dmz, paris := ids(t, s, "home"), ids(t, s, "dmz"), ids(t, s, "paris")
	tcp := []topology.Kind{topology.TCP, topology.Reset}
	tcpEcho := []topology.Kind{topology.TCP, topology.EchoRequest, topology.Reset}
	icmp := []topology.Kind{topology.TCP, topology.EchoRequest, topology.EchoReply, topology.TimeExceeded, topology.Unreachable, topology.Reset}
	hosts := func(h ...topology.HostID) topology.Match { return topology.Match{Hosts: h} }
	relays := topology.Match{Networks: dmz, Roles: topology.Relay}
	homes := topology.Match{Prefixes: prefixes("192.168.0.0/16")}
	byName := func(box, name string, policy int) []topology.Rule {
		return slices.DeleteFunc(rulesOf(t, s, policy, box), func(r topology.Rule) bool { return r.Name != name })
	}
	for _, tc := range []struct {
		box, name string
		policy    int
		want      []topology.Rule
	}{
		{"edge", "rule 10", 0, []topology.Rule{
			{From: topology.Match{Networks: home}, To: hosts(0), Verdict: topology.Drop},
			{From: topology.Match{Networks: home}, To: topology.Match{Prefixes: prefixes("10.9.0.0/24")}, Verdict: topology.Drop},
			{From: homes, To: hosts(0), Verdict: topology.Drop},
			{From: homes, To: topology.Match{Prefixes: prefixes("10.9.0.0/24")}, Verdict: topology.Drop},
		}},
		// icmp is ICMP over IPv4, so the families differ.
		{"edge", "rule 20", 0, []topology.Rule{
			{To: relays, Kinds: tcpEcho, Families: topology.IPv4}, {To: relays, Kinds: tcp, Families: topology.IPv6},
		}},
		{"edge", "rule 40", 0, []topology.Rule{
			{From: topology.Match{Networks: dmz}, Kinds: []topology.Kind{topology.TimeExceeded}, Families: topology.IPv4, Untracked: true},
		}},
		{"edge", "rule 7", 1, []topology.Rule{{From: topology.Match{Networks: dmz}, Untracked: true}}},
		{"edge", "port", 0, []topology.Rule{{To: hosts(0, 1), Kinds: tcp}}},
		{"edge", "ping", 0, []topology.Rule{{To: relays, Kinds: tcpEcho, FromSides: 1, ToSides: 2}}},
		{"inner", "mixed", 0, []topology.Rule{
			{From: topology.Match{Networks: paris}, To: hosts(3), Kinds: icmp, Families: topology.IPv4, Untracked: true},
			{From: hosts(0), To: hosts(3), Kinds: icmp, Families: topology.IPv4, Untracked: true},
			{From: topology.Match{Prefixes: prefixes("10.2.0.0/16")}, To: hosts(3), Kinds: icmp, Families: topology.IPv4, Untracked: true},
			{From: topology.Match{Networks: paris}, To: hosts(3), Kinds: tcp, Families: topology.IPv6, Untracked: true},
			{From: hosts(0), To: hosts(3), Kinds: tcp, Families: topology.IPv6, Untracked: true},
			{From: topology.Match{Prefixes: prefixes("10.2.0.0/16")}, To: hosts(3), Kinds: tcp, Families: topology.IPv6, Untracked: true},
		}},
		{"inner", "six", 1, []topology.Rule{
			{From: topology.Match{Prefixes: prefixes("2001:db8:2::/48")}, Families: topology.IPv6, Verdict: topology.Reject, With: topology.TCPReset},
		}},
		{"edge", "web", 0, nil},
		{"edge", "tunnel", 0, []topology.Rule{
			{To: topology.Match{Networks: dmz}, Kinds: []topology.Kind{topology.VPN}, Verdict: topology.Reject, With: topology.PortUnreachable},
		}},
		{"defender", "console", 0, []topology.Rule{{From: hosts(3), Kinds: []topology.Kind{topology.UDP}}}},
	} {
		for i := range tc.want {
			tc.want[i].Name = tc.name
		}
		if diff := cmp.Diff(tc.want, byName(tc.box, tc.name, tc.policy), equalAddresses, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rules %q of %s under policy %d (-want +got):\n%s", tc.name, tc.box, tc.policy, diff)
		}
	}
}

// TestStatelessBoxesTrackNothing: "untracked" says nothing there.
func TestStatelessBoxesTrackNothing(t *testing.T) {
	s := overBase(t, `extends = "base.toml"
opening.port.untracked = true
[policy.more]
like = "echo"
box.edge = { kind = "stateless", rules = [{ no = 1, from = "any", to = "any", service = "any", action = "drop", stateful = false }] }
`)
	if r := rulesOf(t, s, 1, "edge"); !r[0].Untracked {
		t.Errorf("stateful edge: %+v, want port untracked", r)
	}
	for _, r := range rulesOf(t, s, 2, "edge") {
		if r.Untracked {
			t.Errorf("stateless edge: %+v", r)
		}
	}
}

// TestPartOfAPlace: a part of the addresses of a place where no clients are
// means the hosts that have them, or nobody.
func TestPartOfAPlace(t *testing.T) {
	s := overBase(t, `extends = "base.toml"
opening.port.to = "203.0.113.8/30"
opening.ping.to = "203.0.113.128/25"
`)
	got := rulesOf(t, s, 1, "edge")
	want := []topology.Rule{{Name: "port", To: topology.Match{Hosts: []topology.HostID{0, 1}}, Kinds: []topology.Kind{topology.TCP, topology.Reset}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestServices: what a service covers, whatever way it is written.
func TestServices(t *testing.T) {
	icmp := setOf(topology.EchoRequest, topology.EchoReply, topology.TimeExceeded, topology.Unreachable)
	for text, want := range map[string]service{
		"any":                  {everyKind, everyKind},
		"tcp/52311":            both(topology.TCP, topology.Reset),
		"tcp/any":              both(topology.TCP, topology.Reset),
		"tcp/1024-65535":       both(topology.TCP, topology.Reset),
		"tcp/443":              {},
		"udp/4500":             both(topology.VPN),
		"udp/0-65535":          both(topology.UDP, topology.VPN),
		"udp/any":              both(topology.UDP, topology.VPN),
		"icmp/any":             {v4: icmp},
		"icmpv6/any":           {v6: icmp},
		"icmp/8":               {v4: setOf(topology.EchoRequest)},
		"icmp/0":               {v4: setOf(topology.EchoReply)},
		"icmp/3":               {v4: setOf(topology.Unreachable)},
		"icmp/11":              {v4: setOf(topology.TimeExceeded)},
		"icmpv6/1":             {v6: setOf(topology.Unreachable)},
		"icmpv6/3":             {v6: setOf(topology.TimeExceeded)},
		"icmpv6/128":           {v6: setOf(topology.EchoRequest)},
		"icmpv6/129":           {v6: setOf(topology.EchoReply)},
		"icmpv6/135":           {},
		"icmpv6/time-exceeded": {v6: setOf(topology.TimeExceeded)},
		"icmp/echo-request":    {v4: setOf(topology.EchoRequest)},
	} {
		if got, ok := parseService(text); !ok || got != want {
			t.Errorf("service %q covers %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "tcp", "tcp/", "tcp/65536", "tcp/9-1", "tcp/1-", "tcp/reset", "icmp/256", "icmp/ping", "gre", "any/any", "udp/-1"} {
		if got, ok := parseService(text); ok {
			t.Errorf("service %q covers %+v, want an error", text, got)
		}
	}
}

// TestFamiliesMatterWithIPv6Alone: without IPv6 a rule is one for all.
func TestFamiliesMatterWithIPv6Alone(t *testing.T) {
	s := overBase(t, `extends = "base.toml"
opening.port.service = ["tcp/52311", "icmp/echo-request"]
`)
	if got := rulesOf(t, s, 1, "edge"); len(got) != 2 || got[0].Families != 0 {
		t.Errorf("rules without IPv6: %+v, want one for each opening, of either family", got)
	}
}

// TestManySides: a box may have up to eight sides, and zones are sides.
func TestManySides(t *testing.T) {
	f := &faults{}
	src := newSource(networkFiles(t,
		`between = ["internet", "dmz"]`, `between = ["internet", "dmz", "hall", "lab"]`,
		"[place]\n", "[place]\nhall = {}\nlab = { hops_to_dmz = 3 }\n",
		`side_from = "internet", side_to = "dmz"`, `side_from = "hall+lab", side_to = "dmz"`))
	root, ok := parse(src, "network.toml", f)
	if !ok {
		t.Fatal(f.err())
	}
	resolve(src, root, f)
	b := bind(root, "network", f)
	if err := f.err(); err != nil {
		t.Fatal(err)
	}
	sides := map[string]uint8{}
	for i := range b.legs {
		if l := &b.legs[i]; b.boxes[l.Box].name == "edge" {
			sides[l.Name] = l.Side
		}
		if b.legs[i].Name == "lab-edge" && b.legs[i].Routers != 3 {
			t.Errorf("lab-edge has %d routers, want 3: edge lies between lab and dmz", b.legs[i].Routers)
		}
	}
	if diff := cmp.Diff(map[string]uint8{"internet-edge": 0, "dmz-edge": 1, "hall-edge": 2, "lab-edge": 3}, sides); diff != "" {
		t.Errorf("sides (-want +got):\n%s", diff)
	}
	if r := b.openings["ping"].rulesAt(b.openings["ping"].boxes[0].box)[0]; r.FromSides != 0b1100 || r.ToSides != 0b10 {
		t.Errorf("ping from sides %b to %b, want 1100 and 10", r.FromSides, r.ToSides)
	}
}

// TestNetworkOrderMeansNothing: tables, lists of addresses and rows may be
// written in any order; rows have numbers.
func TestNetworkOrderMeansNothing(t *testing.T) {
	a := networked(t)
	b := networked(t,
		`prefix = ["10.0.0.0/24", "2001:db8:1::/48"]`, `prefix = ["2001:db8:1::/48", "10.0.0.0/24"]`,
		`reuses = ["10.0.0.0/24", "10.9.0.0/24"]`, `reuses = ["10.9.0.0/24", "10.0.0.0/24"]`,
		`into = ["sites+core", "dmz"]`, `into = "dmz+core+sites"`,
		"back  = { at = \"core\", to = \"home+flat\", over = \"second\" }\n", "",
		"[names]\n", "back = { at = \"core\", to = [\"flat\", \"home\"], over = \"second\" }\n\n[names]\n",
		"split  = { \"*\" = \"10.9.0.1\", root = \"none\" }\n", "",
		"[names]\n", "[names]\nsplit = { root = \"none\", \"*\" = \"10.9.0.1\" }\n",
		`pool = ["198.51.100.0/29", "198.51.100.20"]`, `pool = ["198.51.100.20", "198.51.100.4/30", "198.51.100.0/30"]`,
		`"203.0.113.10" = "dmz-1", "203.0.113.12" = "root"`, `"203.0.113.12" = "root", "203.0.113.10" = "dmz-1"`,
		`"dmz-1+10.2.0.0/16+paris"`, `"paris+dmz-1+10.2.0.0/16"`,
		"reject-host,30,any,any,tcp/443,no\n", "",
		"Stateful\n", "Stateful\nreject-host,30,any,any,tcp/443,no\n",
	)
	if diff := samePlan(t, a, b); diff != "" {
		t.Errorf("plan of the reordered scenario (-want +got):\n%s", diff)
	}
	c := networked(t, "accept,20,any", "accept,5,any")
	if samePlan(t, a, c) == "" {
		t.Error("the number of a rule changes nothing")
	}
}

// TestPoliciesOfBoxesDiffer: a policy that changes what a box translates or
// tracks is not like another but for parameters.
func TestPoliciesOfBoxesDiffer(t *testing.T) {
	for _, box := range []string{"flows = 5", `lifetimes = { udp = "2m" }`, "eats_expiring = true", `nat = { outside = "home", per_client = true }`, `icmp_errors = "linux"`} {
		s := overBase(t, "extends = \"base.toml\"\n[policy.more]\nlike = \"echo\"\nmodel = { retry_growth = 2 }\nbox.edge = { "+box+" }\n")
		if p := s.Plan().Policies[2]; p.Like != -1 {
			t.Errorf("policy with %s is like %d, want none", box, p.Like)
		}
	}
}

// TestPoliciesOfNamesAndRoutesDiffer: nor is one that changes what names resolve
// to, or which routes there are. Saying the same again is no change.
func TestPoliciesOfNamesAndRoutesDiffer(t *testing.T) {
	for _, tc := range []struct {
		change string
		like   int
	}{
		{`names.public = { dmz-1 = "none" }`, -1},
		{`names.public = { "*" = "none" }`, -1},
		{`without_routes = ["out"]`, -1},
		{`names.public = { dmz-1 = "203.0.113.10" }`, 1},
		{`without_routes = []`, 1},
	} {
		s := overBase(t, `extends = "base.toml"
[place]
home.names = "public"
[names]
public = { dmz-1 = "203.0.113.10" }
[route]
out = { at = "dmz", to = "home", over = "edge" }
[policy.more]
like = "echo"
model = { retry_growth = 2.5 }
`+tc.change+"\n")
		if p := s.Plan().Policies[2]; p.Like != tc.like {
			t.Errorf("policy with %s is like %d, want %d", tc.change, p.Like, tc.like)
		}
	}
}

// A target is found by any of its own addresses, however it is spelled, and by
// a public address that leads to it alone.
func TestFindTarget(t *testing.T) {
	s := parsed(t, `
title = "targets"
[place]
core = { hosts = ["root"], prefix = "10.0.0.0/24" }
dmz = { prefix = ["10.1.0.0/24", "2001:db8::/64"] }
out = { prefix = "198.51.100.0/24" }
[box.fw]
between = ["out", "dmz", "core"]
kind = "stateful"
[box.fw.nat]
outside = "out"
pool = "203.0.113.1"
static = { "203.0.113.10" = "d1" }
forward = [
  { public = "203.0.113.1", service = "tcp/52311", to = "d2" },
  { public = "203.0.113.2", service = "tcp/52311", to = "d1" },
  { public = "203.0.113.2", service = "udp/52311", to = "d2" },
]
[policy]
a = []
[relay]
d1 = { place = "dmz", address = ["10.1.0.10", "2001:db8::10"] }
d2 = { place = "dmz", address = "10.1.0.11" }
[group.g]
count = 3
life = "always-on"
at = "out"
`)
	for address, want := range map[string]string{
		"10.1.0.10": "d1", "2001:db8::10": "d1", "2001:0DB8:0::0010": "d1", "::ffff:10.1.0.11": "d2",
		"203.0.113.10": "d1", "203.0.113.1": "d2", "d2": "d2", "203.0.113.2": "", "10.1.0.12": "",
	} {
		id, err := FindTarget(s.Plan(), address)
		if want == "" {
			if err == nil {
				t.Errorf("FindTarget(%s) = %d, want an error", address, id)
			}
			continue
		}
		if err != nil || s.Plan().Relays[id].Name != want {
			t.Errorf("FindTarget(%s) = %d, %v; want %s", address, id, err, want)
		}
	}
}
