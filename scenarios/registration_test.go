package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// relayNamed is the relay of that name.
func relayNamed(t testing.TB, p *sim.Plan, name string) sim.RelayPlan {
	t.Helper()
	i := slices.IndexFunc(p.Relays, func(r sim.RelayPlan) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("no relay %q", name)
	}
	return p.Relays[i]
}

// TestGates: what relays ask is read from keys and from the vendor's names.
func TestGates(t *testing.T) {
	p := rich(t).Plan()
	for name, want := range map[string]selection.Gate{
		"dmz-1": {Authenticating: true, Password: "p4ss", MaxChildren: 9},
		"new-1": {Authenticating: true, Password: "key", MaxChildren: 7},
		"hq":    {Authenticating: true, Password: "roots", MaxChildren: 100},
		"r-1":   {},
	} {
		if got := relayNamed(t, p, name).Gate; got != want {
			t.Errorf("gate of %s: %+v, want %+v", name, got, want)
		}
	}
	for i := range p.Relays {
		if r := &p.Relays[i]; r.Fallback != (r.Name == "dmz-2") || r.NoAutoSelect != (r.Name == "dmz-2" || r.Root) {
			t.Errorf("%s: fallback %v, no automatic choice %v", r.Name, r.Fallback, r.NoAutoSelect)
		}
	}
}

// TestRelaySettingsAreBelowKeys: a key is stronger than the setting it stands
// for, and what a relay says itself than what "*" says.
func TestRelaySettingsAreBelowKeys(t *testing.T) {
	s := parsed(t, `extends = "base.toml"
relay."*" = { max_children = 3, authenticating = true }
[relay.dmz-1]
settings = { "_Enterprise Server_ClientRegister_MaxChildCount" = 5, _BESRelay_Selection_AutoSelectableRelay = 0 }
[relay.dmz-2]
authenticating = false
settings = { _BESRelay_Comm_Authenticating = "1", _BESRelay_Register_Affiliation_AdvertisementList = "EDGE" }
`)
	one, two := relayNamed(t, s.Plan(), "dmz-1"), relayNamed(t, s.Plan(), "dmz-2")
	if one.Gate != (selection.Gate{Authenticating: true, MaxChildren: 5}) || !one.NoAutoSelect {
		t.Errorf("dmz-1: %+v", one)
	}
	if two.Gate != (selection.Gate{MaxChildren: 3}) || !slices.Equal(two.Advertise, []string{"DMZ"}) {
		t.Errorf("dmz-2: %+v, want its own keys to win", two)
	}
}

// parsed reads a scenario that may extend base.toml.
func parsed(t testing.TB, text string, more ...string) *Scenario {
	t.Helper()
	fsys := fstest.MapFS{"scenario.toml": {Data: []byte(text)}, "base.toml": {Data: baseText(t)}}
	for i := 0; i+1 < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	s, err := Parse(fsys, "scenario.toml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCredentials: what clients can show, by group and policy.
func TestCredentials(t *testing.T) {
	p := rich(t).Plan()
	for i := range p.Groups {
		g := &p.Groups[i]
		want := sim.GroupPlan{}
		password := ""
		switch g.ID {
		case "temp":
			want = sim.GroupPlan{NoCertificate: 0.75, Version: selection.MakeVersion(8, 2), StaleList: 0.5}
			password = "p4ss"
		case "bare":
			want.NoCertificate = 1
		}
		if g.NoCertificate != want.NoCertificate || g.Version != want.Version || g.StaleList != want.StaleList {
			t.Errorf("%s: without certificate %v, version %v, stale list %v", g.ID, g.NoCertificate, g.Version, g.StaleList)
		}
		for _, pol := range p.Policies {
			if pol.Passwords[i] != password {
				t.Errorf("password of %s under %s: %q, want %q", g.ID, pol.Name, pol.Passwords[i], password)
			}
		}
	}
	if w := settingsWarnings(p); len(w) > 0 {
		t.Errorf("warnings: %q, want none", w)
	}
}

// settingsWarnings are the warnings about values of settings.
func settingsWarnings(p *sim.Plan) []string {
	var out []string
	for _, w := range p.Warnings {
		if strings.Contains(w, ": settings: ") {
			out = append(out, w)
		}
	}
	return out
}

// TestWorldParams: [model] takes the parameters of the deployment too, and a
// policy that differs in one of them alone is recognised.
func TestWorldParams(t *testing.T) {
	p := parsed(t, `extends = "base.toml"
[model]
relays_dat_propagation_s = 60
default_weight = 5
[policy.slow]
like = "echo"
model = { relays_file_refresh_s = "1h" }
`).Plan()
	slow := p.Policies[slices.IndexFunc(p.Policies, func(x sim.PolicyPlan) bool { return x.Name == "slow" })]
	if want := (sim.WorldParams{RelaysFileRefresh: time.Hour, RelaysDatPropagation: time.Minute, DefaultWeight: 5}); slow.World != want {
		t.Errorf("parameters: %+v, want %+v", slow.World, want)
	}
	if slow.Like < 0 || p.Policies[slow.Like].Name != "echo" || !slices.Equal(slow.Changed, []string{"relays_file_refresh_s=3600"}) {
		t.Errorf("slow is like %d but for %q, want echo but for the refresh", slow.Like, slow.Changed)
	}
}

// TestEventsOfTheWorld pins what every kind of event comes to.
func TestEventsOfTheWorld(t *testing.T) {
	p := rich(t).Plan()
	var got []string
	for _, e := range p.Events {
		if e.At < 40*time.Hour || e.At > 43*time.Hour {
			continue
		}
		who := ""
		for _, g := range e.Groups {
			who += " " + p.Groups[g].ID
		}
		got = append(got, fmt.Sprintf("%v %v: %s%s %s", e.At, e.Kind, e.Text, who, e.Step))
	}
	want := []string{
		"40h0m0s installed: new-1 installed 0s",
		"40h0m0s unlisted: dmz-2 unlisted 0s",
		"40h0m0s authenticating: r-1 authenticating for 3h 0s",
		"41h0m0s retired: new-1 retired 0s",
		"41h0m0s listed: dmz-2 listed 0s",
		"42h0m0s relay select: relay select of pc+laptop pc/rome pc/oslo laptop/rome laptop/oslo 0s",
		"42h0m0s restart: restart of all pc/rome pc/oslo laptop/rome laptop/oslo kiosk guest/rome guest/oslo temp bare 0s",
		"42h0m0s address change: address change of kiosk kiosk 0s",
		"42h0m0s vpn up: vpn up of kiosk kiosk 0s",
		"42h0m0s adapter change: adapter change of kiosk kiosk 0s",
		"42h0m0s clock back: clock back 10m of pc pc/rome pc/oslo 10m0s",
		"43h0m0s no longer authenticating: r-1 no longer authenticating 0s",
		`43h0m0s seek list: seek list of laptop/rome "SOUTH;DMZ" laptop/rome 0s`,
		`43h0m0s seek list: seek list of laptop/oslo "NORTH;DMZ" laptop/oslo 0s`,
		`43h0m0s seek list: seek list of kiosk "*" kiosk 0s`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestRegistrationFromFileToTally follows V26 and V26b from the file to what
// was counted: a relay that wins every competition, the other being as near and
// of no weight, takes no client, or so many.
func TestRegistrationFromFileToTally(t *testing.T) {
	const text = `extends = "base.toml"
replications = 1
duration = "2h"
warmup = "0s"
[relay.dmz-1]
%s
[relay.dmz-2]
weight = 0
[group.remote]
start_spread = "0s"
certificate = false
`
	for _, tc := range []struct {
		relay         string
		reason        selection.Outcome
		refused, took uint64
	}{
		{"authenticating = true", selection.NoCertificate, 10, 0},
		{"max_children = 1", selection.AtCap, 9, 1},
		{`settings = { "_Enterprise Server_ClientRegister_MaxChildCount" = 4 }`, selection.AtCap, 6, 4},
		{"authenticating = false", selection.AtCap, 0, 10},
	} {
		p := parsed(t, fmt.Sprintf(text, tc.relay)).Plan()
		tallies, err := sim.Run(context.Background(), p, sim.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		echo := tallies[slices.IndexFunc(p.Policies, func(x sim.PolicyPlan) bool { return x.Name == "echo" })]
		refused := uint64(0)
		for i := range echo.Slots {
			refused += echo.Slots[i].RegFailures[tc.reason]
		}
		one := slices.IndexFunc(p.Relays, func(r sim.RelayPlan) bool { return r.Name == "dmz-1" })
		if got := uint64(echo.Relays[one].Console); refused != tc.refused || got != tc.took {
			t.Errorf("%s: %d refused, %d registered, want %d and %d", tc.relay, refused, got, tc.refused, tc.took)
		}
	}
}
