package topology

import (
	"strconv"
	"strings"

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
	// Rule that matched, "" where none was asked or the default decided, and
	// the Source ("file:line") of it.
	Rule, Source string
	// Translated says what a translator changed, "" for nothing.
	Translated string
	// Note says what happened here in a few words.
	Note string
	// Tunnel is the leg whose outer packet met the element, "" for the packet
	// itself. TTL is then that of the outer packet.
	Tunnel string
	// From and To are the ends of the packet, or of the outer one, as the rules
	// of the element see them: before a translator there changes its source.
	From, To Seen
}

// Seen is one end of a packet as rules see it: where it is, "" where a network
// has no part in it, and the address as far as it is known by itself, or "".
type Seen struct{ Network, Addr string }

// Trace is Walk with every element on the way: the routers and boxes, and the
// host that the packet reached. In a tunnel they are those that its outer
// packet meets.
func (n *Network) Trace(st *State, p Packet, at vtime.Instant) (Result, []Hop) {
	var hops []Hop
	var w walker
	w.start(st, &p, at)
	w.trace = &hops
	return w.run(), hops
}

// note records what happened at an element, if the walk is traced.
func (w *walker) note(name, text string) { w.noteRule(name, "", "", text) }

func (w *walker) noteRule(name, rule, source, text string) {
	if w.trace == nil {
		return
	}
	tunnel := ""
	if w.tunnel != NoLeg {
		tunnel = w.net.LegName(w.tunnel)
	}
	*w.trace = append(*w.trace, Hop{
		Name: name, At: w.at, TTL: uint8(w.ttl), Rule: rule, Source: source,
		Translated: w.translated, Note: text, Tunnel: tunnel, From: w.net.Seen(&w.p.Src), To: w.net.Seen(&w.p.Dst),
	})
	w.translated = ""
}

// Seen is an endpoint as rules see it.
func (n *Network) Seen(e *Endpoint) Seen {
	var s Seen
	if e.Addr != NoAddr {
		s.Addr = n.Addr(e.Addr).String()
	}
	if e.At.Network != NoNetwork {
		s.Network = n.networks[e.At.Network].name
	}
	return s
}

func (w *walker) noteRouter(s *segment, i int, text string) {
	if w.trace != nil {
		w.note(s.name+strconv.Itoa(i+1), text)
	}
}

func (w *walker) noteJudgement(b *box, j *judgement) {
	if w.trace == nil {
		return
	}
	name, source := w.net.RuleName(b.id, j.rule)
	text := [numVerdicts]string{"accepted", "dropped", "rejected"}[j.verdict] + ": " + j.reason
	if j.over {
		text += ", over limit"
	}
	w.noteRule(b.name, name, source, text)
}

func (w *walker) noteAnswer(b *box) {
	if w.trace != nil {
		w.note(b.name, "answered in the name of "+w.destination())
	}
}

// becomes translates an end of the packet.
func (w *walker) becomes(what string, e *Endpoint, to Endpoint) {
	if w.trace != nil {
		if w.translated != "" {
			w.translated += "; "
		}
		w.translated += what + " " + w.net.describe(e) + " becomes " + w.net.describe(&to)
	}
	*e = to
}

// noteTranslated adds what has been translated since to the last element.
func (w *walker) noteTranslated() {
	if w.trace == nil || w.translated == "" {
		return
	}
	last := &(*w.trace)[len(*w.trace)-1]
	if last.Translated != "" {
		last.Translated += "; "
	}
	last.Translated += w.translated
	w.translated = ""
}

// describe names an endpoint: "dmz-1 203.0.113.10 port 52311".
func (n *Network) describe(e *Endpoint) string {
	var words []string
	if e.Host != AnyHost {
		words = append(words, n.hosts[e.Host].name)
	}
	if e.Addr != NoAddr {
		words = append(words, n.Addr(e.Addr).String())
	}
	if len(words) == 0 {
		where := ""
		if e.At.Network != NoNetwork {
			where = " in " + n.networks[e.At.Network].name
		}
		words = append(words, map[bool]string{true: "router", false: "client"}[e.Role == Router]+where)
	}
	if e.Port != 0 {
		words = append(words, "port "+strconv.Itoa(int(e.Port)))
	}
	return strings.Join(words, " ")
}

// destination is the name of the host that the packet is for. Clients have
// none of their own.
func (w *walker) destination() string {
	switch to := &w.p.Dst; {
	case w.trace == nil:
		return ""
	case to.Host != AnyHost:
		return w.net.hosts[to.Host].name
	case to.Role == Router:
		return "gateway"
	}
	return "client"
}
