//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestInterrupt ends a run that would take hours: it leaves no folder, or the
// one that was there, no file of decisions, and says so.
func TestInterrupt(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String()+"/new folder", func(t *testing.T) {
			parent := t.TempDir()
			interrupt(t, signal, filepath.Join(parent, "out"))
			if got := tree(t, parent); len(got) != 0 {
				t.Errorf("the interrupted run left %v", names(got))
			}
		})
	}
	t.Run("earlier results", func(t *testing.T) {
		parent := t.TempDir()
		folder := filepath.Join(parent, "out")
		if got := call("run", "testdata/tiny.toml", "--progress", "none", "--undecided", "pass", "-o", folder); got.code != exitDone {
			t.Fatalf("the run before ended with %d: %s", got.code, got.stderr)
		}
		before := tree(t, parent)
		interrupt(t, os.Interrupt, folder)
		sameTree(t, before, tree(t, parent))
	})
}

// interrupt starts a long run, sends the signal as soon as it is under way,
// and checks how it ends.
func interrupt(t *testing.T, signal os.Signal, folder string) {
	t.Helper()
	cmd := exec.Command("relaysim", "run", "testdata/tiny.toml",
		"--replications", "10000", "--progress", "plain", "-o", folder, "--decisions", folder+".bin")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(first, "running") {
		t.Errorf("the run began with %q, %v", first, err)
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // its error is the exit code, looked at next
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
		t.Errorf("after %v the run ended with %d, want %d; stderr: %s", signal, got, exitInterrupted, rest)
	}
	if want := "interrupted; " + folder + " is as it was"; !strings.Contains(string(rest), want) {
		t.Errorf("after %v the run said %q, want %q", signal, rest, want)
	}
}
