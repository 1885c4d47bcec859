package results

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree reads all files below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Errorf("files below %s: %s", dir, d)
	}
}

const (
	firstMark  = `{"schema": 1, "scenario_hash": "1"}`
	secondMark = `{"schema": 1, "scenario_hash": "2"}`
)

var (
	firstFiles  = []File{{"summary.json", []byte(firstMark)}, {"relays.csv", []byte("old")}}
	secondFiles = []File{{"summary.json", []byte(secondMark)}, {"plots/a.png", []byte("a")}, {"plots/b.svg", []byte("b")}}
)

func TestWriteDir(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "results", "x")
	if err := WriteDir(t.Context(), dir, firstFiles); err != nil {
		t.Fatal(err)
	}
	wantTree(t, root, map[string]string{"results/x/summary.json": firstMark, "results/x/relays.csv": "old"})
	if err := WriteDir(t.Context(), dir, secondFiles); err != nil {
		t.Fatal(err)
	}
	wantTree(t, root, map[string]string{"results/x/summary.json": secondMark, "results/x/plots/a.png": "a", "results/x/plots/b.svg": "b"})
	entries, err := os.ReadDir(filepath.Join(root, "results"))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the output: %v, %v", entries, err)
	}
}

func TestWriteDirIntoEmptyFolder(t *testing.T) {
	root := t.TempDir()
	if err := WriteDir(t.Context(), root, firstFiles); err != nil {
		t.Fatal(err)
	}
	wantTree(t, root, map[string]string{"summary.json": firstMark, "relays.csv": "old"})
}

// A symbolic link stays, what it points to is replaced.
func TestWriteDirBehindLink(t *testing.T) {
	root := t.TempDir()
	link := filepath.Join(root, "link")
	if err := WriteDir(t.Context(), filepath.Join(root, "real"), firstFiles); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := WriteDir(t.Context(), link, secondFiles); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "real" {
		t.Errorf("the link points to %q, %v", to, err)
	}
	wantTree(t, filepath.Join(root, "real"), map[string]string{"summary.json": secondMark, "plots/a.png": "a", "plots/b.svg": "b"})
}

func TestWriteDirRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string) error
		files   []File
		want    string
	}{
		"a foreign folder": {
			func(dir string) error {
				return errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o666))
			},
			secondFiles, "holds other things than results (thesis.txt)",
		},
		"a file": {func(dir string) error { return os.WriteFile(dir, []byte("mine"), 0o666) }, secondFiles, "is not a folder"},
		"a name that leaves the folder": {
			func(dir string) error { return WriteDir(t.Context(), dir, firstFiles) },
			[]File{{"../x", nil}},
			`"../x"`,
		},
		"a name twice": {
			func(dir string) error { return WriteDir(t.Context(), dir, firstFiles) },
			[]File{{"x", nil}, {"x", nil}},
			"file exists",
		},
	} {
		root := t.TempDir()
		dir := filepath.Join(root, "out")
		if err := c.prepare(dir); err != nil {
			t.Fatal(err)
		}
		before := tree(t, root)
		err := WriteDir(t.Context(), dir, c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		wantTree(t, root, before)
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
			t.Errorf("%s: beside the target: %v, %v", name, entries, err)
		}
	}
}

// A folder that cannot be made is an error with its path.
func TestWriteDirUnwritable(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err := WriteDir(t.Context(), filepath.Join(file, "below", "out"), firstFiles)
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
}

// A cancelled context leaves the old output and nothing beside it.
func TestWriteDirCancelled(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "out")
	if err := WriteDir(t.Context(), dir, firstFiles); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WriteDir(ctx, dir, secondFiles); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
	wantTree(t, root, map[string]string{"out/summary.json": firstMark, "out/relays.csv": "old"})
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
		t.Errorf("beside the output: %v, %v", entries, err)
	}
}

// If the new folder cannot be moved in, the old one is back in its place.
func TestSwapRestores(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "out")
	if err := WriteDir(t.Context(), dir, firstFiles); err != nil {
		t.Fatal(err)
	}
	if err := swap(dir, filepath.Join(root, "missing")); err == nil {
		t.Fatal("a missing folder was moved in")
	}
	wantTree(t, root, map[string]string{"out/summary.json": firstMark, "out/relays.csv": "old"})
}
