package topology

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is wrong with a Spec is reported all at once and in its order.
func TestCompileReportsEverything(t *testing.T) {
	s := company()
	s.Networks[home].Access[1] = -1
	s.Networks[core].Name = "dmz"
	s.Networks[paris].InsideRouters = 256
	s.Networks[paris].InsideDelay = -ms
	s.Networks[lyon].Name = ""
	s.Boxes[edge] = BoxSpec{Name: "edge", Kind: 9, Otherwise: 7, Drops: []Kind{NumKinds}, Rules: []Rule{{
		Name: "r",
		From: Match{Networks: []NetworkID{6}, Hosts: []HostID{0, AnyHost}, Roles: 1 << 7}, Kinds: []Kind{200}, Verdict: 3,
		Limit: &Limit{PerSecond: -5, Burst: 1},
	}}}
	s.Boxes[inner].Name = "edge"
	s.Boxes[wan].Rules = []Rule{{}}
	s.Legs[homeEdge].Network, s.Legs[homeEdge].Box = NoNetwork, 3
	s.Legs[edgeDMZ].Side = 8
	s.Legs[dmzInner].Routers, s.Legs[dmzInner].Delay = -1, -1
	s.Legs[wanLyon].Name = "paris-wan"
	s.Hosts[root].Role = Client
	s.Hosts[paris1].Network = 6
	s.Hosts[island1].Name = "root"
	want := []string{
		`network "home": access variant 1: routers -1 is outside [0, 255]`,
		`network "dmz": defined twice`,
		`network "paris": inside routers 256 is outside [0, 255]`,
		`network "paris": inside delay -1ms is negative`,
		`network "": name is empty`,
		`box "edge": unknown kind of box 9`,
		`box "edge": otherwise: unknown verdict 7`,
		`box "edge": drops: unknown kind of packet 8`,
		`box "edge": rule 0 "r": from: network 6 does not exist (6 networks)`,
		`box "edge": rule 0 "r": from: host 4294967295 does not exist (4 hosts)`,
		`box "edge": rule 0 "r": from: unknown roles 0x80`,
		`box "edge": rule 0 "r": unknown kind of packet 200`,
		`box "edge": rule 0 "r": unknown verdict 3`,
		`box "edge": rule 0 "r": limit of -5 a second with a burst of 1 is out of range`,
		`box "edge": defined twice`,
		`box "wan": a routed box has no rules, not 1`,
		`leg "home-edge": network 65535 does not exist (6 networks)`,
		`leg "home-edge": box 3 does not exist (3 boxes)`,
		`leg "edge-dmz": side 8 is outside [0, 7]`,
		`leg "dmz-inner": routers -1 is outside [0, 255]`,
		`leg "dmz-inner": delay -1ns is negative`,
		`leg "paris-wan": defined twice`,
		`host "root": role 1 is neither relay nor root`,
		`host "paris-1": network 6 does not exist (6 networks)`,
		`host "root": defined twice`,
	}
	_, err := Compile(s)
	if err == nil {
		t.Fatal("Compile accepted it")
	}
	if d := cmp.Diff(want, strings.Split(err.Error(), "\n")); d != "" {
		t.Errorf("errors (-want +got):\n%s", d)
	}
}

func TestCompileRefusesMoreThanIDsCanNumber(t *testing.T) {
	s := &Spec{Legs: make([]LegSpec, int(NoLeg)+1)}
	if _, err := Compile(s); err == nil || !strings.Contains(err.Error(), "65536 legs (at most 65535)") {
		t.Errorf("Compile: %.80v", err)
	}
}

func TestCompileOfNothing(t *testing.T) {
	if _, err := Compile(&Spec{}); err != nil {
		t.Errorf("Compile of an empty Spec: %v", err)
	}
}

// The Network keeps no reference to its Spec.
func TestCompileCopies(t *testing.T) {
	s := company()
	s.guard(edge, Stateless, Rule{To: Match{Hosts: []HostID{dmz1}}, Kinds: []Kind{TCP}, Limit: &Limit{PerSecond: 1, Burst: 1}})
	b := newBench(t, s)
	s.Networks[home].Access[0] = 9
	r := &s.Boxes[edge].Rules[0]
	r.To.Hosts[0], r.Kinds[0], r.Verdict, r.Limit.Burst = root, UDP, Drop, 0
	s.Legs[homeEdge].Routers = 100
	p, res := b.send(dmz1, TCP, homeToDMZ+1)
	if res.End != Delivered {
		t.Errorf("after changes to the Spec %v to %v ends %v", p.Kind, p.Dst, res.End)
	}
}

func TestNames(t *testing.T) {
	b := newBench(t, company())
	n := b.net
	got := []string{n.NetworkName(paris), n.BoxName(inner), n.BoxName(NoBox), n.HostName(root), n.LegName(wanLyon), Kind(99).String(), End(99).String()}
	want := []string{"paris", "inner", "", "root", "lyon-wan", "Kind(99)", "End(99)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	for id := range wanLyon + 1 {
		if got, ok := n.LegByName(n.LegName(id)); !ok || got != id {
			t.Errorf("LegByName(%q) = %d, %v", n.LegName(id), got, ok)
		}
	}
	if id, ok := n.LegByName("nowhere"); ok {
		t.Errorf("LegByName(nowhere) = %d", id)
	}
	if name, source := n.RuleName(edge, -1); name != "" || source != "" {
		t.Errorf("RuleName of a default = %q, %q", name, source)
	}
}

func TestEndpoints(t *testing.T) {
	n := newBench(t, company()).net
	if got, want := n.Host(root), (Endpoint{At: Attachment{Network: core}, Host: root, Role: Root}); got != want {
		t.Errorf("Host = %+v, want %+v", got, want)
	}
	a := Attachment{Network: home, Access: 1}
	if got, want := n.Client(a, 5), (Endpoint{At: a, Host: AnyHost, Role: Client, Source: 5}); got != want {
		t.Errorf("Client = %+v, want %+v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("a client with an access variant that does not exist")
		}
	}()
	n.Client(Attachment{Network: home, Access: 2}, 0)
}

func TestReachable(t *testing.T) {
	s := company()
	s.guard(edge, Stateful)
	n := newBench(t, s).net
	for _, tc := range []struct {
		a, b NetworkID
		want bool
	}{{home, paris, true}, {paris, home, true}, {home, island, false}, {island, island, true}} {
		if got := n.Reachable(tc.a, tc.b); got != tc.want {
			t.Errorf("Reachable(%s, %s) = %v", n.NetworkName(tc.a), n.NetworkName(tc.b), got)
		}
	}
}

// Of ways with equally many routers the one over fewer legs is taken, of those
// the one whose legs come first by name.
func TestTies(t *testing.T) {
	for _, tc := range []struct {
		name          string
		first, second string // names of the legs from a to two boxes
		third         int    // routers on the leg to the third, or -1
		want          string
	}{
		{"by name", "a-x", "a-y", 9, "a-x"},
		{"by name, declared second", "a-y", "a-x", 9, "a-x"},
		{"routers before names", "a-y", "a-x", 0, "third"},
	} {
		s := &Spec{
			Networks: []NetworkSpec{{Name: "a"}, {Name: "b"}},
			Boxes:    []BoxSpec{{Name: "1"}, {Name: "2"}, {Name: "3"}},
			Legs: []LegSpec{
				{Name: tc.first, Network: 0, Box: 0, Routers: 1},
				{Name: tc.second, Network: 0, Box: 1, Routers: 1},
				{Name: "third", Network: 0, Box: 2, Routers: tc.third},
				{Name: "b-1", Network: 1, Box: 0, Side: 1},
				{Name: "b-2", Network: 1, Box: 1, Side: 1},
				{Name: "b-3", Network: 1, Box: 2, Side: 1},
			},
		}
		n := newBench(t, s).net
		way, _ := n.way(nil, 0, 1, 0, false)
		if got := n.LegName(way[0].in); got != tc.want {
			t.Errorf("%s: over %s, want %s", tc.name, got, tc.want)
		}
	}
}

// Without a difference in routers, a way through no other network is taken
// before one whose legs come first by name.
func TestTiesByLegs(t *testing.T) {
	s := &Spec{
		Networks: []NetworkSpec{{Name: "a"}, {Name: "between"}, {Name: "c"}},
		Boxes:    []BoxSpec{{Name: "1"}, {Name: "2"}, {Name: "3"}},
		Legs: []LegSpec{
			{Name: "1", Network: 0, Box: 0},
			{Name: "2", Network: 1, Box: 0, Side: 1},
			{Name: "3", Network: 1, Box: 1},
			{Name: "4", Network: 2, Box: 1, Side: 1},
			{Name: "5", Network: 0, Box: 2},
			{Name: "6", Network: 2, Box: 2, Side: 1},
		},
	}
	n := newBench(t, s).net
	if steps, _ := n.way(nil, 0, 2, 0, false); len(steps) != 1 || steps[0].box != 2 {
		t.Errorf("path %+v, want the one over box 3 alone", steps)
	}
}

// Ties are broken as seen from the network where the way begins.
func TestTiesAreSeenFromTheRequester(t *testing.T) {
	s := &Spec{
		Networks: []NetworkSpec{{Name: "a"}, {Name: "m"}, {Name: "n"}, {Name: "z"}},
		Boxes:    []BoxSpec{{Name: "1"}, {Name: "2"}, {Name: "3"}, {Name: "4"}},
	}
	of := map[string]NetworkID{"a": 0, "m": 1, "n": 2, "z": 3}
	for i, l := range []struct{ name, from, to string }{{"1", "a", "m"}, {"2", "a", "n"}, {"9", "z", "m"}, {"8", "z", "n"}} {
		s.Legs = append(s.Legs, LegSpec{Name: l.name, Network: of[l.from], Box: BoxID(i)},
			LegSpec{Name: l.name + "'", Network: of[l.to], Box: BoxID(i), Side: 1})
	}
	n := newBench(t, s).net
	for _, tc := range []struct{ from, to, want string }{{"a", "z", "1"}, {"z", "a", "8"}} {
		way, _ := n.way(nil, of[tc.from], of[tc.to], 0, false)
		if got := n.LegName(way[0].in); got != tc.want {
			t.Errorf("from %s to %s over leg %s, want %s", tc.from, tc.to, got, tc.want)
		}
	}
}

// enterprise is a hub with many sites behind two routed networks, and an
// outside: the shape of a large scenario.
func enterprise(sites int) *Spec {
	s := company()
	for i := range sites {
		id := NetworkID(len(s.Networks))
		name := fmt.Sprintf("site-%03d", i)
		s.Networks = append(s.Networks, NetworkSpec{Name: name, Access: []int{0, 1, 2}})
		s.Legs = append(s.Legs, LegSpec{Name: name + "-wan", Network: id, Box: wan, Routers: 1 + i%9, Delay: ms})
		s.Hosts = append(s.Hosts, HostSpec{Name: "relay-" + name, Network: id, Role: Relay})
	}
	return s
}
