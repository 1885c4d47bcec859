package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// happening is one entry of the events.
type happening struct {
	at      spot
	subject string
	verb    string        // the key that says what happens
	value   *node         // the value of that key
	from    time.Duration // since the start
	to      time.Duration // longest if it never ends
	tail    string        // how long, in words
}

// verbs are the keys that say what happens, with what binds them and the keys
// that may stand beside them.
var verbs = []struct {
	name   string
	bind   func(b *binder, h happening, n *node)
	beside []string
}{
	{"down", (*binder).downEvent, []string{"what", "lasts"}},
	{"cut", (*binder).cutEvent, []string{"lasts"}},
	{"install", (*binder).existenceEvent, nil},
	{"retire", (*binder).existenceEvent, nil},
	{"list", (*binder).listEvent, nil},
	{"unlist", (*binder).listEvent, nil},
	{"authenticating", (*binder).authenticatingEvent, []string{"lasts"}},
	{"names_down", (*binder).namesEvent, []string{"lasts"}},
	{"relay_select", (*binder).groupsEvent, nil},
	{"restart", (*binder).groupsEvent, nil},
	{"address_change", (*binder).groupsEvent, nil},
	{"vpn_up", (*binder).groupsEvent, nil},
	{"adapter_change", (*binder).groupsEvent, nil},
	{"clock_back", (*binder).clockEvent, []string{"groups"}},
	{"seek", (*binder).seekEvent, nil},
}

func verbNames() []string {
	var out []string
	for _, v := range verbs {
		out = append(out, v.name)
	}
	return out
}

// bindEvents makes the events of every entry.
func (b *binder) bindEvents() {
	sec := b.section("events")
	for _, when := range sec.names() {
		subject := "event " + strconv.Quote(short(when))
		at, ok := parseWhen(when, b.plan.StartOfWeek)
		if !ok {
			b.add(sec.spotOf(when), subject, `is not a time ("Wed 09:00", "2nd Wed 09:00", "2d 09:00" or "36h" is accepted)`)
			continue
		}
		if at < 0 || at >= b.plan.Duration && b.plan.Duration > 0 {
			b.add(sec.spotOf(when), subject, "is %s after the start, outside the run of %s", formatSpan(at), formatSpan(b.plan.Duration))
			continue
		}
		for _, n := range sec.items(when) {
			if n.kind == table {
				b.event(n, at, subject)
			}
		}
	}
	slices.SortStableFunc(b.plan.Events, func(x, y sim.EventPlan) int { return cmp.Compare(x.At, y.At) })
	b.existences()
	for _, o := range b.events {
		if o.verb == "down" {
			b.downWhileThere(o)
		}
	}
}

func (b *binder) event(n *node, at time.Duration, subject string) {
	h := happening{at: n.at, subject: subject, from: at, to: longest}
	i := -1
	for j, v := range verbs {
		if !n.has(v.name) {
			continue
		}
		if i >= 0 {
			b.add(n.at, subject, "has both of %s and %s (one thing happens at a time; a list may have several)", verbs[i].name, v.name)
			return
		}
		i, h.verb, h.value = j, v.name, n.get(v.name)
	}
	if i < 0 {
		b.add(n.at, subject, "says not what happens (%s is accepted)", strings.Join(verbNames(), ", "))
		return
	}
	for _, k := range n.names() {
		if k != h.verb && !slices.Contains(verbs[i].beside, k) {
			b.add(n.spotOf(k), subject, "%s means nothing beside %s", k, h.verb)
		}
	}
	if h.value.kind == bad {
		return
	}
	if n.has("lasts") {
		h.to = at + n.span("lasts")
		h.tail = " for " + formatSpan(n.span("lasts"))
	}
	verbs[i].bind(b, h, n)
}

// happen adds an event and, if what it begins has an end, the one that ends it.
func (b *binder) happen(h happening, begin, end sim.EventPlan) {
	begin.At, end.At = h.from, h.to
	b.plan.Events = append(b.plan.Events, begin)
	if h.to < b.plan.Duration {
		b.plan.Events = append(b.plan.Events, end)
	}
}

func (b *binder) downEvent(h happening, n *node) {
	name, ok := b.relayDown(h)
	if !ok {
		return
	}
	id := b.relays[name]
	down := sim.EventPlan{Kind: sim.HostDown, Relay: id, Text: fmt.Sprintf("%s down (host)%s", name, h.tail)}
	if n.str("what") == "service" {
		down.Kind, down.Text = sim.ServiceDown, fmt.Sprintf("%s down (service)%s", name, h.tail)
	}
	b.addOutage(h, name)
	b.happen(h, down, sim.EventPlan{Kind: sim.RelayUp, Relay: id, Text: name + " up"})
}

// relayOf is the relay that the event names.
func (b *binder) relayOf(h happening) (name string, id selection.RelayID, ok bool) {
	id, ok = b.relays[h.value.text]
	if !ok {
		b.add(h.value.at, h.subject, "%s: relay %q is not defined%s", h.verb, short(h.value.text), hint(h.value.text, b.relayNames()))
	}
	return h.value.text, id, ok
}

// relayDown is the relay that "down" names. The node is rewritten for the
// shown scenario if it says "site:largest".
func (b *binder) relayDown(h happening) (string, bool) {
	v := h.value
	if v.text != "site:largest" {
		name, _, ok := b.relayOf(h)
		return name, ok
	}
	site, ok := b.largestSite()
	if !ok {
		b.add(v.at, h.subject, "down: %q, but there is no sites table", v.text)
		return "", false
	}
	var names []string
	for i := range b.plan.Relays {
		if int(b.plan.Relays[i].Network) == site && !b.plan.Relays[i].Root {
			names = append(names, b.plan.Relays[i].Name)
		}
	}
	if len(names) == 0 {
		b.add(v.at, h.subject, "down: the largest site, %q, has no relay", b.sites[site])
		return "", false
	}
	v.text = slices.Min(names)
	return v.text, true
}

func (b *binder) cutEvent(h happening, _ *node) {
	v := h.value
	names := b.legNames()
	i := slices.Index(names, v.text)
	if i < 0 {
		b.add(v.at, h.subject, "cut: leg %q is not defined%s", short(v.text), hint(v.text, names))
		return
	}
	b.addOutage(h, v.text)
	b.happen(h,
		sim.EventPlan{Kind: sim.LegDown, Leg: topology.LegID(i), Text: v.text + " cut" + h.tail},
		sim.EventPlan{Kind: sim.LegUp, Leg: topology.LegID(i), Text: v.text + " mended"})
}

func (b *binder) namesEvent(h happening, _ *node) {
	name := h.value.text
	id, ok := b.viewIDs[name]
	if !ok {
		b.add(h.value.at, h.subject, "names_down: view %q is not defined%s", short(name), hint(name, b.section("names").names()))
		return
	}
	b.addOutage(h, name)
	b.happen(h,
		sim.EventPlan{Kind: sim.NamesDown, View: id, Text: "names of " + name + " down" + h.tail},
		sim.EventPlan{Kind: sim.NamesUp, View: id, Text: "names of " + name + " up"})
}

func (b *binder) authenticatingEvent(h happening, _ *node) {
	name, id, ok := b.relayOf(h)
	if !ok {
		return
	}
	b.addOutage(h, name)
	b.happen(h,
		sim.EventPlan{Kind: sim.AuthenticatingOn, Relay: id, Text: name + " authenticating" + h.tail},
		sim.EventPlan{Kind: sim.AuthenticatingOff, Relay: id, Text: name + " no longer authenticating"})
}

// outage is what an event made unlike before, for a while.
type outage struct {
	happening
	name string
}

// addOutage keeps an outage. Outages of one thing must not overlap: the end of
// the first would end the second.
func (b *binder) addOutage(h happening, name string) {
	for _, p := range b.events {
		if p.verb == h.verb && p.name == name && p.from < h.to && h.from < p.to {
			b.add(h.at, h.subject, "%s: overlaps an earlier outage of it (%s, %s)", name, p.subject, p.at)
		}
	}
	b.events = append(b.events, outage{h, name})
}

func (b *binder) existenceEvent(h happening, _ *node) {
	name, id, ok := b.relayOf(h)
	if !ok {
		return
	}
	if b.plan.Relays[id].Root {
		b.add(h.value.at, h.subject, "%s: %q is the root server, which is always there", h.verb, name)
		return
	}
	e := sim.EventPlan{Kind: sim.RelayInstalled, Relay: id, Text: name + " installed"}
	if h.verb == "retire" {
		e.Kind, e.Text = sim.RelayRetired, name+" retired"
	}
	b.happen(h, e, sim.EventPlan{})
	b.existence = append(b.existence, outage{h, name})
}

// existences reports relays that are installed twice without being retired in
// between, or the other way round.
func (b *binder) existences() {
	slices.SortStableFunc(b.existence, func(x, y outage) int { return cmp.Compare(x.from, y.from) })
	last := map[string]outage{}
	for _, o := range b.existence {
		if p, ok := last[o.name]; ok && p.verb == o.verb {
			b.add(o.at, o.subject, "%s: %q is %sed already (%s, %s)", o.verb, o.name, strings.TrimSuffix(o.verb, "e"), p.subject, p.at)
		}
		last[o.name] = o
	}
}

// downWhileThere reports an outage of a relay that is not there when it begins,
// or that is retired before the outage is said to end.
func (b *binder) downWhileThere(o outage) {
	var before, after *outage // the latest change of its existence, and the next
	for i := range b.existence {
		switch e := &b.existence[i]; {
		case e.name != o.name:
		case e.from <= o.from:
			before = e
		case after == nil:
			after = e
		}
	}
	switch {
	case before != nil && before.verb == "retire":
		b.add(o.at, o.subject, "down: %q is retired by then (%s, %s)", o.name, before.subject, before.at)
	case before == nil && after != nil && after.verb == "install":
		b.add(o.at, o.subject, "down: %q is installed only later (%s, %s)", o.name, after.subject, after.at)
	case o.to != longest && after != nil && after.from < o.to:
		b.add(o.at, o.subject, "down: %q is retired before that ends (%s, %s)", o.name, after.subject, after.at)
	}
}

func (b *binder) listEvent(h happening, _ *node) {
	name, id, ok := b.relayOf(h)
	if !ok {
		return
	}
	e := sim.EventPlan{Kind: sim.RelayListed, Relay: id, Text: name + " listed"}
	if h.verb == "unlist" {
		e.Kind, e.Text = sim.RelayUnlisted, name+" unlisted"
	}
	b.happen(h, e, sim.EventPlan{})
}

// groupsOf reads the groups of an event: labels or groups joined by "+", or
// "all".
func (b *binder) groupsOf(v *node, who string, h happening) []int {
	var out []int
	for name := range strings.SplitSeq(who, "+") {
		name = strings.TrimSpace(name)
		before := len(out)
		for i := range b.plan.Groups {
			if name == "all" || b.concerns(name, &b.plan.Groups[i]) {
				out = append(out, i)
			}
		}
		if len(out) == before {
			b.add(v.at, h.subject, "%s: group %q is not defined%s", h.verb, short(name), hint(name, b.plan.Labels))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var groupKinds = map[string]sim.EventKind{
	"relay_select": sim.RelaySelect, "restart": sim.AgentRestart, "address_change": sim.AddressChange,
	"vpn_up": sim.VPNUp, "adapter_change": sim.AdapterChange,
}

// extraTriggers are the events that start a selection only where the parameter
// lists them.
var extraTriggers = map[string]selection.Trigger{"vpn_up": selection.VPNUp, "adapter_change": selection.AdapterChange}

func (b *binder) groupsEvent(h happening, _ *node) {
	kind := groupKinds[h.verb]
	if t, ok := extraTriggers[h.verb]; ok && !slices.ContainsFunc(b.policies, func(p *policy) bool { return p.Params.ExtraTriggers.Has(t) }) {
		b.warn(h.value.at, h.subject, "%s: nothing comes of it, since extra_triggers has it under no policy", h.verb)
	}
	b.happen(h, sim.EventPlan{
		Kind: kind, Groups: b.groupsOf(h.value, h.value.text, h), Text: fmt.Sprintf("%s of %s", kind, h.value.text),
	}, sim.EventPlan{})
}

func (b *binder) clockEvent(h happening, n *node) {
	who := n.get("groups")
	switch {
	case who == nil:
		b.add(n.at, h.subject, "clock_back: groups is missing (labels joined by \"+\", or \"all\", are accepted)")
	case who.kind == text:
		step, _ := parseSpan(h.value.text)
		b.happen(h, sim.EventPlan{
			Kind: sim.ClockBack, Groups: b.groupsOf(who, who.text, h), Step: step,
			Text: fmt.Sprintf("clock back %s of %s", formatSpan(step), who.text),
		}, sim.EventPlan{})
	}
}

// sought is a new seek list that a group gets.
type sought struct {
	happening
	group int
	list  string
}

func (b *binder) seekEvent(h happening, _ *node) {
	if len(h.value.names()) == 0 {
		b.add(h.value.at, h.subject, "seek: names no group (a table of groups and their seek lists is accepted)")
	}
	for _, who := range h.value.names() {
		v := h.value.get(who)
		if v.kind != text {
			continue
		}
		groups := b.groupsOf(v, who, h)
		for _, g := range groups {
			b.addSought(h, v, g)
		}
		b.happen(h, sim.EventPlan{
			Kind: sim.SeekChanged, Groups: groups, Seek: v.text,
			Text: fmt.Sprintf("seek list of %s %q", who, v.text),
		}, sim.EventPlan{})
	}
}

// addSought keeps a new seek list. A group cannot get two at one time.
func (b *binder) addSought(h happening, v *node, group int) {
	h.at = v.at
	for _, s := range b.sought {
		if s.group == group && s.from == h.from && s.list != v.text {
			b.add(v.at, h.subject, "seek: %s gets another seek list at the same time (%s, %s)", b.plan.Groups[group].ID, s.subject, s.at)
			return
		}
	}
	b.sought = append(b.sought, sought{h, group, v.text})
}
