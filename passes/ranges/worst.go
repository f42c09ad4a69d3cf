package ranges

import (
	"fmt"

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

func (w *bounder) constant(v *ir.Value) (err error) {
	if v.Is("param") {
		w.consts[v], err = w.weights(v)
		return err
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		args[i] = w.consts[a]
	}
	w.consts[v], err = ir.EvalOne(v, args)
	return err
}
