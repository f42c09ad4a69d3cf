package growth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// linear is a fixed cost and a proportional one.
func linear(fixed, each float64) Series {
	s := Series{Name: "work", Unit: "ReLU"}
	for n := int64(1e4); n <= 1e8; n *= 10 {
		s.Points = append(s.Points, Point{n, fixed + each*float64(n), 40e6 + 100*n, 30e6 + 50*n})
	}
	return s
}

func TestAFixedCostIsNoGrowth(t *testing.T) {
	s := linear(0.1, 1e-6)
	law := s.Fit(Time)
	if law.From != 1e6 || math.Abs(law.Exponent-1) > 0.03 {
		t.Errorf("exponent %.3f from %d on, want about 1 from 10^6 on", law.Exponent, law.From)
	}
	if each := s.Each(Client); math.Abs(each-100) > 1e-6 {
		t.Errorf("%g bytes each, want 100", each)
	}
}

func TestASquareIsSeen(t *testing.T) {
	s := linear(0, 0)
	for i := range s.Points {
		s.Points[i].Seconds = math.Pow(float64(s.Points[i].N), 2)
	}
	if e := s.Fit(Time).Exponent; math.Abs(e-2) > 1e-9 {
		t.Errorf("exponent %g, want 2", e)
	}
}

func TestSizes(t *testing.T) {
	got, err := Sizes(2e3, 1e5)
	if want := []int64{2e3, 3e3, 1e4, 3e4, 1e5}; err != nil || !slices.Equal(got, want) {
		t.Errorf("sizes %v, %v, want %v", got, err, want)
	}
	if _, err := Sizes(10, 10); err == nil {
		t.Error("a range of one size is accepted")
	}
}

func TestPlotsParse(t *testing.T) {
	var svg, img bytes.Buffer
	series := []Series{linear(0.1, 1e-6), linear(0.2, 3e-6)}
	if err := errors.Join(Draw(&svg, "svg", "a machine", series), Draw(&img, "png", "a machine", series)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(svg.String(), "n^") || !strings.Contains(svg.String(), "slope one") {
		t.Error("the legend lacks the exponent or the line to compare with")
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := png.Decode(&img); err != nil {
		t.Error(err)
	}
}

func TestFormat(t *testing.T) {
	if _, err := Format("growth.pdf"); err == nil {
		t.Error("pdf is accepted")
	}
	if f, err := Format("a/growth.SVG"); err != nil || f != "svg" {
		t.Errorf("format %q, %v", f, err)
	}
}
