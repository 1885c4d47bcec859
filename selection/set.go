package selection

import "math/bits"

// set is a set of candidate indices. Its memory is reused.
type set []uint64

// reset makes s the empty set over n indices.
func (s *set) reset(n int) {
	words := (n + 63) / 64
	if cap(*s) < words {
		*s = make(set, words)
		return
	}
	*s = (*s)[:words]
	clear(*s)
}

func (s set) has(i int) bool { return i>>6 < len(s) && s[i>>6]>>(i&63)&1 != 0 }

func (s set) add(i int) { s[i>>6] |= 1 << (i & 63) }

// include adds the members of o, a set over the same indices.
func (s set) include(o set) {
	for i, w := range o {
		s[i] |= w
	}
}

func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s set) clone() set { return append(set(nil), s...) }
