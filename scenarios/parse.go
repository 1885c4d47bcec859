package scenarios

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/relaysim/relaysim/scenarios/pos"
)

// parser does the first of the three steps: it reads text into nodes and
// reports syntax, unknown keys and wrong types. It judges nothing that needs
// two values to be looked at together.
type parser struct {
	*faults
	src *source
}

// parse reads a scenario with all that it extends and its tables. ok is false
// if going on would only repeat the errors found.
func parse(src *source, name string, f *faults) (root *node, ok bool) {
	p := &parser{f, src}
	root = p.file(name, spot{}, nil)
	if root == nil {
		return nil, false
	}
	ok = p.tables(root)
	// Without a section whose name is mistaken everything that refers to it
	// would be reported too.
	for _, k := range root.keys {
		ok = ok && (topKeys.find(k) != nil || root.get(k).kind != table)
	}
	p.section(root, topKeys, "scenario")
	for _, name := range tableSections {
		if v := root.get(name); v != nil && v.kind != table {
			return nil, false
		}
	}
	return root, ok
}

// tableSections are the keys at the top whose values are tables.
var tableSections = []string{"tables", "place", "link", "route", "names", "box", "opening", "policy", "relay", "root", "group", "events", "model", "goals", "findings"}

// maxChain bounds a chain of "extends".
const maxChain = 16

// file reads one file and lays it over the one it extends. from is where it
// was referred to; the zero spot is the command line.
func (p *parser) file(name string, from spot, chain []string) *node {
	data, why := p.src.read(name)
	if why != nil {
		at := spot{name, why.at.Line, why.at.Col}
		if from != (spot{}) && why.at.Line == 0 {
			p.add(from, "extends", "%q: %s", name, why.problem)
			return nil
		}
		p.add(at, "scenario", "%s", why.problem)
		return nil
	}
	own := p.decode(name, data)
	if own == nil || !own.has("extends") {
		return own
	}
	ref := own.get("extends")
	own.del("extends")
	if ref.kind != text {
		p.add(ref.at, "scenario", "extends is %s (one path is accepted)", ref.kind)
		return nil
	}
	next := beside(name, ref.text)
	chain = append(chain, path.Clean(name))
	if slices.Contains(chain, next) || len(chain) >= maxChain {
		p.add(ref.at, "extends", "%q leads back to a file that is being read, or the chain is longer than %d", ref.text, maxChain)
		return nil
	}
	base := p.file(next, ref.at, chain)
	if base == nil {
		return nil
	}
	return overlay(base, own)
}

// decode turns the text of one file into nodes.
func (p *parser) decode(name string, data []byte) *node {
	lines := pos.NewLines(data)
	if off, deep := tooDeep(data); deep {
		at := lines.At(off)
		p.add(spot{name, at.Line, at.Col}, "syntax", "nested more than %d deep", maxDepth)
		return nil
	}
	var values map[string]any
	if _, err := toml.Decode(string(data), &values); err != nil {
		p.add(syntaxError(name, lines, data, err))
		return nil
	}
	d := decoder{name, pos.New(data)}
	return d.node(values, nil)
}

// syntaxError locates an error of the TOML reader. An error at the end of a
// line is reported by it one line late, hence the step back.
func syntaxError(name string, lines pos.Lines, data []byte, err error) (spot, string, string, any) {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return spot{name, 1, 1}, "syntax", "%s", err
	}
	off := min(pe.Position.Start, len(data))
	for off > 0 && (off == len(data) || data[off] == '\n') && data[off-1] == '\n' {
		off--
	}
	at := lines.At(off)
	return spot{name, at.Line, at.Col}, "syntax", "%s", lowered(strings.TrimSuffix(pe.Message, "."))
}

// lowered begins a sentence as errors here begin.
func lowered(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// maxDepth bounds how deep values and dotted keys nest: readers recurse.
const maxDepth = 64

// tooDeep finds where text nests deeper than maxDepth. It knows strings and
// comments only as far as that needs; what it overlooks is a syntax error.
func tooDeep(data []byte) (offset int, deep bool) {
	depth, dots := 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '"', '\'':
			i = stringEnd(data, i)
		case '#':
			for i+1 < len(data) && data[i+1] != '\n' {
				i++
			}
		case '[', '{':
			depth, dots = depth+1, 0
		case ']', '}':
			depth = max(depth-1, 0)
		case '.':
			dots++
		case '=', ',', '\n':
			dots = 0
		}
		if depth > maxDepth || dots > maxDepth {
			return i, true
		}
	}
	return 0, false
}

// stringEnd returns the offset of the last byte of the string that begins at i.
func stringEnd(data []byte, i int) int {
	q := data[i]
	multi := i+2 < len(data) && data[i+1] == q && data[i+2] == q
	if multi {
		i += 2
	}
	for i++; i < len(data); i++ {
		switch {
		case data[i] == '\\' && q == '"':
			i++
		case data[i] == '\n' && !multi:
			return i - 1
		case data[i] == q && !multi:
			return i
		case data[i] == q && i+2 < len(data) && data[i+1] == q && data[i+2] == q:
			return i + 2
		}
	}
	return len(data)
}

// decoder gives decoded values their positions.
type decoder struct {
	file string
	at   *pos.Index
}

func (d decoder) node(v any, path pos.Path) *node {
	at := d.at.Of(path)
	n := &node{at: spot{d.file, at.Line, at.Col}}
	switch v := v.(type) {
	case string:
		n.kind, n.text = text, v
	case int64:
		n.kind, n.whole, n.real = whole, v, float64(v)
	case float64:
		n.kind, n.real = real, v
	case bool:
		n.kind, n.flag = boolean, v
	case time.Time:
		n.kind = date
	case map[string]any:
		d.table(n, v, path)
	case []any:
		n.kind = list
		for i, e := range v {
			n.list = append(n.list, d.node(e, step(path, pos.Element(i))))
		}
	case []map[string]any:
		n.kind = list
		for i, e := range v {
			n.list = append(n.list, d.node(e, step(path, pos.Element(i))))
		}
	}
	return n
}

// table fills a table in file order.
func (d decoder) table(n *node, v map[string]any, path pos.Path) {
	n.kind, n.tab = table, make(map[string]*node, len(v))
	for k, e := range v { // order: the keys are sorted by position below
		n.tab[k] = d.node(e, step(path, k))
		n.keys = append(n.keys, k)
	}
	slices.SortFunc(n.keys, func(a, b string) int {
		x, y := n.tab[a].at, n.tab[b].at
		switch {
		case x.line != y.line:
			return x.line - y.line
		case x.col != y.col:
			return x.col - y.col
		}
		return strings.Compare(a, b)
	})
}

func step(path pos.Path, k string) pos.Path { return append(path[:len(path):len(path)], k) }

// literal decodes one value as it would be written, for the key tables.
func literal(s string) *node {
	var v map[string]any
	if _, err := toml.Decode("x = "+s, &v); err != nil {
		panic("default " + strconv.Quote(s) + ": " + err.Error())
	}
	return decoder{"", pos.New(nil)}.node(v["x"], nil)
}
