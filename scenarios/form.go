package scenarios

import (
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/selection"
)

// form is what a value looks like.
type form struct {
	// doc is the form's name in docs/scenario.md, want what an error says is
	// accepted.
	doc, want string
	valid     func(*node) bool
	// size is the value that a range bounds; nil if the form has no range.
	size func(*node) float64
	// inside goes on into the parts of a table or list that is valid.
	inside func(p *parser, n *node, subject, key string)
}

// Forms of single values.
var (
	aText    = &form{doc: "text", want: "text", valid: func(n *node) bool { return n.kind == text }}
	aFlag    = &form{doc: "true or false", want: "true or false", valid: func(n *node) bool { return n.kind == boolean }}
	aWhole   = &form{doc: "whole number", want: "a whole number", valid: isWhole, size: func(n *node) float64 { return n.real }}
	aNumber  = &form{doc: "number", want: "a number", valid: func(n *node) bool { return n.kind == whole || n.kind == real }, size: func(n *node) float64 { return n.real }}
	aSpan    = &form{doc: "span", want: `a span such as "7d", "1h30m" or "15m"`, valid: isSpan, size: spanSize}
	someHops = &form{doc: `whole number or "A..B"`, want: `a whole number or a range such as "8..14"`, valid: isHops, size: hopsSize}
	aCount   = &form{doc: `whole number or "{COLUMN}"`, want: `a whole number or a column such as "{laptops}"`, valid: isCount, size: func(n *node) float64 { return n.real }}
	someTime = &form{doc: "day and time", want: `a day and time such as "Mon 00:00"`, valid: parsesAs(func(s string) bool { _, ok := parseWeekTime(s); return ok })}
	hours    = &form{doc: "hours", want: `hours of one day such as "08:00..17:30"`, valid: parsesAs(func(s string) bool { _, _, ok := parseHours(s); return ok })}
	someDays = &form{doc: "days", want: `days such as "Mon..Fri" or "Mon+Wed"`, valid: parsesAs(func(s string) bool { _, ok := parseDays(s); return ok })}
	aScalar  = &form{doc: "text, number, true or false", want: "text, a number, true or false", valid: isScalar}
	aSetting = &form{doc: "text or whole number", want: "text or a whole number", valid: func(n *node) bool { return n.kind == text || n.kind == whole }}
)

// Forms of what a client is.
var (
	aShare = &form{
		doc: "true, false or number", want: "true, false or a fraction such as 0.9", size: shareOf,
		valid: func(n *node) bool { return n.kind == boolean || aNumber.valid(n) },
	}
	aVersion = &form{doc: "version", want: `a version such as "8.2"`, valid: parsesAs(func(s string) bool { _, ok := parseVersion(s); return ok })}
)

// shareOf reads true and false as all and none.
func shareOf(n *node) float64 {
	if n.flag {
		return 1
	}
	return n.real
}

// parseVersion reads the major and minor number of a version; a client's
// further numbers mean nothing here.
func parseVersion(s string) (selection.Version, bool) {
	major, rest, _ := strings.Cut(s, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err1 := strconv.ParseUint(major, 10, 8)
	y, err2 := strconv.ParseUint(minor, 10, 8)
	ok := err1 == nil && err2 == nil && x > 0 && strings.Trim(s, "0123456789.") == ""
	return selection.MakeVersion(uint8(x), uint8(y)), ok
}

// oneOf is a text out of a few.
func oneOf(choices ...string) *form {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = strconv.Quote(c)
	}
	last := len(quoted) - 1
	want := quoted[last]
	if last > 0 {
		want = strings.Join(quoted[:last], ", ") + " or " + want
	}
	return &form{doc: want, want: want, valid: func(n *node) bool {
		for _, c := range choices {
			if n.kind == text && n.text == c {
				return true
			}
		}
		return false
	}}
}

func isWhole(n *node) bool { return n.kind == whole }

func isScalar(n *node) bool {
	return n.kind == text || n.kind == whole || n.kind == real || n.kind == boolean
}

func parsesAs(ok func(string) bool) func(*node) bool {
	return func(n *node) bool { return n.kind == text && ok(n.text) }
}

func isSpan(n *node) bool {
	_, ok := parseSpan(n.text)
	return n.kind == text && ok
}

func spanSize(n *node) float64 {
	d, _ := parseSpan(n.text)
	return d.Seconds()
}

func isHops(n *node) bool {
	_, _, ok := hopRange(n)
	return ok
}

// hopsSize is the upper end; the lower is not above it and not negative.
func hopsSize(n *node) float64 {
	_, most, _ := hopRange(n)
	return float64(most)
}

// hopRange reads 3 or "8..14".
func hopRange(n *node) (least, most int, ok bool) {
	if n.kind == whole {
		// Brought into what an int of 32 bits holds; the range check follows.
		v := int(min(max(n.whole, -1), 1<<20))
		return v, v, true
	}
	a, b, found := strings.Cut(n.text, "..")
	x, err1 := strconv.ParseUint(a, 10, 16)
	y, err2 := strconv.ParseUint(b, 10, 16)
	return int(x), int(y), n.kind == text && found && err1 == nil && err2 == nil && x <= y
}

func isCount(n *node) bool {
	return n.kind == whole || n.kind == text && strings.HasPrefix(n.text, "{") && strings.HasSuffix(n.text, "}")
}

// listOf is a list whose items have one form.
func listOf(item *form, doc string) *form {
	return &form{doc: doc, want: "a " + doc, valid: func(n *node) bool { return n.kind == list }, inside: eachItem(item)}
}

// oneOrMore is one value, or a list of such.
func oneOrMore(item *form, doc string) *form {
	each := eachItem(item)
	return &form{doc: doc, want: doc, valid: func(n *node) bool { return n.kind == list || item.valid(n) }, inside: each}
}

func eachItem(item *form) func(*parser, *node, string, string) {
	return func(p *parser, n *node, subject, key string) {
		for i, v := range n.list {
			if !p.fits(v, item, subject, key) {
				n.list[i] = &node{at: v.at}
			}
		}
	}
}

// Forms of lists.
var (
	someTexts   = listOf(aText, "list of text")
	someSpans   = listOf(aSpan, "list of spans")
	textOrTexts = oneOrMore(aText, "text or list of text")
)

// tableOf is a table with the keys of one section.
func tableOf(sec func() *section) *form {
	return &form{doc: "table", want: "a table", valid: isTable, inside: func(p *parser, n *node, subject, key string) {
		p.section(n, sec(), within(subject, key))
	}}
}

// within is the subject of errors inside the value of a key.
func within(subject, key string) string {
	if subject == "scenario" {
		return key
	}
	return subject + ": " + key
}

// named is a table of tables that have names of the user's.
func named(sec func() *section) *form {
	return &form{doc: "tables by name", want: "a table of tables", valid: isTable, inside: func(p *parser, n *node, _, key string) {
		for _, name := range n.keys {
			p.name(n, key, name)
			p.entry(n, name, sec(), key+" "+strconv.Quote(name))
		}
	}}
}

func isTable(n *node) bool { return n.kind == table }

// mapOf is a table of values of one form under names that are checked later.
func mapOf(item *form, doc string) *form {
	return &form{doc: doc, want: "a table", valid: isTable, inside: func(p *parser, n *node, subject, key string) {
		for _, name := range n.keys {
			p.value(n, name, item, within(subject, key))
		}
	}}
}

// Forms of tables of values.
var (
	someSettings = mapOf(aSetting, "table of settings")
	someParams   = mapOf(aScalar, "table of parameters")
	someWeights  = mapOf(aNumber, "table of weights")
	seekByGroup  = mapOf(aText, "table of text")
	settingsBy   = mapOf(someSettings, "tables of settings by group")
	expectations = mapOf(someTexts, "lists of text by policy")
)

// Forms of networks.
var (
	// links and views have tables under names: legs, and views of names.
	links      = named(func() *section { return linkKeys })
	views      = named(func() *section { return viewKeys })
	jitterLaw  = oneOf("exponential", "uniform", "pareto")
	dependence = oneOf("endpoint-independent", "address-dependent", "address-and-port-dependent")
	// hostsByAddress: the host to which each public address belongs.
	hostsByAddress = mapOf(aText, "table of text")
	// errorLimits: a named set of limits, or the limits.
	errorLimits = &form{
		doc: `"unlimited", "linux" or table`, want: `"unlimited", "linux" or a table`,
		valid: func(n *node) bool {
			return n.kind == table || n.kind == text && (n.text == "unlimited" || n.text == "linux")
		},
		inside: func(p *parser, n *node, subject, key string) {
			if n.kind == table {
				p.section(n, errorLimitKeys, within(subject, key))
			}
		},
	}
	// someRules: a CSV file, which the resolver reads, or its rows.
	someRules = &form{
		doc: "text or list of tables", want: "the path of a CSV file or a list of tables",
		valid: func(n *node) bool { return n.kind == text || n.kind == list },
		inside: func(p *parser, n *node, subject, key string) {
			p.eachTable(n, subject, key, func(v *node) { p.section(v, ruleKeys, ruleSubject(v)) })
		},
	}
	// yesOrNo also takes what tables of firewalls say.
	yesOrNo = &form{
		doc: "true or false", want: "true, false, yes or no",
		valid: func(n *node) bool {
			return n.kind == boolean || n.kind == text && (n.text == "yes" || n.text == "no")
		},
	}
)

// actions are what rules do.
var actions = []string{"accept", "drop", "reject", "reject-net", "reject-host", "reject-port", "reject-reset"}

// eachTable reads each element of a list as a table; one that is none is wrong and
// left empty.
func (p *parser) eachTable(n *node, subject, key string, read func(v *node)) {
	for i, v := range n.list {
		if v.kind != table {
			p.wrong(v, subject, key, "a table")
			n.list[i] = &node{at: v.at}
			continue
		}
		read(v)
	}
}

// listOfTables is a list of tables with the keys of one section.
func listOfTables(sec func() *section) *form {
	return &form{
		doc: "list of tables", want: "a list of tables", valid: func(n *node) bool { return n.kind == list },
		inside: func(p *parser, n *node, subject, key string) {
			p.eachTable(n, subject, key, func(v *node) { p.section(v, sec(), within(subject, key)) })
		},
	}
}
