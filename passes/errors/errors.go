// Package errors says how far the fixed-point network may be from the float one. It is an analysis, not a pass: it compares
// two stages of a module.
package errors

import (
	"math"

	"sotto/ir"
)

// margin is the stated bound over the greatest error met on the probes. Rounding errors of many layers add up to
// something close to normal; four times the greatest over the outputs of the probes is far beyond what other inputs reach.
const margin = 4

// least is the bound's floor in units of the output's last place: a probe may happen to meet no error at all.
const least = 4

// mostProbes bounds the inputs that are evaluated: spread over those that are there.
const mostProbes = 2

// Measure runs probes through the fixed-point RING function and gives the bound to state for the output: margin times the
// greatest difference from what the float network gives, absolute, in the output's own units. The RING evaluation
// truncates downwards, which is biased where the protocols are not, and lets through all that a relu without low bits of its sign may,
// so it errs on the safe side. It needs the weights;
// float are the float network's outputs on the probes where they are known, and net evaluates it where they are not.
func Measure(net, ring *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), probes [][]float32, float [][]float64) (float64, error) {
	worst := 0.0
	step := max(1, (len(probes)+mostProbes-1)/mostProbes)
	for i := 0; i < len(probes); i += step {
		want, err := output(net, weight, &ir.Tensor{Type: net.Params[0].Type, F: probes[i]}, float, i)
		if err != nil {
			return 0, err
		}
		got, err := output(ring, weight, ir.Quantize(ring.Params[0].Type, probes[i]), nil, i)
		if err != nil {
			return 0, err
		}
		for j := range got {
			worst = max(worst, math.Abs(got[j]-want[j]))
		}
	}
	return max(margin*worst, math.Ldexp(least, -ring.Result.Type.Elem.Frac)), nil
}

func output(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x *ir.Tensor, known [][]float64, i int) ([]float64, error) {
	if i < len(known) {
		return known[i], nil
	}
	env, err := (&ir.Runner{Weight: weight, Visit: lenient(f)}).Run(f, x)
	if err != nil {
		return nil, err
	}
	return env[f.Result].Real(), nil
}

// lenient gives a visitor of a run that lets relus pass everything they may.
func lenient(f *ir.Func) func(*ir.Value, *ir.Tensor) {
	operands := map[*ir.Value]*ir.Tensor{}
	for _, v := range f.Body {
		if v.Is("ring.relu") && v.Int("drop") > 0 {
			operands[v.Args[0]] = nil
		}
	}
	return func(v *ir.Value, t *ir.Tensor) {
		if v.Is("ring.relu") && v.Int("drop") > 0 {
			for i, x := range operands[v.Args[0]].I {
				if v.Passes(x) {
					t.I[i] = x
				}
			}
		}
		if _, wanted := operands[v]; wanted {
			operands[v] = t
		}
	}
}
