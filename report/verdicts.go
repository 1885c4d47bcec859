package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/relaysim/relaysim/results"
)

// mostGoals is the number of goals that have a line each; of more, those that
// hold are gathered by policy.
const mostGoals = 4

// goals writes the goals in the scenario's order.
func (t *screen) goals() {
	total := count(t.s, true, "")
	if total.total == 0 {
		return
	}
	t.heading("Goals: what is meant to ship")
	gather := total.total > mostGoals
	for i := range t.s.Verdicts {
		if v := &t.s.Verdicts[i]; v.Goal && !(gather && v.Result == results.Holds) {
			t.verdict(v)
		}
	}
	if gather {
		t.gathered(true, "✓ GOALS hold  ", everyLine)
	}
}

// findings writes first what is not as stated, then a line for each policy
// whose findings are.
func (t *screen) findings() {
	total := count(t.s, false, "")
	if total.total == 0 {
		return
	}
	t.heading("Findings: what a policy is known to do, good or bad (= is as stated, which does not mean good)")
	for i := range t.s.Verdicts {
		if v := &t.s.Verdicts[i]; !v.Goal && v.Result != results.Holds {
			t.verdict(v)
		}
	}
	t.gathered(false, "= ", t.most)
}

// verdict writes one verdict with what was observed and what it hangs on.
func (t *screen) verdict(v *results.Verdict) {
	line := t.said(fmt.Sprintf("%s %s  %s: %s", mark(v), saying(v), about(v), v.Text))
	seen := t.said("observed " + observed(v))
	if utf8.RuneCountInString(line)+2+utf8.RuneCountInString(seen) <= t.o.Width {
		t.line(line + "  " + seen)
	} else {
		t.lines(line, mostLines)
		t.lines(indent+seen, mostLines)
	}
	t.hangs("", v.HangsOn)
}

// bundle is the verdicts that hold for one policy or pair of policies; those
// that say the same are shown together.
type bundle struct {
	about      []string
	statements []string
	// hangs has the parameters by policy, "POLICY" first.
	hangs [][]string
}

// hanging tells whether any of the verdicts hangs on a parameter.
func (b *bundle) hanging() bool {
	return slices.ContainsFunc(b.hangs, func(h []string) bool { return len(h) > 1 })
}

// bundles gathers goals or findings that hold.
func (t *screen) bundles(goal bool) []*bundle {
	var order []string
	byAbout := map[string][]*results.Verdict{}
	for i := range t.s.Verdicts {
		v := &t.s.Verdicts[i]
		if v.Goal != goal || v.Result != results.Holds {
			continue
		}
		if byAbout[about(v)] == nil {
			order = append(order, about(v))
		}
		byAbout[about(v)] = append(byAbout[about(v)], v)
	}
	var out []*bundle
	byText := map[string]*bundle{}
	for _, name := range order {
		texts := statements(byAbout[name])
		key := strings.Join(texts, "\n")
		b := byText[key]
		if b == nil {
			b = &bundle{statements: texts}
			byText[key] = b
			out = append(out, b)
		}
		b.about = append(b.about, unbroken(name))
		hangs := []string{name}
		for _, v := range byAbout[name] {
			hangs = append(hangs, v.HangsOn...)
		}
		b.hangs = append(b.hangs, hangs)
	}
	return out
}

// statements are the verdicts in words, those of one subject together and the
// subject named once; a line may break after the subject.
func statements(vs []*results.Verdict) []string {
	var subjects []string
	bySubject := map[string][]string{}
	for _, v := range vs {
		subject, rest, ok := strings.Cut(short(v), ": ")
		if !ok {
			subject, rest = "", subject
		}
		if bySubject[subject] == nil {
			subjects = append(subjects, subject)
		}
		bySubject[subject] = append(bySubject[subject], unbroken(rest))
	}
	var out []string
	for _, subject := range subjects {
		texts := bySubject[subject]
		if subject != "" {
			texts[0] = unbroken(subject+":") + " " + texts[0]
		}
		out = append(out, texts...)
	}
	return out
}

// unbroken keeps s on one line.
func unbroken(s string) string { return strings.ReplaceAll(s, " ", noBreak) }

// short is a verdict that holds: its text, and what was observed unless the
// text says it; of a goal with the interval.
func short(v *results.Verdict) string {
	if strings.Contains(v.Text, " = ") && v.Observed.Min == v.Observed.Max {
		return v.Text
	}
	if v.Goal {
		return v.Text + " (" + figure(v.Observed) + ")"
	}
	return v.Text + " (" + plain(v.Observed) + ")"
}

// mostLines is the number of lines of what is not to fill the screen.
const mostLines = 2

// everyLine does not limit an entry.
const everyLine = 1000

// gathered writes the verdicts that hold.
func (t *screen) gathered(goal bool, sign string, most int) {
	for _, b := range t.bundles(goal) {
		lines := most
		if b.hanging() { // what hangs on an unknown is not shortened to one line
			lines = max(most, mostLines)
		}
		t.entry(unbroken(sign)+strings.Join(b.about, ", ")+": ", b.statements, lines)
		for _, h := range b.hangs {
			who := ""
			if len(b.hangs) > 1 {
				who = h[0] + " "
			}
			t.hangs(who, h[1:])
		}
	}
}

// entry writes statements behind a label. Those that do not fit are counted.
func (t *screen) entry(label string, statements []string, most int) {
	var lines []string
	for n := len(statements); n > 0; n-- {
		text := label + strings.Join(statements[:n], noBreak+"· ")
		if n < len(statements) {
			text += noBreak + "· " + unbroken(fmt.Sprintf("%d more in summary.md", len(statements)-n))
		}
		if lines = wrap(t.said(text), t.o.Width, everyLine); len(lines) <= most {
			break
		}
	}
	for _, l := range lines { // of the first statement alone, however long
		t.line(l)
	}
}

// hangs writes each parameter that turns verdicts once, with the first case.
func (t *screen) hangs(who string, all []string) {
	type kind struct {
		first string
		more  int
	}
	var kinds []*kind
	byHead := map[string]*kind{}
	for _, h := range all {
		head, _, _ := strings.Cut(h, " (")
		if k := byHead[head]; k != nil {
			k.more++
			continue
		}
		k := &kind{first: h}
		byHead[head] = k
		kinds = append(kinds, k)
	}
	for _, k := range kinds {
		head, seen, _ := strings.Cut(k.first, " (")
		line := indent + who + "hangs on " + head + " " + unbroken("("+seen)
		if k.more > 0 {
			line += unbroken(fmt.Sprintf(" and %d more", k.more))
		}
		t.lines(line, mostLines)
	}
}
