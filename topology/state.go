package topology

// State is what changes in a Network during one run: tracked flows, contents
// of limits, links that are down. It is not safe for concurrent use.
type State struct {
	net     *Network
	down    []bool // by leg
	flows   flowTable
	buckets buckets

	// The deterministic exchanges computed so far, by Network.exchange number;
	// scratch has the flows of the one being computed.
	exchanges []*exchange
	scratch   flowTable
}

// NewState returns the state at the start of a run: nothing tracked, limits
// full, links up.
func (n *Network) NewState() *State {
	return &State{
		net:       n,
		down:      make([]bool, len(n.legs)),
		exchanges: make([]*exchange, n.attachments*len(n.hosts)*numRequests),
	}
}

// SetLeg cuts a leg or mends it. A packet that comes to a leg that is down
// ends there; nothing is rerouted. Fates that were returned before keep
// telling what held before.
func (s *State) SetLeg(id LegID, up bool) {
	if s.down[id] == !up {
		return
	}
	s.down[id] = !up
	clear(s.exchanges)
}
