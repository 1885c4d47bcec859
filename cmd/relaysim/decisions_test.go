package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/results"
)

// decisionsFile runs a scenario and returns the file of its decisions.
func decisionsFile(t *testing.T, scenario string, flags ...string) (path string, data []byte) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "d.bin")
	got := call(append([]string{
		"run", scenario, "--progress", "none", "--undecided", "pass", "-o", filepath.Join(dir, "out"), "--decisions", path,
	}, flags...)...)
	if got.code != exitDone {
		t.Fatalf("relaysim run %s %s ended with %d: %s", scenario, strings.Join(flags, " "), got.code, got.stderr)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		t.Fatalf("%d bytes of decisions, %v", len(data), err)
	}
	return path, data
}

// The decisions are the same bytes at every level and for any workers.
func TestDecisionsAreTheSameBytes(t *testing.T) {
	for _, scenario := range []string{"testdata/tiny.toml", "hotel-portal"} {
		_, want := decisionsFile(t, scenario, "--replications", "2", "--workers", "1")
		for _, flags := range [][]string{
			{"--level", "class", "--workers", "2"},
			{"--level", "class", "--workers", "13"},
			{"--level", "round", "--workers", "2"},
			{"--level", "packet", "--workers", "3"},
		} {
			_, got := decisionsFile(t, scenario, append(flags, "--replications", "2")...)
			if !bytes.Equal(got, want) {
				t.Errorf("relaysim run %s %s: %d bytes of decisions differ from %d", scenario, strings.Join(flags, " "), len(got), len(want))
			}
		}
		if _, other := decisionsFile(t, scenario, "--replications", "2", "--seed", "99"); bytes.Equal(other, want) {
			t.Errorf("%s: another seed gave the same decisions", scenario)
		}
	}
}

// A reader that goes away ends the command, and a file that was cut off is
// told after what is good of it.
func TestDecisionsInParts(t *testing.T) {
	path, data := decisionsFile(t, "testdata/tiny.toml", "--replications", "1")
	var stderr bytes.Buffer
	if code := run([]string{"decisions", path}, strings.NewReader(""), shut{}, &stderr); code != exitBroken {
		t.Errorf("into a closed pipe it ended with %d, want %d: %s", code, exitBroken, &stderr)
	}
	whole := call("decisions", path).stdout
	if err := os.WriteFile(path, data[:len(data)-10*results.DecisionBytes-7], 0o666); err != nil {
		t.Fatal(err)
	}
	got := call("decisions", path)
	lines := strings.SplitAfter(whole, "\n")
	if want := strings.Join(lines[:len(lines)-1-10], ""); got.stdout != want {
		t.Errorf("of the file that was cut off %d bytes were shown, want %d", len(got.stdout), len(want))
	}
	if got.code != exitUsage || !strings.Contains(got.stderr, "cut off") {
		t.Errorf("it ended with %d: %s", got.code, got.stderr)
	}
}

// The lines and the names in the documentation are those that are printed.
func TestDecisionsDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	path, _ := decisionsFile(t, "internet-relays", "--replications", "1", "--policy", "tcp-only-failover", "--policy", "echo")
	got := call("decisions", path, "--client", "laptop/paris/3", "--from", "Wed 08:00", "--to", "Wed 09:30")
	if got.code != exitDone || got.stdout == "" {
		t.Fatalf("relaysim decisions ended with %d: %s", got.code, got.stderr)
	}
	if shown := "    " + strings.ReplaceAll(strings.TrimSuffix(got.stdout, "\n"), "\n", "\n    ") + "\n"; !strings.Contains(doc, shown) {
		t.Errorf("docs/decisions.md does not show what is printed:\n%s", shown)
	}
	table := call("decisions", path, "--by", "manual", "--csv").stdout
	names := strings.Split(strings.TrimSpace(table), ",")
	if len(names) < 10 {
		t.Fatalf("the table has the columns %q", names)
	}
	for _, name := range jsonFields(reflect.TypeFor[results.DecisionsHead](), names) {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/decisions.md does not explain %s", name)
		}
	}
}
