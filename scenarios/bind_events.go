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

// outage is one entry of the events: something is down for a while.
type outage struct {
	at       spot
	subject  string
	from, to time.Duration // to = longest if it never ends
	isLeg    bool
	relay    selection.RelayID
	leg      topology.LegID
}

// bindEvents makes the opening and the closing event of every entry.
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
}

func (b *binder) event(n *node, at time.Duration, subject string) {
	o := outage{at: n.at, subject: subject, from: at, to: longest}
	tail := ""
	if n.has("lasts") {
		o.to = at + n.span("lasts")
		tail = " for " + formatSpan(n.span("lasts"))
	}
	switch {
	case n.has("down") == n.has("cut"):
		b.add(n.at, subject, "has neither or both of down and cut (one is accepted)")
	case n.has("down"):
		b.relayEvent(n, o, tail)
	default:
		b.legEvent(n, o, tail)
	}
}

func (b *binder) relayEvent(n *node, o outage, tail string) {
	v := n.get("down")
	if v.kind != text {
		return
	}
	name, ok := b.relayOf(v, o.subject)
	if !ok {
		return
	}
	o.relay = b.relays[name]
	down := sim.EventPlan{At: o.from, Kind: sim.HostDown, Relay: o.relay, Text: fmt.Sprintf("%s down (host)%s", name, tail)}
	if n.str("what") == "service" {
		down.Kind, down.Text = sim.ServiceDown, fmt.Sprintf("%s down (service)%s", name, tail)
	}
	b.addOutage(o, down, sim.EventPlan{At: o.to, Kind: sim.RelayUp, Relay: o.relay, Text: name + " up"})
}

// relayOf is the relay that "down" names. The node is rewritten for the
// shown scenario if it says "site:largest".
func (b *binder) relayOf(v *node, subject string) (string, bool) {
	if v.text != "site:largest" {
		_, ok := b.relays[v.text]
		if !ok {
			b.add(v.at, subject, "down: relay %q is not defined%s", short(v.text), hint(v.text, b.relayNames()))
		}
		return v.text, ok
	}
	site, ok := b.largestSite()
	if !ok {
		b.add(v.at, subject, "down: %q, but there is no sites table", v.text)
		return "", false
	}
	var names []string
	for i := range b.plan.Relays {
		if int(b.plan.Relays[i].Network) == site && !b.plan.Relays[i].Root {
			names = append(names, b.plan.Relays[i].Name)
		}
	}
	if len(names) == 0 {
		b.add(v.at, subject, "down: the largest site, %q, has no relay", b.sites[site])
		return "", false
	}
	v.text = slices.Min(names)
	return v.text, true
}

func (b *binder) legEvent(n *node, o outage, tail string) {
	v := n.get("cut")
	if v.kind != text {
		return
	}
	if n.has("what") {
		b.add(n.spotOf("what"), o.subject, "what means nothing for a cut")
	}
	var names []string
	for i := range b.legs {
		names = append(names, b.legs[i].Name)
	}
	i := slices.Index(names, v.text)
	if i < 0 {
		b.add(v.at, o.subject, "cut: leg %q is not defined%s", short(v.text), hint(v.text, names))
		return
	}
	o.isLeg, o.leg = true, topology.LegID(i)
	b.addOutage(o,
		sim.EventPlan{At: o.from, Kind: sim.LegDown, Leg: o.leg, Text: v.text + " cut" + tail},
		sim.EventPlan{At: o.to, Kind: sim.LegUp, Leg: o.leg, Text: v.text + " mended"})
}

// addOutage adds the two events. Outages of one thing must not overlap: the
// end of the first would end the second.
func (b *binder) addOutage(o outage, down, up sim.EventPlan) {
	for _, p := range b.events {
		same := p.isLeg == o.isLeg && p.relay == o.relay && p.leg == o.leg
		if same && p.from < o.to && o.from < p.to {
			b.add(o.at, o.subject, "%s: overlaps an earlier outage of it (%s, %s)", strings.SplitN(down.Text, " ", 2)[0], p.subject, p.at)
		}
	}
	b.events = append(b.events, o)
	b.plan.Events = append(b.plan.Events, down)
	if o.to < b.plan.Duration {
		b.plan.Events = append(b.plan.Events, up)
	}
}
