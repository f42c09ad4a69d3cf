package engine

import (
	"maps"
	"slices"
	"strings"
	"testing"

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

// Training in fixed point finds the bars, whatever stands for softmax, and stays away from the bounds of the ring.
func TestFixedPointLearns(t *testing.T) {
	for _, softmax := range pass.Softmaxes {
		f := fixedOf(t, softmax, 16)
		trained(t, f, 0, 40)
		m, err := f.Eval(search.Test)
		if err != nil || m.Accuracy < 0.9 {
			t.Errorf("%s: %+v, %v", softmax, m, err)
		}
		if l := f.Least(); l == nil || l.Bits < 4 || l.Bits > 40 {
			t.Errorf("%s: the bounds were %+v away", softmax, l)
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
