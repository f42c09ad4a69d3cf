package prices

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %g, want %g within %g", what, got, want, tolerance)
	}
}

func TestFitFindsALine(t *testing.T) {
	rows, values := [][]float64{{1e4, 1}, {1e5, 1}, {1e6, 1}}, []float64{0.5e4 + 2000, 0.5e5 + 2000, 0.5e6 + 2000}
	x, err := Fit(rows, values)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the price of a unit", x[0], 0.5, 1e-9)
	near(t, "the price of a call", x[1], 2000, 1e-4)
	near(t, "the error of a fit that is 10 % off everywhere", typical([]float64{110, 2200}, []float64{100, 2000}), 0.1, 1e-9)
	near(t, "the error of one that is off by 10 of 100 and by nothing of 300", typical([]float64{110, 300}, []float64{100, 300}), 0.05, 1e-9)
}

// TestFitHasNoNegativePrices: the best line through these has a negative price of a call.
func TestFitHasNoNegativePrices(t *testing.T) {
	x, err := Fit([][]float64{{1, 1}, {2, 1}, {3, 1}}, []float64{1, 3, 5})
	if err != nil {
		t.Fatal(err)
	}
	// With the call at 0: minimise (x-1)^2 + (2x-3)^2/3 + (3x-5)^2/5, so x = (1 + 2 + 3) / (1 + 4/3 + 9/5).
	near(t, "the price of a unit", x[0], 6/(1+4./3+9./5), 1e-9)
	near(t, "the price of a call", x[1], 0, 0)
}

func TestFitPartsManyKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	want := []float64{0.02, 110_000, 14_000, 0, 3_000}
	var rows [][]float64
	var values []float64
	for range 12 {
		row, sum := make([]float64, len(want)), 0.0
		for j := range row {
			row[j] = math.Exp(random.NormFloat64()) * 1e6 / (1 + want[j])
			sum += row[j] * want[j]
		}
		rows, values = append(rows, row), append(values, sum)
	}
	x, err := Fit(rows, values)
	if err != nil {
		t.Fatal(err)
	}
	for j := range want {
		near(t, "a price", x[j], want[j], 1e-6*(1+want[j]))
	}
}

func TestFitRefuses(t *testing.T) {
	for _, c := range []struct {
		rows   [][]float64
		values []float64
	}{{nil, nil}, {[][]float64{{1}}, nil}, {[][]float64{{1}}, []float64{0}}, {[][]float64{{1}, {1, 2}}, []float64{1, 1}}} {
		if x, err := Fit(c.rows, c.values); err == nil {
			t.Errorf("%v to %v gives %v", c.rows, c.values, x)
		}
	}
}

func TestColumnsThatAreTheSameDoNotHang(t *testing.T) {
	rows, values := [][]float64{{1, 1, 0}, {2, 2, 0}, {4, 4, 0}}, []float64{3, 6, 12}
	x, err := Fit(rows, values)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the sum of the two", x[0]+x[1], 3, 1e-9)
	near(t, "the column of zeros", x[2], 0, 0)
}
