package ranges

import (
	"fmt"
	"math"
	"strings"

	"sotto/ir"
	"sotto/passes/pass"
)

// worst marks every value with the interval that holds for every input: interval arithmetic, one interval a channel
// (channels.go), and their union as the fact.
func worst(c *pass.Context, f *ir.Func) error {
	w := &bounder{weights: WeightsOf(c), of: map[*ir.Value]channels{}, consts: ir.Env{}}
	for _, p := range f.Params {
		lo, hi := ir.InputRange(p)
		w.of[p] = uniform(p.Type, ir.Interval{Lo: lo, Hi: hi})
		p.Set("worst", []float64{lo, hi})
	}
	left := f.Uses()
	for _, v := range f.Body {
		if v.IsConstant() {
			if err := w.constant(v); err != nil {
				return fmt.Errorf("%s: %w", v.Path, err)
			}
		} else {
			w.of[v] = w.bound(v)
			b := w.of[v].union()
			v.Set("worst", []float64{b.Lo, b.Hi})
		}
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 {
				delete(w.consts, a)
			}
		}
	}
	return nil
}

type bounder struct {
	weights func(*ir.Value) (*ir.Tensor, error)
	of      map[*ir.Value]channels
	consts  ir.Env
}

// constant computes what is made of weights alone. Bounds need it to be finite.
func (w *bounder) constant(v *ir.Value) error {
	t, err := w.constantOf(v)
	if err != nil {
		return err
	}
	for i, x := range t.F {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("element %d of %s is %v: accepted are finite weights of which finite ones can be made, with variances of zero and more", i, tensorName(v), x)
		}
	}
	w.consts[v] = t
	return nil
}

// tensorName is a weight's path, or what is made of which.
func tensorName(v *ir.Value) string {
	if v.Is("param") {
		return v.Path
	}
	names := make([]string, len(v.Args))
	for i, a := range v.Args {
		names[i] = tensorName(a)
	}
	return fmt.Sprintf("%s(%s)", v.Op.Name, strings.Join(names, ", "))
}

func (w *bounder) constantOf(v *ir.Value) (*ir.Tensor, error) {
	if v.Is("param") {
		return w.weights(v)
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		args[i] = w.consts[a]
	}
	return ir.EvalOne(v, args)
}
