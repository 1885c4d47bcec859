//go:build kernel

package lab

import (
	"net/netip"
	"testing"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/topology"
)

// A limit on echo requests counts flows in Linux, where all requests of a client
// to one address are one flow, and requests in the model. This is the one thing
// in which the two are known to differ (docs/validation.md); the test says so
// when that changes.
func TestLimitsCountFlowsInLinux(t *testing.T) {
	const burst, requests = 2, 5
	d := small()
	d.Spec.Boxes[0].Rules[0].Limit = &topology.Limit{PerSecond: 1. / 3600, Burst: burst}
	p, err := NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Up(interrupted, p)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Down()
	var e probe.Echoer
	err = l.Inside(0, func() (err error) {
		e, err = probe.Open(probe.ModeRaw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ttls := []uint8{60, 61, 62, 63, 64}
	answers, err := probe.Survey(interrupted, e, []netip.Addr{p.Targets[0][0]}, ttls, 0, laterQuiet, 20)
	if err != nil {
		t.Fatal(err)
	}
	kernel := 0
	for _, a := range answers[0] {
		if a != nil {
			kernel++
		}
	}
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	model := 0
	for _, ttl := range ttls {
		if m.Ask(&Probe{Kind: topology.EchoRequest, TTL: ttl}).Fate.Outcome == Reply {
			model++
		}
	}
	if kernel != requests || model != burst {
		t.Errorf("of %d requests the kernel answers %d and the model %d, want %d and %d", requests, kernel, model, requests, burst)
	}
}
