package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLinesAreSparse: a line at the start, then at most one in 10 s, and none
// that goes back.
func TestLinesAreSparse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		p := newProgress(progressPlain, &stderr, 100)
		for done := range 100 {
			time.Sleep(time.Second)
			p.update(float64(done+1), 100)
			p.update(float64(done), 100)
		}
		p.close()
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if len(lines) != 11 {
			t.Errorf("100 s printed %d lines, want 11:\n%s", len(lines), &stderr)
		}
		if want := "relaysim: 10 of 100 cells after 10s"; lines[1] != want {
			t.Errorf("second line is %q, want %q", lines[1], want)
		}
	})
}

// TestAutoDrawsNoBarIntoAFile: what is not a terminal gets plain lines.
func TestAutoDrawsNoBarIntoAFile(t *testing.T) {
	var stderr bytes.Buffer
	p := newProgress(progressAuto, &stderr, 3)
	for done := range 3 {
		p.update(float64(done+1), 3)
	}
	p.close()
	if got := stderr.String(); strings.ContainsAny(got, "\r\x1b") || strings.Count(got, "\n") != 1 {
		t.Errorf("auto progress into a buffer wrote %q, want one plain line", got)
	}
}

func TestBarIsDrawnAndCleared(t *testing.T) {
	var stderr bytes.Buffer
	p := newProgress(progressBar, &stderr, 4)
	p.update(2, 4)
	p.update(1, 4)
	p.close()
	got := stderr.String()
	if !strings.Contains(got, "4 cells") || !strings.Contains(got, "0%") {
		t.Errorf("the bar wrote %q, want it to begin with 0%% of 4 cells", got)
	}
	if last := got[strings.LastIndex(strings.TrimRight(got, "\r"), "\r")+1:]; strings.TrimSpace(last) != "" {
		t.Errorf("the bar left %q on its line", last)
	}
}

func TestNoProgress(t *testing.T) {
	var stderr bytes.Buffer
	p := newProgress(progressNone, &stderr, 4)
	p.update(4, 4)
	p.close()
	if stderr.Len() > 0 {
		t.Errorf("--progress none wrote %q", &stderr)
	}
}
