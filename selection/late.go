package selection

import "github.com/relaysim/relaysim/vtime"

// reopens takes a reply to an earlier round of the stage being asked under
// late_reply_policy = reopen: the replier wins the competition of its own
// round, of which it is the only member, and the round in flight is cut short;
// if the relay then refuses, that round is asked anew. It returns false, and
// changes nothing, if the reply is none of these: rounds before the stage's
// last registration attempt are decided and stay so.
func (s *Selector) reopens(seq uint32, a Reply, at vtime.Instant) bool {
	if s.course.Params.LateReplyPolicy != ReopenLate || a.Kind != EchoReply || s.state != probing || s.stage().Kind != Sweep {
		return false
	}
	back := s.seq - uint16(seq)
	if seq > 1<<16-1 || back == 0 || back > s.seq-s.run.firstSeq {
		return false
	}
	k, i := s.run.ttl-uint16(back), int(a.Candidate)
	if !s.mayReopen(i, k) {
		return false
	}
	s.dropUnsent(at)
	s.run.ttl, s.run.resume = k, s.run.ttl
	st, x := s.stage(), s.scratch
	x.set(awaitedSet).fill(len(st.Candidates), x.set(struckSet))
	x.set(awaitedSet).remove(i)
	s.compete(s.stage().classes, at)
	return true
}

// mayReopen tells whether candidate i is eligible on its own with a reply to
// the k-th round: it was asked, it has a weight that counts, and its path has
// shown itself if it must have (5.10).
func (s *Selector) mayReopen(i int, k uint16) bool {
	st, x, p := s.stage(), s.scratch, &s.course.Params
	switch {
	case i >= len(st.Candidates) || x.set(struckSet).has(i):
		return false
	case st.Candidates[i].Weight == 0 && p.ZeroWeight == ZeroNever:
		return false
	}
	return !p.NeedsTimeExceeded || k == 0 || x.set(tracedSet).has(i)
}
