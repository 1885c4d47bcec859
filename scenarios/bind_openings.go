package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// opening is a named opening with the boxes it is made in.
type opening struct {
	node  *node
	boxes []topology.BoxID
	rule  topology.Rule
}

// services are the names of services in openings and drops.
var services = func() []string {
	out := []string{"icmp/any"}
	for k := range topology.NumKinds {
		out = append(out, k.String())
	}
	return out
}()

// kinds reads a list of services.
func (b *binder) kinds(n *node, key, subject string) []topology.Kind {
	var out []topology.Kind
	for _, v := range n.items(key) {
		switch i := slices.Index(services, v.text); {
		case v.kind != text:
		case i < 0:
			b.add(v.at, subject, "%s: service %q is not known%s", key, short(v.text), hint(v.text, services))
		case i == 0:
			out = append(out, topology.EchoRequest, topology.EchoReply, topology.TimeExceeded, topology.Unreachable)
		default:
			out = append(out, topology.Kind(i-1))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *binder) bindOpenings() {
	for _, name := range b.section("opening").names() {
		n := b.section("opening").get(name)
		if n.kind != table {
			continue
		}
		subject := "opening " + strconv.Quote(name)
		o := &opening{node: n, rule: topology.Rule{
			Name: name, Source: fmt.Sprintf("%s:%d", n.at.file, n.at.line),
			From:    b.end(n.get("from"), subject),
			To:      b.end(n.get("to"), subject),
			Kinds:   b.kinds(n, "service", subject),
			Verdict: verdict(n.str("action")),
			Limit:   b.limit(n.get("limit"), subject),
		}}
		if s := n.get("service"); s != nil && s.kind == list && len(s.list) == 0 {
			b.add(s.at, subject, "names no service")
		}
		o.boxes = b.boxesOf(n, subject)
		b.openings[name] = o
	}
}

func (b *binder) boxesOf(n *node, subject string) []topology.BoxID {
	var out []topology.BoxID
	for _, v := range n.items("at") {
		i := slices.IndexFunc(b.boxes, func(x boxNode) bool { return x.name == v.text })
		switch {
		case i >= 0:
			out = append(out, topology.BoxID(i))
		case v.kind == text:
			b.add(v.at, subject, "at: box %q is not defined%s", short(v.text), hint(v.text, b.section("box").names()))
		}
	}
	return out
}

func verdict(s string) topology.Verdict {
	switch s {
	case "drop":
		return topology.Drop
	case "reject":
		return topology.Reject
	}
	return topology.Accept
}

// end reads one end of an opening: "any", places, a relay or the root;
// places and "any" may be narrowed to their relays or clients.
func (b *binder) end(v *node, subject string) topology.Match {
	var m topology.Match
	if v == nil || v.kind != text {
		return m
	}
	words := strings.Fields(v.text)
	if len(words) == 0 || len(words) > 2 {
		b.add(v.at, subject, `%q is not an end ("any", places joined by "+", each also with " relays" or " clients", a relay or %q is accepted)`, short(v.text), b.rootName)
		return m
	}
	if len(words) == 2 {
		switch words[1] {
		case "relays":
			m.Roles = topology.Relay
		case "clients":
			m.Roles = topology.Client
		default:
			b.add(v.at, subject, "%q after places is neither \"relays\" nor \"clients\"", short(words[1]))
			return m
		}
	}
	relay, isRelay := b.relays[words[0]]
	if words[0] == "root" {
		relay, isRelay = b.relays[b.rootName], true
	}
	if _, isPlace := b.places[words[0]]; isPlace {
		isRelay = false
	}
	switch {
	case words[0] == "any":
	case isRelay && len(words) == 1:
		m.Hosts = []topology.HostID{topology.HostID(relay)}
	case isRelay:
		b.add(v.at, subject, "%q is one host, not places", words[0])
	default:
		m.Networks = b.endPlaces(v, words[0], subject)
	}
	return m
}

// endPlaces are the places of an end. What is neither a place nor a relay is
// held against the names of both.
func (b *binder) endPlaces(v *node, names, subject string) []topology.NetworkID {
	if _, isPlace := b.places[names]; !isPlace && names != "sites" && !strings.Contains(names, "+") {
		known := append([]string{"any", "sites"}, b.section("place").names()...)
		b.add(v.at, subject, "%q is neither a place nor a relay%s", short(names), hint(names, append(known, b.relayNames()...)))
		return nil
	}
	return b.placesOf(v, names, subject)
}

// Bounds of a limit's rate, in packets a second.
const (
	leastRate = 1.0 / 3600
	mostRate  = 1e6
	mostBurst = 1e6
	// standardBurst is nftables' default burst of "limit rate".
	standardBurst = 5
)

// limit reads "5/s", "5/s burst 10 per source", "30/m per source".
func (b *binder) limit(v *node, subject string) *topology.Limit {
	if v == nil || v.kind != text {
		return nil
	}
	words := strings.Fields(v.text)
	l := &topology.Limit{Burst: standardBurst}
	if n := len(words); n >= 2 && words[n-2] == "per" && words[n-1] == "source" {
		l.PerSource = true
		words = words[:n-2]
	}
	ok := len(words) == 1 || len(words) == 3 && words[1] == "burst"
	if ok && len(words) == 3 {
		burst, err := strconv.ParseUint(words[2], 10, 32)
		ok = err == nil && burst >= 1 && burst <= mostBurst
		l.Burst = int(burst)
	}
	if ok {
		l.PerSecond, ok = parseRate(words[0])
	}
	if !ok {
		b.add(v.at, subject, "limit %q is not a rate (\"5/s\", \"30/m\" or \"100/h\" is accepted, then \"burst N\", then \"per source\"; at most %.0f a second)", short(v.text), mostRate)
		return nil
	}
	return l
}

func parseRate(s string) (perSecond float64, ok bool) {
	number, unit, found := strings.Cut(s, "/")
	x, err := strconv.ParseUint(number, 10, 32)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !found || err != nil || per == 0 {
		return 0, false
	}
	perSecond = float64(x) / per.Seconds()
	return perSecond, perSecond >= leastRate && perSecond <= mostRate
}
