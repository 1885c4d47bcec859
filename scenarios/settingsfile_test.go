package scenarios

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func baseText(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wide is text as the registry editor writes it.
func wide(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// export is a registry export of lines under the settings key.
func export(lines ...string) string {
	key := `[HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\BigFix\EnterpriseClient\Settings\Client\`
	text := strings.ReplaceAll(strings.Join(lines, "\r\n"), "[", key)
	return registryHead + "\r\n\r\n" + text + "\r\n"
}

// TestRegistryExport: both encodings of an export give the settings that a
// clientsettings.cfg of the same values gives.
func TestRegistryExport(t *testing.T) {
	text := `extends = "base.toml"
[group.remote]
settings = { __RelayServer1 = "dmz-2" }
settings_file = "client.reg"
`
	const cfg = "_BESClient_RelaySelect_IntervalSeconds=7200\n_BESClient_Register_Affiliation_SeekList=\"Zürich\\Ost\";𝔷\n"
	reg := export(
		`[_BESClient_RelaySelect_IntervalSeconds]`, `"value"="7200"`, `"effective date"="Thu, 23 Oct 2014 16:36:44 -0700"`, ``,
		`[_BESClient_Register_Affiliation_SeekList]`, `"Effective Date"="Thu, 3 Oct 2014 16:36:44 +0200"`, `"Value"="\"Zürich\\Ost\";𝔷"`)
	base := strings.Replace(string(baseText(t)), `seek = "DMZ"`, "", 1)
	var plans []*Scenario
	for _, f := range []struct{ name, text string }{{"client.cfg", cfg}, {"client.reg", reg}, {"client.reg", wide(reg)}} {
		fsys := fstest.MapFS{
			"scenario.toml": {Data: []byte(strings.Replace(text, "client.reg", f.name, 1))},
			"base.toml":     {Data: []byte(base)}, f.name: {Data: []byte(f.text)},
		}
		s, err := Parse(fsys, "scenario.toml", Options{})
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		plans = append(plans, s)
	}
	want := plans[0].Plan().Policies[0].Settings[0]
	if want.SeekList != `"Zürich\Ost";𝔷` || want.Primary != "dmz-2" {
		t.Fatalf("settings of the cfg: %+v", want)
	}
	for _, s := range plans[1:] {
		if diff := cmp.Diff(want, s.Plan().Policies[0].Settings[0]); diff != "" {
			t.Errorf("settings of the export (-cfg +reg):\n%s", diff)
		}
	}
}

// TestOlderValueGivesWay: of two values of a setting the newer date holds,
// wherever it stands, and no date is the oldest (general setting rules, V19).
func TestOlderValueGivesWay(t *testing.T) {
	old := []string{`[_BESClient_RelaySelect_FailoverRelay]`, `"value"="dmz-1"`, `"effective date"="Thu, 23 Oct 2014 16:36:44 -0700"`}
	newer := []string{`[_BESClient_RelaySelect_FailoverRelay]`, `"value"="dmz-2"`, `"effective date"="Fri, 24 Oct 2014 01:36:45 +0200"`}
	undated := []string{`[_BESClient_RelaySelect_FailoverRelay]`, `"value"="root"`}
	for _, tc := range []struct {
		name     string
		lines    [][]string
		warnings int
	}{
		{"newer last", [][]string{undated, old, newer}, 0},
		{"newer first", [][]string{newer, old, undated}, 2},
	} {
		var lines []string
		for _, l := range tc.lines {
			lines = append(lines, l...)
		}
		p := parsed(t, `extends = "base.toml"`+"\ngroup.remote.settings_file = \"client.reg\"\n", "client.reg", export(lines...)).Plan()
		if got := p.Policies[0].Settings[0].Failover; got != "dmz-2" {
			t.Errorf("%s: failover relay %q, want dmz-2", tc.name, got)
		}
		if w := settingsWarnings(p); len(w) != tc.warnings {
			t.Errorf("%s: warnings %q, want %d", tc.name, w, tc.warnings)
		}
	}
}

// TestTornUTF16 holds bad encodings to their lines.
func TestTornUTF16(t *testing.T) {
	good := wide(registryHead + "\n\n")
	for name, tc := range map[string]struct{ data, want string }{
		"odd":       {good + "x", `client.reg:3:1: settings: ends within a character of UTF-16`},
		"lone high": {good + "\x00\xd8a\x00", `client.reg:3:1: settings: is not text in UTF-16LE`},
		"lone last": {good + "\x00\xd8", `client.reg:3:1: settings: is not text in UTF-16LE`},
		"low first": {good + "\x00\xdca\x00", `client.reg:3:1: settings: is not text in UTF-16LE`},
		"nul":       {good + "\x00\x00", `client.reg:3:1: settings: is not a text file (UTF-8 without NUL bytes is accepted)`},
		"big end":   {"\xfe\xff\x00W", `client.reg:1:1: settings: is not a text file (UTF-8 without NUL bytes is accepted)`},
	} {
		fsys := fstest.MapFS{
			"scenario.toml": {Data: []byte("extends = \"base.toml\"\ngroup.remote.settings_file = \"client.reg\"\n")},
			"base.toml":     {Data: baseText(t)}, "client.reg": {Data: []byte(tc.data)},
		}
		if _, err := Parse(fsys, "scenario.toml", Options{}); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

// readSettings reads a settings file of that name by itself.
func readSettings(t *testing.T, name string, data []byte) (*node, *faults) {
	t.Helper()
	f := &faults{}
	fsys := fstest.MapFS{name: {Data: data}}
	r := &resolver{faults: f, src: newSource(fsys)}
	out := r.settingsFile(newText(spot{"scenario.toml", 1, 1}, name), name, "group")
	for _, e := range append(f.errors, f.warnings...) {
		if e.File == "" || e.Line < 1 || e.Col < 1 || e.Subject == "" || e.Problem == "" {
			t.Errorf("error without a position or a word: %+v", e)
		}
	}
	for _, k := range out.names() {
		if v := out.get(k); v.kind != text || v.at.file != name || v.at.line < 1 {
			t.Errorf("setting %q: %+v", k, v)
		}
	}
	return out, f
}

// FuzzSettingsFile: a clientsettings.cfg is read without a panic, and what was
// read without fault reads the same when it is written out.
func FuzzSettingsFile(f *testing.F) {
	f.Add([]byte("# a\n__RelaySelect_Automatic = 1\n;\nx==y\r\n"))
	f.Add([]byte("=\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, faults := readSettings(t, "client.cfg", data)
		if len(faults.errors) > 0 || len(out.names()) == 0 {
			return
		}
		var b strings.Builder
		for _, k := range out.names() {
			b.WriteString(k + "=" + out.str(k) + "\n")
		}
		again, _ := readSettings(t, "client.cfg", []byte(b.String()))
		if diff := cmp.Diff(valuesOf(out), valuesOf(again)); diff != "" {
			t.Errorf("written out and read again (-first +second):\n%s", diff)
		}
	})
}

// FuzzRegistryExport does the same for an export, in both encodings.
func FuzzRegistryExport(f *testing.F) {
	f.Add([]byte(export(`[a]`, `"value"="1"`, `"effective date"="Thu, 23 Oct 2014 16:36:44 -0700"`, `[a]`, `"value"="2\\\""`)))
	f.Add([]byte(wide(export(`[a]`, `@="x"`, `"b"=hex:01,\`, `  02`, `"value"="ü"`))))
	f.Add([]byte("\xff\xfe\x00\xd8"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, faults := readSettings(t, "client.reg", data)
		if len(faults.errors) > 0 {
			return
		}
		escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		var lines []string
		for _, k := range out.names() {
			lines = append(lines, "["+k+"]", `"value"="`+escape.Replace(out.str(k))+`"`)
		}
		for _, form := range []func(string) string{strings.Clone, wide} {
			again, _ := readSettings(t, "client.reg", []byte(form(exportOf(lines))))
			if diff := cmp.Diff(valuesOf(out), valuesOf(again)); diff != "" {
				t.Errorf("written out and read again (-first +second):\n%s", diff)
			}
		}
	})
}

// exportOf writes lines whose values may have brackets of their own.
func exportOf(lines []string) string {
	var b strings.Builder
	b.WriteString(registryHead + "\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "[") {
			l = `[HKEY_LOCAL_MACHINE\SOFTWARE\BigFix\EnterpriseClient\Settings\Client\` + l[1:]
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

func valuesOf(n *node) map[string]string {
	out := map[string]string{}
	for _, k := range n.names() {
		out[k] = n.str(k)
	}
	return out
}
