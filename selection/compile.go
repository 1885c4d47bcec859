package selection

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// Course is the plan of every selection of a client with certain settings and
// parameters through one version of the list. It is immutable and shared.
type Course struct {
	// Settings and Params are those in force, brought into range.
	Settings Settings
	Params   Params
	List     *List
	// Stages are what rounds ask, in the order in which they are turned to.
	Stages []Stage
	// TTLs are the IP TTLs of the successive rounds of a Sweep.
	TTLs []uint8

	steps []step
	// Steps below search look for a relay by probing, steps from there and
	// below failover are failover relays, the rest are last resorts.
	search, failover int
	// random is what a random step draws from.
	random []Candidate
	// unknown are host names of settings that the directory lacks.
	unknown []string
	// growth and jitter are RetryGrowth and RetryJitter in millionths, waits what
	// they make of the waits after failed selections.
	growth, jitter uint64
	waits          []wait
	// errors: ICMP errors can change something.
	errors bool
}

// stepKind says what a step of a course does.
type stepKind uint8

const (
	sweepStep  stepKind = iota // rounds over a Sweep, then the winner
	gateStep                   // one round over a Single, then its host
	plainStep                  // registration without a probe
	randomStep                 // registration with a random relay
)

// step is one station of a course.
type step struct {
	kind  stepKind
	by    By
	stage uint16 // sweepStep, gateStep
	group uint16 // sweepStep: ordinal of the group in the seek list
	relay RelayID
	key   uint64
}

// Stage returns the i-th stage.
func (c *Course) Stage(i int) *Stage { return &c.Stages[i] }

// UnknownHost returns the name behind the handle of a host that a setting names
// and the list's directory lacks.
func (c *Course) UnknownHost(r RelayID) (string, bool) {
	i := int64(r) - int64(FirstUnknown)
	if r == NoRelay || i < 0 || i >= int64(len(c.unknown)) {
		return "", false
	}
	return c.unknown[i], true
}

// Compile makes the course of a client. The warnings name what was not taken
// as written.
func Compile(s *Settings, p *Params, list *List) (*Course, []string) {
	c := &Course{Settings: *s, Params: *p, List: list}
	warnings := c.bringIntoRange()
	c.errors = p.NeedsTimeExceeded || p.RoundEndsEarly == AllAnsweredOrErrored
	c.TTLs = ttls(&c.Params, c.Settings.MaximumTTL)
	if c.Settings.Automatic {
		warnings = append(warnings, c.addSweeps()...)
	} else {
		warnings = append(warnings, c.addManual()...)
	}
	c.search = len(c.steps)
	warnings = append(warnings, c.addFailovers()...)
	c.failover = len(c.steps)
	c.addLastResorts()
	return c, warnings
}

// bringIntoRange guards against figures that did not come through
// ParseSettings and Params.Set: no wait of the machine may be empty.
func (c *Course) bringIntoRange() (warnings []string) {
	s, p := &c.Settings, &c.Params
	bring := func(name string, d *time.Duration, least, most time.Duration) {
		if got := *d; got < least || got > most {
			*d = min(max(got, least), most)
			warnings = append(warnings, fmt.Sprintf("%s of %v is out of range: %v used", name, got, *d))
		}
	}
	const most = maxNumber * time.Second
	bring("re-selection interval", &s.Interval, time.Second, most)
	bring("minimum retry interval", &s.MinRetry, time.Second, most)
	bring("maximum retry interval", &s.MaxRetry, s.MinRetry, most)
	bring("registration interval", &s.RegisterInterval, time.Second, most)
	bring("resist interval", &s.ResistFailure, 0, most)
	bring("round time-out", &p.RoundTimeout, time.Millisecond, most)
	bring("gap between probes", &p.InterPacketGap, 0, time.Minute)
	bring("report interval", &p.ReportInterval, time.Second, most)
	bring("shortest loop latency", &p.LoopLatencyMin, 0, most)
	bring("longest loop latency", &p.LoopLatencyMax, p.LoopLatencyMin, most)
	bring("registration retry", &p.RegisterRetry, 0, most)
	bring("registration jitter", &p.RegisterJitter, 0, s.RegisterInterval/2)
	if s.MaximumTTL == 0 {
		s.MaximumTTL = 255
		warnings = append(warnings, "maximum TTL of 0 is out of range: 255 used")
	}
	p.RegisterAttempts = min(max(1, p.RegisterAttempts), math.MaxUint16)
	p.PingsPerRelayPerRound = min(max(1, p.PingsPerRelayPerRound), math.MaxUint8)
	p.TTLOffset = max(0, p.TTLOffset)
	c.growth = millionths(p.RetryGrowth, 1, 100)
	c.jitter = millionths(p.RetryJitter, 0, 0.9)
	c.waits = c.backOffs()
	return warnings
}

// millionths converts f, clamped, to integers, in which waits are computed.
func millionths(f, least, most float64) uint64 {
	if !(f >= least) {
		f = least
	}
	return uint64(math.Round(min(f, most) * 1e6))
}

// member is one entry as one sought group sees it.
type member struct {
	group    int
	priority uint32
	Candidate
}

// addSweeps adds a step for every non-empty (group, priority), in order.
func (c *Course) addSweeps() []string {
	labels, warnings := seekLabels(c.Settings.SeekList, &c.Params)
	members, more := c.members(labels)
	slices.SortFunc(members, c.compareMembers)
	for from := 0; from < len(members); {
		m := members[from]
		to := from + 1
		for to < len(members) && members[to].group == m.group && members[to].priority == m.priority {
			to++
		}
		st := Stage{Kind: Sweep, Group: labels[m.group], Priority: m.priority, By: ByProbe, Candidates: make([]Candidate, 0, to-from)}
		for _, m := range members[from:to] {
			st.Candidates = append(st.Candidates, m.Candidate)
		}
		st.classes = classify(st.Candidates, func(int) bool { return true })
		st.distinct = distinct(st.Candidates)
		c.steps = append(c.steps, step{kind: sweepStep, by: ByProbe, stage: uint16(len(c.Stages)), group: uint16(m.group), relay: NoRelay})
		c.Stages = append(c.Stages, st)
		from = to
	}
	c.random = c.randomSet(members, len(labels)-1)
	c.askBeside(members)
	return append(warnings, more...)
}

// distinct tells whether all candidates are different relays.
func distinct(candidates []Candidate) bool {
	relays := make([]RelayID, len(candidates))
	for i := range candidates {
		relays[i] = candidates[i].Relay
	}
	slices.Sort(relays)
	return len(slices.Compact(relays)) == len(candidates)
}

// askBeside lets every sweep ask the relays of the others too, if the scope of
// a round says so.
func (c *Course) askBeside(members []member) {
	if c.Params.ProbeScope != AllSought {
		return
	}
	all := make([]Candidate, len(members))
	for i, m := range members {
		all[i] = m.Candidate
		all[i].Key = c.List.Keys[m.Relay] // a repeated entry has another
	}
	slices.SortFunc(all, func(a, b Candidate) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Relay, b.Relay)) })
	all = slices.CompactFunc(all, func(a, b Candidate) bool { return a.Relay == b.Relay })
	for i := range c.Stages {
		st := &c.Stages[i]
		st.Beside = slices.DeleteFunc(slices.Clone(all), func(o Candidate) bool {
			return slices.ContainsFunc(st.Candidates, func(a Candidate) bool { return a.Relay == o.Relay })
		})
	}
}

// members lists the entries of the sought groups, repeated entries of one
// relay in one group treated by the law of de-duplication.
func (c *Course) members(labels []string) (members []member, warnings []string) {
	ordinal := make(map[string]int, len(labels))
	for i, label := range labels {
		ordinal[label] = i
	}
	for i := range c.List.Entries {
		e := &c.List.Entries[i]
		if e.NoAutoSelect { // 2.14
			continue
		}
		groups, more := advertised(e, &c.Params)
		warnings = append(warnings, more...)
		for _, label := range groups {
			if g, ok := ordinal[label]; ok {
				members = append(members, member{g, e.Priority, Candidate{e.Relay, e.Key, e.Weight}})
			}
		}
	}
	slices.SortFunc(members, compareRepeats)
	return c.dedupe(members), warnings
}

// compareRepeats brings the entries of one relay in one group together, the
// one that counts first: the lower priority number, then the greater weight.
func compareRepeats(a, b member) int {
	return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Relay, b.Relay),
		cmp.Compare(a.priority, b.priority), cmp.Compare(b.Weight, a.Weight))
}

// compareMembers is the order of stages (4.14) and of candidates in a stage.
func (c *Course) compareMembers(a, b member) int {
	outer, inner := cmp.Compare(a.group, b.group), cmp.Compare(a.priority, b.priority)
	if c.Params.SelectionNesting == PriorityThenGroup {
		outer, inner = inner, outer
	}
	return cmp.Or(outer, inner, cmp.Compare(a.Key, b.Key), cmp.Compare(a.Relay, b.Relay))
}

// dedupe drops the repeats of a relay in a group, or gives each a key of its
// own, so that each has a variate of its own in the race.
func (c *Course) dedupe(sorted []member) []member {
	kept := sorted[:0]
	repeat := uint64(0)
	var last member // as it was read; kept shares its memory with sorted
	for i, m := range sorted {
		same := i > 0 && last.group == m.group && last.Relay == m.Relay
		last = m
		if !same {
			repeat = 0
		} else if c.Params.RelayDedupe == DedupeByNamePort {
			continue
		} else {
			repeat++
			m.Key = uint64(rng.Key(m.Key).Child(rng.Race, repeat))
		}
		kept = append(kept, m)
	}
	return kept
}

// randomSet is what the random relay of exhaust_policy is drawn from (7.3).
func (c *Course) randomSet(members []member, lastGroup int) []Candidate {
	if c.Params.ExhaustPolicy != ExhaustRandom {
		return nil
	}
	var set []Candidate
	if c.Params.RandomScope == WholeList {
		for _, e := range c.List.Entries {
			if !e.NoAutoSelect {
				set = append(set, Candidate{e.Relay, e.Key, e.Weight})
			}
		}
	}
	for _, m := range members {
		if c.Params.RandomScope == SoughtGroups || c.Params.RandomScope == LastGroup && m.group == lastGroup {
			m.Key = c.List.Keys[m.Relay] // a repeated entry has another
			set = append(set, m.Candidate)
		}
	}
	slices.SortFunc(set, func(a, b Candidate) int { return cmp.Or(cmp.Compare(a.Relay, b.Relay), cmp.Compare(a.Key, b.Key)) })
	return slices.CompactFunc(set, func(a, b Candidate) bool { return a.Relay == b.Relay })
}

// addManual adds primary, secondary and tertiary relays, each gated by one
// probe at maximum TTL (1.6, section 8).
func (c *Course) addManual() (warnings []string) {
	s := &c.Settings
	for _, name := range append([]string{s.Primary, s.Secondary}, s.Tertiary...) {
		if name != "" {
			warnings = append(warnings, c.addHost(name, ByManual, true)...)
		}
	}
	return warnings
}

// addFailovers adds the failover relays; the list overrides the single one (7.2).
func (c *Course) addFailovers() (warnings []string) {
	s, gated := &c.Settings, c.Params.ManualFailoverRequiresPing
	if s.Automatic {
		gated = c.Params.FailoverRequiresPing
	}
	names := s.FailoverList
	if len(names) == 0 && s.Failover != "" {
		names = []string{s.Failover}
	}
	for _, name := range names {
		warnings = append(warnings, c.addHost(name, ByFailover, gated)...)
	}
	return warnings
}

// addLastResorts adds the random relay, if the policy has one and no failover
// relay is set, and the masthead's fallback relay or the root (7.3, 7.4).
func (c *Course) addLastResorts() {
	if len(c.random) > 0 && c.failover == c.search {
		c.steps = append(c.steps, step{kind: randomStep, by: ByRandom, relay: NoRelay})
	}
	relay, by := c.List.Root, ByRoot
	if c.List.Fallback != NoRelay {
		relay, by = c.List.Fallback, ByFallback
	}
	if relay != NoRelay {
		c.addRelay(relay, c.List.Keys[relay], by, c.Params.RootRequiresPing)
	}
}

// addHost adds a step for a host that a setting names.
func (c *Course) addHost(name string, by By, gated bool) []string {
	if r, ok := c.List.Hosts[name]; ok {
		c.addRelay(r, c.List.Keys[r], by, gated)
		return nil
	}
	i := slices.Index(c.unknown, name)
	var warnings []string
	if i < 0 {
		i = len(c.unknown)
		c.unknown = append(c.unknown, name)
		warnings = []string{fmt.Sprintf("%v relay %q is no known host: its name will not resolve", by, name)}
	}
	c.addRelay(FirstUnknown+RelayID(i), rng.Hash(name), by, gated)
	return warnings
}

// addRelay adds a step for one host, gated by a probe or not.
func (c *Course) addRelay(r RelayID, key uint64, by By, gated bool) {
	st := step{kind: plainStep, by: by, relay: r, key: key}
	if gated {
		st.kind, st.stage = gateStep, uint16(len(c.Stages))
		c.Stages = append(c.Stages, Stage{Kind: Single, By: by, Candidates: []Candidate{{Relay: r, Key: key}}})
	}
	c.steps = append(c.steps, st)
}
