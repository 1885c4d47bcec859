package scenarios

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// samePlan compares what two scenarios mean: all of the plans but where
// things were written, and the networks as specified.
func samePlan(t testing.TB, a, b *Scenario) string {
	t.Helper()
	opts := cmp.Options{
		cmpopts.IgnoreFields(sim.Plan{}, "Name", "Hash", "Warnings"),
		cmpopts.IgnoreFields(sim.Expectation{}, "Source"),
		cmpopts.IgnoreFields(sim.PolicyPlan{}, "Network"),
		cmpopts.IgnoreFields(topology.Rule{}, "Source"),
		cmpopts.IgnoreFields(topology.BoxSpec{}, "Source", "DropsSource"),
		cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
		cmpopts.EquateEmpty(),
	}
	if len(a.specs) == 0 {
		t.Fatal("no specs to compare")
	}
	return cmp.Diff(a.plan, b.plan, opts) + cmp.Diff(a.specs, b.specs, opts)
}

// rich reads testdata/rich.toml.
func rich(t testing.TB, edit ...string) *Scenario {
	t.Helper()
	data, err := os.ReadFile("testdata/rich.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i+1 < len(edit); i += 2 {
		if !strings.Contains(text, edit[i]) {
			t.Fatalf("rich.toml has no %q", edit[i])
		}
		text = strings.Replace(text, edit[i], edit[i+1], 1)
	}
	s, err := Parse(fstest.MapFS{"rich.toml": {Data: []byte(text)}}, "rich.toml", Options{})
	if err != nil {
		t.Fatalf("Parse(rich.toml): %v", err)
	}
	return s
}

func TestShowReadsBack(t *testing.T) {
	all := map[string]*Scenario{"rich": rich(t), "network": networked(t)}
	for _, name := range Names() {
		s, err := Load(name, Options{})
		if err != nil {
			t.Fatalf("Load(%q): %v", name, err)
		}
		all[name] = s
	}
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			again, first := showAndRead(t, s)
			if diff := samePlan(t, s, again); diff != "" {
				t.Errorf("plan of the shown scenario (-want +got):\n%s", diff)
			}
			var second bytes.Buffer
			if err := again.Show(&second); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, second.String()); diff != "" {
				t.Errorf("shown twice (-first +second):\n%s", diff)
			}
			for _, gone := range []string{"{site}", "extends", "like =", "\nseek =", "settings_file", "site:largest", ".csv"} {
				if strings.Contains(first, gone) {
					t.Errorf("the shown scenario still has %q", gone)
				}
			}
		})
	}
}

func showAndRead(t testing.TB, s *Scenario) (*Scenario, string) {
	t.Helper()
	var shown bytes.Buffer
	if err := s.Show(&shown); err != nil {
		t.Fatalf("Show: %v", err)
	}
	again, err := Parse(fstest.MapFS{"shown.toml": {Data: shown.Bytes()}}, "shown.toml", Options{})
	if err != nil {
		t.Fatalf("reading the shown scenario: %v\n%s", err, shown.String())
	}
	return again, shown.String()
}

// TestShowSaysAllDefaults: every key with a default that applies is there.
func TestShowSaysAllDefaults(t *testing.T) {
	_, shown := showAndRead(t, rich(t))
	if got := strings.Count(shown, "\noutside = "); got != 6 {
		t.Errorf("outside is shown of %d places, want all 6", got)
	}
	_, more := showAndRead(t, networked(t))
	shown += more
	for _, sec := range allSections() {
		for i := range sec.keys {
			k := &sec.keys[i]
			if _, open := k.prefix(); k.def == "" || open {
				continue
			}
			if !strings.Contains(shown, "\n"+k.name+" = ") && !strings.Contains(shown, " "+k.name+" = ") {
				t.Errorf("key %q of %s with default %s is not shown", k.name, sec.name, k.def)
			}
		}
	}
	for _, name := range paramNames() {
		if !strings.Contains(shown, "\n"+name+" = ") {
			t.Errorf("parameter %q is not shown", name)
		}
	}
}
