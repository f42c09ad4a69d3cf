package torch

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/backend/plain"
	"sotto/backend/torch/torchtest"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
)

// stepCase is a network that PyTorch and the functions of autodiff train alike.
type stepCase struct {
	name     string
	module   *ir.Module
	batch    int
	training pass.Training
	rates    []float64 // of the steps that are taken; behind the first the optimiser's state comes into play
}

// settings are those of a program for what a training says.
func (c stepCase) settings() map[string]any {
	t := c.training
	s := map[string]any{"rate": c.rates[0], "rates": c.rates, "decay": t.Decay, "clip": t.Clip, "smoothing": t.Smoothing,
		"decay_of": map[pass.Decayed]string{pass.All: "all", pass.Matrices: "matrices"}[t.Decays]}
	switch o := t.Optimiser.(type) {
	case pass.SGD:
		s["optimiser"], s["momentum"] = map[bool]string{true: "nesterov", false: "sgd"}[o.Nesterov], o.Momentum
	case pass.Adam:
		s["optimiser"], s["momentum"] = "adam", o.Beta1
	}
	return s
}

func stepCases(t *testing.T) []stepCase {
	t.Helper()
	sgd := pass.Training{Optimiser: pass.SGD{Momentum: 0.9}, Decay: 3e-4, Clip: 5}
	nesterov := pass.Training{Optimiser: pass.SGD{Momentum: 0.9, Nesterov: true}, Decay: 2.5e-4, Decays: pass.Matrices, Smoothing: 0.1}
	adam := pass.Training{Optimiser: pass.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Decay: 1e-3}
	space := smallSpace(t, "")
	decided := lower(t, space, &pass.Context{Choices: []pass.Decision{{Site: "act#1", Option: "x2act"}, {Site: "pool", Option: "maxpool"},
		{Site: "body#1", Option: "deep"}, {Site: "body#1.deep.act#1", Option: "relu"}}}, choices.Resolve)
	one, two := []float64{0.02}, []float64{0.02, 0.01}
	cases := []stepCase{
		{name: "space.sgd", module: space, batch: 8, training: sgd, rates: two},
		{name: "space.adam", module: space, batch: 8, training: adam, rates: two},
		{name: "decided.nesterov", module: decided, batch: 8, training: nesterov, rates: two},
		{name: "cnet1", module: withoutDropout(t, "../../examples/cnet1_cifar10.sotto"), batch: 4, training: nesterov, rates: one},
		{name: "resnet18", module: example(t, "../../examples/resnet18_cifar.sotto"), batch: 2, training: sgd, rates: one},
		{name: "mobilenetv2", module: withoutDropout(t, "../../examples/mobilenetv2.sotto"), batch: 4, training: sgd, rates: one},
	}
	for i := range cases {
		cases[i].training.Batch = cases[i].batch
	}
	return cases
}

// withoutDropout loads a shipped space, decided, and without dropout, which draws in its own way in PyTorch.
func withoutDropout(t *testing.T, file string) *ir.Module {
	t.Helper()
	m := example(t, file)
	return lower(t, m, &pass.Context{Choices: alternating(m.Funcs[0])}, choices.Resolve, clean.Identities)
}

// Losses, gradients and what steps of the optimisers leave are those of the embedded engine.
func TestStepsAreTheEngines(t *testing.T) {
	torchtest.Python(t)
	root := t.TempDir()
	fixed, err := Fixed()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "program"), fixed)
	want := map[string]plain.State{}
	for _, c := range stepCases(t) {
		want[c.name] = c.prepare(t, filepath.Join(root, c.name))
	}
	script, err := filepath.Abs("testdata/step.py")
	if err != nil {
		t.Fatal(err)
	}
	torchtest.Run(t, root, script, root)
	for name, state := range want {
		got := readTensors(t, filepath.Join(root, name, "after.safetensors"))
		for path, x := range got {
			if off := apart(x, state[path]); !(off <= tolerance) && !tiny(x, state[path]) {
				t.Errorf("%s: %s is %.2g apart: %.4v, the engine has %.4v", name, path, off, x[:min(len(x), 4)], state[path][:min(len(state[path]), 4)])
			}
		}
		if len(got) < 4 {
			t.Errorf("%s: PyTorch leaves %v", name, slices.Sorted(maps.Keys(got)))
		}
	}
}

// tiny tells whether two tensors differ by no more than what is left where sums cancel out, as those of gradients before a normalisation.
// A single number, such as a coefficient of x2act, is a sum over a whole activation, a million terms: threads share them as they come.
func tiny(a, b []float32) bool {
	rest := 1e-6
	if len(a) == 1 {
		rest = 4e-6
	}
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > rest {
			return false
		}
	}
	return len(a) == len(b)
}

// prepare writes the case's folder and gives what the engine leaves: the state after the steps, gradients before, and losses.
func (c stepCase) prepare(t *testing.T, dir string) plain.State {
	t.Helper()
	files, err := Emit(c.module)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(c.settings())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, append(files[:1:1], File{"settings.json", settings}))
	list := passes.ToSupernet
	if c.module.Stage == ir.Net {
		list = nil
	}
	net := lower(t, c.module, &pass.Context{}, list...)
	train := lower(t, net, &pass.Context{Training: &c.training}, passes.ToTrain...)
	e := c.engine(t, train)
	weights := drawWeights(net.Funcs[0])
	for path, x := range weights {
		e.state[path] = slices.Clone(x.F)
	}
	input, classes := net.Funcs[0].Params[0].Type, net.Funcs[0].Result.Type.Len()
	r := rand.New(rand.NewPCG(5, 6)) // public: a batch of tests
	e.images, e.labels = make([]float32, c.batch*input.Len()), make([]float32, c.batch*classes)
	for i := range e.images {
		e.images[i] = 2*r.Float32() - 0.5
	}
	for i := range c.batch {
		e.labels[i*classes+r.IntN(classes)] = 1
	}
	weights["x"] = &ir.Tensor{Type: input.With(append([]int{c.batch}, input.Shape...)...), F: e.images}
	weights["labels"] = &ir.Tensor{Type: ir.Float(c.batch, classes), F: e.labels}
	save(t, filepath.Join(dir, "state.safetensors"), weights, nil)

	e.run("gradient", e.images, e.labels, []float32{1, 1})
	var loss float32
	for i, rate := range c.rates {
		loss = e.run("step", e.images, e.labels, []float32{float32(rate)}, []float32{1, float32(i + 1)})
	}
	e.state["loss"], e.state["evaluated"] = []float32{loss}, []float32{e.run("eval", e.images, e.labels)}
	return e.state
}

// trainer runs the training functions of a network.
type trainer struct {
	t              *testing.T
	programs       map[string]*plain.Program
	memory         plain.Memory
	state          plain.State
	images, labels []float32
}

func (c stepCase) engine(t *testing.T, m *ir.Module) *trainer {
	t.Helper()
	e := &trainer{t: t, programs: map[string]*plain.Program{}, state: plain.State{}}
	for _, f := range m.Funcs {
		p, err := plain.Compile(f)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		e.programs[f.Name] = p
		for path, n := range p.State() {
			e.state[path] = make([]float32, n)
		}
	}
	return e
}

// run gives a function's loss.
func (e *trainer) run(name string, inputs ...[]float32) float32 {
	e.t.Helper()
	loss, err := e.programs[name].Run(&e.memory, e.state, inputs...)
	if err != nil {
		e.t.Fatalf("@%s: %v", name, err)
	}
	return loss[0]
}

// A supernet's shares are softmax of logits of the path that relax gives them, so that sotto reads what a search leaves.
func TestLogitsAreCalledAsRelaxCallsThem(t *testing.T) {
	relaxed := lower(t, smallSpace(t, ""), &pass.Context{}, passes.ToSupernet...)
	var paths []string
	for _, v := range relaxed.Funcs[0].Body {
		if v.Is("param") && strings.HasSuffix(v.Path, ".logits") {
			paths = append(paths, strings.TrimSuffix(v.Path, ".logits"))
		}
	}
	var sites []string
	for _, s := range choices.Sites(smallSpace(t, "").Funcs[0]) {
		sites = append(sites, s.Path)
	}
	slices.Sort(paths)
	slices.Sort(sites)
	if !slices.Equal(paths, sites) {
		t.Errorf("logits of %v, sites %v", paths, sites)
	}
}
