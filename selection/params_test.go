package selection

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryParameterRoundTrips(t *testing.T) {
	grades := []string{"A", "B", "C", "D", "R", "NP"}
	def := DefaultParams()
	for _, row := range ParamTable {
		if got, ok := def.Get(row.Name); !ok || got != row.Default {
			t.Errorf("%s: default is %q in DefaultParams, %q in the table", row.Name, got, row.Default)
		}
		if row.Text == "" || row.Row == "" || !slices.Contains(grades, row.Grade) || (len(row.Alternatives) == 0) != (row.Name == "stop_rule") || row.Accepted() == "" {
			t.Errorf("%s: the row is incomplete: %+v", row.Name, row)
		}
		if unverified := row.Grade == "R" || row.Grade == "NP"; row.Unverified() != unverified {
			t.Errorf("%s: Unverified() = %v with grade %s", row.Name, row.Unverified(), row.Grade)
		}
		for _, value := range append([]string{row.Default}, row.Alternatives...) {
			p := DefaultParams()
			if err := p.Set(row.Name, value); err != nil {
				t.Errorf("Set(%s, %s) = %v", row.Name, value, err)
			}
			if got, _ := p.Get(row.Name); got != value {
				t.Errorf("%s: set to %q, read as %q", row.Name, value, got)
			}
			if changed := p != def; changed != (value != row.Default) {
				t.Errorf("%s = %s: changes the parameters: %v", row.Name, value, changed)
			}
		}
	}
	if names := ParamNames(); len(names) != len(ParamTable) || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("names %v are not one for each row", names)
	}
}

func TestEveryFieldOfParamsHasARow(t *testing.T) {
	// The parameter with two fields is loop_latency_s.
	if got, want := len(ParamTable)+1, fieldCount[Params](); got != want {
		t.Errorf("%d rows for %d fields", got, want)
	}
	if got, want := len(SettingTable), fieldCount[Settings](); got != want {
		t.Errorf("%d settings for %d fields", got, want)
	}
}

func TestSetRefusesWithWhatIsAccepted(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"exhaust_policy", "Root", "accepted: root, random"},
		{"needs_time_exceeded", "1", "accepted: true, false"},
		{"ttl_linear_until", "255", "a whole number from 0 to 254"},
		{"ttl_linear_until", "eight", "a whole number from 0 to 254"},
		{"retry_growth", "0.5", "a number from 1 to 100"},
		{"retry_growth", "NaN", "a number from 1 to 100"},
		{"retry_jitter", "x", "a number from 0 to 0.9"},
		{"round_timeout_ms", "0", "milliseconds from 1 to 60000"},
		{"round_timeout_ms", "2m", "milliseconds from 1 to 60000"},
		{"report_interval_s", "-5", "seconds from 1 to 86400"},
		{"report_interval_s", "", "seconds from 1 to 86400"},
		{"loop_latency_s", "900..300", "range"},
		{"loop_latency_s", "300..", "range"},
		{"loop_latency_s", "90000", "range"},
	} {
		p := DefaultParams()
		err := p.Set(tc.name, tc.value)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), tc.name) {
			t.Errorf("Set(%s, %q) = %v, want %q in it", tc.name, tc.value, err, tc.want)
		}
		if p != DefaultParams() {
			t.Errorf("Set(%s, %q) failed and changed something", tc.name, tc.value)
		}
	}
	p := DefaultParams()
	if err := p.Set("ttl_shedule", "linear"); err == nil {
		t.Error("an unknown parameter was accepted")
	}
	if _, ok := p.Get("ttl_shedule"); ok {
		t.Error("an unknown parameter has a value")
	}
}

func TestSpansTakeTheirUnitOrAnother(t *testing.T) {
	for _, tc := range []struct {
		name, value, want string
	}{
		{"report_interval_s", "15m", "900"},
		{"report_interval_s", " 1.5 ", "1.5"},
		{"report_interval_s", "1500ms", "1.5"},
		{"round_timeout_ms", "2s", "2000"},
		{"round_timeout_ms", "1.25", "1.25"},
		{"loop_latency_s", "5m..15m", "300..900"},
	} {
		p := DefaultParams()
		if err := p.Set(tc.name, tc.value); err != nil {
			t.Errorf("Set(%s, %s) = %v", tc.name, tc.value, err)
		}
		if got, _ := p.Get(tc.name); got != tc.want {
			t.Errorf("%s = %s is read as %s, want %s", tc.name, tc.value, got, tc.want)
		}
	}
	p := DefaultParams()
	_ = p.Set("loop_latency_s", "300..900")
	if p.LoopLatencyMin != 300*time.Second || p.LoopLatencyMax != 900*time.Second {
		t.Errorf("loop latency %v..%v", p.LoopLatencyMin, p.LoopLatencyMax)
	}
}
