package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestSameBytes runs a scenario in ways that must not matter and compares
// every file and the screen.
func TestSameBytes(t *testing.T) {
	scenarios := map[string]string{"tiny": "testdata/tiny.toml", "shipped": "branch-outage"}
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			want := outputs(t, scenario, 1, "--workers", "1", "--level", "round")
			for _, other := range []struct {
				procs int
				flags []string
			}{
				{1, []string{"--workers", "1", "--level", "round"}},
				{2, []string{"--workers", "2", "--level", "round"}},
				{1, []string{"--workers", "2", "--level", "packet"}},
				{2, []string{"--workers", "1", "--level", "packet"}},
				{2, []string{"--workers", "3", "--level", "class"}},
				{1, []string{"--workers", "2", "--level", "hop"}},
			} {
				t.Logf("GOMAXPROCS=%d relaysim run %s %s", other.procs, scenario, strings.Join(other.flags, " "))
				sameTree(t, want, outputs(t, scenario, other.procs, other.flags...))
			}
		})
	}
}

// TestSeedMatters shows that the comparison above could fail.
func TestSeedMatters(t *testing.T) {
	one := outputs(t, "testdata/tiny.toml", 2, "--seed", "1")
	two := outputs(t, "testdata/tiny.toml", 2, "--seed", "2")
	if one["policies.csv"] == two["policies.csv"] {
		t.Error("another seed gave the same policies.csv")
	}
}

// outputs returns what a run writes and prints, without run-info.json, for
// two replications.
func outputs(t *testing.T, scenario string, procs int, flags ...string) map[string]string {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	folder := filepath.Join(t.TempDir(), "out")
	got := call(append([]string{
		"run", scenario, "--replications", "2", "--progress", "none", "-o", folder,
	}, flags...)...)
	if got.code != exitDone && got.code != exitFails && got.code != exitUndecided {
		t.Fatalf("relaysim run %s ended with %d: %s", scenario, got.code, got.stderr)
	}
	files := tree(t, folder)
	if files["run-info.json"] == "" {
		t.Error("the run wrote no run-info.json")
	}
	delete(files, "run-info.json")
	files["screen"] = got.stdout
	return files
}

// tree returns the files below a folder by their names.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func names(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }

func sameTree(t *testing.T, want, got map[string]string) {
	t.Helper()
	if len(want) == 0 {
		t.Error("nothing to compare")
	}
	if !slices.Equal(names(want), names(got)) {
		t.Errorf("files are %v, want %v", names(got), names(want))
	}
	for _, name := range names(want) {
		if got[name] != want[name] {
			t.Errorf("%s differs (%d bytes, want %d)", name, len(got[name]), len(want[name]))
		}
	}
}
