package weights

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/passes/ranges"
)

func example(t *testing.T, name string) *ir.Func {
	t.Helper()
	text, err := os.ReadFile("../../../examples/" + name + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	s, err := frontend.Load(name, text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Func
}

func initialised(t *testing.T, f *ir.Func, seed uint64, decisions ...pass.Decision) Source {
	t.Helper()
	s, err := HeInitialised(f, decisions, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deviation is the standard deviation of a tensor about zero.
func deviation(xs []float32) float64 {
	var sum float64
	for _, x := range xs {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(xs)))
}

// unitScale runs a network on noise and demands that every layer's values stay near unit scale.
func unitScale(t *testing.T, name string, seed uint64, decisions ...pass.Decision) {
	t.Helper()
	f, _, err := choices.First(example(t, name), decisions)
	if err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(f.Params[0].Type)
	drawUniform(x.F, seed, "input", math.Sqrt(3)) // unit variance, as after normalisation
	least, most := math.Inf(1), 0.0
	r := ir.Runner{Weight: ranges.WeightsOf(&pass.Context{Weights: initialised(t, f, seed)}), Visit: func(v *ir.Value, x *ir.Tensor) {
		if v.IsConstant() || v.Is("nn.avgpool") { // averages of noise are small, as they should be
			return
		}
		d := deviation(x.F)
		least, most = min(least, d), max(most, d)
		if !(d > 0.1 && d < 10) && v.Type.Len() > 1 && !afterPooling(v) {
			t.Errorf("%s %v: %s (%s) has deviation %.3g", name, decisions, v.Path, v.Op.Name, d)
		}
	}}
	if _, err := r.Run(f, x); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %v: deviations from %.3g to %.3g", name, decisions, least, most)
}

// afterPooling reports whether v only rearranges an average.
func afterPooling(v *ir.Value) bool {
	return slices.Contains([]string{"nn.reshape", "nn.dropout"}, v.Op.Name) && (v.Args[0].Is("nn.avgpool") || afterPooling(v.Args[0]))
}

func TestActivationsKeepUnitScale(t *testing.T) {
	relu, x2act := pass.Decision{Site: "act", Option: "relu"}, pass.Decision{Site: "act", Option: "x2act"}
	for _, name := range []string{"minionn", "cnet1_cifar10", "cnet2_cifar10", "cnet1_cifar100", "cnet2_cifar100"} {
		unitScale(t, name, 1)
	}
	for _, name := range strings.Fields(os.Getenv("SOTTO_LARGE") + " resnet18_cifar mobilenetv2") {
		unitScale(t, name, 1, relu)
		unitScale(t, name, 1, x2act)
	}
}
