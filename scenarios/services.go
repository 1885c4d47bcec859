package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// kindSet is a set of kinds of packet, one bit each.
type kindSet uint16

// everyKind has all kinds.
const everyKind = kindSet(1<<topology.NumKinds - 1)

func setOf(kinds ...topology.Kind) kindSet {
	var s kindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// kinds lists the set as rules have it: none for every kind.
func (s kindSet) kinds() []topology.Kind {
	if s == everyKind {
		return nil
	}
	return s.list()
}

func (s kindSet) list() []topology.Kind {
	var out []topology.Kind
	for k := range topology.NumKinds {
		if s>>k&1 != 0 {
			out = append(out, k)
		}
	}
	return out
}

// service is what a service means: the kinds that it covers, by family.
type service struct{ v4, v6 kindSet }

func (s service) or(t service) service { return service{s.v4 | t.v4, s.v6 | t.v6} }

// both is a service of either family.
func both(kinds ...topology.Kind) service { return service{setOf(kinds...), setOf(kinds...)} }

// icmpKinds are the ICMP messages by the names and types of both versions
// (RFC 792, RFC 4443).
var icmpKinds = []struct {
	name   string
	v4, v6 uint8
	kind   topology.Kind
}{
	{"echo-request", 8, 128, topology.EchoRequest},
	{"echo-reply", 0, 129, topology.EchoReply},
	{"time-exceeded", 11, 3, topology.TimeExceeded},
	{"unreachable", 3, 1, topology.Unreachable},
}

// ports are the ports of the model's packets. A refusal (RST) carries those of
// the segment that it refuses (RFC 9293 section 3.5.2).
var ports = []struct {
	protocol string
	port     uint64
	kinds    []topology.Kind
}{
	{"tcp", 52311, []topology.Kind{topology.TCP, topology.Reset}},
	{"udp", 52311, []topology.Kind{topology.UDP}},
	{"udp", 4500, []topology.Kind{topology.VPN}},
}

// services are the names of services that mean something here. Other ports and
// types are services too, which no packet here has.
var services = func() []string {
	out := []string{"icmp/any"}
	for _, p := range ports {
		out = append(out, fmt.Sprintf("%s/%d", p.protocol, p.port))
	}
	for _, k := range icmpKinds {
		out = append(out, "icmp/"+k.name)
	}
	out = append(out, "icmpv6/any")
	for _, k := range icmpKinds {
		out = append(out, "icmpv6/"+k.name)
	}
	return append(out, "tcp/any", "udp/any", "any")
}()

// parseService reads "tcp/52311", "udp/1-65535", "icmp/echo-request",
// "icmpv6/any", "icmp/8" or "any". The service may cover nothing.
func parseService(s string) (service, bool) {
	if s == "any" {
		return service{everyKind, everyKind}, true
	}
	protocol, what, _ := strings.Cut(s, "/")
	switch protocol {
	case "tcp", "udp":
		return portService(protocol, what)
	case "icmp", "icmpv6":
		return icmpService(protocol == "icmpv6", what)
	}
	return service{}, false
}

func portService(protocol, what string) (s service, ok bool) {
	low, high, isRange := strings.Cut(what, "-")
	from, err1 := strconv.ParseUint(low, 10, 16)
	to, err2 := from, error(nil)
	if isRange {
		to, err2 = strconv.ParseUint(high, 10, 16)
	}
	if what == "any" {
		from, to, err1 = 0, 1<<16-1, nil
	}
	if err1 != nil || err2 != nil || from > to {
		return service{}, false
	}
	for _, p := range ports {
		if p.protocol == protocol && from <= p.port && p.port <= to {
			s = s.or(both(p.kinds...))
		}
	}
	return s, true
}

func icmpService(v6 bool, what string) (service, bool) {
	var set kindSet
	number, err := strconv.ParseUint(what, 10, 8)
	known := err == nil || what == "any"
	for _, k := range icmpKinds {
		code := k.v4
		if v6 {
			code = k.v6
		}
		if what == "any" || what == k.name || err == nil && number == uint64(code) {
			set |= setOf(k.kind)
			known = true
		}
	}
	if v6 {
		return service{v6: set}, known
	}
	return service{v4: set}, known
}

// services reads the services under a key. What is not a service is reported,
// and so is, as a warning, what no packet here has.
func (b *binder) services(n *node, key, subject string) service {
	var out service
	for _, v := range n.items(key) {
		if v.kind == text {
			out = out.or(b.service(v, v.text, key, subject))
		}
	}
	return out
}

func (b *binder) service(v *node, name, key, subject string) service {
	s, ok := parseService(name)
	switch {
	case !ok:
		b.add(v.at, subject, "%s: service %q is not known%s", key, short(name), hint(name, services))
	case s == service{}:
		b.warn(v.at, subject, "%s: no packet of the model is of the service %q%s", key, short(name), hint(name, services))
	}
	return s
}

// kinds reads a list of services where the family makes no difference.
func (b *binder) kinds(n *node, key, subject string) []topology.Kind {
	s := b.services(n, key, subject)
	return (s.v4 | s.v6).list()
}

// byFamily makes one rule for each distinct set of kinds of the two families.
// Without IPv6 anywhere IPv4 is all there is.
func (b *binder) byFamily(r topology.Rule, s service, families string) []topology.Rule {
	switch families {
	case "ipv4":
		s.v6 = 0
	case "ipv6":
		s.v4 = 0
	}
	if !b.ipv6 && s.v4 != 0 || s.v4 == s.v6 {
		r.Kinds = s.v4.kinds()
		if s.v4 == 0 {
			return nil
		}
		return []topology.Rule{r}
	}
	var out []topology.Rule
	for _, f := range []struct {
		family topology.Families
		set    kindSet
	}{{topology.IPv4, s.v4}, {topology.IPv6, s.v6}} {
		if f.set != 0 {
			r.Kinds, r.Families = f.set.kinds(), f.family
			out = append(out, r)
		}
	}
	return out
}

// crossed makes a rule for each pair of ends.
func crossed(r topology.Rule, from, to []topology.Match) []topology.Rule {
	var out []topology.Rule
	for _, f := range from {
		for _, t := range to {
			r.From, r.To = f, t
			out = append(out, r)
		}
	}
	return slices.Clip(out)
}
