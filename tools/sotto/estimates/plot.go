package estimates

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	// The formats a canvas may have.
	_ "gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgsvg"
)

// Point is one figure of a plot, in milliseconds. Points of one group have one colour.
type Point struct {
	Group string
	Figure
}

// side of a plot, which is square: what is right lies on its diagonal.
const side = 18 * vg.Centimeter

// plotBounds are drawn beside the diagonal: of the online and of the offline phase.
var plotBounds = []Bound{0.10, 0.15}

// Draw writes estimates against measurements with their intervals on logarithmic axes, beside the diagonal and the bounds.
func Draw(w io.Writer, format, title string, points []Point) error {
	low, high, err := decades(points)
	if err != nil {
		return err
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "measured, ms (median and its 95 % interval)", "estimate, ms"
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale, axis.Tick.Marker, axis.Min, axis.Max = plot.LogScale{}, plot.LogTicks{Prec: -1}, low, high
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	if err := addDiagonals(p, low, high); err != nil {
		return err
	}
	if err := addGroups(p, points); err != nil {
		return err
	}
	return write(w, p, format)
}

// decades are the powers of ten around all points.
func decades(points []Point) (low, high float64, err error) {
	low, high = math.Inf(1), 0
	for _, x := range points {
		for _, ms := range []float64{x.Estimate, x.Measured.Low, x.Measured.High} {
			if !(ms > 0) {
				return 0, 0, fmt.Errorf("plot: an estimate of %g ms beside %g ms: accepted are positive times", x.Estimate, x.Measured.Value)
			}
			low, high = min(low, ms), max(high, ms)
		}
	}
	if points == nil {
		return 0, 0, errors.New("plot: there is nothing to draw")
	}
	return math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high*1.01))), nil
}

// addDiagonals draws where estimates equal measurements, and where they are off by a bound.
func addDiagonals(p *plot.Plot, low, high float64) error {
	add := func(name string, factor float64, dashes []vg.Length) error {
		from, to := max(low, low/factor), min(high, high/factor)
		line, err := plotter.NewLine(plotter.XYs{{X: from, Y: from * factor}, {X: to, Y: to * factor}})
		if err != nil {
			return err
		}
		line.Color, line.Dashes = color.Gray{0x80}, dashes
		p.Add(line)
		if name != "" {
			p.Legend.Add(name, line)
		}
		return nil
	}
	errs := []error{add("estimate = measured", 1, nil)}
	for i, b := range plotBounds {
		dashes := []vg.Length{vg.Points(float64(5 - 3*i)), vg.Points(3)}
		errs = append(errs, add(fmt.Sprintf("off by %v", b), 1+float64(b), dashes), add("", 1-float64(b), dashes))
	}
	return errors.Join(errs...)
}

// spread is the points of one group.
type spread struct {
	plotter.XYs
	plotter.XErrors
}

func addGroups(p *plot.Plot, points []Point) error {
	var names []string
	groups := map[string]*spread{}
	for _, x := range points {
		g := groups[x.Group]
		if g == nil {
			g = new(spread)
			names, groups[x.Group] = append(names, x.Group), g
		}
		g.XYs = append(g.XYs, plotter.XY{X: x.Measured.Value, Y: x.Estimate})
		g.XErrors = append(g.XErrors, struct{ Low, High float64 }{x.Measured.Value - x.Measured.Low, x.Measured.High - x.Measured.Value})
	}
	for i, name := range names {
		if err := addGroup(p, name, i, groups[name]); err != nil {
			return fmt.Errorf("plot of %s: %w", name, err)
		}
	}
	return nil
}

func addGroup(p *plot.Plot, name string, number int, g *spread) error {
	dots, err := plotter.NewScatter(g.XYs)
	if err != nil {
		return err
	}
	dots.Color, dots.Shape, dots.Radius = plotutil.Color(number), draw.CircleGlyph{}, vg.Points(3)
	bars, err := plotter.NewXErrorBars(g)
	if err != nil {
		return err
	}
	bars.Color = plotutil.Color(number)
	p.Add(bars, dots)
	p.Legend.Add(name, dots)
	return nil
}

func write(w io.Writer, p *plot.Plot, format string) error {
	canvas, err := draw.NewFormattedCanvas(side, side, format)
	if err != nil {
		return err
	}
	p.Draw(draw.New(canvas))
	_, err = canvas.WriteTo(w)
	return err
}
