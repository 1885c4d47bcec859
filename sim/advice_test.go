package sim

import (
	"strings"
	"testing"
)

func TestCourseWarningsNameWhatLeadsNowhere(t *testing.T) {
	w := newWorld()
	w.addGroup("fine", 1, netEast, alwaysOn, "east;DMZ")
	if got := w.plan(t).CourseWarnings(); len(got) != 0 {
		t.Errorf("sound settings: %q, want no warning", got)
	}
	s := w.addGroup("odd", 1, netEast, alwaysOn, "east;Xtypo;"+strings.Repeat("y", 65))
	s.FailoverList = []string{"dmz-1", "dmz-9"}
	got := strings.Join(w.plan(t).CourseWarnings(), "\n")
	for _, want := range []string{`under every policy group "odd": seeks "Xtypo"`, `names "dmz-9"`, "64"} {
		if !strings.Contains(got, want) {
			t.Errorf("warnings %q do not say %q", got, want)
		}
	}
	if strings.Contains(got, "dmz-1") || strings.Contains(got, `"fine"`) {
		t.Errorf("warnings %q blame what is sound", got)
	}
}
