package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/sim"
)

// What a job does with its decisions.
const (
	outFile = "file" // writes them, as run --decisions
	outText = "text" // writes them, and then reads and prints all of them as text
	outCSV  = "csv"  // likewise as a table
)

// decisions runs f with options under which the decisions of a plan are written,
// and then prints them as the job says.
func (j *job) decisions(plan *sim.Plan, options *sim.Options, f func() error) (err error) {
	if j.Out == "" {
		return f()
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "decisions")
	w, err := results.CreateDecisions(path, plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Drop()) }()
	options.Decisions = w
	if err := f(); err != nil {
		return err
	}
	if err := errors.Join(w.Finish(), w.Commit()); err != nil || j.Out == outFile {
		return err
	}
	return j.print(path)
}

// print renders a file of decisions to nowhere.
func (j *job) print(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in, err := results.NewDecisionsReader(file)
	if err != nil {
		return err
	}
	var out *report.Decisions
	switch j.Out {
	case outText:
		out = report.NewDecisionsText(io.Discard, &in.Head)
	case outCSV:
		if out, err = report.NewDecisionsCSV(io.Discard, &in.Head); err != nil {
			return err
		}
	default:
		return fmt.Errorf("decisions as %q are not known", j.Out)
	}
	for {
		var d results.Decision
		if err := in.Read(&d); err == io.EOF {
			return out.Flush()
		} else if err != nil {
			return err
		}
		if err := out.Write(&d); err != nil {
			return err
		}
	}
}
