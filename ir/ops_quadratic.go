package ir

import (
	"fmt"

	"sotto/ir/cost"
)

// A square and a product with weights of one x are one op where the server knows the weights: the message of the one's cross term
// carries the other's.
func init() {
	define(Op{
		Name: "beaver.quadratic", Stages: Secure, Weights: 1,
		Doc: "2^k*x*x + b*x, b one a channel, k the fraction bits that b has more than x: the server sends 2^(k+1)*(x - r) + b - B, given" +
			" shares of r*B: one message for both cross terms.",
		Example:  "%x = param @x : M i32q12[2,4,4]\n%b = param @b : S i32q13[2]\n%1 = beaver.quadratic %x, %b : A i32q25[2,4,4]",
		Operands: []Operand{{"x", "M [C,H,W] or [C]"}, {"b", "[C], or [C,1,1,1], at least as many fraction bits as x"}},
		Infer:    inferQuadratic,
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k, per := v.SlopeShift(), len(out.I)/len(a[1].I)
			for i, x := range a[0].I {
				out.I[i] = x*x<<k + a[1].I[i/per]*x
			}
			return out.wrap(), nil
		},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			v.crossed(l)
			arrives := v.sends(l, cost.Server, in[0][cost.Server])
			v.steps(l, cost.Server, in[0][cost.Server], 3)
			v.steps(l, cost.Server, in[0][cost.Server], 3)
			v.steps(l, cost.Client, arrives, 4)
			return cost.Ready{arrives, in[0][cost.Server]}
		},
	})
}

func inferQuadratic(v *Value) (Type, error) { return quadraticOf(v, v.Args[0].Type) }

// quadraticOf is the type of a quadratic of an x of this type, which v's first operand has or comes to.
func quadraticOf(v *Value, x Type) (Type, error) {
	b := v.Args[1].Type
	switch {
	case x.Share != Masked || !x.Elem.IsRing():
		return Type{}, fmt.Errorf("%s is %s, accepted are M ring elements", v.Args[0], x)
	case !b.Elem.IsRing() || b.Elem.Bits != x.Elem.Bits || b.Elem.Frac < x.Elem.Frac || b.Elem.Frac-x.Elem.Frac >= b.Elem.Bits:
		return Type{}, fmt.Errorf("the factors are %s, those of %s need its ring and at least its fraction bits", b, x)
	case b.Shape[0] != x.Shape[0] || b.Len() != x.Shape[0]:
		return Type{}, fmt.Errorf("the factors have shape %s, accepted are one for each of %d channels", shapeString(b.Shape), x.Shape[0])
	}
	t := x.Of(Arithmetic)
	t.Elem.Frac += b.Elem.Frac
	return t, checkRing(t.Elem.Bits, t.Elem.Frac)
}

// SlopeShift gives k of a quadratic: it is 2^k*x*x + b*x, of the truncated x in an ot.quadratic.
func (v *Value) SlopeShift() int { return 2*v.Args[1].Type.Elem.Frac - v.Type.Elem.Frac }

// SquaresElements tells whether an op takes the material of a square.
func (v *Value) SquaresElements() bool {
	return v.Is("beaver.square") || v.Is("beaver.quadratic") || v.Is("ot.quadratic")
}
