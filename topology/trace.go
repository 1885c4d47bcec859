package topology

import (
	"strconv"

	"github.com/relaysim/relaysim/vtime"
)

// Hop is one element of a traced walk.
type Hop struct {
	// Name of the router, box or host: "home-edge.r3", "edge", "dmz-1". A
	// packet that is lost or meets a cut ends at the leg or network by its
	// name; one that has no route, at the network where it would need one.
	Name string
	At   vtime.Instant
	TTL  uint8 // as the packet leaves the element, 0 where it expired
	// Rule that matched, "" where none was asked or the default decided.
	Rule string
	// Note says what happened here in a few words.
	Note string
}

// Trace is Walk with every element on the way: the routers and boxes, and the
// host that the packet reached.
func (n *Network) Trace(st *State, p Packet, at vtime.Instant) (Result, []Hop) {
	var hops []Hop
	w := walker{net: n, st: st, flows: &st.flows, p: &p, at: at, trace: &hops}
	return w.run(), hops
}

// note records what happened at an element, if the walk is traced.
func (w *walker) note(name, text string) { w.noteRule(name, "", text) }

func (w *walker) noteRule(name, rule, text string) {
	if w.trace != nil {
		*w.trace = append(*w.trace, Hop{Name: name, At: w.at, TTL: uint8(w.ttl), Rule: rule, Note: text})
	}
}

func (w *walker) noteRouter(s *segment, i int, text string) {
	if w.trace != nil {
		w.note(s.name+strconv.Itoa(i+1), text)
	}
}

func (w *walker) noteJudgement(b *box, j judgement) {
	if w.trace == nil {
		return
	}
	name, _ := w.net.RuleName(b.id, j.rule)
	text := [numVerdicts]string{"accepted", "dropped", "rejected"}[j.verdict] + ": " + j.reason
	if j.over {
		text += ", over limit"
	}
	w.noteRule(b.name, name, text)
}

// destination is the name of the host that the packet is for. Clients have
// none of their own.
func (w *walker) destination() string {
	if to := &w.p.Dst; to.Host != AnyHost {
		return w.net.hosts[to.Host].name
	}
	return "client"
}
