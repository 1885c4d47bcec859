//go:build kernel

package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// randomChooser lets a client of a random network choose among the hosts to which
// a way leads. (A lab has no default route: where no way leads, the kernel says so
// before a client's own firewall has seen a packet.)
func randomChooser(seed uint64, d *Design, p *Plan, client int, timeout time.Duration) *Chooser {
	r := rand.New(rand.NewPCG(seed, uint64(client)))
	s, params := selection.DefaultSettings(), selection.DefaultParams()
	s.Automatic, s.MaximumTTL = true, maxTTL
	params.RoundTimeout, params.RegisterConnectTimeout = timeout, 4*timeout
	list := &selection.List{Version: 1, Hosts: map[string]selection.RelayID{}, Keys: map[selection.RelayID]uint64{}, Root: selection.NoRelay, Fallback: selection.NoRelay}
	c := &Chooser{Client: client, Key: rng.Seed(seed).Child(rng.Client, uint64(client))}
	for i := range d.Spec.Hosts {
		if p.Unrouted[client][i] {
			continue
		}
		h, id := &d.Spec.Hosts[i], selection.RelayID(len(c.Hosts))
		c.Hosts = append(c.Hosts, topology.HostID(i))
		list.Hosts[h.Name], list.Keys[id] = id, rng.Hash(h.Name)
		if h.Role == topology.Root && list.Root == selection.NoRelay {
			list.Root = id
		}
		list.Entries = append(list.Entries, selection.Entry{
			Relay: id, Key: rng.Hash(h.Name), Name: h.Name, Priority: 1 + r.Uint32N(2), Weight: 1 + r.Uint32N(100),
		})
	}
	c.Course, _ = selection.Compile(&s, &params, list)
	return c
}

// roundTimeouts are those with which a selection is tried: the suite's, and
// longer ones after a mismatch, for an answer may be late on a busy machine.
var roundTimeouts = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second}

// chosen are the choices of the clients of a network.
type chosen struct {
	same   int      // that agree
	later  int      // of them, those that did only with more time
	differ []string // that do not
}

// chooseBoth compares the choices of all clients of a network, at once.
func chooseBoth(seed uint64, d *Design, l *Lab) (c chosen, err error) {
	differ, tries, errs := make([]string, len(d.Clients)), make([]int, len(d.Clients)), make([]error, len(d.Clients))
	var all sync.WaitGroup
	for i := range d.Clients {
		all.Go(func() { differ[i], tries[i], errs[i] = chooseOne(seed, d, l, i) })
	}
	all.Wait()
	for i := range d.Clients {
		switch {
		case errs[i] != nil:
		case differ[i] != "":
			c.differ = append(c.differ, d.Clients[i].Name+":"+differ[i])
		default:
			c.same++
			c.later += min(tries[i], 1)
		}
	}
	return c, errors.Join(errs...)
}

// chooseOne compares the choice of one client, with rising time-outs until both
// agree.
func chooseOne(seed uint64, d *Design, l *Lab, client int) (differ string, tries int, err error) {
	for i, timeout := range roundTimeouts {
		s := &Scene{Design: d, Plan: l.Plan}
		e, err := choose(interrupted, s, l, randomChooser(seed, d, l.Plan, client, timeout))
		if err != nil || e.Same {
			return "", i, err
		}
		differ = fmt.Sprintf("\n    kernel %v\n    model  %v", e.Kernel, e.Model)
	}
	return differ, len(roundTimeouts), nil
}
