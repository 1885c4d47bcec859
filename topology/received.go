package topology

import "github.com/relaysim/relaysim/vtime"

// Received is a packet as it is where its way ends, after all translation.
type Received struct {
	Src, Dst Endpoint
	// QuotedSrc and QuotedDst are those of the request of its exchange as
	// seen from there: what an ICMP error quotes (RFC 5508 REQ-4 and REQ-5).
	QuotedSrc, QuotedDst Endpoint
}

// Receive is Walk with the packet at the end of its way.
func (n *Network) Receive(st *State, p Packet, at vtime.Instant) (Result, Received) {
	var w walker
	w.start(st, &p, at)
	r := w.run()
	return r, Received{Src: w.p.Src, Dst: w.p.Dst, QuotedSrc: w.quoted.near, QuotedDst: w.quoted.far}
}
