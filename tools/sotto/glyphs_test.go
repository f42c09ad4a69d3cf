package main

import (
	"testing"

	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/search"
	"sotto/runtime/dataset"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/samples"
	"sotto/tools/sotto/weights"
)

// statedAccuracy is what README.md says of the committed network on the glyphs of the test split.
const statedAccuracy = 0.975

// TestTheCommittedNetworkIsAsGoodAsItIsSaidToBe, where a linear classifier gets one in seven right (runtime/dataset).
func TestTheCommittedNetworkIsAsGoodAsItIsSaidToBe(t *testing.T) {
	a := &app{sources: map[string]string{}}
	n, err := a.load("../../examples/glyphs.sotto", networkFlags{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := weights.Open("../../examples/weights/glyphs.safetensors", n.fn(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m, p := n.module.Clone(), preprocess(n.fn().Params[0])
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, passes.ToTrainable...); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open("glyphs:100", p, outputs(n.fn()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := samples.New(d, p, samples.Options{Size: 50})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(m, engine.Options{Init: w.Weight, Training: pass.Training{Optimiser: pass.SGD{}}}, s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Eval(search.Test)
	if err != nil {
		t.Fatal(err)
	}
	if got.Samples != 4000 || got.Accuracy < statedAccuracy {
		t.Errorf("%.4f of %d test images, stated are %.4f", got.Accuracy, got.Samples, statedAccuracy)
	}
}
