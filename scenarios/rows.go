package scenarios

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// columns describes a table of rows.
type columns struct {
	name string // "sites"
	row  string // what an error calls a row: "site"
	// needed are the columns that a CSV file must have. In rows within the
	// scenario only the name is required: there a reader sees what is absent.
	needed []string
	// keys hold the typed columns; others are text for "{COLUMN}", if free.
	keys *section
	free bool
}

// The two tables. A row of sites has the keys of a place, a row of relays
// those of a relay, whose place is the column "site".
func siteColumns() columns {
	return columns{"sites", "site", []string{"name", "prefix", "rtt"}, placeKeys, true}
}

func relayColumns() columns {
	return columns{"relays", "relay", []string{"name", "site", "address", "priority", "weight"}, relayKeys, false}
}

// tables replaces the paths in [tables] by rows. ok is false if a table is
// not usable as a whole.
func (p *parser) tables(root *node) (ok bool) {
	t := root.get("tables")
	if t == nil || t.kind != table {
		return t == nil
	}
	ok = true
	for _, c := range []columns{siteColumns(), relayColumns()} {
		v := t.get(c.name)
		if v == nil || v.kind != text && v.kind != list {
			continue
		}
		before := len(p.errors)
		rows := v
		if v.kind == text {
			rows = p.csv(v, c)
		}
		if rows != nil {
			p.rows(rows, c)
			t.tab[c.name] = rows
			if len(rows.list) == 0 && len(p.errors) == before {
				p.add(rows.at, c.name, "no rows")
			}
		}
		ok = ok && len(p.errors) == before
	}
	return ok
}

// csv reads the file that v names.
func (p *parser) csv(v *node, c columns) *node {
	file := beside(v.at.file, v.text)
	data, why := p.src.read(file)
	if why != nil {
		if why.at.Line == 0 {
			p.add(v.at, "tables", "%s: %q: %s", c.name, file, why.problem)
		} else {
			p.add(spot{file, why.at.Line, why.at.Col}, c.name, "%s", why.problem)
		}
		return nil
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		p.csvError(file, c, err)
		return nil
	}
	if !p.head(r, file, head, c) {
		return nil
	}
	return p.records(r, file, head, c)
}

// head checks the line of column names.
func (p *parser) head(r *csv.Reader, file string, head []string, c columns) bool {
	before := len(p.errors)
	for i, h := range head {
		line, col := r.FieldPos(i)
		at := spot{file, line, col}
		head[i] = strings.TrimSpace(h)
		if slices.Contains(head[:i], head[i]) {
			p.add(at, c.name, "column %q comes twice", head[i])
		}
		if !c.free && !c.known(head[i]) {
			p.add(at, c.name, "unknown column %q%s", head[i], hint(head[i], c.names()))
		}
	}
	for _, need := range c.needed {
		if !slices.Contains(head, need) {
			p.add(spot{file, 1, 1}, c.name, "column %q is missing (needed: %s)", need, strings.Join(c.needed, ", "))
		}
	}
	return len(p.errors) == before
}

// known tells whether a column is the name or a key.
func (c columns) known(h string) bool {
	return h == "name" || c.keys == relayKeys && h == "site" || c.keys.isColumn(h)
}

// names are the columns that mean something.
func (c columns) names() []string {
	out := slices.Clone(c.needed)
	for _, k := range c.keys.names() {
		if !slices.Contains(out, k) && k != "like" && k != "place" {
			out = append(out, k)
		}
	}
	return out
}

func (p *parser) records(r *csv.Reader, file string, head []string, c columns) *node {
	rows := newList(spot{file, 1, 1})
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			p.csvError(file, c, err)
			if errors.Is(err, csv.ErrFieldCount) {
				continue
			}
			return rows
		}
		line, col := r.FieldPos(0)
		row := newTable(spot{file, line, col})
		for i, h := range head {
			line, col := r.FieldPos(i)
			if cell := strings.TrimSpace(cells[i]); cell != "" || h == "name" {
				row.set(h, c.cell(spot{file, line, col}, h, cell))
			}
		}
		rows.list = append(rows.list, row)
	}
}

func (p *parser) csvError(file string, c columns, err error) {
	var pe *csv.ParseError
	if !errors.As(err, &pe) {
		p.add(spot{file, 1, 1}, c.name, "%v", err)
		return
	}
	p.add(spot{file, pe.Line, max(pe.Column, 1)}, c.name, "%v", pe.Err)
}

// cell types one cell by what its column holds.
func (c columns) cell(at spot, column, s string) *node {
	k := c.keys.find(column)
	if k == nil || column == "name" {
		return newText(at, s)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && k.form != aText {
		return newWhole(at, n)
	}
	if x, err := strconv.ParseFloat(s, 64); err == nil && k.form == aNumber {
		return &node{kind: real, at: at, real: x}
	}
	if k.form == aFlag && (s == "true" || s == "false") {
		return newFlag(at, s == "true")
	}
	return newText(at, s)
}

// rows holds every row against its columns and refuses duplicates.
func (p *parser) rows(rows *node, c columns) {
	seen := map[string]spot{}
	for _, row := range rows.list {
		if row.kind != table {
			p.wrong(row, c.name, "a row", "a table")
			continue
		}
		name := row.str("name")
		if !row.has("name") || row.get("name").kind != text {
			p.add(row.at, c.name, "a row without a name")
			continue
		}
		subject := c.row + " " + strconv.Quote(short(name))
		p.name(row, c.row, name)
		if first, twice := seen[name]; twice {
			p.add(row.spotOf("name"), subject, "is defined twice (first at %s)", first)
		}
		seen[name] = row.spotOf("name")
		p.row(row, c, subject)
	}
}

func (p *parser) row(row *node, c columns, subject string) {
	for _, h := range row.names() {
		switch k := c.keys.find(h); {
		case h == "name", h == "site" && c.keys == relayKeys:
			p.value(row, h, aText, subject)
		case k != nil && c.keys.isColumn(h):
			p.value(row, h, k.form, subject)
		case c.free:
			p.value(row, h, aSetting, subject)
		default:
			p.add(row.spotOf(h), subject, "unknown column %q%s", h, hint(h, c.names()))
		}
	}
}
