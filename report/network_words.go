package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// placeWords are the title and lines of some places.
func (p *networkPicture) placeWords(places []int) (title string, lines []cardLine) {
	first, last := &p.m.Places[places[0]], &p.m.Places[places[len(places)-1]]
	title = first.Name
	if n := len(places); n > 1 {
		what := "places"
		if first.Site {
			what = "sites"
		}
		title = fmt.Sprintf("%d %s", n, what)
		lines = append(lines, cardLine{text: first.Name + " … " + last.Name})
	}
	if first.Root != "" {
		lines = append(lines, cardLine{strong: first.Root, text: "root server"})
	}
	lines = append(lines, p.clientLines(places)...)
	if text := relayWords(p.relays(places), len(places)); text != "" {
		lines = append(lines, cardLine{text: text})
	}
	if len(first.Advertise) > 0 {
		lines = append(lines, cardLine{text: "they advertise " + strings.Join(first.Advertise, ", ")})
	}
	for _, n := range first.Notes {
		if len(places) == 1 || !isPrefix(n) {
			lines = append(lines, cardLine{text: n})
		}
	}
	return title, lines
}

// clientLines count the clients of some places by label.
func (p *networkPicture) clientLines(places []int) []cardLine {
	var groups []sim.MapGroup
	for _, i := range places {
		for _, g := range p.m.Places[i].Groups {
			j := slices.IndexFunc(groups, func(x sim.MapGroup) bool { return x.Label == g.Label })
			if j < 0 {
				j = len(groups)
				groups = append(groups, sim.MapGroup{Label: g.Label})
			}
			groups[j].Count += g.Count
		}
	}
	total := 0
	var parts []string
	for _, g := range groups {
		total += g.Count
		parts = append(parts, fmt.Sprintf("%s %s", counted(g.Count, "", ""), g.Label))
	}
	var lines []cardLine
	switch {
	case len(groups) == 1:
		lines = append(lines, cardLine{text: counted(total, "client", "clients") + ", " + groups[0].Label})
	case len(groups) > 1:
		lines = append(lines, cardLine{text: counted(total, "client", "clients")})
		for i := range parts {
			parts[i] = strings.Join(strings.Fields(parts[i]), " ")
		}
		lines = append(lines, cardLine{text: strings.Join(parts, ", ")})
	}
	if v := p.m.Places[places[0]].Visitors; len(v) > 0 {
		lines = append(lines, cardLine{text: "visited by " + strings.Join(v, ", ")})
	}
	return lines
}

func (p *networkPicture) relays(places []int) []string {
	var names []string
	for _, i := range places {
		names = append(names, p.m.Places[i].Relays...)
	}
	return names
}

// relayWords name the relays of so many places.
func relayWords(names []string, places int) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case places > 1 && n == places:
		return fmt.Sprintf("%d relays, one each", n)
	case places > 1:
		return counted(n, "relay", "relays")
	case n == 1:
		return "relay " + names[0]
	case n <= mostNames:
		return "relays " + strings.Join(names, ", ")
	default:
		return fmt.Sprintf("%d relays %s … %s", n, names[0], names[n-1])
	}
}

// boxLines say what a box does with packets.
func boxLines(b *sim.MapBox) []cardLine {
	kind := map[string]string{"router": "routed network", "stateful": "stateful firewall", "stateless": "stateless filter"}[b.Kind]
	lines := []cardLine{{text: kind}}
	for _, n := range b.Notes {
		lines = append(lines, cardLine{text: n})
	}
	for i := range b.Rules {
		if i == mostRules-1 && len(b.Rules) > mostRules {
			lines = append(lines, cardLine{text: fmt.Sprintf("and %d more rules", len(b.Rules)-i)})
			break
		}
		lines = append(lines, ruleLine(&b.Rules[i]))
	}
	if b.Otherwise != "" {
		lines = append(lines, cardLine{strong: "otherwise", text: b.Otherwise})
	}
	return lines
}

func ruleLine(r *sim.MapRule) cardLine {
	text := r.Text
	if r.Verdict != "accept" {
		text = r.Verdict + " " + text
	}
	return cardLine{strong: r.Name, text: text}
}

// guardWords describe a firewall of hosts in one line.
func guardWords(b *sim.MapBox) string {
	var parts []string
	for i := range b.Rules {
		parts = append(parts, ruleLine(&b.Rules[i]).String())
	}
	parts = append(parts, "otherwise "+b.Otherwise)
	of := ""
	if len(b.Guards) > 0 {
		of = " of " + someOf(b.Guards)
	}
	return b.Name + ", firewall" + of + ": " + strings.Join(parts, "; ")
}

// legWords describe legs that are drawn as one.
func (p *networkPicture) legWords(legs []int) (label []string, title string) {
	var routers, rtt [2]int
	loss := 0.0
	var names []string
	for i, id := range legs {
		l := &p.m.Links[id]
		least, most := l.Routers, l.Routers
		if p.variesOn(id) {
			least, most = least+p.m.Places[l.Place].AccessMin, most+p.m.Places[l.Place].AccessMax
		}
		ms := int(l.RTT / time.Millisecond)
		if i == 0 {
			routers, rtt = [2]int{least, most}, [2]int{ms, ms}
		}
		routers = [2]int{min(routers[0], least), max(routers[1], most)}
		rtt = [2]int{min(rtt[0], ms), max(rtt[1], ms)}
		loss = max(loss, l.Loss)
		names = append(names, l.Name)
	}
	label = []string{numberRange(routers) + " " + map[bool]string{true: "router", false: "routers"}[routers[1] == 1]}
	if rtt[1] > 0 {
		label = append(label, "RTT "+numberRange(rtt)+" ms")
	}
	if loss > 0 {
		label = append(label, tracePercent(loss)+" loss")
	}
	first := &p.m.Links[legs[0]]
	label = append(label, first.Notes...)
	if first.Tunnel != "" {
		label = append(label, first.Tunnel)
	}
	slices.Sort(names)
	return label, someOf(names)
}

// variesOn tells whether the access routers of a place are shown on a leg: the
// first, since what varies is where the clients are.
func (p *networkPicture) variesOn(leg int) bool {
	place := p.m.Links[leg].Place
	return leg == slices.IndexFunc(p.m.Links, func(l sim.MapLink) bool { return l.Place == place })
}

// numberRange is a range of numbers.
func numberRange(x [2]int) string {
	if x[0] == x[1] {
		return fmt.Sprint(x[0])
	}
	return fmt.Sprintf("%d to %d", x[0], x[1])
}
