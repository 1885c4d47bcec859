package topology

import (
	"net/netip"
	"testing"

	"github.com/relaysim/relaysim/rng"
)

// The address that a name resolves to depends on where it is asked (split DNS,
// RFC 6950 section 4.2), and who has that address too.
func TestRequestResolves(t *testing.T) {
	inner := []netip.Addr{yardAddr, yardAddr6}
	for _, tc := range []struct {
		name string
		from NetworkID
		view *ViewSpec
		edit func(*Spec)
		want string // address and owner, "" if nothing
	}{
		{"no view: the host itself", office, nil, nil, "10.1.0.10 yard-1"},
		{"IPv4 first", house, nil, nil, "10.1.0.10 -"},
		{"IPv6 if that is all there is", house, &ViewSpec{Answers: []NameAnswer{{Host: yard1, Addrs: inner[1:]}}}, nil, "2001:db8:1::10 yard-1"},
		{"IPv6 where there is none", office, &ViewSpec{Answers: []NameAnswer{{Host: yard1, Addrs: inner[1:]}}}, nil, ""},
		{"public address", house, &ViewSpec{Answers: []NameAnswer{{Host: yard1, Addrs: []netip.Addr{public}}}}, nil, "203.0.113.10 yard-1"},
		{"stale address", yard, &ViewSpec{Answers: []NameAnswer{{Host: yard1, Addrs: []netip.Addr{stale}}}}, nil, "10.2.0.77 -"},
		{"another host's address", yard, &ViewSpec{Answers: []NameAnswer{{Host: yard1, Addrs: []netip.Addr{officeIP}}}}, nil, "10.2.0.10 office-1"},
		{"no such name", house, &ViewSpec{Answers: []NameAnswer{{Host: yard1}}}, nil, ""},
		{"not answered for", office, &ViewSpec{}, nil, "10.1.0.10 yard-1"},
		{"not answered for, closed", office, &ViewSpec{Closed: true}, nil, ""},
		{"wildcard", house, &ViewSpec{Wildcard: public}, nil, "203.0.113.10 yard-1"},
		{"an answer before the wildcard", office, &ViewSpec{Wildcard: public, Answers: []NameAnswer{{Host: yard1, Addrs: inner}}}, nil, "10.1.0.10 yard-1"},
		{"listed by address", house, &ViewSpec{Closed: true}, func(s *Spec) { s.Hosts[yard1].ListedAs = public }, "203.0.113.10 yard-1"},
		{"a stranger's", house, nil, func(s *Spec) {
			s.Networks[house].Strangers = []StrangerSpec{{Name: "portal", Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
		}, "10.1.0.10 -"},
		{"no addresses", office, nil, func(s *Spec) { s.Hosts[yard1].Addrs, s.Boxes[front].NAT.Static = nil, nil }, "invalid IP yard-1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := village()
			if tc.view != nil {
				tc.view.Name = "view"
				s.Views = []ViewSpec{*tc.view}
				s.Networks[tc.from].HasView = true
			}
			if tc.edit != nil {
				tc.edit(s)
			}
			b := newBench(t, s)
			p, ok := b.st.Request(Attachment{Network: tc.from}, 7, yard1, EchoRequest, 9, rng.Seed(1))
			if got := b.net.toldTarget(p, ok); got != tc.want {
				t.Errorf("request to %q, want %q", got, tc.want)
			}
		})
	}
}

func (n *Network) toldTarget(p Packet, ok bool) string {
	if !ok {
		return ""
	}
	owner := "-"
	if p.Dst.Host != AnyHost {
		owner = n.HostName(p.Dst.Host)
	}
	return n.Addr(p.Dst.Addr).String() + " " + owner
}

// While the resolvers of a view fail, names that are asked of them do not
// resolve. Listed addresses and other views go on.
func TestSetView(t *testing.T) {
	s := village()
	s.Views = []ViewSpec{{Name: "inner"}, {Name: "outer"}}
	s.Networks[office].HasView = true
	s.Networks[yard].HasView, s.Networks[yard].View = true, 1
	s.Hosts[office1].ListedAs = officeIP
	b := newBench(t, s)
	ask := func(from NetworkID, h HostID) bool {
		_, ok := b.st.Request(Attachment{Network: from}, 7, h, TCP, 64, 1)
		return ok
	}
	b.st.SetView(0, false)
	if ask(office, yard1) || !ask(office, office1) || !ask(yard, yard1) || !ask(branch, yard1) {
		t.Errorf("view down: %v %v %v %v", ask(office, yard1), ask(office, office1), ask(yard, yard1), ask(branch, yard1))
	}
	b.st.SetView(0, true)
	if !ask(office, yard1) {
		t.Error("view up again: not resolved")
	}
}

// A client has one query identifier; connections come from ports of their own
// (RFC 6335 section 6).
func TestRequestPorts(t *testing.T) {
	b := newBench(t, company())
	ask := func(k Kind, client uint64, key rng.Key) Packet {
		p, _ := b.st.Request(Attachment{Network: home}, client, dmz1, k, 64, key)
		return p
	}
	if p, q, r := ask(EchoRequest, 1, 10), ask(EchoRequest, 1, 11), ask(EchoRequest, 2, 10); p.Src.Port != q.Src.Port || p.Src.Port == r.Src.Port {
		t.Errorf("identifiers %d, %d, of another client %d", p.Src.Port, q.Src.Port, r.Src.Port)
	}
	seen := map[uint16]bool{}
	for key := range rng.Key(50) {
		p := ask(TCP, 1, key)
		if p.Src.Port < 49152 || p.Dst.Port != 52311 {
			t.Fatalf("ports %d to %d", p.Src.Port, p.Dst.Port)
		}
		seen[p.Src.Port] = true
	}
	if len(seen) < 48 {
		t.Errorf("%d different ports of 50", len(seen))
	}
}

// Without addresses a request is to the host itself, as ever.
func TestRequestWithoutAddresses(t *testing.T) {
	b := newBench(t, company())
	a := Attachment{Network: home, Access: 1}
	p, ok := b.st.Request(a, 3, paris1, UDP, 17, 99)
	src, dst := b.net.Client(a, 3), b.net.Host(paris1)
	src.Port, dst.Port = p.Src.Port, Port
	want := Packet{Kind: UDP, TTL: 17, Flow: 99, Key: 99, Src: src, Dst: dst, asked: 1 + paris1}
	if !ok || p != want {
		t.Errorf("Request = %+v, %v, want %+v", p, ok, want)
	}
}

// Hops counts routers to the address that the client asks for, translators
// included; inside a tunnel the access routers are not seen.
func TestHopsToPublicAddresses(t *testing.T) {
	s := village()
	s.Hosts[yard1].ListedAs = public
	n := newBench(t, s).net
	for _, tc := range []struct {
		from   NetworkID
		access uint16
		host   HostID
		want   int
		ok     bool
	}{
		{house, 0, yard1, 1 + 1 + 2 + 1 + 1 + 1 + 3 + 1, true},
		{house, 1, yard1, 4 + 1 + 2 + 1 + 1 + 1 + 3 + 1, true},
		{house, 0, office1, 0, false},
		{laptop, 1, office1, 1, true},
		{laptop, 1, yard1, 4 + 1 + 2 + 1 + 1 + 1 + 3 + 1, true},
		{office, 0, yard1, 1 + 1, true},
		{yard, 0, yard1, 1, true},
	} {
		hops, ok := n.Hops(Attachment{Network: tc.from, Access: tc.access}, tc.host)
		if hops != tc.want || ok != tc.ok {
			t.Errorf("Hops(%s, %s) = %d, %v, want %d, %v", n.NetworkName(tc.from), n.HostName(tc.host), hops, ok, tc.want, tc.ok)
		}
	}
}
