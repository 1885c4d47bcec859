package report

import (
	"fmt"
	"strings"

	"github.com/relaysim/relaysim/results"
)

// tally counts verdicts by outcome.
type tally struct {
	total                          int
	holds, fails, undecided, empty int
}

func (t *tally) add(o results.Outcome) {
	t.total++
	switch o {
	case results.Holds:
		t.holds++
	case results.Fails:
		t.fails++
	case results.Undecided:
		t.undecided++
	default:
		t.empty++
	}
}

// count tallies the goals or the findings, of one policy or (with "") of all.
func count(s *results.Summary, goal bool, policy string) tally {
	var t tally
	for _, v := range s.Verdicts {
		if v.Goal == goal && (policy == "" || v.Policy == policy) {
			t.add(v.Result)
		}
	}
	return t
}

// bad is the number of verdicts that fail for whatever reason.
func (t tally) bad() int { return t.fails + t.empty }

// marks are the goals and findings of a policy in a table cell: "✓3 =2".
func marks(s *results.Summary, policy string) string {
	var out []string
	put := func(mark string, n int) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%s%d", mark, n))
		}
	}
	goals, findings := count(s, true, policy), count(s, false, policy)
	put("✗", goals.bad())
	put("✓", goals.holds)
	put("≠", findings.bad())
	put("=", findings.holds)
	put("?", goals.undecided+findings.undecided)
	if len(out) == 0 {
		return none
	}
	return strings.Join(out, " ")
}

// conclusion sums up all verdicts in one line.
func conclusion(s *results.Summary) string {
	goals, findings := count(s, true, ""), count(s, false, "")
	var parts []string
	switch {
	case goals.total == 0:
		parts = append(parts, "no goal is set")
	case goals.holds == goals.total:
		parts = append(parts, "✓ "+allOf(goals.total, "goal holds", "goals hold"))
	default:
		parts = append(parts, worded("goals", goals, "hold", "✗ %d FAIL"))
	}
	switch {
	case findings.total == 0:
	case findings.holds == findings.total:
		parts = append(parts, "= "+allOf(findings.total, "finding is as stated", "findings are as stated"))
	default:
		parts = append(parts, worded("findings", findings, "as stated", "≠ %d NOT as stated"))
	}
	return strings.Join(parts, "  ·  ")
}

func allOf(n int, one, many string) string {
	if n == 1 {
		return "the one " + one
	}
	return fmt.Sprintf("all %d %s", n, many)
}

// worded lists what did not hold first.
func worded(noun string, t tally, holds, fails string) string {
	var out []string
	if t.fails > 0 {
		out = append(out, fmt.Sprintf(fails, t.fails))
	}
	if t.empty > 0 {
		out = append(out, fmt.Sprintf("✗ %d without data", t.empty))
	}
	if t.undecided > 0 {
		out = append(out, fmt.Sprintf("? %d undecided", t.undecided))
	}
	return fmt.Sprintf("%s: %s, %d of %d %s", noun, strings.Join(out, ", "), t.holds, t.total, holds)
}

// mark is the sign of a verdict.
func mark(v *results.Verdict) string {
	switch {
	case v.Result == results.Undecided:
		return "?"
	case v.Goal && v.Result == results.Holds:
		return "✓"
	case v.Goal:
		return "✗"
	case v.Result == results.Holds:
		return "="
	}
	return "≠"
}

// saying is the verdict in words. A finding that holds is "as stated", which
// praises nobody.
func saying(v *results.Verdict) string {
	switch {
	case v.Result == results.Undecided && v.Goal:
		return "GOAL undecided"
	case v.Result == results.Undecided:
		return "undecided"
	case v.Result == results.NoData && v.Goal:
		return "GOAL FAILS: no data"
	case v.Result == results.NoData:
		return "NOT as stated: no data"
	case v.Goal && v.Result == results.Holds:
		return "GOAL holds"
	case v.Goal:
		return "GOAL FAILS"
	case v.Result == results.Holds:
		return "as stated"
	}
	return "NOT as stated"
}

// about is the policy or the pair of policies of a verdict.
func about(v *results.Verdict) string {
	if v.Other == "" {
		return v.Policy
	}
	return v.Policy + " vs " + v.Other
}

// observed is what was seen, with the note.
func observed(v *results.Verdict) string {
	out := figure(v.Observed)
	if v.Note != "" {
		out += " (" + v.Note + ")"
	}
	return out
}

// hanging joins the parameters that the verdicts hang on, each named once.
func hanging(s *results.Summary) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range s.Verdicts {
		for _, h := range v.HangsOn {
			names, _, _ := strings.Cut(h, ":")
			for _, n := range strings.Split(names, " and ") {
				if !seen[n] {
					seen[n] = true
					out = append(out, n)
				}
			}
		}
	}
	return out
}

// unverified lists the model parameters that some policy leaves at a default
// which no public source states.
func unverified(s *results.Summary) []string {
	var out []string
	seen := map[string]bool{}
	for i := range s.Policies {
		for _, p := range s.Policies[i].Parameters {
			if p.Unverified && p.Default && !seen[p.Name] {
				seen[p.Name] = true
				out = append(out, p.Name)
			}
		}
	}
	return out
}
