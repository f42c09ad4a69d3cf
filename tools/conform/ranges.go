package conform

import (
	"fmt"
	"math"

	"sotto/ir"
)

// Exceeded is a RING value that reached beyond the range which calibration inputs had shown, and which its scale relies on.
type Exceeded struct {
	Value   *ir.Value
	Reached float64 // the element farthest outside
	Bounds  ir.Interval
	Holds   float64 // magnitude up to which the ring is right all the same
}

func (e Exceeded) String() string {
	return fmt.Sprintf("%s: %s (%s) reaches %.4g, calibration allows %.4g to %.4g and the ring holds %.4g", e.Value.Pos, e.Value.Path, e.Value.Op.Name,
		e.Reached, e.Bounds.Lo, e.Bounds.Hi, e.Holds)
}

// rounding is by how many units of the last place a value may leave its range: what truncations before it add up to.
const rounding = 16

// Beyond tells whether a value of a RING function leaves the range that calibration allows it.
func Beyond(f *ir.Func, v *ir.Value, x *ir.Tensor) (e Exceeded, yes bool) {
	bounds, calibrated := v.Bounds()
	if !calibrated || v.IsConstant() || !v.Type.Elem.IsRing() {
		return e, false
	}
	e = Exceeded{Value: v, Bounds: bounds, Holds: f.Holds(v)}
	slack, worst := math.Ldexp(rounding, -v.Type.Elem.Frac), 0.0
	for _, r := range x.Real() {
		if off := max(bounds.Lo-r, r-bounds.Hi) - slack; off > worst {
			e.Reached, worst = r, off
		}
	}
	return e, worst > 0
}
