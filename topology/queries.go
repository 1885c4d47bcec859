package topology

// AccessVariants is the number of access variants of a network, at least 1.
func (n *Network) AccessVariants(id NetworkID) int { return n.networks[id].variants }

// Limits tells whether the limit of any rule can count packets of the kind.
func (n *Network) Limits(k Kind) bool {
	for i := range n.boxes {
		for j := range n.boxes[i].rules {
			if r := &n.boxes[i].rules[j]; r.limit != noLimit && r.kinds.has(k) {
				return true
			}
		}
	}
	return false
}
