package scenarios

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// Show writes the scenario as one TOML file in which nothing is left to
// defaults, inheritance, tables or "{site}". Read back it gives the same plan,
// but for where things are written.
func (s *Scenario) Show(w io.Writer) error {
	out := bufio.NewWriter(w)
	for i := range topKeys.keys {
		name := topKeys.keys[i].name
		v := s.root.get(name)
		switch {
		case v == nil:
		case name == "model":
			writeTable(out, []string{name}, s.model())
		case name == "events": // in one table: their order is that of the file
			writeHeader(out, []string{name})
			for _, when := range v.names() {
				fmt.Fprintf(out, "%s = %s\n", tomlKey(when), inline(v.get(when)))
			}
		case v.kind == table:
			writeTable(out, []string{name}, v)
		default:
			fmt.Fprintf(out, "%s = %s\n", name, inline(v))
		}
	}
	return out.Flush()
}

// model has every parameter, set or not.
func (s *Scenario) model() *node {
	p, w := selection.DefaultParams(), sim.DefaultWorldParams()
	b := &binder{faults: &faults{}, root: s.root}
	b.setParams(&p, &w, s.root.get("model"), "model")
	out := newTable(s.root.at)
	for _, name := range selection.ParamNames() {
		value, _ := p.Get(name)
		out.set(name, newText(s.root.at, value))
	}
	for _, name := range sim.WorldParamNames() {
		value, _ := w.Get(name)
		out.set(name, newText(s.root.at, value))
	}
	return out
}

// writeTable writes a table under its header: single values and lists first,
// then the tables in it.
func writeTable(w io.Writer, path []string, n *node) {
	var inner []string
	head := false
	for _, k := range n.names() {
		if n.get(k).kind == table {
			inner = append(inner, k)
			continue
		}
		if !head {
			writeHeader(w, path)
			head = true
		}
		fmt.Fprintf(w, "%s = %s\n", tomlKey(k), inline(n.get(k)))
	}
	if !head && len(inner) == 0 {
		writeHeader(w, path)
	}
	for _, k := range inner {
		writeTable(w, append(path[:len(path):len(path)], k), n.get(k))
	}
}

func writeHeader(w io.Writer, path []string) {
	keys := make([]string, len(path))
	for i, k := range path {
		keys[i] = tomlKey(k)
	}
	fmt.Fprintf(w, "\n[%s]\n", strings.Join(keys, "."))
}

// inline is a value on one line.
func inline(n *node) string {
	switch n.kind {
	case text:
		return quoted(n.text)
	case list:
		parts := make([]string, len(n.list))
		tables := false
		for i, v := range n.list {
			parts[i] = inline(v)
			tables = tables || v.kind == table
		}
		if tables {
			return "[\n  " + strings.Join(parts, ",\n  ") + ",\n]"
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case table:
		parts := make([]string, 0, len(n.tab))
		for _, k := range n.names() {
			parts = append(parts, tomlKey(k)+" = "+inline(n.get(k)))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return n.shown()
}

// tomlKey is a key, quoted if it must be.
func tomlKey(k string) string {
	bare := k != ""
	for _, r := range k {
		bare = bare && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}
	if bare {
		return k
	}
	return quoted(k)
}

// quoted is a basic string of TOML, whose escapes are not those of Go.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
