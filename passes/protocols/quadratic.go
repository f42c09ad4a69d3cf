package protocols

import (
	"maps"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// joinsQuadratic tells whether a value is a truncation that a quadratic takes in: of a value of which the client knows its part
// offline, and that nothing else reads. Then its result is not needed, nor a mask for it (runtime/nonlin/rounded.go).
func (a *assigner) joinsQuadratic(v *ir.Value) bool {
	if !a.clientServer || !v.Is("ring.trunc") || a.truncation(v) != pass.OneCOT || v == a.Old.Result {
		return false
	}
	if a.To[v.Args[0]].Type.Share != ir.Masked || len(a.readers[v]) == 0 {
		return false
	}
	return !slices.ContainsFunc(a.readers[v], func(r *ir.Value) bool { return !r.Is("ring.quadratic") })
}

// quadratic computes x*x + b*x. In client-server one message serves both of its terms (runtime/nonlin/quadratic.go), with the
// truncation before it if that joined it. Outsourced, it is the square of x + b/2 less b*b/4: sums with weights are local, so that
// b*x takes no material of a linear layer. Integers mod 2^l hold that whatever their size.
func (a *assigner) quadratic(v *ir.Value) *ir.Value {
	b, slope := a.B.At(v), a.To[v.Args[1]]
	if a.clientServer {
		slope = b.Must("const.finer", nil, slope)
		if x := a.To[v.Args[0]]; x != nil {
			return b.MustAs(v.Name, "beaver.quadratic", v.Attrs, a.operand(x), slope)
		}
		attrs := ir.Attrs{"bits": v.Args[0].Int("bits")}
		maps.Copy(attrs, v.Attrs)
		return b.MustAs(v.Name, "ot.quadratic", attrs, a.To[v.Args[0].Args[0]], slope)
	}
	half := b.Must("const.half", nil, slope)
	h, rest := b.Must("const.share", nil, half), b.Must("const.share", nil, b.Must("const.lesssquare", nil, half))
	moved := b.MustAs(v.Name+".h", "ring.shift", nil, a.To[v.Args[0]], h)
	return b.MustAs(v.Name, "ring.shift", v.Attrs, b.Must("beaver.square", nil, a.operand(moved)), rest)
}
