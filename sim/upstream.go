package sim

import (
	"fmt"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
)

// UpstreamWarnings says of every relay that is cut off from the root under
// which policies it is.
func (p *Plan) UpstreamWarnings() []string {
	var n notices
	for i := range p.Policies {
		for _, w := range p.Upstream(i) {
			n.add(w, p.Policies[i].Name)
		}
	}
	return n.lines(p)
}

// Upstream lists the relays that cannot reach the root over tcp/52311 under a
// policy, one line each with what ends their packets. Clients would register
// with such a relay, and their reports would go no further.
func (p *Plan) Upstream(policy int) []string {
	var cut []string
	st := p.Policies[policy].Network.NewState()
	root := -1
	for i := range p.Relays {
		if p.Relays[i].Root {
			root = i
		}
	}
	for i := range p.Relays {
		if i == root {
			continue
		}
		if why := p.upstreamOf(st, policy, topology.HostID(i), topology.HostID(root)); why != "" {
			cut = append(cut, fmt.Sprintf("relay %q cannot reach the root over tcp/52311: %s", p.Relays[i].Name, why))
		}
	}
	return cut
}

// upstreamOf says why a SYN from the relay or its answer does not arrive; ""
// if both do, to and from the root itself. The relay resolves the root's name
// where it stands, and sends from its own address.
func (p *Plan) upstreamOf(st *topology.State, policy int, relay, root topology.HostID) string {
	n := p.Policies[policy].Network
	key := rng.Key(rng.Hash(p.Relays[relay].ID))
	src := n.Host(relay)
	syn, ok := st.Request(src.At, src.Source, root, topology.TCP, hostTTL, key)
	if !ok {
		return "its name does not resolve there"
	}
	src.Port = syn.Src.Port
	syn.Src = src
	r := n.Walk(st, syn, 0)
	if r.End == topology.Delivered {
		if syn.Dst.Host != root {
			return "its name resolves to another host there"
		}
		r = n.Walk(st, n.Reply(syn, topology.TCP, hostTTL, replyKey(key)), r.At)
	}
	switch {
	case r.End == topology.Delivered, r.End == topology.Lost: // TCP sends again
		return ""
	case r.Box != topology.NoBox:
		return fmt.Sprintf("%v at %s", r.End, n.BoxName(r.Box))
	}
	return r.End.String()
}
