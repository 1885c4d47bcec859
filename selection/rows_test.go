package selection

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// specRows are the rows of the specification's sections 1 to 10; 8.n are the
// steps of manual mode, CFG the general rules for settings.
func specRows() []string {
	rows := []string{"CFG", "5.13b", "6.7b", "10.9b"}
	for section, last := range []int{7, 15, 13, 14, 15, 10, 9, 5, 10, 10} {
		for i := range last {
			rows = append(rows, fmt.Sprintf("%d.%d", section+1, i+1))
		}
	}
	slices.Sort(rows)
	return rows
}

// modelRow is a line of the table "Rows and tests" of docs/model.md.
type modelRow struct{ row, text, test, file, old, new string }

var modelLine = regexp.MustCompile("^\\| (\\S+) \\| ([^|`]+) \\| (?:–|`(\\w+)`) \\| (?:–|`([\\w./]+)` `([^`]+)` → `([^`]+)`) \\|$")

// modelRows reads that table.
func modelRows(t *testing.T) []modelRow {
	t.Helper()
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Rows and tests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []modelRow
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| row ") {
			continue
		}
		m := modelLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("docs/model.md: no row of the table: %s", line)
			continue
		}
		rows = append(rows, modelRow{m[1], m[2], m[3], m[4], m[5], m[6]})
	}
	return rows
}

// testNames are the tests of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}

// TestEveryRowHasATestOrAReason holds the table to the specification's rows, to
// the tests and to the code that its faults change.
func TestEveryRowHasATestOrAReason(t *testing.T) {
	tests := testNames(t)
	var seen []string
	for _, r := range modelRows(t) {
		seen = append(seen, r.row)
		if (r.test == "") != (r.old == "") {
			t.Errorf("row %s has a test or a fault without the other", r.row)
		}
		if r.test == "" {
			continue
		}
		if !tests[r.test] {
			t.Errorf("row %s: there is no test %s", r.row, r.test)
		}
		code, err := os.ReadFile(r.file)
		if err != nil {
			t.Errorf("row %s: %v", r.row, err)
		}
		if n := strings.Count(string(code), r.old); n != 1 || r.old == r.new {
			t.Errorf("row %s: %q is in %s %d times, want once, to be replaced by something else", r.row, r.old, r.file, n)
		}
	}
	slices.Sort(seen)
	if got, want := slices.Compact(seen), specRows(); !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

// TestEveryVectorHasATest holds the vectors of docs/model.md to tests of their
// names.
func TestEveryVectorHasATest(t *testing.T) {
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	ids := append([]string{"26b"}, make([]string, 27)...)
	for i := range 27 {
		ids[i+1] = fmt.Sprint(i + 1)
	}
	for _, id := range ids {
		if !strings.Contains(string(text), "\n| V"+id+" | ") {
			t.Errorf("docs/model.md has no vector V%s", id)
		}
		named := false
		for name := range tests {
			rest, ok := strings.CutPrefix(name, "TestV"+id)
			named = named || ok && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z')
		}
		if !named {
			t.Errorf("no test is named after V%s", id)
		}
	}
}
