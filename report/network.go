package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// NetworkSVG draws a network as SVG: what is outside at the top, the root at
// the bottom, boxes between the places that they join.
func NetworkSVG(w io.Writer, m *sim.NetworkMap) error {
	var b bytes.Buffer
	newNetworkPicture(m).svg(&b)
	return send(w, b.Bytes())
}

// NetworkDOT writes the same for Graphviz.
func NetworkDOT(w io.Writer, m *sim.NetworkMap) error {
	var b bytes.Buffer
	newNetworkPicture(m).dot(&b)
	return send(w, b.Bytes())
}

// networkPicture is what is drawn: cards in rows, joined by links. Places that
// are alike share one card.
type networkPicture struct {
	m     *sim.NetworkMap
	cards []*networkCard // stacks of places first, then boxes
	links []*networkLink
	rows  [][]*networkCard // from the outside to the root
	// guards are the firewalls of hosts, distances the lines of the table.
	guards    []string
	distances [][]string
}

// networkCard is one node of the picture.
type networkCard struct {
	// id is unique and does not depend on the order of the scenario.
	id    string
	title string
	lines []cardLine
	// places are the indices of a stack's places; box is the index of a box,
	// or -1.
	places []int
	box    int
	kind   cardKind

	// Layout: row counts from the root, x and y are the upper left corner.
	row, x, y, width, height int
	ports                    [2][]*networkLink // above and below
}

// cardLine is a line of a card; strong ones are names.
type cardLine struct {
	strong, text string
}

func (l cardLine) String() string { return strings.TrimSpace(l.strong + "  " + l.text) }

type cardKind uint8

const (
	cardOutside cardKind = iota
	cardInside
	cardRoot
	cardRouter
	cardFirewall
)

// networkLink joins a card of places with a box.
type networkLink struct {
	place, box *networkCard
	label      []string
	tunnel     bool
	title      string // names of the legs
	px, bx     int    // where it meets the cards
}

func newNetworkPicture(m *sim.NetworkMap) *networkPicture {
	p := &networkPicture{m: m}
	stackOf := p.stacks()
	p.boxes()
	p.join(stackOf)
	p.arrange()
	p.table()
	return p
}

// leastStack is the number of places that are alike from which they share a
// card.
const leastStack = 3

// stacks makes the cards of places and tells the card of each place.
func (p *networkPicture) stacks() []*networkCard {
	alike := map[string][]int{}
	var keys []string
	for i := range p.m.Places {
		k := p.likeness(i)
		if alike[k] == nil {
			keys = append(keys, k)
		}
		alike[k] = append(alike[k], i)
	}
	of := make([]*networkCard, len(p.m.Places))
	for _, k := range keys {
		if group := alike[k]; len(group) >= leastStack {
			p.stack(of, group)
			continue
		}
		for _, i := range alike[k] {
			p.stack(of, []int{i})
		}
	}
	slices.SortFunc(p.cards, func(a, b *networkCard) int { return strings.Compare(a.id, b.id) })
	return of
}

// stack makes the card of some places.
func (p *networkPicture) stack(of []*networkCard, places []int) {
	slices.SortFunc(places, func(a, b int) int { return strings.Compare(p.m.Places[a].Name, p.m.Places[b].Name) })
	c := &networkCard{id: "place " + p.m.Places[places[0]].Name, places: places, box: -1}
	c.title, c.lines = p.placeWords(places)
	first := &p.m.Places[places[0]]
	switch {
	case first.Root != "":
		c.kind = cardRoot
	case first.Outside:
		c.kind = cardOutside
	default:
		c.kind = cardInside
	}
	for _, i := range places {
		of[i] = c
	}
	p.cards = append(p.cards, c)
}

// likeness is equal for places that differ in nothing but names, numbers and
// distances.
func (p *networkPicture) likeness(i int) string {
	place := &p.m.Places[i]
	var k strings.Builder
	fmt.Fprintf(&k, "%v %v %v %v %v %q", place.Site, place.Outside, place.Root != "", len(place.Relays) > 0, place.Visitors, place.Advertise)
	for _, n := range place.Notes {
		if !isPrefix(n) {
			fmt.Fprintf(&k, " %q", n)
		}
	}
	if !place.Site { // sites are rows of one table; others are alike in their clients too
		for _, g := range place.Groups {
			fmt.Fprintf(&k, " %q", g.Label)
		}
	}
	var legs []string
	for j := range p.m.Links {
		if l := &p.m.Links[j]; l.Place == i {
			legs = append(legs, fmt.Sprintf("%q %d %q %q", p.m.Boxes[l.Box].Name, l.Side, l.Tunnel, l.Notes))
		}
	}
	slices.Sort(legs)
	return k.String() + strings.Join(legs, ";")
}

// isPrefix tells a note that is nothing but addresses.
func isPrefix(note string) bool { return strings.Contains(note, "/") && !strings.Contains(note, " ") }

// mostRules is the number of rules that a card shows.
const mostRules = 12

// boxes makes the cards of boxes, and the lines of firewalls of hosts.
func (p *networkPicture) boxes() {
	var cards []*networkCard
	for i := range p.m.Boxes {
		b := &p.m.Boxes[i]
		if b.Kind == "host" {
			p.guards = append(p.guards, guardWords(b))
			continue
		}
		c := &networkCard{id: "box " + b.Name, title: b.Name, box: i, kind: cardFirewall, lines: boxLines(b)}
		if b.Kind == "router" {
			c.kind = cardRouter
		}
		cards = append(cards, c)
	}
	slices.Sort(p.guards)
	slices.SortFunc(cards, func(a, b *networkCard) int { return strings.Compare(a.id, b.id) })
	p.cards = append(p.cards, cards...)
}

// join makes one link for all legs between two cards on one side.
func (p *networkPicture) join(stackOf []*networkCard) {
	type pair struct {
		place  *networkCard
		box    int
		tunnel string
		side   int
	}
	byBox := map[int]*networkCard{}
	for _, c := range p.cards {
		if c.box >= 0 {
			byBox[c.box] = c
		}
	}
	legs := map[pair][]int{}
	var order []pair
	for i := range p.m.Links {
		l := &p.m.Links[i]
		k := pair{stackOf[l.Place], l.Box, l.Tunnel, l.Side}
		if legs[k] == nil {
			order = append(order, k)
		}
		legs[k] = append(legs[k], i)
	}
	for _, k := range order {
		link := &networkLink{place: k.place, box: byBox[k.box], tunnel: k.tunnel != ""}
		link.label, link.title = p.legWords(legs[k])
		p.links = append(p.links, link)
	}
	slices.SortFunc(p.links, func(a, b *networkLink) int { return strings.Compare(a.title, b.title) })
}

// table makes the distances from places with clients to places with relays.
func (p *networkPicture) table() {
	var to []*networkCard
	head := []string{"routers from … to"}
	for _, c := range p.cards {
		if c.box < 0 && (c.kind == cardRoot || len(p.relays(c.places)) > 0) {
			to = append(to, c)
			head = append(head, c.title)
		}
	}
	p.distances = append(p.distances, head)
	for _, c := range p.cards {
		if c.box >= 0 || !p.hasClients(c) {
			continue
		}
		row := []string{c.title}
		for _, d := range to {
			row = append(row, p.distance(c, d))
		}
		p.distances = append(p.distances, row)
	}
}

func (p *networkPicture) hasClients(c *networkCard) bool {
	return slices.ContainsFunc(c.places, func(i int) bool {
		return p.m.Places[i].Clients() > 0 || len(p.m.Places[i].Visitors) > 0
	})
}

// distance is the range of routers between the places of two cards; within a
// stack that of a place to itself stands apart.
func (p *networkPicture) distance(from, to *networkCard) string {
	var own, other [2]int
	hasOwn, hasOther := false, false
	add := func(r *[2]int, has *bool, least, most int) {
		if !*has {
			*r, *has = [2]int{least, most}, true
		}
		*r = [2]int{min(r[0], least), max(r[1], most)}
	}
	for _, i := range from.places {
		if p.m.Places[i].Clients() == 0 && len(p.m.Places[i].Visitors) == 0 {
			continue
		}
		for _, j := range to.places {
			least, most, ok := p.m.Hops(i, j)
			switch {
			case !ok:
			case i == j:
				add(&own, &hasOwn, least, most)
			default:
				add(&other, &hasOther, least, most)
			}
		}
	}
	switch {
	case hasOwn && hasOther:
		return numberRange(own) + " own, " + numberRange(other)
	case hasOwn:
		return numberRange(own)
	case hasOther:
		return numberRange(other)
	}
	return none
}
