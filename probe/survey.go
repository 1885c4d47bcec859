package probe

import (
	"context"
	"net/netip"
	"time"
)

// Survey asks every address once at every TTL and returns, by address and TTL
// in the order given, the first answer, or nil where none came within the
// time-out after the request. It is for comparisons with a model: no selection
// asks so much. At most rate requests are sent per second.
func Survey(ctx context.Context, e Echoer, to []netip.Addr, ttls []uint8, size int, timeout time.Duration, rate float64) ([][]*Answer, error) {
	s := survey{echoer: e, asked: map[uint32]*surveyed{}, pacer: newPacer(rate), timeout: timeout}
	all := make([]surveyed, len(to)*len(ttls))
	for t := range ttls {
		for i := range to {
			if err := s.listen(ctx, s.pacer.delay()); err != nil {
				return nil, err
			}
			id, q := NewID(), &all[i*len(ttls)+t]
			s.asked[id], q.sent = q, time.Now()
			// What cannot be sent gets no answer.
			_ = e.Send(Echo{ID: id, To: to[i], TTL: ttls[t], Size: size, Wait: timeout})
		}
	}
	if err := s.listen(ctx, timeout); err != nil {
		return nil, err
	}
	out := make([][]*Answer, len(to))
	for i := range all {
		out[i/len(ttls)] = append(out[i/len(ttls)], all[i].answer)
	}
	return out, nil
}

type survey struct {
	echoer  Echoer
	asked   map[uint32]*surveyed
	pacer   pacer
	timeout time.Duration
}

// surveyed is one request and the first answer to it.
type surveyed struct {
	sent   time.Time
	answer *Answer
}

// listen books answers for a while.
func (s *survey) listen(ctx context.Context, span time.Duration) error {
	t := time.NewTimer(max(0, span))
	defer t.Stop()
	for {
		select {
		case a := <-s.echoer.Answers():
			s.hear(&a)
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *survey) hear(a *Answer) {
	if q := s.asked[a.ID]; q != nil && q.answer == nil && a.At.Sub(q.sent) <= s.timeout {
		q.answer = a
	}
}
