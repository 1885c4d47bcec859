package topology

import "math/bits"

// numRequests counts the kinds that begin an exchange: TCP, UDP, EchoRequest.
const numRequests = int(EchoRequest) + 1

// memo has the exchanges of a State: a row for each attachment and guard, of
// those that have been asked about.
type memo struct {
	rows   []memoRow
	guards []int // by box; the first has 1
	kinds  int   // of guards, none included
}

// memoRow has the exchanges of one attachment and guard, in a table with open
// addressing: of all hosts the clients of a place ask about few.
type memoRow struct {
	places []memoPlace // a power of two, or none
	used   int
}

// memoPlace is free while key is 0. It keeps its key when its exchange is
// forgotten.
type memoPlace struct {
	exchange *exchange
	key      uint32
}

// memoKey numbers a host and a kind from 1.
func memoKey(h HostID, k Kind) uint32 { return uint32(int(h)*numRequests+int(k)) + 1 }

func newMemo(n *Network) memo {
	m := memo{guards: make([]int, len(n.boxes)), kinds: 1}
	for i := range n.boxes {
		if n.boxes[i].kind == Guard {
			m.guards[i] = m.kinds
			m.kinds++
		}
	}
	m.rows = make([]memoRow, n.attachments*m.kinds)
	return m
}

// at is the place of an exchange, good until the next call.
func (m *memo) at(n *Network, a Attachment, h HostID, k Kind) **exchange {
	row := n.attachment(a) * m.kinds
	if a.Guard != 0 {
		row += m.guards[a.Guard.Box()]
	}
	return m.rows[row].at(memoKey(h, k))
}

func (r *memoRow) at(key uint32) **exchange {
	if len(r.places) > 0 {
		if p := r.find(key); p.key == key {
			return &p.exchange
		}
	}
	if 4*(r.used+1) > 3*len(r.places) {
		r.grow()
	}
	p := r.find(key)
	p.key = key
	r.used++
	return &p.exchange
}

// find is the place with a key or, if there is none, the free one for it. There
// always is a free one.
func (r *memoRow) find(key uint32) *memoPlace {
	const golden = 0x9e3779b9 // 2**32 over the golden ratio: spreads runs of keys
	last := uint32(len(r.places) - 1)
	for i := key * golden >> (32 - bits.Len32(last)); ; i++ {
		if p := &r.places[i&last]; p.key == key || p.key == 0 {
			return p
		}
	}
}

func (r *memoRow) grow() {
	old := r.places
	r.places = make([]memoPlace, max(4, 2*len(old)))
	for _, p := range old {
		if p.key != 0 {
			*r.find(p.key) = p
		}
	}
}

func (m *memo) clear() { clear(m.rows) }

// forget forgets the exchanges in which a host takes part.
func (m *memo) forget(n *Network, h HostID) {
	own := n.OwnNames()
	first, last := memoKey(h, 0), memoKey(h, Kind(numRequests-1))
	for i := range m.rows {
		places := m.rows[i].places
		for j := range places {
			p := &places[j]
			if p.key >= first && p.key <= last || !own && p.exchange != nil && p.exchange.owner == h {
				p.exchange = nil
			}
		}
	}
}
