package lab

import (
	"net/netip"

	"github.com/relaysim/relaysim/topology"
)

// allocator gives addresses away: in the prefixes of places, where the Spec
// has them and there is room, and otherwise in prefixes of its own.
type allocator struct {
	spec  *topology.Spec
	taken map[netip.Addr]bool
	next  map[netip.Prefix]netip.Addr
	own   []netip.Prefix // of places, by NetworkID
	boxes netip.Prefix
	// outside tells of which places addresses lie outside their prefixes.
	outside map[topology.NetworkID]bool
}

func newAllocator(s *topology.Spec) allocator {
	a := allocator{spec: s, taken: map[netip.Addr]bool{}, next: map[netip.Prefix]netip.Addr{}, outside: map[topology.NetworkID]bool{}}
	spare := spares(s)
	a.boxes = spare()
	for range s.Networks {
		a.own = append(a.own, spare())
	}
	for i := range s.Hosts {
		a.take(s.Hosts[i].Addrs...)
	}
	for i := range s.Boxes {
		b := &s.Boxes[i]
		a.take(b.ErrorsFrom)
		if b.NAT == nil {
			continue
		}
		a.take(b.NAT.Pool...)
		for _, x := range b.NAT.Static {
			a.take(x.Public)
		}
		for _, x := range b.NAT.Forwards {
			a.take(x.Public)
		}
	}
	return a
}

func (a *allocator) take(addrs ...netip.Addr) {
	for _, x := range addrs {
		a.taken[x] = true
	}
}

// spares returns a generator of prefixes that the Spec says nothing about: of
// the shared address space (RFC 6598), the block for benchmarks (RFC 2544) and
// class E.
func spares(s *topology.Spec) func() netip.Prefix {
	octets := [][2]byte{}
	for b := 64; b < 128; b++ {
		octets = append(octets, [2]byte{100, byte(b)})
	}
	octets = append(octets, [2]byte{198, 18}, [2]byte{198, 19})
	for b := range 255 {
		octets = append(octets, [2]byte{10, byte(255 - b)}, [2]byte{21, byte(b)}) // 21/8 is not announced
	}
	return func() netip.Prefix {
		for len(octets) > 0 {
			o := octets[0]
			octets = octets[1:]
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{o[0], o[1]}), 16)
			if !speaksOf(s, p) {
				return p
			}
		}
		return netip.Prefix{}
	}
}

// speaksOf tells whether a prefix of the Spec overlaps p.
func speaksOf(s *topology.Spec, p netip.Prefix) bool {
	overlap := false
	see := func(all []netip.Prefix) {
		for _, q := range all {
			overlap = overlap || q.Bits() > 0 && q.Overlaps(p)
		}
	}
	for i := range s.Networks {
		see(s.Networks[i].Prefixes)
		for _, x := range s.Networks[i].Strangers {
			see([]netip.Prefix{x.Prefix})
		}
	}
	for i := range s.Boxes {
		for j := range s.Boxes[i].Rules {
			see(s.Boxes[i].Rules[j].From.Prefixes)
			see(s.Boxes[i].Rules[j].To.Prefixes)
		}
	}
	return overlap
}

// prefix4 is the first IPv4 prefix of a network, if it has one.
func prefix4(n *topology.NetworkSpec) (netip.Prefix, bool) {
	for _, p := range n.Prefixes {
		if p.Addr().Is4() {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// in is a free address in a network.
func (a *allocator) in(n topology.NetworkID) netip.Addr {
	if p, ok := prefix4(&a.spec.Networks[n]); ok {
		if x, ok := a.free(p); ok {
			return x
		}
		a.outside[n] = true
	}
	x, _ := a.free(a.own[n])
	return x
}

// box is a free address that is in no network.
func (a *allocator) box() netip.Addr {
	x, _ := a.free(a.boxes)
	return x
}

// host is the address of a host: its own, or one in its network.
func (a *allocator) host(h topology.HostID) netip.Addr {
	for _, x := range a.spec.Hosts[h].Addrs {
		if x.Is4() {
			return x
		}
	}
	return a.in(a.spec.Hosts[h].Network)
}

// free is the next free address of a prefix; not ok if it has none.
func (a *allocator) free(p netip.Prefix) (netip.Addr, bool) {
	x, ok := a.next[p]
	if !ok {
		x = p.Masked().Addr().Next()
	}
	for p.Contains(x) && a.taken[x] {
		x = x.Next()
	}
	if !p.Contains(x) || !p.Contains(x.Next()) && p.Bits() < 31 { // the last one is broadcast
		return netip.Addr{}, false
	}
	a.taken[x] = true
	a.next[p] = x.Next()
	return x, true
}
