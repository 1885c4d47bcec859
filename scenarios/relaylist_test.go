package scenarios

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// written writes a file for a test and returns its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRelayList(t *testing.T) {
	want := &RelayList{Relays: []ListedRelay{
		{Name: "dmz-1.example.", Port: 52311, Weight: 100, Affiliations: []string{"DMZ", "*"}, Address: netip.MustParseAddr("203.0.113.10")},
		{Name: "dmz-2", Priority: 1, Weight: 0},
		{Name: "2001:db8::1", Weight: 100, Address: netip.MustParseAddr("2001:db8::1")},
	}}
	same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	got, err := LoadRelayList(written(t, "relays.csv", `name,port,priority,weight,affiliations,address
dmz-1.example.,52311,0,,DMZ;*,203.0.113.10
dmz-2,,1,0,,
2001:db8::1,,,100,,
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, same, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("CSV: %s", diff)
	}
	want.Root, want.Fallback, want.Port = "root.example", "dmz-2", 52999
	got, err = LoadRelayList(written(t, "relays.toml", `root = "root.example"
fallback = "dmz-2"
port = 52999
[[relay]]
name = "dmz-1.example."
port = 52311
affiliations = ["DMZ", "*"]
address = "203.0.113.10"
[[relay]]
name = "dmz-2"
priority = 1
weight = 0
[[relay]]
name = "2001:db8::1"
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, same, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("TOML: %s", diff)
	}
}

func TestRelayListErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.csv", "name,sight\nx,1\n", `:1:6: relays: unknown column "sight" (nearest: "weight")`},
		{"a.csv", "port\n1\n", `:1:1: relays: column "name" is missing (needed: name)`},
		{"a.csv", "name\n", `:1:1: relays: no rows`},
		{"a.csv", "name\nbad name\n", `:2:1: relay "bad name": is no host name or address`},
		{"a.csv", "name\n-x\n", `:2:1: relay "-x": is no host name or address`},
		{"a.csv", "name\nx\nX.\n", `:3:1: relay "X.": is listed twice`},
		{"a.csv", "name,port\nx,65536\n", `:2:3: relay "x": port 65536 is outside [1, 65535]`},
		{"a.csv", "name,port\nx,http\n", `:2:3: relay "x": port is "http" (a whole number is accepted)`},
		{"a.csv", "name,weight\nx,-1\n", `:2:3: relay "x": weight -1 is outside [0, 1000000]`},
		{"a.csv", "name,address\nx,10.0.0\n", `:2:3: relay "x": address "10.0.0" is not the IP address of a host`},
		{"a.csv", "name,address\nx,224.0.0.1\n", `:2:3: relay "x": address "224.0.0.1" is not the IP address of a host`},
		{"a.csv", "name,port\nx\n", `:2:1: relays: wrong number of fields`},
		{"a.toml", "root = 'x'\n", `:1:1: relay list: has no relay`},
		{"a.toml", "root = 'x y'\n[[relay]]\nname='a'\n", `:1:1: relay list: root "x y" is no host name or address`},
		{"a.toml", "[[relay]]\nnam='x'\n", `:1:3: relays: a row without a name`},
		{"a.toml", "[[relay]]\nname='x'\nprio=1\n", `:3:1: relay "x": unknown column "prio"`},
		{"a.toml", "relays=1\n[[relay]]\nname='x'\n", `:1:1: relay list: unknown key "relays" (nearest: "relay")`},
		{"a.toml", "port = 0\n[[relay]]\nname='x'\n", `:1:1: relay list: port 0 is outside [1, 65535]`},
		{"a.toml", "x = [\n", `syntax:`},
		{"a.csv", "\x00", `:1:1: relays: is not a text file`},
	} {
		file := filepath.ToSlash(written(t, c.name, c.text))
		_, err := LoadRelayList(file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%q: error %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := LoadRelayList("no/such.csv"); err == nil || err.Error() != "no/such.csv: relays: file does not exist" {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestLoadSettings(t *testing.T) {
	file := filepath.ToSlash(written(t, "client.cfg", `# comment
__RelaySelect_Automatic=1
_BESClient_RelaySelect_MaximumTTLToPing=300
_BESClient_RelaySelect_MaximumTTLToPin=7
_BESClient_Comm_CommandPollEnable=1
_BESClient_RelaySelect_ResistFailureIntervalSeconds=60
`))
	s, warnings, err := LoadSettings(file)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Automatic || s.MaximumTTL != 255 || s.ResistFailure != time.Minute {
		t.Errorf("settings %+v", s)
	}
	all := strings.Join(warnings, "\n")
	for _, want := range []string{
		":3:1: settings: _BESClient_RelaySelect_MaximumTTLToPing: 300 is outside the range",
		":4:1: settings: _BESClient_RelaySelect_MaximumTTLToPin: unknown setting, ignored (nearest: _BESClient_RelaySelect_MaximumTTLToPing)",
		":1:1: settings: settings that have no part in a selection: 1, ignored",
	} {
		if !strings.Contains(all, file+want) {
			t.Errorf("warnings have no %q:\n%s", want, all)
		}
	}
	if _, _, err := LoadSettings(written(t, "client.cfg", "nonsense\n")); err == nil || !strings.Contains(err.Error(), ":1:1: settings: \"nonsense\"") {
		t.Errorf("nonsense: %v", err)
	}
	if _, _, err := LoadSettings("no/such.cfg"); err == nil || err.Error() != "no/such.cfg: settings: file does not exist" {
		t.Errorf("a file that is not there: %v", err)
	}
}
