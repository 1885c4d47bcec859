package topology

import (
	"fmt"
	"net/netip"
	"testing"
)

// toldSpot is a spot in a few words.
func (n *Network) toldSpot(sp spot) string {
	at := "nowhere"
	switch sp.kind {
	case atHost:
		at = "host " + n.HostName(sp.host)
	case atBox:
		at = "box " + n.BoxName(sp.box)
	case atStranger:
		at = "stranger " + sp.stranger.name
	case vacant:
		at = "nobody in " + n.NetworkName(sp.network)
	}
	return fmt.Sprintf("%s from %s", at, n.NetworkName(sp.from))
}

// locatable is the village with addresses that somebody might ask for.
func locatable() *Spec {
	s := village()
	s.Views = []ViewSpec{{Name: "old", Answers: []NameAnswer{
		{Host: yard1, Addrs: []netip.Addr{stale}}, {Host: office1, Addrs: []netip.Addr{unrouted}},
	}}}
	return s
}

func TestLocate(t *testing.T) {
	s := locatable()
	s.Networks[carrier].Strangers = []StrangerSpec{
		{Name: "portal", Prefix: netip.MustParsePrefix("10.0.0.0/8"), AnswersEcho: true},
		{Name: "printer", Prefix: netip.MustParsePrefix("10.2.0.0/24")},
	}
	n := newBench(t, s).net
	for _, tc := range []struct {
		name string
		from NetworkID
		addr netip.Addr
		v6   bool
		want string
	}{
		{"own address", office, yardAddr, false, "host yard-1 from office"},
		{"own address, inside a translator", house, yardAddr, false, "nowhere from house"},
		{"own address in IPv6", house, yardAddr6, true, "host yard-1 from house"},
		{"public address", house, public, false, "box front from house"},
		{"public address from inside", office, public, false, "box front from office"},
		{"a stranger's before anybody else's", carrier, yardAddr, false, "stranger portal from carrier"},
		{"the longer prefix", carrier, officeIP, false, "stranger printer from carrier"},
		{"a stranger's elsewhere", house, officeIP, false, "nowhere from house"},
		{"stale", yard, stale, false, "nobody in office from yard"},
		{"stale, from outside", internet, stale, false, "nowhere from internet"},
		{"nobody's at all", office, unrouted, false, "nowhere from office"},
		// RFC 6950 and split tunnels: only what goes Into is reached through it.
		{"through the tunnel", laptop, officeIP, false, "host office-1 from laptop"},
		{"stale, through the tunnel", laptop, stale, false, "nobody in office from laptop"},
		{"not through the tunnel", laptop, public, false, "box front from house"},
		{"neither", laptop, yardAddr, false, "nowhere from house"},
	} {
		e := Endpoint{Host: AnyHost, Addr: n.idOf(tc.addr)}
		if e.Addr == NoAddr || n.Addr(e.Addr) != tc.addr {
			t.Fatalf("%v is address %d, %v", tc.addr, e.Addr, n.Addr(e.Addr))
		}
		if got := n.toldSpot(n.locate(tc.from, &e, tc.v6)); got != tc.want {
			t.Errorf("%s: %v is %s, want %s", tc.name, tc.addr, got, tc.want)
		}
	}
}

// Through a full tunnel goes everything, known or not.
func TestLocateThroughAFullTunnel(t *testing.T) {
	s := locatable()
	s.Networks[laptop].Tunneled.Into = nil
	s.Networks[house].Strangers = []StrangerSpec{{Name: "printer", Prefix: netip.MustParsePrefix("10.1.0.0/16")}}
	n := newBench(t, s).net
	for addr, want := range map[netip.Addr]string{
		yardAddr: "host yard-1 from laptop",
		public:   "box front from laptop",
		unrouted: "nowhere from laptop",
	} {
		e := Endpoint{Host: AnyHost, Addr: n.idOf(addr)}
		if got := n.toldSpot(n.locate(laptop, &e, false)); got != want {
			t.Errorf("%v is %s, want %s", addr, got, want)
		}
	}
}

// Without an address, a host is where it is, and nowhere without a way to it.
func TestLocateWithoutAddresses(t *testing.T) {
	n := newBench(t, company()).net
	for h, want := range map[HostID]string{paris1: "host paris-1 from home", island1: "nowhere from home"} {
		e := n.Host(h)
		if got := n.toldSpot(n.locate(home, &e, false)); got != want {
			t.Errorf("%s is %s, want %s", n.HostName(h), got, want)
		}
	}
	client := n.Client(Attachment{Network: lyon}, 1)
	if sp := n.locate(home, &client, false); sp.kind != atHost || sp.network != lyon || sp.host != AnyHost {
		t.Errorf("a client is %+v", sp)
	}
}

func TestInside(t *testing.T) {
	n := newBench(t, village()).net
	for _, tc := range []struct {
		name string
		box  BoxID
		addr string
		kind Kind
		want HostID
	}{
		{"one to one", front, "203.0.113.10", EchoRequest, yard1},
		{"forwarded", front, "203.0.113.1", TCP, office1},
		{"not forwarded", front, "203.0.113.1", UDP, AnyHost},
		{"of another box", cgn, "203.0.113.10", TCP, AnyHost},
		{"pool alone", cgn, "198.51.100.1", TCP, AnyHost},
		{"not public", front, "10.1.0.10", TCP, AnyHost},
	} {
		h, ok := n.inside(tc.box, n.idOf(netip.MustParseAddr(tc.addr)), tc.kind)
		if h != tc.want || ok != (tc.want != AnyHost) {
			t.Errorf("%s: %d, %v, want %d", tc.name, h, ok, tc.want)
		}
	}
}

// Addresses are numbered in their own order, whoever has them.
func TestAddressesAreNumberedInOrder(t *testing.T) {
	n := newBench(t, locatable()).net
	for id := 2; id < len(n.known); id++ {
		if a, b := n.Addr(AddrID(id-1)), n.Addr(AddrID(id)); !a.Less(b) {
			t.Errorf("address %d is %v, %d is %v", id-1, a, id, b)
		}
	}
	if a := n.Addr(NoAddr); a.IsValid() {
		t.Errorf("Addr(NoAddr) = %v", a)
	}
}

// Of a network inside a translator only public addresses are reached.
func TestReachableByPublicAddresses(t *testing.T) {
	s := village()
	for i := range s.Networks { // IPv4 alone
		s.Networks[i].Prefixes = s.Networks[i].Prefixes[:1]
	}
	s.Hosts[yard1].Addrs = s.Hosts[yard1].Addrs[:1]
	for _, tc := range []struct {
		from, to NetworkID
		static   bool
		want     bool
	}{
		{house, yard, true, true},
		{house, yard, false, false},
		{house, branch, true, false},
		{laptop, office, false, true},
		{laptop, internet, false, true},
		{office, internet, false, true},
		{internet, house, true, false},
	} {
		s.Boxes[front].NAT.Static = nil
		if tc.static {
			s.Boxes[front].NAT.Static = []StaticNAT{{public, yard1}}
		}
		n := newBench(t, s).net
		if got := n.Reachable(tc.from, tc.to); got != tc.want {
			t.Errorf("Reachable(%s, %s) = %v (static address: %v)", n.NetworkName(tc.from), n.NetworkName(tc.to), got, tc.static)
		}
	}
}
