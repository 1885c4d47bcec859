package scenarios

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// end reads one end of a rule: "any", places, relays, the root, prefixes or
// several of these joined by "+"; all but relays may be narrowed to their
// relays or clients. It is a Match for each sort of these.
func (b *binder) end(v *node, subject string) []topology.Match {
	if v == nil || v.kind != text {
		return []topology.Match{{}}
	}
	words := strings.Fields(v.text)
	if len(words) == 0 || len(words) > 2 {
		b.add(v.at, subject, `%q is not an end ("any", places joined by "+", each also with " relays" or " clients", a relay or %q is accepted)`, short(v.text), b.rootName)
		return []topology.Match{{}}
	}
	role := topology.Role(0)
	if len(words) == 2 {
		switch words[1] {
		case "relays":
			role = topology.Relay
		case "clients":
			role = topology.Client
		default:
			b.add(v.at, subject, "%q after places is neither \"relays\" nor \"clients\"", short(words[1]))
			return []topology.Match{{}}
		}
	}
	if words[0] == "any" {
		return []topology.Match{{Roles: role}}
	}
	e := ends{binder: b, v: v, subject: subject}
	for word := range strings.SplitSeq(words[0], "+") {
		e.part(word, role != 0)
	}
	return e.matches(role)
}

// ends sorts the parts of one end.
type ends struct {
	*binder
	v       *node
	subject string

	places   []topology.NetworkID
	hosts    []topology.HostID
	prefixes []netip.Prefix
}

func (e *ends) part(word string, narrowed bool) {
	_, isPlace := e.binder.places[word]
	host, isHost := e.relayNamed(word)
	switch {
	case isPlace || word == "sites":
		e.places = append(e.places, e.placesOf(e.v, word, e.subject)...)
	case isHost && narrowed:
		e.add(e.v.at, e.subject, "%q is one host, not places", word)
	case isHost:
		e.hosts = append(e.hosts, host)
	case word == "any":
		e.add(e.v.at, e.subject, "\"any\" stands alone, since nothing can be added to it")
	case strings.ContainsAny(word, ":/") || isAddr(word):
		e.prefix(word)
	default:
		known := append([]string{"any", "sites"}, e.section("place").names()...)
		e.add(e.v.at, e.subject, "%q is neither a place nor a relay%s", short(word), hint(word, append(known, e.relayNames()...)))
	}
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// prefix adds a network or an address. An address of a relay's own means that
// relay, so that it does not matter who else is in its place.
func (e *ends) prefix(word string) {
	p, ok := parsePrefix(word)
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		a = a.Unmap()
		p, ok = netip.PrefixFrom(a, a.BitLen()), true
	}
	if !ok {
		e.add(e.v.at, e.subject, "%q is not a network (\"10.1.0.0/16\" is accepted)", short(word))
		return
	}
	if !e.whole(e.v, word, "", e.subject) {
		return
	}
	e.written = append(e.written, writtenEnd{e.v.at, e.subject, p, nil})
	if p.IsSingleIP() {
		for i := range e.hostSpecs {
			if slices.Contains(e.hostSpecs[i].Addrs, p.Addr()) {
				e.hosts = append(e.hosts, topology.HostID(i))
				return
			}
		}
		e.prefixes = append(e.prefixes, p) // that of nobody, or of a translator
		return
	}
	for id := range topology.NetworkID(len(e.plan.Networks)) {
		for _, of := range e.binder.prefixes[id] {
			if of.Overlaps(p) && of.Bits() < p.Bits() {
				e.partOf(id, of, p)
				return
			}
		}
	}
	e.prefixes = append(e.prefixes, p)
}

// partOf adds a part of the addresses of a place: the hosts that have them.
// That would be wrong where clients are, any of which may have any address.
func (e *ends) partOf(id topology.NetworkID, of, p netip.Prefix) {
	for i := range e.plan.Groups {
		if slices.Contains(placesOfGroup(&e.plan.Groups[i]), id) {
			e.add(e.v.at, e.subject, "%s splits %s, the prefix of %q, whose clients have any of its addresses", p, of, e.plan.Networks[id].Name)
			return
		}
	}
	for i := range e.hostSpecs {
		if slices.ContainsFunc(e.hostSpecs[i].Addrs, p.Contains) {
			e.hosts = append(e.hosts, topology.HostID(i))
		}
	}
}

// matches makes a Match for each sort of part, sorted and each part once; none
// if nobody is meant.
func (e *ends) matches(role topology.Role) []topology.Match {
	var out []topology.Match
	if len(e.places) > 0 {
		slices.Sort(e.places)
		out = append(out, topology.Match{Networks: slices.Compact(e.places), Roles: role})
	}
	if len(e.hosts) > 0 {
		slices.Sort(e.hosts)
		out = append(out, topology.Match{Hosts: slices.Compact(e.hosts)})
	}
	if len(e.prefixes) > 0 {
		slices.SortFunc(e.prefixes, comparePrefixes)
		out = append(out, topology.Match{Prefixes: slices.Compact(e.prefixes), Roles: role})
	}
	return out
}
