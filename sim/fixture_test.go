package sim

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// world is a small deployment that tests vary before they build a Plan of it:
// two offices behind a routed WAN, a core with the root, a DMZ between two
// firewalls, and homes outside.
type world struct {
	spec     topology.Spec
	relays   []RelayPlan
	groups   []GroupPlan
	settings []selection.Settings
	params   selection.Params
	world    WorldParams
	// passwords are the groups'; nil if none has one.
	passwords []string
	events    []EventPlan
	duration  time.Duration
	reps      int
}

const (
	netHome topology.NetworkID = iota
	netDMZ
	netCore
	netEast
	netWest
)

var allKinds = []topology.Kind{topology.TCP, topology.EchoRequest}

func accept(from topology.NetworkID, kinds ...topology.Kind) topology.Rule {
	return topology.Rule{
		Name: "open", From: topology.Match{Networks: []topology.NetworkID{from}},
		Kinds: kinds, Verdict: topology.Accept,
	}
}

func newWorld() *world {
	w := &world{params: selection.DefaultParams(), duration: 48 * time.Hour, reps: 1}
	w.spec.Networks = []topology.NetworkSpec{
		{Name: "home", Access: []int{0, 1, 3}},
		{Name: "dmz", InsideRouters: 1},
		{Name: "core", InsideRouters: 1},
		{Name: "east", InsideRouters: 1, InsideDelay: time.Millisecond},
		{Name: "west", InsideRouters: 1, InsideDelay: time.Millisecond},
	}
	w.spec.Boxes = []topology.BoxSpec{
		{Name: "edge", Kind: topology.Stateful, Otherwise: topology.Drop, Rules: []topology.Rule{accept(netHome, allKinds...)}},
		{Name: "inner", Kind: topology.Stateful, Otherwise: topology.Drop, Rules: []topology.Rule{
			accept(netEast, allKinds...), accept(netWest, allKinds...), accept(netDMZ, topology.TCP),
		}},
		{Name: "wan", Kind: topology.Routed},
	}
	leg := func(name string, n topology.NetworkID, b topology.BoxID, side uint8, routers int, ms int) topology.LegSpec {
		return topology.LegSpec{Name: name, Network: n, Box: b, Side: side, Routers: routers, Delay: time.Duration(ms) * time.Millisecond}
	}
	w.spec.Legs = []topology.LegSpec{
		leg("home-edge", netHome, 0, 0, 4, 15), leg("dmz-edge", netDMZ, 0, 1, 2, 1),
		leg("dmz-inner", netDMZ, 1, 0, 1, 1), leg("core-inner", netCore, 1, 1, 0, 1),
		leg("east-wan", netEast, 2, 0, 3, 5), leg("west-wan", netWest, 2, 0, 5, 9), leg("core-wan", netCore, 2, 1, 0, 1),
	}
	w.addRelay("dmz-1", netDMZ, 100, "DMZ")
	w.addRelay("dmz-2", netDMZ, 300, "DMZ")
	w.addRelay("east-1", netEast, 100, "east")
	w.addRelay("east-2", netEast, 100, "east")
	w.addRelay("west-1", netWest, 100, "west")
	w.addRelay("root", netCore, 0)
	w.relays[5].Root = true
	return w
}

func (w *world) addRelay(name string, n topology.NetworkID, weight uint32, advertise ...string) {
	role := topology.Relay
	if name == "root" {
		role = topology.Root
	}
	w.spec.Hosts = append(w.spec.Hosts, topology.HostSpec{Name: name, Network: n, Role: role})
	w.relays = append(w.relays, RelayPlan{ID: name, Name: name, Network: n, Weight: weight, Advertise: advertise})
}

func (w *world) addGroup(id string, count int, home topology.NetworkID, life Life, seek string) *selection.Settings {
	s := selection.DefaultSettings()
	s.Automatic, s.SeekList = true, seek
	w.groups = append(w.groups, GroupPlan{
		ID: id, Label: len(w.groups), Count: count, Home: home, Life: life,
		Away: []AwayPlan{{Network: netHome, Weight: 1}},
	})
	w.settings = append(w.settings, s)
	return &w.settings[len(w.settings)-1]
}

var (
	alwaysOn = Life{Name: "always-on", Always: true, StartSpread: time.Hour}
	roaming  = Life{
		Name: "office-laptop", Days: 0b11111, OfficeFrom: 8 * time.Hour, OfficeTo: 17 * time.Hour, Jitter: 30 * time.Minute,
		AwayDay: 0.3, Evening: 0.6, EveningFrom: 19 * time.Hour, EveningTo: 22 * time.Hour,
		Weekend: 0.3, WeekendFrom: 10 * time.Hour, WeekendTo: 16 * time.Hour,
	}
)

func (w *world) plan(tb testing.TB) *Plan {
	tb.Helper()
	n, err := topology.Compile(&w.spec)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Plan{
		Name: "test", Seed: 1, Replications: w.reps, Duration: w.duration,
		Relays: w.relays, Groups: w.groups, Events: w.events,
		FoundBounds: []time.Duration{15 * time.Minute}, DesignLoad: 1000, LimitLoad: 5000, FlapWithin: time.Hour,
	}
	for _, s := range w.spec.Networks {
		p.Networks = append(p.Networks, NetworkPlan{Name: s.Name})
	}
	pol := PolicyPlan{Name: "only", Network: n, Params: w.params, World: w.world, Passwords: w.passwords, Like: -1}
	for i := range w.groups {
		p.Labels = append(p.Labels, w.groups[i].ID)
		pol.Settings = append(pol.Settings, &w.settings[i])
	}
	p.Policies = []PolicyPlan{pol}
	slices.SortStableFunc(p.Events, func(a, b EventPlan) int { return cmp.Compare(a.At, b.At) })
	return p
}

// randomWorld draws a deployment from a seed, with everything that a network
// can have.
func randomWorld(seed uint64) *world {
	k, n := rng.Seed(seed), uint64(0)
	w := plainWorld(seed)
	w.randomNetwork(func(below int) int { n++; return int(rng.Below(k.Draw(rng.Access, n), uint64(below))) })
	return w
}

// plainWorld draws a deployment in which every address is reached as it is:
// hops, delays, loss, firewalls, lives, events, settings and parameters.
func plainWorld(seed uint64) *world {
	k := rng.Seed(seed)
	n := uint64(0)
	pick := func(below int) int { n++; return int(rng.Below(k.Draw(rng.Place, n), uint64(below))) }
	w := newWorld()
	w.duration = time.Duration(30+pick(40)) * time.Hour
	for i := range w.spec.Legs {
		l := &w.spec.Legs[i]
		l.Routers, l.Delay = pick(7), time.Duration(pick(60_000_000))
		if pick(3) == 0 {
			l.Loss = rng.ChanceOf(float64(pick(30)) / 100)
		}
	}
	for i := range w.relays {
		w.relays[i].Weight = uint32([]int{0, 100, 100, 250}[pick(4)])
		w.relays[i].Priority = uint32(pick(4) / 3)
		if pick(4) == 0 {
			w.relays[i].Advertise = append(w.relays[i].Advertise, "*")
		}
	}
	edge := &w.spec.Boxes[0]
	switch pick(5) {
	case 0:
		edge.Rules = []topology.Rule{accept(netHome, topology.TCP)}
	case 1:
		edge.Kind = topology.Stateless
	case 2:
		edge.Otherwise, edge.Rules = topology.Reject, []topology.Rule{accept(netHome, topology.EchoRequest)}
	}
	w.spec.Boxes[1].RelatedErrors = pick(2) == 0
	seeks := []string{"east;DMZ", "west;DMZ", "DMZ;*", "", "east;west", "DMZ"}
	for i, life := range []Life{roaming, roaming, alwaysOn} {
		s := w.addGroup(fmt.Sprint("g", i), 3+pick(10), []topology.NetworkID{netEast, netWest, netHome}[i], life, seeks[pick(len(seeks))])
		switch pick(6) {
		case 0:
			s.Failover = "dmz-1"
		case 1:
			s.FailoverList = []string{"nowhere", "dmz-2", "dmz-1"}
		case 2:
			s.Automatic, s.Primary, s.Secondary, s.Tertiary = false, "east-1", "dmz-2", []string{"nowhere", "west-1"}
		}
		s.Interval = time.Duration(600+pick(20000)) * time.Second
		s.RegisterInterval = time.Duration(300+pick(20000)) * time.Second
		s.ResistFailure = time.Duration(pick(1200)) * time.Second
	}
	for range pick(6) {
		r := selection.RelayID(pick(len(w.relays)))
		at := time.Duration(pick(int(w.duration/time.Second))) * time.Second
		w.events = append(w.events,
			EventPlan{At: at, Kind: []EventKind{HostDown, ServiceDown}[pick(2)], Relay: r},
			EventPlan{At: at + time.Duration(pick(20000))*time.Second, Kind: RelayUp, Relay: r})
	}
	if pick(2) == 0 {
		l := topology.LegID(pick(len(w.spec.Legs)))
		w.events = append(w.events, EventPlan{At: 9 * time.Hour, Kind: LegDown, Leg: l}, EventPlan{At: 13 * time.Hour, Kind: LegUp, Leg: l})
	}
	p := &w.params
	p.ExhaustPolicy = selection.Exhaust(pick(2))
	p.StickyCurrent = pick(4) == 0
	p.FailoverRequiresPing = pick(4) == 0
	p.RootRequiresPing = pick(4) == 0
	p.ReselectExhausted = selection.ReselectExhausted(pick(2))
	p.ZeroWeight = selection.ZeroWeight(pick(3))
	p.RoundEndsEarly = selection.RoundEnd(pick(2))
	p.RegisterAttempts = 1 + pick(2)
	p.ReportInterval = time.Duration(60+pick(1800)) * time.Second
	if pick(3) == 0 { // some answers come too late
		p.RoundTimeout = time.Duration(60+pick(200)) * time.Millisecond
	}
	if pick(3) == 0 {
		p.RegisterConnectTimeout = time.Duration(60+pick(200)) * time.Millisecond
	}
	if pick(3) == 0 {
		p.LoopLatencyMax = time.Duration(pick(600)) * time.Second
	}
	p.PingsPerRelayPerRound = 1 + pick(4)/3*pick(3)
	if pick(4) == 0 {
		p.LateReplyPolicy = selection.ReopenLate
	}
	for _, t := range []selection.Trigger{selection.Resume, selection.VPNUp, selection.AdapterChange} {
		if pick(4) == 0 {
			p.ExtraTriggers = p.ExtraTriggers.With(t)
		}
	}
	w.randomGates(pick)
	w.randomLists(pick)
	w.randomOccurrences(pick, seeks)
	if pick(3) == 0 {
		p.InterPacketGap = time.Duration(1+pick(120_000)) * time.Microsecond
	}
	w.world.RelaysDatStaleTTL = time.Duration(pick(3)*pick(36_000)) * time.Second
	p.ProbeScope, p.DrawLaw = selection.ProbeScope(pick(4)/3), selection.DrawLaw(pick(4)/3)
	return w
}

// at draws an instant of the run, whole minutes so that events meet.
func (w *world) at(pick func(int) int) time.Duration {
	return time.Duration(pick(int(w.duration/time.Minute))) * time.Minute
}

// randomGates lets relays authenticate and cap their children, and clients
// lack what they ask.
func (w *world) randomGates(pick func(int) int) {
	for i := range w.relays {
		switch r := &w.relays[i]; pick(8) {
		case 0:
			r.Gate.Authenticating = true
		case 1:
			r.Gate = selection.Gate{Authenticating: true, Password: "open sesame"}
		case 2, 3:
			r.Gate.MaxChildren = uint32(1 + pick(6))
		}
	}
	for i := range w.groups {
		g := &w.groups[i]
		g.NoCertificate = float64(pick(3)) / 2
		if pick(6) == 0 {
			g.Version = selection.MakeVersion(8, 2)
		}
		w.passwords = append(w.passwords, []string{"", "", "open sesame"}[pick(3)])
	}
	w.relays[pick(len(w.relays))].Fallback = pick(2) == 0
	w.world.AuthenticatingSwitch = AuthenticatingSwitch(pick(2))
	for range pick(3) {
		r, at := selection.RelayID(pick(len(w.relays))), w.at(pick)
		w.events = append(w.events, EventPlan{At: at, Kind: AuthenticatingOn, Relay: r})
		if pick(2) == 0 {
			w.events = append(w.events, EventPlan{At: at + time.Duration(pick(600))*time.Minute, Kind: AuthenticatingOff, Relay: r})
		}
	}
}

// randomLists changes the relay list while clients come and go.
func (w *world) randomLists(pick func(int) int) {
	w.world.RelaysFileRefresh = time.Duration(pick(3)*pick(7200)) * time.Second
	w.world.RelaysDatPropagation = time.Duration(pick(3)*pick(7200)) * time.Second
	for i := range w.groups {
		w.groups[i].StaleList = float64(pick(3)) / 4
	}
	for range pick(5) {
		kind := []EventKind{RelayInstalled, RelayRetired, RelayListed, RelayUnlisted}[pick(4)]
		w.events = append(w.events, EventPlan{At: w.at(pick), Kind: kind, Relay: selection.RelayID(pick(len(w.relays)))})
	}
}

// randomOccurrences lets things happen to groups, now and then at the same
// time as an outage.
func (w *world) randomOccurrences(pick func(int) int, seeks []string) {
	for range pick(12) {
		e := EventPlan{
			At: w.at(pick), Kind: SeekChanged + EventKind(pick(7)), Groups: []int{pick(len(w.groups))},
			Seek: seeks[pick(len(seeks))], Step: time.Duration(pick(600)) * time.Second,
		}
		if len(w.events) > 0 && pick(3) == 0 {
			e.At = w.events[pick(len(w.events))].At
		}
		w.events = append(w.events, e)
	}
}
