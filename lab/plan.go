package lab

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// planner makes a Plan.
type planner struct {
	design  *Design
	spec    *topology.Spec
	net     *topology.Network
	plan    *Plan
	refused []string

	addresses allocator
	parent    []int // of segments joined into one
	names     []string
	isOn      []map[int]int // by node: port by segment, as wired

	legs    [][]int // routers of each leg, from its network
	boxes   []int   // node of each box that is one, or -1
	access  [][]int // routers of each client, from the client
	insides [][]int // routers inside each network, from the clients
	hosts   []int   // node of each host
	clients []int

	ends    []end // who has which address, for the rules
	sides   map[sideKey]uint8
	routes  []map[netip.Addr]Route
	sources []map[netip.Addr]netip.Addr // by box: what its translator makes of sources
}

// sideKey names a port of a box.
type sideKey struct{ node, port int }

// NewPlan plans the lab of a Design. The error is a RefusedError if it cannot
// be built, or that of the Spec.
func NewPlan(d *Design) (*Plan, error) {
	n, err := topology.Compile(d.Spec)
	if err != nil {
		return nil, err
	}
	p := &planner{design: d, spec: d.Spec, net: n, plan: &Plan{Names: map[netip.Addr]string{}}, sides: map[sideKey]uint8{}}
	p.refuse()
	if len(p.refused) > 0 {
		return nil, &RefusedError{p.refused}
	}
	p.addresses = newAllocator(d.Spec)
	p.addNodes()
	p.wire()
	p.findEnds()
	p.route()
	p.write()
	p.number()
	p.leaveOut()
	if len(p.refused) > 0 {
		return nil, &RefusedError{p.refused}
	}
	return p.plan, nil
}

func (p *planner) refusef(format string, args ...any) {
	if r := fmt.Sprintf(format, args...); !slices.Contains(p.refused, r) {
		p.refused = append(p.refused, r)
	}
}

// addNode appends a node and returns its number.
func (p *planner) addNode(n Node) int {
	p.plan.Nodes = append(p.plan.Nodes, n)
	p.isOn = append(p.isOn, map[int]int{})
	p.routes = append(p.routes, map[netip.Addr]Route{})
	p.plan.Names[n.Address] = n.Name
	for _, a := range n.Others {
		p.plan.Names[a] = n.Name
	}
	return len(p.plan.Nodes) - 1
}

// addRouters appends a row of routers that stand in a network.
func (p *planner) addRouters(name string, at topology.NetworkID, count int) (row []int) {
	for i := range count {
		a := p.addresses.in(at)
		row = append(row, p.addNode(Node{Name: fmt.Sprintf("%s%d", name, i+1), Address: a, Forwards: true}))
		p.ends = append(p.ends, end{addr: a, network: at, role: topology.Router, host: topology.AnyHost})
	}
	return row
}

func (p *planner) addNodes() {
	for i := range p.spec.Boxes {
		p.boxes = append(p.boxes, p.addBox(topology.BoxID(i)))
		p.sources = append(p.sources, map[netip.Addr]netip.Addr{})
	}
	for i := range p.spec.Legs {
		l := &p.spec.Legs[i]
		row := p.addRouters(l.Name+".r", l.Network, l.Routers)
		if b := &p.spec.Boxes[l.Box]; b.Kind == topology.Routed {
			for _, n := range row {
				p.plan.Nodes[n].Errors = b.Errors != nil
			}
		}
		p.legs = append(p.legs, row)
	}
	for i := range p.spec.Networks {
		n := &p.spec.Networks[i]
		p.insides = append(p.insides, p.addRouters(n.Name+".lan", topology.NetworkID(i), n.InsideRouters))
	}
	p.addHosts()
	for i := range p.design.Clients {
		p.addClient(&p.design.Clients[i])
	}
}

func (p *planner) addBox(b topology.BoxID) int {
	spec := &p.spec.Boxes[b]
	if spec.Kind == topology.Routed || spec.Kind == topology.Guard {
		return -1
	}
	a := p.addresses.box()
	if spec.ErrorsFrom.IsValid() {
		a = spec.ErrorsFrom
	}
	p.ends = append(p.ends, end{addr: a, network: topology.NoNetwork, role: topology.Router, host: topology.AnyHost, known: spec.ErrorsFrom.IsValid()})
	return p.addNode(Node{Name: spec.Name, Address: a, Forwards: true, Errors: spec.Errors != nil})
}

// addHosts gives the hosts of a network that have no guard one node together,
// and every other one of its own.
func (p *planner) addHosts() {
	shared := make(map[topology.NetworkID]int)
	for i := range p.spec.Hosts {
		h := &p.spec.Hosts[i]
		a := p.addresses.host(topology.HostID(i))
		p.ends = append(p.ends, end{addr: a, network: h.Network, role: h.Role, host: topology.HostID(i), known: len(h.Addrs) > 0})
		node, ok := shared[h.Network]
		if ok && h.Guard == 0 {
			p.plan.Nodes[node].Others = append(p.plan.Nodes[node].Others, a)
		} else {
			node = p.addNode(Node{Name: h.Name, Address: a, Listens: true})
			if h.Guard == 0 {
				shared[h.Network] = node
			}
		}
		p.plan.Names[a] = h.Name
		p.hosts = append(p.hosts, node)
		p.plan.Hosts = append(p.plan.Hosts, Station{node, a})
	}
}

func (p *planner) addClient(c *Client) {
	n := &p.spec.Networks[c.At.Network]
	a := p.addresses.in(c.At.Network)
	node := p.addNode(Node{Name: c.Name, Address: a})
	p.ends = append(p.ends, end{addr: a, network: c.At.Network, role: topology.Client, host: topology.AnyHost})
	p.clients = append(p.clients, node)
	p.plan.Clients = append(p.plan.Clients, Station{node, a})
	routers := 0
	if len(n.Access) > 0 {
		routers = n.Access[c.At.Access]
	}
	row := p.addRouters(n.Name+".a", c.At.Network, routers)
	p.access = append(p.access, row)
}
