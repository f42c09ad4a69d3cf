package protocols

import (
	"testing"

	"sotto/ir"
)

// TestWidth: the bits that hold a magnitude, a quarter more for rounding, and a sign; once more doubled where the bound was
// only seen; never more than the ring's.
func TestWidth(t *testing.T) {
	for _, c := range []struct {
		elem       ir.Elem
		magnitude  float64
		calibrated bool
		want       int
	}{
		{ir.Ring(32, 12), 0, false, 14},     // 1.25 * 2^12 < 2^13
		{ir.Ring(32, 12), 1, false, 14},     // values below one count as one
		{ir.Ring(32, 12), 1.6, false, 14},   // 2 * 2^12 = 2^13
		{ir.Ring(32, 12), 1.7, false, 15},   // beyond
		{ir.Ring(32, 12), 1.6, true, 15},    // doubled
		{ir.Ring(32, 24), 102.4, false, 32}, // 2^31: the whole ring
		{ir.Ring(32, 24), 51, false, 31},
		{ir.Ring(64, 44), 51, false, 51},
		{ir.Ring(64, 44), 1e300, true, 64},
	} {
		if got := width(c.elem, c.magnitude, c.calibrated); got != c.want {
			t.Errorf("width of magnitude %g in %v, calibrated %v: %d, want %d", c.magnitude, c.elem, c.calibrated, got, c.want)
		}
	}
}
