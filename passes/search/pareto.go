package search

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
)

// Point is a network that was found, with its accuracy and figures.
type Point struct {
	Name     string   `json:"name"`
	Accuracy float64  `json:"accuracy"`
	Measures Measures `json:"measures"`
	Options  []int    `json:"options"`
}

// dominates says that p is as good as q in everything and better in something: accuracy is to be high, the measures low.
func (p Point) dominates(q Point, measures []string) bool {
	if p.Accuracy < q.Accuracy {
		return false
	}
	better := p.Accuracy > q.Accuracy
	for _, m := range measures {
		if p.Measures[m] > q.Measures[m] {
			return false
		}
		better = better || p.Measures[m] < q.Measures[m]
	}
	return better
}

// Front keeps the points that no other dominates by these measures, in the order of the first measure; of equal ones the first.
func Front(points []Point, measures ...string) []Point {
	var out []Point
	for i, p := range points {
		beaten := slices.ContainsFunc(points, func(q Point) bool { return q.dominates(p, measures) }) ||
			slices.ContainsFunc(points[:i], func(q Point) bool { return q.equals(p, measures) })
		if !beaten {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int {
		if len(measures) == 0 || a.Measures[measures[0]] == b.Measures[measures[0]] {
			return 0
		}
		if a.Measures[measures[0]] < b.Measures[measures[0]] {
			return -1
		}
		return 1
	})
	return out
}

func (p Point) equals(q Point, measures []string) bool {
	return p.Accuracy == q.Accuracy && !slices.ContainsFunc(measures, func(m string) bool { return p.Measures[m] != q.Measures[m] })
}

// WriteCSV writes points with a column for each measure; "front" is 1 for those on the front of all the measures.
func WriteCSV(w io.Writer, points []Point, measures ...string) error {
	front := Front(points, measures...)
	c := csv.NewWriter(w)
	if err := c.Write(append([]string{"name", "accuracy", "front"}, measures...)); err != nil {
		return err
	}
	for _, p := range points {
		on := "0"
		if slices.ContainsFunc(front, func(q Point) bool { return q.equals(p, measures) }) {
			on = "1"
		}
		row := []string{p.Name, strconv.FormatFloat(p.Accuracy, 'g', -1, 64), on}
		for _, m := range measures {
			row = append(row, strconv.FormatFloat(p.Measures[m], 'g', -1, 64))
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
