package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/results"
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
