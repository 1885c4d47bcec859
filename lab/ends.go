package lab

import (
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// end is who has an address, as rules may speak of him.
type end struct {
	addr    netip.Addr
	network topology.NetworkID
	role    topology.Role
	host    topology.HostID
	// known addresses are matched by prefixes singly, others with all their
	// network.
	known bool
	// kinds of request for which it holds; 0 for all. Public addresses lead
	// different kinds to different hosts.
	kinds []topology.Kind
}

// findEnds adds the public addresses of translators to those of the nodes.
func (p *planner) findEnds() {
	for i := range p.spec.Boxes {
		nat := p.spec.Boxes[i].NAT
		if nat == nil {
			continue
		}
		at := outsideOf(p.spec, topology.BoxID(i))
		for _, s := range nat.Static {
			p.ends = append(p.ends, end{addr: s.Public, network: at, role: p.spec.Hosts[s.Host].Role, host: s.Host, known: true})
		}
		for _, f := range nat.Forwards {
			p.ends = append(p.ends, end{addr: f.Public, network: at, role: p.spec.Hosts[f.Host].Role, host: f.Host, known: true, kinds: f.Kinds})
		}
		for _, a := range p.unled(nat) {
			p.ends = append(p.ends, end{addr: a.addr, network: at, role: topology.Stranger, host: topology.AnyHost, known: true, kinds: a.kinds})
		}
	}
}

// unled are the public addresses of Forwards with the kinds of request that
// they lead nowhere.
func (p *planner) unled(nat *topology.NATSpec) (rest []end) {
	led := map[netip.Addr][]topology.Kind{}
	var order []netip.Addr
	for _, f := range nat.Forwards {
		if led[f.Public] == nil {
			order = append(order, f.Public)
		}
		led[f.Public] = append(led[f.Public], f.Kinds...)
	}
	for _, a := range order {
		var kinds []topology.Kind
		for _, k := range []topology.Kind{topology.TCP, topology.UDP, topology.EchoRequest} {
			if !slices.Contains(led[a], k) {
				kinds = append(kinds, k)
			}
		}
		if len(kinds) > 0 {
			rest = append(rest, end{addr: a, kinds: kinds})
		}
	}
	return rest
}

// isZero tells whether a Match matches everything.
func isZero(m *topology.Match) bool {
	return len(m.Networks) == 0 && m.Roles == 0 && len(m.Hosts) == 0 && len(m.Prefixes) == 0
}

// matches tells whether m matches an end in a packet of an exchange that begins
// with a kind of request.
func (p *planner) matches(m *topology.Match, e *end, request topology.Kind) bool {
	if len(e.kinds) > 0 && !slices.Contains(e.kinds, request) {
		return false
	}
	return (len(m.Networks) == 0 || slices.Contains(m.Networks, e.network)) &&
		(m.Roles == 0 || m.Roles&e.role != 0) &&
		(len(m.Hosts) == 0 || slices.Contains(m.Hosts, e.host)) &&
		(len(m.Prefixes) == 0 || p.inPrefixes(m.Prefixes, e))
}

// requestOf is the kind of request to which a packet of a kind belongs.
func requestOf(k topology.Kind) topology.Kind {
	switch k {
	case topology.EchoReply:
		return topology.EchoRequest
	case topology.Reset:
		return topology.TCP
	}
	return k
}

func (p *planner) inPrefixes(list []netip.Prefix, e *end) bool {
	contained := func(q netip.Prefix) bool {
		return slices.ContainsFunc(list, func(x netip.Prefix) bool { return x.Bits() <= q.Bits() && x.Contains(q.Addr()) })
	}
	if e.known {
		return contained(netip.PrefixFrom(e.addr, 32))
	}
	if e.network == topology.NoNetwork {
		return false
	}
	any := false
	for _, q := range p.spec.Networks[e.network].Prefixes {
		if q.Addr().Is4() {
			any = true
			if !contained(q) {
				return false
			}
		}
	}
	return any
}

// addressSet is the nft expression of a Match for exchanges of a kind: prefixes
// where these alone say the same, else the addresses of all that it matches.
// It is not ok if it matches nobody.
func (p *planner) addressSet(m *topology.Match, request topology.Kind) (set []string, ok bool) {
	var addrs []netip.Addr
	literal := len(m.Prefixes) > 0
	for i := range p.ends {
		e := &p.ends[i]
		matched := p.matches(m, e, request)
		if matched {
			addrs = append(addrs, e.addr)
		}
		literal = literal && matched == slices.ContainsFunc(m.Prefixes, func(x netip.Prefix) bool { return x.Contains(e.addr) })
	}
	if literal {
		set = prefixNames(m.Prefixes)
		return set, len(set) > 0
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	for _, a := range addrs {
		set = append(set, a.String())
	}
	return set, len(set) > 0
}

// prefixNames lists the IPv4 prefixes that no other of the list contains: nft
// takes no overlaps.
func prefixNames(list []netip.Prefix) (names []string) {
	for i, x := range list {
		covered := slices.ContainsFunc(list[:i], func(y netip.Prefix) bool { return y == x })
		for _, y := range list {
			covered = covered || y.Bits() < x.Bits() && y.Contains(x.Addr())
		}
		if x.Addr().Is4() && !covered {
			names = append(names, x.String())
		}
	}
	return names
}
