package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// longest bounds every span of a scenario, so that no sum of a few of them
// overflows.
const longest = 3650 * day

// parseSpan reads "7d", "1d12h", "90s", "250ms".
func parseSpan(text string) (time.Duration, bool) {
	whole, rest := time.Duration(0), text
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		whole, rest = time.Duration(n)*day, after
		if rest == "" {
			return whole, true
		}
	}
	if strings.HasPrefix(rest, "+") || whole > 0 && strings.HasPrefix(rest, "-") {
		return 0, false
	}
	d, err := time.ParseDuration(rest)
	if err != nil || rest == "0" || d > longest || d < -longest {
		return 0, false
	}
	return whole + d, true
}

// formatSpan writes a span as parseSpan reads it.
func formatSpan(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	if d > day {
		return fmt.Sprintf("%dd%s", d/day, formatSpan(d%day))
	}
	return s
}

// weekdays in the order of Life.Days.
var weekdays = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func weekday(text string) (int, bool) {
	for i, w := range weekdays {
		if text == w {
			return i, true
		}
	}
	return 0, false
}

// parseClock reads a time of day, "00:00" to "24:00".
func parseClock(text string) (time.Duration, bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	h, err1 := strconv.ParseUint(text[:2], 10, 8)
	m, err2 := strconv.ParseUint(text[3:], 10, 8)
	if err1 != nil || err2 != nil || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, true
}

// parseHours reads "08:00..17:30"; the end lies after the beginning.
func parseHours(text string) (from, to time.Duration, ok bool) {
	a, b, found := strings.Cut(text, "..")
	from, ok1 := parseClock(a)
	to, ok2 := parseClock(b)
	return from, to, found && ok1 && ok2 && from < to
}

// parseWeekTime reads "Mon 00:00" as a span since Monday 00:00.
func parseWeekTime(text string) (time.Duration, bool) {
	d, clock, found := strings.Cut(text, " ")
	w, ok1 := weekday(d)
	t, ok2 := parseClock(clock)
	return time.Duration(w)*day + t, found && ok1 && ok2 && t < day
}

// parseDays reads "Mon..Fri" or "Mon+Wed+Fri" as a bit set, bit 0 = Monday.
func parseDays(text string) (uint8, bool) {
	set := uint8(0)
	for part := range strings.SplitSeq(text, "+") {
		a, b, isRange := strings.Cut(part, "..")
		from, ok := weekday(a)
		to := from
		if isRange {
			var ok2 bool
			to, ok2 = weekday(b)
			ok = ok && ok2 && from <= to
		}
		if !ok {
			return 0, false
		}
		for w := from; w <= to; w++ {
			set |= 1 << w
		}
	}
	return set, true
}

// parseWhen reads the time of an event as a span since the start: "36h",
// "2d 09:00", "Wed 09:00" (the first one at or after the start) or
// "2nd Wed 09:00". startOfWeek is the local time of the start.
func parseWhen(text string, startOfWeek time.Duration) (time.Duration, bool) {
	if d, ok := parseSpan(text); ok {
		return d, true
	}
	parts := strings.Fields(text)
	if len(parts) == 2 {
		if d, ok := parseSpan(parts[0]); ok {
			t, ok := parseClock(parts[1])
			return d + t, ok && d%day == 0
		}
	}
	n := 1
	if len(parts) == 3 {
		var ok bool
		if n, ok = parseOrdinal(parts[0]); !ok {
			return 0, false
		}
		parts = parts[1:]
	}
	at, ok := parseWeekTime(strings.Join(parts, " "))
	if !ok {
		return 0, false
	}
	first := (at - startOfWeek + 7*day) % (7 * day)
	return first + time.Duration(n-1)*7*day, true
}

// parseOrdinal reads "1st" to "99th".
func parseOrdinal(text string) (int, bool) {
	digits := strings.TrimRight(text, "stndrh")
	n, err := strconv.ParseUint(digits, 10, 8)
	if err != nil || n < 1 || n > 99 {
		return 0, false
	}
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return int(n), text == digits+suffix
}
