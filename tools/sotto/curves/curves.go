// Package curves draws how figures go over a training or a search, in panels side by side.
package curves

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	// The formats a canvas may have.
	_ "gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgsvg"
)

// Formats are those of Write, by the extension of a file's name.
var Formats = []string{"svg", "png"}

// Panel has one pair of axes.
type Panel struct {
	X, Y   string // what the axes are of, with units
	Series []Series
}

// Series is points with a name.
type Series struct {
	Name   string
	Points []Point
	Mark   Mark
}

// Point is a figure at a place.
type Point struct{ X, Y float64 }

// Mark is how points are shown.
type Mark int

// Marks.
const (
	Line   Mark = iota // joined
	Dots               // apart
	Stairs             // joined by steps, as the border of what is reached
)

// The size of a panel.
const (
	width  = 15 * vg.Centimeter
	height = 11 * vg.Centimeter
)

// Write draws the panels into a file whose extension is one of Formats.
func Write(path, title string, panels ...Panel) error {
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("%s: accepted are names that end in .%s", path, strings.Join(Formats, " or ."))
	}
	canvas, err := draw.NewFormattedCanvas(width*vg.Length(len(panels)), height, format)
	if err != nil {
		return err
	}
	row := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		if row[i], err = p.plot(); err != nil {
			return err
		}
	}
	row[0].Title.Text = title
	tiles := draw.Tiles{Rows: 1, Cols: len(row), PadX: vg.Centimeter, PadTop: vg.Millimeter, PadBottom: vg.Millimeter, PadLeft: vg.Millimeter, PadRight: 3 * vg.Millimeter}
	for i, c := range plot.Align([][]*plot.Plot{row}, tiles, draw.New(canvas))[0] {
		row[i].Draw(c)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close() // the first error is the one to tell
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Close()
}

func (p Panel) plot() (*plot.Plot, error) {
	out := plot.New()
	out.X.Label.Text, out.Y.Label.Text = p.X, p.Y
	out.Legend.Top = !p.rises()
	if p.whole() {
		out.X.Tick.Marker = wholeTicks{}
	}
	out.Add(plotter.NewGrid())
	for i, s := range p.Series {
		if len(s.Points) == 0 {
			continue
		}
		if err := s.add(out, i); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return out, nil
}

// rises tells where the legend is in nobody's way: most curves end high or low, on the right.
func (p Panel) rises() bool {
	for _, s := range p.Series {
		if n := len(s.Points); n > 0 {
			return s.Points[n-1].Y > s.Points[0].Y
		}
	}
	return false
}

// whole tells whether all places are integers, as epochs are.
func (p Panel) whole() bool {
	for _, s := range p.Series {
		for _, at := range s.Points {
			if at.X != math.Trunc(at.X) {
				return false
			}
		}
	}
	return true
}

// wholeTicks are at multiples of 1, 2 or 5 times a power of ten.
type wholeTicks struct{}

const mostTicks = 8

func (wholeTicks) Ticks(least, most float64) (out []plot.Tick) {
	step := 1.0
	for i := 0; (most-least)/step > mostTicks; i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	for x := math.Ceil(least/step) * step; x <= most; x += step {
		out = append(out, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', 0, 64)})
	}
	return out
}

func (s Series) add(p *plot.Plot, colour int) error {
	line, points, err := plotter.NewLinePoints(s.xys())
	if err != nil {
		return err
	}
	line.Color, points.Color = plotutil.Color(colour), plotutil.Color(colour)
	line.Width, points.Shape = vg.Points(1.5), draw.CircleGlyph{}
	switch s.Mark {
	case Dots:
		p.Add(points)
		p.Legend.Add(s.Name, points)
		return nil
	case Stairs:
		line.StepStyle = plotter.PostStep
	}
	p.Add(line, points)
	p.Legend.Add(s.Name, line)
	return nil
}

func (s Series) xys() plotter.XYs {
	out := make(plotter.XYs, len(s.Points))
	for i, p := range s.Points {
		out[i] = plotter.XY{X: p.X, Y: p.Y}
	}
	return out
}
