// Package growth says how time and memory grow with a network, and draws it.
package growth

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// Point is one measurement.
type Point struct {
	N       int64   // elements
	Seconds float64 // both phases
	Client  int64   // the most memory the client held, bytes
	Server  int64
}

// Series is one kind of work at growing size, smallest first.
type Series struct {
	Name   string // of the legend
	Unit   string // what N counts, one of it
	Points []Point
}

// Law is y = c * n^Exponent, fitted by least squares to the logarithms of the points from From elements on.
type Law struct {
	Exponent float64 `json:"exponent"`
	From     int64   `json:"from"`
}

// fittedSpan is how far below the largest size points are fitted: two decades, which leaves out what a session costs
// whatever it computes.
const fittedSpan = 100

// Fit is the law of a quantity of the points.
func (s *Series) Fit(of func(Point) float64) Law {
	var x, y []float64
	law := Law{}
	for _, p := range s.Points {
		if p.N < s.Points[len(s.Points)-1].N/fittedSpan {
			continue
		}
		if x == nil {
			law.From = p.N
		}
		x, y = append(x, math.Log(float64(p.N))), append(y, math.Log(of(p)))
	}
	if len(x) > 1 {
		_, law.Exponent = stat.LinearRegression(x, y, nil, false)
	}
	return law
}

// Each is what one more element takes, between the two largest sizes.
func (s *Series) Each(of func(Point) float64) float64 {
	if len(s.Points) < 2 {
		return 0
	}
	a, b := s.Points[len(s.Points)-2], s.Points[len(s.Points)-1]
	return (of(b) - of(a)) / float64(b.N-a.N)
}

// Time and the parties' memory, as quantities of a point.
func Time(p Point) float64   { return p.Seconds }
func Client(p Point) float64 { return float64(p.Client) }
func Server(p Point) float64 { return float64(p.Server) }

// Sizes are 1 and 3 of every decade between from and to, and the two themselves.
func Sizes(from, to int64) ([]int64, error) {
	if from < 1 || to <= from {
		return nil, fmt.Errorf("sizes from %d to %d: accepted is a positive first and a greater last", from, to)
	}
	out := []int64{from}
	for decade := int64(1); decade <= to; decade *= 10 {
		for _, n := range []int64{decade, 3 * decade} {
			if from < n && n < to {
				out = append(out, n)
			}
		}
	}
	return append(out, to), nil
}
