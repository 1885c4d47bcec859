// Command bench measures how fast relaysim is, and what that is worth: each
// measure beside a baseline that takes turns with it. docs/performance.md says
// how to read what it prints.
//
//	bench [-set all|short|gate|peers|instr] [-only REGEXP] [-o FILE]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	set := flags.String("set", "all", "`rows` to measure: all, short, gate, peers or instr")
	only := flags.String("only", "", "measure only rows whose name matches this `regexp`")
	output := flags.String("o", "results/bench.json", "`file` for all values")
	one := flags.String(jobFlag[1:], "", "carry out one `job`, given as JSON, and print its outcome")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *one != "" {
		return carryOut(*one, stdout)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := bench{ctx: ctx, match: match, out: stdout, log: stderr}
	fmt.Fprintf(stdout, "%s/%s, %s, %d CPUs; times are CPU time unless they say wall.\n\n", runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU())
	switch *set {
	case "gate":
		err = b.gate()
	case "peers":
		err = b.peers()
	case "instr":
		err = b.instr()
	case "short":
		err = errors.Join(b.holds(shortHolds), b.rows(shortRows()))
	case "all":
		err = errors.Join(b.holds(allHolds), b.rows(allRows()))
		fmt.Fprintln(stdout, "\ntruth, the model against the Linux kernel: make test-kernel (as root)")
	default:
		return fmt.Errorf("set %q is not known (all, short, gate, peers or instr)", *set)
	}
	return errors.Join(err, b.save(*output))
}

// carryOut does one job.
func carryOut(text string, stdout io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	o, err := j.carryOut()
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(o)
}

// bench is a run of the suite.
type bench struct {
	ctx   context.Context
	match *regexp.Regexp
	out   io.Writer
	log   io.Writer // which row is being measured

	Hold   []hold    `json:"hold"`
	Series []*series `json:"series"`
	Gates  []verdict `json:"gates,omitempty"`
}

// rows measures rows and prints each when it is done. A row that fails does not
// keep the others from being measured.
func (b *bench) rows(rows []row) error {
	var errs []error
	fmt.Fprint(b.out, tableHead)
	for i := range rows {
		if !b.match.MatchString(rows[i].name) || b.ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(b.log, "bench: measuring %s\n", rows[i].name)
		s, err := rows[i].measure(b.ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.Series = append(b.Series, s)
		s.write(b.out)
	}
	return errors.Join(append(errs, b.ctx.Err())...)
}

// save writes all values.
func (b *bench) save(path string) error {
	data, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o666)
}
