package sim

import (
	"testing"
	"time"
)

// Every default and alternative is accepted and comes back as it was written;
// what is not accepted changes nothing.
func TestWorldParamTable(t *testing.T) {
	for _, i := range WorldParamTable {
		for _, text := range append([]string{i.Default}, i.Alternatives...) {
			p := DefaultWorldParams()
			if err := p.Set(i.Name, " "+text); err != nil {
				t.Error(err)
			}
			if got, ok := p.Get(i.Name); !ok || got != text {
				t.Errorf("%s set to %s is %q", i.Name, text, got)
			}
		}
		p := DefaultWorldParams()
		for _, text := range []string{"", "-1", "soon", "9000000000000", "367d", "Until_registration"} {
			if err := p.Set(i.Name, text); err == nil || p != DefaultWorldParams() {
				t.Errorf("%s = %q is accepted", i.Name, text)
			}
		}
		if i.Row == "" || i.Grade == "" || i.Text == "" || i.Accepted() == "" {
			t.Errorf("%s lacks a row, grade, text or range", i.Name)
		}
	}
	var p WorldParams
	if err := p.Set("relays_file_refresh_s", "1m30.5s"); err != nil || p.RelaysFileRefresh != 90*time.Second+500*time.Millisecond {
		t.Errorf("1m30.5s is %v, %v", p.RelaysFileRefresh, err)
	}
	if text, _ := p.Get("relays_file_refresh_s"); p.Set("relays_file_refresh_s", text) != nil {
		t.Errorf("%q is not accepted, although it is what is in force", text)
	}
	if err := p.Set("nothing", "1"); err == nil {
		t.Error("an unknown parameter is accepted")
	}
	if _, ok := p.Get("nothing"); ok {
		t.Error("an unknown parameter has a value")
	}
}
