package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Modes of --progress.
const (
	progressAuto  = "auto"
	progressBar   = "bar"
	progressPlain = "plain"
	progressNone  = "none"
)

// lineEvery is the least time between two plain progress lines.
const lineEvery = 10 * time.Second

// progress tells how far a run is. Its methods are safe for concurrent use.
type progress interface {
	// update says that so many of the run's cells are done, the fractions of
	// those in work included.
	update(done float64, total int)
	// close leaves stderr ready for the next line.
	close()
}

// newProgress returns the progress of a run of so many cells in the given
// mode. The bar never writes into a file or a CI log by itself: it does not
// look where it writes, and every frame would be kept.
func newProgress(mode string, stderr io.Writer, cells int) progress {
	if mode == progressAuto {
		mode = progressPlain
		if isTerminal(stderr) && os.Getenv("CI") == "" {
			mode = progressBar
		}
	}
	switch mode {
	case progressBar:
		return newBar(stderr, cells)
	case progressPlain:
		return newLines(stderr, cells)
	}
	return silence{}
}

// isTerminal tells whether what is written to w is seen at once.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

type silence struct{}

func (silence) update(float64, int) {}
func (silence) close()              {}

// lines prints a line at the start and then at most every lineEvery.
type lines struct {
	w     io.Writer
	begun time.Time

	mu   sync.Mutex
	last time.Time
	most float64
}

func newLines(w io.Writer, cells int) *lines {
	fmt.Fprintf(w, "relaysim: running %d cells (policies × replications)\n", cells)
	now := time.Now()
	return &lines{w: w, begun: now, last: now}
}

func (l *lines) update(done float64, total int) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if done <= l.most || now.Sub(l.last) < lineEvery {
		return
	}
	l.last, l.most = now, done
	fmt.Fprintf(l.w, "relaysim: %.4g of %d cells after %s\n", done, total, now.Sub(l.begun).Round(time.Second))
}

func (l *lines) close() {}

// bar is drawn in place.
type bar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func newBar(w io.Writer, cells int) *bar {
	return &bar{bar: progressbar.NewOptions(100*cells,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(fmt.Sprintf("%d cells", cells)),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)}
}

// update drops the bar's errors: a terminal that is gone must not end a run.
func (b *bar) update(done float64, _ int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := int(100 * done); n > int(b.bar.State().CurrentNum) {
		_ = b.bar.Set(n)
	}
}

func (b *bar) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.bar.Clear()
}
