// Package errors says how far the fixed-point network may be from the float one. It is an analysis, not a pass: it compares
// two stages of a module.
package errors

import (
	"math"

	"sotto/ir"
)

// margin is the stated bound over the greatest error met on the probes. Rounding errors of many layers add up to
// something close to normal; four times the greatest of a few dozen samples is beyond eight standard deviations.
const margin = 4

// least is the bound's floor in units of the output's last place: a probe may happen to meet no error at all.
const least = 4

// Measure runs the probes through the float NET and the fixed-point RING function and gives the bound to state for the
// output: margin times the greatest difference, absolute, in the output's own units. The RING evaluation truncates
// downwards, which is biased where the protocols are not, so it errs on the safe side. It needs the weights.
func Measure(net, ring *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), probes [][]float32) (float64, error) {
	worst := 0.0
	for _, x := range probes {
		want, err := output(net, weight, &ir.Tensor{Type: net.Params[0].Type, F: x})
		if err != nil {
			return 0, err
		}
		got, err := output(ring, weight, ir.Quantize(ring.Params[0].Type, x))
		if err != nil {
			return 0, err
		}
		for i := range got {
			worst = max(worst, math.Abs(got[i]-want[i]))
		}
	}
	return max(margin*worst, math.Ldexp(least, -ring.Result.Type.Elem.Frac)), nil
}

func output(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x *ir.Tensor) ([]float64, error) {
	env, err := (&ir.Runner{Weight: weight}).Run(f, x)
	if err != nil {
		return nil, err
	}
	return env[f.Result].Real(), nil
}
