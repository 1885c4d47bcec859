package topology

import (
	"net/netip"

	"github.com/relaysim/relaysim/rng"
)

// Port is the port of relays, TCP and UDP.
const Port = 52311

// Ephemeral ports, from which connections come (RFC 6335 section 6).
const (
	ephemeralMin = 49152
	ephemeralMax = 65535
)

// view is a compiled ViewSpec.
type view struct {
	answers  map[HostID]answer
	wildcard answer
	hasWild  bool
	closed   bool
}

// answer is what a name resolves to: an address of each family, or NoAddr.
type answer struct{ v4, v6 AddrID }

func (n *Network) answer(addrs []netip.Addr) (a answer) {
	for _, x := range addrs {
		if familyOf(x) == IPv4 {
			a.v4 = n.ids[x]
		} else {
			a.v6 = n.ids[x]
		}
	}
	return a
}

func (n *Network) addViews(s *Spec) {
	for i := range s.Views {
		spec := &s.Views[i]
		v := view{answers: make(map[HostID]answer, len(spec.Answers)), closed: spec.Closed}
		for _, a := range spec.Answers {
			v.answers[a.Host] = n.answer(a.Addrs)
		}
		if v.hasWild = spec.Wildcard.IsValid(); v.hasWild {
			v.wildcard = n.answer([]netip.Addr{spec.Wildcard})
		}
		n.views = append(n.views, v)
	}
}

// resolve is what the name of a host resolves to in the network a; down tells
// which views do not work. self means the host, which has no address.
func (n *Network) resolve(a NetworkID, h HostID, down []bool) (found answer, self, ok bool) {
	host := &n.hosts[h]
	if listed := host.listedAs; listed != (answer{}) {
		return listed, false, true
	}
	if id := n.networks[a].view; id != NoView {
		if down != nil && down[id] {
			return answer{}, false, false
		}
		v := &n.views[id]
		if found, ok := v.answers[h]; ok {
			return found, false, found != answer{}
		}
		if v.hasWild || v.closed {
			return v.wildcard, false, v.hasWild
		}
	}
	return host.addrs, host.addrs == answer{}, true
}

// choose takes the address of the family that both ends have, IPv4 before IPv6.
func (n *Network) pickFamily(a NetworkID, h HostID, found answer, self bool) (addr AddrID, v6, ok bool) {
	ours := n.networks[a].families
	var theirs Families
	if self {
		theirs = n.networks[n.hosts[h].at].families
	}
	if found.v4 != NoAddr {
		theirs |= IPv4
	}
	if found.v6 != NoAddr {
		theirs |= IPv6
	}
	switch both := ours & theirs; {
	case both&IPv4 != 0:
		return found.v4, false, true
	case both&IPv6 != 0:
		return found.v6, true, true
	}
	return NoAddr, false, false
}

// destination is the other end of a request of a kind that a client in the
// network a makes to a host: the address that it takes, and who has that as
// seen from there. It is not ok if the name resolves to nothing that the
// client can send to.
func (n *Network) destinationOf(a NetworkID, h HostID, k Kind, down []bool) (dst Endpoint, v6, ok bool) {
	found, self, ok := n.resolve(a, h, down)
	if !ok {
		return Endpoint{}, false, false
	}
	addr, v6, ok := n.pickFamily(a, h, found, self)
	if !ok {
		return Endpoint{}, false, false
	}
	if addr == NoAddr {
		return n.Host(h), v6, true
	}
	return n.ownerOf(a, addr, k, v6), v6, true
}

// ownerOf is the endpoint that has an address as seen from a network.
func (n *Network) ownerOf(a NetworkID, addr AddrID, k Kind, v6 bool) Endpoint {
	dst := Endpoint{Host: AnyHost, Role: Stranger, Addr: addr}
	sp := n.locate(a, &dst, v6)
	dst.At.Network = sp.network
	switch sp.kind {
	case atHost:
		dst = n.Host(sp.host)
		dst.Addr = addr
	case atBox:
		// The address is outside, though it may be that of a host inside.
		if h, ok := n.inside(sp.box, addr, k); ok {
			dst.Host, dst.Role = h, n.hosts[h].role
		}
	}
	return dst
}

// SetView lets the resolvers of a view fail, or work again. While they fail no
// name resolves where they are asked; ListedAs addresses need none.
func (s *State) SetView(id ViewID, up bool) {
	if s.viewsDown[id] == !up {
		return
	}
	s.viewsDown[id] = !up
	s.memo.clear()
}

// Request makes the packet that a client at a sends to a host: to the address
// that the host's name resolves to there, of IPv4 if both ends have it and of
// IPv6 otherwise. It is not ok if there is none. The flow is named by the key.
func (s *State) Request(a Attachment, client uint64, h HostID, k Kind, ttl uint8, key rng.Key) (p Packet, ok bool) {
	dst, v6, ok := s.net.destinationOf(a.Network, h, k, s.viewsDown)
	if !ok {
		return Packet{}, false
	}
	p = Packet{
		Kind: k, TTL: ttl, Flow: uint64(key), Key: key, V6: v6,
		Src: s.net.Client(a, client), Dst: dst, asked: 1 + h,
	}
	p.ports(client)
	return p, true
}

// ports sets the ports of a request. Connections and datagrams come from a port
// that the key chooses. All echo requests of a client have one query
// identifier, as those of a process have that sends them.
func (p *Packet) ports(client uint64) {
	switch p.Kind {
	case TCP, UDP:
		span := uint64(ephemeralMax - ephemeralMin + 1)
		p.Src.Port = uint16(ephemeralMin + rng.Below(p.Key.Draw(rng.Port, 0), span))
		p.Dst.Port = Port
	case EchoRequest:
		p.Src.Port = uint16(rng.Key(client).Draw(rng.Port, 0))
	}
}
