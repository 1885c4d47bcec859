package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/relaysim/relaysim/results"
)

// page collects a Markdown text.
type page struct {
	s *results.Summary
	b strings.Builder
}

// Markdown writes the summary as a page: the conclusion and the table of
// policies, every verdict, then all tables with all intervals.
func Markdown(w io.Writer, s *results.Summary) error {
	p := &page{s: s}
	p.head()
	p.policies()
	p.verdicts()
	p.differences()
	p.pairs()
	for i := range s.Policies {
		p.policy(&s.Policies[i])
	}
	p.relays()
	p.fleet()
	p.parameters()
	p.warnings()
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("write result page: %w", err)
	}
	return nil
}

func (p *page) paragraph(format string, args ...any) {
	fmt.Fprintf(&p.b, format+"\n\n", args...)
}

// table writes a table; an empty one is said to be empty.
func (p *page) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		p.paragraph("None.")
		return
	}
	w := table.NewWriter()
	w.AppendHeader(cells(head))
	for _, r := range rows {
		w.AppendRow(cells(r))
	}
	p.b.WriteString(w.RenderMarkdown() + "\n\n")
}

func cells(of []string) table.Row {
	var out table.Row
	for _, c := range of {
		out = append(out, c)
	}
	return out
}

func (p *page) head() {
	s := p.s
	p.paragraph("# %s", s.Scenario)
	if s.Title != "" {
		p.paragraph("**%s**", s.Title)
	}
	p.paragraph("%s", conclusion(s))
	p.paragraph("%s, %s, %s of %s, warm-up %s. Scenario `%s`, seed %d, model version %d.",
		counted(clients(s), "client", "clients"), counted(len(s.Policies), "policy", "policies"),
		counted(s.Replications, "replication", "replications"), results.FormatSeconds(float64(s.DurationS)),
		results.FormatSeconds(float64(s.WarmUpS)), s.ScenarioHash, s.Seed, s.ModelVersion)
	p.paragraph("Each figure is a mean over replications; ± is half the width of its %d%% interval (Student's t, the replication is the sampling unit). A figure without ± is the same in every replication; ±? means that a single replication has no interval; %s means that nothing happened which it speaks of. Times and shares of a distribution are taken within each replication. The measures are defined in docs/measures.md.",
		int(100*float64(s.Confidence)+0.5), none)
}

func (p *page) policies() {
	s := p.s
	p.paragraph("## Where %s stand, by policy", headline(s))
	var rows [][]string
	for i := range s.Policies {
		pol := &s.Policies[i]
		row := []string{pol.Name, pol.Text, marks(s, pol.Name)}
		if sc := pol.Scope(s.Headline(), ""); sc != nil {
			m := &sc.Measures
			row = append(row, within(m), figure(m.TimeWithoutRelay), dominant(m), carrier(m), p.rootPeak(pol), figure(m.Rehomes), figureOf(m.RehomeTime.P50), figureOf(m.RehomeTime.P95))
		}
		rows = append(rows, row)
	}
	p.table([]string{"policy", "what it is", "verdicts", p.foundHead(), "time without relay", "parent mostly by", "mostly on (mean clients)", "root: load peak", "failover rate (re-homes per client-day)", "re-home p50", "re-home p95"}, rows)
	p.paragraph("Verdicts: ✓ goal holds, ✗ goal fails, = finding as stated, ≠ finding not as stated, ? undecided. A finding that is as stated says nothing good of the policy. The failover rate counts changes of parent; re-home time also counts the losses that ended with the parent that was lost.")
}

// differences shows what every further policy changes against the first.
func (p *page) differences() {
	s := p.s
	if len(s.Differences) == 0 {
		return
	}
	p.paragraph("## What changes against %s, for %s", s.Differences[0].Base, headline(s))
	var rows [][]string
	for i := range s.Differences {
		d := &s.Differences[i]
		row := []string{d.Policy}
		for _, e := range []results.Estimate{d.FoundWithin, d.FoundTimeP95, d.TimeWithoutRelay, d.Rehomes, d.RehomeTimeP95, d.RootLoadPeak} {
			row = append(row, change(e))
		}
		rows = append(rows, row)
	}
	p.table([]string{"policy", p.foundHead(), "found time p95", "time without relay", "failover rate", "re-home p95", "root: load peak"}, rows)
	p.paragraph("Differences are taken within each replication, under the same chance, and then averaged; those of shares are in percentage points. \"same\" means equal in every replication, ~ that no difference is detectable, %s that one of the two policies has no such figure.", none)
}

// change writes a difference.
func change(e results.Estimate) string {
	if e.None() {
		return none
	}
	return results.FormatDifference(e)
}

func (p *page) foundHead() string {
	if len(p.s.FoundBoundsS) == 0 {
		return "found"
	}
	return "found within " + bound(p.s.FoundBoundsS[0])
}

// within is found_within for the first bound.
func within(m *results.Measures) string {
	if len(m.FoundWithin) == 0 {
		return none
	}
	return figure(m.FoundWithin[0].Share)
}

func (p *page) rootPeak(pol *results.Policy) string {
	if i := root(p.s); i >= 0 {
		return figure(pol.Relays[i].LoadPeak)
	}
	return none
}

func (p *page) verdicts() {
	for _, part := range []struct {
		title string
		goal  bool
	}{{"Goals", true}, {"Findings", false}} {
		var rows [][]string
		for i := range p.s.Verdicts {
			v := &p.s.Verdicts[i]
			if v.Goal == part.goal {
				rows = append(rows, []string{mark(v) + " " + saying(v), about(v), v.Text, figure(v.Observed), span(v.Observed), v.Note, strings.Join(v.HangsOn, "; "), v.Source})
			}
		}
		p.paragraph("## %s", part.title)
		p.table([]string{"verdict", "policy", "expectation", "observed", "replications", "note", "hangs on", "source"}, rows)
	}
}

// span is the range over replications.
func span(e results.Estimate) string {
	switch {
	case e.None():
		return none
	case e.Min == e.Max:
		return fmt.Sprintf("%d: all the same", e.N)
	}
	return fmt.Sprintf("%d: %s to %s", e.N, results.Format(e.Unit, e.Min), results.Format(e.Unit, e.Max))
}

func (p *page) pairs() {
	if len(p.s.Pairs) == 0 {
		return
	}
	p.paragraph("## Choice changes: the same client selecting at the same instant")
	var rows [][]string
	for _, x := range p.s.Pairs {
		rows = append(rows, []string{x.Policy, x.Other, figure(x.Matched), figure(x.Changed), figure(x.Unmatched)})
	}
	p.table([]string{"policy", "other", "selections compared", "with another parent", "without counterpart"}, rows)
}

// policy writes the measures of a policy by network and label.
func (p *page) policy(pol *results.Policy) {
	p.paragraph("## Policy %s", pol.Name)
	text := "Openings: " + orNone(strings.Join(pol.Openings, ", ")) + "."
	if pol.Text != "" {
		text = pol.Text + ". " + text
	}
	if pol.Like != "" {
		text += fmt.Sprintf(" Like %s but for %s.", pol.Like, strings.Join(pol.Changed, ", "))
	}
	p.paragraph("%s", text)
	p.scopes(pol, "", p.foundColumns())
	p.scopes(pol, "Selections", selectionColumns())
	p.scopes(pol, "Changes of parent", changeColumns())
	p.parts(pol)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// measured is a column of a table by scope.
type measured struct {
	head string
	cell func(m *results.Measures) string
}

// scopes writes one table with a row for each scope.
func (p *page) scopes(pol *results.Policy, title string, cols []measured) {
	if title != "" {
		p.paragraph("%s:", title)
	}
	head := []string{"clients"}
	for _, c := range cols {
		head = append(head, c.head)
	}
	var rows [][]string
	for i := range pol.Scopes {
		row := []string{scopeName(&pol.Scopes[i])}
		for _, c := range cols {
			row = append(row, c.cell(&pol.Scopes[i].Measures))
		}
		rows = append(rows, row)
	}
	p.table(head, rows)
}

func scopeName(s *results.Scope) string {
	switch s.Kind {
	case results.ScopeNetwork:
		return "at " + s.Name
	case results.ScopeSites:
		return "at sites"
	}
	return s.Name
}

func (p *page) foundColumns() []measured {
	cols := []measured{
		{"sessions", func(m *results.Measures) string { return figure(m.Sessions) }},
		{"client-days online", func(m *results.Measures) string { return figure(m.ClientDays) }},
	}
	for i, b := range p.s.FoundBoundsS {
		cols = append(cols, measured{"found within " + bound(b), func(m *results.Measures) string { return figure(m.FoundWithin[i].Share) }})
	}
	return append(cols, []measured{
		{"found time p50", func(m *results.Measures) string { return figureOf(m.FoundTime.P50) }},
		{"p95", func(m *results.Measures) string { return figureOf(m.FoundTime.P95) }},
		{"time without relay", func(m *results.Measures) string { return figure(m.TimeWithoutRelay) }},
		{"never registered", func(m *results.Measures) string { return figureOf(m.NeverRegistered) }},
	}...)
}

func selectionColumns() []measured {
	return []measured{
		{"selections", func(m *results.Measures) string { return figure(m.Selections) }},
		{"selected by", func(m *results.Measures) string { return listed(m.SelectedBy) }},
		{"time p50", func(m *results.Measures) string { return figureOf(m.SelectionTime.P50) }},
		{"p95", func(m *results.Measures) string { return figureOf(m.SelectionTime.P95) }},
		{"rounds", func(m *results.Measures) string { return figureOf(m.Rounds.Mean) }},
		{"probes", func(m *results.Measures) string { return figure(m.Probes) }},
		{"echo replies expected", func(m *results.Measures) string { return figure(m.EchoReplies) }},
		{"distance (hops)", func(m *results.Measures) string { return figureOf(m.Distance.Mean) }},
		{"distance known", func(m *results.Measures) string { return figure(m.DistanceKnown) }},
		{"registration failures", func(m *results.Measures) string { return listed(m.RegistrationFailures) }},
	}
}

func changeColumns() []measured {
	return []measured{
		{"re-homes per client-day", func(m *results.Measures) string { return figure(m.Rehomes) }},
		{"new parent by", func(m *results.Measures) string { return listed(m.RehomesBy) }},
		{"losses of a parent", func(m *results.Measures) string { return figure(m.Losses.Count) }},
		{"parent back by itself", func(m *results.Measures) string { return figure(m.Losses.Restored) }},
		{"cut short by going offline", func(m *results.Measures) string { return figure(m.Losses.Cut) }},
		{"open at the end", func(m *results.Measures) string { return figure(m.Losses.Open) }},
		{"re-home time p50", func(m *results.Measures) string { return figureOf(m.RehomeTime.P50) }},
		{"p95", func(m *results.Measures) string { return figureOf(m.RehomeTime.P95) }},
		{"p99", func(m *results.Measures) string { return figureOf(m.RehomeTime.P99) }},
		{"max", func(m *results.Measures) string { return figureOf(m.RehomeTime.Max) }},
		{"roams", func(m *results.Measures) string { return figure(m.Roams) }},
		{"moves", func(m *results.Measures) string { return figure(m.Moves) }},
		{"flaps", func(m *results.Measures) string { return figure(m.Flaps) }},
	}
}

// listed writes the classes of a breakdown with their mean counts.
func listed(parts []results.Part) string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Name+" "+figure(p.Mean))
	}
	if len(out) == 0 {
		return none
	}
	return strings.Join(out, ", ")
}

// parts writes what re-home time consists of, for scopes that have any, and
// who carries whom.
func (p *page) parts(pol *results.Policy) {
	var parts, load [][]string
	for i := range pol.Scopes {
		name, m := scopeName(&pol.Scopes[i]), &pol.Scopes[i].Measures
		if !m.Parts.Detection.None() {
			parts = append(parts, []string{name, figureOf(m.RehomeTime.Mean), figure(m.Parts.Detection), figure(m.Parts.Resist), figure(m.Parts.Probing), figure(m.Parts.Registration), figure(m.Parts.RetryWait)})
		}
		for _, r := range m.LoadShare {
			if pol.Scopes[i].Kind != results.ScopeAll && pol.Scopes[i].Kind != results.ScopeSites {
				load = append(load, []string{name, r.Name, figure(r.Mean), figure(r.Share)})
			}
		}
	}
	if len(parts) > 0 {
		p.paragraph("What the mean re-home time consists of:")
		p.table([]string{"clients", "re-home time", "detection", "resist", "probing", "registration", "retry wait"}, parts)
	}
	if len(load) > 0 {
		p.paragraph("Who carries them:")
		p.table([]string{"clients", "relay", "mean clients", "share of their registered time"}, load)
	}
}

// relays writes the load of every relay under every policy.
func (p *page) relays() {
	p.paragraph("## Relays")
	for i := range p.s.Policies {
		pol := &p.s.Policies[i]
		p.paragraph("### %s", pol.Name)
		p.paragraph("Peak above %s clients: %s relays; above %s: %s; largest over mean load of the worst affiliation group: %s.",
			results.Format(results.UnitCount, float64(p.s.DesignLoad)), figure(pol.OverDesign),
			results.Format(results.UnitCount, float64(p.s.LimitLoad)), figure(pol.OverLimit), figure(pol.Imbalance))
		var rows [][]string
		for j := range pol.Relays {
			r := &pol.Relays[j]
			rows = append(rows, []string{r.Name, p.s.Relays[j].Network, figure(r.LoadMean), figure(r.LoadP95), figure(r.LoadPeak), figure(r.LoadShare), figure(r.ConsoleCount), figure(r.Registrations)})
		}
		p.table([]string{"relay", "at", "load mean", "load p95", "load peak", "share of registered time", "console count at the end", "registrations"}, rows)
	}
}

// fleet writes what was simulated.
func (p *page) fleet() {
	p.paragraph("## Clients, relays and events")
	var rows [][]string
	for _, g := range p.s.Groups {
		rows = append(rows, []string{g.ID, g.Label, results.Format(results.UnitCount, float64(g.Count)), g.Home, g.Life})
	}
	p.table([]string{"group", "label", "clients", "home", "life"}, rows)
	rows = nil
	for _, r := range p.s.Relays {
		rows = append(rows, []string{r.Name, r.ID, r.Network, orNone(strings.Join(r.Advertise, ", ")), fmt.Sprint(r.Priority), fmt.Sprint(r.Weight)})
	}
	p.table([]string{"relay", "id", "at", "advertises", "priority", "weight"}, rows)
	rows = nil
	for _, e := range p.s.Events {
		rows = append(rows, []string{results.FormatSeconds(float64(e.AtS)), e.Text})
	}
	p.paragraph("Events (time since the start):")
	p.table([]string{"at", "event"}, rows)
}

// parameters writes the model parameters in force: those of the first policy,
// then what others change.
func (p *page) parameters() {
	p.paragraph("## Model parameters in force")
	if len(p.s.Policies) == 0 {
		return
	}
	base := p.s.Policies[0].Parameters
	var rows [][]string
	for i, x := range base {
		differs := ""
		for j := range p.s.Policies[1:] {
			o := &p.s.Policies[1+j]
			if i < len(o.Parameters) && o.Parameters[i].Value != x.Value {
				differs += fmt.Sprintf("%s: %s; ", o.Name, o.Parameters[i].Value)
			}
		}
		rows = append(rows, []string{x.Name, x.Value, x.Unit, yes(x.Default), yes(!x.Unverified), x.Row, strings.TrimSuffix(differs, "; ")})
	}
	p.table([]string{"parameter", "value", "unit", "default", "default is verified", "docs/model.md", "other policies"}, rows)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (p *page) warnings() {
	if len(p.s.Warnings) == 0 {
		return
	}
	p.paragraph("## Warnings")
	for _, w := range p.s.Warnings {
		p.b.WriteString("- " + w + "\n")
	}
}
