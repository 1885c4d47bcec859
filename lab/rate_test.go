//go:build kernel

package lab

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/topology"
)

// repliesToFive counts the replies to five echo requests of one query identifier in
// kernel and model.
func repliesToFive(t *testing.T, d *Design, p *Plan) (kernel, model int) {
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
	for _, a := range answers[0] {
		if a != nil {
			kernel++
		}
	}
	m, err := NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, ttl := range ttls {
		if m.Ask(&Probe{Kind: topology.EchoRequest, TTL: ttl}).Fate.Outcome == Reply {
			model++
		}
	}
	return kernel, model
}

// A limit counts every request in the model and, as labs write it, in Linux.
// Behind the line with which firewalls of Linux mostly begin it would count
// flows, where all requests of a client to one address are one
// (docs/validation.md).
func TestLimitsCountRequests(t *testing.T) {
	const burst, requests = 2, 5
	for _, tc := range []struct {
		name   string
		write  func(string) string
		kernel int
	}{
		{"as labs write it", func(rules string) string { return rules }, burst},
		{"as is usual", func(rules string) string { return strings.ReplaceAll(rules, answersOnly, established) }, requests},
	} {
		d := small()
		d.Spec.Boxes[0].Rules[0].Limit = &topology.Limit{PerSecond: 1. / 3600, Burst: burst}
		p, err := NewPlan(d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Nodes {
			p.Nodes[i].Rules = tc.write(p.Nodes[i].Rules)
		}
		if kernel, model := repliesToFive(t, d, p); kernel != tc.kernel || model != burst {
			t.Errorf("%s: of %d requests the kernel answers %d and the model %d, want %d and %d", tc.name, requests, kernel, model, tc.kernel, burst)
		}
	}
}

// Random networks in which rules have limits. Probes go out one at a time, for
// what is left of a limit depends on their order; echo requests and datagrams
// of a client to a host are one flow each.
func TestLimitedNetworks(t *testing.T) {
	const networks = 100
	var mu sync.Mutex
	fates, limited, again := 0, 0, 0
	seeds := make(chan uint64)
	var all sync.WaitGroup
	for range *atOnceFlag {
		all.Go(func() {
			for seed := range seeds {
				d, _ := limitedDesign(seed)
				rows, tries, err := inTurn(d)
				if err != nil {
					t.Errorf("network %d: %v", seed, err)
					continue
				}
				mu.Lock()
				fates += len(rows)
				again += tries - 1
				for i := range rows {
					if rows[i].limited() {
						limited++
					}
				}
				if wrong := Mismatches(rows); len(wrong) > 0 {
					t.Errorf("network %d: %d of %d fates differ:\n%s%s", seed, len(wrong), len(rows), show(d, wrong), describe(d))
				}
				mu.Unlock()
			}
		})
	}
	for i := range uint64(networks) {
		seeds <- *seedFlag + i
	}
	close(seeds)
	all.Wait()
	t.Logf("%d networks with limits (%d asked again), %d fates, %d of them by an exceeded limit", networks, again, fates, limited)
	if fates < 5000 || limited < 200 {
		t.Errorf("%d fates, %d by an exceeded limit, want at least 5000 and 200", fates, limited)
	}
}

// limited tells whether a box has dropped the request for want of a token.
func (r *Row) limited() bool { return r.Model.Request == topology.OverLimit }

// inTurn compares the fates of probes that are sent one after the other. Since
// limits remember what was sent, a comparison that fails, as it may on a busy
// machine, is repeated in a new lab.
func inTurn(d *Design) (rows []Row, tries int, err error) {
	for tries = 1; tries <= timesAsked; tries++ {
		if rows, err = onceInTurn(d, []time.Duration{firstQuiet, laterQuiet}[min(tries-1, 1)]); err != nil || len(Mismatches(rows)) == 0 {
			return rows, tries, err
		}
	}
	return rows, timesAsked, nil
}

func onceInTurn(d *Design, quiet time.Duration) (rows []Row, err error) {
	p, err := NewPlan(d)
	if err != nil {
		return nil, err
	}
	muteEnds(p)
	m, err := NewModel(d)
	if err != nil {
		return nil, err
	}
	l, err := Up(interrupted, p)
	if err != nil {
		return nil, err
	}
	defer l.Down()
	if err := l.noRetransmission(); err != nil {
		return nil, err
	}
	probes := turns(p)
	got, err := l.probeInTurn(interrupted, probes, quiet)
	for i := range probes {
		rows = append(rows, Row{Probe: probes[i], Kernel: got[i], Model: m.Ask(&probes[i]), Asked: 1})
	}
	return rows, err
}

// turns are probes with some TTLs, twice over.
func turns(p *Plan) (all []Probe) {
	for range 2 {
		for _, q := range p.Probes(maxTTL, topology.EchoRequest, topology.TCP, topology.UDP) {
			if q.TTL == 3 || q.TTL == 7 || q.TTL == maxTTL {
				all = append(all, q)
			}
		}
	}
	return all
}

// muteEnds keeps the clients' kernels from saying something of their own to
// answers that no program waits for, which would take tokens: they reset
// connections and report that no port is open.
func muteEnds(p *Plan) {
	for _, c := range p.Clients {
		p.Nodes[c.Node].Rules += `table ip mute {
 chain output {
  type filter hook output priority -10; policy accept;
  oifname "lo" accept
  tcp flags & rst == rst drop
  icmp type destination-unreachable drop
 }
}
`
	}
}

// noRetransmission keeps hosts from answering a SYN more than once.
func (l *Lab) noRetransmission() error {
	for _, h := range l.Plan.Hosts {
		err := l.inside(h.Node, func() error {
			return os.WriteFile("/proc/sys/net/ipv4/tcp_synack_retries", []byte("0"), 0)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// probeInTurn sends each probe when the one before has been answered, or nothing
// has come for the span quiet.
func (l *Lab) probeInTurn(ctx context.Context, probes []Probe, quiet time.Duration) ([]Fate, error) {
	fates := make([]Fate, len(probes))
	port := uint16(firstID)
	for from := 0; from < len(probes); {
		to := from
		for to < len(probes) && probes[to].Client == probes[from].Client {
			to++
		}
		c := probes[from].Client
		err := l.Inside(c, func() error {
			p := &prober{lab: l, client: c, probes: probes, fates: fates, quiet: quiet}
			if err := p.open(); err != nil {
				return err
			}
			defer p.close()
			for i := from; i < to; i++ {
				if p.next = firstID - 1 - uint16(probes[i].Host); probes[i].Kind == topology.TCP {
					port++
					p.next = port
				}
				p.sent = map[uint16]int{}
				if err := p.send(&probes[i], i); err != nil {
					return err
				}
				if err := p.hear(); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		from = to
	}
	return fates, nil
}
