package fixed

import "sotto/ir"

// rectified lowers a ReLU or ReLU6. Where a mask keeps some elements, these are gathered, rectified in one batch and scattered back:
// all elements are truncated alike before that.
func (l *lowering) rectified(v *ir.Value) (*ir.Value, error) {
	x, b := l.narrowed(v.Args[0], l.frac), l.B.At(v)
	mask := v.Attrs.Only("keep")
	if len(mask) == 0 {
		return l.clipped(v, x), nil
	}
	kept := b.Must("ring.gather", mask, x)
	kept.CopyFacts(v.Args[0])
	return b.Must("ring.scatter", mask, x, l.clipped(v, kept)), nil
}

// clipped is relu(x), and for ReLU6 relu(x) - relu(x - 6).
func (l *lowering) clipped(v, x *ir.Value) *ir.Value {
	b := l.B.At(v)
	if v.Is("nn.relu") {
		return b.Must("ring.relu", nil, x)
	}
	above := b.Must("ring.addc", ir.Attrs{"c": -6 << frac(x)}, x)
	return b.Must("ring.sub", nil, b.Must("ring.relu", nil, x), b.Must("ring.relu", nil, above))
}
