// Package madeup is a made-up run for tests of results and report: a plan in
// the shape of the shipped scenario (six sites with two relays each, two
// relays in a DMZ, clients at home and in hotels, nine policies, ten
// replications) with tallies whose figures follow from a small integer hash.
// They are plausible, not simulated.
package madeup

import (
	"fmt"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// Numbers of networks and relays in the plan.
const (
	home  = 8
	hotel = 9
	dmz1  = 1
	dmz2  = 2
	root  = 0
)

var sites = []string{"paris", "lyon", "nice", "lille", "brest", "tours"}

// fate is what a made-up policy does to clients outside.
type fate struct {
	name, text string
	like       int
	changed    []string
	found      int // per mille of sessions found within 15 min
	by         selection.By
	onDMZ1     int // per mille of outside time on dmz-1
	without    int // per mille of outside time without a relay
	rehomes    int // per replication
	rehomeBase time.Duration
	changes    uint64
}

var fates = []fate{
	{name: "closed", text: "nothing from outside", like: -1, without: 1000, by: selection.ByNone},
	{name: "tcp-only", text: "TCP 52311 in, no ICMP", like: -1, without: 1000, by: selection.ByNone},
	{name: "tcp-only-failover", text: "the same, FailoverRelay = dmz-1", like: -1, found: 941, by: selection.ByFailover, onDMZ1: 1000, without: 52, rehomes: 12, rehomeBase: 6 * time.Hour},
	{name: "tcp-only-failover-list", text: "the same, both DMZ relays listed", like: -1, found: 985, by: selection.ByFailover, onDMZ1: 930, without: 16, rehomes: 420, rehomeBase: 24 * time.Minute},
	{name: "tcp-only-random", text: "tcp-only under exhaust_policy = random", like: 1, changed: []string{"exhaust_policy=random"}, found: 423, by: selection.ByRandom, onDMZ1: 500, without: 214, rehomes: 300, rehomeBase: 90 * time.Minute},
	{name: "echo", text: "one rule more: echo request in", like: -1, found: 998, by: selection.ByProbe, onDMZ1: 480, without: 4, rehomes: 410, rehomeBase: 14 * time.Minute},
	{name: "echo-and-expired", text: "time-exceeded out as well", like: -1, found: 998, by: selection.ByProbe, onDMZ1: 480, without: 4, rehomes: 410, rehomeBase: 14 * time.Minute},
	{name: "echo-and-expired-limited", text: "the same, rate-limited", like: -1, found: 998, by: selection.ByProbe, onDMZ1: 480, without: 4, rehomes: 410, rehomeBase: 14 * time.Minute},
	{name: "inbound-only-stateless", text: "a filter without state that opens inbound only", like: -1, without: 1000, by: selection.ByNone},
}

// noise is a small even hash in [0, n).
func noise(n uint64, parts ...int) uint64 {
	h := uint64(1469598103934665603)
	for _, p := range parts {
		h ^= uint64(p) + 0x9e3779b97f4a7c15
		h *= 1099511628211
		h ^= h >> 29
	}
	return h % n
}

// Plan is the plan of the made-up run.
func Plan() *sim.Plan {
	p := &sim.Plan{
		Name: "made-up", Title: "Which openings let laptops on the internet find our DMZ relays?",
		Hash: "5f0c1d2e3a4b", Seed: 1, Replications: 10,
		Duration: 7 * 24 * time.Hour, WarmUp: 24 * time.Hour,
		Labels:      []string{"desktop", "laptop", "remote"},
		FoundBounds: []time.Duration{15 * time.Minute, time.Hour},
		DesignLoad:  1000, LimitLoad: 5000, FlapWithin: time.Hour,
		Pairs:    [][2]int{{5, 6}, {6, 7}},
		Warnings: []string{"made-up.toml:12:1: place \"hotel\": captive portals are not modelled"},
		Events: []sim.EventPlan{
			{At: 57 * time.Hour, Kind: sim.HostDown, Relay: dmz1, Text: "dmz-1: host down for 6h"},
			{At: 106 * time.Hour, Kind: sim.ServiceDown, Relay: 3, Text: "paris-1: service down for 8h"},
		},
	}
	places(p)
	for i, f := range fates {
		pp := sim.PolicyPlan{Name: f.name, Text: f.text, Openings: []string{"upstream", "from-inside"}, Like: f.like, Changed: f.changed}
		if i > 0 {
			pp.Openings = append(pp.Openings, "relay-port")
		}
		if len(f.changed) > 0 {
			pp.Params.ExhaustPolicy = selection.ExhaustRandom
		}
		p.Policies = append(p.Policies, pp)
	}
	expectations(p)
	return p
}

func places(p *sim.Plan) {
	p.Relays = []sim.RelayPlan{
		{ID: "root", Name: "root", Network: 6, Root: true},
		{ID: "dmz-1", Name: "dmz-1", Network: 7, Weight: 100, Advertise: []string{"DMZ"}},
		{ID: "dmz-2", Name: "dmz-2", Network: 7, Weight: 100, Advertise: []string{"DMZ"}},
	}
	for i, s := range sites {
		p.Networks = append(p.Networks, sim.NetworkPlan{Name: s, Site: true})
		at := topology.NetworkID(i)
		for k := 1; k <= 2; k++ {
			name := fmt.Sprintf("%s-%d", s, k)
			p.Relays = append(p.Relays, sim.RelayPlan{ID: name, Name: name, Network: at, Weight: 100, Advertise: []string{s}})
		}
		away := []sim.AwayPlan{{Network: home, Weight: 9}, {Network: hotel, Weight: 1}}
		p.Groups = append(p.Groups,
			sim.GroupPlan{ID: "desktop/" + s, Label: 0, Count: 330, Home: at, Life: sim.Life{Name: "desktop"}},
			sim.GroupPlan{ID: "laptop/" + s, Label: 1, Count: 660, Home: at, Away: away, Life: sim.Life{Name: "office-laptop"}})
	}
	p.Networks = append(p.Networks, sim.NetworkPlan{Name: "core"}, sim.NetworkPlan{Name: "dmz"},
		sim.NetworkPlan{Name: "home", Outside: true}, sim.NetworkPlan{Name: "hotel", Outside: true})
	p.Groups = append(p.Groups, sim.GroupPlan{ID: "remote", Label: 2, Count: 400, Home: home, Life: sim.Life{Name: "always-on"}})
}

// subject returns the clients of a label in some networks; all where none is
// named.
func subject(p *sim.Plan, text string, label int, networks ...int) sim.Subject {
	s := sim.Subject{Kind: sim.Clients, Text: text}
	for l := range p.Labels {
		for n := range p.Networks {
			in := len(networks) == 0
			for _, x := range networks {
				in = in || x == n
			}
			if in && (label < 0 || label == l) {
				s.Slots = append(s.Slots, p.Slot(l, n))
			}
		}
	}
	return s
}

func expectation(goal bool, policy int, s sim.Subject, m sim.Measure, op sim.Op, value float64, text string) sim.Expectation {
	return sim.Expectation{
		Goal: goal, Policy: policy, Other: -1, Text: text, Source: "made-up.toml:80:3",
		Subject: s, Measure: m, By: -1, Reason: -1, Relay: -1, Op: op, Value: value,
	}
}

func expectations(p *sim.Plan) {
	remote := subject(p, "remote", 2)
	all := subject(p, "all", -1)
	outside := subject(p, "at home+hotel", -1, home, hotel)
	add := func(e sim.Expectation, change func(e *sim.Expectation)) {
		if change != nil {
			change(&e)
		}
		p.Expectations = append(p.Expectations, e)
	}
	probe := func(e *sim.Expectation) { e.By = int(selection.ByProbe) }
	within := func(e *sim.Expectation) { e.Within = 15 * time.Minute }
	for _, policy := range []int{5, 6} {
		add(expectation(true, policy, remote, sim.FoundWithin, sim.GE, 0.99, "remote: found_within 15m >= 99%"), within)
		add(expectation(true, policy, sim.Subject{Kind: sim.EveryRelay, Text: "every relay"}, sim.Load, sim.LE, 1500, "every relay: load peak <= 1500"), func(e *sim.Expectation) { e.Stat = sim.StatPeak })
		add(expectation(true, policy, sim.Subject{Kind: sim.OneRelay, Relay: root, Text: "root"}, sim.Load, sim.EQ, 0, "root: load peak = 0"), func(e *sim.Expectation) { e.Stat = sim.StatPeak })
	}
	for _, policy := range []int{0, 1, 8} {
		add(expectation(false, policy, outside, sim.SelectedBy, sim.EQ, 0, "at home+hotel: selected_by probe = 0"), probe)
		add(expectation(false, policy, remote, sim.FoundWithin, sim.EQ, 0, "remote: found_within 15m = 0%"), within)
		add(expectation(false, policy, remote, sim.TimeWithoutRelay, sim.EQ, 1, "remote: time_without_relay = 100%"), nil)
	}
	add(expectation(false, 2, outside, sim.LoadShare, sim.EQ, 1, "at home+hotel: load_share dmz-1 = 100%"), func(e *sim.Expectation) { e.Relay = dmz1 })
	add(expectation(false, 2, outside, sim.RehomeTime, sim.GE, 6*3600, "at home+hotel: rehome_time max >= 6h"), func(e *sim.Expectation) { e.Stat = sim.StatMax })
	add(expectation(false, 3, outside, sim.RehomeTime, sim.LE, 3600, "at home+hotel: rehome_time p95 <= 1h"), func(e *sim.Expectation) { e.Stat = sim.StatP95 })
	add(expectation(false, 4, remote, sim.FoundWithin, sim.GT, 0, "remote: found_within 15m > 0%"), within)
	add(expectation(false, 4, outside, sim.FoundWithin, sim.GT, 0.43, "at home+hotel: found_within 15m > 43%"), within)
	for _, pair := range p.Pairs {
		add(expectation(false, pair[0], all, sim.ChoiceChanges, sim.EQ, 0, "all: choice_changes = 0"), func(e *sim.Expectation) { e.Other = pair[1] })
	}
}

// Tallies makes a tally for every cell, the last cell first.
func Tallies(p *sim.Plan) []*sim.Tally {
	var ts []*sim.Tally
	for i := len(p.Policies) - 1; i >= 0; i-- {
		for j := p.Replications - 1; j >= 0; j-- {
			ts = append(ts, tally(p, i, j))
		}
	}
	return ts
}

const microDay = 24 * 3600 * 1000000

func tally(p *sim.Plan, policy, replication int) *sim.Tally {
	t := &sim.Tally{
		Policy: policy, Replication: replication,
		Slots: make([]sim.SlotTally, p.Slots()), Relays: make([]sim.RelayTally, len(p.Relays)),
		Online: []uint64{1980, 3960, 400}, Never: []uint64{0, 0, 0},
	}
	for i := range t.Slots {
		t.Slots[i].FoundBy = make([]uint64, len(p.FoundBounds))
	}
	f := &fates[policy]
	if f.found == 0 {
		t.Never[2] = 400
	}
	for s := range sites {
		for label := range 2 {
			siteClients(p, t, s, label)
		}
	}
	for label := 1; label <= 2; label++ {
		outsideClients(p, t, f, label, home)
	}
	outsideClients(p, t, f, 1, hotel)
	relays(p, t)
	for i, pair := range p.Pairs {
		if pair[0] == policy {
			slots := make([]sim.PairSlot, p.Slots())
			slots[p.Slot(1, home)] = sim.PairSlot{Matched: 40000 + noise(900, replication), Changed: f.changes}
			t.Pairs = append(t.Pairs, sim.PairTally{Pair: i, Slots: slots})
		}
	}
	return t
}

// siteClients fills in a site: everybody finds a relay of the site at once.
func siteClients(p *sim.Plan, t *sim.Tally, site, label int) {
	s := &t.Slots[p.Slot(label, site)]
	n := uint64(1600+400*label) + noise(60, t.Replication, site, label)
	s.Sessions = n
	s.FoundBy[0], s.FoundBy[1] = n, n
	s.OnlineAll = n * microDay / 3
	s.Online = s.OnlineAll * 6 / 7
	s.Without = s.Online / 4000
	a := s.Online * (480 + noise(40, t.Replication, site)) / 1000
	s.TimeOn.Add(selection.RelayID(3+2*site), a)
	s.TimeOn.Add(selection.RelayID(4+2*site), s.Online-s.Without-a)
	s.Selections[selection.ByProbe] = n
	s.DistanceKnown = n
	for i := range n {
		s.FoundTime.Add(2000000 + noise(900000, t.Replication, int(i)))
		s.SelectionTime.Add(1000000 + noise(900000, t.Replication, int(i)))
		s.Rounds.Add(2)
		s.ListAge.Add(600000000 + noise(900000000, t.Replication, int(i)))
		s.Distance.Add(uint64(site + 1))
	}
	s.Probes = 4 * n
	if site == 0 {
		re := 200 + noise(20, t.Replication, label)
		s.Rehomes[selection.ByProbe] = re
		rehomes(s, re, 15*time.Minute, t.Replication)
	}
}

func outsideClients(p *sim.Plan, t *sim.Tally, f *fate, label, network int) {
	s := &t.Slots[p.Slot(label, network)]
	n := uint64(900*label) + noise(80, t.Replication, label, network)
	s.Sessions = n
	per := func(permille int) uint64 {
		if permille == 0 || permille == 1000 {
			return n * uint64(permille) / 1000
		}
		return n * (uint64(permille)*10 - 10 + noise(20, t.Replication, label, network)) / 10000
	}
	s.FoundBy[0], s.FoundBy[1] = per(f.found), per(f.found)
	s.OnlineAll = n * microDay / 4
	s.Online = s.OnlineAll * 6 / 7
	s.Without = s.Online * uint64(f.without) / 1000
	on := s.Online - s.Without
	first := on * uint64(f.onDMZ1) / 1000
	s.TimeOn.Add(dmz1, first)
	s.TimeOn.Add(dmz2, on-first)
	if f.by == selection.ByNone {
		s.Selections[selection.ByNone] = n * 9
	} else {
		s.Selections[f.by] = n
		s.Selections[selection.ByNone] = n * uint64(f.without) / 100
		s.RegFailures[selection.TCPBlocked] = noise(50, t.Replication)
	}
	sweeps := s.Selections[selection.ByNone] + s.Selections[f.by]
	for i := range sweeps {
		s.SelectionTime.Add(30000000 + noise(5000000, t.Replication, int(i)))
		s.Rounds.Add(14 + noise(8, t.Replication, int(i)))
		if f.by == selection.ByProbe && i < n {
			s.Distance.Add(10 + noise(7, int(i), t.Replication))
			s.DistanceKnown++
		}
	}
	s.Probes = sweeps * 30
	for i := range s.FoundBy[0] {
		s.FoundTime.Add(31000000 + noise(5000000, t.Replication, int(i)))
	}
	if f.rehomes > 0 {
		re := uint64(f.rehomes) + noise(10, t.Replication, label)
		s.Rehomes[f.by] = re
		rehomes(s, re, f.rehomeBase, t.Replication)
	}
}

func rehomes(s *sim.SlotTally, n uint64, base time.Duration, replication int) {
	for i := range n {
		x := uint64(base.Microseconds()) + noise(uint64(base.Microseconds()), replication, int(i))
		s.Losses++
		s.RehomeTime.Add(x)
		s.Detection += x / 3
		s.Resist += x / 3
		s.Probing += x / 10
		s.Registration += x / 100
		s.RetryWait += x - 2*(x/3) - x/10 - x/100
	}
	s.Roams = n
}

// relays derives loads from the time that clients spent.
func relays(p *sim.Plan, t *sim.Tally) {
	span := uint64((p.Duration - p.WarmUp).Microseconds())
	for i := range t.Relays {
		r := &t.Relays[i]
		for j := range t.Slots {
			r.Load += t.Slots[j].TimeOn.Of(selection.RelayID(i))
		}
		mean := uint32(r.Load / span)
		for at := time.Duration(0); at < p.Duration; at += sim.SampleEvery {
			x := mean
			if h := at / time.Hour % 24; h >= 9 && h < 17 {
				x = mean*2 + uint32(noise(5, i, int(at/time.Hour)))*min(mean, 1)
			}
			r.Samples = append(r.Samples, x)
			r.Peak = max(r.Peak, x)
		}
		r.Console = mean * 2
		r.Registrations = uint64(mean) * 40
	}
}
