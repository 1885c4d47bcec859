package lab

import (
	"fmt"
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// The segments of a Spec that are there before any link: those of clients and
// of hosts of each place, and those that Routed boxes are.
func (p *planner) clientSide(n topology.NetworkID) int { return 2 * int(n) }
func (p *planner) hostSide(n topology.NetworkID) int   { return 2*int(n) + 1 }
func (p *planner) routed(b topology.BoxID) int         { return 2*len(p.spec.Networks) + int(b) }

// wire joins the nodes.
func (p *planner) wire() {
	for i := range p.spec.Networks {
		n := &p.spec.Networks[i]
		p.newSegment(n.Name)
		p.newSegment(n.Name + " hosts")
	}
	for i := range p.spec.Boxes {
		p.newSegment(p.spec.Boxes[i].Name)
	}
	for i := range p.spec.Networks {
		if n := topology.NetworkID(i); len(p.insides[n]) == 0 {
			p.join(p.clientSide(n), p.hostSide(n))
		}
	}
	for i := range p.spec.Legs {
		p.joinLeg(topology.LegID(i))
	}
	for i := range p.spec.Networks {
		p.wireInside(topology.NetworkID(i))
	}
	for i := range p.spec.Legs {
		p.wireLeg(topology.LegID(i))
	}
	for i, c := range p.clients {
		last := p.chain(c, p.access[i])
		p.attach(last, p.clientSide(p.design.Clients[i].At.Network), "outer")
	}
	for i, h := range p.hosts {
		p.attach(h, p.hostSide(p.spec.Hosts[i].Network), "outer")
	}
}

func (p *planner) newSegment(name string) int {
	p.parent = append(p.parent, len(p.parent))
	p.names = append(p.names, name)
	return len(p.parent) - 1
}

// find is the segment that stands for all that are joined with s.
func (p *planner) find(s int) int {
	for p.parent[s] != s {
		s = p.parent[s]
	}
	return s
}

func (p *planner) join(a, b int) {
	if a, b = p.find(a), p.find(b); a != b {
		p.parent[max(a, b)] = min(a, b)
	}
}

// attach gives a node a port on a segment, unless it has one there.
func (p *planner) attach(node, segment int, name string) int {
	s := p.find(segment)
	if port, ok := p.isOn[node][s]; ok {
		return port
	}
	n := &p.plan.Nodes[node]
	if slices.ContainsFunc(n.Ports, func(q Port) bool { return q.Name == name }) {
		name = fmt.Sprintf("%s-%d", name, len(n.Ports))
	}
	n.Ports = append(n.Ports, Port{name, s})
	p.isOn[node][s] = len(n.Ports) - 1
	return len(n.Ports) - 1
}

// link joins two nodes by a segment of their own.
func (p *planner) link(a, b int, nameA, nameB string) (portB int) {
	s := p.newSegment("")
	p.attach(a, s, nameA)
	return p.attach(b, s, nameB)
}

// chain joins a row of routers with the node before it and returns the last.
func (p *planner) chain(from int, row []int) (last int) {
	for _, n := range row {
		p.link(from, n, "outer", "inner")
		from = n
	}
	return from
}

// wireInside puts the inside routers of a place between its two segments.
func (p *planner) wireInside(n topology.NetworkID) {
	row := p.insides[n]
	if len(row) == 0 {
		return
	}
	p.attach(row[0], p.clientSide(n), "inner")
	p.attach(p.chain(row[0], row[1:]), p.hostSide(n), "outer")
}

// joinLeg joins a place with a Routed box that it is on directly.
func (p *planner) joinLeg(id topology.LegID) {
	l := &p.spec.Legs[id]
	if l.Routers == 0 && p.boxes[l.Box] < 0 {
		p.join(p.clientSide(l.Network), p.routed(l.Box))
		p.join(p.hostSide(l.Network), p.routed(l.Box))
	}
}

// wireLeg puts the routers of a leg between its network and its box.
func (p *planner) wireLeg(id topology.LegID) {
	l, row := &p.spec.Legs[id], p.legs[id]
	box, name := p.boxes[l.Box], fmt.Sprintf("leg%d", id)
	switch {
	case len(row) == 0 && box < 0:
	case len(row) == 0:
		p.side(box, p.attach(box, p.clientSide(l.Network), name), l)
		p.side(box, p.attach(box, p.hostSide(l.Network), name), l)
	default:
		p.attach(row[0], p.clientSide(l.Network), "inner")
		p.attach(row[0], p.hostSide(l.Network), "inner")
		last := p.chain(row[0], row[1:])
		if box < 0 {
			p.attach(last, p.routed(l.Box), "outer")
		} else {
			p.side(box, p.link(last, box, "outer", name), l)
		}
	}
}

// side notes on which side of its box a port is.
func (p *planner) side(node, port int, l *topology.LegSpec) {
	key := sideKey{node, port}
	if old, ok := p.sides[key]; ok && old != l.Side {
		p.refusef("box %q has two sides on one segment of %q", p.spec.Boxes[l.Box].Name, p.spec.Networks[l.Network].Name)
	}
	p.sides[key] = l.Side
}

// number gives the segments that are in use their final numbers.
func (p *planner) number() {
	at := map[int]int{}
	for i := range p.plan.Nodes {
		for j := range p.plan.Nodes[i].Ports {
			port := &p.plan.Nodes[i].Ports[j]
			s, ok := at[port.Segment]
			if !ok {
				s = len(p.plan.Segments)
				at[port.Segment] = s
				p.plan.Segments = append(p.plan.Segments, Segment{Name: p.names[port.Segment]})
			}
			port.Segment = s
			p.plan.Segments[s].Ports++
		}
	}
}
