package scenarios

import (
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	for _, tc := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"7d", 7 * day, true},
		{"1d12h", 36 * time.Hour, true},
		{"1h30m", 90 * time.Minute, true},
		{"250ms", 250 * time.Millisecond, true},
		{"0s", 0, true},
		{"-5m", -5 * time.Minute, true}, // refused by ranges
		{"1d-1h", 0, false},
		{"1d+1h", 0, false},
		{"+5m", 0, false},
		{"5", 0, false},
		{"", 0, false},
		{"d", 0, false},
		{"0", 0, false},
		{"99999d", 0, false},
		{"2000000h", 0, false},
	} {
		got, ok := parseSpan(tc.text)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("parseSpan(%q) = %v, %v, want %v, %v", tc.text, got, ok, tc.want, tc.ok)
		}
	}
}

func TestFormattedSpansReadBack(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 90 * time.Second, time.Minute, time.Hour, 61 * time.Minute, day, 36 * time.Hour, 25*time.Hour + 30*time.Second, 8 * day} {
		s := formatSpan(d)
		if got, ok := parseSpan(s); !ok || got != d {
			t.Errorf("parseSpan(formatSpan(%v) = %q) = %v, %v", d, s, got, ok)
		}
	}
	if got := formatSpan(6 * time.Hour); got != "6h" {
		t.Errorf("formatSpan(6h) = %q", got)
	}
}

func TestWhen(t *testing.T) {
	monday, wednesday := time.Duration(0), 2*day+12*time.Hour
	for _, tc := range []struct {
		text  string
		start time.Duration
		want  time.Duration
		ok    bool
	}{
		{"36h", monday, 36 * time.Hour, true},
		{"2d 09:00", wednesday, 57 * time.Hour, true}, // counted from the start
		{"Wed 09:00", monday, 57 * time.Hour, true},
		{"Mon 00:00", monday, 0, true},
		{"Wed 12:00", wednesday, 0, true},
		{"Wed 09:00", wednesday, 7*day - 3*time.Hour, true}, // the next one
		{"Mon 00:00", wednesday, 4*day + 12*time.Hour, true},
		{"1st Wed 09:00", monday, 57 * time.Hour, true},
		{"2nd Wed 09:00", monday, 7*day + 57*time.Hour, true},
		{"11th Mon 00:00", monday, 70 * day, true},
		{"2rd Wed 09:00", monday, 0, false},
		{"0th Wed 09:00", monday, 0, false},
		{"Wed 24:00", monday, 0, false},
		{"Wed", monday, 0, false},
		{"12h 09:00", monday, 0, false},
		{"wed 09:00", monday, 0, false},
	} {
		got, ok := parseWhen(tc.text, tc.start)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("parseWhen(%q, %v) = %v, %v, want %v, %v", tc.text, tc.start, got, ok, tc.want, tc.ok)
		}
	}
}

func TestDays(t *testing.T) {
	for text, want := range map[string]uint8{"Mon..Fri": 0x1f, "Mon+Wed": 5, "Sat..Sun+Mon": 0x61, "Sun": 0x40} {
		if got, ok := parseDays(text); !ok || got != want {
			t.Errorf("parseDays(%q) = %#x, %v, want %#x", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "Fri..Mon", "Mon-Fri", "Mon..", "mon"} {
		if got, ok := parseDays(text); ok {
			t.Errorf("parseDays(%q) = %#x, want no days", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"hops_to_NAME", "rtt", "loss"}
	for name, want := range map[string]string{"hop_to_edge": "hops_to_NAME", "rt": "rtt", "LOSS": "loss", "zzzzzz": "", "": ""} {
		if got, _ := nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
