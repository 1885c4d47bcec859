package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

var boxKinds = map[string]topology.BoxKind{
	"router": topology.Routed, "stateful": topology.Stateful, "stateless": topology.Stateless, "host": topology.Guard,
}

// box is one box under a policy. Keys that the kind which a policy gives it
// does not have mean nothing.
func (b *binder) box(p *policy, id topology.BoxID, subject string) topology.BoxSpec {
	x := &b.boxes[id]
	n, own := x.node, "box "+strconv.Quote(x.name)
	if over := p.node.get("box").get(x.name); over != nil && over.kind == table {
		n = b.changed(x, over, subject+": "+own)
	}
	kind := n.str("kind")
	has := func(key string) bool { return n.has(key) && boxHas(kind, key) }
	spec := topology.BoxSpec{
		Name: x.name, Kind: boxKinds[kind],
		Silent: n.truth("silent"), Drops: b.kinds(n, "drops", own),
		Source: n.spotOf("otherwise").lineOnly(), DropsSource: n.spotOf("drops").lineOnly(),
		Errors: b.errorLimit(n.get("icmp_errors"), own),
	}
	if kind != "router" {
		spec.Otherwise, _ = verdict(defaulted(n.str("otherwise"), "drop"))
	}
	if kind == "stateful" || kind == "host" {
		spec.RelatedErrors = n.str("related_errors") != "drop"
	}
	if has("rules") {
		spec.Rules = slices.Clone(b.rowRules(n.get("rules")))
	}
	spec.Rules = append(spec.Rules, b.openingRules(p, id)...)
	if has("preset") {
		b.preset(&spec, n, own)
	}
	if kind == "stateless" { // which tracks nothing anyway
		for i := range spec.Rules {
			spec.Rules[i].Untracked = false
		}
	}
	if has("lifetimes") {
		t := n.get("lifetimes")
		spec.Lifetimes = topology.Lifetimes{TCP: t.span("tcp"), UDP: t.span("udp"), ICMP: t.span("icmp")}
	}
	if has("flows") {
		spec.Flows = count(n.int("flows"))
	}
	if has("eats_expiring") {
		spec.EatsExpiring = n.truth("eats_expiring")
	}
	if has("echo_for") {
		for _, v := range n.items("echo_for") {
			if f := strings.Fields(v.text); len(f) == 2 && f[1] == "clients" {
				b.add(v.at, own, "echo_for: nobody sends echo requests to clients (relays, the root, places or addresses are accepted)")
			}
			spec.EchoFor = append(spec.EchoFor, b.end(v, own+": echo_for")...)
		}
	}
	if has("errors_from") {
		if spec.ErrorsFrom = b.addr(n, "errors_from", own); spec.ErrorsFrom.IsLoopback() {
			b.add(n.spotOf("errors_from"), own, "errors_from %s is no address that others know", spec.ErrorsFrom)
		}
	}
	if v := n.get("nat"); has("nat") && v.kind == table {
		spec.NAT = b.nat(v, x, own+": nat")
	}
	return spec
}

// count brings a number, which is checked later, into what an int holds.
func count(n int64) int { return int(min(max(n, 0), 1<<31-1)) }

// changed is a box as a policy changes it. A preset takes the place of what the
// box says of all that it decides.
func (b *binder) changed(x *boxNode, over *node, subject string) *node {
	n := x.node
	if n.str("kind") == "host" && over.has("kind") {
		b.add(over.spotOf("kind"), subject, "kind: a host's own firewall remains one")
		over = without(over, "kind")
	}
	switch {
	case over.has("preset"):
		n = without(n, "otherwise", "related_errors")
	case n.has("preset"):
		b.besidePreset(over, n.str("preset"), subject)
	}
	n = overlay(n, over)
	b.idleKeys(over, n.str("kind"), subject)
	if over.has("preset") {
		b.besidePreset(over, over.str("preset"), subject)
	}
	return n
}

// besidePreset refuses what a preset decides.
func (b *binder) besidePreset(n *node, preset, subject string) {
	for _, k := range n.names() {
		if presetDecides(k) {
			b.add(n.spotOf(k), subject, "%s means nothing beside the preset %q, which decides that", k, preset)
		}
	}
}

// preset adds the rules of a preset behind the others.
func (b *binder) preset(spec *topology.BoxSpec, n *node, subject string) {
	p := presetOf(n.str("preset"))
	if p == nil {
		return
	}
	if p.hostOnly && spec.Kind != topology.Guard {
		b.add(n.spotOf("preset"), subject, "preset %q is that of a host's own firewall (kind = \"host\")", p.name)
	}
	spec.Rules = append(spec.Rules, p.rules(spec.Kind, n.spotOf("preset"))...)
	spec.Otherwise, spec.Source = p.otherwise, n.spotOf("preset").lineOnly()
	spec.RelatedErrors = p.related && (spec.Kind == topology.Stateful || spec.Kind == topology.Guard)
}

// openingRules are the rules of a policy's openings in a box.
func (b *binder) openingRules(p *policy, id topology.BoxID) []topology.Rule {
	var out []topology.Rule
	for _, name := range p.Openings {
		o := b.openings[name]
		if !o.isAt(id) {
			continue
		}
		if b.kindUnder(p, id) == "router" {
			b.add(o.node.spotOf("at"), "opening "+strconv.Quote(name), "at: %q is a router, which has no rules", b.boxes[id].name)
			continue
		}
		out = append(out, o.rulesAt(id)...)
	}
	return out
}

// kindUnder is the kind of a box under a policy.
func (b *binder) kindUnder(p *policy, id topology.BoxID) string {
	x := &b.boxes[id]
	return defaulted(p.node.get("box").get(x.name).str("kind"), x.node.str("kind"))
}

// rowRules makes rules of the rows of a CSV file. Those with one list of rows
// share them.
func (b *binder) rowRules(rows *node) []topology.Rule {
	if out, ok := b.rowsBound[rows]; ok {
		return out
	}
	var out []topology.Rule
	var idle []string
	at := rows.at
	for _, row := range rows.list {
		subject := ruleSubject(row)
		b.missing(row, ruleKeys, subject)
		b.rangesOf(row, ruleKeys, subject)
		r := topology.Rule{Name: subject, Source: row.at.lineOnly(), Untracked: isNo(row.get("stateful"))}
		r.Verdict, r.With = verdict(row.str("action"))
		s, ok := b.rowService(row, subject)
		if ok && s == (service{}) {
			if idle == nil {
				at = row.at
			}
			idle = append(idle, strconv.FormatInt(row.int("no"), 10))
		}
		mark := len(b.written)
		from, to := b.end(row.get("from"), subject), b.end(row.get("to"), subject)
		if s == (service{}) {
			b.written = b.written[:mark]
		}
		for i := range b.written[mark:] {
			b.written[mark+i].rows = rows
		}
		for _, r := range b.byFamily(r, s, "") {
			out = append(out, crossed(r, from, to)...)
		}
	}
	if idle != nil {
		b.warn(at, "rules", "no packet of the model is of the services of %d of %d rules (%s)", len(idle), len(rows.list), listed(idle))
	}
	b.rowsBound[rows] = out
	return out
}

// listed joins the first few of many words.
func listed(words []string) string {
	const few = 8
	if len(words) > few {
		return strings.Join(words[:few], ", ") + ", ..."
	}
	return strings.Join(words, ", ")
}

// rowService reads the services of a row, joined by "+".
func (b *binder) rowService(row *node, subject string) (out service, ok bool) {
	v := row.get("service")
	if v == nil || v.kind != text {
		return service{}, false
	}
	ok = true
	for name := range strings.SplitSeq(v.text, "+") {
		s, known := parseService(strings.TrimSpace(name))
		if !known {
			b.add(v.at, subject, "service %q is not known%s", short(name), hint(name, services))
			ok = false
		}
		out = out.or(s)
	}
	return out, ok
}

// isNo tells whether a truth value, or "yes" or "no", is false.
func isNo(v *node) bool {
	return v != nil && (v.kind == boolean && !v.flag || v.kind == text && v.text == "no")
}

// errorLimit reads the limits of ICMP errors.
func (b *binder) errorLimit(v *node, subject string) *topology.ErrorLimit {
	switch {
	case v == nil || v.kind == text && v.text == "unlimited":
		return nil
	case v.kind == text:
		return topology.LinuxErrors()
	case v.kind != table:
		return nil
	}
	subject += ": icmp_errors"
	if !v.has("per_destination") && !v.has("global") {
		b.add(v.at, subject, "limits nothing (per_destination or global is needed)")
	}
	read := func(key string) *topology.Limit {
		l := b.limit(v.get(key), subject)
		if l != nil && l.PerSource {
			b.add(v.spotOf(key), subject, "%s: \"per source\" means nothing here", key)
		}
		return l
	}
	return &topology.ErrorLimit{PerDestination: read("per_destination"), Global: read("global")}
}

var dependences = map[string]topology.Dependence{
	"endpoint-independent": topology.EndpointIndependent, "address-dependent": topology.AddressDependent,
	"address-and-port-dependent": topology.AddressAndPortDependent,
}

// nat reads how a box translates.
func (b *binder) nat(n *node, box *boxNode, subject string) *topology.NATSpec {
	spec := &topology.NATSpec{
		Outside:   b.outsideOf(n, box, subject),
		Mapping:   dependences[defaulted(n.str("mapping"), "endpoint-independent")],
		Filtering: dependences[defaulted(n.str("filtering"), "address-and-port-dependent")],
		PerClient: n.truth("per_client"),
		Mappings:  count(n.int("mappings")), PerHost: count(n.int("per_host")),
		Hairpin: n.truth("hairpin"), DropsErrors: n.truth("drops_errors"),
	}
	if n.str("error_source") == "destination" {
		spec.ErrorSource = topology.FromDestination
	}
	own := publics{binder: b, subject: subject, taken: map[netip.Addr]bool{}}
	static := n.get("static")
	for _, public := range static.names() {
		v := static.get(public)
		a, ok := own.add(v, public, "static", true)
		host, found := b.natHost(v, v.text, "static", subject)
		twice := slices.ContainsFunc(spec.Static, func(s topology.StaticNAT) bool { return s.Host == host })
		if ok && found && twice {
			b.add(v.at, subject, "static: %q has another public address already", v.text)
		} else if ok && found {
			spec.Static = append(spec.Static, topology.StaticNAT{Public: a, Host: host})
		}
	}
	slices.SortFunc(spec.Static, func(x, y topology.StaticNAT) int { return x.Public.Compare(y.Public) })
	spec.Forwards = b.forwards(n, &own, subject)
	spec.Pool = own.pool(n)
	if spec.PerClient && len(spec.Static)+len(spec.Forwards) > 0 {
		b.add(n.spotOf("per_client"), subject, "per_client: a translator of each client's own leads to no relay (static and forward mean nothing beside it)")
	}
	if len(spec.Pool) == 0 && !spec.PerClient {
		b.add(n.spotOf("pool"), subject, "pool has no address (at least one is needed, unless per_client = true)")
	}
	return spec
}

// outsideOf is the side of a box whose places are named as outside.
func (b *binder) outsideOf(n *node, box *boxNode, subject string) uint8 {
	v := n.get("outside")
	if v == nil {
		b.add(n.at, subject, "outside is missing (places of one side are accepted)")
		return 0
	}
	if v.kind != text {
		return 0
	}
	places := b.placesOf(v, v.text, subject+": outside")
	set := b.sidesOf(n, "outside", box, places, subject)
	for side := range uint8(topology.MaxSides) {
		if set == 1<<side {
			return side
		}
	}
	if set != 0 {
		b.add(v.at, subject, "outside: %q is on several sides of the box", short(v.text))
	}
	return 0
}

// natHost is the host that a translator leads to.
func (b *binder) natHost(v *node, name, key, subject string) (topology.HostID, bool) {
	host, ok := b.relayNamed(name)
	if !ok && v.kind == text {
		b.add(v.at, subject, "%s: relay %q is not defined%s", key, short(name), hint(name, b.relayNames()))
	}
	return host, ok
}

// forwards reads single kinds of packets that lead to a host.
func (b *binder) forwards(n *node, own *publics, subject string) []topology.PortForward {
	type one struct {
		public netip.Addr
		kind   topology.Kind
	}
	first := map[one]spot{}
	var out []topology.PortForward
	for _, v := range n.items("forward") {
		if v.kind != table {
			continue
		}
		within := subject + ": forward"
		b.missing(v, forwardKeys, within)
		a, ok := own.add(v.get("public"), v.str("public"), "forward", false)
		host, found := b.natHost(v, v.str("to"), "forward", subject)
		s := b.services(v, "service", within)
		b.forwardable(v, within)
		if !ok || !found || s.v4 == 0 {
			continue
		}
		f := topology.PortForward{Public: a, Kinds: s.v4.list(), Host: host}
		for _, k := range f.Kinds {
			if at, twice := first[one{a, k}]; twice {
				b.add(v.at, within, "%v to %s is forwarded already (at %s)", k, a, at)
				break
			}
			first[one{a, k}] = v.at
		}
		out = append(out, f)
	}
	return out
}

// forwardable refuses services that no exchange begins with: errors and answers
// belong to a packet that was translated before.
func (b *binder) forwardable(n *node, subject string) {
	for _, v := range n.items("service") {
		s, ok := parseService(v.text)
		if ok && s != (service{}) && s.v4&setOf(traceable...) == 0 {
			b.add(v.at, subject, "service: %q cannot be forwarded (one of %s can)", short(v.text), strings.Join(ServiceNames(), ", "))
		}
	}
}

// publics are the public addresses of a translator.
type publics struct {
	*binder
	subject string
	taken   map[netip.Addr]bool // by static
}

// add reads a public address. Static ones are not given twice.
func (p *publics) add(v *node, s, key string, static bool) (netip.Addr, bool) {
	if v == nil || v.kind == bad {
		return netip.Addr{}, false
	}
	a, ok := hostAddr(s)
	switch {
	case !ok || !a.Is4():
		p.binder.add(v.at, p.subject, "%s: %q is not an IPv4 address of a host", key, short(s))
		return a, false
	case p.taken[a]:
		p.binder.add(v.at, p.subject, "%s: %s is the public address of another host", key, a)
		return a, false
	}
	if static {
		p.taken[a] = true
	}
	return a, true
}

// mostPool bounds the addresses of a pool.
const mostPool = 1 << 16

// pool reads addresses and blocks of them. Those of single hosts are left out.
func (p *publics) pool(n *node) []netip.Addr {
	var out []netip.Addr
	var blocks []netip.Prefix
	for _, v := range n.items("pool") {
		if v.kind != text {
			continue
		}
		block, ok := parsePrefix(v.text)
		if a, err := netip.ParseAddr(v.text); err == nil {
			block, ok = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
		}
		switch {
		case !ok || !block.Addr().Is4() || block.Addr().IsUnspecified() || block.Addr().IsMulticast():
			p.binder.add(v.at, p.subject, "pool: %q is neither an IPv4 address nor a block such as \"203.0.113.0/28\"", short(v.text))
			continue
		case !p.whole(v, v.text, "pool: ", p.subject):
			continue
		case slices.ContainsFunc(blocks, block.Overlaps):
			p.binder.add(v.at, p.subject, "pool: %q is in the pool already", short(v.text))
			continue
		case len(out)+1<<(32-block.Bits()) > mostPool:
			p.binder.add(v.at, p.subject, "pool: more than %d addresses", mostPool)
			return out
		}
		blocks = append(blocks, block)
		for a := block.Addr(); block.Contains(a); a = a.Next() {
			if !p.taken[a] {
				out = append(out, a)
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
