package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// series is what a row gave.
type series struct {
	Row      string         `json:"row"`
	Metric   string         `json:"metric"`
	Variants []variantTimes `json:"variants"`
	Ratios   []ratioTimes   `json:"ratios,omitempty"`
	// Slope is by repetition the CPU time, in ns, of a selection that the second
	// variant has beyond the first.
	Slope []float64 `json:"slope_ns,omitempty"`
}

type variantTimes struct {
	Name     string     `json:"name"`
	Job      job        `json:"job"`
	Values   []float64  `json:"values"`
	Outcomes []*outcome `json:"outcomes"`
}

// ratioTimes are the ratios of two variants, one for each repetition.
type ratioTimes struct {
	Over   [2]string `json:"over"`
	Values []float64 `json:"values"`
}

// measure carries a row out. The error is of the first job that failed, or of
// the row's check.
func (r *row) measure(ctx context.Context) (*series, error) {
	s := &series{Row: r.name, Metric: r.metric.name}
	for _, v := range r.variants {
		s.Variants = append(s.Variants, variantTimes{Name: v.name, Job: v.job})
	}
	for _, o := range r.over {
		s.Ratios = append(s.Ratios, ratioTimes{Over: [2]string{r.variants[o[0]].name, r.variants[o[1]].name}})
	}
	begun := time.Now()
	for rep := range r.reps {
		if rep > 0 && time.Since(begun)*time.Duration(rep+1)/time.Duration(rep) > r.limit {
			break
		}
		outcomes := make([]*outcome, len(r.variants))
		values := make([]float64, len(r.variants))
		for i := range r.variants {
			o, err := r.variants[i].job.apart(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", r.name, r.variants[i].name, err)
			}
			outcomes[i], values[i] = o, r.metric.of(o)
			v := &s.Variants[i]
			v.Outcomes, v.Values = append(v.Outcomes, o), append(v.Values, values[i])
		}
		for i, o := range r.over {
			s.Ratios[i].Values = append(s.Ratios[i].Values, values[o[0]]/values[o[1]])
		}
		if r.slope {
			few, many := outcomes[0], outcomes[1]
			s.Slope = append(s.Slope, 1e9*(many.CPU-few.CPU)/float64(many.Selections-few.Selections))
		}
		if r.check != nil {
			if err := r.check(outcomes); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	return s, nil
}

// jobFlag makes this program carry out one job and print its outcome.
const jobFlag = "-job"

// apart carries the job out in a process of its own.
func (j *job) apart(ctx context.Context) (*outcome, error) {
	if j.Engine == "simpy" {
		return j.simpy(ctx)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	what, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	return told(exec.CommandContext(ctx, self, jobFlag, string(what)))
}

// told runs a command that prints an outcome.
func told(cmd *exec.Cmd) (*outcome, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	o := &outcome{}
	if err := json.Unmarshal(stdout.Bytes(), o); err != nil {
		return nil, fmt.Errorf("read the outcome: %w", err)
	}
	return o, nil
}

// spread is the least, the middle and the greatest of some values.
type spread struct{ min, median, max float64 }

func spreadOf(x []float64) spread {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return spread{s[0], (s[(n-1)/2] + s[n/2]) / 2, s[n-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("%s / %s / %s", figure(s.min), figure(s.median), figure(s.max))
}

// figure writes three digits that count.
func figure(x float64) string {
	switch {
	case x >= 1000:
		return fmt.Sprintf("%.0f", x)
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
