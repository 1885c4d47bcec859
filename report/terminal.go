package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/relaysim/relaysim/results"
)

// Options say what the terminal can show.
type Options struct {
	// Width in columns; 0 means 110. Below what the first table needs, its
	// less important columns are left out.
	Width int
	// ASCII replaces every character beyond ASCII.
	ASCII bool
	// Color uses ANSI colours.
	Color bool
}

// defaultWidth is taken where the terminal's is not known.
const defaultWidth = 110

// minWidth is the narrowest screen that is laid out.
const minWidth = 60

// ANSI colours of marks.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// screen lays out one summary.
type screen struct {
	s *results.Summary
	o Options
	b bytes.Buffer
	// most is the number of lines of one entry of findings.
	most int
}

// Terminal writes the summary as one screen: the conclusion, a row for each
// policy, the verdicts, the relays of the policy to be shipped, and what the
// figures rest on.
func Terminal(w io.Writer, s *results.Summary, o Options) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	t := &screen{s: s, o: o, most: mostLines}
	t.compose()
	if bytes.Count(t.b.Bytes(), []byte("\n")) > mostRows {
		t = &screen{s: s, o: o, most: 1}
		t.compose()
	}
	if _, err := w.Write(t.b.Bytes()); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// mostRows is the height of a usual screen. A result that is higher has its
// satisfied findings in fewer lines.
const mostRows = 48

func (t *screen) compose() {
	t.title()
	t.policies()
	t.goals()
	t.findings()
	t.relays()
	t.notes()
}

// said converts a text to what the terminal can show. It comes before any
// layout, because it changes widths.
func (t *screen) said(s string) string {
	if !t.o.ASCII {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && string(r) != noBreak {
			return '?'
		}
		return r
	}, asciiWords.Replace(s))
}

// line writes one line, cut to the width.
func (t *screen) line(s string) { t.b.WriteString(t.colored(t.fit(s)) + "\n") }

// fit cuts a line to the width.
func (t *screen) fit(s string) string {
	s = strings.TrimRight(strings.ReplaceAll(t.said(s), noBreak, " "), " ")
	if !t.o.ASCII {
		return cut(s, t.o.Width)
	}
	if len(s) > t.o.Width {
		return strings.TrimRight(s[:t.o.Width-3], " ") + "..."
	}
	return s
}

// lines writes a text in several lines, the further ones indented.
func (t *screen) lines(s string, most int) {
	for _, l := range wrap(t.said(s), t.o.Width, most) {
		t.line(l)
	}
}

// colored paints marks and verdict words. Findings stay plain unless they are
// not as stated.
func (t *screen) colored(s string) string {
	if !t.o.Color {
		return s
	}
	return strings.NewReplacer(
		"GOAL FAILS", red+"GOAL FAILS"+reset, "GOAL holds", green+"GOAL holds"+reset,
		"GOAL undecided", yellow+"GOAL undecided"+reset,
		"NOT as stated", yellow+"NOT as stated"+reset,
		"✓", green+"✓"+reset, "✗", red+"✗"+reset, "≠", yellow+"≠"+reset,
	).Replace(s)
}

// heading writes a section's name after a blank line.
func (t *screen) heading(s string) {
	s = t.fit(s)
	if t.o.Color {
		s = bold + s + reset
	}
	t.b.WriteString("\n" + s + "\n")
}

func (t *screen) title() {
	s := t.s
	title := s.Scenario
	if s.Title != "" {
		title += ": " + s.Title
	}
	t.line(title)
	t.line(fmt.Sprintf("%s · %s · %s of %s · seed %d · model %d · ± = %d%% interval over replications",
		counted(clients(s), "client", "clients"), counted(len(s.Policies), "policy", "policies"),
		counted(s.Replications, "replication", "replications"), results.FormatSeconds(float64(s.DurationS)),
		s.Seed, s.ModelVersion, int(100*float64(s.Confidence)+0.5)))
	t.line(conclusion(s))
}

// field is a column of the first table; those with the highest rank are the
// first to go where there is no room.
type field struct {
	head  string
	rank  int
	right bool
	cell  func(p *results.Policy, m *results.Measures) string
}

// fields are the columns of the first table.
func (t *screen) fields() []field {
	within := "found"
	if len(t.s.FoundBoundsS) > 0 {
		within = "found\n≤" + bound(t.s.FoundBoundsS[0])
	}
	return []field{
		{within, 0, true, func(_ *results.Policy, m *results.Measures) string {
			if len(m.FoundWithin) == 0 {
				return none
			}
			return tight(m.FoundWithin[0].Share)
		}},
		{"wait\np95", 4, true, func(_ *results.Policy, m *results.Measures) string { return late(&m.FoundTime) }},
		{"no\nrelay", 1, true, func(_ *results.Policy, m *results.Measures) string { return plain(m.TimeWithoutRelay) }},
		{"parent\nby", 2, false, func(_ *results.Policy, m *results.Measures) string { return dominant(m) }},
		{"mostly on\n(mean clients)", 4, false, func(_ *results.Policy, m *results.Measures) string { return carrier(m) }},
		{"root\npeak", 6, true, func(p *results.Policy, _ *results.Measures) string { return t.rootPeak(p) }},
		{"fail-\novers", 5, true, func(_ *results.Policy, m *results.Measures) string { return rate(m.Rehomes) }},
		{"re-home\np50/p95", 3, true, func(_ *results.Policy, m *results.Measures) string { return times(&m.RehomeTime) }},
		{"\nmarks", 0, false, func(p *results.Policy, _ *results.Measures) string { return marks(t.s, p.Name) }},
	}
}

func (t *screen) rootPeak(p *results.Policy) string {
	if i := root(t.s); i >= 0 {
		return plain(p.Relays[i].LoadPeak)
	}
	return none
}

// maxPolicyName is the room for a policy's name.
const maxPolicyName = 24

// policies writes the first table, leaving out columns until it fits.
func (t *screen) policies() {
	t.heading("Where " + headline(t.s) + " stand, by policy")
	fields := t.fields()
	for {
		lines := t.policyTable(fields)
		if widest(lines) <= t.o.Width || len(fields) <= 2 {
			for _, l := range lines {
				t.line(l)
			}
			return
		}
		fields = withoutLast(fields)
	}
}

// withoutLast drops the field of the highest rank.
func withoutLast(fields []field) []field {
	worst := 0
	for i, f := range fields {
		if f.rank > fields[worst].rank {
			worst = i
		}
	}
	return append(append([]field{}, fields[:worst]...), fields[worst+1:]...)
}

func (t *screen) policyTable(fields []field) []string {
	head := []string{"\npolicy"}
	right := []bool{false}
	for _, f := range fields {
		head, right = append(head, f.head), append(right, f.right)
	}
	var rows [][]string
	for i := range t.s.Policies {
		p := &t.s.Policies[i]
		row := []string{cut(p.Name, maxPolicyName)}
		sc := p.Scope(t.s.Headline(), "")
		for _, f := range fields {
			if sc == nil {
				row = append(row, none)
				continue
			}
			row = append(row, f.cell(p, &sc.Measures))
		}
		rows = append(rows, row)
	}
	return t.table(head, right, rows)
}

// table lays out cells in columns two blanks apart.
func (t *screen) table(head []string, right []bool, rows [][]string) []string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	w.SetStyle(style)
	var configs []table.ColumnConfig
	for i, r := range right {
		align := text.AlignLeft
		if r {
			align = text.AlignRight
		}
		configs = append(configs, table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align, VAlignHeader: text.VAlignBottom})
	}
	w.SetColumnConfigs(configs)
	w.AppendHeader(t.row(head))
	for _, r := range rows {
		w.AppendRow(t.row(r))
	}
	var lines []string
	for _, l := range strings.Split(w.Render(), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return lines
}

// row converts cells before the columns are laid out.
func (t *screen) row(cells []string) table.Row {
	var out table.Row
	for _, c := range cells {
		out = append(out, t.said(c))
	}
	return out
}

func widest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, utf8.RuneCountInString(l))
	}
	return n
}
