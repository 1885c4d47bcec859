package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/results/madeup"
)

var madeUpJSON = sync.OnceValues(func() ([]byte, error) {
	p := madeup.Plan()
	s, err := results.Aggregate(p, madeup.Tallies(p))
	if err != nil {
		return nil, err
	}
	return s.JSON()
})

// madeUp is a summary that a test may change.
func madeUp(t *testing.T) *results.Summary {
	t.Helper()
	b, err := madeUpJSON()
	if err != nil {
		t.Fatal(err)
	}
	s, err := results.ReadSummary(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func screenOf(t *testing.T, s *results.Summary, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Terminal(&b, s, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminal(t *testing.T) {
	for name, o := range map[string]Options{
		"terminal.txt":       {},
		"terminal-ascii.txt": {ASCII: true},
		"terminal-80.txt":    {Width: 80},
	} {
		madeup.Golden(t, name, []byte(screenOf(t, madeUp(t), o)))
	}
}

// One screen: no line is wider than asked, and the usual width needs no more
// lines than a terminal has.
func TestTerminalFits(t *testing.T) {
	for _, width := range []int{60, 72, 80, 100, 110, 140, 200} {
		for _, ascii := range []bool{false, true} {
			screen := screenOf(t, madeUp(t), Options{Width: width, ASCII: ascii})
			lines := strings.Split(strings.TrimRight(screen, "\n"), "\n")
			for _, l := range lines {
				if n := utf8.RuneCountInString(l); n > width {
					t.Errorf("at width %d a line has %d columns: %s", width, n, l)
				}
			}
			if width >= 110 && len(lines) > 48 {
				t.Errorf("at width %d there are %d lines, want at most 48", width, len(lines))
			}
		}
	}
}

func TestTerminalASCII(t *testing.T) {
	s := madeUp(t)
	s.Title = "Größe?"
	for _, r := range screenOf(t, s, Options{ASCII: true}) {
		if r > 0x7e {
			t.Fatalf("the ASCII screen has %q", r)
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

// Colour adds escapes and nothing else.
func TestTerminalColor(t *testing.T) {
	s := madeUp(t)
	plain, colored := screenOf(t, s, Options{}), screenOf(t, s, Options{Color: true})
	if escapes.MatchString(plain) {
		t.Error("the plain screen has escapes")
	}
	if !escapes.MatchString(colored) || escapes.ReplaceAllString(colored, "") != plain {
		t.Error("without its escapes the coloured screen is not the plain one")
	}
}

// lineWith returns the line that has s.
func lineWith(t *testing.T, screen, s string) string {
	t.Helper()
	for _, l := range strings.Split(screen, "\n") {
		if strings.Contains(l, s) {
			return l
		}
	}
	t.Fatalf("no line has %q in:\n%s", s, screen)
	return ""
}

// A finding that is as stated is not marked as success, and a policy with
// findings only has no success in its row.
func TestSatisfiedFindingIsNoSuccess(t *testing.T) {
	screen := screenOf(t, madeUp(t), Options{})
	for _, l := range strings.Split(screen, "\n") {
		finding := strings.HasPrefix(l, "=") || strings.HasPrefix(l, "closed") || strings.HasPrefix(l, "tcp-only ")
		if finding && (strings.Contains(l, "✓") || strings.Contains(l, "hold")) {
			t.Errorf("a finding looks like success: %s", l)
		}
	}
	if l := lineWith(t, screen, "= closed, tcp-only"); !strings.Contains(l, "selected_by probe = 0") {
		t.Errorf("the finding is not stated: %s", l)
	}
}

func TestOutcomesOnTheScreen(t *testing.T) {
	for _, c := range []struct {
		goal   bool
		result results.Outcome
		want   string // begins the verdict's line
		mark   string // in the policy's row
		top    string // in the conclusion
	}{
		{true, results.Fails, "✗ GOAL FAILS  echo: ", "✗1 ✓2 =1", "goals: ✗ 1 FAIL, 5 of 6 hold"},
		{true, results.NoData, "✗ GOAL FAILS: no data  echo: ", "✗1 ✓2 =1", "goals: ✗ 1 without data, 5 of 6 hold"},
		{true, results.Undecided, "? GOAL undecided  echo: ", "✓2 =1 ?1", "goals: ? 1 undecided, 5 of 6 hold"},
		{false, results.Fails, "≠ NOT as stated  echo: ", "✓2 ≠1 =1", "2 NOT as stated"},
		{false, results.NoData, "≠ NOT as stated: no data  echo: ", "✓2 ≠1 =1", "1 without data"},
		{false, results.Undecided, "? undecided  echo: ", "✓2 =1 ?1", "? 1 undecided"},
	} {
		s := madeUp(t)
		s.Verdicts[0].Goal, s.Verdicts[0].Result = c.goal, c.result
		s.Verdicts[0].Note = "for a reason"
		screen := screenOf(t, s, Options{Width: 140})
		if l := lineWith(t, screen, c.want); !strings.HasPrefix(l, c.want) || !strings.Contains(l, "observed 99.8%") || !strings.Contains(l, "for a reason") {
			t.Errorf("goal %v %v: %s", c.goal, c.result, l)
		}
		if l := lineWith(t, screen, "\necho  "[1:]); !strings.HasSuffix(l, c.mark) {
			t.Errorf("goal %v %v: row %q, want it to end in %q", c.goal, c.result, l, c.mark)
		}
		if l := strings.Split(screen, "\n")[2]; !strings.Contains(l, c.top) {
			t.Errorf("goal %v %v: conclusion %q, want %q", c.goal, c.result, l, c.top)
		}
	}
}

func TestWhatAVerdictHangsOn(t *testing.T) {
	screen := screenOf(t, madeUp(t), Options{})
	for _, want := range []string{
		"tcp-only hangs on exhaust_policy: fails under exhaust_policy=random", "(tcp-only-random: 42.3% ±<0.1%) and 1 more",
		"hangs on exhaust_policy: fails under exhaust_policy=root (tcp-only: 0%)",
		"verdicts hang on exhaust_policy",
	} {
		lineWith(t, screen, want)
	}
}

// What does not exist is a dash, not a zero.
func TestNothingIsADash(t *testing.T) {
	row := lineWith(t, screenOf(t, madeUp(t), Options{}), "closed  ")
	if !regexp.MustCompile(`^closed +0% +– +100% +nothing +nobody +0 +0 +– +=3$`).MatchString(row) {
		t.Errorf("row %q", row)
	}
}

// A summary with nothing in it is shown, not a reason to panic.
func TestEmptySummary(t *testing.T) {
	s := &results.Summary{Scenario: "empty"}
	screenOf(t, s, Options{})
	if err := Markdown(io.Discard, s); err != nil {
		t.Error(err)
	}
	if _, err := Plots(s); err != nil {
		t.Error(err)
	}
}

func TestMarkdown(t *testing.T) {
	s := madeUp(t)
	s.Verdicts[0].Note = "a | b"
	var b bytes.Buffer
	if err := Markdown(&b, s); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if len(page) > 900_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if !strings.Contains(page, `a \| b`) {
		t.Error("a bar in a cell is not escaped")
	}
	for i := range s.Verdicts {
		v := &s.Verdicts[i]
		if !strings.Contains(page, "| "+mark(v)+" "+saying(v)+" | "+about(v)+" | "+v.Text+" | "+figure(v.Observed)+" |") {
			t.Errorf("no row for %s: %s", about(v), v.Text)
		}
	}
	for i := range s.Policies {
		p := &s.Policies[i]
		for _, r := range p.Relays {
			if !strings.Contains(page, figure(r.LoadPeak)) {
				t.Errorf("%s: the peak of %s is missing", p.Name, r.Name)
			}
		}
		if !strings.Contains(page, "## Policy "+p.Name+"\n") || !strings.Contains(page, "### "+p.Name+"\n") {
			t.Errorf("policy %s has no section", p.Name)
		}
	}
	for _, p := range s.Policies[0].Parameters {
		if !strings.Contains(page, "| "+p.Name+" | "+p.Value+" |") {
			t.Errorf("parameter %s is missing", p.Name)
		}
	}
}

// brokenWriter fails at once.
type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWritersReportErrors(t *testing.T) {
	s := madeUp(t)
	if err := Terminal(brokenWriter{}, s, Options{}); !errors.Is(err, errBroken) {
		t.Errorf("Terminal: %v, want the writer's error", err)
	}
	if err := Markdown(brokenWriter{}, s); !errors.Is(err, errBroken) {
		t.Errorf("Markdown: %v, want the writer's error", err)
	}
}

func plotsOf(t *testing.T, s *results.Summary) map[string][]byte {
	t.Helper()
	files, err := Plots(s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		out[f.Name] = f.Data
	}
	return out
}

// Twice the same bytes; a change of the summary changes them.
func TestPlotsAreDeterministic(t *testing.T) {
	first, second := plotsOf(t, madeUp(t)), plotsOf(t, madeUp(t))
	names := []string{"plots/load_by_policy.png", "plots/load_by_policy.svg", "plots/rehome_time_cdf.png", "plots/rehome_time_cdf.svg"}
	if len(first) != len(names) {
		t.Errorf("%d files, want %d", len(first), len(names))
	}
	s := madeUp(t)
	for i := range s.Policies {
		if sc := s.Policies[i].Scope(results.ScopeOutside, ""); sc.Measures.RehomeCDF != nil {
			sc.Measures.RehomeCDF.Seconds[1] *= 1.5
		}
		s.Policies[i].Relays[1].LoadPeak.Mean += 50
	}
	changed := plotsOf(t, s)
	for _, n := range names {
		if len(first[n]) == 0 || !bytes.Equal(first[n], second[n]) {
			t.Errorf("%s: %d and %d bytes, want twice the same", n, len(first[n]), len(second[n]))
		}
		if bytes.Equal(first[n], changed[n]) {
			t.Errorf("%s does not show the summary", n)
		}
	}
}

func TestPlotFiles(t *testing.T) {
	for name, b := range plotsOf(t, madeUp(t)) {
		if strings.HasSuffix(name, ".png") {
			img, err := png.Decode(bytes.NewReader(b))
			if err != nil || img.Bounds().Dx() < 1600 {
				t.Errorf("%s: %v, want a PNG of 1,600 dots and more across", name, err)
			}
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(b))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !bytes.Contains(b, []byte("Arial")) {
			t.Errorf("%s names no font to fall back on", name)
		}
	}
}

// The plots say who they do not show, and draw curves that coincide once.
func TestPlotText(t *testing.T) {
	fs := plotsOf(t, madeUp(t))
	cdf, load := string(fs["plots/rehome_time_cdf.svg"]), string(fs["plots/load_by_policy.svg"])
	for _, want := range []string{
		"nobody lost a parent and found one again: closed, tcp-only, inbound-only-stateless",
		"echo, echo-and-expired, echo-and-expired-limited (", "all 9 policies alike (", "10 min", "6 h",
		"time from loss of the parent to the next registration",
	} {
		if !strings.Contains(cdf, want) {
			t.Errorf("rehome_time_cdf does not say %q", want)
		}
	}
	for _, want := range []string{"dmz-1", "dmz-2", "no relay", "12 other relays", "clients, mean over the time measured", "inbound-only-stateless"} {
		if !strings.Contains(load, want) {
			t.Errorf("load_by_policy does not say %q", want)
		}
	}
}

// Of many carriers those with little are one colour.
func TestManyCarriers(t *testing.T) {
	s := madeUp(t)
	for i := range s.Policies {
		p := &s.Policies[i]
		p.Scopes = slices.DeleteFunc(p.Scopes, func(sc results.Scope) bool { return sc.Kind == results.ScopeOutside })
	}
	carriers := carriersOf(s)
	if n := len(carriers); n != mostCarriers+1 {
		t.Fatalf("%d carriers, want %d", n, mostCarriers+1)
	}
	if k := carriers[mostCarriers]; !k.rest || k.name != "2 other relays" {
		t.Errorf("the last is %+v, want the two relays in the DMZ", k)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		top  float64
		n    int
		want []float64
	}{
		{688, 5, []float64{0, 200, 400, 600, 800}},
		{1650, 4, []float64{0, 500, 1000, 1500, 2000}},
		{3, 4, []float64{0, 1, 2, 3}},
		{0, 4, []float64{0, 1}},
	} {
		if got := niceTicks(c.top, c.n); !slices.Equal(got, c.want) {
			t.Errorf("niceTicks(%v, %d) = %v, want %v", c.top, c.n, got, c.want)
		}
	}
	for _, c := range []struct{ lo, hi float64 }{{650, 1500}, {0.001, 0.002}, {12, 300000}, {3600, 3600}, {4e8, 5e8}} {
		got := timeAxis(c.lo, c.hi)
		first, last := got[0].seconds, got[len(got)-1].seconds
		if len(got) < 2 || first >= last || c.hi < 3e7 && (first > c.lo || last < c.hi) {
			t.Errorf("timeAxis(%v, %v) = %v", c.lo, c.hi, got)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s           string
		width, most int
		want        []string
	}{
		{"a b c", 5, 2, []string{"a b c"}},
		{"aaa bbb ccc", 7, 2, []string{"aaa bbb", "    ccc"}},
		{"aaa bbb ccc ddd eee", 7, 2, []string{"aaa bbb", "    cc…"}},
		{"aaa" + noBreak + "bbb ccc", 8, 3, []string{"aaa" + noBreak + "bbb", "    ccc"}},
		{"", 5, 2, []string{""}},
	} {
		if got := wrap(c.s, c.width, c.most); !slices.Equal(got, c.want) {
			t.Errorf("wrap(%q, %d, %d) = %q, want %q", c.s, c.width, c.most, got, c.want)
		}
	}
}

// The headline names the places outside where clients can be, not those that
// packets only cross.
func TestHeadlineNamesPlacesOfClients(t *testing.T) {
	s := madeUp(t)
	s.Networks = append(s.Networks, results.Network{Name: "carrier", Outside: true})
	if got, want := headline(s), "clients outside (home, hotel)"; got != want {
		t.Errorf("headline = %q, want %q", got, want)
	}
}
