package scenarios

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/topology"
)

// addresses checks whose addresses are whose. There is one address realm, but
// for what lies behind translators.
func (b *binder) addresses() {
	b.overlaps()
	owner := map[netip.Addr]string{}
	for i := range b.plan.Relays {
		r := &b.plan.Relays[i]
		n, subject := b.hostNode(r)
		at := n.spotOf("address")
		for _, a := range b.hostSpecs[i].Addrs {
			if other, twice := owner[a]; twice {
				b.add(at, subject, "address %s is the address of %q too", a, other)
			}
			owner[a] = r.Name
			if p := b.prefixes[r.Network]; len(p) > 0 && !slices.ContainsFunc(p, func(p netip.Prefix) bool { return p.Contains(a) }) {
				b.add(at, subject, "address %s is outside the %s of %q", a, shownPrefixes(p), b.plan.Networks[r.Network].Name)
			}
		}
	}
}

func shownPrefixes(p []netip.Prefix) string {
	words := make([]string, len(p))
	for i := range p {
		words[i] = p[i].String()
	}
	return plural2(len(p), "prefix", "prefixes") + " " + listed(words)
}

func plural2(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// placed is a prefix with its place.
type placed struct {
	netip.Prefix
	place topology.NetworkID
}

// overlaps reports places that have addresses in common, unless one of them is
// behind a translator: many homes have the same addresses.
func (b *binder) overlaps() {
	behind := b.behindTranslators()
	var all []placed
	for i := range b.plan.Networks {
		id := topology.NetworkID(i)
		for _, p := range b.prefixes[id] {
			if p.Addr().Is6() || !behind[id] {
				all = append(all, placed{p, id})
			}
		}
	}
	eachOverlap(all, func(p, q placed) {
		b.overlap(p, q, " (places behind translators may)")
	})
	for _, policy := range b.policies {
		for i := range policy.spec.Boxes {
			if nat := policy.spec.Boxes[i].NAT; nat != nil && !nat.PerClient {
				b.overlapsInside(&b.boxes[i], nat)
			}
		}
	}
}

// overlapsInside reports addresses that places on two insides of a translator
// have in common.
func (b *binder) overlapsInside(box *boxNode, nat *topology.NATSpec) {
	var all []placed
	for side, places := range box.sides {
		for _, id := range places {
			for _, p := range b.prefixes[id] {
				if side != int(nat.Outside) && p.Addr().Is4() {
					all = append(all, placed{p, id})
				}
			}
		}
	}
	eachOverlap(all, func(p, q placed) {
		x, _ := box.side(p.place)
		if y, _ := box.side(q.place); x != y {
			b.overlap(p, q, " on another inside of the box "+strconv.Quote(box.name)+", which translates nothing between the two")
		}
	})
}

// eachOverlap tells of prefixes that overlap, of each one that lies in others
// with the narrowest of these.
func eachOverlap(all []placed, tell func(p, q placed)) {
	// In the order of addresses, wider ones first, those that contain a prefix
	// are before it: the open ones.
	slices.SortStableFunc(all, func(x, y placed) int { return comparePrefixes(x.Prefix, y.Prefix) })
	var open []placed
	for _, p := range all {
		for len(open) > 0 && !open[len(open)-1].Overlaps(p.Prefix) {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			tell(p, open[len(open)-1])
		}
		open = append(open, p)
	}
}

// overlap reports two prefixes at the place that was written later.
func (b *binder) overlap(p, q placed, why string) {
	if p.place == q.place {
		return // reported with the prefix, or the address of two of its hosts
	}
	spot := func(p placed) spot { return b.section("place").get(b.plan.Networks[p.place].Name).spotOf("prefix") }
	x, y := spot(p), spot(q)
	if c := cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.line, y.line), cmp.Compare(x.col, y.col)); c < 0 {
		p, q = q, p
	}
	b.add(spot(p), "place "+strconv.Quote(b.plan.Networks[p.place].Name), "prefix %s overlaps %s of %q%s", p.Prefix, q.Prefix, b.plan.Networks[q.place].Name, why)
}

// behindTranslators are the places on an inside of a box that translates, be it
// under one policy.
func (b *binder) behindTranslators() map[topology.NetworkID]bool {
	out := map[topology.NetworkID]bool{}
	for _, p := range b.policies {
		for i := range p.spec.Boxes {
			nat := p.spec.Boxes[i].NAT
			if nat == nil {
				continue
			}
			for side, places := range b.boxes[i].sides {
				for _, id := range places {
					out[id] = out[id] || side != int(nat.Outside)
				}
			}
		}
	}
	return out
}

// publicAddresses reports public addresses that belong to somebody else, and
// answers of resolvers that belong to nobody.
func (b *binder) publicAddresses() {
	hosts := map[netip.Addr]string{}
	for i := range b.hostSpecs {
		for _, a := range b.hostSpecs[i].Addrs {
			hosts[a] = b.hostSpecs[i].Name
		}
	}
	nobody := map[answer][]string{} // with the policies
	for _, p := range b.policies {
		public := map[netip.Addr]string{}
		for i := range p.spec.Boxes {
			b.publicOf(p, topology.BoxID(i), public, hosts)
		}
		b.nobodys(p, hosts, public, nobody)
	}
	b.warnNobodys(nobody)
}

// publicOf adds the public addresses of one box under a policy.
func (b *binder) publicOf(p *policy, id topology.BoxID, public, hosts map[netip.Addr]string) {
	box := &p.spec.Boxes[id]
	if box.NAT == nil {
		return
	}
	at, subject := b.boxes[id].node, "box "+strconv.Quote(box.Name)
	if over := p.node.get("box").get(box.Name); over.has("nat") {
		at, subject = over, "policy "+strconv.Quote(p.Name)+": "+subject
	}
	mine := publicsOf(box.NAT)
	slices.SortFunc(mine, netip.Addr.Compare)
	b.publicInside(id, box.NAT, mine, at.spotOf("nat"), subject)
	for _, a := range slices.Compact(mine) {
		if host, ok := hosts[a]; ok {
			b.add(at.spotOf("nat"), subject, "nat: %s is the own address of %q", a, host)
		}
		if other, ok := public[a]; ok {
			b.add(at.spotOf("nat"), subject, "nat: %s is an address of the box %q too", a, other)
		}
		public[a] = box.Name
	}
}

// publicInside warns of public addresses, in order, that hosts on an inside
// look for next to them.
func (b *binder) publicInside(id topology.BoxID, nat *topology.NATSpec, mine []netip.Addr, at spot, subject string) {
	for side, places := range b.boxes[id].sides {
		for _, place := range places {
			for _, p := range b.prefixes[place] {
				i, _ := slices.BinarySearchFunc(mine, p.Addr(), netip.Addr.Compare)
				if side != int(nat.Outside) && i < len(mine) && p.Contains(mine[i]) && !p.IsSingleIP() {
					b.warn(at, subject, "nat: the public address %s lies in %s, the prefix of %q inside", mine[i], p, b.plan.Networks[place].Name)
				}
			}
		}
	}
}

// answer is an address that a relay's name resolves to in a place.
type answer struct {
	at      spot
	subject string
	relay   string
	place   string
	addr    netip.Addr
}

// nobodys collects the addresses that relays are known by where a group can be
// and that nobody has: no host, no translator and no stranger of that place.
func (b *binder) nobodys(p *policy, hosts, public map[netip.Addr]string, out map[answer][]string) {
	seen := map[topology.NetworkID]bool{}
	for i := range b.plan.Groups {
		for _, id := range placesOfGroup(&b.plan.Groups[i]) {
			if seen[id] || int(id) >= len(p.spec.Networks) {
				continue
			}
			seen[id] = true
			b.nobodysAt(p, &p.spec.Networks[id], func(x answer) {
				_, isHost := hosts[x.addr]
				_, isPublic := public[x.addr]
				if !isHost && !isPublic {
					out[x] = append(out[x], p.Name)
				}
			})
		}
	}
}

// nobodysAt tells of each address that names resolve to at a place and that no
// stranger there has.
func (b *binder) nobodysAt(p *policy, place *topology.NetworkSpec, tell func(answer)) {
	one := func(a netip.Addr, at spot, subject, relay string) {
		if !slices.ContainsFunc(place.Strangers, func(s topology.StrangerSpec) bool { return s.Prefix.Contains(a) }) {
			tell(answer{at, subject, relay, place.Name, a})
		}
	}
	for i := range b.hostSpecs {
		if a := b.hostSpecs[i].ListedAs; a.IsValid() {
			n, subject := b.hostNode(&b.plan.Relays[i])
			one(a, n.spotOf("listed_as"), subject, "listed_as")
		}
	}
	if !place.HasView {
		return
	}
	v := &p.spec.Views[place.View]
	n, subject := b.viewNode(p, v.Name), "names "+strconv.Quote(v.Name)
	if n == nil {
		return // a portal
	}
	for _, x := range v.Answers {
		host := b.hostSpecs[x.Host].Name
		key := host
		if !n.has(host) {
			key = "root"
		}
		for _, a := range x.Addrs {
			if !b.hostSpecs[x.Host].ListedAs.IsValid() {
				one(a, n.spotOf(key), subject, host)
			}
		}
	}
	if v.Wildcard.IsValid() {
		one(v.Wildcard, n.spotOf("*"), subject, "*")
	}
}

// warnNobodys warns of those addresses, each once.
func (b *binder) warnNobodys(nobody map[answer][]string) {
	type once struct {
		at      spot
		subject string
		relay   string
		addr    netip.Addr
		under   string
	}
	places := map[once][]string{}
	for x, policies := range nobody { // order: warnings and places are sorted
		under := ""
		if len(policies) < len(b.policies) {
			under = " under " + listed(policies)
		}
		k := once{x.at, x.subject, x.relay, x.addr, under}
		places[k] = append(places[k], strconv.Quote(x.place))
	}
	for k, at := range places { // order: warnings are sorted
		slices.Sort(at)
		b.warn(k.at, k.subject, "%s: nobody has the address %s for clients at %s%s", k.relay, k.addr, listed(at), k.under)
	}
}
