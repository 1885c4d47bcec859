package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDir(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"empty", "ours", "foreign", "mixed", "theirs"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string]string{
		"file": "x", "foreign/thesis.txt": "x", "ours/summary.json": firstMark,
		"mixed/summary.json": firstMark, "mixed/precious.toml": "x", "theirs/summary.json": `{"tool": "other"}`,
	} {
		if err := os.WriteFile(filepath.Join(base, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, base)
	for _, c := range []struct{ folder, want string }{
		{"new", ""},
		{"new/below/new", ""},
		{"empty", ""},
		{"ours", ""},
		{"foreign", "holds other things than results (thesis.txt)"},
		{"mixed", "holds other things than results (precious.toml)"},
		{"theirs", "summary.json is another program's"},
		{"file", "not a folder"},
		{"file/below", "not a directory"},
		{"file/far/below", "not a directory"},
	} {
		folder := filepath.Join(base, c.folder)
		err := CheckDir(folder)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("CheckDir(%s) = %v, want nil", c.folder, err)
		case c.want != "" && err == nil:
			t.Errorf("CheckDir(%s) = nil, want an error that says %q", c.folder, c.want)
		case c.want != "" && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), folder)):
			t.Errorf("CheckDir(%s) = %q, want the path and %q", c.folder, err, c.want)
		}
	}
	wantTree(t, base, before)
}
