package selection

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// specRows are the rows of the specification's sections 1 to 10; 8.n are the
// steps of manual mode, CFG the general rules for settings.
func specRows() []string {
	rows := []string{"CFG", "5.13b", "6.7b", "10.9b"}
	for section, last := range []int{7, 15, 13, 14, 15, 10, 9, 5, 10, 10} {
		for i := range last {
			rows = append(rows, fmt.Sprintf("%d.%d", section+1, i+1))
		}
	}
	slices.Sort(rows)
	return rows
}

// modelRow is a line of the table "Rows and tests" of docs/model.md.
type modelRow struct{ row, text, test, file, old, new string }

var modelLine = regexp.MustCompile("^\\| (\\S+) \\| ([^|`]+) \\| (?:–|`(\\w+)`) \\| (?:–|`([\\w./]+)` `([^`]+)` → `([^`]+)`) \\|$")

// modelRows reads that table.
func modelRows(t *testing.T) []modelRow {
	t.Helper()
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Rows and tests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []modelRow
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| row ") {
			continue
		}
		m := modelLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("docs/model.md: no row of the table: %s", line)
			continue
		}
		rows = append(rows, modelRow{m[1], m[2], m[3], m[4], m[5], m[6]})
	}
	return rows
}

// testNames are the tests of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}

// rowTest is a row that states behaviour, and the test that holds the code to it.
type rowTest struct {
	row, subject string
	test         func(t *testing.T)
}

// rowTests are the tests of the rows, in the order of that table.
var rowTests = []rowTest{
	{"1.1", "manual is the default", TestDefaultSettings},
	{"1.2", "a client on a relay is manual", TestClientOnARelayIsManual},
	{"1.5", "relay select", TestV17ClockBackAndAddressChange},
	{"1.6", "manual: one probe first", TestV6ManualSkipsAPrimaryThatDropsEcho},
	{"1.6", "at the maximum TTL", TestV5ManualProbesInOrderAtMaximumTTL},
	{"1.7", "affiliation in automatic mode only", TestAffiliationDoesNotMatterInManualMode},
	{"2.1", "candidates are the entries", TestV8NoSeekListMeansTheUnaffiliatedSet},
	{"2.4", "lower priority number first", TestV11PriorityGoesBeforeDistance},
	{"2.5", "weight is relative", TestV12DrawIsProportionalToWeight},
	{"2.6", "an entry for each affiliation", TestV7SeekListGivesGroupsInOrder},
	{"2.7", "published samples", TestV3PublishedSampleCountsRepeatedEntries},
	{"2.7", "the lone entry of weight 0", TestV4LoneEntryOfWeightZeroIsChosen},
	{"2.10", "a new list starts no selection", TestV16WhatStartsNoSelection},
	{"2.11", "a name that does not resolve", TestUnknownHostsGetHandlesOfTheirOwn},
	{"2.14", "not selectable", TestEntryOutOfAutomaticChoiceIsNoCandidate},
	{"3.1", "the timer", TestIntervalRunsFromTheEndOfTheLastSelection},
	{"3.2", "change of address", TestAddressChangeAbandonsWhatIsInFlight},
	{"3.3", "loss of the parent", TestParentLostStartsASelectionAfterTheResistInterval},
	{"3.4", "relay select", TestV17ClockBackAndAddressChange},
	{"3.5", "clock back by more than 5 minutes", TestV17ClockBackAndAddressChange},
	{"3.6", "further occurrences, as a parameter", TestExtraTriggersStartASelectionIfListed},
	{"3.7", "restart, reboot, new list, new seek list start none", TestV16WhatStartsNoSelection},
	{"3.8", "latency of the main loop", TestLoopLatencyDelaysTheStart},
	{"3.9", "resist interval", TestV15ResistInterval},
	{"3.10", "control settings: retry up to the maximum", TestRetryWaitGrowsToItsCap},
	{"3.10", "maximum TTL", TestHopCounts},
	{"3.10", "the parent that works is kept on the way, too", TestFollowIsExpireRoundByRound},
	{"CFG", "invalid values give the default", TestV18InvalidSettingsGiveTheDefault},
	{"CFG", "effective dates", TestV19},
	{"CFG", "client reset", TestStoreReset},
	{"4.1", "only relays of the groups sought", TestV7SeekListGivesGroupsInOrder},
	{"4.2", "semicolons", TestV7SeekListGivesGroupsInOrder},
	{"4.5", "case and blanks", TestV9LabelsIgnoreCaseAndBlanks},
	{"4.5", "special characters", TestSpecialCharactersInLabelsAreReported},
	{"4.6", "64 characters", TestV22LabelLength},
	{"4.7", "order of groups", TestV9LabelsIgnoreCaseAndBlanks},
	{"4.8", "the unaffiliated set", TestV8NoSeekListMeansTheUnaffiliatedSet},
	{"4.9", "an entry for each group", TestV7SeekListGivesGroupsInOrder},
	{"4.10", "no seek list", TestV8NoSeekListMeansTheUnaffiliatedSet},
	{"4.11", "a new seek list counts from the next selection on", TestNewCourseCountsFromTheNextSelection},
	{"4.12", "the root kept out by a label", TestV10RootOutOfAutomaticChoiceIsStillTheLastResort},
	{"4.13", "the next group when none of one can be used", TestGroupAdvance},
	{"5.1", "a packet to every relay in each round", TestV2SecondRoundReachesTheNearerRelay},
	{"5.1", "to whom else, as a parameter", TestProbeScope},
	{"5.2", "rising from 0", TestHopCounts},
	{"5.2", "rounds without an answer in one leap", TestFollowIsExpireRoundByRound},
	{"5.3", "until a relay responds", TestV2SecondRoundReachesTheNearerRelay},
	{"5.4", "worked example", TestV1FirstRoundOfTwoRelaysBringsOnlyTimeExceeded},
	{"5.5", "IP TTL is hops + 1", TestV1FirstRoundOfTwoRelaysBringsOnlyTimeExceeded},
	{"5.6", "distance is a range", TestV14NinthAndTwelfthHopShareARound},
	{"5.7", "those at the same approximate distance compete", TestV14NinthAndTwelfthHopShareARound},
	{"5.8", "from the previous round to this one", TestV14NinthAndTwelfthHopShareARound},
	{"5.10", "the reply alone is enough", TestTranscripts},
	{"5.11", "no reply, no registration", TestV6ManualSkipsAPrimaryThatDropsEcho},
	{"5.13", "distance is reported", TestV2SecondRoundReachesTheNearerRelay},
	{"5.14", "size of a probe, as a parameter", TestV25OneFailedSweepOfTheFleet},
	{"5.15", "spacing of a round's probes, as a parameter", TestGapBetweenProbes},
	{"5.15", "answers are left unknown only in a round that lasts to its time-out", TestWhatIsNotRevealed},
	{"6.1", "priority before distance", TestV11PriorityGoesBeforeDistance},
	{"6.1", "closer before farther", TestV2SecondRoundReachesTheNearerRelay},
	{"6.2", "a higher weight is likelier", TestV12DrawIsProportionalToWeight},
	{"6.3", "size and weight of the competition", TestV12DrawIsProportionalToWeight},
	{"6.4", "proportional draw", TestRaceAgreesWithTheObviousOne},
	{"6.4", "uniform draw, as a parameter", TestUniformDraw},
	{"6.4", "the same draw where answers are revealed at their turn", TestRevealChoosesAsIfAllWereKnown},
	{"6.4", "who has not answered is out of the draw", TestRevealAsksInTheOrderOfTheRace},
	{"6.5", "equals share the load", TestV13EqualWeightsShareEqually},
	{"6.7b", "cap on children", TestV26bSecondClientIsRefusedAtTheCap},
	{"6.10", "an alternative metric, as a function", TestV27LuckMetric},
	{"7.1", "failover relay", TestV21FallbackTakesTheRootsPlace},
	{"7.2", "failover list overrides", TestV20FailoverListOverridesFailoverRelay},
	{"7.3", "random relay only without failover", TestRandomRelayComesBeforeTheRootAndOnlyWithoutFailover},
	{"7.4", "fallback in the place of the root", TestV21FallbackTakesTheRootsPlace},
	{"7.5", "a fallback relay does not hide the root", TestFallbackDoesNotKeepClientsFromTheRoot},
	{"7.6", "values are URLs", TestParseHost},
	{"8.1", "primary first", TestV5ManualProbesInOrderAtMaximumTTL},
	{"8.2", "then the secondary", TestV6ManualSkipsAPrimaryThatDropsEcho},
	{"8.3", "then the tertiary list", TestV5ManualProbesInOrderAtMaximumTTL},
	{"8.4", "then the failover relay, if it answers", TestManualModeEndsWithFailoverAndRoot},
	{"8.5", "then the root", TestManualModeEndsWithFailoverAndRoot},
	{"9.1", "registration at the start", TestStartBeginsTheCycleOfRegistrationsAnew},
	{"9.2", "tried again every few minutes", TestOwedRegistrationIsTriedAgain},
	{"9.3", "every 6 hours", TestPeriodicRegistrationKeepsItsPhase},
	{"9.4", "published chain", TestV23ChainSample},
	{"9.10", "jitter does not add up", TestPeriodicRegistrationKeepsItsPhase},
	{"10.1", "a certificate is needed", TestAdmit},
	{"10.2", "key exchange through a relay that does not authenticate", TestAdmit},
	{"10.3", "key exchange by password", TestAdmit},
	{"10.4", "no password, no exchange", TestAdmit},
	{"10.5", "older than 9.0", TestAdmit},
	{"10.10", "as any refusal", TestV26NearestRelayWantsACertificate},
}

// TestRow gives the tests the names of their rows: go test -run 'TestRow/3.9'.
func TestRow(t *testing.T) {
	for _, r := range rowTests {
		t.Run(r.row+" "+r.subject, r.test)
	}
}

// testName is the name of a test function.
func testName(f func(*testing.T)) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

// TestEveryRowHasATestOrAReason holds the table to the specification's rows, to
// the tests and to the code that its faults change.
func TestEveryRowHasATestOrAReason(t *testing.T) {
	var seen, registered, want []string
	for _, r := range rowTests {
		registered = append(registered, r.row+" "+r.subject+": "+testName(r.test))
	}
	for _, r := range modelRows(t) {
		seen = append(seen, r.row)
		if (r.test == "") != (r.old == "") {
			t.Errorf("row %s has a test or a fault without the other", r.row)
		}
		if r.test == "" {
			continue
		}
		want = append(want, r.row+" "+r.text+": "+r.test)
		code, err := os.ReadFile(r.file)
		if err != nil {
			t.Errorf("row %s: %v", r.row, err)
		}
		if n := strings.Count(string(code), r.old); n != 1 || r.old == r.new {
			t.Errorf("row %s: %q is in %s %d times, want once, to be replaced by something else", r.row, r.old, r.file, n)
		}
	}
	if diff := cmp.Diff(want, registered); diff != "" {
		t.Errorf("tests of rows (-docs/model.md +rowTests):\n%s", diff)
	}
	slices.Sort(seen)
	if got, want := slices.Compact(seen), specRows(); !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

// TestEveryVectorHasATest holds the vectors of docs/model.md to tests of their
// names.
func TestEveryVectorHasATest(t *testing.T) {
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	ids := append([]string{"26b"}, make([]string, 27)...)
	for i := range 27 {
		ids[i+1] = fmt.Sprint(i + 1)
	}
	for _, id := range ids {
		if !strings.Contains(string(text), "\n| V"+id+" | ") {
			t.Errorf("docs/model.md has no vector V%s", id)
		}
		named := false
		for name := range tests {
			rest, ok := strings.CutPrefix(name, "TestV"+id)
			named = named || ok && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z')
		}
		if !named {
			t.Errorf("no test is named after V%s", id)
		}
	}
}
