// Package pos tells where in a TOML text each key and array element was
// written. It is the only place that uses go-toml's parser, whose interface is
// called unstable by its authors; the values themselves are decoded elsewhere.
package pos

import (
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Position is a line and a column, both counted from 1. Columns count bytes,
// as editors' "file:line:col" links expect for plain text.
type Position struct{ Line, Col int }

// Path names a value from the top of the document: keys, and array elements
// as made by Element.
type Path []string

// Element is the path step into element i of an array.
func Element(i int) string { return "\x01" + strconv.Itoa(i) }

// Index maps paths to positions.
type Index struct {
	lines Lines
	at    map[string]Position
	// count is the number of [[headers]] seen so far, by array path.
	count map[string]int
}

// New indexes src, which must be valid TOML without a byte order mark. What
// could be indexed before an error stays usable.
func New(src []byte) *Index {
	x := &Index{lines: NewLines(src), at: map[string]Position{}, count: map[string]int{}}
	p := unstable.Parser{}
	p.Reset(src)
	var table Path
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			table = x.header(e, false)
		case unstable.ArrayTable:
			table = x.header(e, true)
		case unstable.KeyValue:
			x.keyValue(table, e)
		}
	}
	return x
}

// Of returns the position of the value at path, or of its nearest ancestor
// that has one, or the first position of the document.
func (x *Index) Of(path Path) Position {
	for n := len(path); n > 0; n-- {
		if p, ok := x.at[join(path[:n])]; ok {
			return p
		}
	}
	return Position{1, 1}
}

// header records a [table] or [[array of tables]] and returns its path.
func (x *Index) header(e *unstable.Node, array bool) Path {
	var path Path
	it := e.Key()
	for it.Next() {
		path = x.step(path, it.Node())
		if n := x.count[join(path)]; n > 0 && (!array || !it.IsLast()) {
			path = append(path, Element(n-1))
		}
		if array && it.IsLast() {
			n := x.count[join(path)]
			x.count[join(path)] = n + 1
			path = append(path, Element(n))
			x.record(path, it.Node().Raw.Offset)
		}
	}
	return path
}

// step extends path by one key node and records where the key is.
func (x *Index) step(path Path, key *unstable.Node) Path {
	path = append(path[:len(path):len(path)], string(key.Data))
	x.record(path, key.Raw.Offset)
	return path
}

func (x *Index) keyValue(table Path, e *unstable.Node) {
	path := table
	it := e.Key()
	for it.Next() {
		path = x.step(path, it.Node())
	}
	x.value(path, e.Value())
}

// value records what lies inside an array or an inline table.
func (x *Index) value(path Path, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		it := v.Children()
		for it.Next() {
			x.keyValue(path, it.Node())
		}
	case unstable.Array:
		it := v.Children()
		for i := 0; it.Next(); i++ {
			p := append(path[:len(path):len(path)], Element(i))
			if off, ok := offset(it.Node()); ok {
				x.record(p, off)
			}
			x.value(p, it.Node())
		}
	}
}

// offset finds where a value begins. Arrays carry no range of their own: the
// first element stands in.
func offset(n *unstable.Node) (uint32, bool) {
	for n != nil && n.Raw.Length == 0 {
		n = n.Child()
	}
	if n == nil {
		return 0, false
	}
	return n.Raw.Offset, true
}

// record keeps the first position given for a path.
func (x *Index) record(path Path, off uint32) {
	k := join(path)
	if _, seen := x.at[k]; !seen {
		x.at[k] = x.lines.At(int(off))
	}
}

func join(p Path) string { return strings.Join(p, "\x00") }

// Lines turns byte offsets into positions.
type Lines struct {
	starts []int
	size   int
}

// NewLines prepares the line starts of src.
func NewLines(src []byte) Lines {
	l := Lines{starts: []int{0}, size: len(src)}
	for i, b := range src {
		if b == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// At returns the position of the byte at offset, which is brought into the
// text if it lies outside.
func (l Lines) At(offset int) Position {
	offset = min(max(offset, 0), l.size)
	i := sort.SearchInts(l.starts, offset+1) - 1
	return Position{i + 1, offset - l.starts[i] + 1}
}
