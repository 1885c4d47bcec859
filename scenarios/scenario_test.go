package scenarios

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

func load(t testing.TB, name string, o Options) *Scenario {
	t.Helper()
	s, err := Load(name, o)
	if err != nil {
		t.Fatalf("Load(%q): %v", name, err)
	}
	return s
}

func TestShippedScenariosLoadWithoutWarnings(t *testing.T) {
	want := []string{
		"branch-outage", "cgn-homes", "hotel-portal", "internet-relays",
		"morning-storm", "split-dns", "two-firewalls", "vpn-tunnels",
	}
	if got := Names(); !slices.Equal(got, want) {
		t.Fatalf("Names() = %q, want %q", got, want)
	}
	for _, name := range Names() {
		p := load(t, name, Options{}).Plan()
		if len(p.Warnings) > 0 {
			t.Errorf("warnings of %s: %q, want none", name, p.Warnings)
		}
		if p.Name != name || p.Title == "" || p.Title != Title(name) || len(p.Hash) != 64 {
			t.Errorf("%s: name %q, title %q, listed as %q, hash %q", name, p.Name, p.Title, Title(name), p.Hash)
		}
		goals := 0
		for _, e := range p.Expectations {
			if e.Goal {
				goals++
			}
		}
		if goals == 0 || goals == len(p.Expectations) {
			t.Errorf("%s has %d goals of %d expectations, want both goals and findings", name, goals, len(p.Expectations))
		}
	}
}

func clientsByLabel(p *sim.Plan) map[string]int {
	out := map[string]int{}
	for _, g := range p.Groups {
		out[p.Labels[g.Label]] += g.Count
	}
	return out
}

// TestInternetRelays holds the shipped scenario against the story that it
// tells.
func TestInternetRelays(t *testing.T) {
	p := load(t, "internet-relays", Options{}).Plan()
	if diff := cmp.Diff(map[string]int{"desktop": 2000, "laptop": 4000, "remote": 400}, clientsByLabel(p)); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	if len(p.Relays) != 12+2+1 {
		t.Errorf("%d hosts, want 12 inner relays, 2 in the DMZ and the root", len(p.Relays))
	}
	var policies []string
	for _, x := range p.Policies {
		policies = append(policies, x.Name)
	}
	want := []string{
		"closed", "tcp-only", "tcp-only-failover", "tcp-only-failover-list", "tcp-only-random",
		"echo", "echo-and-expired", "echo-and-expired-limited", "inbound-only-stateless",
	}
	if diff := cmp.Diff(want, policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if random := p.Policies[4]; random.Like != 1 || !slices.Equal(random.Changed, []string{"exhaust_policy=random"}) {
		t.Errorf("tcp-only-random is like %d but for %q, want tcp-only but for the exhaust policy", random.Like, random.Changed)
	}
	var events []string
	for _, e := range p.Events {
		events = append(events, fmt.Sprintf("%s %s", formatSpan(e.At), e.Text))
	}
	wantEvents := []string{
		"2d9h dmz-1 down (host) for 6h", "2d15h dmz-1 up", "4d10h london-1 down (service) for 8h", "4d18h london-1 up",
	}
	if diff := cmp.Diff(wantEvents, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func network(t testing.TB, p *sim.Plan, name string) topology.NetworkID {
	t.Helper()
	i := slices.IndexFunc(p.Networks, func(n sim.NetworkPlan) bool { return n.Name == name })
	if i < 0 {
		t.Fatalf("no network %q", name)
	}
	return topology.NetworkID(i)
}

// TestDistances: the routers between clients and relays are those that the
// file states, whichever way it states them.
func TestDistances(t *testing.T) {
	p := load(t, "internet-relays", Options{}).Plan()
	for _, tc := range []struct {
		from   string
		access uint16
		to     string
		want   int
	}{
		{"paris", 0, "paris-1", 1},
		{"paris", 0, "lisbon-1", 3 + 9},
		{"paris", 0, "root", 3},
		{"paris", 0, "dmz-1", 3 + 1 + 2}, // the inner firewall is a hop
		{"home", 0, "dmz-1", 8 + 1 + 2},
		{"home", 6, "dmz-2", 14 + 1 + 2},
		{"hotel", 7, "dmz-1", 17 + 1 + 2},
		{"home", 0, "root", 8 + 1 + 2 + 2 + 1},
	} {
		h := slices.IndexFunc(p.Relays, func(r sim.RelayPlan) bool { return r.Name == tc.to })
		a := topology.Attachment{Network: network(t, p, tc.from), Access: tc.access}
		got, ok := p.Policies[0].Network.Hops(a, topology.HostID(h))
		if !ok || got != tc.want {
			t.Errorf("Hops(%s/%d, %s) = %d, %v, want %d", tc.from, tc.access, tc.to, got, ok, tc.want)
		}
	}
}

func TestBranchOutage(t *testing.T) {
	p := load(t, "branch-outage", Options{}).Plan()
	relays := map[string]int{}
	for _, r := range p.Relays {
		switch {
		case r.Root:
		case strings.HasPrefix(r.Name, "hub-"):
			relays["hub"]++
			if !slices.Equal(r.Advertise, []string{p.Networks[r.Network].Name, "HUB"}) {
				t.Errorf("relay %s advertises %q, want its site and HUB", r.Name, r.Advertise)
			}
		default:
			relays["branch"]++
		}
	}
	if relays["hub"] != 20 || relays["branch"] != 60 {
		t.Errorf("relays: %v, want 20 in hubs and 60 in branches", relays)
	}
	down := 0
	for _, e := range p.Events {
		if e.Kind == sim.HostDown {
			down++
		}
	}
	if down != 14 {
		t.Errorf("%d relays fail, want the 10 of a hub and 4 of branches", down)
	}
}

// TestRichPlan pins what the less usual keys come to.
func TestRichPlan(t *testing.T) {
	s := rich(t)
	p := s.Plan()
	if got := clientsByLabel(p); !cmp.Equal(got, map[string]int{"pc": 15, "laptop": 16, "kiosk": 4, "visitor": 4, "temp": 1, "bare": 2}) {
		t.Errorf("clients: %v", got)
	}
	if want := []time.Duration{15 * time.Minute, 45 * time.Minute, time.Hour}; !slices.Equal(p.FoundBounds, want) {
		t.Errorf("FoundBounds = %v, want %v", p.FoundBounds, want)
	}
	outside := map[string]bool{}
	for _, n := range p.Networks {
		outside[n.Name] = n.Outside
	}
	if want := map[string]bool{"rome": false, "oslo": false, "cafe": false, "core": false, "dmz": false, "home": true}; !cmp.Equal(outside, want) {
		t.Errorf("outside: %v, want %v", outside, want)
	}
	g := slices.IndexFunc(p.Groups, func(g sim.GroupPlan) bool { return g.ID == "laptop/oslo" })
	if got := p.Policies[1].Settings[g]; got.SeekList != "oslo;NORTH;DMZ" || got.Failover != "r-1" || !got.Automatic {
		t.Errorf("settings of laptop/oslo under more: %+v", got)
	}
	if got := p.Policies[0].Settings[g]; got.SeekList != "oslo" || got.Failover != "" {
		t.Errorf("settings of laptop/oslo under none: %+v", got)
	}
	if most := p.Policies[2]; most.Like != -1 || !slices.Equal(most.Openings, []string{"down", "port", "ping", "slow", "flood"}) {
		t.Errorf("most: like %d, openings %q", most.Like, most.Openings)
	}
	if less := p.Policies[3]; less.Like != 1 || !slices.Equal(less.Changed, []string{"retry_growth=2"}) {
		t.Errorf("less: like %d but for %q, want more but for retry_growth", less.Like, less.Changed)
	}
	root := p.Relays[len(p.Relays)-1]
	if !root.Root || !root.Unlisted || root.Name != "hq" || !root.Unweighted {
		t.Errorf("root: %+v", root)
	}
	if r := p.Relays[0]; r.Weight != 50 || r.Unweighted || r.Priority != 1 || !slices.Equal(r.Advertise, []string{"rome"}) {
		t.Errorf("r-1: %+v", r)
	}
	if r := p.Relays[1]; r.Weight != 80 || !slices.Equal(r.Advertise, []string{"oslo", "NORTH"}) {
		t.Errorf("r-2: %+v, want the weight of \"*\"", r)
	}
	checkRichBoxes(t, s)
	checkRichLegs(t, s)
}

func checkRichLegs(t *testing.T, s *Scenario) {
	t.Helper()
	ms := time.Millisecond
	legs := map[string]topology.LegSpec{}
	for _, l := range s.Spec(0).Legs {
		legs[l.Name] = l
	}
	for _, tc := range []struct {
		name    string
		routers int
		delay   time.Duration
		loss    float64
	}{
		{"home-edge", 8, 35 * ms / 2, 0.01},
		{"cafe-edge", 8, 35 * ms / 2, 0.05},
		{"dmz-edge", 1, ms / 2, 0},
		{"dmz-inner", 2, ms / 2, 0},
		{"core-inner", 0, ms / 2, 0},
		{"core-wan", 1, ms / 2, 0},
		{"rome-wan", 2, 9 * ms / 2, 0},
		{"oslo-wan", 3, ms / 2, 0},
	} {
		l, ok := legs[tc.name]
		if !ok || l.Routers != tc.routers || l.Delay != tc.delay || l.Loss != rng.ChanceOf(tc.loss) {
			t.Errorf("leg %s: %+v, want %d routers, %v, loss %v", tc.name, l, tc.routers, tc.delay, tc.loss)
		}
		delete(legs, tc.name)
	}
	if len(legs) > 0 {
		t.Errorf("more legs: %v", legs)
	}
	for name, want := range map[string]topology.NetworkSpec{
		"oslo": {Name: "oslo", InsideRouters: 2, InsideDelay: ms / 2, InsideLoss: rng.ChanceOf(0.001), Access: []int{0, 1}},
		"dmz":  {Name: "dmz", InsideRouters: 1, InsideDelay: ms, Prefixes: prefixes("192.0.2.0/24", "2001:db8::/64")},
		"home": {Name: "home", InsideRouters: 1, InsideDelay: ms / 2, Access: []int{0, 1, 2, 3, 4, 5, 6}},
	} {
		if diff := cmp.Diff(want, s.Spec(0).Networks[network(t, s.Plan(), name)], equalAddresses); diff != "" {
			t.Errorf("place %s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLives pins the defaults of each life and what overrides them.
func TestLives(t *testing.T) {
	p := rich(t).Plan()
	lives := map[string]sim.Life{}
	away := map[string][]sim.AwayPlan{}
	for _, g := range p.Groups {
		lives[g.ID], away[g.ID] = g.Life, g.Away
	}
	h, m := time.Hour, time.Minute
	for id, want := range map[string]sim.Life{
		"pc/rome": {Name: "desktop", Days: 0x1d, OfficeFrom: 7 * h, OfficeTo: 15 * h, Jitter: 30 * m},
		"laptop/oslo": {
			Name: "office-laptop", Days: 0x1d, OfficeFrom: 7 * h, OfficeTo: 15 * h, Jitter: 30 * m, AwayDay: 0.2,
			Evening: 0.25, EveningFrom: 19 * h, EveningTo: 22*h + 30*m, Weekend: 0.3, WeekendFrom: 11 * h, WeekendTo: 12 * h,
		},
		"kiosk": {Name: "always-on", Always: true, StartSpread: 5 * m},
		"temp":  {Name: "always-on", Always: true, StartSpread: h},
	} {
		if diff := cmp.Diff(want, lives[id]); diff != "" {
			t.Errorf("life of %s (-want +got):\n%s", id, diff)
		}
	}
	want := []sim.AwayPlan{{Network: network(t, p, "cafe"), Weight: 1e6}, {Network: network(t, p, "home"), Weight: 2e6}}
	if diff := cmp.Diff(want, away["laptop/rome"]); diff != "" || away["kiosk"] != nil {
		t.Errorf("away (-want +got):\n%s, of kiosk %v", diff, away["kiosk"])
	}
}

// TestExpectations pins how the parts of expectations are read.
func TestExpectations(t *testing.T) {
	p := rich(t).Plan()
	byText := map[string]sim.Expectation{}
	for _, e := range p.Expectations {
		byText[e.Text] = e
	}
	label := func(name string) int { return slices.Index(p.Labels, name) }
	for text, want := range map[string]sim.Expectation{
		"kiosk: found_within 45m >= 99%": {
			Goal: true, Policy: 1, Other: -1, Measure: sim.FoundWithin, Within: 45 * time.Minute,
			By: -1, Reason: -1, Relay: -1, Op: sim.GE, Value: 0.99, Percent: true,
			Subject: sim.Subject{Slots: slotsOf(p, label("kiosk"), "rome", "oslo", "cafe", "core", "dmz", "home")},
		},
		"hq: load peak = 0": {
			Goal: true, Policy: 1, Other: -1, Measure: sim.Load, Stat: sim.StatPeak, By: -1, Reason: -1, Relay: -1, Op: sim.EQ,
			Subject: sim.Subject{Kind: sim.OneRelay, Relay: len(p.Relays) - 1},
		},
		"laptop at sites+home: selected_by probe >= 0.5": {
			Goal: true, Policy: 1, Other: -1, Measure: sim.SelectedBy, By: int(selection.ByProbe), Reason: -1, Relay: -1, Op: sim.GE, Value: 0.5,
			Subject: sim.Subject{Slots: slotsOf(p, label("laptop"), "rome", "oslo", "home")},
		},
		"all: choice_changes < 10": {
			Policy: 1, Other: 2, Measure: sim.ChoiceChanges, By: -1, Reason: -1, Relay: -1, Op: sim.LT, Value: 10,
			Subject: sim.Subject{Slots: allSlots(p)},
		},
		"every relay: load <= 40": {
			Policy: 2, Other: -1, Measure: sim.Load, Stat: sim.StatMean, By: -1, Reason: -1, Relay: -1, Op: sim.LE, Value: 40,
			Subject: sim.Subject{Kind: sim.EveryRelay},
		},
		"visitor: registration_failures tcp_blocked = 0": {
			Policy: 2, Other: -1, Measure: sim.RegistrationFailures, By: -1, Reason: int(selection.TCPBlocked), Relay: -1, Op: sim.EQ,
			Subject: sim.Subject{Slots: slotsOf(p, label("visitor"), "rome", "oslo", "cafe", "core", "dmz", "home")},
		},
		"laptop: rehomes failover <= 2": {
			Policy: 2, Other: -1, Measure: sim.Rehomes, By: int(selection.ByFailover), Reason: -1, Relay: -1, Op: sim.LE, Value: 2,
			Subject: sim.Subject{Slots: slotsOf(p, label("laptop"), "rome", "oslo", "cafe", "core", "dmz", "home")},
		},
	} {
		want.Text = text
		want.Subject.Text, _, _ = strings.Cut(text, ":")
		got := byText[text]
		got.Source = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if !slices.Equal(p.Pairs, [][2]int{{1, 2}}) {
		t.Errorf("Pairs = %v, want more and most", p.Pairs)
	}
}

// slotsOf are the slots of a label at networks given in the plan's order.
func slotsOf(p *sim.Plan, label int, networks ...string) []int {
	var out []int
	for i, n := range p.Networks {
		if slices.Contains(networks, n.Name) {
			out = append(out, p.Slot(label, i))
		}
	}
	return out
}

func allSlots(p *sim.Plan) []int {
	var out []int
	for i := range p.Slots() {
		out = append(out, i)
	}
	return out
}

func checkRichBoxes(t *testing.T, s *Scenario) {
	t.Helper()
	none, most := s.Spec(0).Boxes[0], s.Spec(2).Boxes[0]
	if none.Kind != topology.Stateful || none.RelatedErrors || none.Otherwise != topology.Reject || len(none.Rules) != 0 {
		t.Errorf("edge under none: %+v", none)
	}
	if most.Kind != topology.Stateless || len(most.Drops) != 1 || len(most.Rules) != 4 {
		t.Fatalf("edge under most: %+v", most)
	}
	want := topology.Limit{PerSecond: 0.5, Burst: 9, PerSource: true}
	if got := most.Rules[2].Limit; got == nil || *got != want {
		t.Errorf("limit of slow: %+v, want %+v", got, want)
	}
	if got := most.Rules[3].Limit; got == nil || *got != (topology.Limit{PerSecond: 100, Burst: 5}) {
		t.Errorf("limit of flood: %+v", got)
	}
	if inner := s.Spec(0).Boxes[1]; len(inner.Drops) != 4 || !inner.Silent || len(inner.Rules) != 1 || inner.Rules[0].Verdict != topology.Drop {
		t.Errorf("inner under none: %+v", inner)
	}
}

func TestOptions(t *testing.T) {
	seed := uint64(99)
	o := Options{Seed: &seed, Replications: 2, Policies: []string{"tcp-only-random", "tcp-only", "echo"}}
	p := load(t, "internet-relays", o).Plan()
	if p.Seed != 99 || p.Replications != 2 {
		t.Errorf("seed %d, replications %d, want 99 and 2", p.Seed, p.Replications)
	}
	var names []string
	for _, x := range p.Policies {
		names = append(names, x.Name)
	}
	if !slices.Equal(names, []string{"tcp-only", "tcp-only-random", "echo"}) {
		t.Fatalf("policies %q, want the three in file order", names)
	}
	if p.Policies[1].Like != 0 {
		t.Errorf("tcp-only-random is like %d, want 0", p.Policies[1].Like)
	}
	if len(p.Pairs) != 0 {
		t.Errorf("pairs %v, want none: their second policies are gone", p.Pairs)
	}
	for _, e := range p.Expectations {
		if e.Other >= 0 || e.Policy > 2 {
			t.Errorf("%s speaks of policies %d and %d", e.Text, e.Policy, e.Other)
		}
	}
	if len(p.Expectations) == 0 || p.Policies[p.Expectations[0].Policy].Name != "echo" {
		t.Error("the goals of echo are gone or speak of another policy")
	}
	_, err := Load("internet-relays", Options{Replications: 10001})
	if want := "internet-relays.toml: replications: 10001 is outside [1, 10000]"; err == nil || err.Error() != want {
		t.Errorf("Load with too many replications: %v, want %s", err, want)
	}
	_, err = Load("internet-relays", Options{Policies: []string{"ecco"}})
	if want := `internet-relays.toml: policy ecco: is not defined (nearest: "echo")`; err == nil || err.Error() != want {
		t.Errorf("Load with an unknown policy: %v, want %s", err, want)
	}
}

// TestOrderMeansNothing: tables may be written in any order, where order is
// not itself the statement.
func TestOrderMeansNothing(t *testing.T) {
	a := rich(t)
	b := rich(t,
		"home = { hops_to_edge = \"8..14\", rtt = \"35ms\", loss = 0.01 }\ncafe = { like = \"home\", loss = 0.05, outside = false }\n",
		"cafe = { like = \"home\", loss = 0.05, outside = false }\nhome = { loss = 0.01, rtt = \"35ms\", hops_to_edge = \"8..14\" }\n",
		"away = { home = 2, cafe = 1 }", "away = { cafe = 1, home = 2 }",
		"flood = { like = \"ping\", limit = \"100/s\" }\n", "",
		"[opening]\n", "[opening]\nflood = { like = \"ping\", limit = \"100/s\" }\n",
		"\"36h\" = { cut = \"oslo-wan\", lasts = \"1h\" }\n", "",
		"[model]\n", "\"36h\" = { cut = \"oslo-wan\", lasts = \"1h\" }\n[model]\n",
	)
	if diff := samePlan(t, a, b); diff != "" {
		t.Errorf("plan of the reordered scenario (-want +got):\n%s", diff)
	}
	// And what is order: rules.
	c := rich(t, `open = ["port", "ping"]`, `open = ["ping", "port"]`)
	if samePlan(t, a, c) == "" {
		t.Error("the order of a policy's openings changes nothing")
	}
}

func TestHashFollowsEveryFile(t *testing.T) {
	read := func(change string) string {
		fsys := fstest.MapFS{}
		err := fs.WalkDir(shipped, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(shipped, path)
			if path == change {
				data = append(data, '\n')
			}
			fsys[path] = &fstest.MapFile{Data: data}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(fsys, "internet-relays.toml", Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Plan().Hash
	}
	same := read("")
	if again := read("branch-outage.toml"); again != same {
		t.Error("a file that is not read changes the hash")
	}
	for _, f := range []string{"internet-relays.toml", "internet-relays/sites.csv", "internet-relays/relays.csv", "internet-relays/clientsettings.cfg"} {
		if read(f) == same {
			t.Errorf("a change of %s leaves the hash as it was", f)
		}
	}
}

func TestSettingsAreShared(t *testing.T) {
	p := load(t, "internet-relays", Options{}).Plan()
	distinct := map[*selection.Settings]bool{}
	for _, x := range p.Policies {
		for _, s := range x.Settings {
			distinct[s] = true
		}
	}
	// 6 desktop, 6 laptop, 1 remote; laptop and remote again for each of two
	// failover settings.
	if len(distinct) != 13+7+7 {
		t.Errorf("%d distinct settings, want 27", len(distinct))
	}
}

func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.ToSlash(filepath.Join(dir, name))
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.ToSlash(filepath.Join(dir, "missing.toml"))
	for _, tc := range []struct{ path, want string }{
		{missing, missing + ": scenario: file does not exist"},
		{filepath.ToSlash(dir), filepath.ToSlash(dir) + ": scenario: is a directory (a file is needed)"},
		{write("empty.toml", ""), dir + "/empty.toml:1:1: scenario: is empty"},
		{write("blank.toml", "\n \n"), dir + "/blank.toml:1:1: scenario: is empty"},
		{write("nul.toml", "title = 1\n\x00"), dir + "/nul.toml:2:1: scenario: is not a text file (UTF-8 without NUL bytes is accepted)"},
		{write("latin.toml", "title = \"caf\xe9\""), dir + "/latin.toml:1:13: scenario: is not a text file (UTF-8 without NUL bytes is accepted)"},
		{write("large.toml", strings.Repeat("# much\n", 50<<20/7)), dir + "/large.toml: scenario: is larger than 8 MiB, the largest size accepted"},
		{"internet-relay", `internet-relay: scenario: is neither a shipped scenario nor a file (nearest: "internet-relays")`},
	} {
		_, err := Load(tc.path, Options{})
		if err == nil || err.Error() != tc.want {
			t.Errorf("Load(%s):\n got %v\nwant %s", tc.path, err, tc.want)
		}
	}
}

// TestWindowsText: a byte order mark and CRLF change nothing, nor do they
// shift positions.
func TestWindowsText(t *testing.T) {
	text := "\uFEFFextends = \"base.toml\"\r\ntitle = 3\r\n"
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	crlf := strings.ReplaceAll(string(base), "\n", "\r\n")
	_, err = Parse(fstest.MapFS{"s.toml": {Data: []byte(text)}, "base.toml": {Data: []byte(crlf)}}, "s.toml", Options{})
	if want := "s.toml:2:1: scenario: title is 3 (text is accepted)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestExtends: tables merge, lists and single values replace.
func TestExtends(t *testing.T) {
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(fstest.MapFS{
		"deep/base.toml": {Data: base},
		"s.toml":         {Data: []byte("extends = \"deep/base.toml\"\npolicy.echo = [\"port\"]\ngroup.remote.count = 3\n")},
	}, "s.toml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Plan()
	if p.Title != "Base" || p.Groups[0].Count != 3 || !p.Groups[0].Life.Always || len(p.Policies) != 2 {
		t.Errorf("title %q, group %+v, %d policies", p.Title, p.Groups[0], len(p.Policies))
	}
	if got := p.Policies[1].Openings; !slices.Equal(got, []string{"port"}) {
		t.Errorf("openings of echo: %q, want the list of the extending file", got)
	}
}

func TestErrorListPrintsTenAndCounts(t *testing.T) {
	var l ErrorList
	for i := range 12 {
		l = append(l, Error{"f", i + 1, 1, "s", "p"})
	}
	lines := strings.Split(l.Error(), "\n")
	if len(lines) != 11 || lines[10] != "and 2 more" || lines[0] != "f:1:1: s: p" {
		t.Errorf("12 errors print as %q", lines)
	}
}

// TestDefaultsAreAccepted: the key tables hold their own defaults.
func TestDefaultsAreAccepted(t *testing.T) {
	for _, sec := range allSections() {
		for i := range sec.keys {
			k := &sec.keys[i]
			if k.def == "" {
				continue
			}
			f := &faults{}
			n := newTable(spot{"defaults", 1, 1})
			n.set(k.name, k.standard)
			p := &parser{faults: f}
			p.value(n, k.name, k.form, sec.name)
			if b := (&binder{faults: f}); k.lo != "" {
				for _, v := range n.items(k.name) {
					b.inRange(v, k.name, k, sec.name)
				}
			}
			if err := f.err(); err != nil {
				t.Errorf("default %s of %q in %s: %v", k.def, k.name, sec.name, err)
			}
		}
	}
}
