package selection

import (
	"maps"
	"testing"
)

// V19: a setting dated older than the stored one is ignored.
func TestV19(t *testing.T) {
	const name, day = "_BESClient_RelaySelect_FailoverRelay", 86400
	var s Store
	for _, step := range []struct {
		value     string
		effective int64
		taken     bool
		want      string
	}{
		{"first", 2 * day, true, "first"},
		{"older", 1 * day, false, "first"},
		{"undated", 0, false, "first"},
		{"before 1970", -day, false, "first"},
		{"same date", 2 * day, true, "same date"},
		{"newer", 3 * day, true, "newer"},
	} {
		if taken := s.Put(name, step.value, step.effective); taken != step.taken {
			t.Errorf("Put(%q, %d) = %t, want %t", step.value, step.effective, taken, step.taken)
		}
		if got := s.Raw()[name]; got != step.want {
			t.Errorf("after %q the value is %q, want %q", step.value, got, step.want)
		}
	}
}

// General rule: values without date overwrite each other; after a client's
// reset dates vanish and values stay.
func TestStoreReset(t *testing.T) {
	var s Store
	if len(s.Raw()) != 0 {
		t.Errorf("Raw() of the empty store = %v", s.Raw())
	}
	s.Put("a", "1", 0)
	if !s.Put("a", "2", 0) {
		t.Error("an undated value does not overwrite an undated one")
	}
	s.Put("b", "3", 1000)
	s.Raw()["a"] = "spoilt" // the map is the caller's
	s.Reset()
	if want := map[string]string{"a": "2", "b": "3"}; !maps.Equal(s.Raw(), want) {
		t.Errorf("Raw() after Reset = %v, want %v", s.Raw(), want)
	}
	if !s.Put("b", "4", 1) || s.Raw()["b"] != "4" {
		t.Error("after a reset the date still holds")
	}
}
