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
	walks uint64   // begun
	met   uint64   // routers and boxes, by all packets
	n     []uint64 // ended, by box and End
}

func newEnds(boxes int) ends { return ends{n: make([]uint64, (boxes+1)*int(NumEnds))} }

// count counts the end of one walk that routers and boxes let pass so often.
// Ends at no box come last.
func (e *ends) count(r *Result, passed int) {
	e.met += uint64(passed)
	if r.End == Expired {
		e.met++
	}
	place := len(e.n) - int(NumEnds)
	if r.Box != NoBox {
		place = int(r.Box) * int(NumEnds)
	}
	e.n[place+int(r.End)]++
}

// Counts are the ends of the packets that were walked, by box and End in this
// order, zeros left out. Packets that were never sent (Unresolved) and
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

// Met is how often the packets that were walked came to a router or box: to
// those that let them through, and to where they ended. Those that the outer
// packets of tunnels came to are among them.
func (s *State) Met() uint64 { return s.ends.met }

// Balanced reports an error unless the ends counted add up to the packets
// that were walked.
func (s *State) Balanced() error {
	var ended uint64
	for _, n := range s.ends.n {
		ended += n
	}
	if ended != s.ends.walks {
		return fmt.Errorf("topology: %d packets were walked, and %d ended", s.ends.walks, ended)
	}
	return nil
}
