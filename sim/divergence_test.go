package sim

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// storyText lays a story out as report does, which imports sim.
var storyText func(*Story) string

// TellWith sets storyText.
func TellWith(text func(*Story) string) { storyText = text }

// divergence says on which selection two runs disagree first, what it is in
// each of them and in runs of that client alone, and tells its story.
func divergence(p *Plan, replication int, runs [2]levelRun, traces [2]*Trace) string {
	a, b := traces[0].Decisions, traces[1].Decisions
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	var at [2]*Decision // in each run, nil if it is not there
	for k, d := range [2][]Decision{a, b} {
		if n < len(d) {
			at[k] = &d[n]
		}
	}
	d := at[0]
	if d == nil || at[1] != nil && before(at[1], d) < 0 {
		d = at[1]
	}
	g, i := groupOf(p, int(d.Client))
	started := d.Started
	q := Question{Group: g, Client: i, Replication: replication, At: &started}
	var out strings.Builder
	fmt.Fprintf(&out, "levels differ first in client %s/%d, selection of %v\n", p.Groups[g].ID, i, time.Duration(started))
	tell := func(what string, d *Decision) {
		text := "no such selection"
		if d != nil && before(d, &Decision{Client: d.Client, Started: started}) == 0 {
			text = d.told(p)
		}
		fmt.Fprintf(&out, "  %s: %s\n", what, text)
	}
	for k, r := range runs {
		if at[k] != nil && before(at[k], d) != 0 {
			at[k] = nil
		}
		tell(r.String(), at[k])
	}
	lone := p.lone(&q)
	for _, r := range runs {
		c := newCellFor(1, lone, 0, replication, r.level, true)
		if err := c.run(context.Background()); err != nil {
			fmt.Fprintf(&out, "  alone, %v: %v\n", r, err)
			continue
		}
		var found *Decision
		for k := range c.trace.Decisions {
			if c.trace.Decisions[k].Started == started {
				found = &c.trace.Decisions[k]
			}
		}
		tell("alone, "+r.String(), found)
	}
	s, err := Explain(context.Background(), p, q)
	if err != nil {
		fmt.Fprintf(&out, "explained: %v\n", err)
		return out.String()
	}
	fmt.Fprintf(&out, "explained, packet by packet and alone:\n%s", storyText(s))
	return out.String()
}

// before compares selections by client and start.
func before(a, b *Decision) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Started, b.Started))
}

// told puts a selection into words.
func (d *Decision) told(p *Plan) string {
	who := ""
	if d.Target.Known() {
		who = " " + p.Relays[d.Target].Name
	}
	return fmt.Sprintf("on %v, %v%s by %v at %v, after %d rounds with %d probes, at up to %d hops, of %d",
		d.Trigger, d.Kind, who, d.By, time.Duration(d.Ended), d.Rounds, d.Probes, d.DistanceMax, d.Size)
}

// What the comparison of levels prints names the first selection that differs
// and both outcomes of it, and tells the story.
func TestDivergenceIsExplained(t *testing.T) {
	w := busy()
	p := w.plan(t)
	p.Policies[0].Spec = &w.spec
	packets, rounds := levelRun{LevelPacket, true, 1, 0}, levelRun{LevelRound, true, 1, 0}
	a, _ := packets.run(t, p, 0)
	b, _ := rounds.run(t, p, 0)
	wrong := &b.trace.Decisions[40]
	right := *wrong
	wrong.Target, wrong.Probes = (wrong.Target+1)%2, wrong.Probes+1
	b.trace.Decisions[45].Rounds = 99
	text := divergence(p, 0, [2]levelRun{packets, rounds}, [2]*Trace{a.trace, b.trace})
	g, i := groupOf(p, int(right.Client))
	for _, want := range []string{
		fmt.Sprintf("client %s/%d, selection of %v\n", p.Groups[g].ID, i, time.Duration(right.Started)),
		fmt.Sprintf("  %v: %s\n", packets, right.told(p)),
		fmt.Sprintf("  %v: %s\n", rounds, wrong.told(p)),
		fmt.Sprintf("  alone, %v: %s\n", packets, right.told(p)),
		fmt.Sprintf("  alone, %v: %s\n", rounds, right.told(p)),
		"echo request",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("says nothing of %q:\n%s", want, text)
		}
	}
}
