package search

import "math"

// Adam's constants for logits, as DARTS has them: betas 0.5 and 0.999.
const (
	adamMean    = 0.5
	adamSquare  = 0.999
	adamEpsilon = 1e-8
)

// adam is the optimiser of logits and controllers (Kingma and Ba, ICLR 2015, algorithm 1).
type adam struct {
	Steps  int       `json:"steps"`
	Mean   []float64 `json:"mean"`
	Square []float64 `json:"square"`
	Beta   float64   `json:"beta"` // of the mean
}

func newAdam(n int) adam {
	return adam{Mean: make([]float64, n), Square: make([]float64, n), Beta: adamMean}
}

// step moves x against a gradient.
func (a *adam) step(x, gradient []float64, rate float64) {
	a.Steps++
	unbiased := 1 - math.Pow(a.Beta, float64(a.Steps))
	unbiasedSquare := 1 - math.Pow(adamSquare, float64(a.Steps))
	for i, g := range gradient {
		a.Mean[i] = a.Beta*a.Mean[i] + (1-a.Beta)*g
		a.Square[i] = adamSquare*a.Square[i] + (1-adamSquare)*g*g
		x[i] -= rate * (a.Mean[i] / unbiased) / (math.Sqrt(a.Square[i]/unbiasedSquare) + adamEpsilon)
	}
}

// running is a mean over batches, each counting by its samples.
type running struct {
	Loss    float64 `json:"loss"`
	Right   float64 `json:"right"`
	Samples int     `json:"samples"`
}

func (r *running) add(m Metrics) {
	n := float64(m.Samples)
	r.Loss += n * m.Loss
	r.Right += n * m.Accuracy
	r.Samples += m.Samples
}

func (r *running) mean() Metrics {
	n := float64(max(r.Samples, 1))
	return Metrics{r.Loss / n, r.Right / n, r.Samples}
}
