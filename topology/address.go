package topology

import (
	"cmp"
	"net/netip"
	"slices"
)

// addresses are all that a Network knows of addresses.
type addresses struct {
	known []address // by AddrID; the first is NoAddr
	ids   map[netip.Addr]AddrID
}

// address is who has an address. At most one host or box has it; strangers in
// some networks may have it besides.
type address struct {
	addr netip.Addr
	host HostID // whose own it is, or AnyHost
	box  BoxID  // whose public one it is, or NoBox
	lead []lead // where the box leads what is for it
	// homes are the networks with a prefix that it is in, longest prefix
	// first, then by name.
	homes []NetworkID
}

// lead is where a translator leads packets of some kinds for a public address.
type lead struct {
	kinds kindSet
	host  HostID
}

// stranger is a compiled StrangerSpec.
type stranger struct {
	name                    string
	prefix                  netip.Prefix
	answersEcho, answersTCP bool
}

// familyOf is the family of an address, as a bit.
func familyOf(a netip.Addr) Families {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func (s *Spec) addresses(add func(netip.Addr)) {
	addAll := func(all []netip.Addr) {
		for _, a := range all {
			add(a)
		}
	}
	for i := range s.Hosts {
		addAll(s.Hosts[i].Addrs)
		add(s.Hosts[i].ListedAs)
	}
	for i := range s.Views {
		add(s.Views[i].Wildcard)
		for _, a := range s.Views[i].Answers {
			addAll(a.Addrs)
		}
	}
	for i := range s.Boxes {
		add(s.Boxes[i].ErrorsFrom)
		if nat := s.Boxes[i].NAT; nat != nil {
			nat.public(add)
		}
	}
}

// public calls add for each public address, some more than once.
func (nat *NATSpec) public(add func(netip.Addr)) {
	for _, a := range nat.Pool {
		add(a)
	}
	for _, m := range nat.Static {
		add(m.Public)
	}
	for _, f := range nat.Forwards {
		add(f.Public)
	}
}

// addAddresses numbers all addresses of the Spec in their own order and notes
// who has them.
func (n *Network) addAddresses(s *Spec) {
	var all []netip.Addr
	s.addresses(func(a netip.Addr) {
		if a.IsValid() {
			all = append(all, a)
		}
	})
	slices.SortFunc(all, netip.Addr.Compare)
	all = slices.Compact(all)
	n.known = make([]address, 1+len(all))
	n.known[NoAddr] = address{host: AnyHost, box: NoBox}
	n.ids = make(map[netip.Addr]AddrID, len(all))
	prefixes := newPrefixes(s)
	for i, a := range all {
		n.ids[a] = AddrID(i + 1)
		n.known[i+1] = address{addr: a, host: AnyHost, box: NoBox, homes: prefixes.with(a)}
	}
	for i := range s.Hosts {
		for _, a := range s.Hosts[i].Addrs {
			n.known[n.ids[a]].host = HostID(i)
		}
	}
	for i := range s.Boxes {
		if nat := s.Boxes[i].NAT; nat != nil {
			n.addPublic(BoxID(i), nat)
		}
	}
}

func (n *Network) addPublic(b BoxID, nat *NATSpec) {
	nat.public(func(a netip.Addr) { n.known[n.ids[a]].box = b })
	for _, m := range nat.Static {
		k := &n.known[n.ids[m.Public]]
		k.lead = append(k.lead, lead{allKinds, m.Host})
	}
	for _, f := range nat.Forwards {
		k := &n.known[n.ids[f.Public]]
		k.lead = append(k.lead, lead{kindsOf(f.Kinds), f.Host})
	}
}

// prefixes finds the networks that have an address.
type prefixes struct {
	of   map[netip.Prefix][]NetworkID
	bits []int // lengths of prefixes, longest first
}

func newPrefixes(s *Spec) prefixes {
	p := prefixes{of: make(map[netip.Prefix][]NetworkID)}
	for _, i := range byName(len(s.Networks), func(i int) string { return s.Networks[i].Name }) {
		for _, x := range s.Networks[i].Prefixes {
			x = x.Masked()
			p.of[x] = append(p.of[x], NetworkID(i))
			p.bits = append(p.bits, x.Bits())
		}
	}
	slices.SortFunc(p.bits, func(a, b int) int { return cmp.Compare(b, a) })
	p.bits = slices.Compact(p.bits)
	return p
}

func (p prefixes) with(a netip.Addr) (nets []NetworkID) {
	for _, bits := range p.bits {
		if x, err := a.Prefix(bits); err == nil {
			nets = append(nets, p.of[x]...)
		}
	}
	return nets
}

// Addr is an address that the network knows; the zero Addr for NoAddr.
func (n *Network) Addr(id AddrID) netip.Addr { return n.known[id].addr }

// idOf is the number of an address, NoAddr if the network does not know it.
func (n *Network) idOf(a netip.Addr) AddrID { return n.ids[a] }

// spotKind is what an address leads to.
type spotKind uint8

const (
	nowhere    spotKind = iota // there is no way to it
	atHost                     // a host's own address, or a client
	atBox                      // a public address of a translator
	atStranger                 // a host of somebody else's in the network itself
	vacant                     // an address in a network where nobody has it
)

// spot is where an address leads from a network.
type spot struct {
	kind spotKind
	// from is the network from which the packet goes: that of the client or,
	// of one on a VPN whose packet does not go through the tunnel, its
	// Underlay.
	from NetworkID
	// network is where the address is; of a public address, the first one
	// outside the box; NoNetwork if nowhere.
	network  NetworkID
	host     HostID    // atHost, AnyHost otherwise and for a client
	box      BoxID     // atBox, NoBox otherwise
	stranger *stranger // atStranger
}

// locate finds where e is, as seen from a network: by its address or, without
// one, by itself. What a translator would have to lead to it from outside is
// not its own address.
func (n *Network) locate(from NetworkID, e *Endpoint, v6 bool) spot {
	sp := n.locateFrom(from, e, v6)
	if t := n.networks[from].tunneled; t != nil && !t.takes(&sp, n) {
		sp = n.locateFrom(t.underlay, e, v6)
	}
	return sp
}

// takes tells whether what is for a spot goes through the tunnel.
func (t *tunneled) takes(sp *spot, n *Network) bool {
	switch {
	case t.into == nil:
		return true
	case sp.kind == atBox:
		return slices.ContainsFunc(n.outside[sp.box], func(out NetworkID) bool { return t.into.has(uint32(out)) })
	case sp.kind == nowhere:
		return false
	}
	return sp.network == sp.from || t.into.has(uint32(sp.network))
}

func (n *Network) locateFrom(from NetworkID, e *Endpoint, v6 bool) spot {
	sp := spot{from: from, network: NoNetwork, host: AnyHost, box: NoBox}
	switch {
	case e.Addr != NoAddr:
		n.locateAddr(&sp, &n.known[e.Addr], v6)
	case e.Host == AnyHost:
		sp.kind, sp.network = atHost, e.At.Network
	case n.leads(from, goal{n.hosts[e.Host].at, NoBox}, v6):
		sp.kind, sp.network, sp.host = atHost, n.hosts[e.Host].at, e.Host
	}
	return sp
}

// locateAddr finds an address: the strangers of the network itself, the host
// or translator that has it, or the network where it would be.
func (n *Network) locateAddr(sp *spot, a *address, v6 bool) {
	from := sp.from
	for i := range n.networks[from].strangers {
		if s := &n.networks[from].strangers[i]; s.prefix.Contains(a.addr) {
			sp.kind, sp.network, sp.stranger = atStranger, from, s
			return
		}
	}
	if a.host != AnyHost && n.leads(from, goal{n.hosts[a.host].at, NoBox}, v6) {
		sp.kind, sp.network, sp.host = atHost, n.hosts[a.host].at, a.host
		return
	}
	if a.box != NoBox && n.leads(from, goal{0, a.box}, v6) {
		sp.kind, sp.network, sp.box = atBox, n.outside[a.box][0], a.box
		return
	}
	for _, home := range a.homes {
		if a.box == NoBox && n.leads(from, goal{home, NoBox}, v6) {
			sp.kind, sp.network = vacant, home
			return
		}
	}
}

// inside is the host to which the translator b leads packets of a kind for one
// of its public addresses; not ok if only a mapping lets them in.
func (n *Network) inside(b BoxID, a AddrID, k Kind) (h HostID, ok bool) {
	if n.known[a].box != b {
		return AnyHost, false
	}
	for _, l := range n.known[a].lead {
		if l.kinds.has(k) {
			return l.host, true
		}
	}
	return AnyHost, false
}

// waysTo is how many picks differ on the ways from a network to an endpoint
// for packets of a kind; 1 unless ways of equal cost are balanced.
func (n *Network) waysTo(from NetworkID, e *Endpoint, k Kind, v6 bool) int {
	if !n.many {
		return 1
	}
	sp := n.locate(from, e, v6)
	switch sp.kind {
	case atHost, vacant:
		return n.tree(goal{sp.network, NoBox}, v6).waysFrom(node(sp.from))
	case atBox:
		count := n.tree(goal{0, sp.box}, v6).waysFrom(node(sp.from))
		if h, ok := n.inside(sp.box, e.Addr, k); ok {
			behind := n.tree(goal{n.hosts[h].at, NoBox}, v6).waysFrom(n.graph.inward(sp.box))
			count = int(lcm(uint32(count), uint32(behind)))
		}
		return count
	}
	return 1
}
