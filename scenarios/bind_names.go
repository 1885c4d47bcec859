package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// Addresses of captive portals, which nobody else has: the dummy address of
// RFC 7600 section 4.8 and one of the discard-only block (RFC 6666). Each
// portal has them in its own place alone.
var (
	portalIPv4 = netip.MustParseAddr("192.0.0.8")
	portalIPv6 = netip.MustParseAddr("100::8")
)

// bindViews numbers the views of names, by name, and then the portals.
func (b *binder) bindViews() {
	sec := b.section("names")
	for _, name := range slices.Sorted(slices.Values(sec.names())) {
		b.viewIDs[name] = topology.ViewID(len(b.views))
		v := topology.ViewSpec{Name: name}
		if n := sec.get(name); n.kind == table {
			b.view(&v, n, "names "+strconv.Quote(name))
		}
		b.views = append(b.views, v)
	}
	for _, place := range b.section("place").names() {
		n := b.section("place").get(place)
		if n.kind != table || !n.truth("captive_portal") {
			continue
		}
		if n.has("names") {
			b.add(n.spotOf("captive_portal"), "place "+strconv.Quote(place), "has a captive portal, to which every name resolves, and names")
		}
		b.portals[b.places[place]] = topology.ViewID(len(b.views))
		b.views = append(b.views, topology.ViewSpec{Name: place + " portal", Wildcard: b.portalOf(b.places[place])})
	}
}

// viewsUnder are the views with what a policy changes of them. What is wrong in
// a view itself, or was inherited, is told already.
func (b *binder) viewsUnder(p *policy, subject string) []topology.ViewSpec {
	defer b.once(len(b.errors))
	changed := p.node.get("names")
	out := slices.Clone(b.views)
	for _, name := range changed.names() {
		id, ok := b.viewIDs[name]
		if !ok {
			b.add(changed.spotOf(name), subject, "names: view %q is not defined%s", short(name), hint(name, b.section("names").names()))
			continue
		}
		n := b.viewNode(p, name)
		if n.kind != table {
			continue
		}
		out[id] = topology.ViewSpec{Name: name}
		b.view(&out[id], n, subject+": names "+strconv.Quote(name))
	}
	return out
}

// viewNode is what a view says under a policy.
func (b *binder) viewNode(p *policy, name string) *node {
	n := b.section("names").get(name)
	if over := p.node.get("names").get(name); over != nil && over.kind == table && n != nil && n.kind == table {
		return overlay(n, over)
	}
	return n
}

// portalOf is the address of the portal of a place.
func (b *binder) portalOf(place topology.NetworkID) netip.Addr {
	p := b.prefixes[place]
	if len(p) > 0 && !slices.ContainsFunc(p, func(p netip.Prefix) bool { return p.Addr().Is4() }) {
		return portalIPv6
	}
	return portalIPv4
}

// view reads what the names of relays resolve to.
func (b *binder) view(v *topology.ViewSpec, n *node, subject string) {
	for _, name := range n.names() {
		answer := n.get(name)
		addrs, none := b.answers(answer, subject)
		switch id, ok := b.relayNamed(name); {
		case name == "*" && none:
			v.Closed = true
		case name == "*" && len(addrs) > 1:
			b.add(answer.at, subject, "\"*\" has %d addresses (one, or \"none\", is accepted)", len(addrs))
		case name == "*" && len(addrs) == 1:
			v.Wildcard = addrs[0]
		case name == "*":
		case ok && slices.ContainsFunc(v.Answers, func(a topology.NameAnswer) bool { return a.Host == id }):
			b.add(answer.at, subject, "%q is the root server, whose name is answered already", name)
		case ok:
			v.Answers = append(v.Answers, topology.NameAnswer{Host: id, Addrs: addrs})
		default:
			b.add(answer.at, subject, "relay %q is not defined%s", short(name), hint(name, append([]string{"*"}, b.relayNames()...)))
		}
	}
	slices.SortFunc(v.Answers, func(x, y topology.NameAnswer) int { return int(x.Host) - int(y.Host) })
}

// relayNamed is a relay, or the root, as a host.
func (b *binder) relayNamed(name string) (topology.HostID, bool) {
	if name == "root" {
		name = b.rootName
	}
	id, ok := b.relays[name]
	return topology.HostID(id), ok
}

// answers reads "none" or addresses, at most one of each family.
func (b *binder) answers(v *node, subject string) (addrs []netip.Addr, none bool) {
	if v.kind == text && v.text == "none" {
		return nil, true
	}
	return b.addrs(v, "", subject), false
}

// addrs reads one address or a list, at most one of each family. A value that
// is none is reported with the key, if it has one.
func (b *binder) addrs(v *node, key, subject string) []netip.Addr {
	items := []*node{v}
	if v.kind == list {
		items = v.list
	}
	if len(items) == 0 && key == "" {
		b.add(v.at, subject, "names no address (\"none\" is accepted)")
	}
	if key != "" {
		key += " "
	}
	var out []netip.Addr
	for _, item := range items {
		if item.kind != text {
			continue
		}
		a, ok := hostAddr(item.text)
		if !ok {
			b.add(item.at, subject, "%s%q is not an IP address%s", key, short(item.text), ofHost(item.text))
			continue
		}
		if slices.ContainsFunc(out, func(o netip.Addr) bool { return o.Is4() == a.Is4() }) {
			b.add(item.at, subject, "%s%s is a second address of its family (one of each is accepted)", key, a)
			continue
		}
		out = append(out, a)
	}
	return out
}

// hostAddr reads an address that a host can have. ::ffff:10.0.0.1 is 10.0.0.1.
func hostAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	a = a.Unmap()
	return a, err == nil && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
}

// ofHost ends an error about what is an address, but none that a host can have.
func ofHost(s string) string {
	if _, err := netip.ParseAddr(s); err == nil {
		return " of a host"
	}
	return ""
}

// addr reads one address under a key of n, the zero Addr if there is none.
func (b *binder) addr(n *node, key, subject string) netip.Addr {
	if v := n.get(key); v != nil && v.kind == text {
		if addrs := b.addrs(v, key, subject); len(addrs) == 1 {
			return addrs[0]
		}
	}
	return netip.Addr{}
}

// resolver gives a place its view of names.
func (b *binder) resolver(spec *topology.NetworkSpec, n *node) {
	if id, ok := b.portals[b.places[spec.Name]]; ok {
		spec.HasView, spec.View = true, id
		return
	}
	v := n.get("names")
	if v == nil || v.kind != text {
		return
	}
	id, ok := b.viewIDs[v.text]
	if !ok {
		b.add(v.at, "place "+strconv.Quote(spec.Name), "names: view %q is not defined%s", short(v.text), hint(v.text, b.section("names").names()))
		return
	}
	spec.HasView, spec.View = true, id
}

// strangers are the portal of a place, and those who have addresses here that
// belong to somebody else elsewhere.
func (b *binder) strangers(n *node, id topology.NetworkID) []topology.StrangerSpec {
	var out []topology.StrangerSpec
	place := b.plan.Networks[id].Name
	if _, ok := b.portals[id]; ok {
		a := b.portalOf(id)
		out = append(out, topology.StrangerSpec{
			Name: place + " portal", Prefix: netip.PrefixFrom(a, a.BitLen()), AnswersEcho: true, AnswersTCP: true,
		})
	}
	answers := n.str("strangers")
	if n.has("strangers") && !n.has("reuses") {
		b.add(n.spotOf("strangers"), "place "+strconv.Quote(place), "strangers means nothing without reuses")
	}
	prefixes := b.prefixList(n, "reuses", "place "+strconv.Quote(place))
	for _, p := range prefixes {
		if n.has("prefix") && slices.Contains(b.prefixes[id], p) {
			b.add(n.spotOf("reuses"), "place "+strconv.Quote(place), "reuses %s is the prefix of the place itself", p)
		}
		name := place + " host"
		if len(prefixes) > 1 {
			name += " of " + p.String()
		}
		out = append(out, topology.StrangerSpec{
			Name: name, Prefix: p,
			AnswersEcho: strings.HasPrefix(answers, "echo"), AnswersTCP: answers == "echo+tcp",
		})
	}
	return out
}

// prefixList reads the networks under a key, in the order of their addresses.
// Those of one list must not overlap.
func (b *binder) prefixList(n *node, key, subject string) []netip.Prefix {
	var out []netip.Prefix
	if v := n.get(key); v != nil && v.kind == list && len(v.list) == 0 {
		b.add(v.at, subject, "%s names no network", key)
	}
	for _, v := range n.items(key) {
		if v.kind != text {
			continue
		}
		p, ok := parsePrefix(v.text)
		switch {
		case !ok:
			b.add(v.at, subject, "%s %q is not a network (\"10.1.0.0/16\" is accepted)", key, short(v.text))
			continue
		case !b.whole(v, v.text, key+" ", subject):
			continue
		case p.Addr().IsMulticast() || p.Addr().IsLoopback():
			b.add(v.at, subject, "%s %s has addresses that no host of a network has", key, p)
			continue
		}
		if i := slices.IndexFunc(out, p.Overlaps); i >= 0 {
			b.add(v.at, subject, "%s %s overlaps %s", key, p, out[i])
			continue
		}
		out = append(out, p)
	}
	slices.SortFunc(out, comparePrefixes)
	return out
}

func comparePrefixes(x, y netip.Prefix) int {
	if c := x.Addr().Compare(y.Addr()); c != 0 {
		return c
	}
	return x.Bits() - y.Bits()
}

// whole refuses a network that is written with bits beyond its length.
func (b *binder) whole(v *node, word, key, subject string) bool {
	p, err := netip.ParsePrefix(word)
	if err != nil || p == p.Masked() {
		return true
	}
	b.add(v.at, subject, "%s%q has bits beyond its length (%s is accepted)", key, short(word), p.Masked())
	return false
}

// parsePrefix reads "10.1.0.0/16" without bits beyond its length. IPv4 within
// IPv6 is not taken for either.
func parsePrefix(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil && !p.Addr().Is4In6()
}
