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
	coarse   bool // it can give the sign of a one-COT truncation's result without comparing what that drops
}{
	pass.GarbledSign:  {op: "gc.drelu", coarse: true},
	pass.GarbledWhole: {op: "gc.drelu"},
	pass.DealtSign:    {op: "fss.drelu", additive: true},
	pass.OTSign:       {op: "ot.drelu", additive: true, coarse: true},
	pass.DealtWhole:   {op: "fss.drelu", additive: true},
}

// truncations says which op divides by a power of two.
var truncations = map[pass.Truncation]string{pass.OneCOT: "ot.trunc", pass.ExactTruncation: "ot.trunc.exact"}

// reluSign emits the comparison that a relu takes.
func (a *assigner) reluSign(v *ir.Value) *ir.Value {
	x := v.Args[0]
	source, t := a.source(x, v), truncationOf(x)
	width, coarse := reluWidth(source), signs[a.way(v)].coarse
	drop := 0
	if coarse {
		drop = v.Int("drop")
	}
	switch {
	case source == x:
		return a.sign(v, v.Name+".d", a.compared(v, a.To[x]), width, drop)
	case coarse && a.truncation(t) == pass.OneCOT:
		return a.sign(v, v.Name+".d", a.taken(v, a.To[t].Args[0]), width, t.Int("bits")+drop) // the shares that are truncated
	case drop > 0: // of the truncated value
		drop += t.Int("bits")
	}
	return a.sign(v, v.Name+".d", a.taken(v, a.compared(v, a.To[source])), width, drop)
}

// sign emits the comparison of x with zero for the value at, x being a form that its protocol takes and its values having width bits, of
// which the lowest drop ones are left out.
func (a *assigner) sign(at *ir.Value, name string, x *ir.Value, width, drop int) *ir.Value {
	const room = 5 // the sign, and bits beside which the unit that a truncation adds is a sixteenth, within what rounding leaves
	attrs := ir.Attrs{}
	if drop > 0 {
		attrs["drop"], width = drop, max(width, drop+room)
	}
	if width < x.Type.Elem.Bits {
		attrs["width"] = width
	}
	return a.B.At(at).MustAs(name, signs[a.way(at)].op, attrs, x)
}

// compared gives the form of a value that the comparisons of the RING value v take: a masked one, if it exists, before an arithmetic one.
func (a *assigner) compared(v, x *ir.Value) *ir.Value {
	switch {
	case a.signMasks(v):
		return a.mask(x)
	case a.clientServer && a.masked[x] != nil:
		return a.masked[x]
	}
	return a.additive(x)
}

// signMasks tells whether the comparisons of a RING value need their operands masked.
func (a *assigner) signMasks(v *ir.Value) bool { return !signs[a.way(v)].additive }

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
