package engine

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/relu"
	"sotto/passes/search"
)

// fixedOf is an engine of the residual block, without dropout.
func fixedOf(t *testing.T, softmax pass.Softmax, frac int) *Fixed {
	t.Helper()
	net := elaborated(t, 6, slices.Concat(passes.ToTrainable, []*pass.Pass{clean.Identities, relu.PoolFirst, clean.DCE}))
	o := Options{Seed: 3, Init: drawn, Training: pass.Training{Optimiser: pass.SGD{Momentum: 0.9}, Decay: 1e-4, Softmax: softmax}}
	f, err := NewFixed(net, o, FixedOptions{Frac: frac}, bars{16})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func trained(t *testing.T, e search.Engine, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := e.Step(search.Batch{Number: n}, 0.05); err != nil {
			t.Fatal(err)
		}
	}
}

// Training in fixed point finds the bars, whatever stands for softmax, and stays away from the bounds of the ring and of roots.
func TestFixedPointLearns(t *testing.T) {
	for _, softmax := range pass.Softmaxes {
		f := fixedOf(t, softmax, 16)
		trained(t, f, 0, 40)
		m, err := f.Eval(search.Test)
		if err != nil || m.Accuracy < 0.9 {
			t.Errorf("%s: %+v, %v", softmax, m, err)
		}
		l, all := f.Least(), f.Reached()
		if l == nil || l.Bits < 4 || l.Bits > 40 {
			t.Errorf("%s: the bounds were %+v away", softmax, l)
		}
		nearest := slices.MinFunc(all, func(a, b Reach) int { return cmp.Compare(a.Bits, b.Bits) })
		if len(all) != len(f.Steps()[0].Body) || nearest.Bits != l.Bits || !strings.HasPrefix(l.At, strings.TrimSpace(nearest.Path+" "+nearest.Op)) {
			t.Errorf("%s: of %d values, %d were seen, %+v nearest, the bounds were %+v away", softmax, len(f.Steps()[0].Body), len(all), nearest, l)
		}
	}
}

// A run that was restored goes on as the one that was not, to the last bit of 64.
func TestRestoredFixedPointGoesOnTheSame(t *testing.T) {
	f, other := fixedOf(t, pass.Taylor, 20), fixedOf(t, pass.Taylor, 20)
	trained(t, f, 0, 3)
	saved := f.State()
	trained(t, f, 3, 5)
	if err := other.Restore(saved); err != nil {
		t.Fatal(err)
	}
	trained(t, other, 3, 5)
	if !maps.EqualFunc(f.State(), other.State(), slices.Equal) {
		t.Error("the states differ")
	}
	delete(saved, "fc.weight.limbs")
	if err := other.Restore(saved); err == nil || !strings.Contains(err.Error(), "state fc.weight has 0 limbs") {
		t.Errorf("restored without limbs: %v", err)
	}
}

// What leaves the ring ends the run, and what leaves the domain of an inverse root does.
func TestOverflowIsAnError(t *testing.T) {
	for size, want := range map[float32]string{1 << 20: "leaves [-2^62, 2^62)", 1 << 7: "bn1 ring.addc reaches"} {
		f := fixedOf(t, pass.Taylor, 16)
		w := make([]float32, len(f.state["conv1.weight"]))
		for i := range w {
			w[i] = size
		}
		if err := f.SetWeight("conv1.weight", w); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Step(search.Batch{}, 0.05); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("weights of %g: got %v, want %s", size, err, want)
		}
	}
}

// A variance near the end of the domain of inverse roots has no more margin than is left of that, though the ring holds far more.
func TestMarginCountsTheDomainOfRoots(t *testing.T) {
	f := fixedOf(t, pass.Taylor, 16)
	w := make([]float32, len(f.state["conv1.weight"]))
	for i := range w {
		w[i] = 16
	}
	if err := f.SetWeight("conv1.weight", w); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Step(search.Batch{}, 0.05); err != nil {
		t.Fatal(err)
	}
	all := f.Reached()
	i := slices.IndexFunc(all, func(r Reach) bool { return r.Path == "bn1" && r.Op == "ring.addc" })
	if variance := all[i]; variance.Most < 1024 || math.Abs(variance.Bits-math.Log2(4096/variance.Most)) > 1e-3 || f.Least().Bits != variance.Bits || !strings.Contains(f.Least().At, "roots are taken up to 4096") {
		t.Errorf("%+v, nearest %+v", variance, f.Least())
	}
}

// spaceOf is an engine of a network with one decision, between what takes a second layer and what does without.
func spaceOf(t *testing.T, first, second float32) *Fixed {
	t.Helper()
	const space = `module net
func @net(%image: C f32[1,8,8]) -> f32[4] {
  %w = param @conv.weight : S f32[4,1,3,3]
  %u = param @more.weight : S f32[4,4,1,1]
  %f = param @fc.weight : S f32[4,4]
  %l = param @act.logits : S f32[2]
  %conv = nn.conv2d %image, %w {pad=[1,1]} : f32[4,8,8]  @0:0:0/conv
  %relu = nn.relu %conv : f32[4,8,8]  @0:0:0/relu
  %more = nn.conv2d %relu, %u : f32[4,8,8]  @0:0:0/more
  %mix = nn.mix %l, %more, %relu : f32[4,8,8]  @0:0:0/act
  %pool = nn.avgpool %mix {kernel=[8,8], stride=[8,8]} : f32[4,1,1]  @0:0:0/pool
  %flat = nn.reshape %pool {shape=[4]} : f32[4]
  %fc = nn.linear %flat, %f : f32[4]  @0:0:0/fc
  return %fc {name="y"}
}`
	net, err := ir.Parse("space.ir", space)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Seed: 3, Init: drawn, Training: pass.Training{Optimiser: pass.SGD{Momentum: 0.9}, OfLogits: pass.SGD{Momentum: 0.5}, Costs: true}}
	f, err := NewFixed(net, o, FixedOptions{}, bars{16})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetWeight("act.costs", []float32{first, second}); err != nil {
		t.Fatal(err)
	}
	return f
}

// A search in fixed point, by turns on weights and logits, takes the option that costs less where the difference is great, and leaves the weights alone
// when it steps the logits.
func TestSearchesInFixedPointDecide(t *testing.T) {
	for want, costs := range [][2]float32{{0, 4}, {4, 0}} {
		f := spaceOf(t, costs[0], costs[1])
		for n := range 6 {
			before := slices.Clone(f.state["conv.weight"])
			if _, err := f.StepLogits(search.Batch{Split: search.Valid, Number: n}, 0.1); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(before, f.state["conv.weight"]) {
				t.Fatal("a step of logits changes weights")
			}
			trained(t, f, n, n+1)
		}
		if got, err := f.Decide(); err != nil || !slices.Equal(got, []int{want}) {
			t.Errorf("of costs %v the search takes option %v, %v; logits are %v", costs, got, err, f.state["act.logits"])
		}
	}
	if _, err := fixedOf(t, pass.Taylor, 16).StepLogits(search.Batch{}, 0.1); err == nil {
		t.Error("a network without decisions steps its logits")
	}
}
