//go:build kernel

package lab

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

// refusing is a client behind a router, with a firewall of its own that rejects
// the router's errors.
func refusing() *Design {
	s := &topology.Spec{
		Networks: []topology.NetworkSpec{{Name: "home"}, {Name: "dmz"}},
		Boxes: []topology.BoxSpec{
			{Name: "wan", Kind: topology.Routed},
			{Name: "own", Kind: topology.Guard, Rules: []topology.Rule{{
				Name: "no errors", FromSides: networkSide, Kinds: []topology.Kind{topology.TimeExceeded}, Verdict: topology.Reject,
			}}},
		},
		Legs:  []topology.LegSpec{{Name: "home-wan", Network: 0, Box: 0, Routers: 1}, {Name: "dmz-wan", Network: 1, Box: 0, Side: 1}},
		Hosts: []topology.HostSpec{{Name: "dmz-1", Network: 1, Role: topology.Relay}},
	}
	return &Design{s, []Client{{"laptop", topology.Attachment{Network: 0, Guard: topology.GuardOf(1)}}}}
}

// No ICMP error is sent about an ICMP error (RFC 1122 section 3.2.2), neither by
// the kernel nor by the model. The client cannot see it; so the errors that its
// namespace sent are counted.
func TestNoErrorAboutAnError(t *testing.T) {
	d := refusing()
	p, err := NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Up(interrupted, p)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Down()
	fates, err := l.Probe(interrupted, []Probe{{0, 0, topology.EchoRequest, 1, p.Targets[0][0]}, {0, 0, topology.EchoRequest, 2, p.Targets[0][0]}}, laterQuiet)
	if err != nil || fates[0].Outcome != Silence || fates[1].Outcome != Reply {
		t.Fatalf("fates %v, %v; want silence and a reply", fates, err)
	}
	kernel := 0
	_ = l.Inside(0, func() (err error) {
		kernel, err = errorsSent()
		return err
	})
	if kernel != 0 {
		t.Errorf("the kernel sent %d errors about an error", kernel)
	}
	n, err := topology.Compile(d.Spec)
	if err != nil {
		t.Fatal(err)
	}
	st := n.NewState()
	q, _ := st.Request(d.Clients[0].At, 0, 0, topology.EchoRequest, 1, rng.Key(1))
	r := n.Walk(st, q, 0)
	e, ok := st.ErrorAbout(q, r, r.At, rng.Key(2))
	if !ok {
		t.Fatal("the model makes no time-exceeded")
	}
	if r = n.Walk(st, e, r.At); r.End != topology.Refused {
		t.Fatalf("the guard does with the error: %v", r.End)
	}
	if e, ok := st.ErrorAbout(e, r, r.At, rng.Key(3)); ok {
		t.Errorf("the model sends %v about an error", e.Kind)
	}
}

// errorsSent is the count of icmp/unreachable that the calling thread's
// namespace has sent (/proc/net/snmp, OutDestUnreachs).
func errorsSent() (int, error) {
	b, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0, err
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if fields[0] != "Icmp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == "OutDestUnreachs" {
				return strconv.Atoi(fields[i])
			}
		}
	}
	return 0, os.ErrNotExist
}
