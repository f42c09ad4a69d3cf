package unbatch_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/autodiff"
	"sotto/passes/clean"
	"sotto/passes/fixedstep"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/unbatch"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", autodiff.Autodiff, fixedstep.FixedStep, clean.CSE, clean.DCE, unbatch.Unbatch)
}

// Every value of a step has the same elements with its batch in the first dimension, in the same order, and so has the state that it leaves.
func TestUnbatchedStepsComputeTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawStep(t)
		m := d.Net
		transform := func(list ...*pass.Pass) *ir.Module {
			if err := (&pass.Runner{}).Run(&d.Pass, m, list...); err != nil {
				t.Fatal(err)
			}
			return m.Clone()
		}
		batched := transform(slices.Concat(passes.ToTrain, passes.ToFixedStep)...)
		joined := transform(unbatch.Unbatch)
		for i, f := range batched.Funcs {
			same(t, d, f, joined.Funcs[i])
		}
	})
}

func same(t *rapid.T, d *golden.DrawnStep, batched, joined *ir.Func) {
	values, state, err := d.Run(batched)
	after, left, failed := d.Run(joined)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	for name, want := range values {
		if got, there := after[name]; !there || !slices.Equal(got, want) {
			t.Fatalf("@%s: %%%s is %v, in the first dimension %v (there: %v)", joined.Name, name, want, got, there)
		}
	}
	for path, want := range state {
		if !slices.Equal(left[path], want) {
			t.Fatalf("@%s is left as %v, in the first dimension as %v", path, want, left[path])
		}
	}
	for _, v := range joined.Body {
		if v.Type.Batch > 0 {
			t.Fatalf("%s is %s", v, v.Type)
		}
	}
}

func TestUnbatchRefusesWhatMixesSamples(t *testing.T) {
	m, err := ir.Parse("t.ir", "module ring\nfunc @f(%x: i64q16[2,4,4] x 3) -> i64q16[4,4,4] x 3 {\n%1 = ring.concat %x, %x : i64q16[4,4,4] x 3\nreturn %1\n}")
	if err != nil {
		t.Fatal(err)
	}
	err = (&pass.Runner{}).Run(&pass.Context{}, m, unbatch.Unbatch)
	if err == nil || !strings.Contains(err.Error(), "ring.concat of a batch") {
		t.Errorf("got %v", err)
	}
}
