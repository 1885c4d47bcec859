package lab

import (
	"fmt"
	"net/netip"

	"github.com/relaysim/relaysim/topology"
)

// Outcome is what a client sees of one request.
type Outcome uint8

// Outcomes.
const (
	Silence     Outcome = iota
	Reply               // echo-reply, SYN-ACK, or a datagram
	Exceeded            // icmp/time-exceeded
	Unreachable         // icmp/unreachable
	Reset               // tcp/reset
	Unresolved          // never sent
	numOutcomes
)

var outcomeNames = [numOutcomes]string{"silence", "reply", "time-exceeded", "unreachable", "reset", "unresolved"}

func (o Outcome) String() string {
	if o >= numOutcomes {
		return fmt.Sprintf("Outcome(%d)", uint8(o))
	}
	return outcomeNames[o]
}

// MarshalText writes an Outcome as its name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Fate is what became of a request as its client sees it.
type Fate struct {
	Outcome Outcome `json:"outcome"`
	// From names who answered: a router, a box or a host as in Plan.Names, or
	// "self".
	From string `json:"from,omitempty"`
	// Code of an icmp/unreachable.
	Code uint8 `json:"code,omitempty"`
}

func (f Fate) String() string {
	switch f.Outcome {
	case Silence, Unresolved:
		return f.Outcome.String()
	case Unreachable:
		return fmt.Sprintf("unreachable code %d from %s", f.Code, f.From)
	}
	return fmt.Sprintf("%v from %s", f.Outcome, f.From)
}

// Probe is one request.
type Probe struct {
	Client int
	Host   topology.HostID
	Kind   topology.Kind // EchoRequest, TCP or UDP
	TTL    uint8
	To     netip.Addr
}

// Probes lists those of a plan for TTLs from 1 to maxTTL, without those that no
// way leads for.
func (p *Plan) Probes(maxTTL int, kinds ...topology.Kind) (all []Probe) {
	for c := range p.Clients {
		for h := range p.Hosts {
			to := p.Targets[c][h]
			if !to.IsValid() || p.Unrouted[c][h] {
				continue
			}
			for _, k := range kinds {
				for ttl := 1; ttl <= maxTTL; ttl++ {
					all = append(all, Probe{c, topology.HostID(h), k, uint8(ttl), to})
				}
			}
		}
	}
	return all
}
