package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// expectations reads goals, then findings, in file order. Bounds and pairs
// that they speak of are added to the plan.
func (b *binder) expectations() {
	standard := 15 * time.Minute
	if len(b.plan.FoundBounds) > 0 {
		standard = b.plan.FoundBounds[0]
	}
	b.plan.FoundBounds = append(b.plan.FoundBounds, standard)
	for _, kind := range []string{"goals", "findings"} {
		sec := b.section(kind)
		for _, who := range sec.names() {
			subject := kind[:len(kind)-1] + " of " + strconv.Quote(short(who))
			policy, other, ok := b.compared(sec, who, subject)
			for _, v := range sec.items(who) {
				if !ok || v.kind != text {
					continue
				}
				r := expectReader{b: b, e: sim.Expectation{
					Goal: kind == "goals", Policy: policy, Other: other, Text: v.text, Source: v.at.String(),
					Within: 0, By: -1, Reason: -1, Relay: -1,
				}, within: standard}
				if err := r.read(v.text); err != nil {
					b.add(v.at, subject, "%q: %v", short(v.text), err)
					continue
				}
				b.addExpectation(r.e)
			}
		}
	}
	slices.Sort(b.plan.FoundBounds)
	b.plan.FoundBounds = slices.Compact(b.plan.FoundBounds)
}

// addExpectation keeps an expectation and what it needs the run to count.
func (b *binder) addExpectation(e sim.Expectation) {
	b.plan.Expectations = append(b.plan.Expectations, e)
	if e.Measure == sim.FoundWithin {
		b.plan.FoundBounds = append(b.plan.FoundBounds, e.Within)
	}
	if pair := [2]int{e.Policy, e.Other}; e.Other >= 0 && !slices.Contains(b.plan.Pairs, pair) {
		b.plan.Pairs = append(b.plan.Pairs, pair)
	}
}

// compared reads "A" or "A vs B". other is -1 for one policy.
func (b *binder) compared(sec *node, who, subject string) (policy, other int, ok bool) {
	first, second, two := strings.Cut(who, " vs ")
	var names []string
	for _, p := range b.policies {
		names = append(names, p.Name)
	}
	find := func(name string) int {
		i := slices.Index(names, name)
		if i < 0 && (name == "always" || !b.section("policy").has(name)) {
			b.add(sec.spotOf(who), subject, "policy %q is not defined%s", short(name), hint(name, names))
		}
		return i
	}
	policy, other = find(strings.TrimSpace(first)), -1
	if two {
		other = find(strings.TrimSpace(second))
		if other >= 0 && other == policy {
			b.add(sec.spotOf(who), subject, "compares a policy with itself")
			return 0, 0, false
		}
	}
	return policy, other, policy >= 0 && (!two || other >= 0)
}

// expectReader reads one expectation:
// SUBJECT ":" MEASURE [STAT] [QUALIFIER] OP VALUE.
type expectReader struct {
	b      *binder
	e      sim.Expectation
	within time.Duration // of found_within, if it states none
}

var operators = map[string]sim.Op{"<=": sim.LE, "<": sim.LT, ">=": sim.GE, ">": sim.GT, "=": sim.EQ}

func (r *expectReader) read(s string) error {
	subject, rest, found := strings.Cut(s, ":")
	words := strings.Fields(rest)
	at := slices.IndexFunc(words, func(w string) bool { _, ok := operators[w]; return ok })
	if !found || at < 1 || at != len(words)-2 {
		return errors.New(`is not an expectation ("SUBJECT: MEASURE OP VALUE" is accepted, OP one of <=, <, >=, >, =)`)
	}
	if err := r.subject(strings.TrimSpace(subject)); err != nil {
		return err
	}
	if err := r.measure(words[0]); err != nil {
		return err
	}
	if err := r.qualifiers(words[1:at]); err != nil {
		return err
	}
	r.e.Op = operators[words[at]]
	return r.value(words[at+1])
}

// subject reads of whom it speaks.
func (r *expectReader) subject(s string) error {
	p := r.b.plan
	r.e.Subject.Text = s
	if s == "every relay" {
		r.e.Subject.Kind = sim.EveryRelay
		return nil
	}
	name := s
	if s == "root" {
		name = r.b.rootName
	}
	if id, ok := r.b.relays[name]; ok && !slices.Contains(p.Labels, s) {
		r.e.Subject.Kind, r.e.Subject.Relay = sim.OneRelay, int(id)
		return nil
	}
	who, where, placed := s, "", false
	if after, ok := strings.CutPrefix(s, "at "); ok {
		who, where, placed = "all", after, true
	} else {
		who, where, placed = strings.Cut(s, " at ")
	}
	labels, err := r.labels(who)
	if err != nil {
		return err
	}
	networks, err := r.networks(where, placed)
	if err != nil {
		return err
	}
	for _, l := range labels {
		for _, n := range networks {
			r.e.Subject.Slots = append(r.e.Subject.Slots, p.Slot(l, n))
		}
	}
	return nil
}

// labels reads "all" or labels joined by "+".
func (r *expectReader) labels(s string) ([]int, error) {
	known := r.b.plan.Labels
	var out []int
	if s == "all" {
		for i := range known {
			out = append(out, i)
		}
		return out, nil
	}
	for name := range strings.SplitSeq(s, "+") {
		name = strings.TrimSpace(name)
		i := slices.Index(known, name)
		if i < 0 {
			names := append([]string{"all", "every relay", "root"}, known...)
			return nil, fmt.Errorf("%q is neither a group nor a relay%s", short(name), hint(name, append(names, r.b.relayNames()...)))
		}
		out = append(out, i)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// networks reads places joined by "+", "sites" and "outside" among them; not
// placed means all.
func (r *expectReader) networks(s string, placed bool) ([]int, error) {
	var out []int
	for i, n := range r.b.plan.Networks {
		if !placed || r.named(s, n) {
			out = append(out, i)
		}
	}
	if !placed {
		return out, nil
	}
	for name := range strings.SplitSeq(s, "+") {
		name = strings.TrimSpace(name)
		known := append([]string{"sites", "outside"}, r.b.section("place").names()...)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("place %q is not defined%s", short(name), hint(name, known))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no place is %q", short(s))
	}
	return out, nil
}

// named tells whether "home+sites" includes a network.
func (r *expectReader) named(s string, n sim.NetworkPlan) bool {
	for name := range strings.SplitSeq(s, "+") {
		name = strings.TrimSpace(name)
		if name == n.Name || name == "sites" && n.Site || name == "outside" && n.Outside {
			return true
		}
	}
	return false
}

// measure reads the measure's name and holds it against the subject.
func (r *expectReader) measure(s string) error {
	var names []string
	for _, m := range sim.MeasureTable {
		names = append(names, m.Name)
	}
	i := slices.Index(names, s)
	if i < 0 {
		return fmt.Errorf("measure %q is not known%s", short(s), hint(s, names))
	}
	r.e.Measure = sim.Measure(i)
	info := &sim.MeasureTable[i]
	ofClients := r.e.Subject.Kind == sim.Clients
	switch {
	case ofClients && !info.Clients:
		return fmt.Errorf("%s speaks of a relay, not of clients", s)
	case !ofClients && !info.Relay:
		return fmt.Errorf("%s speaks of clients, not of a relay", s)
	case info.Pair && r.e.Other < 0:
		return fmt.Errorf(`%s compares two policies (written under "A vs B")`, s)
	case !info.Pair && r.e.Other >= 0:
		return fmt.Errorf("%s speaks of one policy", s)
	}
	if len(info.Stats) > 0 {
		r.e.Stat = info.Stats[0]
	}
	return nil
}

// qualifiers reads what stands between measure and operator.
func (r *expectReader) qualifiers(words []string) error {
	info := &sim.MeasureTable[r.e.Measure]
	for _, s := range info.Stats {
		if len(words) > 0 && words[0] == s.String() {
			r.e.Stat, words = s, words[1:]
			break
		}
	}
	if len(words) == 0 {
		return r.unqualified(info)
	}
	if err := r.qualifier(info, words[0]); err != nil {
		return err
	}
	if len(words) > 1 {
		return fmt.Errorf("%q after %q is not understood", short(words[1]), short(words[0]))
	}
	return nil
}

// unqualified fills in or misses a qualifier.
func (r *expectReader) unqualified(info *sim.MeasureInfo) error {
	switch r.e.Measure {
	case sim.FoundWithin:
		r.e.Within = r.within
	case sim.SelectedBy:
		return fmt.Errorf("%s needs a way (one of %s)", info.Name, strings.Join(ways(), ", "))
	case sim.LoadShare:
		return fmt.Errorf("%s needs a relay", info.Name)
	}
	return nil
}

func (r *expectReader) qualifier(info *sim.MeasureInfo, w string) error {
	switch r.e.Measure {
	case sim.FoundWithin:
		d, ok := parseSpan(w)
		if !ok || d < time.Second || d > 30*day {
			return fmt.Errorf("%q is not a span from 1s to 30d", short(w))
		}
		r.e.Within = d
	case sim.SelectedBy, sim.Rehomes:
		if r.e.By = slices.Index(ways(), w); r.e.By < 0 {
			return fmt.Errorf("way %q is not known%s", short(w), hint(w, ways()))
		}
	case sim.RegistrationFailures:
		i := slices.Index(reasons(), w)
		if i < 0 {
			return fmt.Errorf("reason %q is not known%s", short(w), hint(w, reasons()))
		}
		r.e.Reason = i + 1 // reasons leave out Registered, which is 0
	case sim.LoadShare:
		id, ok := r.b.relays[w]
		if w == "root" {
			id, ok = r.b.relays[r.b.rootName], true
		}
		if !ok {
			return fmt.Errorf("relay %q is not defined%s", short(w), hint(w, r.b.relayNames()))
		}
		r.e.Relay = int(id)
	default:
		var stats []string
		for _, s := range info.Stats {
			stats = append(stats, s.String())
		}
		if len(stats) > 0 {
			return fmt.Errorf("%q does not follow %s%s", short(w), info.Name, hint(w, stats))
		}
		return fmt.Errorf("%q after %s, which takes no qualifier", short(w), info.Name)
	}
	return nil
}

// ways are the names of selection.By.
func ways() []string {
	var out []string
	for by := range selection.NumBy {
		out = append(out, by.String())
	}
	return out
}

// reasons are the names of failed registrations.
func reasons() []string {
	var out []string
	for o := selection.Registered + 1; o < selection.NumOutcomes; o++ {
		out = append(out, o.String())
	}
	return out
}

// value reads the value in the measure's unit.
func (r *expectReader) value(s string) error {
	unit := sim.MeasureTable[r.e.Measure].Unit
	if unit == sim.Seconds {
		d, ok := parseSpan(s)
		if !ok || d < 0 {
			return fmt.Errorf("value %q is not a span such as \"15m\"", short(s))
		}
		r.e.Value = d.Seconds()
		return nil
	}
	number, percent := strings.CutSuffix(s, "%")
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !(x >= 0 && x <= 1e15) {
		return fmt.Errorf("value %q is not a number of 0 or more", short(s))
	}
	share := unit == sim.Fraction || r.e.Measure == sim.SelectedBy
	if percent {
		if !share {
			return fmt.Errorf("value %q: %s is not a share", short(s), sim.MeasureTable[r.e.Measure].Name)
		}
		r.e.Percent = true
		x /= 100
	}
	if (percent || unit == sim.Fraction) && x > 1 {
		return fmt.Errorf("value %q is above 100%%", short(s))
	}
	r.e.Value = x
	return nil
}
