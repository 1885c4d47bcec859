package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/relaysim/relaysim/results"
)

// none is shown where there is no figure.
const none = "–"

// asciiWords replaces what a terminal without Unicode cannot show. Marks are
// replaced by words before columns are laid out.
var asciiWords = strings.NewReplacer(
	"✓", "ok", "✗", "FAIL", "≠", "!=", "≤", "<=", "≥", ">=", "±", "+-",
	"·", "|", none, "-", "…", "...", "—", "-", "×", "x", "→", "->",
)

// figure is an estimate as a table cell.
func figure(e results.Estimate) string {
	if e.None() {
		return none
	}
	return e.String()
}

// plain is the mean alone.
func plain(e results.Estimate) string {
	if e.None() {
		return none
	}
	return results.Format(e.Unit, e.Mean)
}

// figureOf is figure for a figure that may be absent.
func figureOf(e *results.Estimate) string {
	if e == nil {
		return none
	}
	return figure(*e)
}

// tight is a share with its interval and one percent sign: "99.8 ±0.1%".
func tight(e results.Estimate) string {
	mean, margin, ok := strings.Cut(figure(e), "% ±")
	if !ok || !strings.HasSuffix(margin, "%") {
		return figure(e)
	}
	return mean + " ±" + margin
}

// rate is a figure per client-day without its unit, which the heading has.
func rate(e results.Estimate) string { return strings.TrimSuffix(plain(e), "/d") }

// counted writes a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return results.Format(results.UnitCount, float64(n)) + " " + many
}

// cut shortens s to a number of characters.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:max(0, width-1)]), " ") + "…"
}

// noBreak joins words that wrap keeps on one line.
const noBreak = "\u00a0"

// indent begins every line of a wrapped text but the first.
const indent = "    "

// wrap breaks s at spaces into lines of at most width characters, the further
// ones indented; what does not fit into the last of most lines is cut.
func wrap(s string, width, most int) []string {
	var lines []string
	line := ""
	if strings.HasPrefix(s, indent) {
		line = indent
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
	for i, w := range words {
		switch {
		case strings.Trim(line, " ") == "":
			line += w
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) <= width:
			line += " " + w
		case len(lines) == most-1:
			return append(lines, cut(line+" "+strings.Join(words[i:], " "), width))
		default:
			lines = append(lines, line)
			line = indent + w
		}
	}
	return append(lines, cut(line, width))
}

// dominant is the way by which most of the scope's selections that found a
// parent ended, with its share of them.
func dominant(m *results.Measures) string {
	best := -1
	for i, p := range m.SelectedBy {
		if p.Name == "none" || p.Share.None() {
			continue
		}
		if best < 0 || p.Share.Mean > m.SelectedBy[best].Share.Mean {
			best = i
		}
	}
	if best < 0 {
		return "nothing"
	}
	if p := m.SelectedBy[best]; p.Share.Min < 1 {
		return p.Name + " " + plain(p.Share)
	}
	return m.SelectedBy[best].Name
}

// carrier is the relay that carries most of the scope's registered time, with
// its share and the mean number of those clients.
func carrier(m *results.Measures) string {
	best := -1
	for i, p := range m.LoadShare {
		if best < 0 || p.Mean.Mean > m.LoadShare[best].Mean.Mean {
			best = i
		}
	}
	if best < 0 {
		return "nobody"
	}
	p := m.LoadShare[best]
	return fmt.Sprintf("%s %s (%s)", p.Name, plain(p.Share), plain(p.Mean))
}

// times has the median and the 95th percentile of a time.
func times(s *results.Spread) string {
	if s.P50 == nil || s.P50.None() {
		return none
	}
	return results.FormatSpan(s.P50.Mean) + "/" + results.FormatSpan(s.P95.Mean)
}

// late has the 95th percentile of a time.
func late(s *results.Spread) string {
	if s.P95 == nil || s.P95.None() {
		return none
	}
	return results.FormatSpan(s.P95.Mean)
}

// root returns the index of the root in the summary's relays, or -1.
func root(s *results.Summary) int {
	for i := range s.Relays {
		if s.Relays[i].Root {
			return i
		}
	}
	return -1
}

// bound is a found_within bound in words.
func bound(seconds int64) string { return results.FormatSeconds(float64(seconds)) }

// headline names the clients that the first table is about, with the places
// where they can be.
func headline(s *results.Summary) string {
	if s.Headline() == results.ScopeAll {
		return "all clients"
	}
	var places []string
	for _, n := range s.Networks {
		if n.Outside && (n.Site || s.Policies[0].Scope(results.ScopeNetwork, n.Name) != nil) {
			places = append(places, n.Name)
		}
	}
	return "clients outside (" + strings.Join(places, ", ") + ")"
}

// clients is the number of clients of the scenario.
func clients(s *results.Summary) int {
	n := 0
	for _, g := range s.Groups {
		n += g.Count
	}
	return n
}
