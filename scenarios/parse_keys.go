package scenarios

import (
	"fmt"
	"strconv"
)

// section holds a table against the known keys. Unknown keys are reported and
// removed, wrong values reported and made bad.
func (p *parser) section(n *node, sec *section, subject string) {
	var unknown []string
	for _, name := range n.names() {
		k := sec.find(name)
		switch {
		case k != nil:
			p.value(n, name, k.form, subject)
		case !sec.open:
			p.unknownKey(n, name, sec, subject)
			unknown = append(unknown, name)
		}
	}
	n.del(unknown...)
}

func (p *parser) unknownKey(n *node, name string, sec *section, subject string) {
	p.add(n.spotOf(name), subject, "unknown key %q%s", name, hint(name, sec.names()))
}

// entry holds one named table of a table of tables against its section.
func (p *parser) entry(parent *node, name string, sec *section, subject string) {
	n := parent.get(name)
	if n.kind != table {
		p.wrong(n, subject, "", "a table")
		parent.tab[name] = &node{at: n.at}
		return
	}
	p.section(n, sec, subject)
}

// value holds the value of a key against a form.
func (p *parser) value(parent *node, name string, f *form, subject string) {
	v := parent.get(name)
	if !p.fits(v, f, subject, name) {
		parent.tab[name] = &node{at: v.at}
	}
}

// fits reports a value that does not have the form.
func (p *parser) fits(v *node, f *form, subject, name string) bool {
	if !f.valid(v) {
		p.wrong(v, subject, name, f.want)
		return false
	}
	if f.inside != nil {
		f.inside(p, v, subject, name)
	}
	return true
}

func (p *parser) wrong(v *node, subject, name, want string) {
	is := v.kind.String()
	if shown := v.shown(); shown != "" {
		is = shown
	}
	if name != "" {
		is = name + " is " + is
	} else {
		is = "is " + is
	}
	p.add(v.at, subject, "%s (%s is accepted)", is, want)
}

// shown is a single value as an error quotes it.
func (n *node) shown() string {
	switch n.kind {
	case text:
		return strconv.Quote(short(n.text))
	case whole:
		return strconv.FormatInt(n.whole, 10)
	case real:
		return fmt.Sprint(n.real)
	case boolean:
		return strconv.FormatBool(n.flag)
	}
	return ""
}

// short keeps quoted values to a line.
func short(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// maxName bounds the length of a name.
const maxName = 64

// name reports a name that could not be used in lists of names, ends and
// expectations. Only "*" in relay is special, "/" separates the parts of an
// expanded group's name.
func (p *parser) name(parent *node, what, name string) {
	if what == "relay" && name == "*" {
		return
	}
	longest := maxName
	if what == "group" || what == "link" {
		longest = 2*maxName + 1 // GROUP/SITE, PLACE-BOX
	}
	bad := name == "" || len(name) > longest
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '-' && r != '_' && r != '.' && (what != "group" || r != '/') {
			bad = true
		}
	}
	if bad {
		p.add(parent.spotOf(name), what+" "+strconv.Quote(short(name)), "is not a name (letters, digits, '-', '_' and '.' are accepted, at most %d)", longest)
	}
}

// event holds the one or several things that happen at a time against their
// keys.
func (p *parser) event(n *node, when, subject string) {
	v := n.get(when)
	if v.kind == table {
		p.section(v, eventKeys, subject)
		return
	}
	if v.kind != list {
		p.wrong(v, subject, "", "a table or a list of tables")
		n.tab[when] = &node{at: v.at}
		return
	}
	for i, e := range v.list {
		if e.kind == table {
			p.section(e, eventKeys, subject)
			continue
		}
		p.wrong(e, subject, "", "a table")
		v.list[i] = &node{at: e.at}
	}
}

// Forms of sections with a shape of their own.
var (
	// policies: "always" and each policy are a list of openings or a table.
	policies = &form{doc: "lists or tables by name", want: "a table", valid: isTable, inside: func(p *parser, n *node, _, key string) {
		for _, name := range n.keys {
			subject := "policy " + strconv.Quote(name)
			p.name(n, key, name)
			switch v := n.get(name); {
			case v.kind == list:
				p.fits(v, someTexts, subject, "open")
			case name == "always":
				p.wrong(v, subject, "", "a list of openings")
				n.tab[name] = &node{at: v.at}
			case v.kind != table:
				p.wrong(v, subject, "", "a list of openings or a table")
				n.tab[name] = &node{at: v.at}
			default:
				p.section(v, policyKeys, subject)
			}
		}
	}}
	// events: a table or a list of tables by time.
	events = &form{doc: "tables by time", want: "a table", valid: isTable, inside: func(p *parser, n *node, _, _ string) {
		for _, when := range n.keys {
			p.event(n, when, "event "+strconv.Quote(short(when)))
		}
	}}
	// someRows: a CSV file, or the rows themselves. The rows are held against
	// their columns by parser.tables.
	someRows = &form{doc: "text or list of tables", want: "the path of a CSV file or a list of tables", valid: func(n *node) bool { return n.kind == text || n.kind == list }}
)
