package scenarios

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what testdata/errors/*.txtar want")

// archives returns testdata/errors with the base scenario added to each: one
// scenario.toml, the files it refers to, and "want", the exact errors or, if
// it is accepted, the warnings.
func archives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(paths) < 20 {
		t.Fatalf("Glob(testdata/errors/*.txtar) = %d files, %v, want 20 at least", len(paths), err)
	}
	out := map[string]*txtar.Archive{}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[p] = a
	}
	return out
}

// filesOf is an archive as a file system.
func filesOf(t testing.TB, a *txtar.Archive) (fstest.MapFS, *txtar.File) {
	t.Helper()
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"base.toml": {Data: base}}
	var want *txtar.File
	for i := range a.Files {
		f := &a.Files[i]
		if f.Name == "want" {
			want = f
			continue
		}
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	if want == nil {
		a.Files = append(a.Files, txtar.File{Name: "want"})
		want = &a.Files[len(a.Files)-1]
	}
	return fsys, want
}

// TestErrors holds the errors of every archive against what it wants, to the
// letter: file, line, column, subject and problem.
func TestErrors(t *testing.T) {
	for path, a := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			fsys, want := filesOf(t, a)
			var got bytes.Buffer
			s, err := Parse(fsys, "scenario.toml", Options{})
			if err != nil {
				for _, e := range err.(ErrorList) {
					got.WriteString(e.Error() + "\n")
				}
			} else {
				for _, w := range s.Plan().Warnings {
					got.WriteString("warning: " + w + "\n")
				}
			}
			if *update {
				want.Data = got.Bytes()
				if err := os.WriteFile(path, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(want.Data) == 0 {
				t.Fatalf("%s wants nothing", path)
			}
			if diff := cmp.Diff(string(want.Data), got.String()); diff != "" {
				t.Errorf("errors of %s (-want +got):\n%s", path, diff)
			}
		})
	}
}
