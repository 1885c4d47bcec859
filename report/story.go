package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// StoryJSON writes a story as JSON.
func StoryJSON(w io.Writer, s *sim.Story) error {
	return sendJSON(w, "story", s)
}

// sendJSON writes a value as indented JSON; what it is goes into the error.
func sendJSON(w io.Writer, what string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the %s: %w", what, err)
	}
	return send(w, append(data, '\n'))
}

// StoryText writes a story for a reader: what happened, in order of time, and
// what would have altered it.
func StoryText(w io.Writer, s *sim.Story, o Options) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	p := &storyPage{s: s, t: screen{o: o}}
	p.head()
	p.course()
	p.end()
	p.changes()
	p.policies()
	return send(w, p.t.b.Bytes())
}

func send(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write story: %w", err)
	}
	return nil
}

// storyPage lays out one story.
type storyPage struct {
	s *sim.Story
	t screen
}

// storyColumn is the width of the column of times and headings.
const storyColumn = 11

// item writes a text under a heading or a time; further lines are indented to
// the column of the text.
func (p *storyPage) item(head, text string) {
	pad := strings.Repeat(noBreak, storyColumn)
	for i, l := range hang(p.t.said(text), p.t.o.Width-storyColumn) {
		h := pad
		if i == 0 {
			h = head + strings.Repeat(noBreak, max(1, storyColumn-utf8.RuneCountInString(head)))
		}
		p.t.line(h + l)
	}
}

// detail writes a text below an item, indented further.
func (p *storyPage) detail(text string) {
	lines := hang(p.t.said(text), p.t.o.Width-storyColumn-4)
	for i, l := range lines {
		mark := "  "
		if i > 0 {
			mark = "    "
		}
		p.t.line(strings.Repeat(noBreak, storyColumn) + strings.ReplaceAll(mark, " ", noBreak) + l)
	}
}

// hang breaks a text at spaces into lines of at most width characters.
func hang(s string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(s) {
		switch {
		case line == "":
			line = w
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) <= width:
			line += " " + w
		default:
			lines = append(lines, line)
			line = w
		}
	}
	return append(lines, line)
}

func (p *storyPage) head() {
	s := p.s
	p.t.line(fmt.Sprintf("%s under %s: %s", s.Client.ID, s.Policy, storyEnd(s.Outcome)))
	p.t.line(fmt.Sprintf("%s · replication %d · seed %d · model %d", s.Scenario, s.Replication, s.Seed, s.ModelVersion))
	p.t.line("")
	p.item("Policy", s.Policy+": "+s.PolicyText)
	if s.Coupled != "" {
		p.item("Alone", "this is the client as if it were alone; in a run others take part: "+s.Coupled)
	}
	p.item("Started", fmt.Sprintf("%s at %s%s: %s", storyDay(s, s.Started), s.Client.At, away(s.Client), storyTrigger(s)))
	p.item("Client", p.client())
	p.sought()
	p.t.line("")
}

// sought writes the groups that the client seeks, a line each.
func (p *storyPage) sought() {
	head := "Seeks"
	for i := range p.s.Sought {
		p.item(head, storyGroup(&p.s.Sought[i]))
		head = ""
	}
}

func away(c sim.StoryClient) string {
	if c.At == c.Home {
		return ""
	}
	return " (its home is " + c.Home + ")"
}

func (p *storyPage) client() string {
	s := p.s
	list := fmt.Sprintf("Relays.dat version %d", s.List.Version)
	if s.List.Age != nil {
		list += ", " + lasting(*s.List.Age) + " old"
	}
	if s.List.Outdated {
		list += ", OUTDATED"
	} else {
		list += ", current"
	}
	return fmt.Sprintf("%s; %s (%s)", settings(&s.Client), list, counted(s.List.Entries, "entry", "entries"))
}

// settings are those of a client that its search goes by.
func settings(c *sim.StoryClient) string {
	mode := c.Mode
	if mode == "automatic" {
		mode += ", seek list " + cmp.Or(c.Seek, "empty")
	}
	return fmt.Sprintf("%s; TTL up to %d", mode, c.MaximumTTL)
}

// storyGroup names the relays of a stage.
func storyGroup(g *sim.StoryGroup) string {
	var b strings.Builder
	b.WriteString(stageName(g.Group, g.By))
	if g.Priority > 0 {
		fmt.Fprintf(&b, ", priority %d", g.Priority)
	}
	b.WriteString(": ")
	b.WriteString(someOf(relayNames(g.Relays)))
	b.WriteString(routersAway(g.Relays))
	if !g.Asked {
		b.WriteString("; not asked")
	}
	return b.String()
}

func relayNames(relays []sim.StoryRelay) []string {
	var names []string
	for i := range relays {
		names = append(names, relays[i].Name)
	}
	return names
}

// routersAway is how far the relays of a group are.
func routersAway(relays []sim.StoryRelay) string {
	least, most := -1, -1
	for i := range relays {
		n := relays[i].Routers
		if n < 0 {
			continue
		}
		if least < 0 || n < least {
			least = n
		}
		most = max(most, n)
	}
	switch {
	case most < 0:
		return ""
	case least == most:
		return fmt.Sprintf(" (%s away)", counted(most, "router", "routers"))
	}
	return fmt.Sprintf(" (%d to %d routers away)", least, most)
}

// mostNames is how many names stand in a row.
const mostNames = 4

// someOf lists names; of many only the first.
func someOf(names []string) string {
	if len(names) <= mostNames+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
}

// stageName names what is asked: a group, or a host by the setting that names
// it.
func stageName(group, by string) string {
	switch group {
	case "":
		return by + " relay"
	case "*":
		return "relays without affiliation"
	}
	return "group " + group
}

// weekdayNames in the order of Life.Days.
var weekdayNames = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// storyDay is an instant in local time with its day.
func storyDay(s *sim.Story, at vtime.Instant) string { return LocalTime(s.StartOfWeek, at) }

// LocalTime is an instant in local time with its day, "Wed 09:00:00", of a run
// that starts so long after Monday 00:00.
func LocalTime(startOfWeek time.Duration, at vtime.Instant) string {
	const day = 24 * time.Hour
	local := startOfWeek + time.Duration(at)
	days := int(local / day)
	text := weekdayNames[days%7] + " " + clock(local)
	if days >= 7 {
		text = fmt.Sprintf("week %d ", days/7+1) + text
	}
	return text
}

// storyClock is an instant in local time without its day, to the second.
func storyClock(s *sim.Story, at vtime.Instant) string {
	return clock(s.StartOfWeek + time.Duration(at))
}

func clock(local time.Duration) string {
	local = local % (24 * time.Hour) / time.Second
	return fmt.Sprintf("%02d:%02d:%02d", local/3600, local/60%60, local%60)
}

// lasting is a length of time for a reader.
func lasting(d time.Duration) string {
	if 0 < d && d < time.Millisecond/2 {
		return "<1 ms"
	}
	if d < time.Second {
		return fmt.Sprintf("%d ms", (d+time.Millisecond/2)/time.Millisecond)
	}
	const day = 24 * time.Hour
	d = d.Round(time.Second)
	days := ""
	if d >= day {
		days = fmt.Sprintf("%dd", d/day)
		d %= day
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	if days != "" && d == 0 {
		return days
	}
	return days + text
}

// storyTrigger says what started the selection.
func storyTrigger(s *sim.Story) string {
	text := triggerWords(s.Trigger, s.Previous)
	switch {
	case s.Trigger == "parent lost" || s.Trigger == "retry":
		return text
	case s.Previous != "":
		return text + ", parent before: " + s.Previous
	}
	return text + ", without a parent before"
}

// triggerWords says what starts a selection of a client with the given parent,
// "" if that is not known.
func triggerWords(trigger, parent string) string {
	switch trigger {
	case "start":
		return "the agent started"
	case "address change":
		return "its address changed"
	case "timer":
		return "the re-selection interval passed"
	case "parent lost":
		if parent != "" {
			parent += " "
		}
		return "contact with its parent " + parent + "failed for the resist interval"
	case "retry":
		return "the wait after a selection that failed was over"
	}
	return trigger
}

// storyEnd is an outcome in a few words.
func storyEnd(o sim.StoryOutcome) string {
	switch o.Kind {
	case "decided":
		return o.Parent + ", " + byWords(o.By)
	case "kept":
		return o.Parent + " kept, " + byWords(o.By)
	case "gave up":
		return "no parent"
	case "none":
		return "no selection until then"
	}
	return "broken off"
}

// byWords says how a parent was come by.
func byWords(by string) string {
	switch by {
	case "probe":
		return "found by probing"
	case "manual":
		return "set by hand"
	case "failover":
		return "as failover relay"
	case "random":
		return "as random relay"
	case "fallback":
		return "as fallback relay"
	case "root":
		return "as last resort"
	}
	return by
}
