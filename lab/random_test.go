//go:build kernel

package lab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// random draws small networks. Equal seeds give equal networks.
type random struct {
	*rand.Rand
	spec *topology.Spec
	// limits: some rules have one.
	limits bool
	// hairpins: inside networks too are told public addresses, and some
	// translators let them be used from there.
	hairpins bool
}

// randomDesign draws networks until there is one that can be built.
func randomDesign(seed uint64) (*Design, *Plan) {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 0x6c6162))}
	return r.fitting(seed)
}

// limitedDesign is randomDesign with limits on rules.
func limitedDesign(seed uint64) (*Design, *Plan) {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 0x6c696d)), limits: true}
	return r.fitting(seed)
}

// hairpinDesign is randomDesign with public addresses that are asked from
// inside.
func hairpinDesign(seed uint64) (*Design, *Plan) {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 0x686169)), hairpins: true}
	return r.fitting(seed)
}

func (r *random) fitting(seed uint64) (*Design, *Plan) {
	for range 1000 {
		d := r.design()
		fits := !r.limits && !r.hairpins || r.hairpins && hairpins(d) || slices.ContainsFunc(d.Spec.Boxes, func(b topology.BoxSpec) bool { return limits(&b) })
		if p, err := NewPlan(d); err == nil && fits && len(p.Nodes) <= 40 && routed(p) >= 2 {
			return d, p
		}
	}
	panic(fmt.Sprintf("lab: seed %d gives no network", seed))
}

// hairpins tells whether a client inside a translator asks for a public address
// of it.
func hairpins(d *Design) bool {
	return slices.ContainsFunc(d.Clients, func(c Client) bool {
		v := &d.Spec.Networks[c.At.Network]
		if !v.HasView {
			return false
		}
		return slices.ContainsFunc(d.Spec.Views[v.View].Answers, func(a topology.NameAnswer) bool { return d.fromInside(c.At.Network, a.Addrs[0]) })
	})
}

// fromInside tells whether an address is public at a translator of which the
// network is inside.
func (d *Design) fromInside(n topology.NetworkID, a netip.Addr) bool {
	for b := range d.Spec.Boxes {
		nat := d.Spec.Boxes[b].NAT
		if nat == nil || !slices.ContainsFunc(nat.Static, func(s topology.StaticNAT) bool { return s.Public == a }) &&
			!slices.ContainsFunc(nat.Forwards, func(f topology.PortForward) bool { return f.Public == a }) {
			continue
		}
		way, ok := waysTo(d.Spec, 0, topology.BoxID(b)).from(n)
		return ok && len(way) > 0 && d.Spec.Legs[way[len(way)-1].in].Side != nat.Outside
	}
	return false
}

// routed counts the pairs of client and host that a way joins.
func routed(p *Plan) (n int) {
	for c := range p.Clients {
		for h := range p.Hosts {
			if p.Targets[c][h].IsValid() && !p.Unrouted[c][h] {
				n++
			}
		}
	}
	return n
}

func (r *random) chance(percent int) bool { return r.IntN(100) < percent }

// few is a small number, mostly 0 or 1.
func (r *random) few() int { return []int{0, 0, 0, 1, 1, 2}[r.IntN(6)] }

func (r *random) design() *Design {
	s := &topology.Spec{}
	r.spec = s
	networks := 2 + min(r.IntN(11), r.IntN(11))
	for i := range networks {
		r.addNetwork(i)
	}
	for joined := 1; joined < networks; {
		joined = r.addBox(joined)
	}
	if r.chance(25) {
		r.addRing()
	}
	for i := range 1 + r.IntN(4) {
		r.addHost(i)
	}
	for i := range r.IntN(3) {
		s.Boxes = append(s.Boxes, topology.BoxSpec{Name: fmt.Sprintf("guard%d", i), Kind: topology.Guard})
	}
	for i := range s.Boxes {
		r.fill(&s.Boxes[i])
	}
	r.translate()
	r.guardHosts()
	return &Design{s, r.clients()}
}

func (r *random) addNetwork(i int) {
	n := topology.NetworkSpec{Name: fmt.Sprintf("net%d", i), InsideRouters: r.few()}
	for range r.IntN(3) {
		n.Access = append(n.Access, r.few())
	}
	if r.chance(60) {
		n.Prefixes = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16)}
	}
	r.spec.Networks = append(r.spec.Networks, n)
}

// addBox joins one of the first networks with one to three of the next.
func (r *random) addBox(joined int) int {
	b := topology.BoxID(len(r.spec.Boxes))
	kind := []topology.BoxKind{topology.Routed, topology.Stateful, topology.Stateful, topology.Stateless}[r.IntN(4)]
	r.spec.Boxes = append(r.spec.Boxes, topology.BoxSpec{Name: fmt.Sprintf("box%d", b), Kind: kind})
	near := uint8(r.IntN(3))
	r.addLeg(topology.NetworkID(r.IntN(joined)), b, near)
	for range 1 + r.IntN(3) {
		if joined == len(r.spec.Networks) {
			break
		}
		side := (near + 1 + uint8(r.IntN(2))) % 3
		r.addLeg(topology.NetworkID(joined), b, side)
		joined++
	}
	return joined
}

// addRing joins two networks once more, at a cost of its own.
func (r *random) addRing() {
	b := topology.BoxID(len(r.spec.Boxes))
	r.spec.Boxes = append(r.spec.Boxes, topology.BoxSpec{Name: fmt.Sprintf("box%d", b), Kind: topology.BoxKind(r.IntN(3))})
	r.addLeg(topology.NetworkID(r.IntN(len(r.spec.Networks))), b, 0)
	r.addLeg(topology.NetworkID(r.IntN(len(r.spec.Networks))), b, 1)
	r.spec.Legs[len(r.spec.Legs)-1].Metric = r.IntN(6)
}

func (r *random) addLeg(n topology.NetworkID, b topology.BoxID, side uint8) {
	r.spec.Legs = append(r.spec.Legs, topology.LegSpec{
		Name: fmt.Sprintf("leg%d", len(r.spec.Legs)), Network: n, Box: b, Side: side, Routers: r.few(),
	})
}

func (r *random) addHost(i int) {
	n := topology.NetworkID(r.IntN(len(r.spec.Networks)))
	h := topology.HostSpec{Name: fmt.Sprintf("host%d", i), Network: n, Role: topology.Relay}
	if i > 0 && r.chance(25) {
		h.Role = topology.Root
	}
	if p, ok := prefix4(&r.spec.Networks[n]); ok && r.chance(70) {
		a := p.Addr().As4()
		a[2], a[3] = 9, byte(i+1)
		h.Addrs = []netip.Addr{netip.AddrFrom4(a)}
	}
	r.spec.Hosts = append(r.spec.Hosts, h)
}

// fill draws what a box does.
func (r *random) fill(b *topology.BoxSpec) {
	b.Silent = r.chance(10)
	b.EatsExpiring = r.chance(8) && b.Kind != topology.Guard
	b.RelatedErrors = r.chance(60)
	if r.chance(15) || b.Kind == topology.Routed && r.chance(25) {
		b.Drops = []topology.Kind{topology.Kind(r.IntN(int(topology.VPN)))}
	}
	if b.Kind == topology.Routed {
		return
	}
	b.Otherwise = []topology.Verdict{topology.Accept, topology.Accept, topology.Drop, topology.Reject}[r.IntN(4)]
	for range r.IntN(7) {
		b.Rules = append(b.Rules, r.rule(b.Kind))
	}
	if r.limits {
		r.limit(b)
	}
}

// limit gives rules a few tokens each, of which none comes back in time.
func (r *random) limit(b *topology.BoxSpec) {
	for i := range b.Rules {
		if x := &b.Rules[i]; r.chance(50) && !x.Untracked {
			x.Limit = &topology.Limit{PerSecond: 1. / 86400, Burst: 1 + r.IntN(8)}
		}
	}
}

var refusalNames = [...]string{"prohibited", "net", "host", "port", "reset"}

// rule draws a rule. Its name has what it is made of, for counting.
func (r *random) rule(kind topology.BoxKind) topology.Rule {
	var words []string
	x := topology.Rule{
		Verdict: []topology.Verdict{topology.Accept, topology.Accept, topology.Drop, topology.Reject}[r.IntN(4)],
		With:    topology.Refusal(r.IntN(len(refusalNames))),
	}
	if kind == topology.Stateless && r.chance(30) { // about replies
		words = append(words, "from-hosts")
		x.From.Hosts = []topology.HostID{topology.HostID(r.IntN(len(r.spec.Hosts)))}
	} else {
		x.From, words = r.match("from", words)
		x.To, words = r.match("to", words)
	}
	if len(words) == 0 {
		words = append(words, "any")
	}
	for range r.IntN(3) {
		x.Kinds = append(x.Kinds, []topology.Kind{
			topology.TCP, topology.TCP, topology.EchoRequest, topology.EchoRequest, topology.EchoReply, topology.TimeExceeded,
			topology.Unreachable, topology.Reset, topology.UDP, topology.UDP,
		}[r.IntN(10)])
	}
	if r.chance(25) {
		words = append(words, "sides")
		x.FromSides, x.ToSides = uint8(r.IntN(8)), uint8(r.IntN(8))
	}
	switch {
	case x.Verdict == topology.Reject:
		words = append(words, "with-"+refusalNames[x.With])
	case x.Verdict == topology.Accept && kind == topology.Stateful && r.chance(20):
		x.Untracked = true
		words = append(words, "untracked")
	}
	x.Name = strings.Join(words, " ")
	return x
}

func (r *random) match(end string, words []string) (m topology.Match, _ []string) {
	switch r.IntN(9) {
	case 0, 1:
		words = append(words, end+"-networks")
		for range 1 + r.IntN(2) {
			m.Networks = append(m.Networks, topology.NetworkID(r.IntN(len(r.spec.Networks))))
		}
	case 2:
		words = append(words, end+"-roles")
		m.Roles = topology.Role(1 + r.IntN(15))
	case 3:
		words = append(words, end+"-hosts")
		m.Hosts = []topology.HostID{topology.HostID(r.IntN(len(r.spec.Hosts)))}
	case 4, 5:
		words = append(words, end+"-prefixes")
		m.Prefixes = r.prefixes()
	}
	return m, words
}

func (r *random) prefixes() (list []netip.Prefix) {
	for range 1 + r.IntN(2) {
		var p netip.Prefix
		switch h := &r.spec.Hosts[r.IntN(len(r.spec.Hosts))]; {
		case r.chance(30) && len(h.Addrs) > 0:
			p = netip.PrefixFrom(h.Addrs[0], 32)
		case r.chance(30):
			p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(3) * 4)}), 14)
		default:
			p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(len(r.spec.Networks)))}), 16)
		}
		list = append(list, p)
	}
	return list
}

// translate makes translators of some stateful boxes, and publishes hosts
// behind them.
func (r *random) translate() {
	for b := range r.spec.Boxes {
		if r.spec.Boxes[b].Kind == topology.Stateful && r.chance(55) {
			r.translator(topology.BoxID(b))
		}
	}
}

func (r *random) translator(b topology.BoxID) {
	s, spec := r.spec, &r.spec.Boxes[b]
	sides := map[uint8]bool{}
	var list []uint8
	for i := range s.Legs {
		if l := &s.Legs[i]; l.Box == b && !sides[l.Side] {
			sides[l.Side] = true
			list = append(list, l.Side)
		}
	}
	if len(list) < 2 {
		return
	}
	for i := range spec.Rules {
		spec.Rules[i].Untracked = false
		spec.Rules[i].Name = strings.TrimSpace(strings.ReplaceAll(spec.Rules[i].Name, "untracked", ""))
	}
	public := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, byte(100 + b), byte(i)}) }
	nat := &topology.NATSpec{
		Outside: list[r.IntN(len(list))], Filtering: topology.AddressAndPortDependent,
		Mapping: topology.Dependence(r.IntN(3)), DropsErrors: r.chance(35),
		ErrorSource: topology.FromDestination,
	}
	if nat.PerClient = r.chance(30); !nat.PerClient {
		for i := range 1 + r.IntN(2) {
			nat.Pool = append(nat.Pool, public(i+1))
		}
	}
	spec.NAT = nat
	if r.hairpins {
		nat.Hairpin, nat.PerClient = r.chance(75), false
		if len(nat.Pool) == 0 {
			nat.Pool = append(nat.Pool, public(1))
		}
	}
	if !nat.PerClient {
		r.publish(b, public)
	}
}

// publish gives hosts inside public addresses, which whoever has no other way
// to them is told.
func (r *random) publish(b topology.BoxID, public func(int) netip.Addr) {
	s, nat := r.spec, r.spec.Boxes[b].NAT
	for h := range s.Hosts {
		if _, _, ok := waysTo(s, s.Hosts[h].Network, topology.NoBox).fromBox(b); !ok || r.chance(15) {
			continue
		}
		a := public(100 + h)
		if r.chance(60) {
			nat.Static = append(nat.Static, topology.StaticNAT{Public: a, Host: topology.HostID(h)})
		} else {
			kinds := [][]topology.Kind{{topology.TCP}, {topology.EchoRequest}, {topology.UDP, topology.TCP}, {topology.TCP, topology.EchoRequest, topology.UDP}}[r.IntN(4)]
			nat.Forwards = append(nat.Forwards, topology.PortForward{Public: a, Kinds: kinds, Host: topology.HostID(h)})
		}
		for n := range s.Networks {
			if r.hairpins && r.chance(60) {
				r.tell(n, topology.HostID(h), a)
				continue
			}
			if _, ok := waysTo(s, s.Hosts[h].Network, topology.NoBox).from(topology.NetworkID(n)); ok || topology.NetworkID(n) == s.Hosts[h].Network {
				continue
			}
			r.tell(n, topology.HostID(h), a)
		}
	}
}

// tell lets the resolvers of a network answer a name with an address.
func (r *random) tell(n int, h topology.HostID, a netip.Addr) {
	net := &r.spec.Networks[n]
	if !net.HasView {
		net.HasView, net.View = true, topology.ViewID(len(r.spec.Views))
		r.spec.Views = append(r.spec.Views, topology.ViewSpec{Name: "view of " + net.Name})
	}
	v := &r.spec.Views[net.View]
	for i := range v.Answers {
		if v.Answers[i].Host == h {
			return
		}
	}
	v.Answers = append(v.Answers, topology.NameAnswer{Host: h, Addrs: []netip.Addr{a}})
}

// guard is one of the guards, or none.
func (r *random) guard() topology.GuardID {
	for b := range r.spec.Boxes {
		if r.spec.Boxes[b].Kind == topology.Guard && r.chance(35) {
			return topology.GuardOf(topology.BoxID(b))
		}
	}
	return 0
}

func (r *random) guardHosts() {
	for i := range r.spec.Hosts {
		r.spec.Hosts[i].Guard = r.guard()
	}
}

func (r *random) clients() (all []Client) {
	for i := range 2 + r.IntN(3) {
		n := topology.NetworkID(r.IntN(len(r.spec.Networks)))
		at := topology.Attachment{Network: n, Guard: r.guard()}
		if v := len(r.spec.Networks[n].Access); v > 0 {
			at.Access = uint16(r.IntN(v))
		}
		all = append(all, Client{fmt.Sprintf("client%d", i), at})
	}
	return all
}
