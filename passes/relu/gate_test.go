package relu_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

// A network whose gates are zeros and ones computes what linearize makes of it with the same gates.
func TestGatesOfZerosAndOnesAreLinearized(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grain, by := relu.Channel, relu.GateChannels
		if rapid.Bool().Draw(t, "pixel") {
			grain, by = relu.Pixel, relu.GatePixels
		}
		m, err := ir.Parse("t.ir", gatedText)
		if err != nil {
			t.Fatal(err)
		}
		gates := grain.Gates(m.Funcs[0])
		if len(gates) != 1 || gates[0].Path != "act" {
			t.Fatalf("gates are %v", gates)
		}
		keep := rapid.SliceOfN(rapid.Int64Range(0, 1), gates[0].Count, gates[0].Count).Draw(t, "keep")
		x := &ir.Tensor{Type: m.Funcs[0].Params[0].Type, F: rapid.SliceOfN(rapid.Float32Range(-9, 9), 24, 24).Draw(t, "x")}
		want, err := gated(pass.Gates{"act": {Shape: []int{len(keep)}, Keep: keep}})
		if err != nil {
			t.Fatal(err)
		}
		if err := (&pass.Runner{}).Run(&pass.Context{}, m, by); err != nil {
			t.Fatal(err)
		}
		weights := func(v *ir.Value) (*ir.Tensor, error) {
			out := ir.NewTensor(v.Type)
			for i := range out.F {
				out.F[i] = float32(keep[i])
			}
			return out, nil
		}
		if a, b := result(t, want, x, nil), result(t, m.Funcs[0], x, weights); !slices.Equal(a, b) {
			t.Errorf("linearize gives %v, gates %v", a, b)
		}
	})
}

// result runs a function.
func result(t *rapid.T, f *ir.Func, x *ir.Tensor, weights func(*ir.Value) (*ir.Tensor, error)) []float32 {
	env, err := (&ir.Runner{Weight: weights}).Run(f, x)
	if err != nil {
		t.Fatal(err)
	}
	return env[f.Result].F
}
