package report

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The palette of Okabe and Ito, which colour-blind people can tell apart, and
// the greys of everything that is not data.
var (
	blue       = rgb(0x0072b2)
	orange     = rgb(0xe69f00)
	teal       = rgb(0x009e73)
	skyBlue    = rgb(0x56b4e9)
	purple     = rgb(0xcc79a7)
	gold       = rgb(0xd6c300) // the palette's yellow, darkened for white paper
	vermillion = rgb(0xd55e00)
	ink        = rgb(0x222222)
	soft       = rgb(0x666666)
	axisGrey   = rgb(0x9a9a9a)
	gridGrey   = rgb(0xe4e4e4)
	emptyGrey  = rgb(0xdcdcdc)
	otherGrey  = rgb(0xa0a0a0)
	white      = rgb(0xffffff)
)

func rgb(x uint32) color.RGBA {
	return color.RGBA{R: uint8(x >> 16), G: uint8(x >> 8), B: uint8(x), A: 0xff}
}

// dots are the resolution of PNG files: twice that of a plain screen.
const dots = 192

// fontFamily replaces the bare family name in SVG files: where Liberation Sans
// is missing the others have the same widths.
const fontFamily = "'Liberation Sans',Arimo,Arial,Helvetica,sans-serif"

// fonts are those of gonum/plot; none is read from the machine.
var fonts = font.NewCache(liberation.Collection())

// canvas draws in points from the lower left corner.
type canvas struct {
	draw.Canvas
	width, height vg.Length
}

// paint draws one picture twice and returns its PNG and its SVG.
func paint(width, height vg.Length, picture func(c *canvas)) (png, svg []byte, err error) {
	raster := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dots), vgimg.UseBackgroundColor(white))}
	picture(&canvas{draw.New(raster), width, height})
	var b bytes.Buffer
	if _, err := raster.WriteTo(&b); err != nil {
		return nil, nil, fmt.Errorf("draw PNG: %w", err)
	}
	vector := vgsvg.New(width, height)
	picture(&canvas{draw.New(vector), width, height})
	var v bytes.Buffer
	if _, err := vector.WriteTo(&v); err != nil {
		return nil, nil, fmt.Errorf("draw SVG: %w", err)
	}
	return b.Bytes(), []byte(strings.ReplaceAll(v.String(), "font-family:Liberation Sans", "font-family:"+fontFamily)), nil
}

// letters is a style of text.
type letters struct {
	size   vg.Length
	color  color.Color
	bold   bool
	across draw.XAlignment
	up     draw.YAlignment
}

func (l letters) style() draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: l.size}
	if l.bold {
		f.Weight = xfont.WeightBold
	}
	return draw.TextStyle{Color: l.color, Font: f, XAlign: l.across, YAlign: l.up, Handler: text.Plain{Fonts: fonts}}
}

// text writes s at a point.
func (c *canvas) text(l letters, x, y vg.Length, s string) {
	c.FillText(l.style(), vg.Point{X: x, Y: y}, s)
}

func (l letters) width(s string) vg.Length { return l.style().Width(s) }

// fit shortens s to a width.
func (l letters) fit(s string, width vg.Length) string {
	for n := len([]rune(s)); n > 1 && l.width(s) > width; n-- {
		s = cut(s, n-1)
	}
	return s
}

// line draws a straight line.
func (c *canvas) line(color color.Color, width vg.Length, x0, y0, x1, y1 vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: color, Width: width}, x0, y0, x1, y1)
}

// box fills a rectangle.
func (c *canvas) box(color color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(color, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// discs draws filled circles with a common white rim, so that they stand out
// from what they cover.
func (c *canvas) discs(fills []color.Color, at []vg.Point, radius vg.Length) {
	for _, p := range at {
		c.DrawGlyph(draw.GlyphStyle{Color: white, Radius: radius + 0.6, Shape: draw.CircleGlyph{}}, p)
	}
	for i, p := range at {
		c.DrawGlyph(draw.GlyphStyle{Color: fills[i], Radius: radius, Shape: draw.CircleGlyph{}}, p)
	}
}

// Styles of text.
var (
	titleText  = letters{size: 13, color: ink, bold: true, across: draw.XLeft, up: draw.YBottom}
	panelText  = letters{size: 10, color: ink, bold: true, across: draw.XLeft, up: draw.YBottom}
	rowText    = letters{size: 9, color: ink, across: draw.XRight, up: draw.YCenter}
	tickText   = letters{size: 8.5, color: soft, across: draw.XCenter, up: draw.YTop}
	tickSide   = letters{size: 8.5, color: soft, across: draw.XRight, up: draw.YCenter}
	legendText = letters{size: 9, color: ink, across: draw.XLeft, up: draw.YCenter}
	unitText   = letters{size: 9, color: soft, across: draw.XLeft, up: draw.YBottom}
	noteText   = letters{size: 8.5, color: soft, across: draw.XLeft, up: draw.YCenter}
)

// inside is the text on a filled area: dark on light colours.
func inside(fill color.Color) letters {
	l := letters{size: 8, color: white, across: draw.XCenter, up: draw.YCenter}
	if r, g, b, _ := fill.RGBA(); 3*r+6*g+b > 10*0x9400 {
		l.color = ink
	}
	return l
}
