package topology

import "slices"

// AccessVariants is the number of access variants of a network, at least 1.
func (n *Network) AccessVariants(id NetworkID) int { return n.networks[id].variants }

// Limits tells whether any limit or table of bounded size can count packets of
// the kind, so that what becomes of one may depend on others.
func (n *Network) Limits(k Kind) bool { return n.LimitOf(k) != "" }

// LimitOf says in a few words what counts packets of the kind: the limit of a
// rule, a table of bounded size, a limit on ICMP errors. It is "" if nothing
// does.
func (n *Network) LimitOf(k Kind) string {
	for i := range n.boxes {
		if what := n.limitAt(&n.boxes[i], k); what != "" {
			return what
		}
	}
	if k != VPN && len(n.tunnels) > 0 { // inside which any may be
		return n.LimitOf(VPN)
	}
	return ""
}

// beginners are the kinds that begin a flow or need a mapping.
const beginners kindSet = 1<<TCP | 1<<UDP | 1<<EchoRequest | 1<<VPN

func (n *Network) limitAt(b *box, k Kind) string {
	switch {
	case slices.ContainsFunc(b.rules, func(r rule) bool { return r.limit != noLimit && r.kinds.has(k) }):
		return "a rate limit"
	case b.flows > 0 && beginners.has(k):
		return "the table of flows of " + b.name
	case b.nat != nil && b.nat.limited() && beginners.has(k):
		return "the table of mappings of " + b.name
	case b.errors != nil && (k == TimeExceeded || k == Unreachable && n.refuses(b)):
		return "the limit of ICMP errors of " + b.name
	}
	return ""
}

// refuses tells whether a box or the routers on its legs may send
// icmp/unreachable.
func (n *Network) refuses(b *box) bool {
	return b.otherwise == Reject && b.kind != Routed ||
		slices.ContainsFunc(b.rules, func(r rule) bool { return r.verdict == Reject }) ||
		slices.ContainsFunc(n.networks, func(n network) bool { return n.tellsAbsent })
}

// Balanced tells whether any way is chosen among several by flow or packet, so
// that State.FateOf has to be asked in place of State.Fate.
func (n *Network) Balanced() bool { return n.many }

// OwnNames tells whether no host's name leads to another host, anywhere and at
// any time: nobody resolves it otherwise than to the host's own addresses.
func (n *Network) OwnNames() bool { return n.ownNames }
