package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/relaysim/relaysim/scenarios"
)

// Exit codes. They are part of the command's contract (README, "Exit codes").
const (
	exitDone        = 0   // done, and every goal and finding holds
	exitFails       = 1   // a goal or finding does not hold
	exitUsage       = 2   // bad usage or invalid scenario
	exitBroken      = 3   // the run itself failed
	exitUndecided   = 4   // an interval straddles its bound
	exitInterrupted = 130 // as a shell reports a program ended by Ctrl-C
)

// exitError is an error that knows its exit code. Commands return no other;
// what cobra finds wrong with the command line has no code and is bad usage.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// broken marks err as a failure of the run itself.
func broken(err error) error { return &exitError{exitBroken, err} }

// exitCode prints err, if any, and returns the code to end with.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	var list scenarios.ErrorList
	if errors.As(err, &list) {
		// One line each that begins with file:line:col, for editors to follow.
		fmt.Fprintln(stderr, strings.TrimRight(err.Error(), "\n"))
	} else {
		fmt.Fprintln(stderr, "relaysim:", strings.TrimSpace(err.Error()))
	}
	var known *exitError
	if errors.As(err, &known) {
		return known.code
	}
	return exitUsage
}
