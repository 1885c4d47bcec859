package arch

import (
	"os"
	"strings"
	"testing"
)

// TestThirdPartyIsComplete holds THIRD_PARTY.md to the modules that are
// really linked into the command on the systems it is built for.
func TestThirdPartyIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	var linked []listed
	for _, system := range []string{"linux", "darwin", "windows"} {
		list, err := goListFor(system, "-deps", "./cmd/relaysim")
		if err != nil {
			t.Fatal(err)
		}
		linked = append(linked, list...)
	}
	seen := map[string]bool{}
	for _, p := range linked {
		if p.Module == nil || p.Module.Path == module || seen[p.Module.Path] {
			continue
		}
		seen[p.Module.Path] = true
		if want := "| " + p.Module.Path + " | " + p.Module.Version + " |"; !strings.Contains(string(text), want) {
			t.Errorf("THIRD_PARTY.md has no row beginning %q", want)
		}
	}
	if len(seen) == 0 {
		t.Error("no linked module was found")
	}
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) < 3 || !strings.Contains(cells[0], ".") {
			continue
		}
		if path := strings.TrimPrefix(cells[0], "| "); !seen[path] {
			t.Errorf("THIRD_PARTY.md lists %s, which is not linked", path)
		}
	}
}
