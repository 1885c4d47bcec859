package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong with a scenario.
type Error struct {
	// File is the file as it was named. Line and Col count from 1; both are 0
	// if the file as a whole is at fault.
	File      string
	Line, Col int
	// Subject is what is at fault, Problem what is wrong and what is accepted.
	Subject, Problem string
}

func (e Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", e.File, e.Subject, e.Problem)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", e.File, e.Line, e.Col, e.Subject, e.Problem)
}

// ErrorList is everything that is wrong with a scenario, sorted by position.
type ErrorList []Error

// maxPrinted is the number of errors that are printed; the rest is counted.
const maxPrinted = 10

func (l ErrorList) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i == maxPrinted {
			fmt.Fprintf(&b, "\nand %d more", len(l)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// sorted returns the list by position without repetitions.
func (l ErrorList) sorted() ErrorList {
	slices.SortFunc(l, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(l)
}

// spot is where something was written.
type spot struct {
	file      string
	line, col int
}

// String gives the spot as errors do: "file:line:col".
func (s spot) String() string { return fmt.Sprintf("%s:%d:%d", s.file, s.line, s.col) }

// lineOnly gives it as explanations do: "file:line".
func (s spot) lineOnly() string { return fmt.Sprintf("%s:%d", s.file, s.line) }

// faults collects what is wrong while the work goes on.
type faults struct {
	errors   ErrorList
	warnings ErrorList
}

func (f *faults) add(at spot, subject, format string, args ...any) {
	f.errors = append(f.errors, Error{at.file, at.line, at.col, subject, fmt.Sprintf(format, args...)})
}

// once drops those errors since a mark, a number of errors, that say of a spot
// what an earlier one says of it, whatever their subjects.
func (f *faults) once(mark int) {
	before := f.errors[:mark]
	f.errors = append(before, slices.DeleteFunc(slices.Clone(f.errors[mark:]), func(e Error) bool {
		return slices.ContainsFunc(before, func(b Error) bool {
			b.Subject = e.Subject
			return b == e
		})
	})...)
}

// warn keeps a warning.
func (f *faults) warn(at spot, subject, format string, args ...any) {
	f.warnings = append(f.warnings, Error{at.file, at.line, at.col, subject, fmt.Sprintf(format, args...)})
}

// printed are the warnings by position, each once.
func (f *faults) printed() []string {
	var out []string
	for _, w := range f.warnings.sorted() {
		out = append(out, w.Error())
	}
	return out
}

// err is the list of errors, or nil.
func (f *faults) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	return f.errors.sorted()
}
