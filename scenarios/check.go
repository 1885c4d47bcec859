package scenarios

import (
	"maps"
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
	b.inner()
	b.names()
	b.addresses()
	b.publicAddresses()
	b.writtenEnds()
	b.population()
	if len(b.errors) == 0 {
		b.compile()
	}
}

// ranges holds every value with bounds against them.
func (b *binder) ranges() {
	b.held(b.root, topKeys, "scenario")
	for _, s := range []struct {
		name string
		sec  *section
	}{{"place", placeKeys}, {"link", linkKeys}, {"route", routeKeys}, {"relay", relayKeys}, {"group", groupKeys}} {
		for _, name := range b.section(s.name).names() {
			b.held(b.section(s.name).get(name), s.sec, s.name+" "+strconv.Quote(name))
		}
	}
	b.held(b.section("root"), rootKeys, "root")
	for _, when := range b.section("events").names() {
		for _, e := range b.section("events").items(when) {
			b.held(e, eventKeys, "event "+strconv.Quote(short(when)))
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

// held holds a table against what its section requires and against its ranges.
func (b *binder) held(n *node, sec *section, subject string) {
	b.missing(n, sec, subject)
	b.rangesOf(n, sec, subject)
}

// missing reports required keys that are absent.
func (b *binder) missing(n *node, sec *section, subject string) {
	if n == nil || n.kind != table {
		return
	}
	for i := range sec.keys {
		k := &sec.keys[i]
		if k.required && !n.has(k.name) {
			b.add(n.at, subject, "%s is missing (%s is accepted)", k.name, k.form.want)
		}
	}
}

func (b *binder) rangesOf(n *node, sec *section, subject string) {
	if n == nil || n.kind != table {
		return
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
			b.held(n, s.sec, subject)
			if s.name == "box" {
				b.idleKeys(n, n.str("kind"), subject)
				if n.has("preset") {
					b.besidePreset(n, n.str("preset"), subject)
				}
			}
		}
	}
}

// inner holds the tables inside places, links and boxes against their keys.
func (b *binder) inner() {
	for _, s := range []string{"place", "link"} {
		for _, name := range b.section(s).names() {
			n, subject := b.section(s).get(name), s+" "+strconv.Quote(name)
			b.checkBursts(n, subject)
			b.held(n.get("tunnel"), tunnelKeys, subject+": tunnel")
		}
	}
	for _, name := range b.section("box").names() {
		n, subject := b.section("box").get(name), "box "+strconv.Quote(name)
		b.innerBox(n, subject)
	}
	for _, name := range b.section("policy").names() {
		boxes := b.section("policy").get(name).get("box")
		for _, box := range boxes.names() {
			n, subject := boxes.get(box), "policy "+strconv.Quote(name)+": box "+strconv.Quote(box)
			b.rangesOf(n, policyBoxKeys, subject)
			b.innerBox(n, subject)
		}
	}
}

// innerBox leaves out whether a translator names its outside, since that of a
// policy may leave it to the box.
func (b *binder) innerBox(n *node, subject string) {
	b.rangesOf(n.get("nat"), natKeys, subject+": nat")
	b.rangesOf(n.get("lifetimes"), lifetimeKeys, subject+": lifetimes")
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

// mostClients bounds the clients of a scenario: a larger number is rather a
// slip of the pen.
const mostClients = 20_000_000

// What a run takes in memory, in bytes, about: fitted to the peaks of a week of
// the shapes L, XL and XXL on one and two workers (docs/performance.md, "Memory").
const (
	// ClientBytes of a client that rests between its events, at class level.
	ClientBytes = 70
	// packetBytes of a client whose packets have to be walked one by one. A
	// fleet that starts within seconds takes several times that.
	packetBytes = 1500
	// placeBytes of a place: what its clients are observed by, and the fates of
	// their packets.
	placeBytes = 80 << 10
)

// Memory is about how much a worker of a run of the plan takes, in bytes, under
// the policy that takes most. Where clients couple it takes all to be walked
// packet by packet, which few may be.
func Memory(p *sim.Plan) int64 {
	clients, each := int64(0), int64(ClientBytes)
	for i := range p.Groups {
		clients += int64(p.Groups[i].Count)
	}
	for i := range p.Policies {
		if p.Coupling(i) != "" {
			each = packetBytes
		}
	}
	return clients*each + int64(len(p.Networks))*placeBytes
}

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
		b.add(b.section("group").at, "scenario", "%d clients in all are more than the %d that are accepted (each worker needs about %d bytes for each)", total, mostClients, ClientBytes)
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

// compile compiles the network of every policy.
func (b *binder) compile() {
	for _, p := range b.policies {
		n, err := topology.Compile(p.spec)
		if err != nil {
			b.add(p.node.at, "policy "+strconv.Quote(p.Name), "%v", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		p.Network = n
	}
	b.wires()
}

// wires reports places of clients without a wire to a relay or the root. That
// a firewall lets nothing through, or a translator in from one side alone, is a
// policy; that there is no wire is a mistake.
func (b *binder) wires() {
	parts := b.parts()
	targets := map[topology.NetworkID]string{} // with a host in each
	for i := range b.plan.Relays {
		if r := &b.plan.Relays[i]; targets[r.Network] == "" {
			targets[r.Network] = r.Name
		}
	}
	if slices.Max(parts) == slices.Min(parts) {
		return
	}
	order := slices.Sorted(maps.Keys(targets))
	searched := map[topology.NetworkID]bool{}
	for i := range b.plan.Groups {
		g := &b.plan.Groups[i]
		for _, from := range placesOfGroup(g) {
			if searched[from] {
				continue
			}
			searched[from] = true
			for _, to := range order {
				if parts[from] != parts[to] {
					b.add(b.section("group").get(g.ID).at, "group "+strconv.Quote(b.plan.Labels[g.Label]),
						"no path leads from %q to %q, where %q is", b.plan.Networks[from].Name, b.plan.Networks[to].Name, targets[to])
				}
			}
		}
	}
}

// placesOfGroup are the places where the clients of a group can be.
func placesOfGroup(g *sim.GroupPlan) []topology.NetworkID {
	out := []topology.NetworkID{g.Home}
	for _, a := range g.Away {
		out = append(out, a.Network)
	}
	return out
}

// parts numbers the parts of the network that no wire joins: two places are in
// one part if they have the same number. VPN clients are where they really are
// besides.
func (b *binder) parts() []int {
	part := make([]int, len(b.plan.Networks))
	for i := range part {
		part[i] = i
	}
	join := func(places []topology.NetworkID) {
		for _, id := range places[min(1, len(places)):] {
			from, to := part[id], part[places[0]]
			if from == to {
				continue
			}
			for i := range part {
				if part[i] == from {
					part[i] = to
				}
			}
		}
	}
	for i := range b.boxes {
		join(slices.Concat(b.boxes[i].sides...))
	}
	for i := range b.plan.Networks {
		if t := b.tunneled[topology.NetworkID(i)]; t != nil {
			join([]topology.NetworkID{topology.NetworkID(i), t.Underlay})
		}
	}
	return part
}
