package ranges_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes/pass"
	"sotto/passes/ranges"
)

// A value that is added to itself again and again is reached on two ways from each sum: 2^64 ways in all.
func TestAssumingVisitsEveryValueOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("module net\nfunc @f(%s0: f32[4]) -> f32[4] {\n")
	for i := range 64 {
		fmt.Fprintf(&b, "%%s%d = nn.add %%s%d, %%s%d : f32[4]\n", i+1, i, i)
	}
	b.WriteString("%y = nn.square %s64 : f32[4]\nreturn %y\n}")
	m, err := ir.Parse("t.ir", b.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, ranges.Ranges); err != nil {
		t.Fatal(err)
	}
	first, last := m.Funcs[0].Body[0].Floats("assumed"), m.Funcs[0].Body[63].Floats("assumed")
	if len(first) != 2 || len(last) != 2 || first[1] != last[1] {
		t.Errorf("the first sum is assumed in %v, the last in %v", first, last)
	}
}

// folded is weights that are one everywhere, but for those of one tensor.
type folded struct {
	path  string
	value float32
}

func (w folded) Weight(path string, shape []int) ([]float32, error) {
	out := make([]float32, 4)
	for i := range out {
		out[i] = 1
		if path == w.path {
			out[i] = w.value
		}
	}
	return out, nil
}

// TestConstantsAreFinite: bounds of what is not finite mean nothing, and say so of the tensor.
func TestConstantsAreFinite(t *testing.T) {
	for _, w := range []folded{{"bn.running_var", -1}, {"bn.weight", float32(math.Inf(1))}} {
		m, err := ir.Parse("t.ir", `module net
func @f(%x: f32[4,1,1]) -> f32[4,1,1] {
  %g = param @bn.weight : S f32[4]
  %v = param @bn.running_var : S f32[4]
  %s = const.bnscale %g, %v {eps=1e-05} : S f32[4]
  %y = nn.scale %x, %s : f32[4,1,1]
  return %y
}`)
		if err != nil {
			t.Fatal(err)
		}
		err = (&pass.Runner{}).Run(&pass.Context{Weights: w}, m, ranges.Ranges)
		if err == nil || !strings.Contains(err.Error(), "element 0 of ") || !strings.Contains(err.Error(), w.path) {
			t.Errorf("%v: %v", w, err)
		}
	}
}
