package selection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value reads and writes one field of Params as text.
type value struct {
	accepted string
	get      func(*Params) string
	set      func(*Params, string) error
}

// refused is the error for a text that a value does not accept.
func refused(text, accepted string) error {
	return fmt.Errorf("%q is not accepted (accepted: %s)", text, accepted)
}

// choice is a field whose values are named, in the order of its constants.
func choice[T ~uint8](field func(*Params) *T, names ...string) value {
	accepted := strings.Join(names, ", ")
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return names[*field(p)] },
		set: func(p *Params, text string) error {
			i := slices.Index(names, text)
			if i < 0 {
				return refused(text, accepted)
			}
			*field(p) = T(i)
			return nil
		},
	}
}

func truth(field func(*Params) *bool) value {
	const accepted = "true, false"
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return strconv.FormatBool(*field(p)) },
		set: func(p *Params, text string) error {
			if text != "true" && text != "false" {
				return refused(text, accepted)
			}
			*field(p) = text == "true"
			return nil
		},
	}
}

func number(field func(*Params) *int, least, most int) value {
	accepted := fmt.Sprintf("a whole number from %d to %d", least, most)
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return strconv.Itoa(*field(p)) },
		set: func(p *Params, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < least || n > most {
				return refused(text, accepted)
			}
			*field(p) = n
			return nil
		},
	}
}

func fraction(field func(*Params) *float64, least, most float64) value {
	accepted := fmt.Sprintf("a number from %v to %v", least, most)
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return strconv.FormatFloat(*field(p), 'f', -1, 64) },
		set: func(p *Params, text string) error {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || !(f >= least && f <= most) {
				return refused(text, accepted)
			}
			*field(p) = f
			return nil
		},
	}
}

// span is a field that is written as a number of units, or with its unit as
// in "15m".
func span(field func(*Params) *time.Duration, unit, least, most time.Duration) value {
	accepted := fmt.Sprintf("a number of %s from %s to %s, or a span such as %q", unitName(unit), formatSpan(least, unit), formatSpan(most, unit), unit.String())
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return formatSpan(*field(p), unit) },
		set: func(p *Params, text string) error {
			d, err := parseSpan(text, unit)
			if err != nil || d < least || d > most {
				return refused(text, accepted)
			}
			*field(p) = d
			return nil
		},
	}
}

// loopLatencyMax bounds loop_latency_s.
const loopLatencyMax = 24 * time.Hour

// spanRange is the value of loop_latency_s: one span or MIN..MAX.
func spanRange() value {
	const accepted = `a number of seconds from 0 to 86400, or a range such as "300..900"`
	return value{
		accepted: accepted,
		get: func(p *Params) string {
			least, most := formatSpan(p.LoopLatencyMin, time.Second), formatSpan(p.LoopLatencyMax, time.Second)
			if least == most {
				return most
			}
			return least + ".." + most
		},
		set: func(p *Params, text string) error {
			from, to, isRange := strings.Cut(text, "..")
			if !isRange {
				to = from
			}
			least, err1 := parseSpan(from, time.Second)
			most, err2 := parseSpan(to, time.Second)
			if err1 != nil || err2 != nil || least < 0 || least > most || most > loopLatencyMax {
				return refused(text, accepted)
			}
			p.LoopLatencyMin, p.LoopLatencyMax = least, most
			return nil
		},
	}
}

func unitName(unit time.Duration) string {
	if unit == time.Millisecond {
		return "milliseconds"
	}
	return "seconds"
}

// parseSpan reads a number of units or a span with its own unit. It computes
// in integers.
func parseSpan(text string, unit time.Duration) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		text += strings.TrimLeft(unit.String(), "1")
	}
	return time.ParseDuration(text)
}

// formatSpan writes d as a decimal number of units, exactly.
func formatSpan(d, unit time.Duration) string {
	whole, rest := d/unit, d%unit
	if rest == 0 {
		return strconv.FormatInt(int64(whole), 10)
	}
	digits := len(strconv.FormatInt(int64(unit), 10)) - 1
	return fmt.Sprintf("%d.%s", whole, strings.TrimRight(fmt.Sprintf("%0*d", digits, rest), "0"))
}
