package scenarios

import (
	"errors"
	"os"
	"testing"
	"testing/fstest"
)

// FuzzParse: whatever the text, there is no panic, every error has a
// position, and what is accepted can be shown and read back.
func FuzzParse(f *testing.F) {
	for _, a := range archives(f) {
		fsys, _ := filesOf(f, a)
		f.Add(fsys["scenario.toml"].Data, []byte("name,prefix,rtt,hops_to_core\nparis,,5ms,3\n"))
	}
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		f.Fatal(err)
	}
	all, err := os.ReadFile("testdata/rich.toml")
	if err != nil {
		f.Fatal(err)
	}
	networks, err := os.ReadFile("testdata/network.toml")
	if err != nil {
		f.Fatal(err)
	}
	rules, err := os.ReadFile("testdata/edge.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(networks, rules)
	f.Add(base, []byte("x"))
	f.Add(all, []byte("\"\n"))
	f.Fuzz(func(t *testing.T, scenario, table []byte) {
		fsys := fstest.MapFS{
			"scenario.toml": {Data: scenario}, "base.toml": {Data: base},
			"sites.csv": {Data: table}, "relays.csv": {Data: table}, "client.cfg": {Data: table}, "edge.csv": {Data: table},
		}
		s, err := Parse(fsys, "scenario.toml", Options{})
		if err == nil {
			again, _ := showAndRead(t, s)
			if diff := samePlan(t, s, again); diff != "" {
				t.Errorf("plan of the shown scenario (-want +got):\n%s", diff)
			}
			return
		}
		var list ErrorList
		if !errors.As(err, &list) || len(list) == 0 {
			t.Fatalf("error %v is no ErrorList, or an empty one", err)
		}
		for _, e := range list {
			if e.File == "" || e.Line < 1 || e.Col < 1 || e.Subject == "" || e.Problem == "" {
				t.Errorf("error without a position or a word: %+v", e)
			}
		}
	})
}
