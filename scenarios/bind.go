package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// binder ends the second step: it turns the names of a resolved scenario into
// numbers and its nodes into a plan.
type binder struct {
	*faults
	root *node
	plan *sim.Plan

	places map[string]topology.NetworkID
	sites  []string
	boxes  []boxNode
	legs   []leg
	// lostSides: a box is not connected as was meant, which was reported.
	lostSides bool
	// prefixes of the places, and what makes places of VPN clients.
	prefixes map[topology.NetworkID][]netip.Prefix
	tunneled map[topology.NetworkID]*topology.TunneledSpec
	// ipv6: some place has IPv6 addresses.
	ipv6    bool
	views   []topology.ViewSpec
	viewIDs map[string]topology.ViewID
	portals map[topology.NetworkID]topology.ViewID
	routes  []topology.RouteSpec
	// routeNames are the names of the routes.
	routeNames []string
	hostSpecs  []topology.HostSpec
	rowsBound  map[*node][]topology.Rule
	relays     map[string]selection.RelayID // the root too
	rootName   string
	home       topology.NetworkID // of the root
	openings   map[string]*opening
	// written are the addresses and networks that ends of rules are written as.
	written   []writtenEnd
	policies  []*policy
	events    []outage
	existence []outage
	// sought are the seek lists that events give to groups.
	sought []sought
}

// bind makes a plan of a resolved scenario, without the compiled networks.
func bind(root *node, name string, f *faults) *binder {
	b := &binder{
		faults: f, root: root, plan: &sim.Plan{Name: name},
		places: map[string]topology.NetworkID{}, relays: map[string]selection.RelayID{}, openings: map[string]*opening{},
		prefixes: map[topology.NetworkID][]netip.Prefix{}, tunneled: map[topology.NetworkID]*topology.TunneledSpec{},
		viewIDs: map[string]topology.ViewID{}, portals: map[topology.NetworkID]topology.ViewID{},
		rowsBound: map[*node][]topology.Rule{},
	}
	b.general()
	b.networks()
	b.wiring()
	b.hosts()
	b.bindPrefixes()
	b.bindViews()
	b.bindRoutes()
	b.outside()
	b.groups()
	b.bindOpenings()
	b.bindPolicies()
	b.bindEvents()
	b.expectations()
	return b
}

// general reads the scalars at the top.
func (b *binder) general() {
	r, p := b.root, b.plan
	p.Title = r.str("title")
	p.Seed = uint64(max(r.int("seed"), 0))
	p.Replications = int(min(r.int("replications"), 1<<20))
	p.Duration, p.WarmUp = r.span("duration"), r.span("warmup")
	p.StartOfWeek, _ = parseWeekTime(r.str("starts"))
	p.FlapWithin = r.span("flap_within")
	p.DesignLoad = int(min(r.int("design_load"), 1<<30))
	p.LimitLoad = int(min(r.int("limit_load"), 1<<30))
	for _, v := range r.items("found_bounds") {
		if d, ok := parseSpan(v.text); ok {
			p.FoundBounds = append(p.FoundBounds, d)
		}
	}
}

// section is a table of tables of the scenario.
func (b *binder) section(name string) *node { return b.root.get(name) }

// networks numbers the places: sites in the order of their table, then the
// others by name.
func (b *binder) networks() {
	for _, row := range b.root.get("tables").items("sites") {
		b.sites = append(b.sites, row.str("name"))
	}
	if n := len(b.section("place").names()); n >= int(topology.NoNetwork) {
		b.add(b.section("place").at, "place", "%d places (at most %d)", n, int(topology.NoNetwork)-1)
		return
	}
	for i, name := range b.section("place").names() {
		b.places[name] = topology.NetworkID(i)
		b.plan.Networks = append(b.plan.Networks, sim.NetworkPlan{Name: name, Site: i < len(b.sites)})
	}
}

// placesOf reads place names joined by "+"; "sites" stands for all of them.
func (b *binder) placesOf(v *node, text, subject string) []topology.NetworkID {
	var out []topology.NetworkID
	for word := range strings.SplitSeq(text, "+") {
		word = strings.TrimSpace(word)
		id, ok := b.places[word]
		switch {
		case ok:
			out = append(out, id)
		case word == "sites":
			for i := range b.sites {
				out = append(out, topology.NetworkID(i))
			}
			if len(b.sites) == 0 {
				b.add(v.at, subject, "%q, but there is no sites table", word)
			}
		default:
			b.add(v.at, subject, "place %q is not defined%s", short(word), hint(word, b.section("place").names()))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hosts numbers the relays in the order of the tables, and the root last.
func (b *binder) hosts() {
	sec := b.section("relay")
	for _, name := range sec.names() {
		n := sec.get(name)
		if n.kind != table {
			continue
		}
		subject := "relay " + strconv.Quote(name)
		b.relays[name] = selection.RelayID(len(b.plan.Relays))
		r := sim.RelayPlan{Name: name}
		b.host(&r, n)
		if id, ok := b.places[n.str("place")]; ok {
			r.Network = id
		} else if n.has("place") && n.get("place").kind == text {
			b.add(n.spotOf("place"), subject, "place %q is not defined%s", short(n.str("place")), hint(n.str("place"), b.section("place").names()))
		}
		b.plan.Relays = append(b.plan.Relays, r)
	}
	b.bindRoot()
}

// host reads what relays and the root have in common.
func (b *binder) host(r *sim.RelayPlan, n *node) {
	r.ID = n.str("id")
	r.NoAutoSelect = !n.truth("auto_select")
	r.Gate = selection.Gate{
		Authenticating: n.truth("authenticating"), Password: n.str("password"),
		MaxChildren: uint32(min(max(n.int("max_children"), 0), 1<<32-1)),
	}
	r.Priority = uint32(min(max(n.int("priority"), 0), 1<<32-1))
	r.Weight, r.Unweighted = uint32(min(max(n.int("weight"), 0), 1<<32-1)), !n.has("weight")
	_, subject := b.hostNode(r)
	b.endpoint(r, n, subject)
	b.ascii(n.get("password"), subject)
	for label := range strings.SplitSeq(n.str("advertise"), ";") {
		if label = strings.TrimSpace(label); label != "" {
			r.Advertise = append(r.Advertise, label)
		}
	}
}

// endpoint reads what a host is to the network. Its place is known later.
func (b *binder) endpoint(r *sim.RelayPlan, n *node, subject string) {
	h := topology.HostSpec{Name: r.Name, Role: topology.Relay, ListedAs: b.addr(n, "listed_as", subject), Guard: b.guard(n, subject)}
	if r.Root {
		h.Role = topology.Root
	}
	if v := n.get("address"); v != nil && v.text != "" || v != nil && v.kind == list {
		h.Addrs = b.addrs(v, "address", subject)
		if items := n.items("address"); len(items) > 0 {
			r.Address = items[0].text
		}
	}
	b.hostSpecs = append(b.hostSpecs, h)
}

// guard is the host's own firewall that a relay or a group names.
func (b *binder) guard(n *node, subject string) topology.GuardID {
	v := n.get("firewall")
	if v == nil || v.kind != text {
		return 0
	}
	var known []string
	for i := range b.boxes {
		if b.boxes[i].node.str("kind") != "host" {
			continue
		}
		if b.boxes[i].name == v.text {
			return topology.GuardOf(topology.BoxID(i))
		}
		known = append(known, b.boxes[i].name)
	}
	if b.section("box").has(v.text) {
		b.add(v.at, subject, "firewall: the box %q is not of the kind \"host\"", v.text)
	} else {
		b.add(v.at, subject, "firewall: box %q is not defined%s", short(v.text), hint(v.text, known))
	}
	return 0
}

// bindPrefixes puts the hosts into their places and reads the addresses of
// these. A place without any has those of its hosts.
func (b *binder) bindPrefixes() {
	for i := range b.hostSpecs {
		r := &b.plan.Relays[i]
		b.hostSpecs[i].Network = r.Network
		if b.tunneled[r.Network] != nil {
			n, subject := b.hostNode(r)
			b.add(n.spotOf("place"), subject, "is at %q, a place of VPN clients", b.plan.Networks[r.Network].Name)
		}
	}
	for i := range b.plan.Networks {
		name, id := b.plan.Networks[i].Name, topology.NetworkID(i)
		n := b.section("place").get(name)
		if !n.has("prefix") {
			b.prefixes[id] = b.hostPrefixes(id)
		} else {
			b.prefixes[id] = b.prefixList(n, "prefix", "place "+strconv.Quote(name))
		}
		for _, p := range b.prefixes[id] {
			b.ipv6 = b.ipv6 || p.Addr().Is6()
		}
	}
}

// hostPrefixes are the addresses of the hosts of a place.
func (b *binder) hostPrefixes(id topology.NetworkID) []netip.Prefix {
	var out []netip.Prefix
	for i := range b.hostSpecs {
		if b.hostSpecs[i].Network != id {
			continue
		}
		for _, a := range b.hostSpecs[i].Addrs {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	slices.SortFunc(out, comparePrefixes)
	return slices.Compact(out)
}

// ascii refuses a password that cannot be one (spec 10.4).
func (b *binder) ascii(v *node, subject string) {
	if v != nil && strings.IndexFunc(v.text, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
		b.add(v.at, subject, "password %q is not in ASCII", short(v.text))
	}
}

// bindRoot finds the place whose hosts name the root.
func (b *binder) bindRoot() {
	n := b.section("root")
	b.rootName = n.str("name")
	subject := "root " + strconv.Quote(b.rootName)
	r := sim.RelayPlan{Name: b.rootName, Root: true, Unlisted: !n.truth("listed")}
	b.host(&r, n)
	found := false
	for _, place := range b.section("place").names() {
		for _, h := range b.section("place").get(place).items("hosts") {
			switch {
			case h.text != b.rootName:
				b.add(h.at, "place "+strconv.Quote(place), "hosts: %q is not the root server %q (a relay names its place itself)", short(h.text), b.rootName)
			case found:
				b.add(h.at, subject, "lives in two places")
			default:
				found, r.Network = true, b.places[place]
			}
		}
	}
	if !found {
		b.add(n.at, subject, "lives nowhere (one place has hosts = [%q])", b.rootName)
	}
	if _, twice := b.relays[b.rootName]; twice {
		b.add(b.section("relay").spotOf(b.rootName), "relay "+strconv.Quote(b.rootName), "has the name of the root server")
	}
	b.relays[b.rootName] = selection.RelayID(len(b.plan.Relays))
	b.home = r.Network
	b.plan.Relays = append(b.plan.Relays, r)
	b.fallback(n, subject)
}

// fallback marks the last fallback relay of the masthead.
func (b *binder) fallback(n *node, subject string) {
	v := n.get("fallback")
	if v == nil || v.kind != text {
		return
	}
	id, ok := b.relays[v.text]
	if !ok || b.plan.Relays[id].Root {
		b.add(v.at, subject, "fallback: relay %q is not defined%s", short(v.text), hint(v.text, b.section("relay").names()))
		return
	}
	b.plan.Relays[id].Fallback = true
}

// relayNames are the relays and the root in their order.
func (b *binder) relayNames() []string {
	var out []string
	for i := range b.plan.Relays {
		out = append(out, b.plan.Relays[i].Name)
	}
	return out
}
