package dataset

import (
	"fmt"
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/font/sfnt"
)

// Glyphs are generated pictures of digits and letters: for tests and first steps, where there is nothing to download. A picture
// is one character in one of ten fonts, turned, slanted, stretched, moved, thinned or thickened and blurred, light on dark or dark
// on light, over a background that slopes, among strokes and parts of other characters, under noise. Image i of a split is a
// function of the split, i, its shape and the number of classes, the same on every machine: all arithmetic is on integers.

// glyphChars are the classes; a network of n outputs is to tell the first n apart. Left out are letters that others or digits
// look like when their size and slant are free: capital I and O, and small ones like their capitals.
const glyphChars = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghnqrt"

// Sizes of the splits. A longer training split begins with the shorter one's images.
const (
	glyphsTrain   = 20_000
	glyphsTest    = 4_000
	glyphsPerHeld = 5  // training images for each of validation
	glyphsClasses = 10 // where any number will do
)

// The seeds of the splits, which keep them apart.
const (
	glyphsTrainSeed      = 0x67_6c_79_70_68_73_01
	glyphsValidationSeed = 0x67_6c_79_70_68_73_02
	glyphsTestSeed       = 0x67_6c_79_70_68_73_03
)

// smallest side that a character can be told on.
const glyphsSide = 16

const glyphsPrefix = "glyphs"

// parseGlyphs reads glyphs or glyphs:N, N training images.
func parseGlyphs(spec string) (n int, ok bool, err error) {
	text, ok := strings.CutPrefix(spec, glyphsPrefix)
	switch {
	case ok && text == "":
		return glyphsTrain, true, nil
	case !ok || text[0] != ':':
		return 0, false, nil
	}
	n, err = strconv.Atoi(text[1:])
	if err != nil || n < 1 || n > maxImages {
		return 0, true, fmt.Errorf("%s: accepted are glyphs and glyphs:N, N training images from 1 to %d", spec, maxImages)
	}
	return n, true, nil
}

// Glyphs makes n training images (and a fifth as many for validation, and 4000 for tests) of the first so many classes.
func Glyphs(shape Shape, classes, n int) (*Data, error) {
	if err := checkCount(int64(n), shape, 1); err != nil {
		return nil, fmt.Errorf("glyphs: %w", err)
	}
	if classes < 2 || classes > len(glyphChars) {
		return nil, fmt.Errorf("glyphs of %d classes: accepted are 2 to %d, the first of %s", classes, len(glyphChars), glyphChars)
	}
	if (shape[0] != 1 && shape[0] != 3) || min(shape[1], shape[2]) < glyphsSide {
		return nil, fmt.Errorf("glyphs of %v: accepted are 1 or 3 channels and at least %d pixels a side", shape, glyphsSide)
	}
	set, err := newGlyphs(shape, classes)
	if err != nil {
		return nil, err
	}
	d := &Data{Name: glyphsPrefix, Classes: strings.Split(glyphChars[:classes], "")}
	d.Train = set.split(glyphsTrainSeed, n)
	d.Validation = set.split(glyphsValidationSeed, max(n/glyphsPerHeld, 1))
	d.Test = set.split(glyphsTestSeed, glyphsTest)
	return d, d.everyClass()
}

// glyphs draws characters.
type glyphs struct {
	shape   Shape
	classes int
	fields  [][]*field // by class and font
}

func newGlyphs(shape Shape, classes int) (*glyphs, error) {
	g := &glyphs{shape: shape, classes: classes, fields: make([][]*field, classes)}
	errs := make([]error, len(fonts))
	for c := range g.fields {
		g.fields[c] = make([]*field, len(fonts))
	}
	each(len(fonts), func(i int) { errs[i] = g.load(i) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *glyphs) load(i int) error {
	f, err := sfnt.Parse(fonts[i])
	if err != nil {
		return fmt.Errorf("font %d: %w", i, err)
	}
	for c := range g.fields {
		outline, err := outlineOf(f, rune(glyphChars[c]))
		if err != nil {
			return err
		}
		g.fields[c][i] = fieldOf(outline)
	}
	return nil
}

// each does n independent pieces of work, on all cores.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wg.Wait()
}

func (g *glyphs) split(seed uint64, n int) *Split {
	s := &Split{Shape: g.shape, pixels: make([]uint8, n*g.shape.Len()), labels: make([]int32, n)}
	each(n, func(i int) {
		s.labels[i] = int32(i % g.classes)
		g.draw(s.Pixels(i), i%g.classes, newDice(seed, uint64(i)))
	})
	return s
}

// draw makes the picture of a class.
func (g *glyphs) draw(pixels []uint8, class int, d *dice) {
	p := newPicture(g.shape, d)
	for range d.below(mostStrokes + 1) {
		p.ink(d.stroke(p.side), p.other(d))
	}
	for range d.below(mostNeighbours + 1) {
		p.ink(d.pose(g.anyField(d), p.side, d.outside(p.side)), p.fore)
	}
	p.ink(d.pose(g.fields[class][d.below(len(fonts))], p.side, d.shift(p.side)), p.fore)
	if d.below(strokesOver) == 0 {
		p.ink(d.stroke(p.side), p.other(d))
	}
	p.develop(pixels, d)
}

// What else is in a picture.
const (
	mostStrokes    = 3
	mostNeighbours = 2
	strokesOver    = 3 // one in so many pictures has a stroke over the character
)

func (g *glyphs) anyField(d *dice) *field {
	return g.fields[d.below(g.classes)][d.below(len(fonts))]
}

// Coverages and levels are in 256ths.
const whole = 256

// A shader tells how much of a pixel is covered, in 256ths.
type shader interface {
	cover(x, y int) int
}

// picture is an image in the making: levels in 256ths of a pixel's step, by channel.
type picture struct {
	shape      Shape
	side       int
	level      []int32
	fore, back [3]int
}

// Levels: a character's is so much above or below the background's.
const (
	leastContrast = 56
	mostContrast  = 200
	mostChroma    = 40 // of a channel around the common level
	mostSlope     = 60 // of the background from edge to edge
)

func newPicture(shape Shape, d *dice) *picture {
	p := &picture{shape: shape, side: min(shape[1], shape[2]), level: make([]int32, shape.Len())}
	contrast := d.between(leastContrast, mostContrast)
	low := d.between(0, 255-contrast)
	back, fore := low, low+contrast
	if d.below(2) == 0 {
		back, fore = fore, back
	}
	for c := range shape[0] {
		p.back[c], p.fore[c] = back, fore
		if shape[0] == 3 {
			p.back[c] += d.between(-mostChroma, mostChroma)
			p.fore[c] += d.between(-mostChroma, mostChroma)
		}
	}
	dx, dy := d.between(-mostSlope, mostSlope), d.between(-mostSlope, mostSlope)
	p.each(func(c, x, y int) int {
		return p.back[c]*whole + dx*(2*x-shape[2])*whole/(2*shape[2]) + dy*(2*y-shape[1])*whole/(2*shape[1])
	})
	return p
}

func (p *picture) each(level func(c, x, y int) int) {
	i := 0
	for c := range p.shape[0] {
		for y := range p.shape[1] {
			for x := range p.shape[2] {
				p.level[i] = int32(level(c, x, y))
				i++
			}
		}
	}
}

// other is an ink between the background's and the character's, for what is not the character.
func (p *picture) other(d *dice) (ink [3]int) {
	part := d.between(whole/4, whole)
	for c := range ink {
		ink[c] = p.back[c] + (p.fore[c]-p.back[c])*part/whole
	}
	return ink
}

// ink lays a shape over the picture.
func (p *picture) ink(s shader, ink [3]int) {
	plane := p.shape[1] * p.shape[2]
	for i := range plane {
		covered := int32(s.cover(i%p.shape[2], i/p.shape[2]))
		if covered == 0 {
			continue
		}
		for c := range p.shape[0] {
			at := &p.level[c*plane+i]
			*at += (int32(ink[c]*whole) - *at) * covered / whole
		}
	}
}

// mostNoise is the greatest standard deviation of the noise, in levels.
const mostNoise = 28

// develop adds noise, near to normal, and rounds to pixels. The sum of four bytes has the mean 510 and the deviation
// sqrt(4*(256^2-1)/12) = 148.
func (p *picture) develop(pixels []uint8, d *dice) {
	const mean, deviation = 510, 148
	strength := int32(d.below(mostNoise + 1))
	for i, l := range p.level {
		noise := (sumOfBytes(uint32(d.bits32())) - mean) * strength * whole / deviation
		pixels[i] = uint8(min(max((l+noise+whole/2)/whole, 0), 255))
	}
}

func sumOfBytes(w uint32) int32 {
	return int32(w&255 + w>>8&255 + w>>16&255 + w>>24)
}

// placed is where a shape's centre is, in 16ths of a pixel from the picture's.
type placed struct{ x, y int }

const subpixels = 16

// shift moves a character by up to a seventh of the side.
func (d *dice) shift(side int) placed {
	far := side * subpixels / 7
	return placed{d.between(-far, far), d.between(-far, far)}
}

// outside is a place beyond one of the edges, from where a part of a character reaches in.
func (d *dice) outside(side int) placed {
	far := d.between(side*subpixels*9/16, side*subpixels*13/16)
	along := d.between(-side*subpixels/2, side*subpixels/2)
	switch d.below(4) {
	case 0:
		return placed{far, along}
	case 1:
		return placed{-far, along}
	case 2:
		return placed{along, far}
	}
	return placed{along, -far}
}

// pose is how a character stands in a picture: the affine map from pixels to its field, and how its edge is read.
type pose struct {
	field          *field
	u, v           int // of the pixel (0, 0)
	ux, uy, vx, vy int // for a pixel to the right, and one down
	weight, soft   int // added to the distance, and how wide the edge is to either side, in units of the font
}

// Ranges of a pose, in 256ths: the em against the side, stretching, slant, half the tangent of the turn (21 degrees), thickening
// against a regular stem, and half the width of an edge in pixels.
const (
	leastEm, mostEm           = 190, 310
	leastStretch, mostStretch = 205, 320
	mostSlant                 = 70
	mostTurn                  = 48
	thinnest, thickest        = -30, 50 // in units of the font
	sharpest, softest         = 140, 330
)

func (d *dice) pose(f *field, side int, at placed) *pose {
	em256 := side * d.between(leastEm, mostEm) // pixels of the em, in 256ths
	step := (em << placeBits) * whole / (gridStep * em256)
	turn, slant, stretch := d.between(-mostTurn, mostTurn), d.between(-mostSlant, mostSlant), d.between(leastStretch, mostStretch)
	p := &pose{field: f, weight: d.between(thinnest, thickest), soft: max(em*d.between(sharpest, softest)/em256, 1)}
	// The turn by its half-angle tangent t: cosine (1-t^2)/(1+t^2), sine 2t/(1+t^2).
	over := whole*whole + turn*turn
	cos, sin := step*(whole*whole-turn*turn)/over, step*2*turn*whole/over
	p.ux, p.uy = cos*whole/stretch, sin+step*slant/whole
	p.vx, p.vy = -sin*whole/stretch, cos
	middle := (gridSide - 1) << placeBits / 2
	cx, cy := side*subpixels/2+at.x-subpixels/2, side*subpixels/2+at.y-subpixels/2 // of pixel centres
	p.u = middle - (p.ux*cx+p.uy*cy)/subpixels
	p.v = middle - (p.vx*cx+p.vy*cy)/subpixels
	return p
}

func (p *pose) cover(x, y int) int {
	return edge(p.field.at(p.u+p.ux*x+p.uy*y, p.v+p.vx*x+p.vy*y)+p.weight, p.soft)
}

// edge is the coverage at a distance inside, for an edge that is soft to either side.
func edge(inside, soft int) int { return min(max(whole/2+inside*(whole/2)/soft, 0), whole) }

// stroke is a straight stroke, in 16ths of a pixel.
type stroke struct {
	line
	thick, soft int
}

func (d *dice) stroke(side int) *stroke {
	n := side * subpixels
	place := func() point { return point{int64(d.between(-n/4, n+n/4)), int64(d.between(-n/4, n+n/4))} }
	return &stroke{line{place(), place()}, d.between(subpixels/2, n/20), d.between(subpixels/2, 2*subpixels)}
}

func (s *stroke) cover(x, y int) int {
	p := point{int64(x)*subpixels + subpixels/2, int64(y)*subpixels + subpixels/2}
	away := s.squared(p)
	if reach := int64(s.thick + s.soft); away > reach*reach {
		return 0
	}
	return edge(s.thick-root(uint64(away)), s.soft)
}

// root is the integer square root, by Newton's method from above.
func root(n uint64) int {
	if n == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for {
		y := (x + n/x) / 2
		if y >= x {
			return int(x)
		}
		x = y
	}
}
