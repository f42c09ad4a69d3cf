// Package ranges finds out how large the values of a NET get: what the fixed-point pass needs to choose scales.
package ranges

import (
	"fmt"
	"math"
	"slices"

	"sotto/ir"
	"sotto/passes/pass"
)

// margin is what calibrated ranges are widened by: other inputs than the calibration's may reach further.
const margin = 2

// Ranges marks values with their bounds. With weights: worst, the interval that the input's range and the weights allow.
// With calibration inputs: seen, the interval met on them, doubled. Without weights: assumed, the interval of activations
// kept near unit variance.
var Ranges = &pass.Pass{
	Name: "ranges",
	Doc: "marks every value with its bounds: worst (interval arithmetic over the weights), seen (on calibration inputs, doubled)," +
		" assumed (without weights)",
	Needs: ir.Net,
	Run: func(c *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			if c.Weights == nil {
				assume(f)
				continue
			}
			if err := worst(c, f); err != nil {
				return err
			}
			if err := calibrate(c, f); err != nil {
				return err
			}
		}
		return nil
	},
}

// unit is what activations of a network that keeps unit variance are assumed to stay within.
const unit = 32

// assume marks every activation with what a network near unit variance stays within, and an op on one of those alone gives of that, times the
// factor that folding left in it.
func assume(f *ir.Func) {
	for _, p := range f.Params {
		lo, hi := ir.InputRange(p)
		p.Set("assumed", []float64{lo, hi})
	}
	for _, v := range f.Body {
		if v.IsConstant() {
			continue
		}
		within := ir.Interval{Lo: -unit, Hi: unit}
		if len(v.Args) == 1 {
			within = v.Range([]ir.Interval{within}, nil)
		}
		v.Set("assumed", []float64{within.Lo, within.Hi})
	}
	assumeFolded(f)
}

// initial is the quadratic coefficient that x2act starts with.
const initial = 0.005

// assumeFolded tightens what polynomials square, and sums, pools and movements that it is made of: values there are times the root of
// the initial coefficient and of the factor that the polynomial's result has by the same rule.
func assumeFolded(f *ir.Func) {
	size := map[*ir.Value]float64{}
	var tighten func(v *ir.Value, to float64)
	tighten = func(v *ir.Value, to float64) {
		if _, done := size[v]; done || v.IsConstant() || v.Op == ir.Input {
			return
		}
		size[v] = to
		bounds, _ := v.Bounds()
		bounds = bounds.Times(to)
		v.Set("assumed", []float64{bounds.Lo, bounds.Hi})
		if v.Op.HandsOn != ir.NoFactor {
			for _, a := range v.Args {
				tighten(a, to)
			}
		}
	}
	for _, v := range slices.Backward(f.Body) {
		if v.Is("nn.quadratic") {
			own, scaled := size[v]
			if !scaled {
				own = 1
			}
			tighten(v.Args[0], math.Sqrt(initial*own))
		}
	}
}

// calibrate runs the calibration inputs through the float network and marks the extremes, doubled.
func calibrate(c *pass.Context, f *ir.Func) error {
	for i, x := range c.Calibration {
		r := ir.Runner{Weight: WeightsOf(c), Visit: func(v *ir.Value, t *ir.Tensor) {
			if !v.IsConstant() {
				widen(v, t.F)
			}
		}}
		env, err := r.Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
		if err != nil {
			return fmt.Errorf("calibration input %d: %w", i, err)
		}
		c.FloatOutputs = append(c.FloatOutputs, env[f.Result].Real())
	}
	return nil
}

func widen(v *ir.Value, xs []float32) {
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, x := range xs {
		lo, hi = min(lo, x), max(hi, x)
	}
	seen := []float64{min(margin*float64(lo), 0), max(margin*float64(hi), 0)}
	if old := v.Floats("seen"); len(old) == 2 {
		seen = []float64{min(old[0], seen[0]), max(old[1], seen[1])}
	}
	v.Set("seen", seen)
}

// WeightsOf adapts the context's weights to the reference evaluator.
func WeightsOf(c *pass.Context) func(v *ir.Value) (*ir.Tensor, error) {
	return func(v *ir.Value) (*ir.Tensor, error) {
		w, err := c.Weights.Weight(v.Path, v.Type.Shape)
		return &ir.Tensor{Type: v.Type, F: w}, err
	}
}
