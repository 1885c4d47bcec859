package report

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"gonum.org/v1/plot/vg"
)

// Sizes of the picture in pixels.
const (
	cardPad    = 10
	lineHeight = 16
	cardGap    = 36 // between cards of a row
	bendHeight = 46 // in which links go from place to box
	pageMargin = 24
	leastCard  = 120
)

// Styles of its text, for measuring. One pixel is three quarters of a point.
var (
	pageTitle  = letters{size: 17 * 0.75, bold: true}
	cardTitle  = letters{size: 13 * 0.75, bold: true}
	cardStrong = letters{size: 12 * 0.75, bold: true}
	cardText   = letters{size: 12 * 0.75}
	linkText   = letters{size: 11 * 0.75}
)

// pixels is the width of a text, rounded up.
func pixels(l letters, s string) int {
	return int(l.width(s)/vg.Points(0.75)) + 1
}

// arrange gives every card its place: rows by the number of links to the root,
// an order in each row that keeps links short, then coordinates.
func (p *networkPicture) arrange() {
	p.layer()
	p.order()
	p.measure()
	p.align()
	p.connect()
	p.stackRows()
}

// near are the cards next to a card, in order of links.
func (p *networkPicture) near(c *networkCard) []*networkCard {
	var out []*networkCard
	for _, l := range p.links {
		switch c {
		case l.place:
			out = append(out, l.box)
		case l.box:
			out = append(out, l.place)
		}
	}
	return out
}

// layer numbers the rows from the root. What is not joined to it is numbered
// from its own first card.
func (p *networkPicture) layer() {
	for _, c := range p.cards {
		c.row = -1
	}
	for _, root := range []bool{true, false} {
		for _, c := range p.cards {
			if c.row < 0 && (!root || c.kind == cardRoot) {
				p.layerFrom(c)
			}
		}
	}
	top := 0
	for _, c := range p.cards {
		top = max(top, c.row)
	}
	p.rows = make([][]*networkCard, top+1)
	for _, c := range p.cards {
		p.rows[top-c.row] = append(p.rows[top-c.row], c)
	}
}

func (p *networkPicture) layerFrom(start *networkCard) {
	start.row = 0
	if start.box >= 0 {
		start.row = 1
	}
	queue := []*networkCard{start}
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		for _, n := range p.near(c) {
			if n.row < 0 {
				n.row = c.row + 1
				queue = append(queue, n)
			}
		}
	}
}

// sweeps is how often the order of the rows is improved.
const sweeps = 8

// order sorts each row by the mean place of what its cards are joined to in
// the row before (the barycentre method), down and up in turn. Equal cards
// keep the order of their names.
func (p *networkPicture) order() {
	at := map[*networkCard]int{}
	number := func() {
		for _, row := range p.rows {
			for i, c := range row {
				at[c] = (2*i + 1) * 1000 / (2 * len(row))
			}
		}
	}
	number()
	for s := range sweeps {
		for r := range p.rows {
			row, before := r, r-1
			if s%2 == 1 {
				row, before = len(p.rows)-1-r, len(p.rows)-r
			}
			if before < 0 || before >= len(p.rows) {
				continue
			}
			key := map[*networkCard]int{}
			for _, c := range p.rows[row] {
				key[c] = p.mean(c, at, p.rows[before])
			}
			slices.SortStableFunc(p.rows[row], func(a, b *networkCard) int { return cmp.Compare(key[a], key[b]) })
			number()
		}
	}
}

// mean is the mean place of a card's neighbours in a row, its own without any.
func (p *networkPicture) mean(c *networkCard, at map[*networkCard]int, row []*networkCard) int {
	sum, n := 0, 0
	for _, x := range p.near(c) {
		if slices.Contains(row, x) {
			sum, n = sum+at[x], n+1
		}
	}
	if n == 0 {
		return at[c]
	}
	return sum / n
}

// measure gives the cards their sizes.
func (p *networkPicture) measure() {
	for _, c := range p.cards {
		c.width = pixels(cardTitle, c.title)
		for _, l := range c.lines {
			c.width = max(c.width, lineWidth(l))
		}
		c.width = max(c.width+2*cardPad, leastCard, p.portWidth(c, true), p.portWidth(c, false))
		c.height = 2*cardPad + lineHeight*(1+len(c.lines))
	}
}

// lineWidth is the width of a line of a card.
func lineWidth(l cardLine) int {
	w := pixels(cardText, l.text)
	if l.strong != "" {
		w += pixels(cardStrong, l.strong) + strongGap
	}
	return w
}

// strongGap is the room between a name and what it means.
const strongGap = 6

// above tells whether the box of a link lies above its place.
func (l *networkLink) above() bool { return l.box.row > l.place.row }

// portWidth is the room that the labels of a place's links need on one side.
func (p *networkPicture) portWidth(c *networkCard, above bool) int {
	w := 0
	for _, l := range p.links {
		if l.place == c && l.above() == above {
			w += l.width()
		}
	}
	return w
}

// width is the room of a link's label beside its line.
func (l *networkLink) width() int {
	w := 0
	for _, s := range l.label {
		w = max(w, pixels(linkText, s))
	}
	return w + 18
}

// align gives the cards their x: each as near below the mean of its neighbours
// as the others of its row allow.
func (p *networkPicture) align() {
	for _, row := range p.rows {
		x := 0
		for _, c := range row {
			c.x = x
			x += c.width + cardGap
		}
	}
	for s := range sweeps {
		for r := range p.rows {
			row := p.rows[r]
			if s%2 == 1 {
				row = p.rows[len(p.rows)-1-r]
			}
			p.settle(row)
		}
	}
	least := 1 << 30
	for _, c := range p.cards {
		least = min(least, c.x)
	}
	for _, c := range p.cards {
		c.x += pageMargin - least
	}
}

// settle moves the cards of a row towards their neighbours: pushed apart from
// the left, then the row as a whole by what is left of the wishes.
func (p *networkPicture) settle(row []*networkCard) {
	x, off := -1<<30, 0
	for _, c := range row {
		want := c.x + c.width/2
		if near := p.near(c); len(near) > 0 {
			want = 0
			for _, n := range near {
				want += n.x + n.width/2
			}
			want /= len(near)
		}
		c.x = max(want-c.width/2, x)
		x = c.x + c.width + cardGap
		off += want - c.x - c.width/2
	}
	for _, c := range row {
		c.x += off / len(row)
	}
}

// connect spreads the links over the edges of the cards, in the order of what
// they lead to, so that those of one card do not cross.
func (p *networkPicture) connect() {
	for _, l := range p.links {
		side := 1
		if l.above() {
			side = 0
		}
		l.place.ports[side] = append(l.place.ports[side], l)
		l.box.ports[1-side] = append(l.box.ports[1-side], l)
	}
	for _, c := range p.cards {
		for side := range c.ports {
			links := c.ports[side]
			slices.SortStableFunc(links, func(a, b *networkLink) int { return cmp.Compare(a.other(c).centre(), b.other(c).centre()) })
		}
	}
	for _, places := range []bool{true, false} {
		for _, c := range p.cards {
			if places == (c.box < 0) {
				c.spread(c.ports[0])
				c.spread(c.ports[1])
			}
		}
	}
}

func (l *networkLink) other(c *networkCard) *networkCard {
	if l.place == c {
		return l.box
	}
	return l.place
}

func (c *networkCard) centre() int { return c.x + c.width/2 }

// spread gives links their x on one edge of the card. At a place each has the
// room of its label to its right. The only one of a box goes straight down, if
// it can.
func (c *networkCard) spread(links []*networkLink) {
	if c.box >= 0 {
		for i, l := range links {
			l.bx = c.x + c.width*(2*i+1)/(2*len(links))
		}
		if len(links) == 1 {
			links[0].bx = min(max(links[0].px, c.x+2*cardPad), c.x+c.width-2*cardPad)
		}
		return
	}
	total := 0
	for _, l := range links {
		total += l.width()
	}
	if len(links) == 1 {
		links[0].px = min(c.centre(), c.x+c.width-total+12)
		return
	}
	x := c.x + (c.width-total)/2
	for _, l := range links {
		l.px = x + 8
		x += l.width()
	}
}

// stackRows gives the rows their y.
func (p *networkPicture) stackRows() {
	y := p.headHeight()
	for i, row := range p.rows {
		height := 0
		for _, c := range row {
			height = max(height, c.height)
		}
		for _, c := range row {
			c.y = y
			if c.box >= 0 { // in the middle, since links come from both sides
				c.y += (height - c.height) / 2
			}
		}
		if i+1 < len(p.rows) {
			y += height + p.zone(row, p.rows[i+1]) + bendHeight
		} else {
			y += height
		}
	}
}

// zone is the height of the labels between two rows, one of which is of places.
func (p *networkPicture) zone(upper, lower []*networkCard) int {
	most := 0
	for _, c := range upper {
		for _, l := range c.ports[1] {
			most = max(most, len(l.label))
		}
	}
	for _, c := range lower {
		for _, l := range c.ports[0] {
			most = max(most, len(l.label))
		}
	}
	return most*(lineHeight-2) + 8
}

// headHeight is where the first row begins: below the title.
func (p *networkPicture) headHeight() int { return pageMargin + 2*lineHeight + 20 }

// size is that of the cards with a margin.
func (p *networkPicture) size() (width, bottom int) {
	for _, c := range p.cards {
		width, bottom = max(width, c.x+c.width+pageMargin), max(bottom, c.y+c.height)
	}
	return width, bottom
}

// columns are the widths of the table of distances.
func (p *networkPicture) columns() []int {
	var widths []int
	for _, row := range p.distances {
		for i, s := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], pixels(cardStrong, s)+24)
		}
	}
	return widths
}

// charsIn is how many characters of text fit into so many pixels.
func charsIn(width int) int { return max(20, width/7) }

// longest is the number of characters of the longest text.
func longest(texts []string) int {
	n := 0
	for _, s := range texts {
		n = max(n, utf8.RuneCountInString(s))
	}
	return n
}
