package fixed

import "sotto/ir"

// masked computes an op by its ring form. Where it has a mask that keeps some elements, these are gathered, the form is applied to them in one
// batch, and they are scattered back: all elements are truncated alike before that.
func (l *lowering) masked(v *ir.Value, args []*ir.Value, form func(*ir.Builder, *ir.Value, []*ir.Value) *ir.Value) *ir.Value {
	b, mask := l.B.At(v), v.Attrs.Only("keep")
	if len(mask) == 0 {
		return form(b, v, args)
	}
	kept := b.Must("ring.gather", mask, args[0])
	kept.CopyFacts(v.Args[0])
	return b.Must("ring.scatter", mask, args[0], form(b, v, []*ir.Value{kept}))
}
