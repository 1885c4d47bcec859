package report

import (
	"fmt"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// end writes how the selection ended and what follows.
func (p *storyPage) end() {
	s := p.s
	p.t.line("")
	p.item("Ended", fmt.Sprintf("%s: %s; %s, %s in %s", storyDay(s, s.Outcome.At), storyEnd(s.Outcome),
		counted(int(s.Rounds), "round", "rounds"), counted(int(s.Probes), "probe", "probes"), lasting(s.Outcome.At.Sub(s.Started))))
	if s.Next != nil {
		p.item("Next", fmt.Sprintf("selection %s, %s later, if nothing happens before", storyDay(s, *s.Next), lasting(s.Next.Sub(s.Outcome.At))))
	}
	if len(s.Without) > 0 {
		var steps []string
		for i := range s.Without {
			c := &s.Without[i]
			who := "if " + c.Changes[len(c.Changes)-1] + " fails: "
			if i > 0 {
				who = "if that fails too: "
			}
			steps = append(steps, who+storyEnd(c.Outcome))
		}
		p.item("Falls back", strings.Join(steps, "; "))
	}
	if len(s.Rest) > 0 {
		var rest []string
		for i := range s.Rest {
			rest = append(rest, restWords(&s.Rest[i]))
		}
		p.item("Course", "after this step: "+strings.Join(rest, ", then "))
	}
}

func restWords(r *sim.StoryRest) string {
	switch {
	case r.Keeps:
		return "keep " + r.Relays[0]
	case r.Group != "":
		return stageName(r.Group, r.By) + " (" + someOf(r.Relays) + ")"
	case r.By == "random":
		return "a random relay of " + someOf(r.Relays)
	}
	text := r.By + " relay " + r.Relays[0]
	if r.By == "root" {
		text = r.Relays[0] + " as last resort"
	}
	if r.Probed {
		text += " if it answers a probe"
	}
	return text
}

// mostChanges is how many changes are shown; JSON has all.
const mostChanges = 3

// changes writes what would have altered the outcome.
func (p *storyPage) changes() {
	s := p.s
	p.t.line("")
	if len(s.Changes) == 0 {
		p.item("Change", "none: no rule, link or relay that stopped one of its packets alters this, alone or in pairs")
	}
	for i := range s.Changes {
		if i == mostChanges {
			p.item("", fmt.Sprintf("or %d more (--json)", len(s.Changes)-i))
			break
		}
		head, word := "", "or "
		if i == 0 {
			head, word = "Change", ""
		}
		c := &s.Changes[i]
		p.item(head, fmt.Sprintf("%swith %s %s", word, strings.Join(c.Changes, " and "), wouldHave(c.Outcome)))
	}
	if len(s.Parameters) > 0 {
		p.item("Unknowns", "it hangs on "+strings.Join(byOutcome(s.Parameters), "; on "))
	}
}

// wouldHave is an outcome that was not.
func wouldHave(o sim.StoryOutcome) string {
	switch o.Kind {
	case "decided":
		return "it would have chosen " + storyEnd(o)
	case "kept":
		return "it would have kept " + o.Parent
	}
	return "it would have found no parent"
}

// byOutcome puts the parameters with one outcome together.
func byOutcome(changes []sim.StoryChange) []string {
	var ends []string
	names := map[string][]string{}
	for i := range changes {
		end := storyEnd(changes[i].Outcome)
		if names[end] == nil {
			ends = append(ends, end)
		}
		names[end] = append(names[end], changes[i].Changes...)
	}
	var out []string
	for _, end := range ends {
		out = append(out, strings.Join(names[end], " or ")+": "+end)
	}
	return out
}

// policies writes what the other policies of the scenario would have made of
// the selection.
func (p *storyPage) policies() {
	var ends, same []string
	names := map[string][]string{}
	for i := range p.s.Policies {
		o := &p.s.Policies[i]
		if o.Same {
			same = append(same, o.Policy)
			continue
		}
		end := storyEnd(o.Outcome)
		if names[end] == nil {
			ends = append(ends, end)
		}
		names[end] = append(names[end], o.Policy)
	}
	head := "Policies"
	for _, end := range ends {
		p.item(head, strings.Join(names[end], ", ")+": "+end)
		head = ""
	}
	if len(same) > 0 {
		p.item(head, strings.Join(same, ", ")+": the same")
	}
}
