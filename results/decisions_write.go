package results

import (
	"hash/crc32"

	"github.com/relaysim/relaysim/sim"
)

// DecisionsWriter writes a file of decisions, all or nothing: beside its
// place, into which Commit puts it. Of a nil one nothing is written.
type DecisionsWriter struct {
	staged  *staged
	places  int
	buffer  []byte
	records uint64
	sum     uint32
}

// writeAtOnce is about how many bytes go to the file at a time.
const writeAtOnce = 1 << 20

// CreateDecisions begins the file for a run of the plan. Whoever creates it
// calls Drop in the end, whatever happened.
func CreateDecisions(path string, p *sim.Plan) (*DecisionsWriter, error) {
	s, err := stage(path)
	if err != nil {
		return nil, err
	}
	w := &DecisionsWriter{staged: s, places: len(p.Networks)}
	w.buffer, err = newDecisionsHead(p).bytes()
	if err != nil {
		err = s.wrap(err)
		_ = s.drop() // the first error counts
		return nil, err
	}
	return w, nil
}

// Add appends the selections of a cell; it is sim.Options.Decisions.
func (w *DecisionsWriter) Add(policy, replication int, t *sim.Trace) error {
	for i := range t.Decisions {
		w.buffer = appendRecord(w.buffer, policy, replication, w.places, &t.Decisions[i])
		if len(w.buffer) >= writeAtOnce {
			if err := w.send(); err != nil {
				return err
			}
		}
	}
	w.records += uint64(len(t.Decisions))
	return nil
}

// send writes what is in the buffer.
func (w *DecisionsWriter) send() error {
	w.sum = crc32.Update(w.sum, castagnoli, w.buffer)
	_, err := w.staged.file.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return w.staged.wrap(err)
}

// Finish writes the end and flushes the file. It takes as long as the disk does.
func (w *DecisionsWriter) Finish() error {
	if w == nil {
		return nil
	}
	if err := w.send(); err != nil {
		return err
	}
	w.buffer = appendEnd(w.buffer, w.records, w.sum)
	if err := w.send(); err != nil {
		return err
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
