package selection

import "math/bits"

// set is a set of candidate indices. It lies in a Scratch.
type set []uint64

// fill makes s the set of the first n indices without the members of o.
func (s set) fill(n int, o set) {
	for k := range s {
		s[k] = first(n-64*k) &^ o[k]
	}
}

// first is a word with its n lowest bits set.
func first(n int) uint64 {
	if n >= 64 {
		return 1<<64 - 1
	}
	return 1<<n - 1
}

func (s set) has(i int) bool { return i>>6 < len(s) && s[i>>6]>>(i&63)&1 != 0 }

func (s set) add(i int) { s[i>>6] |= 1 << (i & 63) }

func (s set) remove(i int) { s[i>>6] &^= 1 << (i & 63) }

// include adds the members of o.
func (s set) include(o set) {
	for k, w := range o {
		s[k] |= w
	}
}

func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}
