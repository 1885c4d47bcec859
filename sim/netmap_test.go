package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// The map says what a network has beyond places and legs.
func TestMapSaysWhatThereIs(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 7, netHome, Life{Always: true}, "")
	w.addressed()
	w.behindNAT(true, true)
	w.publicDMZ()
	w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.10")}}})
	w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{Name: "home host", Prefix: prefixes("10.0.0.0/8")[0], AnswersEcho: true}}
	vpn := w.vpn(true)
	tunnel := w.spec.Legs[len(w.spec.Legs)-2].Tunnel
	tunnel.Gateway = w.spec.Legs[0].Network // the translated DMZ has no way in
	guard := w.box(topology.BoxSpec{Name: "winfw", Kind: topology.Guard, Otherwise: topology.Drop})
	w.spec.Hosts[0].Guard = topology.GuardOf(guard)
	w.groups[0].Guard = topology.GuardOf(guard)
	edge := &w.spec.Boxes[0]
	edge.Errors, edge.EatsExpiring, edge.Flows = topology.LinuxErrors(), true, 5000
	edge.EchoFor = []topology.Match{{Hosts: []topology.HostID{5}}}
	w.spec.Legs[1].Bursts = &topology.Bursts{Slot: time.Second, Begin: 1 << 60, End: 1 << 60, Loss: 1 << 60}
	w.spec.Legs[1].Metric, w.spec.Legs[1].Jitter.Mean = 9, time.Millisecond
	w.spec.Routes = []topology.RouteSpec{{At: netDMZ, To: []topology.NetworkID{netHome}, Leg: 1}}
	m := tracedPlan(t, w).Map(0)
	var said []string
	for _, p := range m.Places {
		said = append(said, p.Notes...)
	}
	for _, b := range m.Boxes {
		said = append(said, b.Notes...)
		for _, r := range b.Rules {
			said = append(said, r.Text)
		}
	}
	for _, l := range m.Links {
		said = append(said, l.Notes...)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"NAT towards carrier, one for each client", "NAT towards internet, 2 addresses", "NAT towards internet, 1 address",
		"203.0.113.10 is dmz-1", "203.0.113.9 tcp/52311, icmp/echo-request goes to dmz-2",
		"names: view public", "home host has 10.0.0.0/8 (answers echo)", "10.9.0.0/24",
		"VPN clients in home, tunnel for core+east+west", "route to home by edge",
		"ICMP errors limited: 1/s burst 6 per destination, 1000/s burst 50", "drops what expires without a word",
		"tracks 5000 flows at most", "answers echo for root", "lossy in bursts", "metric 9", "jitter 1ms",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in:\n%s", want, text)
		}
	}
	if b := m.Boxes[guard]; b.Kind != "host" || !slices.Equal(b.Guards, []string{"dmz-1", "remote"}) {
		t.Errorf("the firewall of hosts is %+v", b)
	}
	leg := slices.IndexFunc(m.Links, func(l MapLink) bool { return l.Tunnel != "" })
	if leg < 0 || m.Links[leg].Place != int(vpn) || m.Links[leg].Tunnel != "tunnel over home to internet" {
		t.Errorf("the tunnel is link %d of %+v", leg, m.Links)
	}
}

// Distances are those of the compiled network, for all access variants.
func TestMapHops(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 7, netHome, Life{Always: true}, "")
	p := tracedPlan(t, w)
	m := p.Map(0)
	n := p.Policies[0].Network
	near, _ := n.Hops(topology.Attachment{Network: netHome, Access: 0}, 0)
	far, _ := n.Hops(topology.Attachment{Network: netHome, Access: 2}, 0)
	if least, most, ok := m.Hops(int(netHome), int(netDMZ)); !ok || least != near || most != far || near == far {
		t.Errorf("%d to %d routers (%v), want %d to %d", least, most, ok, near, far)
	}
	if _, _, ok := m.Hops(int(netDMZ), int(netHome)); ok {
		t.Error("there are hops to a place without hosts")
	}
}
