package topology

import "cmp"

// heap is a binary heap of things by a key, the least first.
type heap[K cmp.Ordered, T any] struct{ entries []entry[K, T] }

// entry is a thing waiting in a heap.
type entry[K cmp.Ordered, T any] struct {
	key  K
	what T
}

// push adds a thing.
func (h *heap[K, T]) push(key K, what T) {
	h.entries = append(h.entries, entry[K, T]{key, what})
	for i := len(h.entries) - 1; i > 0; {
		parent := (i - 1) / 2
		if h.entries[parent].key <= h.entries[i].key {
			break
		}
		h.entries[i], h.entries[parent] = h.entries[parent], h.entries[i]
		i = parent
	}
}

// pop removes an entry of the least key. Which of several goes first matters to
// nobody: a search settles all of one cost alike (search.to), and all that are
// due go.
func (h *heap[K, T]) pop() entry[K, T] {
	top, last := h.entries[0], len(h.entries)-1
	h.entries[0] = h.entries[last]
	h.entries[last] = entry[K, T]{}
	h.entries = h.entries[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h.entries[child+1].key < h.entries[child].key {
			child++
		}
		if h.entries[i].key <= h.entries[child].key {
			break
		}
		h.entries[i], h.entries[child] = h.entries[child], h.entries[i]
		i = child
	}
	return top
}
