package selection

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// The tests named by a vector check the row of docs/model.md, "Test vectors".

func TestV1FirstRoundOfTwoRelaysBringsOnlyTimeExceeded(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100}, relay{name: "b", hops: 2, weight: 100})
	w.trigger(Start)
	if got := w.log[0]; got.Kind != AskRound || got.TTL != 1 {
		t.Fatalf("first action = %v, want a round with TTL 1", got)
	}
	w.run(500 * time.Millisecond)
	if w.requests != 2 || w.expired != 2 || w.replies != 0 {
		t.Errorf("round 1: %d requests, %d time-exceeded, %d replies; want 2, 2, 0", w.requests, w.expired, w.replies)
	}
}

func TestV2SecondRoundReachesTheNearerRelay(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100}, relay{name: "b", hops: 2, weight: 100})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("a", ByProbe)
	if w.requests != 4 || w.expired != 3 || w.replies != 1 {
		t.Errorf("totals: %d requests, %d time-exceeded, %d replies; want 4, 3, 1", w.requests, w.expired, w.replies)
	}
	if a := w.last(); a.DistanceMin != 1 || a.DistanceMax != 1 || a.Rounds != 2 || a.Probes != 4 {
		t.Errorf("decided with %v, want distance 1..1 after 2 rounds and 4 probes", a)
	}
}

// sample2 is the second published list: R1 three times, one host of weight 0.
func sample2() []relay {
	return []relay{
		{name: "r1", hops: 3, weight: 100},
		{name: "r1", hops: 3, weight: 100},
		{name: "r1", hops: 3, weight: 100},
		{name: "other", hops: 3, weight: 0},
	}
}

func TestV3PublishedSampleCountsRepeatedEntries(t *testing.T) {
	for _, tc := range []struct {
		dedupe Dedupe
		size   uint16
		weight uint32
	}{{DedupeByNamePort, 2, 100}, {DedupeNone, 4, 300}} {
		p := defaultParams()
		p.RelayDedupe = tc.dedupe
		w := newWorld(t, automatic(""), p, sample2()...)
		for i := range w.list.Entries[:3] { // one relay, three entries
			w.list.Entries[i].Relay = 1
		}
		c, _ := Compile(automatic(""), p, w.list)
		for client := range uint64(200) {
			w.sel = New(c, rng.Seed(3).Child(rng.Client, client), w.now)
			w.trigger(Start)
			w.run(time.Minute)
			if a := w.last(); a.Target != 1 || a.CompetitionSize != tc.size || a.CompetitionWeight != tc.weight {
				t.Fatalf("dedupe %d, client %d: %v; want relay 1, size %d, weight %d", tc.dedupe, client, a, tc.size, tc.weight)
			}
		}
	}
}

func TestV4LoneEntryOfWeightZeroIsChosen(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "only", hops: 4, weight: 0})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("only", ByProbe)
	if a := w.last(); a.CompetitionSize != 1 || a.CompetitionWeight != 0 {
		t.Errorf("competition = %d of weight %d, want 1 of weight 0", a.CompetitionSize, a.CompetitionWeight)
	}
}

// manual returns the settings of a manual client with all four steps set.
func manual() *Settings {
	s, _ := ParseSettings(map[string]string{
		"__RelayServer1": "http://one:52311/bfmirror/downloads/",
		"__RelayServer2": "http://two:52311/bfmirror/downloads/",
		"_BESClient_RelaySelect_TertiaryRelayList": "three",
		"_BESClient_RelaySelect_FailoverRelay":     "four",
	})
	return &s
}

func fourRelays() []relay {
	return []relay{{name: "one", hops: 1}, {name: "two", hops: 2}, {name: "three", hops: 3}, {name: "four", hops: 4}}
}

func TestV5ManualProbesInOrderAtMaximumTTL(t *testing.T) {
	w := newWorld(t, manual(), defaultParams(), fourRelays()...)
	w.host("one").echo, w.host("two").echo, w.host("four").echo = false, false, false
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("three", ByManual)
	want := [][]string{{"one"}, {"two"}, {"three"}}
	if !slices.EqualFunc(w.asked, want, slices.Equal) {
		t.Errorf("asked %v, want %v", w.asked, want)
	}
	for _, a := range w.log {
		if a.Kind == AskRound && a.TTL != 255 {
			t.Errorf("%v: want TTL 255", a)
		}
	}
	if got := w.targets(); !slices.Equal(got, []string{"three"}) {
		t.Errorf("registrations with %v, want three alone", got)
	}
}

func TestV6ManualSkipsAPrimaryThatDropsEcho(t *testing.T) {
	w := newWorld(t, manual(), defaultParams(), fourRelays()...)
	w.host("one").echo = false // and registers whoever comes
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("two", ByManual)
	if got := w.targets(); !slices.Equal(got, []string{"two"}) {
		t.Errorf("registrations with %v, want two alone", got)
	}
}

// affiliated are the relays of V7 to V9.
func affiliated() []relay {
	return []relay{
		{name: "x", hops: 3, weight: 100, advertise: []string{"AsiaPacific", "DMZ", "*"}},
		{name: "y", hops: 3, weight: 100, advertise: []string{"Americas"}},
		{name: "z", hops: 3, weight: 100},
	}
}

// wantGroups checks the candidates of the successive stages.
func wantGroups(t *testing.T, seek string, want ...string) {
	t.Helper()
	l := listOf(affiliated()...)
	c, warnings := Compile(automatic(seek), defaultParams(), l)
	var got []string
	for _, st := range c.Stages {
		var names []string
		for _, cand := range st.Candidates {
			names = append(names, l.Entries[cand.Relay-1].Name)
		}
		slices.Sort(names)
		got = append(got, strings.Join(names, "+"))
	}
	if !slices.Equal(got, want) || len(warnings) > 0 {
		t.Errorf("seek %q: stages %v (warnings %q), want %v", seek, got, warnings, want)
	}
}

func TestV7SeekListGivesGroupsInOrder(t *testing.T) {
	wantGroups(t, "AsiaPacific;Americas;DMZ", "x", "y", "x")
}

func TestV8NoSeekListMeansTheUnaffiliatedSet(t *testing.T) {
	wantGroups(t, "", "x+z")
	wantGroups(t, " ; ;", "x+z") // empty labels are ignored (4.14)
}

func TestV9LabelsIgnoreCaseAndBlanks(t *testing.T) {
	wantGroups(t, " americas ; * ", "y", "x+z")
	wantGroups(t, "*;AMERICAS;*;americas", "x+z", "y")
	wantGroups(t, "Europe;Americas", "y") // an empty group gives no stage
}

func TestV10RootOutOfAutomaticChoiceIsStillTheLastResort(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 5, weight: 100})
	w.list.Entries = append(w.list.Entries, Entry{Relay: 0, Key: rng.Hash("root"), Name: "root", Affiliations: []string{"DoNotSelectMe"}})
	w.hosts[0].hops = 0 // nearer than any relay
	start := func() {
		c, _ := Compile(automatic(""), defaultParams(), w.list)
		w.sel = New(c, rng.Seed(1), w.now)
		w.trigger(Start)
		w.run(5 * time.Minute)
	}
	start()
	w.wantParent("a", ByProbe)
	w.host("a").echo = false
	start()
	w.wantParent("root", ByRoot)
	w.list.Fallback = 1
	start()
	w.wantParent("a", ByFallback)
}

func TestV11PriorityGoesBeforeDistance(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(),
		relay{name: "p0", hops: 9, weight: 100, priority: 0}, relay{name: "p1", hops: 0, weight: 100, priority: 1})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("p0", ByProbe)
}

// wins counts, over many clients, the winners among relays of these weights
// that all reply to the first round.
func wins(t *testing.T, p *Params, clients uint64, weights ...uint32) []float64 {
	t.Helper()
	var relays []relay
	var replies []Reply
	for i, weight := range weights {
		relays = append(relays, relay{name: string(rune('a' + i)), weight: weight})
		replies = append(replies, Reply{At: 1, Candidate: uint16(i)})
	}
	c, _ := Compile(automatic(""), p, listOf(relays...))
	counts := make([]float64, len(weights))
	for client := range clients {
		sel := New(c, rng.Seed(12).Child(rng.Client, client), 0)
		sel.Trigger(0, Start)
		if err := sel.Replies(1, sel.Drain(nil)[0].Seq, replies); err != nil {
			t.Fatal(err)
		}
		counts[sel.Drain(nil)[0].Target-1]++
	}
	return counts
}

// wantShares bounds chi-square at the quantile 0.999 for 1 to 3 degrees of
// freedom.
func wantShares(t *testing.T, counts []float64, shares ...float64) {
	t.Helper()
	bound := []float64{0, 10.83, 13.82, 16.27}[len(shares)-1]
	total, chi := 0.0, 0.0
	for _, n := range counts {
		total += n
	}
	for i, share := range shares {
		want := total * share
		chi += (counts[i] - want) * (counts[i] - want) / want
	}
	if chi > bound {
		t.Errorf("counts %v for shares %v: chi-square %.2f, want at most %.2f", counts, shares, chi, bound)
	}
}

func TestV12DrawIsProportionalToWeight(t *testing.T) {
	wantShares(t, wins(t, defaultParams(), 40000, 100, 300), 0.25, 0.75)
	wantShares(t, wins(t, defaultParams(), 40000, 1, 2, 3, 4), 0.1, 0.2, 0.3, 0.4)
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 2, weight: 100}, relay{name: "b", hops: 2, weight: 300})
	w.trigger(Start)
	w.run(time.Minute)
	if a := w.last(); a.CompetitionSize != 2 || a.CompetitionWeight != 400 {
		t.Errorf("competition = %d of weight %d, want 2 of weight 400", a.CompetitionSize, a.CompetitionWeight)
	}
}

func TestV13EqualWeightsShareEqually(t *testing.T) {
	wantShares(t, wins(t, defaultParams(), 40000, 100, 100, 100), 1./3, 1./3, 1./3)
}

func TestV14NinthAndTwelfthHopShareARound(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "near", hops: 9, weight: 100}, relay{name: "far", hops: 12, weight: 100})
	w.trigger(Start)
	w.run(time.Minute)
	if a := w.last(); a.CompetitionSize != 2 || a.DistanceMin != 9 || a.DistanceMax != 12 {
		t.Errorf("%v; want a competition of 2 at distance 9..12", a)
	}
}

func TestV15ResistInterval(t *testing.T) {
	for _, tc := range []struct {
		failing time.Duration
		want    bool
	}{{599 * time.Second, false}, {601 * time.Second, true}} {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100})
		w.trigger(Start)
		w.run(time.Hour)
		before := w.count(AskRound)
		w.contact(false)
		w.run(tc.failing)
		w.contact(true)
		w.run(time.Hour)
		if got := w.count(AskRound) > before; got != tc.want {
			t.Errorf("failing for %v: selection %v, want %v", tc.failing, got, tc.want)
		}
	}
}

func TestV16WhatStartsNoSelection(t *testing.T) {
	other, _ := Compile(automatic("elsewhere"), defaultParams(), listOf(relay{name: "b", hops: 1, weight: 100}))
	for name, do := range map[string]func(w *world){
		"agent restart":      func(w *world) { w.trigger(Start) },
		"reboot":             func(w *world) { w.trigger(Stop); w.run(time.Minute); w.trigger(Start) },
		"new list, new seek": func(w *world) { w.sel.SetCourse(other); w.perform() },
	} {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100})
		w.trigger(Start)
		w.run(time.Hour)
		before := w.count(AskRound)
		do(w)
		w.run(time.Hour)
		if got := w.count(AskRound) - before; got != 0 {
			t.Errorf("%s: %d rounds, want none", name, got)
		}
		w.wantParent("a", ByProbe)
		if !w.sel.Registered() {
			t.Errorf("%s: not registered afterwards", name)
		}
	}
}

func TestV17ClockBackAndAddressChange(t *testing.T) {
	if !ClockBackStarts(301*time.Second) || ClockBackStarts(299*time.Second) {
		t.Error("a step of 301 s must start a selection and one of 299 s must not")
	}
	for _, tr := range []Trigger{ClockBack, AddressChange, RelaySelect} {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 1, weight: 100})
		w.trigger(Start)
		w.run(time.Hour)
		before := w.count(AskRound)
		w.trigger(tr)
		w.run(time.Hour)
		if a := w.last(); w.count(AskRound) == before || a.Trigger != tr || a.Started != vtime.Instant(time.Hour) {
			t.Errorf("%v: last selection %v, want one that it started", tr, a)
		}
	}
}

func TestV18InvalidSettingsGiveTheDefault(t *testing.T) {
	def := DefaultSettings()
	for _, bad := range []string{"-5", "abc", "4294967296", "4294967297", "", "1.5", " 5"} {
		got, warnings := ParseSettings(map[string]string{"_BESClient_RelaySelect_IntervalSeconds": bad})
		if got.Interval != def.Interval || len(warnings) != 1 {
			t.Errorf("interval %q: %v, warnings %q; want the default and one warning", bad, got.Interval, warnings)
		}
	}
	got, warnings := ParseSettings(map[string]string{"__RelaySelect_Automatic": "2"})
	if got.Automatic || len(warnings) != 1 {
		t.Errorf("boolean 2: %v, warnings %q; want the default and one warning", got.Automatic, warnings)
	}
	if got, warnings := ParseSettings(map[string]string{"_BESClient_RelaySelect_IntervalSeconds": "4294967295"}); got.Interval != maxNumber*time.Second || len(warnings) != 0 {
		t.Errorf("largest number: %v, warnings %q", got.Interval, warnings)
	}
}

func TestV20FailoverListOverridesFailoverRelay(t *testing.T) {
	s := automatic("")
	s.Failover, s.FailoverList = "single", []string{"l1", "l2"}
	w := newWorld(t, s, defaultParams(), relay{name: "a", weight: 100}, relay{name: "single", hops: 9, advertise: []string{"x"}},
		relay{name: "l1", advertise: []string{"x"}}, relay{name: "l2", advertise: []string{"x"}})
	for _, h := range w.hosts {
		h.echo, h.outcome = false, TCPBlocked
	}
	w.trigger(Start)
	w.run(59 * time.Second)
	if got, want := w.targets(), []string{"l1", "l2", "root"}; !slices.Equal(got, want) {
		t.Errorf("registrations with %v, want %v", got, want)
	}
}

func TestV21FallbackTakesTheRootsPlace(t *testing.T) {
	s := automatic("")
	s.Failover = "failover"
	w := newWorld(t, s, defaultParams(), relay{name: "failover", advertise: []string{"x"}}, relay{name: "fallback", advertise: []string{"x"}})
	w.list.Fallback = 2
	c, _ := Compile(s, defaultParams(), w.list)
	w.sel = New(c, rng.Seed(1), 0)
	w.host("failover").outcome, w.host("fallback").outcome = RelayDown, RelayDown
	w.trigger(Start)
	w.run(10 * time.Minute)
	if got := w.targets(); slices.Contains(got, "root") || !slices.Equal(got[:2], []string{"failover", "fallback"}) {
		t.Errorf("registrations with %v, want failover, fallback and never root", got)
	}
	w.host("fallback").outcome = Registered
	w.run(2 * time.Hour)
	w.wantParent("fallback", ByFallback)
}

func TestV22LabelLength(t *testing.T) {
	long, longest := strings.Repeat("x", 65), strings.Repeat("x", 64)
	for _, tc := range []struct {
		label, seek string
		law         Overlong
		stages      int
	}{
		{longest, longest, RejectLabel, 1},
		{long, longest, RejectLabel, 0},
		{long, long, RejectLabel, 0},
		{long, longest, Truncate64, 1},
		{strings.Repeat("ü", 64), strings.Repeat("Ü", 64), RejectLabel, 1},
	} {
		p := defaultParams()
		p.OverlongLabel = tc.law
		c, warnings := Compile(automatic(tc.seek), p, listOf(relay{name: "a", advertise: []string{tc.label}}))
		if len(c.Stages) != tc.stages {
			t.Errorf("label of %d, seek of %d, law %d: %d stages, want %d", len(tc.label), len(tc.seek), tc.law, len(c.Stages), tc.stages)
		}
		if over := len(tc.label) == 65; over != (len(warnings) > 0) {
			t.Errorf("label of %d: warnings %q", len(tc.label), warnings)
		}
	}
}

// V19 stands beside the Store, V27 beside LuckMetric.

// clock is a time of day as an instant.
func clock(h, m, s int) vtime.Instant {
	return vtime.Instant(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
}

func TestV23ChainSample(t *testing.T) {
	first, second, third := clock(5, 5, 13), clock(11, 5, 10), clock(12, 13, 34)
	if a, b := second.Sub(first), third.Sub(second); a != 21597*time.Second || b != 4104*time.Second {
		t.Fatalf("gaps %v and %v, want 21,597 s and 4,104 s", a, b)
	}
	// The first gap is the periodic one with its jitter (9.3, 9.10), the second
	// an early registration, as at a start; the cycle then begins anew.
	s := automatic("")
	s.Interval = 1000 * time.Hour
	sample := 0
	for client := range uint64(200) {
		c, _ := Compile(s, defaultParams(), listOf(relay{name: "a"}))
		sel := New(c, rng.Seed(23).Child(rng.Client, client), 0)
		sel.state, sel.parent, sel.by, sel.endAt = idle, 1, ByProbe, 0
		sel.settle(first)
		at, ok := sel.Deadline()
		gap := at.Sub(first)
		if !ok || gap < 21540*time.Second || gap > 21660*time.Second {
			t.Fatalf("client %d: next registration after %v, want 6 h and at most 60 s off", client, gap)
		}
		if gap.Truncate(time.Second) == 21597*time.Second {
			sample++
		}
		sel.settle(third)
		if again, _ := sel.Deadline(); again.Sub(third) < 21540*time.Second {
			t.Fatalf("client %d: registration %v after the early one, want the cycle to begin anew", client, again.Sub(third))
		}
	}
	if sample == 0 {
		t.Error("no client of 200 shows the gap of the sample")
	}
}

// sweepOf returns the end of a selection among n relays that never answer.
func sweepOf(t *testing.T, p *Params, n int) Action {
	t.Helper()
	l := crowd(n, 100)
	l.Root = NoRelay
	c, _ := Compile(automatic(""), p, l)
	sel := New(c, 1, 0)
	sel.Trigger(0, Start)
	sel.Expire(vtime.Instant(10 * time.Minute))
	for _, a := range sel.Drain(nil) {
		if a.Kind == GaveUp {
			return a
		}
	}
	t.Fatal("the selection did not end")
	return Action{}
}

func TestV24OneWaveAtTheReviewThresholds(t *testing.T) {
	s := automatic("")
	s.MaximumTTL = 1 // one round
	for _, tc := range []struct{ clients, relays, want uint64 }{{10_000, 50, 500_000}, {20_000, 200, 4_000_000}} {
		c, _ := Compile(s, defaultParams(), crowd(int(tc.relays), 100))
		sel := New(c, 1, 0)
		sel.Trigger(0, Start)
		sel.Expire(vtime.Instant(time.Second))
		if got := tc.clients * uint64(sel.run.probes); got != tc.want || sel.run.rounds != 1 {
			t.Errorf("%d clients, %d relays: %d probes in %d rounds, want %d in one", tc.clients, tc.relays, got, sel.run.rounds, tc.want)
		}
	}
}

func TestV25OneFailedSweepOfTheFleet(t *testing.T) {
	const clients, relays = 20_000, 200
	for _, tc := range []struct {
		schedule      TTLSchedule
		rounds        uint32
		probes, bytes uint64
	}{
		{LinearThenGrow, 18, 72_000_000, 4_608_000_000},
		{Linear, 255, 1_020_000_000, 65_280_000_000},
	} {
		p := defaultParams()
		p.TTLSchedule = tc.schedule
		a := sweepOf(t, p, relays)
		probes := clients * uint64(a.Probes)
		if a.Rounds != tc.rounds || probes != tc.probes || probes*uint64(p.ICMPBytes) != tc.bytes {
			t.Errorf("schedule %d: %d rounds, %d probes, %d bytes; want %d, %d, %d",
				tc.schedule, a.Rounds, probes, probes*uint64(p.ICMPBytes), tc.rounds, tc.probes, tc.bytes)
		}
	}
}

func TestV26NearestRelayWantsACertificate(t *testing.T) {
	for _, tc := range []struct {
		certificate bool
		want        []string
	}{{false, []string{"near", "far"}}, {true, []string{"near"}}} {
		w := newWorld(t, automatic(""), defaultParams(), relay{name: "near", hops: 1, weight: 100}, relay{name: "far", hops: 4, weight: 100})
		w.host("near").gate.Authenticating = true
		w.shown.Certificate = tc.certificate
		w.trigger(Start)
		w.run(time.Minute)
		w.wantParent(tc.want[len(tc.want)-1], ByProbe)
		if got := w.targets(); !slices.Equal(got, tc.want) {
			t.Errorf("certificate %t: registrations with %v, want %v", tc.certificate, got, tc.want)
		}
		if !w.shown.Certificate {
			t.Error("no certificate after the registration (10.2)")
		}
	}
}

func TestV26bSecondClientIsRefusedAtTheCap(t *testing.T) {
	relays := []relay{{name: "near", hops: 1, weight: 100}, {name: "far", hops: 4, weight: 100}}
	var children uint32
	for client, want := range []string{"near", "far"} {
		w := newWorld(t, automatic(""), defaultParams(), relays...)
		w.host("near").gate.MaxChildren, w.host("near").children = 1, children
		w.trigger(Start)
		w.run(time.Minute)
		w.wantParent(want, ByProbe)
		if got := w.targets()[0]; got != "near" {
			t.Errorf("client %d registers with %q first, want near", client, got)
		}
		children = w.host("near").children
	}
}

func TestV26WinnerThatRefusesIsStruck(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "near", hops: 1, weight: 100}, relay{name: "far", hops: 4, weight: 100})
	w.host("near").outcome = NoCertificate
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("far", ByProbe)
	if got := w.targets(); !slices.Equal(got, []string{"near", "far"}) {
		t.Errorf("registrations with %v, want near, far", got)
	}
	// TTL 1 asks both, TTL 2 both, then the struck relay is left out.
	want := [][]string{{"far", "near"}, {"far", "near"}, {"far"}, {"far"}, {"far"}}
	if !slices.EqualFunc(w.asked, want, slices.Equal) {
		t.Errorf("asked %v, want %v", w.asked, want)
	}
}

// The tests below check rows of the specification that no vector covers.

// 1.2: a client on a relay is limited to manual selection.
func TestClientOnARelayIsManual(t *testing.T) {
	s := automatic("").OnRelay()
	s.Primary = "parent"
	w := newWorld(t, &s, defaultParams(), relay{name: "near", weight: 100}, relay{name: "parent", hops: 5})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("parent", ByManual)
}

// 1.7: affiliation matters to automatic mode only.
func TestAffiliationDoesNotMatterInManualMode(t *testing.T) {
	s := manual()
	s.SeekList = "B"
	w := newWorld(t, s, defaultParams(), relay{name: "one", hops: 1, advertise: []string{"A"}}, relay{name: "two", advertise: []string{"B"}})
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("one", ByManual)
}

// 7.5: a fallback relay does not keep automatic clients from selecting the root.
func TestFallbackDoesNotKeepClientsFromTheRoot(t *testing.T) {
	w := newWorld(t, automatic(""), defaultParams(), relay{name: "a", hops: 5, weight: 100})
	w.list.Entries = append(w.list.Entries, Entry{Relay: 0, Key: rng.Hash("root"), Name: "root"})
	w.list.Fallback = 1
	w.hosts[0].hops = 1
	c, _ := Compile(automatic(""), defaultParams(), w.list)
	w.sel = New(c, 1, 0)
	w.trigger(Start)
	w.run(time.Minute)
	w.wantParent("root", ByProbe)
}

// Section 8, steps 4 and 5: the failover relay if it answers, then the root,
// which is not asked.
func TestManualModeEndsWithFailoverAndRoot(t *testing.T) {
	for _, tc := range []struct {
		echo bool
		want string
		by   By
	}{{true, "four", ByFailover}, {false, "root", ByRoot}} {
		w := newWorld(t, manual(), defaultParams(), fourRelays()...)
		for _, h := range w.hosts {
			h.echo = false
		}
		w.host("four").echo = tc.echo
		w.trigger(Start)
		w.run(time.Minute)
		w.wantParent(tc.want, tc.by)
		if want := [][]string{{"one"}, {"two"}, {"three"}, {"four"}}; !slices.EqualFunc(w.asked, want, slices.Equal) {
			t.Errorf("asked %v, want %v", w.asked, want)
		}
	}
}
