//go:build kernel

package lab

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/relaysim/relaysim/topology"
)

var (
	seedFlag     = flag.Uint64("lab.seed", 1, "seed of the first random network")
	networksFlag = flag.Int("lab.networks", 500, "number of random networks")
	atOnceFlag   = flag.Int("lab.atonce", 8, "number of labs at a time")
	leastFlag    = flag.Int("lab.least", 30, "least number of occurrences of each kind of rule with each end; 0 asserts nothing")
	showFlag     = flag.Bool("lab.show", false, "show the random network of -lab.seed with what its rules counted, and run no test")
	firstFlag    = flag.Bool("lab.first", false, "compare fates alone, and stop at the first network that differs")
)

// What the whole suite has to compare.
const (
	leastNetworks = 500
	leastFates    = 10000
)

// maxTTL of probes in the suite.
const maxTTL = 16

// interrupted ends with Ctrl-C.
var interrupted context.Context

func TestMain(m *testing.M) {
	flag.Parse()
	var stop context.CancelFunc
	interrupted, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(crashEnv) != "" {
		crash()
	}
	if err := Allowed(); err != nil {
		fmt.Fprintln(os.Stderr, err) // and no skip: a suite that did not run has not passed
		os.Exit(1)
	}
	if gone, err := Clean(); err != nil || len(gone) > 0 {
		fmt.Printf("cleaned up after a run that did not end: %d namespaces, %v\n", len(gone), err)
	}
	if *showFlag {
		if err := showNetwork(*seedFlag); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fates builds the lab of a design, compares its fates with the model's and
// takes it away.
func fates(d *Design, p *Plan) (rows []Row, err error) {
	r, err := measure(d, p, nil)
	return r.rows, err
}

// measured is what came of one network.
type measured struct {
	seed   uint64
	design *Design
	nodes  int
	rows   []Row
	chosen
}

// measure is fates and what more there is to do in a lab.
func measure(d *Design, p *Plan, more func(*Lab) (chosen, error)) (r measured, err error) {
	r.design, r.nodes = d, len(p.Nodes)
	m, err := NewModel(d)
	if err != nil {
		return r, err
	}
	l, err := Up(interrupted, p)
	if err != nil {
		return r, err
	}
	r.rows, err = Compare(interrupted, l, m, p.Probes(maxTTL, topology.EchoRequest, topology.TCP, topology.UDP))
	if err == nil && more != nil {
		r.chosen, err = more(l)
	}
	if down := l.Down(); err == nil {
		err = down
	}
	return r, err
}

// tally adds networks up.
type tally struct {
	mu                                         sync.Mutex
	networks, nodes, fates, again, same, later int
	used                                       map[string]int
	seen                                       coverage
	hairpins, back                             int     // fates of packets from inside to public addresses, and replies
	worst                                      *Design // the first that differs
}

func (a *tally) add(t *testing.T, r *measured) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.networks++
	a.nodes += r.nodes
	a.fates += len(r.rows)
	a.same += r.same
	a.later += r.later
	for i := range r.rows {
		if row := &r.rows[i]; row.Asked > 1 {
			a.again++
			t.Logf("network %d: asked %d times: %v at first, then %v: %v from client %d to host %d, TTL %d", r.seed, row.Asked, row.First, row.Kernel, row.Probe.Kind, row.Probe.Client, row.Probe.Host, row.Probe.TTL)
		}
		if !r.rows[i].Agrees() {
			a.used[excuse(r.design, &r.rows[i])]++
		}
		a.seen.count(r.design, &r.rows[i])
		if q := &r.rows[i].Probe; r.design.fromInside(r.design.Clients[q.Client].At.Network, q.To) {
			a.hairpins++
			if r.rows[i].Kernel.Outcome == Reply {
				a.back++
			}
		}
	}
	for _, w := range r.differ {
		t.Errorf("network %d: choice of %s", r.seed, w)
	}
	if wrong := unexcused(r.design, r.rows); len(wrong) > 0 {
		t.Errorf("network %d: %d of %d fates differ:\n%s", r.seed, len(wrong), len(r.rows), show(r.design, wrong))
		if a.worst == nil {
			a.worst = r.design
		}
	}
}

// differs tells whether a network has been found that differs.
func (a *tally) differs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.worst != nil
}

// Random networks have the same fates and the same choices in the kernel as in
// the model.
func TestRandomNetworks(t *testing.T) {
	a := measureMany(t, *networksFlag, randomDesign)
	if *firstFlag {
		return
	}
	a.shrink(t)
	if *leastFlag > 0 {
		checkExtent(t, a)
		checkKnown(t, a.used, a.fates)
		a.seen.check(t, *leastFlag)
	}
}

// The same of networks whose clients ask for public addresses from inside,
// which half of the translators or more let them (RFC 4787 REQ-9).
func TestHairpinNetworks(t *testing.T) {
	a := measureMany(t, *networksFlag/5, hairpinDesign)
	if *firstFlag {
		return
	}
	a.shrink(t)
	t.Logf("from inside to a public address: %d fates, %d replies", a.hairpins, a.back)
	if *leastFlag > 0 && (a.hairpins < 5000 || a.back < 500) {
		t.Errorf("%d fates of packets from inside to a public address, %d replies, want at least 5000 and 500", a.hairpins, a.back)
	}
}

// measureMany compares random networks, some at a time.
func measureMany(t *testing.T, networks int, design func(uint64) (*Design, *Plan)) *tally {
	began := time.Now()
	a := &tally{used: map[string]int{}, seen: coverage{}}
	seeds := make(chan uint64)
	var all sync.WaitGroup
	for range *atOnceFlag {
		all.Go(func() {
			for seed := range seeds {
				measureRandom(t, a, seed, design)
			}
		})
	}
	for i := range networks {
		if interrupted.Err() != nil || *firstFlag && a.differs() {
			break
		}
		seeds <- *seedFlag + uint64(i)
	}
	close(seeds)
	all.Wait()
	t.Logf("seeds from %d: %d networks of %d namespaces, %d fates (%d asked again), %d choices (%d asked again), %.0f s",
		*seedFlag, a.networks, a.nodes, a.fates, a.again, a.same, a.later, time.Since(began).Seconds())
	return a
}

// shrink shows the smallest network like the first that differs.
func (a *tally) shrink(t *testing.T) {
	if a.worst != nil {
		small, wrong := shrunk(a.worst, time.Minute)
		t.Errorf("the smallest network that shows a mismatch:\n%s%s", describe(small), show(small, wrong))
	}
}

func checkExtent(t *testing.T, a *tally) {
	if a.networks < leastNetworks || a.fates < leastFates || a.same == 0 {
		t.Errorf("%d networks, %d fates and %d choices compared, want at least %d, %d and 1", a.networks, a.fates, a.same, leastNetworks, leastFates)
	}
}

func measureRandom(t *testing.T, a *tally, seed uint64, design func(uint64) (*Design, *Plan)) {
	d, p := design(seed)
	more := func(l *Lab) (chosen, error) { return chooseBoth(seed, d, l) }
	if *firstFlag {
		more = nil
	}
	r, err := measure(d, p, more)
	if r.seed = seed; err != nil {
		t.Errorf("network %d: %v", seed, err)
		return
	}
	a.add(t, &r)
}

// show prints rows for a reader.
func show(d *Design, rows []Row) string {
	var out strings.Builder
	for i, r := range rows {
		if i == 3 {
			fmt.Fprintf(&out, "  and %d more\n", len(rows)-i)
			break
		}
		fmt.Fprintf(&out, "  %s to %s (%v), %v, TTL %d: kernel %v, model %v\n", d.Clients[r.Probe.Client].Name, d.Spec.Hosts[r.Probe.Host].Name,
			r.Probe.To, r.Probe.Kind, r.Probe.TTL, r.Kernel, r.Model.Fate)
		for _, h := range r.Model.There {
			fmt.Fprintf(&out, "    there: %s %s [%s] %s\n", h.Name, h.Note, h.Rule, h.Translated)
		}
		for _, h := range r.Model.Back {
			fmt.Fprintf(&out, "    back:  %s %s [%s] %s\n", h.Name, h.Note, h.Rule, h.Translated)
		}
	}
	return out.String()
}
