package scenarios

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/sim"
)

// docRow is a key's row of docs/scenario.md without the effect, which only
// the document states.
func docRow(k *key) string {
	or := func(s string) string {
		if s == "" {
			return "–"
		}
		return s
	}
	def := "–"
	switch {
	case k.required:
		def = "required"
	case k.defLaptop != "":
		def = "`" + k.def + "`, office-laptop: `" + k.defLaptop + "`"
	case k.def != "":
		def = "`" + k.def + "`"
	}
	bounds := "–"
	if k.lo != "" {
		bounds = k.lo + " to " + k.hi
	}
	return "| `" + k.name + "` | " + k.form.doc + " | " + or(k.unit) + " | " + def + " | " + bounds
}

// TestDocumentedKeys holds docs/scenario.md against the key tables, both
// ways: each section has one row for each key, and no other.
func TestDocumentedKeys(t *testing.T) {
	data, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	section := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			section = strings.Trim(strings.TrimLeft(line, "# "), "`[]")
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 6 || strings.TrimSpace(cells[5]) == "" {
			t.Errorf("row of %s without six cells or without an effect: %s", section, line)
			continue
		}
		documented[section] = append(documented[section], strings.TrimSpace(line[:strings.LastIndex(strings.TrimSuffix(line, "|"), "|")]))
	}
	for _, sec := range allSections() {
		var want []string
		for i := range sec.keys {
			want = append(want, docRow(&sec.keys[i]))
		}
		if diff := cmp.Diff(want, documented[sec.name]); diff != "" {
			t.Errorf("docs/scenario.md, section %q (-keys +document):\n%s", sec.name, diff)
		}
		delete(documented, sec.name)
	}
	var params []string
	for _, i := range sim.WorldParamTable {
		unit := i.Unit
		if unit == "" {
			unit = "–"
		}
		params = append(params, fmt.Sprintf("| `%s` | %s | %s | %s | spec %s, %s", i.Name, unit, i.Default, strings.Join(i.Alternatives, ", "), i.Row, i.Grade))
	}
	if diff := cmp.Diff(params, documented["Model"]); diff != "" {
		t.Errorf("docs/scenario.md, parameters (-table +document):\n%s", diff)
	}
	delete(documented, "Model")
	for name := range documented {
		t.Errorf("docs/scenario.md documents keys of %q, which is no section", name)
	}
}
