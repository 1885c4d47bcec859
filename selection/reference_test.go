package selection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// reference is one selection written from the pseudocode of the specification
// (section 17) as it stands there: loops, lists of names and floating point,
// in a world that does not change meanwhile. It shares with the Selector the
// keyed draws, the reading of host names, and nothing else.
type reference struct {
	s     *Settings
	p     *Params
	list  *List
	hosts map[RelayID]*host
	key   rng.Key // of the selection

	rounds, probes int
	tried          []RelayID
	parent         RelayID
	by             By
	least, most    int
	size, weight   uint64
}

// refEntry is an entry of the list as one group has it.
type refEntry struct {
	Entry
	group string
	draw  uint64
}

func (r *reference) run() {
	r.parent, r.least, r.most = NoRelay, -1, -1
	switch {
	case r.s.Automatic && r.probed():
	case !r.s.Automatic && r.manual():
	case r.failover():
	case r.lastResort():
	}
}

// register tries to register with a host.
func (r *reference) register(id RelayID, by By) bool {
	r.tried = append(r.tried, id)
	h, ok := r.hosts[id]
	if !ok || h.outcome != Registered {
		return false
	}
	r.parent, r.by = id, by
	return true
}

// ping sends one probe at the maximum TTL.
func (r *reference) ping(id RelayID) bool {
	r.rounds++
	r.probes += r.p.PingsPerRelayPerRound
	h, ok := r.hosts[id]
	return ok && h.echo && h.hops < int(r.s.MaximumTTL)
}

func (r *reference) lookUp(name string) RelayID {
	if id, ok := r.list.Hosts[name]; ok {
		return id
	}
	return FirstUnknown // one name at most is unknown in these worlds
}

func (r *reference) manual() bool {
	for _, name := range append([]string{r.s.Primary, r.s.Secondary}, r.s.Tertiary...) {
		if name != "" && r.ping(r.lookUp(name)) && r.register(r.lookUp(name), ByManual) {
			return true
		}
	}
	return false
}

func (r *reference) failover() bool {
	names := r.s.FailoverList
	if len(names) == 0 && r.s.Failover != "" {
		names = []string{r.s.Failover}
	}
	gated := r.p.ManualFailoverRequiresPing
	if r.s.Automatic {
		gated = r.p.FailoverRequiresPing
	}
	for _, name := range names {
		if id := r.lookUp(name); (!gated || r.ping(id)) && r.register(id, ByFailover) {
			return true
		}
	}
	return false
}

func (r *reference) lastResort() bool {
	if r.s.Automatic && r.p.ExhaustPolicy == ExhaustRandom && r.s.Failover == "" && len(r.s.FailoverList) == 0 {
		best, least := NoRelay, ^uint64(0)
		for _, e := range r.randomSet() {
			if w := r.key.Draw(rng.RandomRelay, e.Key); w <= least {
				best, least = e.Relay, w
			}
		}
		if best != NoRelay && r.register(best, ByRandom) {
			return true
		}
	}
	id, by := r.list.Root, ByRoot
	if r.list.Fallback != NoRelay {
		id, by = r.list.Fallback, ByFallback
	}
	return (!r.p.RootRequiresPing || r.ping(id)) && r.register(id, by)
}

func (r *reference) randomSet() (set []Entry) {
	groups := r.groups()
	for _, e := range r.list.Entries {
		in := func(groups []string) bool {
			return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(labelsOf(e), g) })
		}
		switch {
		case e.NoAutoSelect:
		case r.p.RandomScope == WholeList, r.p.RandomScope == SoughtGroups && in(groups),
			r.p.RandomScope == LastGroup && in(groups[len(groups)-1:]):
			set = append(set, e)
		}
	}
	return set
}

// fold is a label as labels are compared.
func fold(label string) string { return strings.ToLower(strings.TrimSpace(label)) }

// groups are those sought, in order.
func (r *reference) groups() (groups []string) {
	for _, label := range strings.Split(r.s.SeekList, ";") {
		if g := fold(label); g != "" && !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		groups = []string{"*"}
	}
	return groups
}

// labelsOf are the groups of an entry.
func labelsOf(e Entry) (labels []string) {
	for _, label := range e.Affiliations {
		labels = append(labels, fold(label))
	}
	if len(labels) == 0 {
		labels = []string{"*"}
	}
	return labels
}

// entriesOf are the candidates of a group, each relay once or as often as it
// is entered.
func (r *reference) entriesOf(group string) (out []refEntry) {
	for _, e := range r.list.Entries {
		for _, label := range labelsOf(e) {
			if label == group && !e.NoAutoSelect {
				out = append(out, refEntry{e, group, e.Key})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b refEntry) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Weight, a.Weight))
	})
	var once []refEntry
	repeats := uint64(0)
	for i, e := range out {
		if i == 0 || out[i-1].Relay != e.Relay {
			repeats = 0
			once = append(once, e)
			continue
		}
		repeats++
		if r.p.RelayDedupe == DedupeNone {
			e.draw = uint64(rng.Key(e.Key).Child(rng.Race, repeats))
			once = append(once, e)
		}
	}
	return once
}

// place is one group and priority.
type place struct {
	group    int
	priority uint32
}

// probed walks through groups and priorities.
func (r *reference) probed() bool {
	sets := map[place][]refEntry{}
	var places []place
	for g, group := range r.groups() {
		for _, e := range r.entriesOf(group) {
			at := place{g, e.Priority}
			if sets[at] == nil {
				places = append(places, at)
			}
			sets[at] = append(sets[at], e)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if r.p.SelectionNesting == PriorityThenGroup {
			return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.group, b.group))
		}
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.priority, b.priority))
	})
	answered := -1
	for _, at := range places {
		if r.p.GroupAdvanceOn == NoPingReply && answered >= 0 && answered != at.group {
			continue
		}
		found, replied := r.sweep(sets[at], r.beside(sets, at))
		if found {
			return true
		}
		if replied && answered < 0 {
			answered = at.group
		}
	}
	return false
}

// beside counts the relays of the other sets that a round asks too.
func (r *reference) beside(sets map[place][]refEntry, at place) int {
	if r.p.ProbeScope == GroupAndPriority {
		return 0
	}
	others := map[RelayID]bool{}
	for _, set := range sets {
		for _, e := range set {
			others[e.Relay] = true
		}
	}
	for _, e := range sets[at] {
		delete(others, e.Relay)
	}
	return len(others)
}

// lastTTL is the TTL of the last round.
func (r *reference) lastTTL() int {
	if r.p.MaxTTLInclusive {
		return int(r.s.MaximumTTL)
	}
	return max(1, int(r.s.MaximumTTL)-1)
}

// hopList has the hop counts of the rounds.
func (r *reference) hopList() (hops []int) {
	last := max(0, r.lastTTL()-r.p.TTLOffset)
	for h := 0; h < last; {
		hops = append(hops, h)
		switch {
		case r.p.TTLSchedule == Linear, r.p.TTLSchedule == LinearThenGrow && h < r.p.TTLLinearUntil:
			h++
		case r.p.TTLSchedule == Doubling:
			h = max(1, h*2)
		default:
			h = max(h+1, (h*3+1)/2)
		}
	}
	return append(hops, last)
}

// sweep goes through the rounds over one set, with others asked beside it.
func (r *reference) sweep(left []refEntry, beside int) (found, replied bool) {
	before := -1
	for _, h := range r.hopList() {
		if len(left) == 0 {
			break
		}
		r.rounds++
		r.probes += (len(left) + beside) * r.p.PingsPerRelayPerRound
		ttl := min(h+r.p.TTLOffset, r.lastTTL())
		repliers := slices.DeleteFunc(slices.Clone(left), func(e refEntry) bool {
			host := r.hosts[e.Relay]
			return !host.echo || host.hops >= ttl
		})
		replied = replied || len(repliers) > 0
		for len(repliers) > 0 {
			w, ok := r.draw(repliers)
			if !ok {
				break
			}
			r.size, r.weight, r.least, r.most = uint64(len(repliers)), r.total(repliers), before+1, h
			if r.register(w, ByProbe) {
				return true, true
			}
			lost := func(e refEntry) bool { return e.Relay == w }
			repliers, left = slices.DeleteFunc(repliers, lost), slices.DeleteFunc(slices.Clone(left), lost)
		}
		before = h
	}
	r.size, r.weight, r.least, r.most = 0, 0, -1, -1
	return false, replied
}

func (r *reference) total(repliers []refEntry) (total uint64) {
	for _, e := range repliers {
		total += uint64(e.Weight)
		if e.Weight == 0 && r.p.ZeroWeight == ZeroUniformShare {
			total++
		}
	}
	return total
}

func (r *reference) draw(repliers []refEntry) (RelayID, bool) {
	var field []Candidate
	for _, e := range repliers {
		field = append(field, Candidate{Relay: e.Relay, Key: e.draw, Weight: e.Weight})
	}
	w := slowWinner(r.key, r.p, field)
	return w, w != NoRelay
}

// dice makes random cases.
type dice struct {
	key rng.Key
	n   uint64
}

func (d *dice) below(n uint64) uint64 {
	d.n++
	return rng.Below(d.key.Draw(rng.Place, d.n), n)
}

func (d *dice) flip() bool { return d.below(2) == 0 }

// randomCase makes settings, parameters and relays.
func randomCase(d *dice) (*Settings, *Params, []relay) {
	s, p := DefaultSettings(), defaultParams()
	s.Automatic = d.below(5) > 0
	s.SeekList = []string{"", "A", "b;A", " a ; *;B", "*;c", "nobody"}[d.below(6)]
	s.MaximumTTL = []uint8{255, 1, 2, 6, 30}[d.below(5)]
	s.Primary, s.Secondary = []string{"", "r0", "ghost"}[d.below(3)], []string{"", "r1"}[d.below(2)]
	if d.flip() {
		s.Tertiary = []string{"r2", "ghost"}
	}
	s.Failover = []string{"", "", "r3"}[d.below(3)]
	if d.below(4) == 0 {
		s.FailoverList = []string{"ghost", "r4", "r0"}
	}
	p.TTLSchedule, p.TTLLinearUntil, p.TTLOffset = TTLSchedule(d.below(3)), int(d.below(10)), int(d.below(3))
	p.MaxTTLInclusive, p.PingsPerRelayPerRound = d.flip(), 1+int(d.below(2))
	p.RelayDedupe, p.SelectionNesting, p.GroupAdvanceOn = Dedupe(d.below(2)), Nesting(d.below(2)), GroupAdvance(d.below(2))
	p.ZeroWeight, p.ExhaustPolicy, p.RandomScope = ZeroWeight(d.below(3)), Exhaust(d.below(2)), RandomScope(d.below(3))
	p.DrawLaw, p.ProbeScope = DrawLaw(d.below(4)/3), ProbeScope(d.below(4)/3)
	if p.PingsPerRelayPerRound == 1 && p.ProbeScope == GroupAndPriority { // else a round may end before all have left
		p.InterPacketGap = time.Duration([]int{0, 0, 1, 300}[d.below(4)]) * time.Millisecond
	}
	p.FailoverRequiresPing, p.ManualFailoverRequiresPing, p.RootRequiresPing = d.flip(), d.flip(), d.flip()
	var relays []relay
	for i := range 5 + d.below(4) {
		r := relay{name: fmt.Sprint("r", i), hops: int(d.below(12)), priority: uint32(d.below(3)), weight: []uint32{0, 1, 100, 300}[d.below(4)]}
		r.advertise = [][]string{nil, {"A"}, {"B", "*"}, {" a", "C"}, {"A", "a "}}[d.below(5)]
		relays = append(relays, r)
	}
	return &s, p, relays
}

// TestSelectorAgreesWithThePseudocode plays thousands of whole selections in
// random worlds beside the pseudocode.
func TestSelectorAgreesWithThePseudocode(t *testing.T) {
	ends := map[By]int{}
	for trial := range uint64(6000) {
		d := &dice{key: rng.Seed(17).Child(rng.Client, trial)}
		s, p, relays := randomCase(d)
		w := newWorld(t, s, p, relays...)
		for id := range RelayID(len(relays) + 1) {
			h := w.hosts[id]
			h.echo, h.outcome = d.below(3) > 0, Outcome(d.below(2))*Outcome(d.below(uint64(NumOutcomes)))
		}
		w.hosts[0].hops = int(d.below(30))
		w.list.Entries[0].NoAutoSelect = d.below(4) == 0
		if d.below(4) == 0 {
			w.list.Fallback = 2
		}
		c, _ := Compile(s, p, w.list)
		w.sel = New(c, d.key, 0)
		started := vtime.Instant(trial)
		w.now = started
		r := &reference{s: s, p: p, list: w.list, hosts: w.hosts, key: d.key.Child(rng.Selection, uint64(started))}
		r.run()
		w.trigger(Start)
		for limit := 0; w.sel.Selecting() && limit < 100000; limit++ {
			w.run(time.Second)
		}
		compareWithReference(t, trial, w, r)
		ends[r.by]++
	}
	for by := range NumBy {
		if ends[by] == 0 {
			t.Errorf("no case ended by %v: the test shows less than it should", by)
		}
	}
}

func compareWithReference(t *testing.T, trial uint64, w *world, r *reference) {
	t.Helper()
	i := slices.IndexFunc(w.log, func(a Action) bool { return a.Kind == Decided || a.Kind == GaveUp })
	if i < 0 {
		t.Fatalf("trial %d: the selection did not end", trial)
	}
	a := w.log[i]
	var tried []RelayID
	for _, b := range w.log[:i] {
		if b.Kind == Register {
			tried = append(tried, b.Target)
		}
	}
	if !slices.Equal(tried, r.tried) || a.Target != r.parent || a.By != r.by ||
		int(a.Rounds) != r.rounds || int(a.Probes) != r.probes {
		t.Fatalf("trial %d: %v after registrations with %v; the pseudocode says relay %v by %v, %d rounds, %d probes, registrations %v",
			trial, a, tried, r.parent, r.by, r.rounds, r.probes, r.tried)
	}
	if r.by == ByProbe && (int(a.DistanceMin) != r.least || int(a.DistanceMax) != r.most ||
		uint64(a.CompetitionSize) != r.size || uint64(a.CompetitionWeight) != r.weight) {
		t.Fatalf("trial %d: %v; the pseudocode says distance %d..%d, competition %d of weight %d",
			trial, a, r.least, r.most, r.size, r.weight)
	}
}
