package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
)

// shippedFolder has what is embedded in the command.
const shippedFolder = "../../scenarios"

// flip removes the cause of some goals and findings of a shipped scenario.
type flip struct {
	Scenario string
	// Cause is what is removed, in words.
	Cause    string
	Policies []string
	Edit     []edition
	// Fails and NoData are the verdicts that must not hold, by policy as in a
	// scenario's goals and findings.
	Fails  map[string][]string
	NoData map[string][]string `toml:"no_data"`
}

// edition replaces the only occurrence of a text in the scenario, or in a file
// of its folder.
type edition struct {
	In, Old, New string
}

// flips reads testdata/flips.toml.
func flips(t *testing.T) []flip {
	t.Helper()
	var file struct{ Flip []flip }
	meta, err := toml.DecodeFile("testdata/flips.toml", &file)
	if err != nil {
		t.Fatal(err)
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		t.Fatalf("testdata/flips.toml has unknown keys: %v", extra)
	}
	return file.Flip
}

// TestFlips runs each shipped scenario as it is, where every goal and finding
// must hold, and with one cause after the other removed, where exactly the
// verdicts that rest on it must change.
func TestFlips(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios.Names() {
		t.Run(name+"/as it is", func(t *testing.T) {
			t.Parallel()
			checkVerdicts(t, flip{Scenario: name}, exitDone)
		})
	}
	if testing.Short() {
		return
	}
	for _, f := range flips(t) {
		t.Run(f.Scenario+"/"+f.Cause, func(t *testing.T) {
			t.Parallel()
			if len(f.Edit) == 0 || len(f.Policies) == 0 || len(f.Fails) == 0 {
				t.Fatal("a flip needs an edit, policies, and verdicts that fail")
			}
			checkVerdicts(t, f, exitFails)
		})
	}
}

// TestEachExpectationHasAFlip makes sure that no goal or finding is shipped
// that has not been seen to fail. Having no data is not enough.
func TestEachExpectationHasAFlip(t *testing.T) {
	flipped := map[string]bool{} // "scenario: policy: text"
	for _, f := range flips(t) {
		for verdict := range outcomes(f.Fails, results.Fails) {
			flipped[f.Scenario+": "+verdict] = true
		}
	}
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plan := s.Plan()
		if len(plan.Expectations) == 0 {
			t.Errorf("%s expects nothing", name)
		}
		for _, e := range plan.Expectations {
			policy, other := plan.Policies[e.Policy].Name, ""
			if e.Other >= 0 {
				other = plan.Policies[e.Other].Name
			}
			if key := verdictKey(policy, other, e.Text); !flipped[name+": "+key] {
				t.Errorf("%s: no flip of testdata/flips.toml makes %q fail", e.Source, key)
			}
		}
	}
}

// checkVerdicts runs a flipped scenario and compares all its verdicts.
func checkVerdicts(t *testing.T, f flip, code int) {
	t.Helper()
	dir := t.TempDir()
	args := []string{
		"run", flippedCopy(t, dir, f), "-o", filepath.Join(dir, "out"),
		"--json", "--replications", "3", "--workers", "1", "--progress", "none",
	}
	for _, policy := range f.Policies {
		args = append(args, "--policy", policy)
	}
	got := call(args...)
	if got.code != code {
		t.Errorf("relaysim %s ended with %d, want %d; stderr: %s", strings.Join(args, " "), got.code, code, got.stderr)
	}
	summary, err := results.ReadSummary([]byte(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]results.Outcome{}
	for _, v := range summary.Verdicts {
		if v.Result != results.Holds {
			changed[verdictKey(v.Policy, v.Other, v.Text)] = v.Result
		}
	}
	want := outcomes(f.Fails, results.Fails)
	maps.Copy(want, outcomes(f.NoData, results.NoData))
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("verdicts that do not hold (-want +got):\n%s", diff)
	}
}

// flippedCopy copies a shipped scenario with the files it refers to, edits the
// copy, and returns its path.
func flippedCopy(t *testing.T, dir string, f flip) string {
	t.Helper()
	folder := filepath.Join(dir, f.Scenario)
	files := filepath.Join(shippedFolder, f.Scenario) // some scenarios are a single file
	if err := os.CopyFS(folder, os.DirFS(files)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(shippedFolder, f.Scenario+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+".toml", text, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.Edit {
		path := folder + ".toml"
		if e.In != "" {
			path = filepath.Join(folder, e.In)
		}
		e.apply(t, path)
	}
	return folder + ".toml"
}

func (e edition) apply(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), e.Old); n != 1 {
		t.Fatalf("%s has %q %d times, want once", filepath.Base(path), e.Old, n)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), e.Old, e.New, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// outcomes gives every verdict of a table the same outcome.
func outcomes(byPolicy map[string][]string, o results.Outcome) map[string]results.Outcome {
	out := map[string]results.Outcome{}
	for policy, texts := range byPolicy {
		for _, text := range texts {
			out[verdictKey(policy, "", text)] = o
		}
	}
	return out
}

// verdictKey names a verdict: "policy: text" or "policy vs other: text".
func verdictKey(policy, other, text string) string {
	if other != "" {
		policy += " vs " + other
	}
	return policy + ": " + text
}
