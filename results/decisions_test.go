package results

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// decisionsPlan is as much of a plan as a file of decisions needs: two policies,
// three places, and three groups, of which one has no clients.
func decisionsPlan() *sim.Plan {
	return &sim.Plan{
		Name: "two-sites", Hash: "abc", Seed: 7, Replications: 2, Duration: 48 * time.Hour, StartOfWeek: 3 * time.Hour,
		Policies: []sim.PolicyPlan{{Name: "closed"}, {Name: "open"}},
		Networks: []sim.NetworkPlan{{Name: "paris"}, {Name: "lyon"}, {Name: "home"}},
		Labels:   []string{"desktop", "laptop"},
		Groups: []sim.GroupPlan{
			{ID: "desktop/paris", Label: 0, Count: 3}, {ID: "desktop/lyon", Label: 0}, {ID: "laptop", Label: 1, Count: 4},
		},
		Relays: []sim.RelayPlan{{Name: "dmz-1"}, {Name: "root", Root: true}},
	}
}

// someTrace has up to n selections for each client, of every kind.
func someTrace(p *sim.Plan, seed uint64, n int) *sim.Trace {
	r := rand.New(rand.NewPCG(seed, 1))
	kinds := []selection.ActionKind{selection.Decided, selection.GaveUp, selection.Kept}
	t := &sim.Trace{}
	for c := range 7 {
		label := 0
		if c >= 3 {
			label = 1
		}
		at := vtime.Instant(0)
		for range r.IntN(n + 1) {
			at += vtime.Instant(1 + r.Int64N(int64(p.Duration)/int64(n+1)))
			d := sim.Decision{
				Client: uint32(c), Slot: int32(p.Slot(label, r.IntN(3))), Started: at, Ended: at + vtime.Instant(r.Int64N(1e9)),
				Kind: kinds[r.IntN(3)], Trigger: selection.Trigger(r.IntN(int(selection.NumTriggers))),
				By: selection.By(r.IntN(int(selection.NumBy))), DistanceMax: int16(r.IntN(256) - 1), Size: uint16(r.Uint32()),
				Target: selection.RelayID(r.IntN(2)), Rounds: r.Uint32(), Probes: r.Uint32(),
			}
			if d.Kind == selection.GaveUp {
				d.Target = selection.NoRelay
			}
			t.Decisions = append(t.Decisions, d)
		}
	}
	return t
}

// blocksOf is how many blocks a cell of the tests comes in.
const blocksOf = 5

// nthBlock has every fifth decision: as if workers had taken turns.
func nthBlock(t *sim.Trace, n int) (block []sim.Decision) {
	for i := n; i < len(t.Decisions); i += blocksOf {
		block = append(block, t.Decisions[i])
	}
	return block
}

// writeDecisions writes a file of all cells and returns its bytes and what was
// written into it.
func writeDecisions(t testing.TB, n int) ([]byte, []*sim.Trace) {
	t.Helper()
	p := decisionsPlan()
	path := filepath.Join(t.TempDir(), "d.bin")
	w, err := CreateDecisions(path, p)
	if err != nil {
		t.Fatal(err)
	}
	var traces []*sim.Trace
	for cell := range 4 {
		traces = append(traces, someTrace(p, uint64(cell), n))
	}
	// Each cell comes in blocks, between those of others.
	for block := range blocksOf {
		for cell, trace := range traces {
			if err := w.Take(cell%2, cell/2, nthBlock(trace, block)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for cell := range traces {
		if err := w.End(t.Context(), cell%2, cell/2); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Finish(), w.Commit(), w.Drop()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the file there is %v, %v", left, err)
	}
	return data, traces
}

// readDecisions reads a file to its end.
func readDecisions(data []byte) ([]Decision, *DecisionsReader, error) {
	r, err := NewDecisionsReader(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	var all []Decision
	for {
		var d Decision
		if err := r.Read(&d); err == io.EOF {
			return all, r, nil
		} else if err != nil {
			return all, r, err
		}
		all = append(all, d)
	}
}

func TestDecisionsRoundTrip(t *testing.T) {
	data, traces := writeDecisions(t, 6000) // more than is written at once
	if len(data) < writeAtOnce {
		t.Fatalf("%d bytes are written at once", len(data))
	}
	got, r, err := readDecisions(data)
	if err != nil {
		t.Fatal(err)
	}
	if h := &r.Head; h.Scenario != "two-sites" || h.ScenarioHash != "abc" || h.Seed != 7 || h.ModelVersion != sim.ModelVersion || h.Groups[2].First != 3 {
		t.Errorf("the head is %+v", h)
	}
	n := 0
	for cell, trace := range traces {
		for _, d := range trace.Decisions {
			if n == len(got) {
				t.Fatalf("%d decisions were read, not all", n)
			}
			want := Decision{
				Policy: cell % 2, Replication: cell/2 + 1, Place: int(d.Slot) % 3, Number: int(d.Client),
				Parent: int(d.Target), Started: d.Started, Ended: d.Ended,
				Kind: d.Kind.String(), Trigger: d.Trigger.String(), By: d.By.String(),
				DistanceMax: int(d.DistanceMax), Candidates: int(d.Size), Rounds: d.Rounds, Probes: d.Probes,
			}
			if d.Client >= 3 {
				want.Group, want.Number = 2, int(d.Client)-3
			}
			if d.Kind == selection.GaveUp {
				want.Parent = -1
			}
			if got[n] != want {
				t.Fatalf("decision %d is %+v, want %+v", n, got[n], want)
			}
			n++
		}
	}
	if n != len(got) {
		t.Errorf("%d decisions were read, want %d", len(got), n)
	}
}

// A file that ends too early is found out wherever it ends, and says where.
func TestDecisionsCutOff(t *testing.T) {
	data, _ := writeDecisions(t, 1)
	for n := range data {
		_, _, err := readDecisions(data[:n])
		var wrong *DecisionsError
		if !errors.As(err, &wrong) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
		if n >= len(decisionsMagic) && (wrong.Offset != int64(n) || !strings.Contains(wrong.What, "cut off")) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
}

// Whichever byte is changed, the file is not taken for whole.
func TestDecisionsChanged(t *testing.T) {
	data, _ := writeDecisions(t, 1)
	for n := range data {
		for _, by := range []byte{1, 0x80, 0xff} {
			changed := bytes.Clone(data)
			changed[n] ^= by
			_, _, err := readDecisions(changed)
			var wrong *DecisionsError
			if !errors.As(err, &wrong) || wrong.Offset < 0 || wrong.Offset > int64(len(data)) {
				t.Fatalf("byte %d changed by %#x: %v", n, by, err)
			}
		}
	}
}

// record is where the n-th record of a file begins.
func record(data []byte, n int) int {
	return prefixBytes + int(binary.LittleEndian.Uint32(data[12:])) + n*DecisionBytes
}

func TestDecisionsErrors(t *testing.T) {
	good, _ := writeDecisions(t, 1)
	if len(good) < record(good, 3)+DecisionBytes {
		t.Fatal("the file has too few records")
	}
	le := binary.LittleEndian
	for name, tc := range map[string]struct {
		change func(b []byte) []byte
		offset int
		what   string
	}{
		"other file":  {func(b []byte) []byte { return []byte("PK\x03\x04 and more than the sixteen bytes") }, 0, "this is no file of decisions"},
		"empty":       {func(b []byte) []byte { return nil }, 0, "this is no file of decisions"},
		"format":      {func(b []byte) []byte { le.PutUint32(b[8:], 2); return b }, 8, "format 2 is not known (this program reads 1)"},
		"head's size": {func(b []byte) []byte { le.PutUint32(b[12:], 1<<30); return b }, 12, "more than the 67108864"},
		"head":        {func(b []byte) []byte { b[16] = '['; return b }, 16, "the head: "},
		"record bytes": {func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"record_bytes":48`), []byte(`"record_bytes":40`), 1)
		}, 16, "records of 40 bytes"},
		"groups": {func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"first_client":3`), []byte(`"first_client":2`), 1)
		}, 16, "do not follow one another"},
		"client":      {func(b []byte) []byte { le.PutUint32(b[record(b, 1):], 7); return b }, record(good, 1), "client 7 is not one of 7"},
		"replication": {func(b []byte) []byte { le.PutUint32(b[record(b, 1)+4:], 3); return b }, record(good, 1), "replication 3 is outside [1, 2]"},
		"policy":      {func(b []byte) []byte { b[record(b, 1)+36] = 2; return b }, record(good, 1), "policy 2 is not one of 2"},
		"order":       {func(b []byte) []byte { copy(b[record(b, 1):], b[record(b, 0):record(b, 1)]); return b }, record(good, 1), "does not come after"},
		"checksum":    {func(b []byte) []byte { b[record(b, 0)+24] ^= 1; return b }, len(good) - DecisionBytes, "the checksum does not agree"},
		"lost record": {func(b []byte) []byte { return append(b[:record(b, 0)], b[record(b, 1):]...) }, len(good) - 2*DecisionBytes + 8, "selections, the file has"},
		"more":        {func(b []byte) []byte { return append(b, 0) }, len(good), "something follows the end"},
	} {
		_, _, err := readDecisions(tc.change(bytes.Clone(good)))
		var wrong *DecisionsError
		if !errors.As(err, &wrong) || wrong.Offset != int64(tc.offset) || !strings.Contains(wrong.What, tc.what) {
			t.Errorf("%s: %v, want offset %d: %s", name, err, tc.offset, tc.what)
		}
	}
}

// What is not committed leaves what was there, and nothing else.
func TestDecisionsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.bin")
	if err := os.WriteFile(path, []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := decisionsPlan()
	w, err := CreateDecisions(path, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Take(0, 0, someTrace(p, 1, 9).Decisions), w.End(t.Context(), 0, 0),
		w.Take(1, 0, someTrace(p, 2, 9).Decisions), w.Finish(), w.Drop()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if data, _ := os.ReadFile(path); string(data) != "before" || len(left) != 1 || err != nil {
		t.Errorf("%q and %v are left, %v", data, left, err)
	}
}

// A path that cannot be taken is found out at once, with its name.
func TestDecisionsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "below"), filepath.Join(dir, "no", "such")} {
		w, err := CreateDecisions(path, decisionsPlan())
		if err == nil || !strings.Contains(err.Error(), "write "+path) {
			t.Errorf("%s: %v", path, err)
			_ = w.Drop()
		}
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("%v is left, %v", left, err)
	}
}

// The reader neither panics nor takes what the head cannot name; a file that it
// takes for whole is, record by record, what a writer would have written.
func FuzzDecisions(f *testing.F) {
	data, _ := writeDecisions(f, 1)
	f.Add(data)
	f.Add(data[:len(data)-DecisionBytes])
	f.Add(data[:record(data, 0)])
	f.Fuzz(func(t *testing.T, data []byte) {
		all, r, err := readDecisions(data)
		for i := range all {
			d, h := &all[i], &r.Head
			if d.Policy >= len(h.Policies) || d.Place >= len(h.Places) || d.Parent >= len(h.Relays) || d.Group >= len(h.Groups) ||
				d.Number < 0 || d.Number >= h.Groups[d.Group].Count || d.Started < 0 || d.Ended < d.Started || d.Replication < 1 {
				t.Fatalf("decision %d is %+v under the head %+v", i, d, h)
			}
		}
		if err == nil && len(data) != record(data, len(all))+DecisionBytes {
			t.Errorf("%d decisions in %d bytes are taken for whole", len(all), len(data))
		}
	})
}
