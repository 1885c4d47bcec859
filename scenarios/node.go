package scenarios

import (
	"maps"
	"slices"
	"time"
)

// kind is the kind of a node.
type kind uint8

// Kinds of node. A bad node stands for a value that was reported as wrong: it
// is present, has no value, and causes no further errors.
const (
	bad kind = iota
	table
	list
	text
	whole
	real
	boolean
	date
)

var kindNames = [...]string{"unusable", "a table", "a list", "text", "a whole number", "a number", "a truth value", "a date"}

func (k kind) String() string { return kindNames[k] }

// node is one value of a scenario with the spot where it was written, or the
// spot of the table that it was filled into. Nodes are shared between tables
// after inheritance; only the tables of set and del are changed in place.
type node struct {
	kind  kind
	at    spot
	text  string
	whole int64
	real  float64 // of whole numbers too
	flag  bool
	list  []*node
	keys  []string // of a table, in file order
	tab   map[string]*node
}

func newTable(at spot) *node { return &node{kind: table, at: at, tab: map[string]*node{}} }

func newText(at spot, s string) *node { return &node{kind: text, at: at, text: s} }

func newWhole(at spot, n int64) *node {
	return &node{kind: whole, at: at, whole: n, real: float64(n)}
}

func newFlag(at spot, b bool) *node { return &node{kind: boolean, at: at, flag: b} }

func newList(at spot, items ...*node) *node { return &node{kind: list, at: at, list: items} }

// get returns the value of a key, or nil. A nil or bad table has no keys.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	return n.tab[key]
}

// has tells whether a key is present, with a usable value or not.
func (n *node) has(key string) bool { return n.get(key) != nil }

func (n *node) set(key string, v *node) {
	if _, ok := n.tab[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.tab[key] = v
}

// del removes keys in one go, so that a file full of unknown ones is not read
// in quadratic time. n may be nil if there are none.
func (n *node) del(keys ...string) {
	if len(keys) == 0 {
		return
	}
	for _, k := range keys {
		delete(n.tab, k)
	}
	n.keys = slices.DeleteFunc(slices.Clone(n.keys), func(k string) bool { return n.tab[k] == nil })
}

// names are the keys in file order.
func (n *node) names() []string {
	if n == nil {
		return nil
	}
	return n.keys
}

// copied returns a table whose keys can be changed without changing n.
func (n *node) copied() *node {
	c := *n
	c.keys, c.tab = slices.Clone(n.keys), maps.Clone(n.tab)
	if c.tab == nil {
		c.tab = map[string]*node{}
	}
	return &c
}

// movedTo returns the value as if it were written elsewhere.
func (n *node) movedTo(at spot) *node {
	c := *n
	c.at = at
	return &c
}

// spotOf is where a key was written, or else the table.
func (n *node) spotOf(key string) spot {
	if v := n.get(key); v != nil {
		return v.at
	}
	return n.at
}

func (n *node) str(key string) string {
	if v := n.get(key); v != nil {
		return v.text
	}
	return ""
}

func (n *node) int(key string) int64 {
	if v := n.get(key); v != nil {
		return v.whole
	}
	return 0
}

func (n *node) number(key string) float64 {
	if v := n.get(key); v != nil {
		return v.real
	}
	return 0
}

func (n *node) truth(key string) bool { return n.get(key) != nil && n.get(key).flag }

func (n *node) span(key string) time.Duration {
	d, _ := parseSpan(n.str(key))
	return d
}

// items are the elements of a list, or the one value itself.
func (n *node) items(key string) []*node {
	switch v := n.get(key); {
	case v == nil || v.kind == bad:
		return nil
	case v.kind == list:
		return v.list
	default:
		return []*node{v}
	}
}

// overlay lays top over base: tables merge, everything else replaces.
func overlay(base, top *node) *node {
	if base == nil || base.kind != table || top.kind != table {
		return top
	}
	out := base.copied()
	out.at = top.at
	for _, k := range top.keys {
		out.set(k, overlay(out.tab[k], top.tab[k]))
	}
	return out
}
