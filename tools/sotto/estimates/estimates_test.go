package estimates

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestIntervalsAreTheTables holds ranks and coverage against the published tables of the sign test's interval.
func TestIntervalsAreTheTables(t *testing.T) {
	for _, c := range []struct {
		n, k     int
		coverage float64
	}{{1, 1, 0}, {5, 1, 0.9375}, {6, 1, 0.96875}, {8, 1, 0.9921875}, {9, 2, 0.9609375}, {11, 2, 0.98828125}, {12, 3, 0.96142578125}, {15, 4, 0.96484375}, {25, 8, 0.9567147}} {
		runs := make([]float64, c.n)
		for i := range runs {
			runs[(i*7)%c.n] = float64(i + 1)
			if c.n%7 == 0 {
				t.Fatal("7 does not shuffle")
			}
		}
		m, err := MedianOf(runs)
		if err != nil {
			t.Fatal(err)
		}
		if m.Low != float64(c.k) || m.High != float64(c.n+1-c.k) || math.Abs(m.Coverage-c.coverage) > 1e-6 || m.Value != float64(c.n+1)/2 {
			t.Errorf("%d runs: median %v, from %v to %v covering %v; want ranks %d and %d, %v", c.n, m.Value, m.Low, m.High, m.Coverage, c.k, c.n+1-c.k, c.coverage)
		}
	}
}

// TestIntervalsCover draws from a skewed distribution whose median is known.
func TestIntervalsCover(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const draws, runs = 20_000, 11
	held := 0
	for range draws {
		x := make([]float64, runs)
		for i := range x {
			x[i] = random.ExpFloat64()
		}
		if m, _ := MedianOf(x); m.Low <= math.Ln2 && math.Ln2 <= m.High {
			held++
		}
	}
	want, slack := 0.98828125, 4*math.Sqrt(0.98828125*(1-0.98828125)/draws)
	if got := float64(held) / draws; math.Abs(got-want) > slack {
		t.Errorf("the interval held the median in %.4f of all draws, want %.4f within %.4f", got, want, slack)
	}
}

func TestNoMedianOfNothing(t *testing.T) {
	for _, runs := range [][]float64{nil, {1, math.NaN()}, {math.Inf(1)}} {
		if _, err := MedianOf(runs); err == nil {
			t.Errorf("%v has a median", runs)
		}
	}
}

func TestVerdicts(t *testing.T) {
	around := func(x float64) []float64 { // 2nd and 10th of 11: 0.96 and 1.04 of x
		out := make([]float64, 11)
		for i := range out {
			out[i] = x * (0.95 + 0.01*float64(i))
		}
		return out
	}
	for _, c := range []struct {
		name     string
		estimate float64
		runs     []float64
		bound    Bound
		want     Verdict
	}{
		{"within", 105, around(100), 0.10, Holds},
		{"beyond, but not its interval", 112, around(100), 0.10, Open},
		{"beyond with its interval", 116, around(100), 0.10, Fails},
		{"below", 85, around(100), 0.10, Fails},
		{"below, but not its interval", 88, around(100), 0.10, Open},
		{"too few runs", 200, []float64{99, 100, 101}, 0.10, Open},
		{"exact", 4096, []float64{4096, 4096}, 0, Holds},
		{"a byte too many", 4096, []float64{4097}, 0, Fails},
		{"nothing, as expected", 0, []float64{0, 0}, 0, Holds},
		{"something for nothing", 0, []float64{1, 1}, 0, Fails},
		{"nothing for something", 1, []float64{0, 0}, 0, Fails},
	} {
		f, err := Judge(c.estimate, c.runs, c.bound)
		if err != nil || f.Verdict != c.want {
			t.Errorf("%s: %v (ratio %.3f, %.3f to %.3f), %v, want %v", c.name, f.Verdict, f.Ratio, f.Low, f.High, err, c.want)
		}
	}
}

// TestBelow: only a whole interval on one side of a limit, of enough runs, says where the median is.
func TestBelow(t *testing.T) {
	for _, c := range []struct {
		runs []float64
		want Verdict
	}{
		{[]float64{1, 2, 3, 4, 5, 6}, Open},
		{[]float64{1, 1, 1, 2, 2, 3}, Holds},
		{[]float64{4, 4, 4, 5, 5, 6}, Fails},
		{[]float64{1, 1, 1, 2, 2}, Open},
		{[]float64{5}, Open},
	} {
		m, err := MedianOf(c.runs)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Below(3.5); got != c.want {
			t.Errorf("%v below 3.5: %v, want %v", c.runs, got, c.want)
		}
	}
}

func TestPlotParses(t *testing.T) {
	var svg bytes.Buffer
	var points []Point
	for _, ms := range []float64{3, 40, 900} {
		f, err := Judge(1.1*ms, []float64{0.9 * ms, ms, 1.2 * ms}, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, Point{"online", f}, Point{"offline", f})
	}
	if err := Draw(&svg, "svg", "a machine", points); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"online", "offline", "estimate"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the plot does not say %q", want)
		}
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := Draw(&svg, "svg", "a machine", nil); err == nil {
		t.Error("a plot of nothing is drawn")
	}
}
