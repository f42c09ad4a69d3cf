package ir

import "fmt"

// What x2act becomes: once its input is multiplied by the root of the quadratic coefficient, a square and a linear term. In the
// ring the linear term's factor is even, so that the whole is a square too: x*x + 2*h*x = (x + h)^2 - h^2, exactly and mod 2^l,
// whatever the sizes of x and h.
func init() {
	define(Op{
		Name: "nn.quadratic", Stages: Net | Train, Weights: 1,
		Traits:   Traits{ByChannel: true, ByElement: true},
		Doc:      "x*x + b*x, b one for all or one a channel: an x2act whose quadratic coefficient is in x.",
		Example:  "%x = param @x : S f32[2,4,4]\n%b = param @b : S f32[2]\n%1 = nn.quadratic %x, %b : f32[2,4,4]",
		Operands: []Operand{opX, {"b", "[1] or [C]"}},
		Infer: func(v *Value) (Type, error) {
			return MustLookup("nn.scale").Infer(v)
		},
		Range: rangeEach(func(x Interval, b float64) Interval { return x.polynomial(1, b) }),
		Grad: func(b *Builder, v, dy *Value) []*Value {
			half, slope := b.Must("train.mul", nil, v.Args[0], dy), v.Args[1]
			dx := b.Must("nn.add", nil, b.Must("nn.add", nil, half, half), b.Must("nn.scale", nil, dy, slope))
			return []*Value{dx, b.products(v.Args[0], dy, slope.Type.Len())}
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			per := len(out.F) / len(args[1].F)
			for i, x := range args[0].F {
				out.F[i] = x*x + args[1].F[i/per]*x
			}
			return out, nil
		},
	})
	define(Op{
		Name: "ring.quadratic", Stages: RingStage, Weights: 1,
		Doc:      "x*x + b*x, b one a channel, with a fraction bit less than x: of the integers x*x + 2*b*x. Fraction bits double.",
		Example:  "%x = param @x : S i32q12[2,4,4]\n%b = param @b : S i32q11[2]\n%1 = ring.quadratic %x, %b : i32q24[2,4,4]",
		Operands: []Operand{opX, {"b", "[C], of the ring of x, with a fraction bit less"}},
		Infer: func(v *Value) (Type, error) {
			x, b := v.Args[0].Type, v.Args[1].Type
			if !x.Elem.IsRing() || b.Elem != Ring(x.Elem.Bits, x.Elem.Frac-1) {
				return Type{}, fmt.Errorf("the factors are %s, those of %s need its ring and a fraction bit less", b, x)
			}
			if len(b.Shape) != 1 || b.Shape[0] != x.Shape[0] {
				return Type{}, fmt.Errorf("the factors have shape %s, accepted are one for each of %d channels", shapeString(b.Shape), x.Shape[0])
			}
			return inferSquare(v)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			per := len(out.I) / len(a[1].I)
			for i, x := range a[0].I {
				out.I[i] = x*x + 2*a[1].I[i/per]*x
			}
			return out.wrap(), nil
		},
	})
	// rewritten declares an op on the integers of a weight: what they become, and the fraction bits of that.
	rewritten := func(name, doc, result string, frac func(int) int, f func(int64) int64) {
		define(Op{
			Name: name, Stages: Secure, Constant: true, Doc: doc,
			Example:  "%w = param @w : S i32q12[2]\n%1 = " + name + " %w : S " + result,
			Operands: []Operand{{"w", "of the server"}},
			Infer: func(v *Value) (Type, error) {
				t := v.Args[0].Type
				if !t.Elem.IsRing() || t.Share != OfServer {
					return Type{}, fmt.Errorf("%s is %s, accepted are the server's ring elements", v.Args[0], t)
				}
				t.Elem.Frac = frac(t.Elem.Frac)
				return t, checkRing(t.Elem.Bits, t.Elem.Frac)
			},
			Eval: func(v *Value, a []*Tensor) (*Tensor, error) { return mapRing(v, a[0], f), nil },
		})
	}
	rewritten("const.finer", "A weight in fixed point with a fraction bit more: the integers double, mod 2^l.", "i32q13[2]",
		func(frac int) int { return frac + 1 }, func(w int64) int64 { return 2 * w })
	rewritten("const.half", "Half of a weight in fixed point: the same integers with a fraction bit more.", "i32q13[2]",
		func(frac int) int { return frac + 1 }, func(w int64) int64 { return w })
	rewritten("const.lesssquare", "-w*w of a weight in fixed point, mod 2^l, with twice its fraction bits: what a completed square has too much.", "i32q24[2]",
		func(frac int) int { return 2 * frac }, func(w int64) int64 { return -w * w })
}

// polynomial bounds square*x*x + slope*x: its extremes are at the ends, and where it turns if that is inside.
func (a Interval) polynomial(square, slope float64) Interval {
	at := func(x float64) float64 { return square*x*x + slope*x }
	ends := Interval{min(at(a.Lo), at(a.Hi)), max(at(a.Lo), at(a.Hi))}
	if square == 0 {
		return ends
	}
	turn := at(min(max(-slope/(2*square), a.Lo), a.Hi))
	return ends.Union(Interval{turn, turn})
}
