package results

import (
	"cmp"
	"context"
	"errors"
	"hash/crc32"
	"os"
	"sync"

	"github.com/relaysim/relaysim/sim"
)

// DecisionsWriter writes a file of decisions, all or nothing: beside its
// place, into which Commit puts it. It is a sim.DecisionSink: what it takes of
// cells that are not done lies beside it too, so that memory holds about 4 KB for
// each block it took of a cell. Of a nil one nothing is written.
type DecisionsWriter struct {
	staged  *staged
	places  int
	buffer  []byte
	records uint64
	sum     uint32

	mu    sync.Mutex
	cells map[cellOf]*decisionRuns
}

type cellOf struct{ policy, replication int }

// writeAtOnce is about how many bytes go to the file at a time.
const writeAtOnce = 1 << 20

// CreateDecisions begins the file for a run of the plan. Whoever creates it
// calls Drop in the end, whatever happened.
func CreateDecisions(path string, p *sim.Plan) (*DecisionsWriter, error) {
	s, err := stage(path)
	if err != nil {
		return nil, err
	}
	w := &DecisionsWriter{staged: s, places: len(p.Networks), cells: map[cellOf]*decisionRuns{}}
	w.buffer, err = newDecisionsHead(p).bytes()
	if err != nil {
		err = s.wrap(err)
		_ = s.drop() // the first error counts
		return nil, err
	}
	return w, nil
}

// Take keeps selections of a cell on disk until all of it are there.
func (w *DecisionsWriter) Take(policy, replication int, block []sim.Decision) error {
	runs, err := w.runsOf(cellOf{policy, replication})
	if err != nil {
		return w.wrap(err)
	}
	return w.wrap(runs.add(policy, replication, w.places, block))
}

// runsOf are those of a cell that is not done.
func (w *DecisionsWriter) runsOf(c cellOf) (*decisionRuns, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, ok := w.cells[c]; ok {
		return r, nil
	}
	f, err := os.CreateTemp(w.staged.beside, "cell-*")
	if err != nil {
		return nil, err
	}
	w.cells[c] = &decisionRuns{file: f}
	return w.cells[c], nil
}

// End appends the selections of a cell to the file.
func (w *DecisionsWriter) End(ctx context.Context, policy, replication int) error {
	c := cellOf{policy, replication}
	w.mu.Lock()
	runs := w.cells[c]
	w.mu.Unlock()
	if runs == nil {
		return nil // nobody selected
	}
	err := runs.merge(func(record []byte) error {
		w.buffer = append(w.buffer, record...)
		w.records++
		if len(w.buffer) < writeAtOnce {
			return nil
		}
		return errors.Join(ctx.Err(), w.send())
	})
	err = errors.Join(err, runs.drop())
	w.mu.Lock()
	delete(w.cells, c)
	w.mu.Unlock()
	return cmp.Or(ctx.Err(), w.wrap(err))
}

// wrap is staged.wrap for whoever comes at the same time as others.
func (w *DecisionsWriter) wrap(err error) error {
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.staged.wrap(err)
}

// send writes what is in the buffer.
func (w *DecisionsWriter) send() error {
	w.sum = crc32.Update(w.sum, castagnoli, w.buffer)
	_, err := w.staged.file.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// Finish writes the end and flushes the file. It takes as long as the disk does.
func (w *DecisionsWriter) Finish() error {
	if w == nil {
		return nil
	}
	if err := w.send(); err != nil {
		return w.wrap(err)
	}
	w.buffer = appendEnd(w.buffer, w.records, w.sum)
	if err := w.send(); err != nil {
		return w.wrap(err)
	}
	return w.staged.flush()
}

// Commit puts the finished file into its place.
func (w *DecisionsWriter) Commit() error {
	if w == nil {
		return nil
	}
	return w.staged.commit()
}

// Drop leaves nothing beside the place; what was committed stays.
func (w *DecisionsWriter) Drop() error {
	if w == nil {
		return nil
	}
	for _, r := range w.cells { // order: they are thrown away
		_ = r.file.Close() // Drop removes it
	}
	clear(w.cells)
	return w.staged.drop()
}

// DecisionsSize is about how large the file of a run will be, in bytes, at
// SelectionsADay selections for each client and day.
func DecisionsSize(p *sim.Plan) float64 {
	clients := 0
	for i := range p.Groups {
		clients += p.Groups[i].Count
	}
	cells := float64(len(p.Policies)) * float64(p.Replications)
	return cells * float64(clients) * p.Duration.Hours() / 24 * SelectionsADay * DecisionBytes
}

// SelectionsADay is about what the shipped scenarios have for each client and
// day: from 2 to 11, more under policies that leave clients without a relay.
const SelectionsADay = 3
