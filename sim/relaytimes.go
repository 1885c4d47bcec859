package sim

import (
	"slices"

	"github.com/relaysim/relaysim/selection"
)

// RelayTimes are sums of time by relay, those that anybody was on in ascending
// order: a place's clients come to few of all relays. The zero value is empty.
type RelayTimes []RelayTime

// RelayTime is a time in microseconds that was spent on a relay.
type RelayTime struct {
	Relay selection.RelayID
	Time  uint64
}

// place is where a relay stands, or would. The search takes as many steps for every
// relay, so that no branch has to be guessed.
func (r RelayTimes) place(id selection.RelayID) int {
	from, n := 0, len(r)
	for n > 1 {
		half := n / 2
		less := (int64(r[from+half-1].Relay) - int64(id)) >> 63 // all ones, or none
		from += half & int(less)
		n -= half
	}
	if n == 1 && r[from].Relay < id {
		from++
	}
	return from
}

// Add adds a time in microseconds to that of a relay. It may be negative, as its
// two's complement, if a later one makes up for it.
func (r *RelayTimes) Add(id selection.RelayID, time uint64) {
	i := r.place(id)
	if i == len(*r) || (*r)[i].Relay != id {
		*r = widened(*r, 0, 1)
		copy((*r)[i+1:], (*r)[i:])
		(*r)[i] = RelayTime{Relay: id}
	}
	(*r)[i].Time += time
}

// Of is the time that was spent on a relay, in microseconds.
func (r RelayTimes) Of(id selection.RelayID) uint64 {
	if i := r.place(id); i < len(r) && r[i].Relay == id {
		return r[i].Time
	}
	return 0
}

// Sum is the time that was spent on all of them, in microseconds.
func (r RelayTimes) Sum() (total uint64) {
	for i := range r {
		total += r[i].Time
	}
	return total
}

// merge adds the times of o.
func (r *RelayTimes) merge(o RelayTimes) {
	for i := range o {
		r.Add(o[i].Relay, o[i].Time)
	}
}

// settle leaves relays out that no time was spent on, so that equal contents are
// equal in every byte.
func (r *RelayTimes) settle() {
	if *r = slices.DeleteFunc(*r, func(t RelayTime) bool { return t.Time == 0 }); len(*r) == 0 {
		*r = nil
	}
}
