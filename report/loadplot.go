package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/relaysim/relaysim/results"
)

// Measures of the load plot in points.
const (
	loadWidth  = 820
	loadTop    = 84 // title, legend and panel titles
	loadBottom = 42 // ticks and axis title
	loadRow    = 25
	loadGap    = 34 // between the panels
	loadBar    = 17
	loadMargin = 16
	legendGap  = 16
	legendLine = 16
)

// carried is a relay, or several of one network, that carry the headline
// clients under some policy.
type carried struct {
	name   string
	color  color.Color
	relays []int
	rest   bool // those that have no colour of their own
}

// mostCarriers is the number of carriers that have a colour of their own.
const mostCarriers = 6

var carrierColors = [mostCarriers]color.Color{blue, orange, teal, skyBlue, purple, gold}

// loadPlot shows, for each policy, where the headline clients are (bars that
// add up to those online) and how high each relay peaks (dots).
type loadPlot struct {
	s              *results.Summary
	carriers       []carried
	head           vg.Length // height above the panels
	label          vg.Length // width of the policies' names
	barLeft        vg.Length
	barRight       vg.Length
	dotLeft        vg.Length
	dotRight       vg.Length
	barTop, dotTop []float64 // ticks
}

// drawLoad draws plots/load_by_policy.
func drawLoad(s *results.Summary) (png, svg []byte, err error) {
	p := &loadPlot{s: s, carriers: carriersOf(s)}
	p.layout()
	p.head = loadTop + legendLine*vg.Length(len(p.keys())-1)
	return paint(loadWidth, p.head+loadBottom+loadRow*vg.Length(len(s.Policies)), p.draw)
}

func (p *loadPlot) scope(i int) *results.Measures {
	if sc := p.s.Policies[i].Scope(p.s.Headline(), ""); sc != nil {
		return &sc.Measures
	}
	return &results.Measures{}
}

// carriersOf lists who carries the headline clients: single relays if they
// are few, else the relays of each network together, else the largest of
// those and the rest. The root comes last.
func carriersOf(s *results.Summary) []carried {
	weight := make([]float64, len(s.Relays))
	for i := range s.Policies {
		sc := s.Policies[i].Scope(s.Headline(), "")
		if sc == nil {
			continue
		}
		for _, part := range sc.Measures.LoadShare {
			if j := relayNamed(s, part.Name); j >= 0 {
				weight[j] += part.Mean.Mean
			}
		}
	}
	out := singles(s, weight)
	if len(out) > mostCarriers {
		out = byNetwork(s, weight)
	}
	out = largest(out, weight)
	for i := range out {
		out[i].color = otherGrey
		if !out[i].rest {
			out[i].color = carrierColors[i]
		}
	}
	for j := range s.Relays {
		if s.Relays[j].Root && weight[j] > 0 {
			out = append(out, carried{name: s.Relays[j].Name, color: vermillion, relays: []int{j}})
		}
	}
	return out
}

func relayNamed(s *results.Summary, name string) int {
	return slices.IndexFunc(s.Relays, func(r results.Relay) bool { return r.Name == name })
}

func singles(s *results.Summary, weight []float64) []carried {
	var out []carried
	for j := range s.Relays {
		if weight[j] > 0 && !s.Relays[j].Root {
			out = append(out, carried{name: s.Relays[j].Name, relays: []int{j}})
		}
	}
	return out
}

func byNetwork(s *results.Summary, weight []float64) []carried {
	var out []carried
	for _, one := range singles(s, weight) {
		name := "at " + s.Relays[one.relays[0]].Network
		if i := slices.IndexFunc(out, func(c carried) bool { return c.name == name }); i >= 0 {
			out[i].relays = append(out[i].relays, one.relays...)
			continue
		}
		one.name = name
		out = append(out, one)
	}
	return out
}

// minCarrier is the share of the clients above which one of many carriers has
// a colour of its own.
const minCarrier = 0.05

// largest keeps the carriers of most clients and joins the rest.
func largest(all []carried, weight []float64) []carried {
	if len(all) <= mostCarriers {
		return all
	}
	everything := 0.0
	for _, w := range weight {
		everything += w
	}
	total := func(c carried) (sum float64) {
		for _, j := range c.relays {
			sum += weight[j]
		}
		return sum
	}
	slices.SortStableFunc(all, func(a, b carried) int { return descending(total(a), total(b)) })
	kept := 0
	for kept < mostCarriers && total(all[kept]) >= minCarrier*everything {
		kept++
	}
	rest := carried{rest: true}
	for _, c := range all[kept:] {
		rest.relays = append(rest.relays, c.relays...)
	}
	rest.name = counted(len(rest.relays), "other relay", "other relays")
	return append(slices.Clone(all[:kept]), rest)
}

// layout computes the columns and the scales.
func (p *loadPlot) layout() {
	online, peak := 0.0, 0.0
	for i := range p.s.Policies {
		p.label = max(p.label, rowText.width(cut(p.s.Policies[i].Name, 30)))
		m := p.scope(i)
		sum := m.WithoutRelay.Mean
		for _, part := range m.LoadShare {
			sum += part.Mean.Mean
		}
		online = max(online, sum)
		for j := range p.s.Policies[i].Relays {
			peak = max(peak, p.s.Policies[i].Relays[j].LoadPeak.Mean)
		}
	}
	p.barLeft = loadMargin + p.label + 8
	room := loadWidth - loadMargin - p.barLeft - loadGap
	p.barRight = p.barLeft + room*0.58
	p.dotLeft, p.dotRight = p.barRight+loadGap, loadWidth-loadMargin-6
	p.barTop, p.dotTop = niceTicks(online, 5), niceTicks(peak, 4)
}

func (p *loadPlot) barX(x float64) vg.Length { return scale(x, p.barTop, p.barLeft, p.barRight) }
func (p *loadPlot) dotX(x float64) vg.Length { return scale(x, p.dotTop, p.dotLeft, p.dotRight) }

// scale maps 0 to the last tick onto left to right.
func scale(x float64, ticks []float64, left, right vg.Length) vg.Length {
	return left + vg.Length(x/ticks[len(ticks)-1])*(right-left)
}

func (p *loadPlot) draw(c *canvas) {
	c.text(titleText, loadMargin, c.height-28, titleText.fit("Relay load by policy: "+p.s.Scenario, loadWidth-2*loadMargin))
	p.legend(c)
	top, bottom := c.height-p.head, vg.Length(loadBottom)
	c.text(panelText, p.barLeft, top+7, panelText.fit(upper(headline(p.s)), p.barRight-p.barLeft))
	c.text(panelText, p.dotLeft, top+7, panelText.fit("Peak of each relay, all clients", p.dotRight-p.dotLeft))
	p.axis(c, p.barTop, p.barX, top, bottom, "clients, mean over the time measured")
	p.axis(c, p.dotTop, p.dotX, top, bottom, "clients, highest at any time")
	if p.showsDesign() {
		x := p.dotX(float64(p.s.DesignLoad))
		c.line(vermillion, 0.8, x, bottom, x, top)
	}
	for i := range p.s.Policies {
		y := top - loadRow*(vg.Length(i)+0.5)
		c.text(rowText, p.barLeft-8, y, cut(p.s.Policies[i].Name, 30))
		p.bar(c, i, y)
		p.dots(c, i, y)
	}
}

// axis draws ticks, light grid lines and the axis title.
func (p *loadPlot) axis(c *canvas, ticks []float64, at func(float64) vg.Length, top, bottom vg.Length, title string) {
	for _, x := range ticks {
		c.line(gridGrey, 0.6, at(x), bottom, at(x), top)
		c.text(tickText, at(x), bottom-4, results.Format(results.UnitCount, x))
	}
	c.line(axisGrey, 0.8, at(ticks[0]), bottom, at(ticks[len(ticks)-1]), bottom)
	mid := (at(ticks[0]) + at(ticks[len(ticks)-1])) / 2
	c.text(tickText, mid, bottom-20, title)
}

// bar stacks the carriers of one policy, then those without a relay.
func (p *loadPlot) bar(c *canvas, policy int, y vg.Length) {
	m := p.scope(policy)
	from := 0.0
	put := func(n float64, fill color.Color, label letters) {
		if n <= 0 {
			return
		}
		x0, x1 := p.barX(from), p.barX(from+n)
		c.box(fill, x0, y-loadBar/2, x1, y+loadBar/2)
		if s := barLabel(n); label.width(s)+6 < x1-x0 {
			c.text(label, (x0+x1)/2, y, s)
		}
		from += n
	}
	for _, k := range p.carriers {
		n := 0.0
		for _, part := range m.LoadShare {
			if slices.Contains(k.relays, relayNamed(p.s, part.Name)) {
				n += part.Mean.Mean
			}
		}
		put(n, k.color, inside(k.color))
	}
	put(m.WithoutRelay.Mean, emptyGrey, inside(emptyGrey))
}

// barLabel is a number of clients as a bar shows it.
func barLabel(n float64) string {
	if n < 10 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0")
	}
	return results.Format(results.UnitCount, math.Round(n))
}

// dots draws one dot for each relay, those that carry the headline clients in
// their colour and on top. Dots that would cover each other move apart.
func (p *loadPlot) dots(c *canvas, policy int, y vg.Length) {
	type dot struct {
		x    vg.Length
		fill color.Color
		rank int
	}
	var all []dot
	for j := range p.s.Policies[policy].Relays {
		d := dot{x: p.dotX(p.s.Policies[policy].Relays[j].LoadPeak.Mean), fill: otherGrey}
		if p.s.Relays[j].Root {
			d.fill, d.rank = vermillion, 1
		}
		for _, k := range p.carriers {
			if slices.Contains(k.relays, j) && !p.s.Relays[j].Root {
				d.fill, d.rank = k.color, 1
			}
		}
		all = append(all, d)
	}
	slices.SortStableFunc(all, func(a, b dot) int { return descending(float64(b.x), float64(a.x)) })
	const radius = 2.2
	lanes := [5]vg.Length{0, 2 * radius, -2 * radius, 4 * radius, -4 * radius}
	var ends [len(lanes)]vg.Length // where the last dot of each lane ends
	for rank := range 2 {
		if rank == 1 {
			ends = [len(lanes)]vg.Length{} // coloured dots cover grey ones
		}
		var at []vg.Point
		var fills []color.Color
		for _, d := range all {
			if d.rank != rank {
				continue
			}
			lane := freeLane(ends[:], d.x-radius)
			ends[lane] = d.x + radius
			at, fills = append(at, vg.Point{X: d.x, Y: y + lanes[lane]}), append(fills, d.fill)
		}
		c.discs(fills, at, radius)
	}
}

// freeLane returns the first lane that is free from x on, or the one that is
// free soonest.
func freeLane(ends []vg.Length, x vg.Length) int {
	best := 0
	for l, end := range ends {
		if end <= x {
			return l
		}
		if end < ends[best] {
			best = l
		}
	}
	return best
}

// key is an entry of the legend.
type key struct {
	color color.Color
	name  string
	line  bool // a thin line instead of a box
}

func (k key) width() vg.Length { return 15 + legendText.width(k.name) }

// keys are the entries of the legend in lines that fit the width.
func (p *loadPlot) keys() [][]key {
	var all []key
	for _, k := range p.carriers {
		all = append(all, key{color: k.color, name: k.name})
	}
	all = append(all, key{color: emptyGrey, name: "no relay"})
	if i := root(p.s); i >= 0 && !slices.ContainsFunc(p.carriers, func(k carried) bool { return slices.Contains(k.relays, i) }) {
		all = append(all, key{color: vermillion, name: p.s.Relays[i].Name})
	}
	if n := p.uncolored(); n > 0 {
		all = append(all, key{color: otherGrey, name: counted(n, "other relay", "other relays")})
	}
	if p.showsDesign() {
		all = append(all, key{color: vermillion, name: fmt.Sprintf("design figure, %s clients", results.Format(results.UnitCount, float64(p.s.DesignLoad))), line: true})
	}
	lines := [][]key{nil}
	x := vg.Length(loadMargin)
	for _, k := range all {
		if x+k.width() > loadWidth-loadMargin && len(lines[len(lines)-1]) > 0 {
			lines = append(lines, nil)
			x = loadMargin
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], k)
		x += k.width() + legendGap
	}
	return lines
}

// showsDesign tells whether the design figure lies on the axis of the dots.
func (p *loadPlot) showsDesign() bool {
	return p.s.DesignLoad > 0 && float64(p.s.DesignLoad) <= p.dotTop[len(p.dotTop)-1]
}

// legend draws the keys below the title.
func (p *loadPlot) legend(c *canvas) {
	y := c.height - 44
	for _, line := range p.keys() {
		x := vg.Length(loadMargin)
		for _, k := range line {
			if k.line {
				c.line(k.color, 0.8, x+5.5, y-5, x+5.5, y+5)
			} else {
				c.box(k.color, x, y-4.5, x+11, y+4.5)
			}
			c.text(legendText, x+15, y, k.name)
			x += k.width() + legendGap
		}
		y -= legendLine
	}
}

// uncolored counts relays that carry none of the headline clients.
func (p *loadPlot) uncolored() int {
	n := 0
	for j := range p.s.Relays {
		if !p.s.Relays[j].Root && !slices.ContainsFunc(p.carriers, func(k carried) bool { return slices.Contains(k.relays, j) }) {
			n++
		}
	}
	return n
}

// upper begins a title with a capital.
func upper(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
