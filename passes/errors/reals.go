package errors

import (
	"fmt"
	"math"
	"strings"

	"sotto/ir"
)

// Reals evaluates what a RING function approximates, value by value: the same operations on real numbers, with nothing rounded, neither
// weights nor truncations, and nothing wrapped. weight gives the float weights that the function's constants are made of, x is the input;
// visit sees every value but constants, in program order, in units of its float meaning: what the parties hold of it, over 2^frac, is
// right if it is near that.
func Reals(ring *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x []float32, visit func(*ir.Value, []float32)) error {
	in := ring.Params[0]
	if len(x) != in.Type.Len() {
		return fmt.Errorf("input %s takes %d elements, not %d", in, in.Type.Len(), len(x))
	}
	env := ir.Env{in: {Type: realType(in.Type), F: x}}
	visit(in, x)
	left := ring.Uses()
	for _, v := range ring.Body {
		t, err := realOf(v, env, weight)
		if err != nil {
			return fmt.Errorf("%s (%s): %w", v, v.Path, err)
		}
		env[v] = t
		if !v.IsConstant() {
			visit(v, t.F)
		}
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 {
				delete(env, a)
			}
		}
	}
	return nil
}

func realType(t ir.Type) ir.Type {
	t.Elem = ir.F32
	return t
}

// realOf evaluates one value on real arguments.
func realOf(v *ir.Value, env ir.Env, weight func(*ir.Value) (*ir.Tensor, error)) (*ir.Tensor, error) {
	if v.Is("param") {
		return weight(v)
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		args[i] = env[a]
	}
	if f := realForms[v.Op.Name]; f != nil {
		return f(v, args), nil
	}
	return ir.EvalOne(inReals(v), args)
}

// inReals is the value on real numbers: by the op of its name for floats, where it is not one already.
func inReals(v *ir.Value) *ir.Value {
	name, ring := strings.CutPrefix(v.Op.Name, "ring.")
	if !ring {
		return v
	}
	r := *v
	r.Op, r.Type = ir.MustLookup("nn."+name), realType(v.Type)
	return &r
}

// realForms are those of ops that have no twin for floats.
var realForms = map[string]func(*ir.Value, []*ir.Tensor) *ir.Tensor{
	"const.quantize": func(_ *ir.Value, a []*ir.Tensor) *ir.Tensor { return a[0] },
	"ring.trunc":     func(_ *ir.Value, a []*ir.Tensor) *ir.Tensor { return a[0] },
	"ring.mulc": func(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
		c := float32(math.Ldexp(float64(v.Int("c")), -v.Int("frac")))
		if sum := v.Args[0]; sum.Is("ring.sumpool") { // c is its reciprocal, rounded
			c = 1 / windowSize(sum)
		}
		return mapped(v, a[0], func(x float32) float32 { return x * c })
	},
	"ring.addc": func(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
		c := float32(math.Ldexp(float64(v.Int("c")), -v.Type.Elem.Frac))
		return mapped(v, a[0], func(x float32) float32 { return x + c })
	},
	"ring.sub": func(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
		out := ir.NewTensor(realType(v.Type))
		for i, x := range a[0].F {
			out.F[i] = x - a[1].F[i]
		}
		return out
	},
	"ring.sumpool": sumPool,
	"ring.gather": func(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
		out := ir.NewTensor(realType(v.Type))
		ir.Ranges(v.Ints("keep"), func(at, lo, hi int) { copy(out.F[at:], a[0].F[lo:hi]) })
		return out
	},
	"ring.scatter": func(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
		out := mapped(v, a[0], func(x float32) float32 { return x })
		ir.Ranges(v.Ints("keep"), func(at, lo, hi int) { copy(out.F[lo:hi], a[1].F[at:]) })
		return out
	},
}

func mapped(v *ir.Value, x *ir.Tensor, f func(float32) float32) *ir.Tensor {
	out := ir.NewTensor(realType(v.Type))
	for i, e := range x.F {
		out.F[i] = f(e)
	}
	return out
}

// sumPool is the mean of each window times its size.
func sumPool(v *ir.Value, a []*ir.Tensor) *ir.Tensor {
	mean := *v
	mean.Op, mean.Type = ir.MustLookup("nn.avgpool"), realType(v.Type)
	t, err := ir.EvalOne(&mean, a)
	if err != nil {
		ir.Bugf("%s: %v", v, err) // it has been inferred
	}
	n := windowSize(v)
	return mapped(v, t, func(x float32) float32 { return x * n })
}

func windowSize(v *ir.Value) float32 {
	k := v.Ints("kernel")
	return float32(k[0] * k[1])
}
