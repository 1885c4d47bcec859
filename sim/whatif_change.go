package sim

import (
	"fmt"
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
}

// changeKind is what a change does. The order is that of preference among
// changes that help alike.
type changeKind uint8

const (
	acceptPacket  changeKind = iota // a rule, before all others, that accepts one kind
	forwardPacket                   // a router or box no longer drops a kind
	makeStateful                    // a stateless firewall lets replies back
	passErrors                      // related_errors = pass
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

// with is the policy with changes made to it, and what they force.
func with(pol *PolicyPlan, changes []change) (*variant, error) {
	v := &variant{policy: pol}
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
		default:
			if spec == nil {
				o := *pol.Spec
				spec = &o
				spec.Boxes = slices.Clone(spec.Boxes)
			}
			ch.make(&spec.Boxes[ch.box])
		}
	}
	if spec == nil {
		return v, nil
	}
	n, err := topology.Compile(spec)
	if err != nil {
		return nil, fmt.Errorf("explain: compile the network with a change: %w", err)
	}
	changed := *pol
	changed.Network, changed.Spec = n, spec
	v.policy = &changed
	return v, nil
}

// make makes a change to a box whose slices others share.
func (ch change) make(b *topology.BoxSpec) {
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
	}
}

// remedies are the single changes each of which would have let one of the
// record's packets go on: those that decide, so ICMP errors only where the
// client needs them. They come in the order in which the packets ended.
func (x *explainer) remedies(rec *record, pol *PolicyPlan) []change {
	if rec == nil {
		return nil
	}
	r := remedist{pol: pol, net: pol.Network, relays: x.plan.Relays}
	for i := range rec.entries {
		e := &rec.entries[i]
		for j := range e.probes {
			r.pair(&e.probes[j].packetPair, e, rec.course.Stage(int(e.action.Stage)).Candidates[j].Relay)
		}
		for j := range e.tries {
			r.pair(&e.tries[j], e, e.action.Target)
		}
		if e.resolved && e.outcome == selection.NoCertificate {
			r.add(change{kind: grantCertificate, box: topology.NoBox})
			r.add(change{kind: admitAnybody, relay: e.action.Target, box: topology.NoBox})
		}
	}
	return r.found
}

// remedist collects changes.
type remedist struct {
	pol    *PolicyPlan
	net    *topology.Network
	relays []RelayPlan
	found  []change
}

func (r *remedist) add(ch change) {
	if !slices.Contains(r.found, ch) {
		r.found = append(r.found, ch)
	}
}

// pair looks at a request to a relay and what came back.
func (r *remedist) pair(p *packetPair, e *entry, relay selection.RelayID) {
	if p.request == nil {
		return
	}
	if e.action.WantErrors && p.icmp != nil {
		r.packet(p.icmp)
	}
	silent := p.request.result.End == topology.Delivered && (p.reply == nil || e.resolved && e.outcome == selection.RelayDown)
	if silent {
		r.add(change{kind: raiseRelay, relay: relay, box: topology.NoBox})
		return
	}
	r.packet(p.request)
	if p.reply != nil {
		r.packet(p.reply)
	}
}

// packet looks at one packet.
func (r *remedist) packet(s *sighting) {
	switch s.result.End {
	case topology.Cut:
		if leg, ok := r.net.LegByName(s.last.Name); ok {
			r.add(change{kind: mendLeg, leg: leg, box: topology.NoBox})
		}
		return
	case topology.Filtered, topology.Refused, topology.OverLimit:
	default:
		return
	}
	if r.pol.Spec == nil || s.result.Box == topology.NoBox {
		return
	}
	box, kind := &r.pol.Spec.Boxes[s.result.Box], s.packet.Kind
	ch := change{kind: acceptPacket, box: s.result.Box, packet: kind, back: kind == topology.TCP && s.packet.Back, from: s.packet.Src.At.Network, to: s.packet.Dst.At.Network}
	if kind.IsError() { // its source is whichever router made it
		ch.from = topology.NoNetwork
	}
	if slices.Contains(box.Drops, kind) {
		ch = change{kind: forwardPacket, box: s.result.Box, packet: kind}
	}
	r.add(ch)
	if box.Kind == topology.Stateless && ch.kind == acceptPacket {
		r.add(change{kind: makeStateful, box: s.result.Box})
	}
	if box.Kind == topology.Stateful && kind.IsError() && !box.RelatedErrors {
		r.add(change{kind: passErrors, box: s.result.Box})
	}
}
