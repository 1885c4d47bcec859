package selection

// hopCounts returns the hop counts of successive rounds up to last, which is
// always the final one (5.2, 5.5; the law itself is not public).
func hopCounts(p *Params, last int) []int {
	var hops []int
	for h := 0; h < last; h = nextHops(p, h) {
		hops = append(hops, h)
	}
	return append(hops, last)
}

// nextHops returns the hop count after h under the schedule.
func nextHops(p *Params, h int) int {
	switch {
	case p.TTLSchedule == Linear, p.TTLSchedule == LinearThenGrow && h < p.TTLLinearUntil:
		return h + 1
	case p.TTLSchedule == Doubling:
		return max(1, 2*h)
	default:
		return max(h+1, (3*h+1)/2) // ×1.5, rounded up
	}
}

// ttls returns the IP TTLs of successive rounds: hop count plus offset, at
// most maximum, or one less if that is not to be reached. A maximum below the
// offset leaves one round at the maximum.
func ttls(p *Params, maximum uint8) []uint8 {
	if !p.MaxTTLInclusive {
		maximum = max(1, maximum-1)
	}
	last := max(0, int(maximum)-p.TTLOffset)
	hops := hopCounts(p, last)
	out := make([]uint8, len(hops))
	for i, h := range hops {
		out[i] = uint8(min(h+p.TTLOffset, int(maximum)))
	}
	return out
}

// distance returns the range of hop counts that a reply in the i-th round of a
// sweep stands for: beyond the previous round, up to this one (5.8).
func (c *Course) distance(i int) (least, most int16) {
	most = c.hops(i)
	if i > 0 {
		least = c.hops(i-1) + 1
	}
	return least, most
}

// hops returns the hop count that the i-th round of a sweep reaches.
func (c *Course) hops(i int) int16 {
	return max(0, int16(c.TTLs[i])-int16(c.Params.TTLOffset))
}
