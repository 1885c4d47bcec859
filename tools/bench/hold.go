package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The hold model belongs to package sim, whose queue nobody else can reach:
// BenchmarkHold there compares it with a binary heap by value and with
// container/heap in turns.

// holdSet is a selection of its benchmarks.
type holdSet struct {
	pattern, time string
	short         bool // leaves out what takes gigabytes
}

// Each set has patterns of its own because the largest need no second turn.
var (
	allHolds = []holdSet{
		{"Hold/.*/^1e[3-5]$", "500ms", true},
		{"Hold/^(exp|bimodal)$/^1e6$", "5x", true},
		{"Hold/^relay$/^1e6$", "3x", false},
		{"Hold/^relay$/^1e7$", "2x", false},
	}
	shortHolds = []holdSet{{"Hold/^relay$/^1e[356]$", "500ms", true}}
	gateHolds  = []holdSet{{"Hold/^relay$/^1e5$", "1s", true}}
)

// hold is what one benchmark of the hold model gave, by unit: "wheel-ns/hold",
// "heap/wheel", "boxed/wheel-min".
type hold struct {
	Name   string             `json:"name"`
	Values map[string]float64 `json:"values"`
}

// holds measures and prints the hold model.
func (b *bench) holds(sets []holdSet) error {
	if !b.match.MatchString("hold") {
		return nil
	}
	work, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	tests := filepath.Join(work, "sim.test")
	build := exec.CommandContext(b.ctx, goTool(), "test", "-c", "-o", tests, "./sim")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the benchmarks of sim: %w\n%s", err, out)
	}
	fmt.Fprintln(b.log, "bench: measuring the hold model")
	fmt.Fprint(b.out, "| hold | wheel, ns | heap by value over it, least to greatest | container/heap over it |\n| --- | --- | --- | --- |\n")
	for _, s := range sets {
		args := []string{"-test.run", "^$", "-test.bench", s.pattern, "-test.benchtime", s.time, "-test.cpu", "1"}
		if s.short {
			args = append(args, "-test.short")
		}
		out, err := exec.CommandContext(b.ctx, tests, args...).Output()
		if err != nil {
			return fmt.Errorf("hold model: %w", err)
		}
		found := readHolds(out)
		if len(found) == 0 {
			return fmt.Errorf("hold model: no benchmark matches %s", s.pattern)
		}
		for _, h := range found {
			h.write(b.out)
		}
		b.Hold = append(b.Hold, found...)
	}
	fmt.Fprintln(b.out)
	return nil
}

// goTool is the go command that the Makefile uses.
func goTool() string {
	if name := os.Getenv("GO"); name != "" {
		return name
	}
	return "go"
}

// readHolds reads the lines "BenchmarkHold/relay/1e5 10 12.3 unit 4.5 unit".
func readHolds(out []byte) []hold {
	var found []hold
	for line := range bytes.Lines(out) {
		words := strings.Fields(string(line))
		if len(words) < 4 || !strings.HasPrefix(words[0], "BenchmarkHold/") {
			continue
		}
		h := hold{strings.TrimPrefix(words[0], "BenchmarkHold/"), map[string]float64{}}
		for i := 2; i+1 < len(words); i += 2 {
			if x, err := strconv.ParseFloat(words[i], 64); err == nil {
				h.Values[words[i+1]] = x
			}
		}
		found = append(found, h)
	}
	return found
}

func (h *hold) write(w io.Writer) {
	over := func(name string) string {
		if h.Values[name] == 0 {
			return "not run"
		}
		return fmt.Sprintf("%s (%s to %s)", figure(h.Values[name]), figure(h.Values[name+"-min"]), figure(h.Values[name+"-max"]))
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s |\n", h.Name, figure(h.Values["wheel-ns/hold"]), over("heap/wheel"), over("boxed/wheel"))
}
