package ir

import (
	"errors"
	"fmt"
	"math"
)

// Constant ops rewrite weights. They let passes run without weights at hand: what they describe is computed once, when a
// bundle is made. Their arguments are weights or other constant ops; their results belong to the server.
const constStages = Net | RingStage | Secure

func init() {
	defineConst("const.bnscale", "Factor of a batch normalisation: gamma / sqrt(var + eps), a number a channel.",
		"%g = param @g : S f32[4]\n%1 = const.bnscale %g, %g : S f32[4]",
		[]Operand{{"gamma", "[C]"}, {"var", "[C]"}}, []Attr{{"eps", FloatAttr, 1e-5, "added to the variance"}},
		sameAsFirst,
		func(v *Value, a []*Tensor) (*Tensor, error) {
			return zip(v, a[0], a[1], func(g, s float32) float32 { return BatchnormScale(g, s, v.Float("eps")) }), nil
		})
	defineConst("const.scalerows", "Each slice along the first dimension times its factor: w[o,...] * s[o].",
		"%w = param @w : S f32[4,3,3,3]\n%s = param @s : S f32[4]\n%1 = const.scalerows %w, %s : S f32[4,3,3,3]",
		[]Operand{{"w", "[O,...]"}, {"s", "[O] or [1]"}}, nil,
		func(v *Value) (Type, error) {
			s := v.Args[1].Type.Shape
			if len(s) != 1 || (s[0] != 1 && s[0] != v.Args[0].Type.Shape[0]) {
				return Type{}, fmt.Errorf("the factors have shape %s, accepted are [1] and [%d]", shapeString(s), v.Args[0].Type.Shape[0])
			}
			return v.Args[0].Type, nil
		},
		func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			per := len(out.F) / len(a[1].F)
			for i, w := range a[0].F {
				out.F[i] = w * a[1].F[i/per]
			}
			return out, nil
		})
	defineConst("const.add", "Elementwise sum.",
		"%a = param @a : S f32[4]\n%1 = const.add %a, %a : S f32[4]",
		[]Operand{{"a", ""}, {"b", "of the shape of a"}}, nil, sameAsFirst,
		func(v *Value, a []*Tensor) (*Tensor, error) {
			return zip(v, a[0], a[1], func(x, y float32) float32 { return x + y }), nil
		})
	defineConst("const.sub", "Elementwise difference.",
		"%a = param @a : S f32[4]\n%1 = const.sub %a, %a : S f32[4]",
		[]Operand{{"a", ""}, {"b", "of the shape of a"}}, nil, sameAsFirst,
		func(v *Value, a []*Tensor) (*Tensor, error) {
			return zip(v, a[0], a[1], func(x, y float32) float32 { return x - y }), nil
		})
	defineConst("const.rows", "The slices lo to hi-1 along the first dimension.",
		"%w = param @w : S f32[4,3,3,3]\n%1 = const.rows %w {lo=0, hi=2} : S f32[2,3,3,3]",
		[]Operand{{"w", "[O,...]"}}, []Attr{{"lo", IntAttr, nil, "first slice"}, {"hi", IntAttr, nil, "one past the last"}},
		func(v *Value) (Type, error) {
			lo, hi, s := v.Int("lo"), v.Int("hi"), v.Args[0].Type.Shape
			if lo < 0 || hi <= lo || hi > s[0] {
				return Type{}, fmt.Errorf("rows %d to %d of %d", lo, hi, s[0])
			}
			return v.Args[0].Type.With(append([]int{hi - lo}, s[1:]...)...), nil
		},
		func(v *Value, a []*Tensor) (*Tensor, error) {
			per := len(a[0].F) / a[0].Type.Shape[0]
			return &Tensor{Type: v.Type, F: a[0].F[v.Int("lo")*per : v.Int("hi")*per]}, nil
		})
	defineConst("const.reshape", "The same numbers under another shape.",
		"%w = param @w : S f32[4]\n%1 = const.reshape %w {shape=[4,1,1,1]} : S f32[4,1,1,1]",
		[]Operand{{"w", ""}}, []Attr{{"shape", IntsAttr, nil, "the new shape"}},
		inferReshape,
		func(v *Value, a []*Tensor) (*Tensor, error) { return &Tensor{Type: v.Type, F: a[0].F}, nil })
	defineConst("const.repeat", "A single number n times.",
		"%a = param @a : S f32[1]\n%1 = const.repeat %a {n=8} : S f32[8]",
		[]Operand{{"a", "[1]"}}, []Attr{{"n", IntAttr, nil, "how often"}},
		func(v *Value) (Type, error) {
			if err := wantShape(v, 0, 1); err != nil {
				return Type{}, err
			}
			return v.Args[0].Type.With(v.Int("n")), nil
		},
		func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for i := range out.F {
				out.F[i] = a[0].F[0]
			}
			return out, nil
		})
	each := func(name, doc string, attrs []Attr, f func(v *Value, x float32) float32) {
		defineConst(name, doc, "%a = param @a : S f32[1]\n%1 = "+name+" %a : S f32[1]", []Operand{{"a", ""}}, attrs, sameAsFirst,
			func(v *Value, a []*Tensor) (*Tensor, error) {
				return mapFloat(v, a[0], func(x float32) float32 { return f(v, x) }), nil
			})
	}
	scale := []Attr{{"scale", FloatAttr, 1.0, "fixed factor of the square"}}
	each("const.x2square", "abs(scale * a), at least 2^-16: the size of x2act's quadratic coefficient. Less could not be divided by; the floor adds at most 2^-16 x^2.", scale,
		func(v *Value, a float32) float32 {
			return float32(max(math.Abs(v.Float("scale")*float64(a)), LeastSquare))
		})
	each("const.x2sign", "The sign of scale * a, of x2act's quadratic coefficient: 1 of zero.", scale,
		func(v *Value, a float32) float32 {
			if v.Float("scale")*float64(a) < 0 {
				return -1
			}
			return 1
		})
	each("const.sqrt", "Square roots.", nil, func(_ *Value, x float32) float32 { return float32(math.Sqrt(float64(x))) })
	each("const.reciprocal", "Reciprocals.", nil, func(_ *Value, x float32) float32 { return 1 / x })
	define(Op{
		Name: "const.quantize", Stages: RingStage | Secure, Constant: true,
		Doc:      "A weight in fixed point: w * 2^frac rounded to the nearest integer.",
		Example:  "%w = param @w : S f32[4]\n%1 = const.quantize %w {bits=32, frac=12} : S i32q12[4]",
		Operands: []Operand{{"w", ""}},
		Attrs:    []Attr{{"bits", IntAttr, nil, "of the ring: 32 or 64"}, {"frac", IntAttr, nil, "fraction bits"}},
		Infer: func(v *Value) (Type, error) {
			t := v.Args[0].Type
			if !t.Elem.Float || t.Share != OfServer {
				return Type{}, fmt.Errorf("%s is %s, accepted are float weights", v.Args[0], t)
			}
			if err := checkRing(v.Int("bits"), v.Int("frac")); err != nil {
				return Type{}, err
			}
			t.Elem = Ring(v.Int("bits"), v.Int("frac"))
			return t, nil
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			limit := math.Ldexp(1, v.Type.Elem.Bits-1-v.Type.Elem.Frac)
			for i, x := range a[0].F {
				if !(math.Abs(float64(x)) < limit) {
					return nil, fmt.Errorf("weight %s[%d] is %g, which does not fit %s (below %g)", v.Path, i, x, v.Type.Elem, limit)
				}
			}
			return Quantize(v.Type, a[0].F), nil
		},
	})
	define(Op{
		Name: "const.share", Stages: Secure, Constant: true,
		Doc:      "A fixed-point weight split into two additive shares when the bundles are made: outsourced deployment.",
		Example:  "%w = param @w : S f32[4]\n%q = const.quantize %w {bits=32, frac=12} : S i32q12[4]\n%1 = const.share %q : A i32q12[4]",
		Operands: []Operand{{"w", "of the server"}},
		Infer: func(v *Value) (Type, error) {
			t := v.Args[0].Type
			if !t.Elem.IsRing() || t.Share != OfServer {
				return Type{}, fmt.Errorf("%s is %s, accepted are the server's ring elements", v.Args[0], t)
			}
			return t.Of(Arithmetic), nil
		},
		Eval: identity,
	})
}

func defineConst(name, doc, example string, operands []Operand, attrs []Attr, infer func(*Value) (Type, error), eval func(*Value, []*Tensor) (*Tensor, error)) {
	define(Op{
		Name: name, Doc: doc, Example: example, Operands: operands, Attrs: attrs, Stages: constStages, Constant: true, Eval: eval,
		NoGradient: "weights are trained as they are stored, before passes rewrite them",
		Infer: func(v *Value) (Type, error) {
			for _, a := range v.Args {
				if !a.Type.Elem.Float || a.Type.Share != OfServer {
					return Type{}, fmt.Errorf("%s is %s, accepted are float weights (S f32)", a, a.Type)
				}
			}
			t, err := infer(v)
			return t.Of(OfServer), err
		},
	})
}

func sameAsFirst(v *Value) (Type, error) {
	t, err := sameShapes(v.Args)
	return t.Of(OfServer), err
}

func zip(v *Value, a, b *Tensor, f func(x, y float32) float32) *Tensor {
	out := NewTensor(v.Type)
	for i := range out.F {
		out.F[i] = f(a.F[i], b.F[i])
	}
	return out
}

func identity(v *Value, a []*Tensor) (*Tensor, error) {
	return &Tensor{Type: v.Type, F: a[0].F, I: a[0].I}, nil
}

// LeastSquare is the least quadratic coefficient that x2act is computed with: a smaller one is taken for it.
const LeastSquare = 1.0 / (1 << 16)

// checkRing refuses ring widths and fraction bits that no program can hold.
func checkRing(bits, frac int) error {
	if bits != 32 && bits != 64 {
		return fmt.Errorf("ring of %d bits: accepted are 32 and 64", bits)
	}
	if frac < 0 || frac >= 2*bits { // small numbers may have more than the ring has bits
		return fmt.Errorf("%d fraction bits in a ring of %d: accepted are 0 to %d", frac, bits, 2*bits-1)
	}
	return nil
}

var errNotShared = errors.New("the argument must be additively shared (A or M)")
