package results

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/relaysim/relaysim/sim"
)

// decisionRuns are the records of a cell that is not done: on disk, beside the
// file that they are for, in runs that are each in order of client and start.
type decisionRuns struct {
	mu   sync.Mutex
	file *os.File
	ends []int64 // of the runs, in the file
}

// add appends a run.
func (r *decisionRuns) add(policy, replication, places int, block []sim.Decision) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := int64(0)
	if n := len(r.ends); n > 0 {
		end = r.ends[n-1]
	}
	var buffer []byte
	for i := range block {
		buffer = appendRecord(buffer, policy, replication, places, &block[i])
		if len(buffer) >= writeAtOnce || i == len(block)-1 {
			if _, err := r.file.Write(buffer); err != nil {
				return err
			}
			end += int64(len(buffer))
			buffer = buffer[:0]
		}
	}
	r.ends = append(r.ends, end)
	return nil
}

// drop throws the records away.
func (r *decisionRuns) drop() error {
	return errors.Join(r.file.Close(), os.Remove(r.file.Name()))
}

// A merge reads all runs side by side: of each readAtLeast bytes at a time, more
// where there are few.
const (
	readTogether = 4 << 20
	readAtLeast  = 4096 / DecisionBytes * DecisionBytes
)

// merge calls to with each record, in order of client and start. The record is
// good during the call.
func (r *decisionRuns) merge(to func(record []byte) error) error {
	if len(r.ends) == 0 {
		return nil
	}
	var runs merger
	size := max(readAtLeast, min(writeAtOnce, readTogether/len(r.ends))/DecisionBytes*DecisionBytes)
	from := int64(0)
	for _, end := range r.ends {
		x := mergedRun{in: r.file, at: from, end: end, buffer: make([]byte, min(int64(size), end-from))}
		from = end
		if ok, err := x.advance(); err != nil {
			return err
		} else if ok {
			runs = append(runs, x)
		}
	}
	heap.Init(&runs)
	for len(runs) > 0 {
		if err := to(runs[0].record); err != nil {
			return err
		}
		if ok, err := runs[0].advance(); err != nil {
			return err
		} else if ok {
			heap.Fix(&runs, 0)
		} else {
			heap.Pop(&runs)
		}
	}
	return nil
}

// merger is a heap of runs by their next records.
type merger []mergedRun

func (m merger) Len() int      { return len(m) }
func (m merger) Swap(i, k int) { m[i], m[k] = m[k], m[i] }

func (m merger) Less(i, k int) bool {
	x, y := &m[i], &m[k]
	return x.client < y.client || x.client == y.client && x.started < y.started
}

func (m *merger) Push(x any) { *m = append(*m, x.(mergedRun)) }

func (m *merger) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}

// mergedRun is a run of which the bytes from at to end are still to be read.
type mergedRun struct {
	in      io.ReaderAt
	client  uint32
	started int64
	record  []byte // the next
	left    []byte // read and to come after it
	at, end int64
	buffer  []byte
}

// advance turns to the run's next record; it is not ok at the end.
func (x *mergedRun) advance() (ok bool, err error) {
	if len(x.left) == 0 {
		if x.at == x.end {
			return false, nil
		}
		x.left = x.buffer[:min(int64(len(x.buffer)), x.end-x.at)]
		if _, err := x.in.ReadAt(x.left, x.at); err != nil {
			return false, err
		}
		x.at += int64(len(x.left))
	}
	x.record, x.left = x.left[:DecisionBytes], x.left[DecisionBytes:]
	x.client, x.started = binary.LittleEndian.Uint32(x.record), int64(binary.LittleEndian.Uint64(x.record[8:]))
	return true, nil
}
