package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// cardColors are fill and border of each kind of card.
var cardColors = [...][2]string{
	cardOutside:  {"#fdf1dc", "#e69f00"},
	cardInside:   {"#e8f2fa", "#0072b2"},
	cardRoot:     {"#e3f4ee", "#009e73"},
	cardRouter:   {"#f2f2f2", "#9a9a9a"},
	cardFirewall: {"#ffffff", "#d55e00"},
}

// svg writes the picture. All coordinates are whole, so that every machine
// writes the same bytes.
func (p *networkPicture) svg(b *bytes.Buffer) {
	width, bottom := p.size()
	width = max(width, p.tableWidth()+2*pageMargin, pixels(pageTitle, p.m.Title)+2*pageMargin, pixels(cardText, p.subtitle())+2*pageMargin)
	rows := p.footer(width - 2*pageMargin)
	height := bottom + 28 + lineHeight*(len(p.distances)+len(rows)+1) + pageMargin
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="%s" font-size="12" fill="#222222">`+"\n",
		width, height, width, height, strings.ReplaceAll(fontFamily, `"`, "'"))
	fmt.Fprintf(b, "<title>%s: the network under %s</title>\n", escaped(p.m.Scenario), escaped(p.m.Policy))
	fmt.Fprintf(b, "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, height)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-size=\"17\" font-weight=\"bold\">%s</text>\n", pageMargin, pageMargin+12, escaped(p.m.Title))
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" fill=\"#666666\">%s</text>\n", pageMargin, pageMargin+32, escaped(p.subtitle()))
	for _, l := range p.links {
		l.svg(b)
	}
	for _, c := range p.cards {
		c.svg(b)
	}
	p.svgTable(b, bottom+28, rows)
	b.WriteString("</svg>\n")
}

func (p *networkPicture) subtitle() string {
	return fmt.Sprintf("%s under %s: %s", p.m.Scenario, p.m.Policy, p.m.PolicyText)
}

// escaped is a text as XML has it.
func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes all
	return b.String()
}

// svg draws a link: straight from the place past its label, then bent to the
// box.
func (l *networkLink) svg(b *bytes.Buffer) {
	zone := len(l.label)*(lineHeight-2) + 8
	y0, y1 := l.place.y+l.place.height, l.box.y
	turn, label := y0+zone, y0+lineHeight
	if l.above() {
		y0, y1 = l.place.y, l.box.y+l.box.height
		turn, label = y0-zone, y0-zone+lineHeight
	}
	style := `stroke="#666666" stroke-width="1.5"`
	if l.tunnel {
		style = `stroke="#cc79a7" stroke-width="2" stroke-dasharray="6 4"`
	}
	half := (turn + y1) / 2
	fmt.Fprintf(b, "<path d=\"M%d %dV%dC%d %d %d %d %d %d\" fill=\"none\" %s><title>%s</title></path>\n",
		l.px, y0, turn, l.px, half, l.bx, half, l.bx, y1, style, escaped(l.title))
	for i, s := range l.label {
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-size=\"11\" fill=\"#666666\">%s</text>\n", l.px+5, label+i*(lineHeight-2)-4, escaped(s))
	}
}

// svg draws a card.
func (c *networkCard) svg(b *bytes.Buffer) {
	colors, round := cardColors[c.kind], 6
	if c.kind == cardRouter {
		round = 18
	}
	frame := fmt.Sprintf(`width="%d" height="%d" rx="%d" fill="%s" stroke="%s"`, c.width, c.height, round, colors[0], colors[1])
	for i := min(len(c.places), leastStack) - 1; i > 0; i-- {
		fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" %s/>\n", c.x+4*i, c.y-4*i, frame)
	}
	stroke := 1
	if c.kind == cardRoot || c.kind == cardFirewall {
		stroke = 2
	}
	fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" %s stroke-width=\"%d\"/>\n", c.x, c.y, frame, stroke)
	x, y := c.x+cardPad, c.y+cardPad+11
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-size=\"13\" font-weight=\"bold\">%s</text>\n", x, y, escaped(c.title))
	for _, l := range c.lines {
		y += lineHeight
		at := x
		if l.strong != "" {
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", at, y, escaped(l.strong))
			at += pixels(cardStrong, l.strong) + strongGap
		}
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">%s</text>\n", at, y, escaped(l.text))
	}
}

func (p *networkPicture) tableWidth() int {
	sum := 0
	for _, w := range p.columns() {
		sum += w
	}
	return sum
}

// footer are the lines below the table, so many pixels wide: the firewalls of
// hosts and the key.
func (p *networkPicture) footer(width int) []string {
	var lines []string
	for _, g := range p.guards {
		lines = append(lines, hang(g, charsIn(width))...)
	}
	key := "Orange: outside. Blue: inside. Green: the root. Red frame: a firewall, with its rules in order. Grey: a routed network."
	for _, l := range p.links {
		if l.tunnel {
			key += " Dashed: a tunnel."
			break
		}
	}
	return append(lines, hang(key, charsIn(width))...)
}

// svgTable writes the distances and what else stands below the picture.
func (p *networkPicture) svgTable(b *bytes.Buffer, y int, rows []string) {
	widths := p.columns()
	y += lineHeight
	for i, row := range p.distances {
		x := pageMargin
		weight := ""
		if i == 0 {
			weight = ` font-weight="bold"`
		}
		for j, s := range row {
			style := weight
			if j == 0 && i > 0 {
				style = ` font-weight="bold"`
			}
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\"%s>%s</text>\n", x, y, style, escaped(s))
			x += widths[j]
		}
		y += lineHeight
	}
	for _, s := range rows {
		y += lineHeight
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" fill=\"#666666\">%s</text>\n", pageMargin, y, escaped(s))
	}
}

// dot writes the picture for Graphviz, which lays it out anew.
func (p *networkPicture) dot(b *bytes.Buffer) {
	fmt.Fprintf(b, "graph network {\n  label=%s;\n  labelloc=t; fontname=\"Arial,Helvetica,sans-serif\";\n", dotText(p.m.Title, p.subtitle()))
	b.WriteString("  node [shape=box, style=filled, fontname=\"Arial,Helvetica,sans-serif\", fontsize=11];\n")
	b.WriteString("  edge [fontname=\"Arial,Helvetica,sans-serif\", fontsize=10, color=\"#666666\"];\n")
	for _, row := range p.rows {
		b.WriteString("  { rank=same;\n")
		for _, c := range row {
			c.dot(b)
		}
		b.WriteString("  }\n")
	}
	for _, l := range p.links {
		style := ""
		if l.tunnel {
			style = ", style=dashed"
		}
		from, to := l.place.id, l.box.id // the outer end first, which Graphviz draws above
		if l.above() {
			from, to = to, from
		}
		fmt.Fprintf(b, "  %s -- %s [label=%s, tooltip=%s%s];\n", dotText(from), dotText(to), dotText(l.label...), dotText(l.title), style)
	}
	lines := p.textTable()
	fmt.Fprintf(b, "  distances [shape=plaintext, style=\"\", fontname=\"monospace\", label=%s];\n", dotText(append(lines, p.guards...)...))
	b.WriteString("}\n")
}

func (c *networkCard) dot(b *bytes.Buffer) {
	lines := []string{c.title}
	for _, l := range c.lines {
		lines = append(lines, l.String())
	}
	colors := cardColors[c.kind]
	extra := ""
	switch {
	case len(c.places) > 1:
		extra = ", peripheries=2"
	case c.kind == cardRoot || c.kind == cardFirewall:
		extra = ", penwidth=2"
	}
	fmt.Fprintf(b, "    %s [label=%s, fillcolor=\"%s\", color=\"%s\"%s];\n", dotText(c.id), dotText(lines...), colors[0], colors[1], extra)
}

// dotText is a quoted text of one or several lines. In Graphviz a backslash
// begins an escape of its own.
func dotText(lines ...string) string {
	quoted := make([]string, len(lines))
	for i, l := range lines {
		quoted[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(l)
	}
	if len(lines) == 1 {
		return `"` + quoted[0] + `"`
	}
	return `"` + strings.Join(quoted, `\l`) + `\l"`
}

// textTable is the table of distances in columns of characters.
func (p *networkPicture) textTable() []string {
	widths := make([]int, len(p.distances[0]))
	for j := range widths {
		var column []string
		for _, row := range p.distances {
			column = append(column, row[j])
		}
		widths[j] = longest(column)
	}
	var lines []string
	for _, row := range p.distances {
		var line strings.Builder
		for j, s := range row {
			line.WriteString(s + strings.Repeat(" ", widths[j]-utf8.RuneCountInString(s)+2))
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}
