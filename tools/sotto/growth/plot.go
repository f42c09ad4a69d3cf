package growth

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
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

// formats are those a plot is written in, by the extension of its file.
var formats = []string{"svg", "png"}

// Format is the format that a file's name asks for.
func Format(name string) (string, error) {
	f := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	if !slices.Contains(formats, f) {
		return "", fmt.Errorf("%s: accepted are names that end in .%s", name, strings.Join(formats, " or ."))
	}
	return f, nil
}

// The size of a plot: two panels side by side.
const (
	width  = 30 * vg.Centimeter
	height = 13 * vg.Centimeter
)

// Draw writes the plot of some series in a format of Format: time to the left, memory to the right, all axes logarithmic,
// with lines of slope one to compare with.
func Draw(w io.Writer, format, title string, series []Series) error {
	time, err := timePanel(series)
	if err != nil {
		return err
	}
	memory, err := memoryPanel(series)
	if err != nil {
		return err
	}
	time.Title.Text = title
	canvas, err := draw.NewFormattedCanvas(width, height, format)
	if err != nil {
		return err
	}
	panels := [][]*plot.Plot{{time, memory}}
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: vg.Centimeter, PadTop: vg.Millimeter, PadBottom: vg.Millimeter, PadLeft: vg.Millimeter, PadRight: 3 * vg.Millimeter}
	for i, c := range plot.Align(panels, tiles, draw.New(canvas))[0] {
		panels[0][i].Draw(c)
	}
	_, err = canvas.WriteTo(w)
	return err
}

func timePanel(series []Series) (*plot.Plot, error) {
	p := panel("seconds, both phases", series)
	for i, s := range series {
		name := fmt.Sprintf("%s: n^%.2f", s.Name, s.Fit(Time).Exponent)
		if err := curve(p, name, i, solid, s.xys(Time)); err != nil {
			return nil, err
		}
	}
	return p, slopeOne(p, series, Time)
}

const megabyte = 1e6

func memoryPanel(series []Series) (*plot.Plot, error) {
	p := panel("peak memory of a party, MB", series)
	for i, s := range series {
		inMB := func(of func(Point) float64) plotter.XYs {
			return s.xys(func(p Point) float64 { return of(p) / megabyte })
		}
		if err := curve(p, s.Name+", client", i, solid, inMB(Client)); err != nil {
			return nil, err
		}
		if err := curve(p, s.Name+", server", i, dashed, inMB(Server)); err != nil {
			return nil, err
		}
	}
	return p, slopeOne(p, series, func(p Point) float64 { return float64(max(p.Client, p.Server)) / megabyte })
}

// panel is an empty one.
func panel(y string, series []Series) *plot.Plot {
	p := plot.New()
	var units []string
	for _, s := range series {
		if !slices.Contains(units, s.Unit+"s") {
			units = append(units, s.Unit+"s")
		}
	}
	p.X.Label.Text, p.Y.Label.Text = strings.Join(units, " or "), y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: 1}
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	return p
}

var (
	solid  []vg.Length
	dashed = []vg.Length{vg.Points(5), vg.Points(3)}
	dotted = []vg.Length{vg.Points(1), vg.Points(3)}
)

// curve adds a line with its points; a series has one colour.
func curve(p *plot.Plot, name string, series int, dashes []vg.Length, at plotter.XYs) error {
	line, points, err := plotter.NewLinePoints(at)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	line.Color, points.Color = plotutil.Color(series), plotutil.Color(series)
	line.Dashes, line.Width, points.Shape = dashes, vg.Points(1.5), draw.CircleGlyph{}
	p.Add(line, points)
	p.Legend.Add(name, line)
	return nil
}

// slopeOne adds, through the last point of every series, what proportion would be, over the two decades that are fitted, and
// rounds the axes to whole decades.
func slopeOne(p *plot.Plot, series []Series, of func(Point) float64) error {
	for i, s := range series {
		last := s.Points[len(s.Points)-1]
		first := max(float64(s.Points[0].N), float64(last.N)/fittedSpan)
		line, err := plotter.NewLine(plotter.XYs{{X: first, Y: of(last) * first / float64(last.N)}, {X: float64(last.N), Y: of(last)}})
		if err != nil {
			return err
		}
		line.Dashes, line.Color = dotted, color.Gray{Y: 96}
		p.Add(line)
		if i == 0 {
			p.Legend.Add("slope one", line)
		}
	}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Min, axis.Max = math.Pow(10, math.Floor(math.Log10(axis.Min))), math.Pow(10, math.Ceil(math.Log10(axis.Max)))
	}
	p.Y.Max *= legendRoom
	return nil
}

// legendRoom is left free above the curves: a decade.
const legendRoom = 10

func (s *Series) xys(of func(Point) float64) plotter.XYs {
	out := make(plotter.XYs, len(s.Points))
	for i, p := range s.Points {
		out[i] = plotter.XY{X: float64(p.N), Y: of(p)}
	}
	return out
}
