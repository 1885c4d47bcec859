package topology

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// Network is a compiled Spec. It is immutable and safe for concurrent use.
type Network struct {
	networks    []network
	boxes       []box
	segments    []segment // legs first, so that a LegID is its segment's number
	hosts       []host
	meters      []meter // of the limits, numbered over all boxes
	impairments []impairment
	bursts      []bursts
	patience    time.Duration // the least lifetime of any flow or mapping
	legs        map[string]LegID
	views       []view
	ownNames    bool // see OwnNames
	addresses
	ways

	balanceBy   Balance
	translators int     // number of boxes with NAT
	tunnels     []LegID // legs that are tunnels
	attachments int     // number of attachments of all networks
}

// network is a compiled NetworkSpec.
type network struct {
	name   string
	inside segmentID
	// access is the segment of the first access variant; the others follow.
	access segmentID
	// first numbers the first of its attachments among all networks'.
	first    int
	variants int

	families    Families // in which its clients and hosts can send
	prefixes    []netip.Prefix
	view        ViewID     // or NoView
	strangers   []stranger // longest prefix first
	tellsAbsent bool
	tunneled    *tunneled // of VPN clients, or nil
}

// tunneled is a compiled TunneledSpec.
type tunneled struct {
	underlay NetworkID
	into     idSet // of networks; nil for everything
}

type host struct {
	name     string
	key      uint64 // hash of the name
	at       NetworkID
	role     Role
	addrs    answer
	listedAs answer
	guard    GuardID
}

// segmentID numbers the segments of a Network.
type segmentID int32

// segment is a row of routers with a link before, between and after them. It
// has a near end, from which the routers are counted: the network of a leg,
// the client of an inside or an access variant.
type segment struct {
	name    string // of its routers, without the number
	routers int
	// first is the delay of the link at the near end, link that of each other
	// one. They add up to the delay of the segment.
	first, link time.Duration
	loss        rng.Chance   // on the link at the near end, in both directions
	impaired    impairmentID // what else befalls packets there, 0 for nothing
	network     NetworkID    // of its routers, as rules see them
	leg         LegID        // that it is, or NoLeg
	box         BoxID        // Routed box whose Silent and Drops apply, or NoBox
	silent      bool
	eats        bool // EatsExpiring
	drops       kindSet

	// Of a leg.
	key      uint64 // hash of its name
	side     uint8  // of its box
	tunneled bool   // it is a tunnel over the network over to gateway
	over     NetworkID
	gateway  NetworkID
}

// spread divides the delay d over the links of the segment, in whole
// nanoseconds; the first link has the remainder too.
func (s *segment) spread(d time.Duration) {
	links := time.Duration(s.routers + 1)
	s.link = d / links
	s.first = s.link + d%links
}

// of is the name of the leg or network that the segment is part of.
func (s *segment) of() string { return s.name[:strings.LastIndexByte(s.name, '.')] }

// Compile checks s and turns it into a Network, which keeps no reference to
// it. Everything that is wrong with s is reported, one error each, joined by
// errors.Join in the order networks, boxes, legs, hosts, routes, views.
//
// The way from one network to another is the one of least metric (see
// LegSpec), counting 1 for each Stateful and Stateless box; of those the one
// over the fewest legs; of those the one whose legs come first by name,
// compared leg by leg from where the request begins. It may lead through other
// networks, except those of VPN clients, and leads over translators outward
// only, save in IPv6. Static routes go before it, at the network that has them.
// The reply goes the way of its request reversed. Spec.Balance may choose
// another of the ways of least cost.
func Compile(s *Spec) (*Network, error) {
	if err := check(s); err != nil {
		return nil, err
	}
	n := &Network{legs: make(map[string]LegID, len(s.Legs)), balanceBy: s.Balance}
	n.addAddresses(s)
	for i := range s.Boxes {
		n.addBox(s, BoxID(i))
	}
	n.patience = leastLifetime(n.boxes)
	for i := range s.Legs {
		n.addLeg(LegID(i), &s.Legs[i])
	}
	for i := range s.Networks {
		n.addNetwork(NetworkID(i), &s.Networks[i])
	}
	n.shareAccess()
	for i := range s.Hosts {
		n.addHost(&s.Hosts[i])
	}
	n.addViews(s)
	n.ownNames = len(n.views) == 0 && !slices.ContainsFunc(n.hosts, func(h host) bool { return h.listedAs != answer{} })
	n.addWays(s)
	if err := n.checkWays(s); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *Network) addHost(spec *HostSpec) {
	h := host{
		name: spec.Name, key: rng.Hash(spec.Name), at: spec.Network, role: spec.Role, guard: spec.Guard,
		addrs: n.answer(spec.Addrs),
	}
	if spec.ListedAs.IsValid() {
		h.listedAs = n.answer([]netip.Addr{spec.ListedAs})
	}
	n.hosts = append(n.hosts, h)
}

func (n *Network) addSegment(s segment) segmentID {
	n.segments = append(n.segments, s)
	return segmentID(len(n.segments) - 1)
}

func (n *Network) addLeg(id LegID, l *LegSpec) {
	s := segment{
		name: l.Name + ".r", routers: l.Routers, loss: l.Loss,
		network: l.Network, leg: id, box: NoBox, impaired: n.impair(l),
		key: rng.Hash(l.Name), side: l.Side,
	}
	s.spread(l.Delay)
	if b := &n.boxes[l.Box]; b.kind == Routed {
		s.box, s.silent, s.eats, s.drops = l.Box, b.silent, b.eats, b.drops
	}
	if t := l.Tunnel; t != nil {
		s.tunneled, s.over, s.gateway = true, t.Over, t.Gateway
		n.tunnels = append(n.tunnels, id)
	}
	n.addSegment(s)
	n.legs[l.Name] = id
}

func (n *Network) addNetwork(id NetworkID, spec *NetworkSpec) {
	inside := segment{
		name: spec.Name + ".lan", routers: spec.InsideRouters, loss: spec.InsideLoss,
		network: id, leg: NoLeg, box: NoBox,
	}
	inside.spread(spec.InsideDelay)
	access := spec.Access
	if len(access) == 0 {
		access = []int{0}
	}
	net := network{
		name: spec.Name, inside: n.addSegment(inside), access: segmentID(len(n.segments)),
		variants: len(access),
		families: familiesOf(spec.Prefixes), prefixes: slices.Clone(spec.Prefixes),
		view: NoView, strangers: newStrangers(spec.Strangers), tellsAbsent: spec.TellsAbsent,
	}
	if spec.HasView {
		net.view = spec.View
	}
	if t := spec.Tunneled; t != nil {
		net.tunneled = &tunneled{t.Underlay, setOf(t.Into)}
	}
	for _, routers := range access {
		n.addSegment(segment{name: spec.Name + ".a", routers: routers, network: id, leg: NoLeg, box: NoBox})
	}
	n.networks = append(n.networks, net)
}

// shareAccess gives places of VPN clients the access routers of what they are
// in, and numbers the attachments.
func (n *Network) shareAccess() {
	for i := range n.networks {
		net := &n.networks[i]
		if net.tunneled != nil {
			under := &n.networks[net.tunneled.underlay]
			net.access, net.variants = under.access, under.variants
		}
		net.first = n.attachments
		n.attachments += net.variants
	}
}

// familiesOf are the families of prefixes: IPv4 without any.
func familiesOf(prefixes []netip.Prefix) (f Families) {
	for _, p := range prefixes {
		f |= familyOf(p.Addr())
	}
	if f == 0 {
		return IPv4
	}
	return f
}

func newStrangers(specs []StrangerSpec) (all []stranger) {
	for _, s := range specs {
		all = append(all, stranger{s.Name, s.Prefix.Masked(), s.AnswersEcho, s.AnswersTCP})
	}
	slices.SortFunc(all, func(a, b stranger) int {
		return cmp.Or(cmp.Compare(b.prefix.Bits(), a.prefix.Bits()), cmp.Compare(a.name, b.name))
	})
	return all
}

// Host is the endpoint of a relay or the root.
func (n *Network) Host(id HostID) Endpoint {
	h := &n.hosts[id]
	e := Endpoint{At: Attachment{Network: h.at, Guard: h.guard}, Host: id, Role: h.role, Addr: h.addrs.v4}
	if e.Addr == NoAddr {
		e.Addr = h.addrs.v6
	}
	return e
}

// Client is the endpoint of a client. Clients with the same source share a
// bucket of limits that count by source.
func (n *Network) Client(a Attachment, source uint64) Endpoint {
	n.attachment(a)
	return Endpoint{At: a, Host: AnyHost, Role: Client, Source: source}
}

// attachment numbers the attachments of all networks.
func (n *Network) attachment(a Attachment) int {
	net := &n.networks[a.Network]
	if int(a.Access) >= net.variants {
		panic(fmt.Sprintf("topology: network %q has no access variant %d", net.name, a.Access))
	}
	return net.first + int(a.Access)
}

// access is the segment of the access routers of a client.
func (n *Network) access(a Attachment) segmentID {
	return n.networks[a.Network].access + segmentID(a.Access)
}

// isTunneled tells whether a network is a place of VPN clients.
func (n *Network) isTunneled(id NetworkID) bool { return n.networks[id].tunneled != nil }

// routersOf is the number of access routers that an endpoint adds on ways that
// begin or end in the network at. Inside a tunnel they are not seen.
func (n *Network) routersOf(e *Endpoint, at NetworkID) int {
	if e.Role != Client || at == e.At.Network && n.networks[at].tunneled != nil {
		return 0
	}
	return n.segments[n.access(e.At)].routers
}

// hops is the number of routers that a request of a kind from a to b meets,
// translators among them; it is not ok without a way.
func (n *Network) hops(a, b *Endpoint, k Kind, v6 bool) (hops int, ok bool) {
	var buf [16]step
	sp := n.locate(a.At.Network, b, v6)
	ends := n.routersOf(a, sp.from) + n.routersOf(b, sp.network)
	if sp.kind == nowhere {
		return ends, false
	}
	way, last, ok := n.wayTo(buf[:0], &sp, b.Addr, k, v6)
	if len(way) == 0 {
		return ends + n.segments[n.networks[last].inside].routers, ok
	}
	return ends + n.routersOn(way), ok
}

// wayTo appends the steps to a spot, through the translator if that has the
// address, and tells the network where they end.
func (n *Network) wayTo(buf []step, sp *spot, addr AddrID, k Kind, v6 bool) (way []step, last NetworkID, ok bool) {
	if sp.kind != atBox {
		way, ok = n.way(buf, sp.from, sp.network, 0, v6)
		return way, sp.network, ok
	}
	h, leads := n.inside(sp.box, addr, k)
	if !leads {
		return buf, sp.from, false
	}
	way, ok = n.wayToBox(buf, sp.from, sp.box, 0, v6)
	if !ok {
		return way, sp.from, false
	}
	in := way[len(way)-1].in
	way, ok = n.wayFromBox(way[:len(way)-1], in, sp.box, n.hosts[h].at, 0, v6)
	return way, n.hosts[h].at, ok
}

// Hops is the number of routers between a client and a host, whatever
// firewalls say to it, on the way to the address that the client asks for; it
// is not ok where no way leads there or the address is not the host's.
func (n *Network) Hops(a Attachment, h HostID) (hops int, ok bool) {
	client := n.Client(a, 0)
	dst, v6, ok := n.destinationOf(a.Network, h, EchoRequest, nil)
	if !ok || dst.Host != h {
		return 0, false
	}
	if hops, ok = n.hops(&client, &dst, EchoRequest, v6); !ok {
		return 0, false
	}
	return hops, true
}

// Reachable tells whether a way leads from a to b, or to hosts of b by public
// addresses of theirs, whatever firewalls on it say.
func (n *Network) Reachable(a, b NetworkID) bool {
	if a == b {
		return true
	}
	from := []NetworkID{a}
	if t := n.networks[a].tunneled; t != nil {
		from = append(from, t.underlay)
	}
	both := n.networks[a].families & n.networks[b].families
	return slices.ContainsFunc(from, func(a NetworkID) bool {
		return both&IPv4 != 0 && n.joined(a, b, false) || both&IPv6 != 0 && n.joined(a, b, true) ||
			n.networks[a].families&IPv4 != 0 && n.published(a, b)
	})
}

// joined tells whether a way leads from a to b.
func (n *Network) joined(a, b NetworkID, v6 bool) bool {
	_, ok := n.way(nil, a, b, 0, v6)
	return ok
}

// published tells whether a translator leads what comes from a to a host of b.
func (n *Network) published(a, b NetworkID) bool {
	for id := range n.known {
		k := &n.known[id]
		for _, l := range k.lead {
			if n.hosts[l.host].at != b {
				continue
			}
			sp := spot{kind: atBox, from: a, box: k.box}
			kind := Kind(bits.TrailingZeros16(uint16(l.kinds)))
			if _, _, ok := n.wayTo(nil, &sp, AddrID(id), kind, false); ok {
				return true
			}
		}
	}
	return false
}

// NetworkName is the name of a network in the Spec.
func (n *Network) NetworkName(id NetworkID) string { return n.networks[id].name }

// BoxName is the name of a box in the Spec, "" for NoBox.
func (n *Network) BoxName(id BoxID) string {
	if id == NoBox {
		return ""
	}
	return n.boxes[id].name
}

// HostName is the name of a host in the Spec.
func (n *Network) HostName(id HostID) string { return n.hosts[id].name }

// LegName is the name of a leg in the Spec.
func (n *Network) LegName(id LegID) string { return n.segments[id].of() }

// LegByName finds a leg.
func (n *Network) LegByName(name string) (LegID, bool) {
	id, ok := n.legs[name]
	return id, ok
}

// RuleName tells name and source of a rule of a box, two empty strings for -1,
// the box's default or its Drops.
func (n *Network) RuleName(id BoxID, rule int) (name, source string) {
	if id == NoBox || rule < 0 {
		return "", ""
	}
	r := &n.boxes[id].rules[rule]
	return r.name, r.source
}
