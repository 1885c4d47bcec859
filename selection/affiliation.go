package selection

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// anyLabel stands for the unaffiliated set (4.8).
const anyLabel = "*"

// labelMax is the length of the longest valid label, in characters (4.6).
const labelMax = 64

// foldLabel brings a label into the form in which labels are compared: white
// space trimmed and case folded (4.5). An empty result is to be ignored; a
// warning says what is wrong with the label.
func foldLabel(label string, p *Params) (folded, warning string) {
	folded = strings.ToLower(strings.TrimSpace(label))
	if folded == "" && p.EmptyLabel == EmptyIsStar {
		return anyLabel, ""
	}
	if n := utf8.RuneCountInString(folded); n > labelMax {
		if p.OverlongLabel == RejectLabel {
			return "", fmt.Sprintf("affiliation label %q has %d characters and is ignored (at most %d)", label, n, labelMax)
		}
		folded = strings.TrimSpace(string([]rune(folded)[:labelMax]))
		return folded, fmt.Sprintf("affiliation label %q has %d characters and is cut (at most %d)", label, n, labelMax)
	}
	if folded != anyLabel && strings.ContainsFunc(folded, specialInLabel) {
		return folded, fmt.Sprintf("affiliation label %q has a special character, which the vendor does not allow", label)
	}
	return folded, ""
}

// specialInLabel tells whether the vendor's ban on special characters, the
// full stop included, covers r (4.5). Which others it covers is not stated:
// taken as all but letters, digits, blanks, hyphen and underscore.
func specialInLabel(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '-' && r != '_'
}

// seekLabels returns the groups that a client looks through, in order, without
// repetition (4.2, 4.7). No list means the unaffiliated set (4.10).
func seekLabels(list string, p *Params) (labels, warnings []string) {
	written := false
	seen := make(map[string]bool)
	for label := range strings.SplitSeq(list, ";") {
		folded, warning := foldLabel(label, p)
		if warning != "" {
			written = true
			warnings = append(warnings, "seek list: "+warning)
		}
		if folded == "" {
			continue
		}
		written = true
		if !seen[folded] {
			seen[folded] = true
			labels = append(labels, folded)
		}
	}
	if !written {
		labels = []string{anyLabel}
	}
	return labels, warnings
}

// advertised returns the groups that an entry belongs to, as often as it says
// so. An entry without a valid label is unaffiliated (4.8).
func advertised(e *Entry, p *Params) (labels, warnings []string) {
	for _, label := range e.Affiliations {
		folded, warning := foldLabel(label, p)
		if warning != "" {
			warnings = append(warnings, fmt.Sprintf("relay %q: %s", e.Name, warning))
		}
		if folded != "" {
			labels = append(labels, folded)
		}
	}
	if len(labels) == 0 {
		labels = []string{anyLabel}
	}
	return labels, warnings
}
