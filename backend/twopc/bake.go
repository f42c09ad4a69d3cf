package twopc

import (
	"fmt"

	"sotto/ir"
)

// Bake evaluates the weights a RING or SECURE function uses in fixed point: every constant that a value which is none
// reads. weight gives the tensors of the weights file; each baked one is handed to emit under its WeightName. Float
// intermediates are dropped after their last use.
func Bake(f *ir.Func, weight func(v *ir.Value) (*ir.Tensor, error), emit func(name string, t *ir.Tensor) error) error {
	env, left := map[*ir.Value]*ir.Tensor{}, f.Uses()
	wanted := map[*ir.Value]bool{}
	for _, v := range f.Body {
		for _, a := range v.Args {
			wanted[a] = wanted[a] || a.Op.Constant && !v.Op.Constant
		}
	}
	for _, v := range f.Body {
		if !v.Op.Constant {
			continue
		}
		t, err := bakeOne(v, env, weight)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Path, err)
		}
		if wanted[v] {
			if err := emit(WeightName(v), t); err != nil {
				return err
			}
		}
		env[v] = t
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 {
				delete(env, a)
			}
		}
	}
	return nil
}

func bakeOne(v *ir.Value, env map[*ir.Value]*ir.Tensor, weight func(v *ir.Value) (*ir.Tensor, error)) (*ir.Tensor, error) {
	if v.Is("param") {
		return weight(v)
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		args[i] = env[a]
	}
	return ir.EvalOne(v, args)
}
