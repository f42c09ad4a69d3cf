package dataset

import (
	"fmt"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fonts are what glyphs are set in.
var fonts = [][]byte{
	goregular.TTF, gomedium.TTF, gobold.TTF, goitalic.TTF, gomediumitalic.TTF, gobolditalic.TTF,
	gomono.TTF, gomonobold.TTF, gomonoitalic.TTF, gomonobolditalic.TTF,
}

// A field is a glyph as distances to its outline: at each node of a grid around its centre, in units of the font, positive
// inside. Any size, slant, weight and softness of edge is read off it.
type field [gridSide * gridSide]int16

const (
	em       = 2048 // units of the font
	gridSide = 48   // nodes a side
	gridStep = 52   // units between nodes: 1.2 em in all, which the widest glyph fits into
	farthest = 512  // distances beyond do not matter
)

// point is in units of the font, y downwards.
type point struct{ x, y int64 }

type line struct{ from, to point }

// chords is how many lines stand for a curve.
const chords = 6

// outlineOf gives a glyph's outline as lines around the centre of its box. All arithmetic is on integers.
func outlineOf(f *sfnt.Font, char rune) ([]line, error) {
	var buf sfnt.Buffer
	glyph, err := f.GlyphIndex(&buf, char)
	if err != nil || glyph == 0 {
		return nil, fmt.Errorf("the font has no %q: %w", char, err)
	}
	segments, err := f.LoadGlyph(&buf, glyph, fixed.I(em), nil)
	if err != nil {
		return nil, fmt.Errorf("outline of %q: %w", char, err)
	}
	box, _, err := f.GlyphBounds(&buf, glyph, fixed.I(em), font.HintingNone)
	if err != nil {
		return nil, fmt.Errorf("box of %q: %w", char, err)
	}
	centre := fixed.Point26_6{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2}
	return flatten(segments, centre), nil
}

// flatten makes lines of moves, lines and the quadratic curves of TrueType.
func flatten(segments sfnt.Segments, centre fixed.Point26_6) []line {
	var out []line
	var at, start point
	to := func(p point) {
		if p != at {
			out = append(out, line{at, p})
		}
		at = p
	}
	units := func(p fixed.Point26_6) point {
		return point{int64((p.X - centre.X) / 64), int64((p.Y - centre.Y) / 64)}
	}
	for _, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			to(start) // closes the contour before
			start = units(s.Args[0])
			at = start
		case sfnt.SegmentOpLineTo:
			to(units(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			a, b, c := at, units(s.Args[0]), units(s.Args[1])
			for i := int64(1); i <= chords; i++ {
				to(point{bezier(a.x, b.x, c.x, i), bezier(a.y, b.y, c.y, i)})
			}
		}
	}
	to(start)
	return out
}

// bezier is the quadratic curve over a, b, c at i/chords.
func bezier(a, b, c, i int64) int64 {
	j := chords - i
	return (a*j*j + 2*b*i*j + c*i*i) / (chords * chords)
}

func fieldOf(outline []line) *field {
	f := &field{}
	for i := range f {
		f[i] = distance(outline, point{node(i % gridSide), node(i / gridSide)})
	}
	return f
}

// node is the place of a grid line, the grid centred on 0.
func node(i int) int64 { return int64(i)*gridStep - (gridSide-1)*gridStep/2 }

func distance(outline []line, p point) int16 {
	nearest, winding := int64(farthest*farthest), 0
	for _, l := range outline {
		nearest = min(nearest, l.squared(p))
		winding += l.crosses(p)
	}
	d := int16(root(uint64(nearest)))
	if winding == 0 {
		return -d
	}
	return d
}

// squared is the squared distance of p from the line, rounded down.
func (l line) squared(p point) int64 {
	dx, dy := l.to.x-l.from.x, l.to.y-l.from.y
	px, py := p.x-l.from.x, p.y-l.from.y
	length := dx*dx + dy*dy
	switch along := px*dx + py*dy; {
	case along <= 0:
		return px*px + py*py
	case along >= length:
		return (px-dx)*(px-dx) + (py-dy)*(py-dy)
	}
	across := px*dy - py*dx
	return across * across / length
}

// crosses is how the line winds around p: what a ray to the left meets, +1 downwards and -1 upwards.
func (l line) crosses(p point) int {
	side := (l.to.x-l.from.x)*(p.y-l.from.y) - (l.to.y-l.from.y)*(p.x-l.from.x)
	switch {
	case l.from.y <= p.y && l.to.y > p.y && side < 0:
		return 1
	case l.to.y <= p.y && l.from.y > p.y && side > 0:
		return -1
	}
	return 0
}

// Places in a field are in steps of the grid, with placeBits bits after the point.
const placeBits = 12

// at is the distance at a place, interpolated linearly; far outside beyond the grid.
func (f *field) at(u, v int) int {
	const one = 1 << placeBits
	i, j := u>>placeBits, v>>placeBits
	if i < 0 || j < 0 || i >= gridSide-1 || j >= gridSide-1 {
		return -farthest
	}
	du, dv := u&(one-1), v&(one-1)
	n := f[j*gridSide+i:]
	top := int(n[0])*(one-du) + int(n[1])*du
	bottom := int(n[gridSide])*(one-du) + int(n[gridSide+1])*du
	return (top*(one-dv) + bottom*dv) >> (2 * placeBits)
}
