package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// slope is a job whose cost a selection is the difference of two sizes: what a
// process does once, whatever its size, is not in it.
type slope struct {
	name       string
	small, big job
}

// slopes are those of `make bench-instr`.
func slopes() []slope {
	class := func(clients int) job {
		return job{Engine: "sim", Fleet: fleetJob{Shape: "L", Clients: clients, Sites: 64, Days: 1}}
	}
	packet := func(clients int) job {
		return job{Engine: "sim", Level: "packet", Ref: &refJob{Clients: clients, Replications: 1}}
	}
	return []slope{
		{"a fleet, class level", class(5_000), class(25_000)},
		{"the reference job, packet level", packet(80), packet(400)},
	}
}

// instr counts instructions, which neighbours do not change.
func (b *bench) instr() error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		fmt.Fprintln(b.out, "valgrind is not installed (apt-get install valgrind): no instructions were counted.")
		return nil
	}
	fmt.Fprint(b.out, tableHead)
	for _, s := range slopes() {
		if !b.match.MatchString("instr") {
			continue
		}
		fmt.Fprintf(b.log, "bench: counting instructions of %s\n", s.name)
		few, small, err := s.small.counted(b.ctx)
		if err != nil {
			return fmt.Errorf("instr, %s: %w", s.name, err)
		}
		many, big, err := s.big.counted(b.ctx)
		if err != nil {
			return fmt.Errorf("instr, %s: %w", s.name, err)
		}
		if big.Selections <= small.Selections {
			return fmt.Errorf("instr, %s: %d selections of the greater job, %d of the smaller", s.name, big.Selections, small.Selections)
		}
		of := &series{Row: "instr", Metric: "instructions/selection", Variants: []variantTimes{{
			Name: s.name, Job: s.big, Outcomes: []*outcome{big},
			Values: []float64{(many - few) / float64(big.Selections-small.Selections)},
		}}}
		b.Series = append(b.Series, of)
		of.write(b.out)
	}
	return nil
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// counted carries the job out under callgrind, on one core, without preemption
// and collections, whose moments differ from run to run.
func (j job) counted(ctx context.Context) (instructions float64, o *outcome, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	j.Bare = true
	what, err := json.Marshal(&j)
	if err != nil {
		return 0, nil, err
	}
	var told, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--callgrind-out-file="+filepath.Join(dir, "out"), self, jobFlag, string(what))
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1", "GOGC=off")
	cmd.Stdout, cmd.Stderr = &told, &said
	if err := cmd.Run(); err != nil {
		return 0, nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	o = &outcome{}
	if err := json.Unmarshal(told.Bytes(), o); err != nil {
		return 0, nil, fmt.Errorf("read the outcome: %w", err)
	}
	n := collected.FindSubmatch(said.Bytes())
	if n == nil {
		return 0, nil, errors.New("callgrind does not say how many instructions it collected")
	}
	instructions, err = strconv.ParseFloat(string(n[1]), 64)
	o.CPU, o.Peak, o.Mallocs = 0, 0, 0 // of valgrind's processor
	return instructions, o, err
}
