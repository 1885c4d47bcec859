package topology

// entry is a node waiting in the heap of Dijkstra's algorithm.
type entry struct {
	cost cost
	node node
}

// push adds e to the binary heap, cheapest first. Order among equals does not
// matter: see graph.to.
func (g *graph) push(e entry) {
	g.heap = append(g.heap, e)
	for i := len(g.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if g.heap[parent].cost <= e.cost {
			break
		}
		g.heap[i], g.heap[parent] = g.heap[parent], e
		i = parent
	}
}

// pop removes a cheapest entry.
func (g *graph) pop() entry {
	top, last := g.heap[0], len(g.heap)-1
	g.heap[0] = g.heap[last]
	g.heap = g.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && g.heap[child+1].cost < g.heap[child].cost {
			child++
		}
		if g.heap[i].cost <= g.heap[child].cost {
			break
		}
		g.heap[i], g.heap[child] = g.heap[child], g.heap[i]
		i = child
	}
	return top
}
