package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

//go:embed ref_simpy.py
var refSimPy string

// peers compares with other simulators, of those that are installed. ns-3 needs a
// program of its own; docs/performance.md has figures of it.
func (b *bench) peers() error {
	if err := exec.CommandContext(b.ctx, python(), "-c", "import simpy; simpy.Environment").Run(); err != nil {
		fmt.Fprintf(b.out, "%s has no SimPy 3 or later: apt-get install python3-simpy3, or pip install simpy; PYTHON names another Python. Nothing was compared.\n", python())
		return nil
	}
	return b.rows(peerRows())
}

// python is the interpreter that the environment names, or the usual one.
func python() string { return cmp.Or(os.Getenv("PYTHON"), "python3") }

// simpy does the reference job in SimPy.
func (j *job) simpy(ctx context.Context) (*outcome, error) {
	if j.Ref == nil {
		return nil, errors.New("SimPy has the reference job only")
	}
	relays := make([]string, 0, 50)
	for _, r := range refRelays() {
		relays = append(relays, fmt.Sprintf("%d:%d", r.Router, r.Weight))
	}
	return told(exec.CommandContext(ctx, python(), "-c", refSimPy, strconv.Itoa(j.Ref.Clients), strings.Join(relays, ",")))
}
