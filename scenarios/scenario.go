package scenarios

import (
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// Options change what a file says. The zero value changes nothing.
type Options struct {
	// Seed replaces the file's, if not nil.
	Seed *uint64
	// Replications replaces the file's, if not 0.
	Replications int
	// Policies are the names of those to keep; nil keeps all.
	Policies []string
}

// Scenario is a scenario that has been read, resolved and checked. It is
// immutable.
type Scenario struct {
	plan  *sim.Plan
	specs []*topology.Spec
	root  *node // resolved
}

// Plan is what to run.
func (s *Scenario) Plan() *sim.Plan { return s.plan }

// Spec is the uncompiled network of the policy with that index in the plan.
func (s *Scenario) Spec(policy int) *topology.Spec { return s.specs[policy] }

// Load reads a shipped scenario by name, or a file. The error is an ErrorList.
func Load(nameOrPath string, o Options) (*Scenario, error) {
	if slices.Contains(Names(), nameOrPath) {
		return Parse(shipped, nameOrPath+".toml", o)
	}
	if filepath.Ext(nameOrPath) == "" {
		if _, err := fs.Stat(disk{}, filepath.ToSlash(nameOrPath)); err != nil {
			return nil, ErrorList{{File: nameOrPath, Subject: "scenario", Problem: "is neither a shipped scenario nor a file" + hint(nameOrPath, Names())}}
		}
	}
	return Parse(disk{}, filepath.ToSlash(nameOrPath), o)
}

// Parse reads a scenario from a file system. The error is an ErrorList.
func Parse(fsys fs.FS, name string, o Options) (*Scenario, error) {
	f := &faults{}
	src := newSource(fsys)
	root, ok := parse(src, name, f)
	if !ok {
		return nil, f.err()
	}
	resolve(src, root, f)
	b := bind(root, baseName(name), f)
	check(b)
	b.options(name, o)
	if err := f.err(); err != nil {
		return nil, err
	}
	s := &Scenario{plan: b.plan, root: root}
	b.plan.Hash, b.plan.Warnings = src.hash(), f.printed()
	relate(b.policies)
	for _, p := range b.policies {
		p.Spec = p.spec
		b.plan.Policies = append(b.plan.Policies, p.PolicyPlan)
		s.specs = append(s.specs, p.spec)
	}
	for _, w := range append(b.plan.CourseWarnings(), b.plan.UpstreamWarnings()...) {
		b.plan.Warnings = append(b.plan.Warnings, name+": "+w)
	}
	return s, nil
}

// options applies what the caller changes.
func (b *binder) options(file string, o Options) {
	if o.Seed != nil {
		b.plan.Seed = *o.Seed
		b.root.set("seed", newWhole(b.root.at, int64(min(*o.Seed, math.MaxInt64))))
		if *o.Seed > math.MaxInt64 { // a file could not say it
			b.add(spot{file: file}, "seed", "%d is outside [0, %d]", *o.Seed, int64(math.MaxInt64))
		}
	}
	if o.Replications != 0 {
		b.plan.Replications = o.Replications
		b.root.set("replications", newWhole(b.root.at, int64(o.Replications)))
		if most, _ := strconv.Atoi(topKeys.find("replications").hi); o.Replications < 1 || o.Replications > most {
			b.add(spot{file: file}, "replications", "%d is outside [1, %d]", o.Replications, most)
		}
	}
	if o.Policies == nil {
		return
	}
	var names, kept []string
	for _, p := range b.policies {
		names = append(names, p.Name)
	}
	for _, want := range o.Policies {
		if !slices.Contains(names, want) {
			b.add(spot{file: file}, "policy "+want, "is not defined%s", hint(want, names))
		}
	}
	number := make([]int, len(names)) // old index to new, or -1
	for i, name := range names {
		number[i] = -1
		if slices.Contains(o.Policies, name) {
			number[i] = len(kept)
			kept = append(kept, name)
		}
	}
	b.keep(number)
}

// keep leaves out the policies whose new number is -1, with everything that
// speaks of them.
func (b *binder) keep(number []int) {
	at := -1
	b.policies = slices.DeleteFunc(b.policies, func(*policy) bool { at++; return number[at] < 0 })
	p := b.plan
	p.Pairs = slices.DeleteFunc(p.Pairs, func(x [2]int) bool { return number[x[0]] < 0 || number[x[1]] < 0 })
	for i := range p.Pairs {
		p.Pairs[i] = [2]int{number[p.Pairs[i][0]], number[p.Pairs[i][1]]}
	}
	p.Expectations = slices.DeleteFunc(p.Expectations, func(e sim.Expectation) bool {
		return number[e.Policy] < 0 || e.Other >= 0 && number[e.Other] < 0
	})
	for i := range p.Expectations {
		e := &p.Expectations[i]
		e.Policy = number[e.Policy]
		if e.Other >= 0 {
			e.Other = number[e.Other]
		}
	}
}
