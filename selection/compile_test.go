package selection

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

func TestHopCounts(t *testing.T) {
	proposal := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 18, 27, 41, 62, 93, 140, 210, 254}
	for _, tc := range []struct {
		schedule   string
		until, max int
		want       []int
		rounds     int
	}{
		{"linear_then_grow", 8, 255, proposal, 18},
		{"linear_then_grow", 4, 255, nil, 16},
		{"linear_then_grow", 16, 255, nil, 24},
		{"doubling", 8, 255, []int{0, 1, 2, 4, 8, 16, 32, 64, 128, 254}, 10},
		{"linear", 8, 255, nil, 255},
		{"linear_then_grow", 8, 13, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 12}, 10},
		{"linear_then_grow", 8, 11, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 10}, 10},
		{"linear_then_grow", 8, 4, []int{0, 1, 2, 3}, 4},
		{"linear_then_grow", 0, 6, []int{0, 1, 2, 3, 5}, 5},
		{"doubling", 8, 1, []int{0}, 1},
	} {
		p := DefaultParams()
		p.TTLLinearUntil = tc.until
		if err := p.Set("ttl_schedule", tc.schedule); err != nil {
			t.Fatal(err)
		}
		s := automatic("")
		s.MaximumTTL = uint8(tc.max)
		c, _ := Compile(s, &p, listOf())
		var got []int
		for i := range c.TTLs {
			got = append(got, int(c.hops(i)))
		}
		if len(got) != tc.rounds || tc.want != nil && !slices.Equal(got, tc.want) {
			t.Errorf("%s until %d, maximum %d: hops %v (%d rounds), want %v (%d)", tc.schedule, tc.until, tc.max, got, len(got), tc.want, tc.rounds)
		}
		if last := c.TTLs[len(c.TTLs)-1]; int(last) != tc.max {
			t.Errorf("%s, maximum %d: last TTL %d", tc.schedule, tc.max, last)
		}
	}
}

func TestTTLOffsetBeyondTheMaximumLeavesOneRound(t *testing.T) {
	p := DefaultParams()
	p.TTLOffset = 4
	s := automatic("")
	s.MaximumTTL = 2
	c, _ := Compile(s, &p, listOf())
	if !slices.Equal(c.TTLs, []uint8{2}) {
		t.Errorf("TTLs %v, want one round at the maximum", c.TTLs)
	}
}

// stagesOf describes the stages of a course.
func stagesOf(c *Course) []string {
	var got []string
	for i := range c.Stages {
		st := c.Stage(i)
		text := fmt.Sprintf("%s/%d:", st.Group, st.Priority)
		for _, cand := range st.Candidates {
			text += fmt.Sprintf(" %v(%d)", cand.Relay, cand.Weight)
		}
		got = append(got, text)
	}
	return got
}

func TestNestingOfGroupAndPriority(t *testing.T) {
	l := listOf(relay{name: "1", advertise: []string{"A"}, priority: 1}, relay{name: "2", advertise: []string{"A"}},
		relay{name: "3", advertise: []string{"B"}, priority: 1}, relay{name: "4", advertise: []string{"B"}})
	for nesting, want := range map[string][]string{
		"group_then_priority": {"b/0: 4(0)", "b/1: 3(0)", "a/0: 2(0)", "a/1: 1(0)"},
		"priority_then_group": {"b/0: 4(0)", "a/0: 2(0)", "b/1: 3(0)", "a/1: 1(0)"},
	} {
		p := DefaultParams()
		if err := p.Set("selection_nesting", nesting); err != nil {
			t.Fatal(err)
		}
		c, _ := Compile(automatic("B;A"), &p, l)
		if got := stagesOf(c); !slices.Equal(got, want) {
			t.Errorf("%s: stages %q, want %q (4.14)", nesting, got, want)
		}
	}
}

func TestRepeatedEntriesOfOneRelay(t *testing.T) {
	l := listOf(relay{name: "1", weight: 10, priority: 2}, relay{name: "1", weight: 20, priority: 1}, relay{name: "1", weight: 30, priority: 1})
	for i := range l.Entries {
		l.Entries[i].Relay = 1
	}
	c, _ := Compile(automatic(""), defaultParams(), l)
	if got, want := stagesOf(c), []string{"*/1: 1(30)"}; !slices.Equal(got, want) {
		t.Errorf("once: stages %q, want %q", got, want)
	}
	p := defaultParams()
	p.RelayDedupe = DedupeNone
	c, _ = Compile(automatic(""), p, l)
	if len(c.Stages) != 2 || len(c.Stage(0).Candidates) != 2 || len(c.Stage(1).Candidates) != 1 {
		t.Fatalf("each: stages %q, want two of priority 1 and one of 2", stagesOf(c))
	}
	a, b := c.Stage(0).Candidates[0].Key, c.Stage(0).Candidates[1].Key
	if a >= b || c.Stage(1).Candidates[0].Key == a || c.Stage(1).Candidates[0].Key == b {
		t.Errorf("each: keys %x, %x, %x are not distinct and ascending", a, b, c.Stage(1).Candidates[0].Key)
	}
}

func TestEntryOutOfAutomaticChoiceIsNoCandidate(t *testing.T) {
	l := listOf(relay{name: "1"}, relay{name: "2"})
	l.Entries[0].NoAutoSelect = true
	p := defaultParams()
	p.ExhaustPolicy, p.RandomScope = ExhaustRandom, WholeList
	c, _ := Compile(automatic(""), p, l)
	if got, want := stagesOf(c), []string{"*/0: 2(0)"}; !slices.Equal(got, want) || len(c.random) != 1 {
		t.Errorf("stages %q, random set %v; want relay 2 alone (2.14)", got, c.random)
	}
}

func TestCandidatesAreInOrderOfKeysWhateverTheListsOrder(t *testing.T) {
	relays := []relay{{name: "a"}, {name: "b"}, {name: "c"}, {name: "d"}, {name: "e"}}
	c, _ := Compile(automatic(""), defaultParams(), listOf(relays...))
	if !slices.IsSortedFunc(c.Stage(0).Candidates, func(a, b Candidate) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	}) {
		t.Errorf("candidates %v are not in order of their keys", c.Stage(0).Candidates)
	}
}

func TestSpecialCharactersInLabelsAreReported(t *testing.T) {
	c, warnings := Compile(automatic("a.b;ok_1-x y;*"), defaultParams(), listOf(relay{name: "1", advertise: []string{"A.B"}}))
	if len(warnings) != 2 || !strings.Contains(warnings[0], "special character") || len(c.Stages) != 1 {
		t.Errorf("warnings %q, stages %q; want two warnings and the group all the same (4.5)", warnings, stagesOf(c))
	}
}

func TestFiguresOutOfRangeAreBroughtIntoIt(t *testing.T) {
	c, warnings := Compile(&Settings{}, &Params{RetryJitter: 7, TTLOffset: -1}, listOf())
	s, p := c.Settings, c.Params
	for name, ok := range map[string]bool{
		"maximum TTL":       s.MaximumTTL == 255,
		"intervals":         s.Interval == time.Second && s.RegisterInterval == time.Second,
		"retry":             s.MinRetry == time.Second && s.MaxRetry == time.Second,
		"round time-out":    p.RoundTimeout == time.Millisecond,
		"report interval":   p.ReportInterval == time.Second,
		"attempts":          p.RegisterAttempts == 1,
		"offset":            p.TTLOffset == 0,
		"growth and jitter": c.growth == 1e6 && c.jitter == 9e5,
		"warnings":          len(warnings) == 7,
	} {
		if !ok {
			t.Errorf("%s: %+v, %+v, %d, %d, %q", name, s, p, c.growth, c.jitter, warnings)
		}
	}
}

func TestTimesMillionthsSaturates(t *testing.T) {
	for _, tc := range []struct {
		d    time.Duration
		m    uint64
		want time.Duration
	}{
		{time.Minute, 2e6, 2 * time.Minute},
		{time.Minute, 1e6, time.Minute},
		{3, 5e5, 1},
		{1<<63 - 1, 1e8, 1<<63 - 1},
		{1 << 62, 2e6, 1<<63 - 1},
		{1<<63 - 1, 1e6, 1<<63 - 1},
	} {
		if got := timesMillionths(tc.d, tc.m); got != tc.want {
			t.Errorf("timesMillionths(%d, %d) = %d, want %d", tc.d, tc.m, got, tc.want)
		}
	}
}

func TestTextOfValues(t *testing.T) {
	for _, tc := range []struct {
		value fmt.Stringer
		want  string
	}{
		{NoRelay, "none"},
		{RelayID(7), "7"},
		{FirstUnknown + 3, "unknown-3"},
		{Reply{At: vtime.Instant(time.Second), Candidate: 2}, "0d 00:00:01.000 echo reply from candidate 2"},
		{ReplyKind(9), "reply kind 9"},
		{Unreachable, "unreachable"},
		{Action{Kind: AskRound, WantErrors: true}, "0d 00:00:00.000 ask round 0: seq 0 stage 0 ttl 0 until 0d 00:00:00.000 with errors"},
		{Action{Kind: Kept, Target: 4, By: ByProbe, Trigger: Timer, Previous: 4, DistanceMax: -1}, "0d 00:00:00.000 kept: relay 4 by probe; timer since 0d 00:00:00.000, rounds 0, probes 0, probing 0s, registering 0s, previous 4"},
		{ByRandom, "random"},
		{NotTheRelay, "not_the_relay"},
		{renewing, "renewing"},
	} {
		if got := tc.value.String(); got != tc.want {
			t.Errorf("%#v prints %q, want %q", tc.value, got, tc.want)
		}
	}
}

// TestModelDocumentHasEveryName holds docs/model.md to the tables: name,
// default, grade and row.
func TestModelDocumentHasEveryName(t *testing.T) {
	text, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, def, grade, row string) {
		if def == "" {
			def = "none"
		}
		if line := fmt.Sprintf("| `%s` | %s | %s | %s |", name, def, grade, row); !strings.Contains(string(text), line) {
			t.Errorf("docs/model.md lacks %q", line)
		}
	}
	for _, p := range ParamTable {
		check(p.Name, p.Default, p.Grade, p.Row)
	}
	for _, s := range SettingTable {
		check(s.Name, s.Default, s.Grade, s.Row)
	}
}
