package topology

// entry is a node waiting in the heap of Dijkstra's algorithm.
type entry struct {
	cost cost
	node node
}

// push adds e to the binary heap, cheapest first. Order among equals does not
// matter: see search.to.
func (s *search) push(e entry) {
	s.heap = append(s.heap, e)
	for i := len(s.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if s.heap[parent].cost <= e.cost {
			break
		}
		s.heap[i], s.heap[parent] = s.heap[parent], e
		i = parent
	}
}

// pop removes a cheapest entry.
func (s *search) pop() entry {
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && s.heap[child+1].cost < s.heap[child].cost {
			child++
		}
		if s.heap[i].cost <= s.heap[child].cost {
			break
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
	return top
}
