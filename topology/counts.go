package topology

import "fmt"

// Count is how many packets ended in one way at one place.
type Count struct {
	Box BoxID // or NoBox
	End End
	N   uint64
}

// ends counts how walks ended.
type ends struct {
	walks uint64 // begun
	// memoised are those that an Errand took instead.
	memoised uint64
	met      uint64   // routers and boxes, by all packets
	n        []uint64 // ended, by box and End
}

func newEnds(boxes int) ends { return ends{n: make([]uint64, (boxes+1)*int(NumEnds))} }

// count counts the end of one walk that routers and boxes let pass so often.
// Ends at no box come last.
func (e *ends) count(r *Result, passed int) { e.add(r.Box, r.End, passed) }

// add is count for an end at a box.
func (e *ends) add(b BoxID, end End, passed int) {
	e.met += uint64(passed)
	if end == Expired {
		e.met++
	}
	place := len(e.n) - int(NumEnds)
	if b != NoBox {
		place = int(b) * int(NumEnds)
	}
	e.n[place+int(end)]++
}

// Counts are the ends of the packets that were walked or went by an Errand, by
// box and End in this order, zeros left out. Packets that were never sent (Unresolved) and
// exchanges worked out by Fate are not among them.
func (s *State) Counts() []Count {
	var counts []Count
	for i, n := range s.ends.n {
		if n == 0 {
			continue
		}
		c := Count{BoxID(i / int(NumEnds)), End(i % int(NumEnds)), n}
		if int(c.Box) == len(s.net.boxes) {
			c.Box = NoBox
		}
		counts = append(counts, c)
	}
	return counts
}

// Met is how often the packets of Counts came to a router or box: to
// those that let them through, and to where they ended. Those that the outer
// packets of tunnels came to are among them.
func (s *State) Met() uint64 { return s.ends.met }

// Balanced reports an error unless the ends counted add up to the packets
// that were sent.
func (s *State) Balanced() error {
	var ended uint64
	for _, n := range s.ends.n {
		ended += n
	}
	if sent := s.ends.walks + s.ends.memoised; ended != sent {
		return fmt.Errorf("topology: %d packets were sent, and %d ended", sent, ended)
	}
	return nil
}

// Sent is how many packets were walked and how many went by an Errand.
func (s *State) Sent() (walked, memoised uint64) { return s.ends.walks, s.ends.memoised }
