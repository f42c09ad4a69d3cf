// Package estimates holds estimates against measurements: medians with an interval, bounds, and the plot.
package estimates

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is what an interval of a median must cover before a bound can fail by it.
const Confidence = 0.95

// Median is the median of some runs with an interval that holds whatever their distribution is: the median of the distribution lies
// between the k-th smallest and the k-th largest of n independent runs unless fewer than k of them fall on one side of it, and each
// falls on either side like a fair coin (W. R. Thompson, "On Confidence Ranges for the Median", 1936).
type Median struct {
	Value    float64 `json:"median"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Coverage float64 `json:"coverage"` // the probability that low to high holds the median
	Runs     int     `json:"runs"`
}

// MedianOf takes the narrowest symmetric interval that covers Confidence, or from the fastest to the slowest run where even
// that covers less: below 6 runs.
func MedianOf(runs []float64) (Median, error) {
	if len(runs) == 0 || slices.ContainsFunc(runs, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }) {
		return Median{}, fmt.Errorf("median of %v: accepted are one or more finite numbers", runs)
	}
	x := slices.Sorted(slices.Values(runs))
	n := len(x)
	k := rank(n)
	return Median{(x[(n-1)/2] + x[n/2]) / 2, x[k-1], x[n-k], coverage(n, k), n}, nil
}

// rank is the greatest k whose interval covers Confidence, at least 1.
func rank(n int) int {
	k := 1
	for 2*(k+1) <= n+1 && coverage(n, k+1) >= Confidence {
		k++
	}
	return k
}

// coverage is the probability that the k-th smallest and the k-th largest of n enclose the median.
func coverage(n, k int) float64 {
	return 1 - 2*distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(k-1))
}
