package weights

import (
	"math"
	"testing"

	"sotto/ir"
)

// Activations without a formula start as well as those with one.
func TestIntegralsAreTheFormulas(t *testing.T) {
	for name, formula := range closed {
		integral := integrated(&ir.Value{Op: ir.MustLookup(name)})
		for _, m := range []float64{-7, -1, 0, 0.3, 5.9} {
			for _, s := range []float64{0, 0.01, 1, 9} {
				mean, variance := integral(m, s)
				wantMean, wantVariance := formula(m, s)
				if math.Abs(mean-wantMean) > 1e-3*max(1, math.Abs(wantMean)) || math.Abs(variance-wantVariance) > 1e-3*max(1, wantVariance) {
					t.Errorf("%s of mean %g, variance %g: %g and %g, by formula %g and %g", name, m, s, mean, variance, wantMean, wantVariance)
				}
			}
		}
	}
}
