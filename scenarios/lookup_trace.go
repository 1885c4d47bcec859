package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// FindSender sets who sends in a question: a place, a relay, the root, or a
// client as FindClient has it. Places come first, as in openings.
func FindSender(p *sim.Plan, name string, q *sim.TraceQuestion) error {
	if i := slices.IndexFunc(p.Networks, func(n sim.NetworkPlan) bool { return n.Name == name }); i >= 0 {
		q.From, q.Place = sim.FromPlace, topology.NetworkID(i)
		return nil
	}
	if id, ok := findRelay(p, name); ok {
		q.From, q.Relay = sim.FromRelay, id
		return nil
	}
	group, client, err := FindClient(p, name)
	if err == nil {
		q.From, q.Group, q.Client = sim.FromClient, group, client
		return nil
	}
	if strings.Contains(name, "/") || findGroup(p, name) >= 0 {
		return err
	}
	return fmt.Errorf("%q is neither a client, a place nor a relay%s", short(name), hint(name, SenderNames(p)))
}

// SenderNames are the labels and groups of clients, the places and the relays.
func SenderNames(p *sim.Plan) []string {
	names := ClientNames(p)
	for i := range p.Networks {
		names = append(names, p.Networks[i].Name)
	}
	return unique(append(names, TargetNames(p)...))
}

// FindTarget is a relay or the root, by its name, an address of its own, or a
// public address that leads to it and to nobody else.
func FindTarget(p *sim.Plan, name string) (selection.RelayID, error) {
	if id, ok := findRelay(p, name); ok {
		return id, nil
	}
	if a, err := netip.ParseAddr(name); err == nil {
		if id, ok := relayAt(p, a.Unmap()); ok {
			return id, nil
		}
		return 0, fmt.Errorf("no relay has the address %s, nor does it lead to one", name)
	}
	return 0, fmt.Errorf("relay %q is not defined%s", short(name), hint(name, TargetNames(p)))
}

// relayAt finds who has an address: a host, or the one behind a translator.
func relayAt(p *sim.Plan, a netip.Addr) (selection.RelayID, bool) {
	for i := range p.Relays {
		if own, err := netip.ParseAddr(p.Relays[i].Address); err == nil && own.Unmap() == a {
			return selection.RelayID(i), true
		}
	}
	var behind []topology.HostID
	for i := range p.Policies {
		s := p.Policies[i].Spec
		if s == nil {
			continue
		}
		for j := range s.Hosts {
			if slices.Contains(s.Hosts[j].Addrs, a) {
				return selection.RelayID(j), true
			}
		}
		for j := range s.Boxes {
			behind = append(behind, hostsBehind(s.Boxes[j].NAT, a)...)
		}
	}
	slices.Sort(behind)
	if behind = slices.Compact(behind); len(behind) != 1 {
		return 0, false
	}
	return selection.RelayID(behind[0]), true
}

// hostsBehind are the hosts to which a public address leads.
func hostsBehind(nat *topology.NATSpec, a netip.Addr) []topology.HostID {
	var out []topology.HostID
	if nat == nil {
		return nil
	}
	for _, s := range nat.Static {
		if s.Public == a {
			out = append(out, s.Host)
		}
	}
	for _, f := range nat.Forwards {
		if f.Public == a {
			out = append(out, f.Host)
		}
	}
	return out
}

// TargetNames are the relays and the root.
func TargetNames(p *sim.Plan) []string {
	var names []string
	for i := range p.Relays {
		names = append(names, p.Relays[i].Name)
	}
	return names
}

// findRelay finds a relay or the root, which "root" names too.
func findRelay(p *sim.Plan, name string) (selection.RelayID, bool) {
	for i := range p.Relays {
		if r := &p.Relays[i]; r.Name == name {
			return selection.RelayID(i), true
		}
	}
	for i := range p.Relays {
		if name == "root" && p.Relays[i].Root {
			return selection.RelayID(i), true
		}
	}
	return 0, false
}

// traceable are the services that begin an exchange.
var traceable = []topology.Kind{topology.EchoRequest, topology.TCP, topology.UDP, topology.VPN}

// FindService is a service that begins an exchange.
func FindService(name string) (topology.Kind, error) {
	for _, k := range traceable {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("service %q cannot be traced%s", short(name), hint(name, ServiceNames()))
}

// ServiceNames are the services that can be traced.
func ServiceNames() []string {
	var names []string
	for _, k := range traceable {
		names = append(names, k.String())
	}
	return names
}
