package results

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/sim"
)

// docs/measures.md defines every measure under its name.
func TestMeasuresAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/measures.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range sim.MeasureTable {
		row := "| `" + m.Name + "` |"
		if strings.Count(string(b), row) != 1 {
			t.Errorf("docs/measures.md has %d rows for %s, want 1", strings.Count(string(b), row), m.Name)
			continue
		}
		_, line, _ := strings.Cut(string(b), row)
		line, _, _ = strings.Cut(line, "\n")
		for i, s := range m.Stats {
			if i == 0 {
				s := "**" + s.String() + "**"
				if !strings.Contains(line, s) {
					t.Errorf("docs/measures.md: %s does not name %s as its default summary", m.Name, s)
				}
			} else if !strings.Contains(line, s.String()) {
				t.Errorf("docs/measures.md: %s does not name the summary %s", m.Name, s)
			}
		}
	}
}

// docs/summary-json.md explains every key of the schema.
func TestSummaryKeysAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/summary-json.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[Summary](), map[reflect.Type]bool{}) {
		if !strings.Contains(string(b), "`"+key+"`") {
			t.Errorf("docs/summary-json.md does not explain the key %q", key)
		}
	}
}

// keys lists the JSON keys of a type and of what it holds.
func keys(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var out []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			out = append(out, name)
		}
		out = append(out, keys(t.Field(i).Type, seen)...)
	}
	return out
}
