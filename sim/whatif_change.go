package sim

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// change is one thing that an administrator could change. Changes are equal if
// they are the same thing.
type change struct {
	kind changeKind
	box  topology.BoxID
	// packet is the kind that is let through, from one network to another.
	packet topology.Kind
	// back: an answer over TCP, whose port is that of its source.
	back     bool
	from, to topology.NetworkID
	leg      topology.LegID
	relay    selection.RelayID
	view     topology.ViewID
	// index of a route or, in the network from, of a stranger.
	index int
	// addr is the address by which a relay is known.
	addr netip.Addr
}

// changeKind is what a change does. The order is that of preference among
// changes that help alike.
type changeKind uint8

const (
	acceptPacket   changeKind = iota // a rule, before all others, that accepts one kind
	forwardPacket                    // a router or box no longer drops a kind
	resumeNames                      // the resolvers of a view answer
	knowByAddress                    // clients take another address for a relay
	forwardPort                      // a translator leads an address of its own to a relay, which is known by it
	ignoreView                       // names resolve at a place to the hosts themselves
	removeRoute                      // without a static route
	removeStranger                   // somebody else's host no longer has a relay's address
	answerNoEcho                     // a box no longer answers in others' names
	enlargeTable                     // a box tracks any number of flows and mappings
	makeStateful                     // a stateless firewall lets replies back
	passErrors                       // related_errors = pass
	mendLeg
	raiseRelay
	grantCertificate // the client holds a certificate
	admitAnybody     // an authenticating relay no longer authenticates
)

// words say what the change is.
func (ch change) words(p *Plan, n *topology.Network) string {
	box := ""
	if ch.box != topology.NoBox {
		box = n.BoxName(ch.box)
	}
	switch ch.kind {
	case acceptPacket:
		if ch.back {
			return fmt.Sprintf("answers from %v accepted by %s (%s to %s)", ch.packet, box, place(p, ch.from), place(p, ch.to))
		}
		return fmt.Sprintf("%v accepted by %s (%s to %s)", ch.packet, box, place(p, ch.from), place(p, ch.to))
	case forwardPacket:
		return fmt.Sprintf("%v forwarded by %s", ch.packet, box)
	case makeStateful:
		return box + " stateful"
	case passErrors:
		return fmt.Sprintf("related_errors passed by %s", box)
	case knowByAddress:
		return fmt.Sprintf("%s known by %v at %s", p.Relays[ch.relay].Name, ch.addr, place(p, ch.from))
	case forwardPort:
		return fmt.Sprintf("%s known by %v, which %s leads to it", p.Relays[ch.relay].Name, ch.addr, box)
	case ignoreView:
		return "names resolving to the relays themselves at " + place(p, ch.from)
	case resumeNames:
		return "resolvers working at " + place(p, ch.from)
	case removeRoute:
		return fmt.Sprintf("no static route at %s over %s", place(p, ch.from), n.LegName(ch.leg))
	case removeStranger:
		return fmt.Sprintf("%v not used by others at %s", ch.addr, place(p, ch.from))
	case answerNoEcho:
		return box + " not answering in others' names"
	case enlargeTable:
		return "a larger table at " + box
	case mendLeg:
		return n.LegName(ch.leg) + " mended"
	case admitAnybody:
		return p.Relays[ch.relay].Name + " not authenticating"
	case grantCertificate:
		return "a certificate on the client"
	}
	return p.Relays[ch.relay].Name + " up"
}

// place names the network at one end of a rule. Routers that belong to no
// network are "any".
func place(p *Plan, n topology.NetworkID) string {
	if n == topology.NoNetwork {
		return "any"
	}
	return p.Networks[n].Name
}

// with is the policy with changes made to it, and what they force. It is not
// ok if there can be no such network.
func with(pol *PolicyPlan, changes []change) (v *variant, ok bool) {
	v = &variant{policy: pol}
	var spec *topology.Spec
	for _, ch := range changes {
		switch ch.kind {
		case mendLeg:
			v.mended = append(v.mended, ch.leg)
		case raiseRelay:
			v.up = append(v.up, ch.relay)
		case admitAnybody:
			v.open = append(v.open, ch.relay)
		case grantCertificate:
			v.certificate = true
		case resumeNames:
			v.resolving = append(v.resolving, ch.view)
		default:
			if spec == nil {
				spec = ownSpec(pol.Spec)
			}
			ch.make(spec)
		}
	}
	if spec == nil {
		return v, true
	}
	n, err := topology.Compile(spec)
	if err != nil {
		return nil, false
	}
	changed := *pol
	changed.Network, changed.Spec = n, spec
	v.policy = &changed
	return v, true
}

// ownSpec is a copy with slices of its own where changes are made.
func ownSpec(s *topology.Spec) *topology.Spec {
	o := *s
	o.Boxes, o.Networks, o.Hosts = slices.Clone(s.Boxes), slices.Clone(s.Networks), slices.Clone(s.Hosts)
	return &o
}

// make makes a change. Slices within boxes and networks are shared with others.
func (ch change) make(s *topology.Spec) {
	switch ch.kind {
	case removeRoute:
		s.Routes = slices.Delete(slices.Clone(s.Routes), ch.index, ch.index+1)
	case removeStranger:
		n := &s.Networks[ch.from]
		n.Strangers = slices.Delete(slices.Clone(n.Strangers), ch.index, ch.index+1)
	case ignoreView:
		s.Networks[ch.from].HasView = false
	case knowByAddress:
		s.Hosts[ch.relay].ListedAs = ch.addr
	case forwardPort:
		s.Hosts[ch.relay].ListedAs = ch.addr
		b := &s.Boxes[ch.box]
		nat := *b.NAT
		nat.Forwards = append(slices.Clone(nat.Forwards), topology.PortForward{
			Public: ch.addr, Kinds: []topology.Kind{topology.TCP, topology.EchoRequest}, Host: topology.HostID(ch.relay),
		})
		b.NAT = &nat
	default:
		ch.makeAt(&s.Boxes[ch.box])
	}
}

// makeAt makes a change to a box.
func (ch change) makeAt(b *topology.BoxSpec) {
	switch ch.kind {
	case acceptPacket:
		rule := topology.Rule{Name: "change", Kinds: []topology.Kind{ch.packet}, Verdict: topology.Accept}
		if ch.from != topology.NoNetwork {
			rule.From.Networks = []topology.NetworkID{ch.from}
		}
		if ch.to != topology.NoNetwork {
			rule.To.Networks = []topology.NetworkID{ch.to}
		}
		b.Rules = append([]topology.Rule{rule}, b.Rules...)
	case forwardPacket:
		b.Drops = slices.DeleteFunc(slices.Clone(b.Drops), func(k topology.Kind) bool { return k == ch.packet })
	case makeStateful:
		b.Kind = topology.Stateful
	case passErrors:
		b.RelatedErrors = true
	case answerNoEcho:
		b.EchoFor = nil
	case enlargeTable:
		b.Flows = 0
		if b.NAT != nil {
			nat := *b.NAT
			nat.Mappings, nat.PerHost = 0, 0
			b.NAT = &nat
		}
	}
}
