package estimates

import (
	"fmt"
	"math"
)

// Bound is how far an estimate may be from the measurement, as a part of it: 0 is exact.
type Bound float64

func (b Bound) String() string {
	if b == 0 {
		return "exact"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(b))
}

// Verdict is what runs say about a bound. The comments are of an estimate's, which is a point: see Judge, and Below of a limit.
type Verdict string

const (
	Holds Verdict = "holds" // the median is within it
	Open  Verdict = "open"  // the median is not, and the interval does not exclude it
	Fails Verdict = "fails" // the interval excludes it
)

// Figure is one estimate beside its measurement.
type Figure struct {
	Estimate float64 `json:"estimate"`
	Measured Median  `json:"measured"`
	Ratio    float64 `json:"ratio"` // estimate over measurement, with its interval
	Low      float64 `json:"ratio_low"`
	High     float64 `json:"ratio_high"`
	Bound    string  `json:"bound"`
	Verdict  Verdict `json:"verdict"`
}

// Judge holds an estimate against runs. Neither is negative.
func Judge(estimate float64, runs []float64, b Bound) (Figure, error) {
	m, err := MedianOf(runs)
	if err != nil {
		return Figure{}, err
	}
	f := Figure{Estimate: estimate, Measured: m, Ratio: ratio(estimate, m.Value), Low: ratio(estimate, m.High), High: ratio(estimate, m.Low), Bound: b.String()}
	f.Verdict = f.judge(float64(b))
	return f, nil
}

// ratio of two zeros is one: nothing was expected and nothing came.
func ratio(estimate, measured float64) float64 {
	switch {
	case estimate == measured:
		return 1
	case measured == 0:
		return math.MaxFloat64 // JSON has no infinity
	}
	return estimate / measured
}

func (f Figure) judge(bound float64) Verdict {
	const rounding = 1e-12
	least, most := 1-bound-rounding, 1+bound+rounding
	switch {
	case least <= f.Ratio && f.Ratio <= most:
		return Holds
	case bound > 0 && f.Measured.Coverage < Confidence: // what must be exact is so in every run
		return Open
	case f.High < least || f.Low > most:
		return Fails
	}
	return Open
}

// Below says whether the median of the distribution that runs are drawn from is below a limit: it holds where their whole interval is, fails where that is above, and is open
// otherwise, and where the interval covers less than Confidence.
func (m Median) Below(limit float64) Verdict {
	switch {
	case m.Coverage < Confidence:
		return Open
	case m.High < limit:
		return Holds
	case m.Low > limit:
		return Fails
	}
	return Open
}

// Error is how far off the estimate is, whichever way, as a part of the measurement.
func (f Figure) Error() float64 { return math.Abs(f.Ratio - 1) }
