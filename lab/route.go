package lab

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/topology"
)

// travel is a way through the lab under construction: the nodes, and the
// source and destination that a request has as it leaves each of them.
type travel struct {
	nodes    []int
	src, dst []netip.Addr
}

// on appends a node.
func (t *travel) on(nodes ...int) {
	for _, n := range nodes {
		t.nodes = append(t.nodes, n)
		t.src = append(t.src, t.src[len(t.src)-1])
		t.dst = append(t.dst, t.dst[len(t.dst)-1])
	}
}

// route finds the ways of all clients to all hosts, and the routes that make
// them and, reversed, those of the replies.
func (p *planner) route() {
	st := p.net.NewState()
	for i := range p.design.Clients {
		targets, unrouted := make([]netip.Addr, len(p.hosts)), make([]bool, len(p.hosts))
		for h := range p.hosts {
			q, ok := st.Request(p.design.Clients[i].At, uint64(i), topology.HostID(h), topology.EchoRequest, topology.MaxTTL, 0)
			if !ok {
				continue
			}
			targets[h] = p.plan.Hosts[h].Address
			if q.Dst.Addr != topology.NoAddr {
				targets[h] = p.net.Addr(q.Dst.Addr)
			}
			unrouted[h] = q.V6 || !p.routeTo(i, topology.HostID(h), targets[h])
		}
		p.plan.Targets = append(p.plan.Targets, targets)
		p.plan.Unrouted = append(p.plan.Unrouted, unrouted)
	}
	for i := range p.routes {
		p.plan.Nodes[i].Routes = slices.SortedFunc(maps.Values(p.routes[i]), func(a, b Route) int { return a.To.Compare(b.To) })
	}
}

// routeTo lays the routes from a client to the address at which it asks for a
// host; it is not ok if no way leads there.
func (p *planner) routeTo(client int, h topology.HostID, to netip.Addr) bool {
	t := &travel{nodes: []int{p.clients[client]}, src: []netip.Addr{p.plan.Clients[client].Address}, dst: []netip.Addr{to}}
	t.on(p.access[client]...)
	at := p.design.Clients[client].At.Network
	if own, ok := p.owner(to); ok && p.travelTo(t, at, own) {
		p.lay(t)
		return true
	}
	b, ok := p.translatorOf(to)
	if !ok {
		return false
	}
	if !p.travelToBox(t, at, b, to) {
		return false
	}
	p.lay(t)
	return true
}

// owner is the host whose own an address is.
func (p *planner) owner(a netip.Addr) (topology.HostID, bool) {
	i := slices.IndexFunc(p.plan.Hosts, func(s Station) bool { return s.Address == a })
	return topology.HostID(max(i, 0)), i >= 0
}

// travelTo goes on from a network to a host.
func (p *planner) travelTo(t *travel, at topology.NetworkID, h topology.HostID) bool {
	to := p.spec.Hosts[h].Network
	if to == at {
		t.on(p.insides[at]...)
	} else {
		way, ok := waysTo(p.spec, to, topology.NoBox).from(at)
		if !ok {
			return false
		}
		for _, c := range way {
			p.cross(t, c)
		}
	}
	t.on(p.hosts[h])
	return true
}

// cross goes on over a step of a way.
func (p *planner) cross(t *travel, c crossing) {
	t.on(p.legs[c.in]...)
	if n := p.boxes[c.box]; n >= 0 {
		t.on(n)
		p.masquerade(t, c)
	}
	if c.out != topology.NoLeg {
		t.on(reversed(p.legs[c.out])...)
	}
}

func reversed(row []int) []int {
	row = slices.Clone(row)
	slices.Reverse(row)
	return row
}

// masquerade changes the source of what leaves a translator to its outside.
func (p *planner) masquerade(t *travel, c crossing) {
	nat := p.spec.Boxes[c.box].NAT
	if nat == nil || c.out == topology.NoLeg || p.spec.Legs[c.out].Side != nat.Outside {
		return
	}
	last := len(t.nodes) - 1
	t.src[last] = p.publicFor(c.box, t.src[last])
}

// publicFor is the address that a translator gives to a source: of its pool,
// in turn, or one of its own for each client.
func (p *planner) publicFor(b topology.BoxID, inside netip.Addr) netip.Addr {
	if a, ok := p.sources[b][inside]; ok {
		return a
	}
	nat, at := p.spec.Boxes[b].NAT, outsideOf(p.spec, b)
	var a netip.Addr
	if len(nat.Pool) > 0 {
		a = nat.Pool[len(p.sources[b])%len(nat.Pool)]
	} else {
		a = p.addresses.in(at)
	}
	p.sources[b][inside] = a
	p.plan.Names[a] = p.spec.Boxes[b].Name
	p.ends = append(p.ends, end{addr: a, network: at, role: topology.Client, host: topology.AnyHost, known: len(nat.Pool) > 0})
	p.dead(p.boxes[b], a)
	return a
}

// dead lets a node forward what is for an address to nobody.
func (p *planner) dead(node int, a netip.Addr) {
	if n := &p.plan.Nodes[node]; !slices.Contains(n.Dead, a) {
		n.Dead = append(n.Dead, a)
	}
}

// translatorOf is the box whose a public address is.
func (p *planner) translatorOf(a netip.Addr) (topology.BoxID, bool) {
	for i := range p.spec.Boxes {
		nat := p.spec.Boxes[i].NAT
		if nat != nil && (slices.Contains(nat.Pool, a) ||
			slices.ContainsFunc(nat.Static, func(s topology.StaticNAT) bool { return s.Public == a }) ||
			slices.ContainsFunc(nat.Forwards, func(f topology.PortForward) bool { return f.Public == a })) {
			return topology.BoxID(i), true
		}
	}
	return topology.NoBox, false
}

// insideHosts are the hosts to which a translator leads what is for a public
// address.
func (p *planner) insideHosts(b topology.BoxID, a netip.Addr) (hosts []topology.HostID) {
	for _, s := range p.spec.Boxes[b].NAT.Static {
		if s.Public == a {
			hosts = append(hosts, s.Host)
		}
	}
	for _, f := range p.spec.Boxes[b].NAT.Forwards {
		if f.Public == a && !slices.Contains(hosts, f.Host) {
			hosts = append(hosts, f.Host)
		}
	}
	return hosts
}

// travelToBox goes on to a translator, and from there to the hosts inside.
func (p *planner) travelToBox(t *travel, at topology.NetworkID, b topology.BoxID, to netip.Addr) bool {
	way, ok := waysTo(p.spec, 0, b).from(at)
	if !ok || len(way) == 0 {
		return false
	}
	for _, c := range way[:len(way)-1] {
		p.cross(t, c)
	}
	last := way[len(way)-1]
	nat := p.spec.Boxes[b].NAT
	fromInside := p.spec.Legs[last.in].Side != nat.Outside
	t.on(p.legs[last.in]...)
	t.on(p.boxes[b])
	p.dead(p.boxes[b], to)
	p.plan.Names[to] = p.spec.Boxes[b].Name
	if fromInside && !nat.Hairpin {
		p.lay(t)
		return true
	}
	for _, h := range p.insideHosts(b, to) {
		branch := &travel{slices.Clone(t.nodes), slices.Clone(t.src), slices.Clone(t.dst)}
		end := len(branch.dst) - 1
		branch.dst[end] = p.plan.Hosts[h].Address
		if fromInside {
			branch.src[end] = p.publicFor(b, branch.src[end])
		}
		out, rest, ok := waysTo(p.spec, p.spec.Hosts[h].Network, topology.NoBox).fromBox(b)
		if !ok {
			continue
		}
		branch.on(reversed(p.legs[out])...)
		for _, c := range rest {
			p.cross(branch, c)
		}
		branch.on(p.hosts[h])
		p.lay(branch)
	}
	return true
}

// lay lays the routes of a way and of its reverse.
func (p *planner) lay(t *travel) {
	for i := range len(t.nodes) - 1 {
		p.lead(t.nodes[i], t.dst[i], t.nodes[i+1])
		p.lead(t.nodes[i+1], t.src[i], t.nodes[i])
	}
}

// lead adds a route to a node: what is for an address goes to the node next.
func (p *planner) lead(node int, to netip.Addr, next int) {
	r := Route{To: to, Via: p.plan.Nodes[next].Address, Port: p.portTo(node, next)}
	if old, ok := p.routes[node][to]; ok && old != r {
		p.refusef("the way from %s to %v depends on more than the destination", p.plan.Nodes[node].Name, to)
	}
	p.routes[node][to] = r
}

// portTo is the port of a node on the first segment that it shares with
// another. Where that decides by which side of a box a packet comes, it could be
// the wrong one.
func (p *planner) portTo(node, next int) string {
	var shared []int
	// order: sorted below.
	for s := range p.isOn[node] {
		if _, ok := p.isOn[next][s]; ok {
			shared = append(shared, s)
		}
	}
	slices.SortFunc(shared, cmp.Compare[int])
	if len(shared) == 0 {
		panic("lab: " + p.plan.Nodes[node].Name + " and " + p.plan.Nodes[next].Name + " share no segment")
	}
	for _, n := range []int{node, next} {
		for _, s := range shared[1:] {
			if p.sides[sideKey{n, p.isOn[n][s]}] != p.sides[sideKey{n, p.isOn[n][shared[0]]}] {
				p.refusef("two sides of box %q are next to %s", p.plan.Nodes[n].Name, p.plan.Nodes[node+next-n].Name)
			}
		}
	}
	return p.plan.Nodes[node].Ports[p.isOn[node][shared[0]]].Name
}
