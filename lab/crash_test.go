//go:build kernel

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// crashEnv makes the test binary build a lab and be killed.
const crashEnv = "RELAYSIM_LAB_CRASH"

// small is a network of ten namespaces.
func small() *Design {
	s := &topology.Spec{
		Networks: []topology.NetworkSpec{{Name: "home", Access: []int{2}}, {Name: "dmz", InsideRouters: 1}},
		Boxes: []topology.BoxSpec{{
			Name: "edge", Kind: topology.Stateful, Otherwise: topology.Drop, RelatedErrors: true,
			Rules: []topology.Rule{{Name: "ping", Kinds: []topology.Kind{topology.EchoRequest}, To: topology.Match{Roles: topology.Relay}}},
		}},
		Legs:  []topology.LegSpec{{Name: "home-edge", Network: 0, Box: 0, Routers: 2}, {Name: "dmz-edge", Network: 1, Box: 0, Side: 1, Routers: 1}},
		Hosts: []topology.HostSpec{{Name: "dmz-1", Network: 1, Role: topology.Relay}},
	}
	return &Design{s, []Client{{"laptop", topology.Attachment{Network: 0}}}}
}

// crash builds a lab, says so, and waits to be killed.
func crash() {
	p, err := NewPlan(small())
	if err == nil {
		_, err = Up(context.Background(), p)
	}
	fmt.Println("up", err)
	time.Sleep(time.Hour)
}

// left counts the namespaces of a process.
func left(t *testing.T, pid int) (n int) {
	entries, err := os.ReadDir(namespaces)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), fmt.Sprintf("%s%d-", Prefix, pid)) {
			n++
		}
	}
	return n
}

// A lab of ten namespaces is up, measured and gone in under 5 s, and nothing of
// it is left.
func TestTenNamespacesInFiveSeconds(t *testing.T) {
	began := time.Now()
	d := small()
	p, err := NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := fates(d, p)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if len(rows) == 0 || len(Mismatches(rows)) > 0 {
		t.Errorf("%d of %d fates differ", len(Mismatches(rows)), len(rows))
	}
	if n := left(t, os.Getpid()); len(p.Nodes) < 9 || took > 5*time.Second || n > 0 {
		t.Errorf("%d namespaces and a switch took %v and left %d, want 10, 5 s and 0", len(p.Nodes), took, n)
	}
	t.Logf("%d namespaces, %d fates, %v", len(p.Nodes)+1, len(rows), took)
}

// After kill -9 the next run takes away what is left, and not what another run
// still uses.
func TestCleanAfterKill(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), crashEnv+"=1")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 64)
	n, _ := out.Read(said)
	if !strings.HasPrefix(string(said[:n]), "up <nil>") {
		t.Errorf("the process to be killed said %q", said[:n])
	}
	if _, err := Clean(); err != nil || left(t, c.Process.Pid) < 9 {
		t.Errorf("Clean, %v, left %d namespaces of a process that lives", err, left(t, c.Process.Pid))
	}
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait()
	if left(t, c.Process.Pid) < 9 {
		t.Error("a killed process took its lab away")
	}
	if gone, err := Clean(); err != nil || len(gone) < 9 || left(t, c.Process.Pid) > 0 {
		t.Errorf("Clean = %v, %v; %d left", gone, err, left(t, c.Process.Pid))
	}
}

// An interrupt while a lab is measured ends soon, also where everything is
// silent, and leaves nothing.
func TestInterruptWhileMeasuring(t *testing.T) {
	d := small()
	d.Spec.Boxes[0].Rules = nil
	d.Spec.Boxes[0].Silent = true
	p, err := NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Up(interrupted, p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(interrupted, 100*time.Millisecond)
	defer cancel()
	var probes []Probe
	for range 50 {
		probes = append(probes, p.Probes(maxTTL, topology.EchoRequest, topology.TCP, topology.UDP)...)
	}
	began := time.Now()
	_, err = Compare(ctx, l, m, probes)
	took := time.Since(began)
	if !errors.Is(err, context.DeadlineExceeded) || took > time.Second {
		t.Errorf("Compare = %v after %v, want it to end with its context", err, took)
	}
	if err := l.Down(); err != nil || left(t, os.Getpid()) > 0 {
		t.Errorf("Down = %v and left %d namespaces", err, left(t, os.Getpid()))
	}
}
