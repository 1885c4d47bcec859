package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

func lookupPlan() *sim.Plan {
	return &sim.Plan{
		Labels: []string{"laptop", "remote", "nobody"},
		Groups: []sim.GroupPlan{
			{ID: "laptop/oslo", Count: 0},
			{ID: "laptop/paris", Count: 18},
			{ID: "laptop/rome", Count: 3},
			{ID: "remote", Label: 1, Count: 2},
			{ID: "nobody", Label: 2},
		},
		Policies:    []sim.PolicyPlan{{Name: "closed"}, {Name: "echo"}},
		StartOfWeek: 48 * time.Hour, Duration: 5 * 24 * time.Hour,
	}
}

func TestFindClient(t *testing.T) {
	for name, want := range map[string][2]int{
		"laptop": {1, 0}, "laptop/paris": {1, 0}, "laptop/paris/17": {1, 17}, "laptop/rome/0": {2, 0},
		"laptop/2": {1, 2}, "remote": {3, 0}, "remote/1": {3, 1},
	} {
		group, client, err := FindClient(lookupPlan(), name)
		if err != nil || group != want[0] || client != want[1] {
			t.Errorf("FindClient(%q) = %d, %d, %v; want %v", name, group, client, err, want)
		}
	}
	for name, want := range map[string]string{
		"lapto": `(nearest: "laptop")`, "laptop/pari": `(nearest: "laptop/paris")`, "": "one of laptop, remote", "/": "one of",
		"laptop/paris/18": "laptop/paris has clients 0 to 17", "remote/-1": "is not defined", "remote/1/1": "is not defined",
		"laptop/paris/99999999999": "is not defined", "nobody": "nobody has no clients", "laptop/oslo": "laptop/oslo has no clients",
	} {
		if _, _, err := FindClient(lookupPlan(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("FindClient(%q): %v, want an error with %q", name, err, want)
		}
	}
}

func TestFindPolicy(t *testing.T) {
	for name, want := range map[string]int{"": 0, "closed": 0, "echo": 1} {
		if got, err := FindPolicy(lookupPlan(), name); err != nil || got != want {
			t.Errorf("FindPolicy(%q) = %d, %v; want %d", name, got, err, want)
		}
	}
	if _, err := FindPolicy(lookupPlan(), "ecko"); err == nil || !strings.Contains(err.Error(), `(nearest: "echo")`) {
		t.Errorf("FindPolicy: %v, want the nearest name", err)
	}
}

func TestParseInstant(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "36h": 36 * time.Hour, "Wed 09:30": 9*time.Hour + 30*time.Minute, " Thu 00:00 ": 24 * time.Hour,
		"2d 09:00": 57 * time.Hour,
	} {
		if got, err := ParseInstant(lookupPlan(), text); err != nil || got != vtime.Instant(want) {
			t.Errorf("ParseInstant(%q) = %v, %v; want %v", text, got, err, vtime.Instant(want))
		}
	}
	for text, want := range map[string]string{
		"noon": "is not a time of the run", "5d": "outside the run, which lasts 5d", "Tue 00:00": "outside the run", "-1h": "outside the run",
	} {
		if _, err := ParseInstant(lookupPlan(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseInstant(%q): %v, want an error with %q", text, err, want)
		}
	}
}
