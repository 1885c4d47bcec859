package topology

import (
	"fmt"
	"strings"
	"time"

	"github.com/relaysim/relaysim/rng"
)

// Network is a compiled Spec. It is immutable and safe for concurrent use.
type Network struct {
	networks []network
	boxes    []box
	segments []segment // legs first, so that a LegID is its segment's number
	hosts    []host
	meters   []meter // of the limits, numbered over all boxes
	paths    paths
	legs     map[string]LegID

	attachments int // number of attachments of all networks
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
}

type host struct {
	name string
	at   NetworkID
	role Role
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
	loss        rng.Chance // on the link at the near end, in both directions
	network     NetworkID  // of its routers, as rules see them
	leg         LegID      // that it is, or NoLeg
	box         BoxID      // Routed box whose Silent and Drops apply, or NoBox
	silent      bool
	drops       kindSet
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
// errors.Join in the order networks, boxes, legs, hosts.
//
// The path between two networks is the one with the fewest routers, counting
// Stateful and Stateless boxes; of those the one over the fewest legs; of
// those the one whose legs come first by name, compared leg by leg from the
// network that comes first by name. It may lead through other networks. The
// path back is its reverse.
func Compile(s *Spec) (*Network, error) {
	if err := check(s); err != nil {
		return nil, err
	}
	n := &Network{legs: make(map[string]LegID, len(s.Legs))}
	for i := range s.Boxes {
		n.addBox(BoxID(i), &s.Boxes[i])
	}
	for i := range s.Legs {
		n.addLeg(LegID(i), &s.Legs[i])
	}
	for i := range s.Networks {
		n.addNetwork(NetworkID(i), &s.Networks[i])
	}
	for _, h := range s.Hosts {
		n.hosts = append(n.hosts, host{h.Name, h.Network, h.Role})
	}
	n.paths = findPaths(s)
	return n, nil
}

func (n *Network) addSegment(s segment) segmentID {
	n.segments = append(n.segments, s)
	return segmentID(len(n.segments) - 1)
}

func (n *Network) addLeg(id LegID, l *LegSpec) {
	s := segment{
		name: l.Name + ".r", routers: l.Routers, loss: l.Loss,
		network: l.Network, leg: id, box: NoBox,
	}
	s.spread(l.Delay)
	if b := &n.boxes[l.Box]; b.kind == Routed {
		s.box, s.silent, s.drops = l.Box, b.silent, b.drops
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
		first: n.attachments, variants: len(access),
	}
	for _, routers := range access {
		n.addSegment(segment{name: spec.Name + ".a", routers: routers, network: id, leg: NoLeg, box: NoBox})
	}
	n.attachments += len(access)
	n.networks = append(n.networks, net)
}

// Host is the endpoint of a relay or the root.
func (n *Network) Host(id HostID) Endpoint {
	h := &n.hosts[id]
	return Endpoint{At: Attachment{Network: h.at}, Host: id, Role: h.role}
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

// routersOf is the number of access routers that an endpoint adds.
func (n *Network) routersOf(e *Endpoint) int {
	if e.Role != Client {
		return 0
	}
	return n.segments[n.access(e.At)].routers
}

// hops is the number of routers between two endpoints; it is not ok without a
// path.
func (n *Network) hops(a, b *Endpoint) (hops int, ok bool) {
	ends := n.routersOf(a) + n.routersOf(b)
	if a.At.Network == b.At.Network {
		return ends + n.segments[n.networks[a.At.Network].inside].routers, true
	}
	p := n.paths.between(a.At.Network, b.At.Network)
	return ends + int(p.hops), p.hops >= 0
}

// Hops is the number of routers between a client and a host, whatever
// firewalls say to it; it is not ok where no path leads there.
func (n *Network) Hops(a Attachment, h HostID) (hops int, ok bool) {
	client, host := n.Client(a, 0), n.Host(h)
	hops, ok = n.hops(&client, &host)
	if !ok {
		return 0, false
	}
	return hops, true
}

// Reachable tells whether a path leads from a to b, whatever firewalls on it
// say.
func (n *Network) Reachable(a, b NetworkID) bool {
	return a == b || n.paths.between(a, b).hops >= 0
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
