package lab

import (
	"strings"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// Model asks package topology what becomes of the probes of a lab.
type Model struct {
	design *Design
	net    *topology.Network
	state  *topology.State
	// twin goes through the same packets, to tell how they arrive.
	twin  *topology.State
	now   vtime.Instant
	count uint64
}

// NewModel compiles the network of a Design without its weather.
func NewModel(d *Design) (*Model, error) {
	n, err := topology.Compile(Calm(d.Spec))
	if err != nil {
		return nil, err
	}
	return &Model{design: d, net: n, state: n.NewState(), twin: n.NewState()}, nil
}

// Told is a Fate with how it came about.
type Told struct {
	Fate    Fate
	Request topology.End
	There   []topology.Hop
	Back    []topology.Hop
}

// Ask is what becomes of a probe. Each is a flow of its own, a second after the
// one before.
func (m *Model) Ask(p *Probe) Told {
	m.count++
	m.now = m.now.Add(time.Second)
	return m.ask(p, m.now, rng.Key(m.count))
}

func (m *Model) ask(p *Probe, at vtime.Instant, key rng.Key) Told {
	c := &m.design.Clients[p.Client]
	q, ok := m.state.Request(c.At, uint64(p.Client), p.Host, p.Kind, p.TTL, key)
	if !ok {
		return Told{Fate: Fate{Outcome: Unresolved}, Request: topology.Unresolved}
	}
	r, there := m.net.Trace(m.state, q, at)
	quotes := m.quotes(&q, at, key+1)
	t := Told{Request: r.End, There: there}
	if r.End == topology.Delivered {
		reply := m.net.Reply(q, p.Kind.Answer(), topology.DefaultTTL, key+1)
		var back topology.Result
		if back, t.Back = m.net.Trace(m.state, reply, r.At); back.End == topology.Delivered {
			t.Fate = Fate{Outcome: Reply, From: m.net.HostName(p.Host)}
		}
		return t
	}
	e, ok := m.state.ErrorAbout(q, r, r.At, key+1)
	if !ok {
		return t
	}
	back, hops := m.net.Trace(m.state, e, r.At)
	if t.Back = hops; back.End == topology.Delivered && quotes {
		t.Fate = m.errorFate(p, &q, &e, t.There, t.Back)
	}
	return t
}

// quotes tells whether the error about a request, if there is one, comes back
// quoting it as it was sent: what quotes another is not known to the client.
func (m *Model) quotes(q *topology.Packet, at vtime.Instant, key rng.Key) bool {
	r := m.net.Walk(m.twin, *q, at)
	var answer topology.Packet
	if r.End == topology.Delivered {
		answer = m.net.Reply(*q, q.Kind.Answer(), topology.DefaultTTL, key)
	} else if e, ok := m.twin.ErrorAbout(*q, r, r.At, key); ok {
		answer = e
	} else {
		return false
	}
	back, seen := m.net.Receive(m.twin, answer, r.At)
	return back.End == topology.Delivered && sameEnd(&seen.QuotedSrc, &q.Src) && sameEnd(&seen.QuotedDst, &q.Dst)
}

// sameEnd tells whether two endpoints are one to who sees addresses and ports.
func sameEnd(a, b *topology.Endpoint) bool {
	return a.Addr == b.Addr && a.Port == b.Port && a.Source == b.Source
}

// errorFate is what the client sees of an error that comes back.
func (m *Model) errorFate(p *Probe, q, e *topology.Packet, there, back []topology.Hop) Fate {
	f := Fate{From: m.maker(p, there, back)}
	switch e.Kind {
	case topology.TimeExceeded:
		f.Outcome = Exceeded
	case topology.Reset:
		f.Outcome, f.From = Reset, m.net.HostName(p.Host)
	default:
		f.Outcome, f.Code = Unreachable, e.Code
	}
	return f
}

// maker names who made an error: the last element on the way there or, if a
// translator has changed the source of the error since, that.
func (m *Model) maker(p *Probe, there, back []topology.Hop) string {
	for _, h := range back {
		if strings.HasPrefix(h.Translated, "source ") || strings.Contains(h.Translated, "; source ") {
			return h.Name
		}
	}
	last := there[len(there)-1].Name
	spec := m.design.Spec
	if g := m.design.Clients[p.Client].At.Guard; g != 0 && spec.Boxes[g.Box()].Name == last && len(there) == 1 {
		return "self"
	}
	if g := spec.Hosts[p.Host].Guard; g != 0 && spec.Boxes[g.Box()].Name == last {
		return m.net.HostName(p.Host)
	}
	return last
}
