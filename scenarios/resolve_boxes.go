package scenarios

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// boxes puts the rows of rule files in place of their paths, for boxes and
// what policies make of them.
func (r *resolver) boxes() {
	cache := map[string]*node{}
	sec := r.section("box")
	for _, name := range sec.names() {
		sec.tab[name] = r.withRules(sec.get(name), "box "+strconv.Quote(name), cache)
	}
	policies := r.section("policy")
	for _, policy := range policies.names() {
		boxes := policies.get(policy).get("box")
		if boxes == nil || boxes.kind != table {
			continue
		}
		for _, name := range boxes.names() {
			subject := "policy " + strconv.Quote(policy) + ": box " + strconv.Quote(name)
			over := r.withRules(boxes.get(name), subject, cache)
			if nat := over.get("nat"); nat != nil && nat.kind == table && !sec.get(name).has("nat") {
				fill(nat, natKeys, nil)
			}
			boxes.tab[name] = over
		}
	}
}

// withRules is a box whose rules are rows, in the order of their numbers.
func (r *resolver) withRules(box *node, subject string, cache map[string]*node) *node {
	v := box.get("rules")
	if v == nil || v.kind == bad {
		return box
	}
	rows := v
	if v.kind == text {
		file := beside(v.at.file, v.text)
		if cache[file] == nil {
			cache[file] = r.rulesFile(v, file, subject)
		}
		rows = cache[file]
	}
	box = box.copied()
	box.set("rules", r.inOrder(rows).movedTo(v.at))
	return box
}

// inOrder sorts rows by their numbers, which have to differ.
func (r *resolver) inOrder(rows *node) *node {
	out := newList(rows.at)
	first := map[int64]spot{}
	for _, row := range rows.list {
		if row.kind != table {
			continue
		}
		fill(row, ruleKeys, nil)
		out.list = append(out.list, row)
		no := row.get("no")
		if no == nil || no.kind != whole {
			continue
		}
		if at, twice := first[no.whole]; twice {
			r.add(no.at, ruleSubject(row), "no %d is the number of another rule (at %s)", no.whole, at)
		}
		first[no.whole] = no.at
	}
	slices.SortStableFunc(out.list, func(x, y *node) int { return cmp.Compare(x.int("no"), y.int("no")) })
	return out
}

// ruleSubject names a row by its number.
func ruleSubject(row *node) string {
	if no := row.get("no"); no != nil && no.kind == whole {
		return "rule " + strconv.FormatInt(no.whole, 10)
	}
	return "rule"
}

// rulesFile reads a CSV file (RFC 4180) with a line of column names.
func (r *resolver) rulesFile(ref *node, file, subject string) *node {
	rows := newList(ref.at)
	data, why := r.src.read(file)
	switch {
	case why != nil && why.at.Line == 0:
		r.add(ref.at, subject, "rules %q: %s", file, why.problem)
		return rows
	case why != nil:
		r.add(spot{file, why.at.Line, why.at.Col}, "rules", "%s", why.problem)
		return rows
	}
	c := &ruleReader{faults: r.faults, file: file, csv: csv.NewReader(bytes.NewReader(data))}
	c.csv.TrimLeadingSpace = true
	if c.head() {
		rows.list = c.rows()
	}
	return rows
}

// ruleReader reads the rows of one file of rules.
type ruleReader struct {
	*faults
	file    string
	csv     *csv.Reader
	columns []string
}

// at is where a field of the row stands that was read last.
func (c *ruleReader) at(field int) spot {
	line, col := c.csv.FieldPos(field)
	return spot{c.file, line, col}
}

func (c *ruleReader) fail(err error) {
	var pe *csv.ParseError
	if !errors.As(err, &pe) {
		c.add(spot{c.file, 1, 1}, "rules", "%v", err)
		return
	}
	c.add(spot{c.file, pe.Line, max(pe.Column, 1)}, "rules", "%v", pe.Err)
}

// head reads the names of the columns, in any order.
func (c *ruleReader) head() bool {
	head, err := c.csv.Read()
	if err != nil {
		c.fail(err)
		return false
	}
	before := len(c.errors)
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(h))
		if slices.Contains(c.columns, h) {
			c.add(c.at(i), "rules", "column %q comes twice", h)
		}
		if ruleKeys.find(h) == nil {
			c.add(c.at(i), "rules", "unknown column %q%s", short(h), hint(h, ruleKeys.names()))
		}
		c.columns = append(c.columns, h)
	}
	for i := range ruleKeys.keys {
		if k := &ruleKeys.keys[i]; k.required && !slices.Contains(c.columns, k.name) {
			c.add(spot{c.file, 1, 1}, "rules", "column %q is missing (columns: %s)", k.name, strings.Join(ruleKeys.names(), ", "))
		}
	}
	return len(c.errors) == before
}

func (c *ruleReader) rows() []*node {
	var out []*node
	p := &parser{faults: c.faults}
	for {
		cells, err := c.csv.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if errors.Is(err, csv.ErrFieldCount) {
			c.add(c.at(0), c.subject(cells), "has %d fields, not %d", len(cells), len(c.columns))
			continue
		}
		if err != nil {
			c.fail(err)
			return out
		}
		row := newTable(c.at(0))
		for i, h := range c.columns {
			if cell := strings.TrimSpace(cells[i]); cell != "" {
				row.set(h, ruleCell(c.at(i), h, cell))
			}
		}
		p.section(row, ruleKeys, ruleSubject(row))
		out = append(out, row)
	}
}

// subject names a row that has not as many cells as there are columns.
func (c *ruleReader) subject(cells []string) string {
	row := newTable(spot{})
	if i := slices.Index(c.columns, "no"); i < len(cells) {
		row.set("no", ruleCell(spot{}, "no", strings.TrimSpace(cells[i])))
	}
	return ruleSubject(row)
}

// ruleCell types one cell by what its column holds.
func ruleCell(at spot, column, s string) *node {
	switch {
	case column == "no":
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return newWhole(at, n)
		}
	case column == "stateful" || column == "action":
		s = strings.ToLower(s)
		if column == "stateful" && (s == "true" || s == "false") {
			return newFlag(at, s == "true")
		}
	}
	return newText(at, s)
}

// fillNetwork sets the defaults inside the tables of places, links and boxes.
func (r *resolver) fillNetwork() {
	for _, name := range []string{"place", "link"} {
		sec := r.section(name)
		for _, k := range sec.names() {
			fillInner(sec.get(k), "bursts", burstKeys)
			fillInner(sec.get(k), "tunnel", tunnelKeys)
		}
	}
	sec := r.section("box")
	for _, k := range sec.names() {
		n := sec.get(k)
		if n.kind != table {
			continue
		}
		if boxHas(n.str("kind"), "lifetimes") && !n.has("lifetimes") && n.str("kind") != "" {
			n.set("lifetimes", newTable(n.at))
		}
		fillInner(n, "nat", natKeys)
		fillInner(n, "lifetimes", lifetimeKeys)
	}
}

func fillInner(n *node, key string, sec *section) {
	if v := n.get(key); v != nil && v.kind == table {
		fill(v, sec, nil)
	}
}
