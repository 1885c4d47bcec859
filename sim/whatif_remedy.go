package sim

import (
	"net/netip"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// remedies are the single changes each of which would have let one of the
// record's packets go on to whom it was meant for: those that decide, so ICMP
// errors only where the client needs them. They come in the order in which the
// packets ended.
func (x *explainer) remedies(rec *record, pol *PolicyPlan) []change {
	if rec == nil {
		return nil
	}
	r := remedist{pol: pol, net: pol.Network, at: rec.at.Network}
	for i := range rec.entries {
		e := &rec.entries[i]
		for j := range e.probes {
			p := &e.probes[j]
			r.relay = rec.course.Stage(int(e.action.Stage)).Candidates[j].Relay
			if p.nameless > 0 {
				r.name()
			}
			r.pair(&p.packetPair, e)
		}
		r.relay = e.action.Target
		for j := range e.tries {
			r.pair(&e.tries[j], e)
		}
		if e.resolved && e.outcome == selection.NameNotResolved && r.relay.Known() {
			r.name()
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
	pol *PolicyPlan
	net *topology.Network
	// at is where the client is, relay whom its packet is meant for.
	at    topology.NetworkID
	relay selection.RelayID
	found []change
}

func (r *remedist) add(ch change) {
	if !slices.Contains(r.found, ch) {
		r.found = append(r.found, ch)
	}
}

// pair looks at a request and what came back.
func (r *remedist) pair(p *packetPair, e *entry) {
	if p.request == nil {
		return
	}
	if e.action.WantErrors && p.icmp != nil {
		r.packet(p.icmp)
	}
	sent := p.request
	switch ours := sent.packet.Dst.Host == topology.HostID(r.relay); {
	case sent.result.End == topology.Delivered && sent.result.By == topology.Middlebox:
		if b := r.boxOf(sent.last.Name); b != topology.NoBox {
			r.add(change{kind: answerNoEcho, box: b})
		}
	case !ours:
		r.name()
		r.stranger(&sent.packet)
	case sent.result.End == topology.NoHost, sent.result.End == topology.Delivered && e.resolved && e.outcome == selection.RelayDown:
		r.add(change{kind: raiseRelay, relay: r.relay, box: topology.NoBox})
		return
	}
	r.packet(sent)
	if p.reply != nil {
		r.packet(p.reply)
	}
}

// boxOf finds a box by its name.
func (r *remedist) boxOf(name string) topology.BoxID {
	if r.pol.Spec != nil {
		for i := range r.pol.Spec.Boxes {
			if r.pol.Spec.Boxes[i].Name == name {
				return topology.BoxID(i)
			}
		}
	}
	return topology.NoBox
}

// name looks for ways to make the relay's name lead to it: by its own address,
// or by one that a translator leads to it.
func (r *remedist) name() {
	s := r.pol.Spec
	if s == nil || !r.relay.Known() {
		return
	}
	known := change{kind: knowByAddress, relay: r.relay, from: r.at, box: topology.NoBox}
	for _, a := range s.Hosts[r.relay].Addrs {
		known.addr = a
		r.add(known)
	}
	for i := range s.Boxes {
		if s.Boxes[i].NAT != nil {
			r.public(topology.BoxID(i), s.Boxes[i].NAT, known)
		}
	}
	if n := &s.Networks[r.at]; n.HasView {
		r.add(change{kind: ignoreView, from: r.at, box: topology.NoBox})
		r.add(change{kind: resumeNames, from: r.at, view: n.View, box: topology.NoBox})
	}
}

// public looks for public addresses of the relay's at a translator: those that
// it has, else the first of the translator's own that leads nowhere yet.
func (r *remedist) public(id topology.BoxID, nat *topology.NATSpec, known change) {
	has := false
	for _, t := range nat.Static {
		if t.Host == topology.HostID(r.relay) {
			known.addr, has = t.Public, true
			r.add(known)
		}
	}
	taken := map[netip.Addr]bool{}
	for _, f := range nat.Forwards {
		taken[f.Public] = true
		if f.Host == topology.HostID(r.relay) {
			known.addr, has = f.Public, true
			r.add(known)
		}
	}
	if has || nat.PerClient {
		return
	}
	for _, a := range nat.Pool {
		if !taken[a] {
			r.add(change{kind: forwardPort, relay: r.relay, addr: a, box: id})
			return
		}
	}
}

// stranger looks for somebody else's host that has the address of a packet
// where the client is.
func (r *remedist) stranger(p *topology.Packet) {
	s, addr := r.pol.Spec, r.net.Addr(p.Dst.Addr)
	if s == nil || !addr.IsValid() {
		return
	}
	places := []topology.NetworkID{r.at}
	if t := s.Networks[r.at].Tunneled; t != nil {
		places = append(places, t.Underlay)
	}
	for _, n := range places {
		for i, other := range s.Networks[n].Strangers {
			if other.Prefix.Contains(addr) {
				r.add(change{kind: removeStranger, from: n, index: i, addr: addr, box: topology.NoBox})
			}
		}
	}
}

// packet looks at one packet.
func (r *remedist) packet(s *sighting) {
	switch s.result.End {
	case topology.Cut:
		if leg, ok := r.net.LegByName(s.last.Name); ok {
			r.add(change{kind: mendLeg, leg: leg, box: topology.NoBox})
		}
	case topology.Filtered, topology.Refused, topology.OverLimit:
		r.refused(s)
		r.routes()
	case topology.NoRoute, topology.NoMapping:
		r.name()
		r.routes()
	case topology.TableFull:
		r.add(change{kind: enlargeTable, box: s.result.Box})
	}
}

// routes looks at static routes, which may have led a packet astray.
func (r *remedist) routes() {
	if r.pol.Spec == nil {
		return
	}
	for i, route := range r.pol.Spec.Routes {
		r.add(change{kind: removeRoute, index: i, from: route.At, leg: route.Leg, box: topology.NoBox})
	}
}

// refused looks at a packet that a box or a router did not let through.
func (r *remedist) refused(s *sighting) {
	if r.pol.Spec == nil || s.result.Box == topology.NoBox {
		return
	}
	box, kind := &r.pol.Spec.Boxes[s.result.Box], s.kind()
	accept := change{
		kind: acceptPacket, box: s.result.Box, packet: kind, back: kind == topology.TCP && s.packet.Back,
		from: r.place(s.last.From.Network), to: r.place(s.last.To.Network),
	}
	switch {
	case slices.Contains(box.Drops, kind):
		r.add(change{kind: forwardPacket, box: s.result.Box, packet: kind})
		return
	case kind.IsError(): // its source is whichever router made it
		accept.from = topology.NoNetwork
	}
	r.add(accept)
	if slices.ContainsFunc(r.pol.Spec.Boxes, func(b topology.BoxSpec) bool { return b.NAT != nil }) {
		r.anywhere(accept, s.packet.Back)
	}
	if box.Kind == topology.Stateless {
		r.add(change{kind: makeStateful, box: s.result.Box})
	}
	if box.Kind == topology.Stateful && kind.IsError() && !box.RelatedErrors {
		r.add(change{kind: passErrors, box: s.result.Box})
	}
}

// anywhere accepts a packet wherever its client is: behind a translator, a
// client is in another place than the firewall beyond sees.
func (r *remedist) anywhere(accept change, back bool) {
	if back {
		accept.to = topology.NoNetwork
	} else {
		accept.from = topology.NoNetwork
	}
	r.add(accept)
}

// place finds a network by its name; it is NoNetwork if there is none.
func (r *remedist) place(name string) topology.NetworkID {
	for i := range r.pol.Spec.Networks {
		if r.pol.Spec.Networks[i].Name == name {
			return topology.NetworkID(i)
		}
	}
	return topology.NoNetwork
}
