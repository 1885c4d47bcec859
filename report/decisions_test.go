package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/vtime"
)

var decisionsHead = results.DecisionsHead{
	Replications: 12, Duration: 9 * 24 * time.Hour, StartOfWeek: 33 * time.Hour,
	Policies: []string{"echo", "tcp-only"}, Places: []string{"home", "são-paulo"}, Relays: []string{"dmz, 1", "root"},
	Groups: []results.DecisionsGroup{{ID: "laptop/paris", Label: "laptop", Count: 120}, {ID: "remote", Label: "remote", First: 120, Count: 1}},
}

var someDecisions = []results.Decision{
	{Policy: 1, Replication: 3, Group: 0, Number: 7, Place: 1, Parent: -1, Ended: 46 * vtime.Instant(time.Second), Kind: "gave up", By: "none", Trigger: "parent lost", DistanceMax: -1, Rounds: 36, Probes: 1072},
	{Policy: 0, Replication: 12, Group: 1, Parent: 0, Started: vtime.Instant(24*time.Hour + time.Millisecond), Ended: vtime.Instant(24*time.Hour + 21*time.Millisecond), Kind: "decided", By: "probe", Trigger: "timer", DistanceMax: 1, Candidates: 2, Rounds: 1, Probes: 1},
	{Policy: 0, Replication: 12, Group: 1, Parent: 1, Started: vtime.Instant(200 * time.Hour), Ended: vtime.Instant(201 * time.Hour), Kind: "kept", By: "root", Trigger: "vpn up", DistanceMax: 13},
}

// written lets a printer write all of someDecisions.
func written(t *testing.T, b *bytes.Buffer, p *Decisions, err error) string {
	t.Helper()
	for i := range someDecisions {
		if err == nil {
			err = p.Write(&someDecisions[i])
		}
	}
	if err == nil {
		err = p.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDecisionsText(t *testing.T) {
	var b bytes.Buffer
	got := written(t, &b, NewDecisionsText(&b, &decisionsHead), nil)
	want := `tcp-only  3   Tue 09:00:00         laptop/paris/7    são-paulo  no parent; 36 rounds, 1,072 probes, 46s; contact with its parent failed for the resist interval
echo      12  Wed 09:00:00         remote/0          home       dmz, 1, found by probing, drawn from 2, at most 1 hop; 1 round, 1 probe, 20 ms; the re-selection interval passed
echo      12  week 2 Wed 17:00:00  remote/0          home       root kept, as last resort, at most 13 hops; 0 rounds, 0 probes, 1h; vpn up
`
	if got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}

// The table and the objects say the same.
func TestDecisionsForPrograms(t *testing.T) {
	var b bytes.Buffer
	p, err := NewDecisionsCSV(&b, &decisionsHead)
	table, err := csv.NewReader(strings.NewReader(written(t, &b, p, err))).ReadAll()
	if err != nil || len(table) != len(someDecisions)+1 || !slices.Equal(table[0], decisionColumns) {
		t.Fatalf("the table is %v, %v", table, err)
	}
	want := []string{"echo", "12", "remote/0", "remote", "home", "timer", "Wed 09:00:00", "86400001000000", "86400021000000", "decided", "dmz, 1", "probe", "1", "2", "1", "1"}
	if !slices.Equal(table[2], want) {
		t.Errorf("the second row is %q, want %q", table[2], want)
	}

	b.Reset()
	d := json.NewDecoder(strings.NewReader(written(t, &b, NewDecisionsJSON(&b, &decisionsHead), nil)))
	for _, cells := range table[1:] {
		var row decisionRow
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if got := row.cells(nil); !slices.Equal(got, cells) {
			t.Errorf("an object has %q, its row %q", got, cells)
		}
	}
	// Each column is the field of its place, by name up to the unit.
	row := reflect.TypeFor[decisionRow]()
	for i, column := range decisionColumns {
		if name, _, _ := strings.Cut(row.Field(i).Tag.Get("json"), ","); !strings.HasPrefix(column, name) {
			t.Errorf("column %s has the field %s", column, name)
		}
	}
}
