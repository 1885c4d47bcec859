package sim

import (
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// rowTest is a row of the specification that the simulator carries out, and the
// test that holds it to the row.
type rowTest struct {
	row, subject string
	test         func(t *testing.T)
}

// rowTests are in the order of the table of docs/model.md.
var rowTests = []rowTest{
	{"2.8", "weights that the scenario does not give", TestDefaultWeights},
	{"2.10", "a new list counts from the next selection on", TestInstalledRelayIsAskedOnceTheListHasCome},
	{"2.12", "at most one list in the refresh interval", TestListIsPublishedAtMostEveryRefresh},
	{"2.13", "gone relays leave the list, as a parameter", TestRelayThatIsGoneLeavesTheList},
	{"3.2", "change of address", TestAddressChangeInPlace},
	{"3.4", "relay select", TestRelaySelectMakesABurst},
	{"3.5", "clock back by more than 5 minutes", TestClockSetBack},
	{"3.6", "further occurrences, as a parameter", TestExtraTriggers},
	{"3.7", "a restart starts no selection", TestRestartStartsNoSelection},
	{"4.11", "a new seek list counts from the next selection on", TestSeekListIsFollowedAtTheNextSelection},
	{"5.1", "several probes for each relay", TestSeveralProbesARound},
	{"5.15", "spacing of a round's probes", TestProbesThatLeaveOneByOne},
	{"5.15", "late replies", TestLateReplies},
	{"6.4", "load of a weighted draw", TestLoadOfAWeightedDrawIsMultinomial},
	{"6.7b", "cap on children", TestCapTakesTheFirstAndRefusesTheSecond},
	{"7.4", "fallback in the place of the root", TestFallbackRelayTakesThePlaceOfTheRoot},
	{"10.1", "a certificate is needed", TestAuthenticatingRelayRefusesClientWithoutCertificate},
	{"10.3", "key exchange by password", TestWhoPassesAnAuthenticatingRelay},
	{"10.7", "no reports until the next registration", TestSwitchToAuthenticatingSilencesUntilTheNextRegistration},
	{"F19", "a stale list goes on naming the retired", TestStaleListGoesOnAskingTheRetiredRelay},
	{"levels", "a client that rests keeps what it is", TestHandedOverClientsAgree},
	{"levels", "a client that rests sees the world change", TestHandedOverClientsAgree},
	{"levels", "a client that rests gets a new list", TestHandedOverClientsAgree},
	{"levels", "a client that needs packets is handed over", TestBatchesAheadAgree},
	{"levels", "an outage stops those whom it may concern", TestBatchesAheadAgree},
	{"levels", "a list that an outage may change stops all", TestBatchesAheadAgree},
	{"levels", "who lies down behind its batch catches up", TestBatchesAheadAgree},
	{"levels", "who goes by express hears who answers", TestHandedOverClientsAgree},
	{"levels", "who goes by express begins sessions", TestRoutinesAreWhatPacketsDo},
	{"levels", "who goes by express moves", TestRoutinesAreWhatPacketsDo},
	{"levels", "limits count packets as they arrive", TestLimitsCountInOrderOfArrival},
	{"levels", "packets meet the world as it was when they left", TestPacketsUnderWayWhenTheWorldChanges},
}

// TestRow gives the tests the names of their rows: go test -run 'TestRow/2.13'.
func TestRow(t *testing.T) {
	var done []string // some hold to several rows
	for _, r := range rowTests {
		if name := runtime.FuncForPC(reflect.ValueOf(r.test).Pointer()).Name(); !slices.Contains(done, name) {
			done = append(done, name)
			t.Run(r.row+" "+r.subject, r.test)
		}
	}
}

var modelLine = regexp.MustCompile("^\\| (\\S+) \\| ([^|`]+) \\| `(\\w+)` \\| `([\\w.]+)` `([^`]+)` → `([^`]+)` \\|$")

// TestRowsAreThoseOfTheDocument holds rowTests to the table of docs/model.md, and
// the table's faults to the code that they change.
func TestRowsAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Rows and tests of the simulator\n")
	section, _, _ = strings.Cut(section, "\n## ")
	left := rowTests
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| row ") {
			continue
		}
		m := modelLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || len(left) == 0 {
			t.Fatalf("no row of the table, or none that is registered: %s", line)
		}
		r := left[0]
		left = left[1:]
		name := runtime.FuncForPC(reflect.ValueOf(r.test).Pointer()).Name()
		if r.row != m[1] || r.subject != m[2] || !strings.HasSuffix(name, "."+m[3]) {
			t.Errorf("%s %s is registered with %s; the document has %s", r.row, r.subject, name, line)
		}
		code, err := os.ReadFile(m[4])
		if err != nil {
			t.Error(err)
		}
		if n := strings.Count(string(code), m[5]); n != 1 || m[5] == m[6] {
			t.Errorf("row %s: %q is in %s %d times, want once, to be replaced by something else", m[1], m[5], m[4], n)
		}
	}
	if len(left) > 0 {
		t.Errorf("not in the document: %v %s and what follows", left[0].row, left[0].subject)
	}
}
