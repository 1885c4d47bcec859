//go:build kernel

package lab

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

// load reads a shipped scenario.
func load(t *testing.T, name string) *scenarios.Scenario {
	s, err := scenarios.Load(name, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// maxNodes bounds the labs of the suite.
const maxNodes = 300

// The shipped scenarios that fit have the same fates and choices in the kernel
// under all of their policies.
func TestShippedScenarios(t *testing.T) {
	var compared atomic.Int64
	var all sync.WaitGroup
	atOnce := make(chan struct{}, *atOnceFlag)
	for _, name := range scenarios.Names() {
		s := load(t, name)
		for i, policy := range s.Plan().Policies {
			atOnce <- struct{}{}
			all.Go(func() {
				compared.Add(compareShipped(t, s, i, name+", policy "+policy.Name))
				<-atOnce
			})
		}
	}
	all.Wait()
	if compared.Load() == 0 {
		t.Error("no shipped scenario fits")
	}
}

func compareShipped(t *testing.T, s *scenarios.Scenario, policy int, name string) int64 {
	scene, err := NewScene(s, policy, roundTimeouts[1])
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		t.Logf("%s does not fit: %v", name, err)
		return 0
	case err != nil:
		t.Errorf("%s: %v", name, err)
		return 0
	case len(scene.Plan.Nodes) > maxNodes:
		t.Logf("%s does not fit: %d namespaces", name, len(scene.Plan.Nodes))
		return 0
	}
	r, err := Measure(interrupted, scene, 24)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	t.Logf("%s: %d namespaces, %d fates, %d choices, %.1f s", name, r.Nodes, r.Fates(), len(r.Choices), r.Seconds)
	if r.Differs() > 0 {
		t.Errorf("%s: %d fates or choices differ", name, r.Differs())
		for _, c := range r.Choices {
			if !c.Same {
				t.Errorf("%s:\n  kernel %v\n  model  %v", c.Client, c.Kernel, c.Model)
			}
		}
	}
	return 1
}

// A client on the internet chooses in the lab what explain says that it does.
func TestChoosesWhatExplainSays(t *testing.T) {
	// Its policies, and one with all of ICMP, which the shipped file has not.
	s := load(t, "testdata/all-icmp.toml")
	group := -1
	for i := range s.Plan().Groups {
		if s.Plan().Groups[i].ID == "remote" {
			group = i
		}
	}
	for _, name := range []string{"tcp-only", "echo", "echo-and-expired", "all-icmp"} {
		policy, err := scenarios.FindPolicy(s.Plan(), name)
		if err != nil {
			t.Fatal(err)
		}
		story, err := sim.Explain(interrupted, s.Plan(), sim.Question{Policy: policy, Group: group})
		if err != nil {
			t.Fatal(err)
		}
		scene, err := NewSceneFor(s, policy, group, 0, s.Plan().Groups[group].Home, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		scene.Choosers[0].Start = story.Started
		r, err := Measure(interrupted, scene, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, want := r.Choices[0].Kernel, story.Outcome
		if got.Chosen != want.Parent || !r.Choices[0].Same {
			t.Errorf("policy %s: in the lab %v, explain says %+v", name, got, want)
		}
		t.Logf("policy %s: %v; explain says %q by %s, distance %d to %d", name, got, want.Parent, want.By, want.DistanceMin, want.DistanceMax)
	}
}
