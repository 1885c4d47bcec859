package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/relaysim/relaysim/results"
)

// Measures of the plot of re-home times in points.
const (
	cdfWidth  = 820
	cdfTop    = 66
	cdfAxes   = 250 // height of the axes
	cdfTicks  = 42  // below them
	cdfLine   = 16  // of a legend
	cdfMargin = 16
	cdfSide   = 42 // left of the axes
	cdfGap    = 26
)

// curve is one distribution with the policies that share it.
type curve struct {
	policies []string
	first    int // index of the first of them, which gives colour and dashes
	cdf      *results.CDF
}

// panel is the set of curves of one scope.
type panel struct {
	title  string
	curves []curve
	// without are the policies under which nobody lost a parent and found one.
	without []string
}

// drawCDF draws plots/rehome_time_cdf: clients outside and those at sites
// apart where there are both.
func drawCDF(s *results.Summary) (png, svg []byte, err error) {
	panels := panelsOf(s)
	lines := 0
	for _, p := range panels {
		lines = max(lines, len(p.curves)+len(p.notes()))
	}
	height := vg.Length(cdfTop + cdfAxes + cdfTicks + cdfLine*lines + 14)
	return paint(cdfWidth, height, func(c *canvas) {
		c.text(titleText, cdfMargin, c.height-28, titleText.fit("Time to re-home, by policy: "+s.Scenario, cdfWidth-2*cdfMargin))
		width := (cdfWidth - 2*cdfMargin - cdfGap*vg.Length(len(panels)-1)) / vg.Length(len(panels))
		ticks := sharedAxis(panels)
		for i, p := range panels {
			left := cdfMargin + vg.Length(i)*(width+cdfGap)
			p.draw(c, ticks, left, left+width)
		}
	})
}

// panelsOf has the headline scope and, beside clients outside, the sites.
func panelsOf(s *results.Summary) []panel {
	if s.Headline() == results.ScopeAll {
		return []panel{panelOf(s, results.ScopeAll, "All clients")}
	}
	out := []panel{panelOf(s, results.ScopeOutside, upper(headline(s)))}
	if inside := panelOf(s, results.ScopeSites, "Clients at sites"); len(inside.curves) > 0 {
		out = append(out, inside)
	}
	return out
}

func panelOf(s *results.Summary, kind, title string) panel {
	out := panel{title: title}
	for i := range s.Policies {
		p := &s.Policies[i]
		sc := p.Scope(kind, "")
		if sc == nil || sc.Measures.RehomeCDF == nil {
			out.without = append(out.without, p.Name)
			continue
		}
		same := slices.IndexFunc(out.curves, func(c curve) bool { return equal(c.cdf, sc.Measures.RehomeCDF) })
		if same >= 0 {
			out.curves[same].policies = append(out.curves[same].policies, p.Name)
			continue
		}
		out.curves = append(out.curves, curve{policies: []string{p.Name}, first: i, cdf: sc.Measures.RehomeCDF})
	}
	return out
}

func equal(a, b *results.CDF) bool {
	return a.Count == b.Count && slices.Equal(a.Seconds, b.Seconds) && slices.Equal(a.Share, b.Share)
}

// shortest is the left end of the axis where a value is smaller still.
const shortest = 0.001

// sharedAxis spans all panels, so that they can be compared.
func sharedAxis(panels []panel) []timeTick {
	lo, hi := math.Inf(1), 0.0
	for _, p := range panels {
		for _, k := range p.curves {
			lo = min(lo, float64(k.cdf.Seconds[0]))
			hi = max(hi, float64(k.cdf.Seconds[len(k.cdf.Seconds)-1]))
		}
	}
	if hi == 0 {
		lo, hi = 60, 3600
	}
	return timeAxis(max(lo, shortest), hi)
}

// notes are the lines below the legend.
func (p *panel) notes() []string {
	if len(p.without) == 0 {
		return nil
	}
	if len(p.curves) == 0 {
		return []string{"no client lost a parent and found one again under any policy"}
	}
	return []string{"nobody lost a parent and found one again: " + strings.Join(p.without, ", ")}
}

// axes maps values to points.
type axes struct {
	ticks                    []timeTick
	left, right, bottom, top vg.Length
}

func (a *axes) x(seconds float64) vg.Length {
	lo, hi := math.Log(a.ticks[0].seconds), math.Log(a.ticks[len(a.ticks)-1].seconds)
	t := (math.Log(max(seconds, a.ticks[0].seconds)) - lo) / (hi - lo)
	return a.left + vg.Length(t)*(a.right-a.left)
}

func (a *axes) y(share float64) vg.Length { return a.bottom + vg.Length(share)*(a.top-a.bottom) }

func (p *panel) draw(c *canvas, ticks []timeTick, left, right vg.Length) {
	top := c.height - cdfTop
	a := &axes{ticks: ticks, left: left + cdfSide, right: right - 12, top: top, bottom: top - cdfAxes}
	const unit = "  share of the losses made good"
	title := panelText.fit(p.title, right-a.left-unitText.width(unit))
	c.text(panelText, a.left, top+9, title)
	c.text(unitText, a.left+panelText.width(title), top+9, unit)
	a.draw(c)
	for _, k := range p.curves {
		a.steps(c, k)
	}
	p.legend(c, a.left, right, a.bottom-cdfTicks-8)
}

// draw draws the grid, the ticks and the axis titles.
func (a *axes) draw(c *canvas) {
	for i := 0; i <= 4; i++ {
		y := a.y(float64(i) / 4)
		c.line(gridGrey, 0.6, a.left, y, a.right, y)
		c.text(tickSide, a.left-6, y, results.Format(results.UnitFraction, float64(i)/4))
	}
	end := a.left - 100 // of the last label
	for _, t := range a.ticks {
		x, half := a.x(t.seconds), tickText.width(t.label)/2
		c.line(gridGrey, 0.6, x, a.bottom, x, a.top)
		if x-half >= end+6 {
			c.text(tickText, x, a.bottom-4, t.label)
			end = x + half
		}
	}
	c.line(axisGrey, 0.8, a.left, a.bottom, a.right, a.bottom)
	c.text(tickText, (a.left+a.right)/2, a.bottom-20, "time from loss of the parent to the next registration")
}

// steps draws one distribution.
func (a *axes) steps(c *canvas, k curve) {
	var pts []vg.Point
	last := 0.0
	for i, s := range k.cdf.Seconds {
		x := a.x(float64(s))
		pts = append(pts, vg.Point{X: x, Y: a.y(last)})
		last = float64(k.cdf.Share[i])
		pts = append(pts, vg.Point{X: x, Y: a.y(last)})
	}
	c.StrokeLines(lineOf(k.first), pts)
}

// lineOf is the colour and dash pattern of a policy, the same in every panel.
func lineOf(policy int) draw.LineStyle {
	colors := []color.Color{ink, vermillion, purple, orange, teal, blue, skyBlue, gold}
	dashes := [][]vg.Length{nil, {6, 2}, {2, 1.6}, {7, 2, 1.5, 2}, {10, 3}, nil, {4, 2}, {1.2, 1.8}}
	return draw.LineStyle{Color: colors[policy%len(colors)], Width: 1.7, Dashes: dashes[(policy+policy/len(colors))%len(dashes)]}
}

// legend names the curves below the axes; curves that coincide are one entry.
func (p *panel) legend(c *canvas, left, right, y vg.Length) {
	for _, k := range p.curves {
		c.StrokeLine2(lineOf(k.first), left, y, left+26, y)
		n := fmt.Sprintf(" (%s of %s)", results.Format(results.UnitCount, float64(k.cdf.Count)), counted(int(k.cdf.Losses), "loss", "losses"))
		name := strings.Join(k.policies, ", ")
		if all := len(k.policies); len(p.curves) == 1 && len(p.without) == 0 && all > 1 {
			name = fmt.Sprintf("all %d policies alike", all)
		}
		c.text(legendText, left+32, y, legendText.fit(name, right-left-32-legendText.width(n))+n)
		y -= cdfLine
	}
	for _, s := range p.notes() {
		c.text(noteText, left, y, noteText.fit(s, right-left))
		y -= cdfLine
	}
}
