package sim

import (
	"math"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// volley is what the probes of a round are for clients of one attachment, by
// their numbers.
type volley struct {
	errands []*topology.Errand // nil where there is none to send or it is walked
	// runs are how many from each on surely end alike at one instant.
	runs []uint16
	// told are how many from each on, of one run, whose errors surely arrive at
	// one instant.
	told  []uint16
	world uint64 // see volleys
	key   volleyKey
	// next is the one of the next round, mostly; nil at first.
	next *volley
}

// volleys are those of the world as it is.
type volleys struct {
	of map[volleyKey]*volley // nil: asked for once
	// probes are about those of all together.
	probes int
	// worlds counts how often the world has changed.
	worlds uint64
}

type volleyKey struct {
	stage *selection.Stage
	at    topology.Attachment
	ttl   uint8
	pings uint8
}

// mostProbes bounds the probes whose volleys are kept: 10 MB.
const mostProbes = 1 << 20

// volleyOf is the volley of the client's round; nil where all packets are walked,
// and for the first that asks: in many networks nobody asks again.
func (c *cell) volleyOf(cl *client, stage *selection.Stage, a *selection.Action) *volley {
	if c.hops || c.balanced || c.watch != nil {
		return nil
	}
	k, before := volleyKey{stage, cl.at, a.TTL, a.Pings}, cl.ask.volley
	if before != nil && before.world == c.worlds && before.next != nil && before.next.key == k {
		return before.next
	}
	v, asked := c.volleys.of[k]
	switch {
	case v != nil:
		if before != nil {
			before.next = v
		}
		return v
	case c.volleys.of == nil || c.volleys.probes > mostProbes:
		c.volleys.of, c.volleys.probes = map[volleyKey]*volley{}, 0
	case asked:
		v = c.newVolley(cl, stage, a)
		v.key = k
	}
	c.volleys.of[k] = v
	c.volleys.probes += len(stage.Candidates)
	return v
}

func (c *cell) newVolley(cl *client, stage *selection.Stage, a *selection.Action) *volley {
	n := (len(stage.Candidates) + len(stage.Beside)) * int(a.Pings)
	v := &volley{errands: make([]*topology.Errand, n), runs: make([]uint16, n), told: make([]uint16, n), world: c.worlds}
	for what := n - 1; what >= 0; what-- {
		v.runs[what], v.told[what] = 1, 1
		cand, _, _ := probed(stage, a, what)
		if !cand.Relay.Known() {
			continue
		}
		x := c.errand(cl, cand.Relay, topology.EchoRequest, a.TTL)
		v.errands[what] = x
		if x == nil || what == n-1 || v.errands[what+1] == nil {
			continue
		}
		if x.Resolves() && x.EndsWith(v.errands[what+1]) && v.runs[what+1] < math.MaxUint16 {
			v.runs[what] += v.runs[what+1]
			if x.AnswersWith(v.errands[what+1]) {
				v.told[what] += v.told[what+1]
			}
		}
	}
	return v
}

// forgetVolleys forgets those of a world that is about to change. Rounds under
// way keep theirs, for the runs.
func (c *cell) forgetVolleys() {
	c.worlds++
	clear(c.volleys.of)
	c.volleys.probes = 0
}
