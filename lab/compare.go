package lab

import (
	"context"
	"time"
)

// Row is one request in kernel and model.
type Row struct {
	Probe  Probe
	Kernel Fate
	Model  Told
	// First is what the kernel did when it was asked first, Asked how often it
	// was.
	First Fate
	Asked int
}

// Agrees tells whether kernel and model say the same. Where the address of a
// reply has been translated, the reply is from whom was asked.
func (r *Row) Agrees() bool {
	k, m := r.Kernel, r.Model.Fate
	if k.Outcome == m.Outcome && (k.Outcome == Reply || k.Outcome == Reset) {
		return true
	}
	return k == m
}

// Spans of silence after which a lab is taken to have nothing more to say: when
// it is first asked, and when it is asked again after a mismatch, which may be
// due to a busy machine.
const (
	firstQuiet = 60 * time.Millisecond
	laterQuiet = 400 * time.Millisecond
	timesAsked = 3
)

// oracle is what Compare compares the model with.
type oracle interface {
	Probe(ctx context.Context, probes []Probe, quiet time.Duration) ([]Fate, error)
}

// Compare sends probes through a lab and asks the model about them. Where the
// two differ the lab is asked again, for silence may be haste.
func Compare(ctx context.Context, l oracle, m *Model, probes []Probe) ([]Row, error) {
	rows := make([]Row, len(probes))
	open := make([]int, len(probes))
	for i := range probes {
		rows[i] = Row{Probe: probes[i], Model: m.Ask(&probes[i])}
		open[i] = i
	}
	quiet := firstQuiet
	for try := 1; try <= timesAsked && len(open) > 0; try++ {
		part := make([]Probe, len(open))
		for i, j := range open {
			part[i] = probes[j]
		}
		fates, err := l.Probe(ctx, part, quiet)
		if err != nil {
			return nil, err
		}
		var again []int
		for i, j := range open {
			if rows[j].Kernel, rows[j].Asked = fates[i], try; try == 1 {
				rows[j].First = fates[i]
			}
			if !rows[j].Agrees() {
				again = append(again, j)
			}
		}
		open, quiet = again, laterQuiet
	}
	return rows, nil
}

// Mismatches are the rows that do not agree.
func Mismatches(rows []Row) (wrong []Row) {
	for i := range rows {
		if !rows[i].Agrees() {
			wrong = append(wrong, rows[i])
		}
	}
	return wrong
}
