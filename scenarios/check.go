package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// check does the third step: ranges, and what must hold between values. It
// changes nothing but compiles the networks, if nothing is wrong so far.
func check(b *binder) {
	b.ranges()
	b.idle()
	b.names()
	b.addresses()
	b.population()
	if len(b.errors) == 0 {
		b.compile()
	}
}

// ranges holds every value with bounds against them.
func (b *binder) ranges() {
	b.rangesOf(b.root, topKeys, "scenario")
	for _, s := range []struct {
		name string
		sec  *section
	}{{"place", placeKeys}, {"relay", relayKeys}, {"group", groupKeys}} {
		for _, name := range b.section(s.name).names() {
			b.rangesOf(b.section(s.name).get(name), s.sec, s.name+" "+strconv.Quote(name))
		}
	}
	b.rangesOf(b.section("root"), rootKeys, "root")
	for _, when := range b.section("events").names() {
		for _, e := range b.section("events").items(when) {
			b.rangesOf(e, eventKeys, "event "+strconv.Quote(short(when)))
		}
	}
	if p := b.plan; p.WarmUp >= p.Duration && p.Duration > 0 {
		b.add(b.writtenSpot("warmup", "duration"), "scenario", "warmup %s is not shorter than the duration %s", formatSpan(p.WarmUp), formatSpan(p.Duration))
	}
	if p := b.plan; p.LimitLoad < p.DesignLoad {
		b.add(b.writtenSpot("limit_load", "design_load"), "scenario", "limit_load %d is below design_load %d", p.LimitLoad, p.DesignLoad)
	}
}

// writtenSpot is where the first of two keys was written, or the second if the
// first is a default.
func (b *binder) writtenSpot(first, second string) spot {
	if at := b.root.spotOf(first); at != b.root.at {
		return at
	}
	return b.root.spotOf(second)
}

func (b *binder) rangesOf(n *node, sec *section, subject string) {
	if n.kind != table {
		return
	}
	for i := range sec.keys {
		k := &sec.keys[i]
		if k.required && !n.has(k.name) {
			b.add(n.at, subject, "%s is missing (%s is accepted)", k.name, k.form.want)
		}
	}
	for _, name := range n.names() {
		k := sec.find(name)
		if k == nil || k.lo == "" {
			continue
		}
		values := n.items(name)
		if v := n.get(name); v.kind == table {
			values = nil
			for _, inner := range v.names() {
				values = append(values, v.get(inner))
			}
		}
		for _, v := range values {
			b.inRange(v, name, k, subject)
		}
	}
}

// inRange reports a value outside the bounds of its key.
func (b *binder) inRange(v *node, name string, k *key, subject string) {
	if v.kind == bad {
		return
	}
	size := k.form.size
	if size == nil { // of the items of a list or table
		size = aNumber.size
		if k.form == someSpans {
			size = spanSize
		}
	}
	x := size(v)
	if lo, hi := bound(k.lo), bound(k.hi); !(x >= lo && x <= hi) {
		b.add(v.at, subject, "%s %s is outside [%s, %s]", name, v.shown(), k.lo, k.hi)
	}
}

// bound is a bound of a key in the unit of its form's size.
func bound(s string) float64 {
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		return x
	}
	d, _ := parseSpan(s)
	return d.Seconds()
}

// idle reports what is missing or means nothing in boxes and openings.
func (b *binder) idle() {
	for _, s := range []struct {
		name string
		sec  *section
	}{{"box", boxKeys}, {"opening", openingKeys}} {
		for _, name := range b.section(s.name).names() {
			n := b.section(s.name).get(name)
			subject := s.name + " " + strconv.Quote(name)
			b.rangesOf(n, s.sec, subject)
			if s.name == "box" {
				b.idleKeys(n, n.str("kind"), subject)
			}
		}
	}
}

// names reports names that two things share where only one can be meant.
func (b *binder) names() {
	taken := map[string]string{}
	for _, place := range b.section("place").names() {
		b.taken(b.section("place"), place, "place", taken)
	}
	for _, box := range b.section("box").names() {
		b.taken(b.section("box"), box, "box", taken)
	}
	for _, relay := range b.section("relay").names() {
		if relay != b.rootName { // reported already
			b.taken(b.section("relay"), relay, "relay", taken)
		}
	}
	b.groupNames()
	seen := map[string]string{}
	for i := range b.plan.Relays {
		r := &b.plan.Relays[i]
		at, subject := b.hostNode(r)
		if first, twice := seen[r.ID]; twice && first != r.Name {
			b.add(at.spotOf("id"), subject, "id %q is the id of %q too", r.ID, first)
		}
		seen[r.ID] = r.Name
	}
	legs := map[string]bool{}
	for i := range b.legs {
		l := &b.legs[i]
		if legs[l.Name] {
			b.add(b.boxes[l.Box].node.at, "box "+strconv.Quote(b.boxes[l.Box].name), "two legs are called %q (rename a place or a box)", l.Name)
		}
		legs[l.Name] = true
	}
}

// reserved are words that mean something where a name may stand.
var reserved = map[string]string{"any": "every end", "sites": "all sites", "outside": "all places outside", "root": "the root server"}

func (b *binder) taken(sec *node, name, what string, taken map[string]string) {
	if means, ok := reserved[name]; ok {
		b.add(sec.spotOf(name), what+" "+strconv.Quote(name), "cannot have this name, which means %s", means)
	} else if by, ok := taken[name]; ok {
		b.add(sec.spotOf(name), what+" "+strconv.Quote(name), "has the name of %s", by)
		return
	}
	taken[name] = "a " + what
}

// groupNames keeps labels apart from what else may be the subject of an
// expectation.
func (b *binder) groupNames() {
	sec := b.section("group")
	for _, id := range sec.names() {
		n := sec.get(id)
		label := defaulted(n.str("label"), id)
		if label == "all" || label == "root" || b.section("relay").has(label) {
			b.add(n.spotOf("label"), "group "+strconv.Quote(id), "has the name of a relay, or one of the words \"all\" and \"root\"")
		}
		if strings.ContainsAny(label, "/+: ") {
			b.add(n.spotOf("label"), "group "+strconv.Quote(id), "label %q has a sign that separates names", short(label))
		}
	}
}

// hostNode is the node and the subject of a relay or the root.
func (b *binder) hostNode(r *sim.RelayPlan) (*node, string) {
	if r.Root {
		return b.section("root"), "root " + strconv.Quote(r.Name)
	}
	return b.section("relay").get(r.Name), "relay " + strconv.Quote(r.Name)
}

// addresses checks prefixes and addresses. There is one address realm.
func (b *binder) addresses() {
	prefixes := map[topology.NetworkID]netip.Prefix{}
	for _, name := range b.section("place").names() {
		n := b.section("place").get(name)
		if n.str("prefix") == "" {
			continue
		}
		p, err := netip.ParsePrefix(n.str("prefix"))
		if err != nil {
			b.add(n.spotOf("prefix"), "place "+strconv.Quote(name), "prefix %q is not a network (\"10.1.0.0/16\" is accepted)", short(n.str("prefix")))
			continue
		}
		prefixes[b.places[name]] = p
	}
	owner := map[netip.Addr]string{}
	for i := range b.plan.Relays {
		r := &b.plan.Relays[i]
		if r.Address == "" {
			continue
		}
		n, subject := b.hostNode(r)
		at := n.spotOf("address")
		a, err := netip.ParseAddr(r.Address)
		if err != nil {
			b.add(at, subject, "address %q is not an IP address", short(r.Address))
			continue
		}
		a = a.Unmap() // ::ffff:10.0.0.1 is 10.0.0.1
		if other, twice := owner[a]; twice {
			b.add(at, subject, "address %s is the address of %q too", a, other)
		}
		owner[a] = r.Name
		if p, ok := prefixes[r.Network]; ok && !p.Contains(a) {
			b.add(at, subject, "address %s is outside the prefix %s of %q", a, p, b.plan.Networks[r.Network].Name)
		}
	}
}

// mostClients is the number of clients that a usual machine holds in memory,
// once for each worker.
const mostClients = 5_000_000

// population reports what there must be at least one of.
func (b *binder) population() {
	clients := make([]int, len(b.plan.Labels))
	for i := range b.plan.Groups {
		clients[b.plan.Groups[i].Label] += b.plan.Groups[i].Count
	}
	total := 0
	for _, n := range clients {
		total += n
	}
	if total > mostClients {
		b.add(b.section("group").at, "scenario", "%d clients in all are more than the %d that fit (about 1 kB each, for every worker)", total, mostClients)
	}
	for i, label := range b.plan.Labels {
		at := b.firstOf(i)
		if n := at.get("count"); clients[i] == 0 && n != nil && n.kind != bad && n.whole == 0 {
			b.add(at.spotOf("count"), "group "+strconv.Quote(label), "has no clients")
		}
	}
	if len(b.plan.Groups) == 0 {
		b.add(b.section("group").at, "scenario", "there are no clients (at least one group is needed)")
	}
	if len(b.section("relay").names()) == 0 {
		b.add(b.section("relay").at, "scenario", "there are no relays (at least one is needed)")
	}
	if names := b.section("policy").names(); !slices.ContainsFunc(names, func(s string) bool { return s != "always" }) {
		b.add(b.section("policy").at, "scenario", "there are no policies (at least one is needed; closed = [] opens nothing)")
	}
}

// firstOf is the node of the first group with a label.
func (b *binder) firstOf(label int) *node {
	i := slices.IndexFunc(b.plan.Groups, func(g sim.GroupPlan) bool { return g.Label == label })
	return b.section("group").get(b.plan.Groups[i].ID)
}

// compile compiles the network of every policy and looks for paths, which
// only the kinds of its boxes can change.
func (b *binder) compile() {
	searched := map[string]bool{}
	for _, p := range b.policies {
		n, err := topology.Compile(p.spec)
		if err != nil {
			b.add(p.node.at, "policy "+strconv.Quote(p.Name), "%v", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		p.Network = n
		kinds := ""
		for i := range p.spec.Boxes {
			kinds += strconv.Itoa(int(p.spec.Boxes[i].Kind))
		}
		if !searched[kinds] {
			searched[kinds] = true
			b.paths(p)
		}
	}
}

// paths reports places of clients without a path to a relay or the root. That
// a firewall lets nothing through is a policy; that there is no wire is a
// mistake.
func (b *binder) paths(p *policy) {
	targets := map[topology.NetworkID]string{} // with a host in each
	for i := range b.plan.Relays {
		if r := &b.plan.Relays[i]; targets[r.Network] == "" {
			targets[r.Network] = r.Name
		}
	}
	searched := map[topology.NetworkID]bool{}
	for i := range b.plan.Groups {
		g := &b.plan.Groups[i]
		places := []topology.NetworkID{g.Home}
		for _, a := range g.Away {
			places = append(places, a.Network)
		}
		for _, from := range places {
			if !searched[from] {
				searched[from] = true
				b.pathsFrom(p, g, from, targets)
			}
		}
	}
}

func (b *binder) pathsFrom(p *policy, g *sim.GroupPlan, from topology.NetworkID, targets map[topology.NetworkID]string) {
	for to := range topology.NetworkID(len(b.plan.Networks)) {
		host, ok := targets[to]
		if !ok || p.Network.Reachable(from, to) {
			continue
		}
		b.add(b.section("group").get(g.ID).at, "group "+strconv.Quote(b.plan.Labels[g.Label]),
			"no path leads from %q to %q, where %q is", b.plan.Networks[from].Name, b.plan.Networks[to].Name, host)
	}
}
