package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// Chooser is a client that selects in a lab: package probe drives the same
// Selector through the kernel and through the model, with the same draws.
type Chooser struct {
	Client int
	Course *selection.Course
	// Hosts of the course by its handles: those of the Spec.
	Hosts []topology.HostID
	Key   rng.Key
	Start vtime.Instant
}

// Choice is what of a selection is compared.
type Choice struct {
	// Rounds are the probing rounds: the TTL, and the relays that answered.
	Rounds []Round `json:"rounds"`
	// Attempts to register, each as "relay: outcome".
	Attempts []string `json:"attempts"`
	// Chosen is the relay, "" for none, and By how it was found.
	Chosen string `json:"chosen"`
	By     string `json:"by"`
	// Of a choice by probe: the range of the distance and the competition.
	DistanceMin       int16  `json:"distance_min"`
	DistanceMax       int16  `json:"distance_max"`
	CompetitionSize   uint16 `json:"competition_size"`
	CompetitionWeight uint32 `json:"competition_weight"`
}

// Round is one round of a Choice.
type Round struct {
	TTL      uint8    `json:"ttl"`
	Answered []string `json:"answered"`
}

// Equal tells whether two choices are the same in all respects.
func (c *Choice) Equal(d *Choice) bool { return fmt.Sprint(*c) == fmt.Sprint(*d) }

func (c *Choice) String() string {
	var last string
	if n := len(c.Rounds); n > 0 {
		r := &c.Rounds[n-1]
		last = fmt.Sprintf(", last at TTL %d answered by %s", r.TTL, strings.Join(r.Answered, " "))
	}
	chosen := c.Chosen
	if chosen == "" {
		chosen = "nobody"
	}
	return fmt.Sprintf("%s by %s, distance %d to %d, competition of %d (weight %d), %d rounds%s, attempts %v",
		chosen, c.By, c.DistanceMin, c.DistanceMax, c.CompetitionSize, c.CompetitionWeight, len(c.Rounds), last, c.Attempts)
}

// choiceOf sums a record up.
func choiceOf(r *probe.Record) *Choice {
	c := &Choice{}
	name := func(id selection.RelayID) string {
		if int64(id) < int64(len(r.Hosts)) {
			return r.Hosts[id].Name
		}
		return ""
	}
	for _, e := range r.Entries {
		switch {
		case e.Round != nil:
			x := Round{TTL: e.Round.Action.TTL}
			for i := range e.Round.Probes {
				if _, ok := e.Round.Probes[i].Echo(); ok {
					x.Answered = append(x.Answered, name(e.Round.Probes[i].Relay))
				}
			}
			slices.Sort(x.Answered)
			c.Rounds = append(c.Rounds, x)
		case e.Attempt != nil:
			c.Attempts = append(c.Attempts, fmt.Sprintf("%s: %v", name(e.Attempt.Action.Target), e.Attempt.Outcome))
		}
	}
	if a := r.Ended; a != nil {
		c.By = a.By.String()
		if a.Kind != selection.GaveUp {
			c.Chosen = name(a.Target)
		}
		c.DistanceMin, c.DistanceMax, c.CompetitionSize, c.CompetitionWeight = a.DistanceMin, a.DistanceMax, a.CompetitionSize, a.CompetitionWeight
	}
	return c
}

// hostsOf are the hosts of a chooser with the addresses that its client finds.
func (p *Plan) hostsOf(c *Chooser, s *topology.Spec) []probe.Host {
	hosts := make([]probe.Host, len(c.Hosts))
	for i, h := range c.Hosts {
		hosts[i] = probe.Host{Name: s.Hosts[h].Name, Port: topology.Port, Address: p.Targets[c.Client][h]}
	}
	return hosts
}

// rate of a lab: nobody has to be spared.
const selectionRate = 100000

// config is what both drivers share.
func (p *Plan) config(c *Chooser, s *topology.Spec) probe.Config {
	return probe.Config{
		Course: c.Course, Hosts: p.hostsOf(c, s), Key: c.Key, Start: c.Start,
		Resolver: noNames{}, Rate: selectionRate, MaxProbes: 1 << 20, MaxChecks: -1,
	}
}

// noNames resolves nothing: what has an address has been given it.
type noNames struct{}

func (noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("the name does not resolve here")
}

// Select runs a selection of the model: its network answers at once.
func (m *Model) Select(ctx context.Context, p *Plan, c *Chooser) (*Choice, error) {
	config := p.config(c, m.design.Spec)
	e := &modelEchoer{model: m, chooser: c, hosts: config.Hosts, answers: make(chan probe.Answer, 1<<12), began: time.Now(), from: m.now.Add(time.Hour)}
	m.now = m.now.Add(24 * time.Hour)
	config.Echoer, config.Dialer = e, e
	r, err := probe.Run(ctx, config)
	return choiceOf(r), err
}

// modelEchoer answers echo requests and connections by package topology.
type modelEchoer struct {
	mu      sync.Mutex
	model   *Model
	chooser *Chooser
	hosts   []probe.Host
	answers chan probe.Answer
	began   time.Time
	from    vtime.Instant // of the model's clock at began
}

func (e *modelEchoer) Answers() <-chan probe.Answer { return e.answers }
func (e *modelEchoer) Mode() probe.Mode             { return probe.ModeRaw }
func (e *modelEchoer) Close() error                 { return nil }

// ask asks the model about a request to an address.
func (e *modelEchoer) ask(kind topology.Kind, to netip.Addr, ttl uint8) (Fate, error) {
	i := slices.IndexFunc(e.hosts, func(h probe.Host) bool { return h.Address == to })
	if i < 0 {
		return Fate{}, fmt.Errorf("lab: nobody is asked for at %v", to)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.model.count++
	p := Probe{Client: e.chooser.Client, Host: e.chooser.Hosts[i], Kind: kind, TTL: ttl, To: to}
	return e.model.ask(&p, e.from.Add(time.Since(e.began)), rng.Key(e.model.count)).Fate, nil
}

func (e *modelEchoer) Send(q probe.Echo) error {
	f, err := e.ask(topology.EchoRequest, q.To, q.TTL)
	if err != nil {
		return err
	}
	a := probe.Answer{ID: q.ID, From: q.To, At: time.Now()}
	switch f.Outcome {
	case Reply:
		a.Kind = selection.EchoReply
	case Exceeded:
		a.Kind = selection.TimeExceeded
	case Unreachable:
		a.Kind, a.Code = selection.Unreachable, f.Code
	default:
		return nil
	}
	e.answers <- a
	return nil
}

// DialContext connects to a relay if a TCP exchange gets through, and fails as
// the kernel does otherwise (RFC 1122 section 4.2.3.9).
func (e *modelEchoer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	f, err := e.ask(topology.TCP, to.Addr(), topology.DefaultTTL)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Outcome == Reply:
		here, there := net.Pipe()
		go answer(there)
		return here, nil
	case f.Outcome == Reset, f.Outcome == Unreachable && f.Code == 3:
		return nil, syscall.ECONNREFUSED
	case f.Outcome == Unreachable:
		return nil, syscall.EHOSTUNREACH
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
