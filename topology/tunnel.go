package topology

import "github.com/relaysim/relaysim/rng"

// maxTunnels bounds how many tunnels may be inside each other.
const maxTunnels = 4

// wrap puts w.p into the outer packet with which it crosses a tunnel leg: of
// kind VPN, with a TTL and a flow of its own, between the near end and the
// gateway. Nothing keeps a tunnel open for what comes from its far end: the
// outer packets of each exchange are a flow that begins where the exchange does.
//
// What becomes of the outer packet becomes of the inner one, on the time and
// with the one uniform of which it is delayed and lost. It returns false: the
// inner one does not go on before.
func (w *walker) wrap(e *element, s *segment) bool {
	inner := &w.carried
	if inner.depth == maxTunnels {
		w.note(w.net.LegName(s.leg), "no route: too many tunnels inside each other")
		return w.stop(NoRoute, NoBox, -1)
	}
	near, far := w.tunnelEnds(s)
	if !e.outward {
		near, far = far, near
	}
	w.through = true
	w.inner = append(w.inner, w.carried)
	if inner.depth == 0 {
		w.innerHops = inner.hops
	}
	w.carried = carried{
		p: Packet{
			Kind: VPN, Src: near, Dst: far, TTL: DefaultTTL, Key: inner.p.Key,
			V6:   !w.net.shareIPv4(s.over, s.gateway),
			Flow: rng.Key(inner.p.Flow).Draw(rng.Tunnel, s.key), Back: e.back && !e.fresh,
			answers: true, request: VPN, pick: inner.pick,
		},
		course:  inner.course[len(inner.course):],
		headers: inner.headers[len(inner.headers):],
		tunnel:  s.leg, depth: inner.depth + 1, innerHops: inner.innerHops,
	}
	w.depart()
	return false
}

// unwrap puts the inner packet in the place of the outer one.
func (w *walker) unwrap() {
	w.met += w.hops
	last := len(w.inner) - 1
	w.carried, w.inner = w.inner[last], w.inner[:last]
}

// tunnelEnds are the outer ends of a tunnel leg, the near one and the far one:
// a client of the leg's network in its Underlay, or a gateway for all that
// network, and the gateway at the far end.
func (w *walker) tunnelEnds(s *segment) (near, far Endpoint) {
	near = Endpoint{At: Attachment{Network: s.over}, Host: AnyHost, Role: Router, Port: vpnPort, Source: s.key}
	if w.net.isTunneled(s.network) {
		h := &w.headers[0].near
		if h.At.Network != s.network || h.Role != Client {
			h = &w.headers[len(w.headers)-1].far
		}
		near = *h
		near.At.Network, near.At.Guard, near.Port = s.over, 0, vpnPort
	}
	far = Endpoint{At: Attachment{Network: s.gateway}, Host: AnyHost, Role: Router, Port: vpnPort, Source: ^s.key}
	return near, far
}

// shareIPv4 tells whether hosts of two networks can send IPv4 to each other.
func (n *Network) shareIPv4(a, b NetworkID) bool {
	return n.networks[a].families&n.networks[b].families&IPv4 != 0
}

// vpnPort is the port of outer packets at both ends (RFC 3948 section 2.1).
const vpnPort = 4500
