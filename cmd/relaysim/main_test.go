package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"relaysim": main})
}

var update = flag.Bool("update", false, "rewrite the outputs in testdata/script that are compared")

// TestScripts runs the archives of testdata/script: what the command prints
// and how it ends. Each finds tiny.toml in its folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			data, err := os.ReadFile("testdata/tiny.toml")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "tiny.toml"), data, 0o666)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"fill":  fill,
			"edit":  edit,
		},
	})
}

// exits CODE COMMAND ARG... runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	if stderr := ts.ReadFile("stderr"); strings.Contains(stderr, "panic:") || strings.Contains(stderr, "goroutine ") {
		ts.Fatalf("%s panicked", strings.Join(args[1:], " "))
	}
}

// fill FILE BYTES TEXT writes a file of at least so many bytes that repeats a
// text, written as in a Go string, as lines.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	line, err := strconv.Unquote(`"` + args[2] + `\n"`)
	ts.Check(err)
	data := bytes.Repeat([]byte(line), size/len(line)+1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// edit FILE OLD NEW replaces the only occurrence of a text in a file.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[1]); n != 1 {
		ts.Fatalf("%s has %q %d times, want once", args[0], args[1], n)
	}
	text = strings.Replace(text, args[1], args[2], 1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

// ended is what one call of run left.
type ended struct {
	code           int
	stdout, stderr string
}

// call runs the command within the test.
func call(args ...string) ended {
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(""), &stdout, &stderr)
	return ended{code, stdout.String(), stderr.String()}
}

// TestHelpFitsOnAScreen holds every help text to 40 lines of 132 columns.
func TestHelpFitsOnAScreen(t *testing.T) {
	for _, command := range []string{"", "run", "explain", "decisions", "trace", "new", "check", "show", "list", "version", "completion"} {
		args := append(strings.Fields(command), "--help")
		got := call(args...)
		if got.code != exitDone || got.stdout == "" {
			t.Errorf("relaysim %s ended with %d and printed %q", strings.Join(args, " "), got.code, got.stdout)
		}
		lines := strings.Split(strings.TrimRight(got.stdout, "\n"), "\n")
		if len(lines) > 40 {
			t.Errorf("relaysim %s prints %d lines, want 40 or less", strings.Join(args, " "), len(lines))
		}
		for _, line := range lines {
			if len(line) > 132 {
				t.Errorf("relaysim %s prints a line of %d columns, want 132 or less: %s", strings.Join(args, " "), len(line), line)
			}
		}
	}
}

// shut is a writer that takes nothing, as a full disk or a closed pipe.
type shut struct{}

func (shut) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestUnwritableStdoutIsAFailure: a result that nobody got is no success.
func TestUnwritableStdoutIsAFailure(t *testing.T) {
	for _, args := range [][]string{
		{"list"},
		{"new", "-o", t.TempDir()},
		{"version"},
		{"check", "testdata/tiny.toml"},
		{"show", "testdata/tiny.toml"},
		{"show", "testdata/tiny.toml", "--network"},
		{"explain", "testdata/tiny.toml", "--client", "remote"},
		{"trace", "testdata/tiny.toml", "--from", "remote", "--to", "dmz-1"},
		{"run", "testdata/tiny.toml", "--progress", "none", "-o", filepath.Join(t.TempDir(), "out")},
	} {
		var stderr bytes.Buffer
		if code := run(args, strings.NewReader(""), shut{}, &stderr); code != exitBroken {
			t.Errorf("relaysim %s into a closed pipe ended with %d, want %d; stderr: %s", strings.Join(args, " "), code, exitBroken, &stderr)
		}
	}
}
