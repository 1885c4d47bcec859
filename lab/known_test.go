//go:build kernel

package lab

import "testing"

// known are the mismatches between kernel and model that are left as they are,
// the one list of them: at most maxKnown, which excuse at most maxExcused of
// the fates. One that excuses nothing fails the suite.
var known = []knownMismatch{}

// knownMismatch excuses the rows that it is about.
type knownMismatch struct {
	name string
	// why the two differ and stay so, and where that is written: a section of
	// an RFC, a line of the kernel.
	why, pointer string
	excuses      func(*Design, *Row) bool
}

const (
	maxKnown   = 10
	maxExcused = 0.01
)

// excuse names the known mismatch that a row is due to, "" for none.
func excuse(d *Design, r *Row) string {
	for _, k := range known {
		if k.excuses(d, r) {
			return k.name
		}
	}
	return ""
}

// unexcused are the rows that do not agree and should.
func unexcused(d *Design, rows []Row) (wrong []Row) {
	for _, r := range Mismatches(rows) {
		if excuse(d, &r) == "" {
			wrong = append(wrong, r)
		}
	}
	return wrong
}

// checkKnown holds the list to its bounds.
func checkKnown(t *testing.T, used map[string]int, fates int) {
	if len(known) > maxKnown {
		t.Errorf("%d known mismatches, at most %d", len(known), maxKnown)
	}
	all := 0
	for _, k := range known {
		all += used[k.name]
		if used[k.name] == 0 {
			t.Errorf("known mismatch %q excuses nothing: take it out", k.name)
		}
		if k.why == "" || k.pointer == "" {
			t.Errorf("known mismatch %q lacks a reason or a pointer", k.name)
		}
	}
	if float64(all) > maxExcused*float64(fates) {
		t.Errorf("%d of %d fates are excused, at most %v", all, fates, maxExcused)
	}
}
