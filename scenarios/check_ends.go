package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// writtenEnd is an address or a network as an end of a rule has it.
type writtenEnd struct {
	at      spot
	subject string
	netip.Prefix
	rows *node // that it is in; nil for openings and boxes
}

// writtenEnds warns of ends that match no packet: nobody has an address in
// them, or the box has translated it before its rules see it.
func (b *binder) writtenEnds() {
	known := b.knownPrefixes()
	type file struct {
		at            spot
		rules, places []string
		count         int
	}
	var order []*node
	files := map[*node]*file{}
	for _, w := range b.written {
		switch {
		case known.overlap(w.Prefix):
		case w.rows == nil:
			b.warn(w.at, w.subject, "matches no packet: no place, host or stranger %s", hasAddress(w.Prefix))
		default:
			f := files[w.rows]
			if f == nil {
				f = &file{at: w.at, count: len(w.rows.list)}
				files[w.rows], order = f, append(order, w.rows)
			}
			f.rules = append(f.rules, strings.TrimPrefix(w.subject, "rule "))
			f.places = append(f.places, shownEnd(w.Prefix))
		}
	}
	for _, rows := range order {
		f := files[rows]
		f.rules, f.places = unique(f.rules), unique(f.places)
		b.warn(f.at, "rules", "no place, host or stranger has an address that %d of %d rules (%s) speak of: %s", len(f.rules), f.count, listed(f.rules), listed(f.places))
	}
	for _, p := range b.policies {
		for i := range p.spec.Boxes {
			b.translatedEnds(p, topology.BoxID(i))
		}
	}
}

func shownEnd(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func hasAddress(p netip.Prefix) string {
	if p.IsSingleIP() {
		return "has the address " + shownEnd(p)
	}
	return "has an address in " + shownEnd(p)
}

// ranges are addresses from the first of each to the last of it, in order and
// apart from each other.
type ranges [][2]netip.Addr

// overlap tells whether the prefix has an address in common with the ranges.
func (r ranges) overlap(p netip.Prefix) bool {
	i, _ := slices.BinarySearchFunc(r, p.Addr(), func(x [2]netip.Addr, a netip.Addr) int { return x[1].Compare(a) })
	return i < len(r) && (r[i][0].Compare(p.Addr()) <= 0 || p.Contains(r[i][0]))
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Addr().AsSlice()
	for i := p.Bits(); i < len(a)*8; i++ {
		a[i/8] |= 1 << (7 - i%8)
	}
	last, _ := netip.AddrFromSlice(a)
	return last
}

// knownPrefixes are the addresses that somebody can have: clients anywhere in
// the prefixes of their places, hosts, strangers, translators and routers with
// an address of their own; or that packets go to, since names lead there.
func (b *binder) knownPrefixes() ranges {
	var all []netip.Prefix
	one := func(a netip.Addr) {
		if a.IsValid() {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	clients := map[topology.NetworkID]bool{}
	for i := range b.plan.Groups {
		for _, id := range placesOfGroup(&b.plan.Groups[i]) {
			clients[id] = true
			if t := b.tunneled[id]; t != nil {
				clients[t.Underlay] = true
			}
		}
	}
	for i := range b.hostSpecs {
		for _, a := range b.hostSpecs[i].Addrs {
			one(a)
		}
		one(b.hostSpecs[i].ListedAs)
	}
	for _, p := range b.policies {
		for i := range p.spec.Boxes {
			one(p.spec.Boxes[i].ErrorsFrom)
			for _, a := range publicsOf(p.spec.Boxes[i].NAT) {
				one(a)
			}
		}
		for i := range p.spec.Views {
			one(p.spec.Views[i].Wildcard)
			for _, x := range p.spec.Views[i].Answers {
				for _, a := range x.Addrs {
					one(a)
				}
			}
		}
	}
	for id, list := range b.prefixes { // order: sorted below
		hosts := slices.ContainsFunc(b.hostSpecs, func(h topology.HostSpec) bool { return h.Network == id })
		if clients[id] || !hosts {
			all = append(all, list...)
		}
	}
	for _, p := range b.policies[:min(len(b.policies), 1)] {
		for i := range p.spec.Networks {
			for _, s := range p.spec.Networks[i].Strangers {
				all = append(all, s.Prefix)
			}
		}
	}
	slices.SortFunc(all, comparePrefixes)
	var out ranges
	for _, p := range all {
		if n := len(out); n == 0 || out[n-1][1].Less(p.Addr()) {
			out = append(out, [2]netip.Addr{p.Addr(), lastOf(p)})
		}
	}
	return out
}

// publicsOf are the addresses of a translator, some of them twice.
func publicsOf(nat *topology.NATSpec) []netip.Addr {
	if nat == nil {
		return nil
	}
	out := slices.Clone(nat.Pool)
	for _, s := range nat.Static {
		out = append(out, s.Public)
	}
	for _, f := range nat.Forwards {
		out = append(out, f.Public)
	}
	return out
}

// translatedEnds warns of rules of a translator about packets to a public
// address of its own.
func (b *binder) translatedEnds(p *policy, id topology.BoxID) {
	box := &p.spec.Boxes[id]
	if box.NAT == nil {
		return
	}
	public := map[netip.Addr]bool{}
	for _, a := range publicsOf(box.NAT) {
		public[a] = true
	}
	for i := range box.Rules {
		for _, to := range box.Rules[i].To.Prefixes {
			if to.IsSingleIP() && public[to.Addr()] {
				b.translatedEnd(&box.Rules[i], box, to)
			}
		}
	}
}

func (b *binder) translatedEnd(r *topology.Rule, box *topology.BoxSpec, to netip.Prefix) {
	var inside []string
	for _, s := range box.NAT.Static {
		if s.Public == to.Addr() {
			inside = append(inside, strconv.Quote(b.hostSpecs[s.Host].Name))
		}
	}
	for _, f := range box.NAT.Forwards {
		if f.Public == to.Addr() {
			inside = append(inside, strconv.Quote(b.hostSpecs[f.Host].Name))
		}
	}
	instead := ""
	if len(inside) > 0 {
		instead = " (write " + listed(unique(inside)) + ")"
	}
	for _, w := range b.written {
		if w.Prefix == to && (w.subject == r.Name || w.subject == "opening "+strconv.Quote(r.Name)) {
			b.warn(w.at, w.subject, "to: %s is an address of the box %q, whose rules see the address inside%s", to.Addr(), box.Name, instead)
		}
	}
}
