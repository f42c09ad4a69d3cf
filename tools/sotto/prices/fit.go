package prices

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fit gives the x >= 0 that brings the rows nearest to the measured values: it minimises the sum of
//
//	(sum over j of rows[i][j] * x[j] - values[i])^2 / values[i]
//
// which lies between absolute errors, of which the longest times alone would count, and relative ones, of which the shortest would count as
// much as they. It goes
// by the active-set method of C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems" (1974), chapter 23. A column that can
// explain nothing gets 0.
func Fit(rows [][]float64, values []float64) ([]float64, error) {
	if len(rows) == 0 || len(rows) != len(values) {
		return nil, fmt.Errorf("fit of %d rows to %d values: accepted are one or more, as many of both", len(rows), len(values))
	}
	a, b := mat.NewDense(len(rows), len(rows[0]), nil), mat.NewVecDense(len(rows), nil)
	for i, row := range rows {
		if !(values[i] > 0) || len(row) != len(rows[0]) {
			return nil, fmt.Errorf("fit: row %d has %d columns and the value %g: accepted are rows of one length and positive values", i, len(row), values[i])
		}
		for j, x := range row {
			a.Set(i, j, x/math.Sqrt(values[i]))
		}
		b.SetVec(i, math.Sqrt(values[i]))
	}
	scale := normalise(a)
	x, err := nonNegative(a, b)
	for j := range x {
		x[j] /= scale[j]
	}
	return x, err
}

// normalise divides each column by its length, which it gives: units differ by many orders of magnitude.
func normalise(a *mat.Dense) []float64 {
	rows, columns := a.Dims()
	scale := make([]float64, columns)
	for j := range scale {
		if scale[j] = mat.Norm(a.ColView(j), 2); scale[j] == 0 {
			scale[j] = 1
		}
		for i := range rows {
			a.Set(i, j, a.At(i, j)/scale[j])
		}
	}
	return scale
}

var errNoFit = errors.New("fit: the method does not end")

// nonNegative solves min |a x - b| with x >= 0.
func nonNegative(a *mat.Dense, b *mat.VecDense) ([]float64, error) {
	const rounding = 1e-10
	_, columns := a.Dims()
	x, free := make([]float64, columns), make([]bool, columns)
	for range 10 * columns {
		j, gain := steepest(a, b, x, free)
		if gain < rounding {
			return x, nil
		}
		free[j] = true
		for {
			s, err := solveFree(a, b, free)
			if err != nil { // the column adds nothing to those that are there
				free[j] = false
				return x, nil
			}
			step, all := feasible(x, s, free)
			for i := range x {
				x[i] += step * (s[i] - x[i])
			}
			if all {
				break
			}
			for i := range x {
				if free[i] && x[i] <= rounding {
					x[i], free[i] = 0, false
				}
			}
		}
	}
	return nil, errNoFit
}

// steepest is the column at zero along which the error falls fastest.
func steepest(a *mat.Dense, b *mat.VecDense, x []float64, free []bool) (best int, gain float64) {
	var rest, slope mat.VecDense
	rest.MulVec(a, mat.NewVecDense(len(x), x))
	rest.SubVec(b, &rest)
	slope.MulVec(a.T(), &rest)
	for j := range x {
		if !free[j] && slope.AtVec(j) > gain {
			best, gain = j, slope.AtVec(j)
		}
	}
	return best, gain
}

// solveFree is the least-squares solution over the free columns, 0 in the others.
func solveFree(a *mat.Dense, b *mat.VecDense, free []bool) ([]float64, error) {
	rows, columns := a.Dims()
	var index []int
	for j := range columns {
		if free[j] {
			index = append(index, j)
		}
	}
	if len(index) > rows {
		return nil, errNoFit
	}
	part := mat.NewDense(rows, len(index), nil)
	for k, j := range index {
		part.SetCol(k, mat.Col(nil, j, a))
	}
	var s mat.VecDense
	if err := s.SolveVec(part, b); err != nil {
		return nil, err
	}
	out := make([]float64, columns)
	for k, j := range index {
		out[j] = s.AtVec(k)
	}
	return out, nil
}

// feasible is how far x can go towards s without a negative coordinate, and whether that is all the way.
func feasible(x, s []float64, free []bool) (step float64, all bool) {
	step = 1
	for j := range x {
		if free[j] && s[j] < 0 {
			step = min(step, x[j]/(x[j]-s[j]))
		}
	}
	return step, step == 1
}

// typical is the root mean square of what a fit is off by, in relative terms, each value counting by its size.
func typical(fitted, values []float64) float64 {
	sum, weights := 0.0, 0.0
	for i, v := range values {
		sum += math.Pow(fitted[i]-v, 2) / v
		weights += v
	}
	return math.Sqrt(sum / weights)
}
