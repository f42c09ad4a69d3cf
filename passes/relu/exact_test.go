package relu_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/ranges"
	"sotto/passes/relu"
)

// drawn is a random network without choices, tidied.
func drawn(t *rapid.T) (*golden.Drawn, *ir.Module) {
	d := golden.DrawNet(t, "")
	m := d.Space.Clone()
	compile(t, d, m, passes.ToNet[:2]...)
	compile(t, d, m, clean.CSE, clean.DCE)
	return d, m
}

func compile(t *rapid.T, d *golden.Drawn, m *ir.Module, list ...*pass.Pass) {
	if err := (&pass.Runner{}).Run(d.Context(), m, list...); err != nil {
		t.Fatal(err)
	}
}

func evaluate(t *rapid.T, d *golden.Drawn, m *ir.Module) []float32 {
	f := m.Funcs[0]
	r := ir.Runner{Weight: ranges.WeightsOf(d.Context())}
	env, err := r.Run(f, d.Tensor(f))
	if err != nil {
		t.Fatal(err)
	}
	return env[f.Result].F
}

// The exact passes keep every number of the result, and change nothing unless there are fewer ReLUs then.
func TestExactPassesKeepTheFunction(t *testing.T) {
	for _, p := range []*pass.Pass{relu.Shuffle, relu.PoolFirst} {
		t.Run(p.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d, before := drawn(t)
				after := before.Clone()
				compile(t, d, after, p, clean.DCE)
				x, y := evaluate(t, d, before), evaluate(t, d, after)
				if !slices.EqualFunc(x, y, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) || a == b }) {
					t.Fatalf("gives %v for %v:\n%s\nfrom\n%s", y, x, after, before)
				}
				savesOrRests(t, before, after)
			})
		})
	}
}

// Pruning has no function to keep; it saves ReLUs or changes nothing, too.
func TestPruningSavesOrRests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, before := drawn(t)
		after := before.Clone()
		compile(t, d, after, relu.Prune, clean.DCE)
		savesOrRests(t, before, after)
	})
}

func savesOrRests(t *rapid.T, before, after *ir.Module) {
	n, m := relu.Count(before.Funcs[0]), relu.Count(after.Funcs[0])
	if m > n || (m == n && !slices.Equal(golden.Fingerprint(before), golden.Fingerprint(after))) {
		t.Fatalf("%d ReLUs before, %d after:\n%s\nfrom\n%s", n, m, after, before)
	}
}
