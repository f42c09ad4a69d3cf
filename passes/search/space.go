package search

import (
	"fmt"
	"math"
)

// Space is what a search knows of the networks it chooses from: one option for each site.
type Space struct {
	Options []int // by site, how many there are
	// Price gives the figures of a network, exactly: those that it has when it is compiled.
	Price func(options []int) (Measures, error)
	// Effects say what each option of a site adds by itself to what the objective weighs: what gradients descend, as in PASNet, whose loss has the
	// sum of probability times latency. Mean is what a network has whose options are all equally likely.
	Effects [][]float64
	Mean    float64
	Limits  []Limit
}

// logits is the number of options of all sites.
func (s *Space) logits() (n int) {
	for _, o := range s.Options {
		n += o
	}
	return n
}

// each calls f for every site with where its logits begin.
func (s *Space) each(f func(site, from, to int)) {
	from := 0
	for site, n := range s.Options {
		f(site, from, from+n)
		from += n
	}
}

// probabilities are the softmax of each site's logits.
func (s *Space) probabilities(logits []float32) []float64 {
	out := make([]float64, len(logits))
	s.each(func(_, from, to int) { softmax(out[from:to], logits[from:to]) })
	return out
}

func softmax[T float32 | float64](dst []float64, logits []T) {
	most, sum := math.Inf(-1), 0.0
	for _, l := range logits {
		most = max(most, float64(l))
	}
	for i, l := range logits {
		dst[i] = math.Exp(float64(l) - most)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}

// expected is the objective's figure of the relaxed space: Mean + sum over sites and options of probability times effect.
func (s *Space) expected(p []float64) float64 {
	sum := s.Mean
	s.each(func(site, from, to int) { sum += dot(p[from:to], s.Effects[site]) })
	return sum
}

// addPriceGradient adds weight times the gradient of expected by the logits: p_j * (e_j - sum over k of p_k e_k).
func (s *Space) addPriceGradient(dst []float64, p []float64, weight float64) {
	s.each(func(site, from, to int) {
		mean := dot(p[from:to], s.Effects[site])
		for j := from; j < to; j++ {
			dst[j] += weight * p[j] * (s.Effects[site][j-from] - mean)
		}
	})
}

// entropy is the mean of the sites', in bits.
func (s *Space) entropy(p []float64) float64 {
	if len(s.Options) == 0 {
		return 0
	}
	sum := 0.0
	for _, q := range p {
		if q > 0 {
			sum -= q * math.Log2(q)
		}
	}
	return sum / float64(len(s.Options))
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// check refuses a space that does not fit an engine's logits.
func (s *Space) check(logits int) error {
	if n := s.logits(); n != logits {
		return fmt.Errorf("a space with %d options at %d sites, and an engine with %d logits", n, len(s.Options), logits)
	}
	if len(s.Effects) != len(s.Options) {
		return fmt.Errorf("effects of %d sites, and %d sites", len(s.Effects), len(s.Options))
	}
	return nil
}
