package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// switchNode is the namespace of the bridges.
const switchNode = "sw"

// deadPort is a port that leads nowhere.
const deadPort = "dead"

// nodeName is the last part of the name of a node's namespace.
func nodeName(i int) string { return fmt.Sprintf("n%d", i) }

// batches are the commands that make a lab, as ip -batch takes them.
type batches struct {
	root     []string // in no namespace of the lab
	switches []string // in that of the bridges
	nodes    [][]string
}

// batches writes the commands. prefix begins the names of all namespaces.
func (p *Plan) batches(prefix string) *batches {
	b := &batches{nodes: make([][]string, len(p.Nodes))}
	bridged := false
	for _, s := range p.Segments {
		bridged = bridged || s.Ports != 2
	}
	if bridged {
		b.root = append(b.root, "netns add "+prefix+switchNode)
	}
	for i := range p.Nodes {
		b.root = append(b.root, "netns add "+prefix+nodeName(i))
	}
	b.addLinks(p, prefix)
	for i := range p.Nodes {
		b.nodes[i] = append(p.Nodes[i].commands(), p.neighbours(i)...)
	}
	return b
}

// addLinks adds the bridges and the veth pairs. No end of one is ever outside
// the lab's namespaces, so that they vanish with these.
func (b *batches) addLinks(p *Plan, prefix string) {
	type port struct {
		node, number int
		name         string
	}
	first := make([]*port, len(p.Segments))
	count := 0
	for i := range p.Nodes {
		for j, q := range p.Nodes[i].Ports {
			s := p.Segments[q.Segment]
			here := &port{i, j, q.Name}
			switch {
			case s.Ports != 2:
				name := fmt.Sprintf("p%d", count)
				count++
				if first[q.Segment] == nil {
					first[q.Segment] = here
					b.switches = append(b.switches, fmt.Sprintf("link add br%d type bridge", q.Segment), fmt.Sprintf("link set br%d up", q.Segment))
				}
				b.root = append(b.root, fmt.Sprintf("link add %s address %s netns %s%s type veth peer name %s netns %s%s",
					q.Name, hardware(i, j), prefix, nodeName(i), name, prefix, switchNode))
				b.switches = append(b.switches, fmt.Sprintf("link set %s master br%d up", name, q.Segment))
			case first[q.Segment] == nil:
				first[q.Segment] = here
			default:
				other := first[q.Segment]
				b.root = append(b.root, fmt.Sprintf("link add %s address %s netns %s%s type veth peer name %s address %s netns %s%s",
					other.name, hardware(other.node, other.number), prefix, nodeName(other.node), q.Name, hardware(i, j), prefix, nodeName(i)))
			}
		}
	}
}

// hardware is the address of a port on its segment, in the space that everybody
// may use (IEEE 802, second bit of the first octet).
func hardware(node, port int) string {
	return fmt.Sprintf("02:00:00:%02x:%02x:%02x", node>>8, node&255, port)
}

// neighbours makes the nodes known to each other to which routes of a node lead.
// If they had to ask (RFC 826), some labs at once would fill the one table that
// the kernel has for all namespaces (net.ipv4.neigh.default.gc_thresh3, 1,024).
func (p *Plan) neighbours(node int) (lines []string) {
	for _, r := range p.Nodes[node].Routes {
		line := fmt.Sprintf("neigh add %v lladdr %s dev %s nud permanent", r.Via, p.hardwareOf(r.Via, p.Nodes[node].segmentOf(r.Port)), r.Port)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (n *Node) segmentOf(port string) int {
	return n.Ports[slices.IndexFunc(n.Ports, func(p Port) bool { return p.Name == port })].Segment
}

// hardwareOf is the address of the port that the node of an address has on a
// segment.
func (p *Plan) hardwareOf(a netip.Addr, segment int) string {
	for i := range p.Nodes {
		for j, q := range p.Nodes[i].Ports {
			if p.Nodes[i].Address == a && q.Segment == segment {
				return hardware(i, j)
			}
		}
	}
	panic(fmt.Sprintf("lab: %v is not on segment %d", a, segment))
}

// commands are what sets up a node from the inside.
func (n *Node) commands() (lines []string) {
	lines = append(lines, "link set lo up", fmt.Sprintf("addr add %v/32 dev lo", n.Address))
	for _, a := range n.Others {
		lines = append(lines, fmt.Sprintf("addr add %v/32 dev lo", a))
	}
	for _, p := range n.Ports {
		lines = append(lines, "link set "+p.Name+" up")
	}
	if len(n.Dead) > 0 {
		// A bridge without ports, which takes everything and asks for no address.
		lines = append(lines, "link add "+deadPort+" type bridge", "link set "+deadPort+" arp off up")
	}
	for _, a := range n.Dead {
		lines = append(lines, fmt.Sprintf("route add %v/32 dev %s", a, deadPort))
	}
	for _, r := range n.Routes {
		lines = append(lines, fmt.Sprintf("route add %v/32 via %v dev %s onlink src %v", r.To, r.Via, r.Port, n.Address))
	}
	return lines
}

// sysctl is a setting of a namespace below /proc/sys/net.
type sysctl struct{ path, value string }

// sysctls of a node. Forwarding comes first, for it resets others.
func (n *Node) sysctls() (all []sysctl) {
	set := func(path, value string) { all = append(all, sysctl{path, value}) }
	if n.Forwards {
		set("ipv4/ip_forward", "1")
	}
	for _, c := range append([]Port{{Name: "all"}, {Name: "default"}}, n.Ports...) {
		set("ipv4/conf/"+c.Name+"/rp_filter", "0")
		set("ipv4/conf/"+c.Name+"/send_redirects", "0")
	}
	set("ipv6/conf/all/disable_ipv6", "1")
	if !n.Errors {
		set("ipv4/icmp_ratelimit", "0")
		set("ipv4/icmp_ratemask", "0") // also exempts them from icmp_msgs_per_sec
	}
	return all
}

// Script shows the plan as a shell script.
func (p *Plan) Script(prefix string) string {
	b := p.batches(prefix)
	var out strings.Builder
	block := func(command string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&out, "%s <<'END'\n%s\nEND\n", command, strings.Join(lines, "\n"))
		}
	}
	block("ip -batch -", b.root)
	block("ip -n "+prefix+switchNode+" -batch -", b.switches)
	for i := range p.Nodes {
		n, ns := &p.Nodes[i], prefix+nodeName(i)
		fmt.Fprintf(&out, "\n# %s: %s\n", ns, n.Name)
		for _, s := range n.sysctls() {
			fmt.Fprintf(&out, "ip netns exec %s sysctl -qw net.%s=%s\n", ns, strings.ReplaceAll(s.path, "/", "."), s.value)
		}
		block("ip -n "+ns+" -batch -", b.nodes[i])
		if n.Rules != "" {
			block("ip netns exec "+ns+" nft -f -", []string{strings.TrimSuffix(n.Rules, "\n")})
		}
	}
	return out.String()
}
