package estimates

import (
	"math"
	"testing"
)

// Against a hand calculation: of 1, 2, 3, 4, 5 the deviation is sqrt(2.5), and t(0.975, 4) = 2.776 in every table.
func TestMeanOf(t *testing.T) {
	got := MeanOf([]float64{1, 2, 3, 4, 5})
	reach := 2.776445 * math.Sqrt(2.5) / math.Sqrt(5)
	if math.Abs(got.Mean-3) > 1e-12 || math.Abs(got.Low-(3-reach)) > 1e-5 || math.Abs(got.High-(3+reach)) > 1e-5 {
		t.Errorf("%+v, want 3 -+ %v", got, reach)
	}
	if one := MeanOf([]float64{7}); one.Mean != 7 || !math.IsInf(one.Low, -1) || !math.IsInf(one.High, 1) {
		t.Errorf("of one value: %+v", one)
	}
}
