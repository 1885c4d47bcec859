package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
)

// The README shows what the run of the reference outputs prints.
func TestReadmeShowsTheReferenceRun(t *testing.T) {
	data, err := os.ReadFile("../../results/reference/internet-relays/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	summary, err := results.ReadSummary(data)
	if err != nil {
		t.Fatal(err)
	}
	var screen bytes.Buffer
	if err := report.Terminal(&screen, summary, report.Options{}); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```text\n"+screen.String()+"```\n") {
		t.Errorf("README.md does not show this screen:\n%s", screen.String())
	}
}

// A shipped scenario stands in the README with its question, and its reference
// outputs are compared by CI.
func TestEachShippedScenarioIsListed(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	readme := read("README.md")
	_, rest, _ := strings.Cut(read("Makefile"), "\nSHIPPED := ")
	line, _, _ := strings.Cut(rest, "\n")
	made := strings.Fields(line)
	for _, name := range scenarios.Names() {
		if row := "| [" + name + "](scenarios/" + name + ".toml) | " + scenarios.Title(name) + " |"; !strings.Contains(readme, row) {
			t.Errorf("README.md has no row %q", row)
		}
		if !slices.Contains(made, name) {
			t.Errorf("SHIPPED of the Makefile is %q, without %s", made, name)
		}
		read("results/reference/" + name + "/summary.json")
	}
}
