package probe

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/relaysim/relaysim/selection"
)

// checkTimeout bounds a connection that is only a check; checkAtOnce is how
// many of them wait at a time.
const (
	checkTimeout = 5 * time.Second
	checkAtOnce  = 8
)

// check looks, after the selection, at the relays that were probed and
// answered no probe. The selection may have ended before the rounds reached
// them: then each is asked once more, at the highest TTL that the settings
// allow. And it connects once to each, so that a closed path can be told from
// closed ICMP; nothing is sent on the connections.
func (d *driver) check(ctx context.Context) error {
	silent := d.rec.silent()
	if len(silent) > d.MaxChecks {
		d.rec.Unchecked = len(silent) - d.MaxChecks
		silent = silent[:d.MaxChecks]
	}
	if len(silent) == 0 {
		return nil
	}
	echoes, err := d.askFar(ctx, silent)
	if err != nil {
		return err
	}
	checks, err := d.connectAll(ctx, silent)
	if err != nil {
		return err
	}
	if err := d.listen(ctx, d.watch.until(echoes.Action.Deadline)); err != nil {
		return err
	}
	for i := range checks {
		if p := &echoes.Probes[i]; p.Sent > 0 {
			checks[i].Probe, checks[i].TTL = p, echoes.Action.TTL
		}
	}
	d.rec.Checks = checks
	return nil
}

// askFar sends one probe at the maximum TTL to those that were not asked at
// the last TTL of the rounds.
func (d *driver) askFar(ctx context.Context, silent []silentRelay) (*Round, error) {
	d.watch.set(0)
	r := &Round{Action: selection.Action{TTL: d.Course.Settings.MaximumTTL}, Probes: make([]Probe, len(silent))}
	for i, s := range silent {
		r.Probes[i] = Probe{Relay: s.Relay, Struck: s.toTheEnd}
		switch err := d.send(ctx, r, i); {
		case errors.Is(err, ErrProbeCap):
			return r, nil
		case err != nil:
			return nil, err
		}
		if r.Probes[i].Sent > 0 {
			r.Action.Deadline = d.watch.now().Add(d.Course.Params.RoundTimeout)
		}
	}
	return r, nil
}

// connectAll makes the connections, several at a time.
func (d *driver) connectAll(ctx context.Context, silent []silentRelay) ([]Check, error) {
	checks := make([]Check, len(silent))
	slots := make(chan struct{}, checkAtOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for i, s := range silent {
		slots <- struct{}{}
		if err := d.listen(ctx, d.pacer.delay()); err != nil {
			return nil, err
		}
		checks[i] = Check{Relay: s.Relay, Address: netip.AddrPortFrom(s.Address, d.Hosts[s.Relay].Port)}
		d.rec.Connections++
		all.Go(func() {
			checks[i].run(ctx, d.Dialer)
			<-slots
		})
	}
	all.Wait()
	return checks, ctx.Err()
}

func (c *Check) run(ctx context.Context, d Dialer) {
	began := time.Now()
	conn, v := connect(ctx, d, c.Address, checkTimeout)
	c.Outcome, c.Detail, c.Took = v.outcome, v.detail, time.Since(began)
	if conn != nil {
		c.Outcome, c.Detail = selection.Registered, "connected"
		conn.Close()
	}
}

// silentRelay is a relay that answered no probe. toTheEnd: it was asked at the
// last TTL too.
type silentRelay struct {
	Relay    selection.RelayID
	Address  netip.Addr
	toTheEnd bool
}

// silent are the relays that were probed, answered no probe, and with which no
// registration was tried, in the order in which they were first asked.
func (r *Record) silent() []silentRelay {
	var out []silentRelay
	at := map[selection.RelayID]int{}
	known := map[selection.RelayID]bool{}
	for _, e := range r.Entries {
		if e.Attempt != nil {
			known[e.Attempt.Action.Target] = true
			continue
		}
		for i := range e.Round.Probes {
			p := &e.Round.Probes[i]
			known[p.Relay] = known[p.Relay] || p.replied()
			if !p.Address.IsValid() {
				continue
			}
			k, listed := at[p.Relay]
			if !listed {
				k = len(out)
				at[p.Relay] = k
				out = append(out, silentRelay{Relay: p.Relay, Address: p.Address})
			}
			out[k].toTheEnd = out[k].toTheEnd || e.Round.Action.TTL >= r.lastTTL()
		}
	}
	left := out[:0]
	for _, s := range out {
		if !known[s.Relay] {
			left = append(left, s)
		}
	}
	return left
}

// lastTTL is the TTL of the last round of a sweep, or the maximum where there
// is no sweep.
func (r *Record) lastTTL() uint8 {
	if n := len(r.Course.TTLs); n > 0 {
		return r.Course.TTLs[n-1]
	}
	return r.Course.Settings.MaximumTTL
}

// replied tells whether an echo reply came, in time or not.
func (p *Probe) replied() bool {
	for _, h := range p.Answers {
		if h.Kind == selection.EchoReply {
			return true
		}
	}
	return false
}
