package sim

import (
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// RelayList is the clients' copy of Relays.dat when a run begins under a
// policy, for who runs selections outside of a simulation.
func (p *Plan) RelayList(policy int) *selection.List { return p.list(policy) }

// ClientKey is the key from which all chance of a client is drawn.
func (p *Plan) ClientKey(group, client, replication int) rng.Key {
	return clientKey(p.Groups[group].key(p.replicationKey(replication)), client)
}

// Attachment is where a client is attached to a network under a policy.
func (p *Plan) Attachment(policy int, key rng.Key, n topology.NetworkID) topology.Attachment {
	return topology.Attachment{Network: n, Access: p.accessTo(n, p.Policies[policy].Network).of(key)}
}
