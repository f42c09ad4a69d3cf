package passes_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/ranges"
)

// trainingOf makes a network's training functions, for two samples.
func trainingOf(t rapid.TB, d *golden.Drawn) (net, functions *ir.Module) {
	c := d.Context()
	c.Training = &pass.Training{Batch: 2, Optimiser: pass.SGD{Momentum: 0.9}}
	net = compile(t, c, d.Space, passes.ToTrainable)
	return net, compile(t, c, net, passes.ToTrain)
}

// sameLoss holds @eval's loss against that of what the network gives.
func sameLoss(t rapid.TB, d *golden.Drawn) {
	net, functions := trainingOf(t, d)
	logits, _ := evaluate(t, d, net)
	f := functions.Func("eval")
	image, label := ir.NewTensor(f.Params[0].Type), ir.NewTensor(f.Params[1].Type)
	for s := range 2 {
		copy(image.F[s*len(d.Input):], d.Input)
		label.F[s*len(label.F)/2] = 1
	}
	env, err := (&ir.Runner{Weight: ranges.WeightsOf(d.Context())}).Run(f, image, label)
	if err != nil {
		t.Fatal(err)
	}
	want := -math.Log(float64(ir.Softmax(logits.F)[0]))
	if got := float64(env[f.Result].F[0]); !(math.Abs(got-want) <= 1e-3*max(1, want)) && !(want > 80) { // where softmax is no number any more
		t.Fatalf("@eval gives %g, the network's loss is %g\n%s", got, want, functions)
	}
}

// Of every op that networks are made of, and of random networks, the training functions verify and evaluate the network.
func TestWhatIsTrainedIsTheNetwork(t *testing.T) {
	for name, d := range golden.OpNets() {
		if f := d.Space.Funcs[0]; len(f.Result.Type.Shape) == 1 && ir.MustLookup(name).Grad != nil {
			t.Run(name, func(t *testing.T) { sameLoss(t, d) })
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := golden.DrawNet(t, "")
		sameLoss(t, d)
		c := d.Context()
		c.Training = &pass.Training{Batch: 2, Optimiser: pass.Adam{}, Clip: 1, Costs: true}
		compile(t, c, d.Space, passes.ToSupernet, passes.ToTrain)
	})
}
