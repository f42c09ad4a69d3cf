package protocols

import (
	"math"

	"sotto/ir"
	"sotto/passes/pass"
)

// signs says which op compares with zero. One that takes an arithmetic operand asks for no mask: it sends no more where the
// client's part is not known offline than a mask would.
var signs = map[pass.Nonlinear]struct {
	op       string
	additive bool
}{
	pass.GarbledSign:  {op: "gc.drelu"},
	pass.GarbledWhole: {op: "gc.drelu"},
	pass.DealtSign:    {op: "fss.drelu", additive: true},
	pass.OTSign:       {op: "ot.drelu", additive: true},
	pass.DealtWhole:   {op: "fss.drelu", additive: true},
}

// truncations says which op divides by a power of two.
var truncations = map[pass.Truncation]string{pass.OneCOT: "ot.trunc", pass.ExactTruncation: "ot.trunc.exact"}

// sign emits the comparison of x with zero for the value at, x's values having width bits.
func (a *assigner) sign(at *ir.Value, name string, x *ir.Value, width int) *ir.Value {
	var attrs ir.Attrs
	if width < x.Type.Elem.Bits {
		attrs = ir.Attrs{"width": width}
	}
	return a.B.At(at).MustAs(name, signs[a.protocols.Nonlinear].op, attrs, a.compared(x))
}

// compared gives the form of a value that the sign protocol takes: a masked one, if it exists, before an arithmetic one.
func (a *assigner) compared(x *ir.Value) *ir.Value {
	switch {
	case a.signMasks():
		return a.mask(x)
	case a.clientServer && a.masked[x] != nil:
		return a.masked[x]
	}
	return a.additive(x)
}

// signMasks tells whether the sign protocol needs its operand masked.
func (a *assigner) signMasks() bool { return !signs[a.protocols.Nonlinear].additive }

// rounding is what fixed point adds to a bound at most: values of magnitude below one count as one, since shares and rounding
// errors need a bit there too (passes/fixed), and errors stay far below a quarter of that.
const rounding = 1.25

// calibrationMargin is what bounds that were seen, not proven, are widened by once more before a comparison relies on them:
// a sign that is wrong costs more than a bit of width.
const calibrationMargin = 2

// reluWidth is the width of a comparison of x, a RING value, with zero.
func reluWidth(x *ir.Value) int {
	bounds, calibrated := x.Bounds()
	return width(x.Type.Elem, bounds.Magnitude(), calibrated)
}

// differenceWidth is the width of a comparison of two elements of x.
func differenceWidth(x *ir.Value) int {
	bounds, calibrated := x.Bounds()
	return width(x.Type.Elem, bounds.Hi-bounds.Lo, calibrated)
}

// width is the number of bits that hold every value of a magnitude, with a sign: the ring's at most.
func width(elem ir.Elem, magnitude float64, calibrated bool) int {
	most := max(magnitude, 1) * rounding
	if calibrated {
		most *= calibrationMargin
	}
	most = math.Ldexp(most, elem.Frac)
	if most >= math.Ldexp(1, elem.Bits-1) {
		return elem.Bits
	}
	return int(math.Ceil(math.Log2(most))) + 1
}
