package lab

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// Design is what a lab is built of.
type Design struct {
	Spec    *topology.Spec
	Clients []Client
}

// Client is a client in a lab, a namespace of its own.
type Client struct {
	Name string
	At   topology.Attachment
}

// RefusedError lists what of a Design no lab can stand for.
type RefusedError struct{ Reasons []string }

func (e *RefusedError) Error() string {
	return "this network cannot be built of Linux namespaces: " + strings.Join(e.Reasons, "; ")
}

// Plan is a lab before it is built. It is pure data: equal Designs give equal
// Plans.
type Plan struct {
	Nodes []Node
	// Segments join ports; their bridges are in a namespace of their own.
	Segments []Segment
	// Clients are the clients of the Design, in its order.
	Clients []Station
	// Hosts are those of the Spec, in its order.
	Hosts []Station
	// Names tell whom an address stands for, as package topology names it:
	// "home-edge.r3", "edge", "dmz-1".
	Names map[netip.Addr]string
	// Targets are the addresses that a client asks for a host at, by client and
	// host; invalid where the name does not resolve.
	Targets [][]netip.Addr
	// Unrouted tells of each client and host that no way leads there.
	Unrouted [][]bool
	// LeftOut says what of the Design the lab does without, one line each.
	LeftOut []string
}

// Station is where a client or a host is.
type Station struct {
	Node    int
	Address netip.Addr
}

// Node is a namespace.
type Node struct {
	Name string
	// Address stands for the node.
	Address netip.Addr
	// Others are further addresses of its own: of the hosts that share it.
	Others []netip.Addr
	Ports  []Port
	Routes []Route
	// Dead are addresses that it forwards to nobody.
	Dead []netip.Addr
	// Forwards: it is a router. Listens: relays answer TCP here.
	Forwards, Listens bool
	// Errors limits its ICMP errors as Linux does.
	Errors bool
	// Rules is its nft file, "" for none.
	Rules string
}

// Port is an interface of a node.
type Port struct {
	Name    string
	Segment int
}

// Segment is a link between ports: a veth pair if there are two of them,
// otherwise a bridge.
type Segment struct {
	Name  string
	Ports int
}

// Route leads to one address.
type Route struct {
	To, Via netip.Addr
	Port    string
}

// String is how the routes of a node are listed.
func (r Route) String() string { return fmt.Sprintf("%v via %v dev %s", r.To, r.Via, r.Port) }
