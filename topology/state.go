package topology

// State is what changes in a Network during one run: tracked flows, contents
// of limits, links that are down. It is not safe for concurrent use.
type State struct {
	net       *Network
	down      []bool // by leg
	hostDown  []bool // by host
	viewsDown []bool // by view
	tables    tables
	buckets   buckets
	chains    []chain // of the links with bursts
	ends      ends

	// The deterministic exchanges computed so far; scratch has the tables of
	// the one being computed.
	memo    memo
	scratch tables

	// Working memory of walks.
	steps      []step
	course     []element
	headers    []header
	inner      []carried
	variations []variation // of the dry walk under way
	risks      []risk
	routers    int // on the way of the last dry walk
}

// NewState returns the state at the start of a run: nothing tracked, limits
// full, links and hosts up.
func (n *Network) NewState() *State {
	s := &State{
		net:       n,
		down:      make([]bool, len(n.legs)),
		hostDown:  make([]bool, len(n.hosts)),
		viewsDown: make([]bool, len(n.views)),
		tables:    newTables(n),
		scratch:   newTables(n),
		chains:    make([]chain, len(n.bursts)),
		ends:      newEnds(len(n.boxes)),
		memo:      newMemo(n),
		steps:     make([]step, 0, 16),
		course:    make([]element, 0, 64),
		headers:   make([]header, 0, 8),
	}
	s.SetWeather(0)
	return s
}

// SetLeg cuts a leg or mends it. A packet that comes to a leg that is down
// ends there; nothing is rerouted. Fates that were returned before keep
// telling what held before.
func (s *State) SetLeg(id LegID, up bool) {
	if s.down[id] == !up {
		return
	}
	s.down[id] = !up
	s.memo.clear()
}

// SetHost lets a host go down, or come back: down, it answers nothing, and
// what arrives there ends with NoHost.
func (s *State) SetHost(id HostID, up bool) {
	if s.hostDown[id] == !up {
		return
	}
	s.hostDown[id] = !up
	s.memo.forget(s.net, id)
}
