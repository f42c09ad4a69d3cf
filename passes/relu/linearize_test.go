package relu_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

const gatedText = "module net\nfunc @f(%x: f32[2,3,4]) -> f32[2,3,4] {\n%1 = nn.relu %x : f32[2,3,4]  @0:0:0/act\nreturn %1\n}"

// gated is the function above with gates on its ReLU.
func gated(gates pass.Gates) (*ir.Func, error) {
	m, err := ir.Parse("t.ir", gatedText)
	if err != nil {
		return nil, err
	}
	err = (&pass.Runner{}).Run(&pass.Context{Gates: gates}, m, relu.Linearize)
	return m.Funcs[0], err
}

// Where a gate is one the element is rectified, elsewhere it passes; as many ReLUs are counted as ones, and none or all of them need no
// mask.
func TestLinearizeIsTheGatedFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SampledFrom([][]int{{1}, {2}, {24}, {2, 3, 4}}).Draw(t, "shape")
		n := ir.Float(shape...).Len()
		keep := rapid.SliceOfN(rapid.Int64Range(0, 1), n, n).Draw(t, "keep")
		x := rapid.SliceOfN(rapid.Float32Range(-9, 9), 24, 24).Draw(t, "x")
		f, err := gated(pass.Gates{"act": {Shape: shape, Keep: keep}})
		if err != nil {
			t.Fatal(err)
		}
		env, err := (&ir.Runner{}).Run(f, &ir.Tensor{Type: f.Params[0].Type, F: x})
		if err != nil {
			t.Fatal(err)
		}
		var relus int64
		for i, got := range env[f.Result].F {
			want := x[i]
			if keep[i*n/24] == 1 {
				want = max(want, 0)
				relus++
			}
			if got != want {
				t.Fatalf("element %d of gate %v is %g, want %g", i, keep, got, want)
			}
		}
		if got := relu.Count(f); got != relus {
			t.Fatalf("%d ReLUs, want %d", got, relus)
		}
		if plain := len(f.Body) == 0 || len(f.Body[0].Ints("keep")) == 0; plain != (relus == 0 || relus == 24) {
			t.Fatalf("%d of 24 kept gives %v", relus, f.Body)
		}
	})
}

func TestLinearizeRefuses(t *testing.T) {
	for want, gates := range map[string]pass.Gates{
		"no relu is called so: accepted are act": {"other": {Shape: []int{1}, Keep: []int64{1}}},
		"the gates have shape [3]: accepted are": {"act": {Shape: []int{3}, Keep: []int64{1, 1, 0}}},
		"gate 1 is 2: accepted are 0 and 1":      {"act": {Shape: []int{2}, Keep: []int64{1, 2}}},
		"1 gates of shape [2]":                   {"act": {Shape: []int{2}, Keep: []int64{1}}},
	} {
		if _, err := gated(gates); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}
