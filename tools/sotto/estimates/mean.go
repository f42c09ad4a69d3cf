package estimates

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Mean is the mean of a sample with its 95 % interval.
type Mean struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// MeanOf gives the mean and the interval by Student's distribution: mean -+ t(0.975, n-1) * s / sqrt(n). Fewer than two values say nothing
// of how they scatter: the interval is then without bounds.
func MeanOf(values []float64) Mean {
	n := float64(len(values))
	if n < 2 {
		m := 0.0
		for _, v := range values {
			m += v / n
		}
		return Mean{m, math.Inf(-1), math.Inf(1)}
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	reach := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation / math.Sqrt(n)
	return Mean{mean, mean - reach, mean + reach}
}
