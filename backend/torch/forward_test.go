package torch

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/backend/torch/torchtest"
	"sotto/frontend"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/fold"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/runtime/tensorfile"
)

// Every op that the user's networks have, and that passes make of them, has a form.
func TestEveryOpHasARow(t *testing.T) {
	for _, o := range ir.Ops() {
		isNet := o.Stages&(ir.Space|ir.Net) != 0 && o.Name != "param" && o.Name != "choice"
		if isNet && rowOf(o) == nil {
			t.Errorf("%s has no row in rows.go", o.Name)
		}
	}
	for name := range rows {
		if o, ok := ir.Lookup(name); !ok || o.Stages&(ir.Space|ir.Net) == 0 {
			t.Errorf("a row is of %s, which no SPACE and no NET has", name)
		}
	}
}

// forwardCase is a network that PyTorch and the reference evaluate on the same weights and input.
type forwardCase struct {
	name    string
	module  *ir.Module // that the program is emitted of
	net     *ir.Func   // that the reference evaluates: stage NET
	choice  []pass.Decision
	trained bool // gradients have to reach every weight
}

// tolerance is how far outputs may be apart, as a part of the greatest one.
const tolerance = 1e-4

// One process computes all networks: PyTorch takes seconds to start.
func TestForwardIsTheReference(t *testing.T) {
	torchtest.Python(t)
	root := t.TempDir()
	fixed, err := Fixed()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "program"), fixed)
	cases := slices.Concat(opCases(t), drawnCases(t), exampleCases(t))
	want := map[string][]float32{}
	for _, c := range cases {
		want[c.name] = c.prepare(t, filepath.Join(root, c.name))
	}
	script, err := filepath.Abs("testdata/forward.py")
	if err != nil {
		t.Fatal(err)
	}
	torchtest.Run(t, root, script, root)
	for _, c := range cases {
		got := readTensors(t, filepath.Join(root, c.name, "output.safetensors"))["y"]
		if off := apart(got, want[c.name]); !(off <= tolerance) {
			t.Errorf("%s: %.8v, the reference gives %.8v: %.2g apart", c.name, got[:min(len(got), 4)], want[c.name][:min(len(got), 4)], off)
		}
	}
}

// apart is the greatest difference, as a part of the greatest element.
func apart(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most, off := 0.0, 0.0
	for i := range want {
		most = max(most, math.Abs(float64(want[i])))
		off = max(off, math.Abs(float64(got[i])-float64(want[i])))
	}
	if off == 0 {
		return 0
	}
	return off / most
}

// prepare writes the case's folder and gives the reference's output.
func (c forwardCase) prepare(t *testing.T, dir string) []float32 {
	t.Helper()
	files, err := Emit(c.module)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	write(t, dir, files[:1])
	input := ir.NewTensor(c.net.Params[0].Type)
	r := rand.New(rand.NewPCG(1, 2)) // public: an input of tests
	for i := range input.F {
		input.F[i] = 2*r.Float32() - 0.5
	}
	decision := map[string]string{}
	for _, d := range c.choice {
		decision[d.Site] = d.Option
	}
	text, err := json.Marshal(decision)
	if err != nil {
		t.Fatal(err)
	}
	meta := map[string]string{"decision": string(text)}
	if c.trained {
		meta["trained"] = "yes"
	}
	w := drawWeights(c.net)
	save(t, filepath.Join(dir, "weights.safetensors"), w, meta)
	batch := &ir.Tensor{Type: input.Type.With(append([]int{1}, input.Type.Shape...)...), F: input.F}
	save(t, filepath.Join(dir, "input.safetensors"), map[string]*ir.Tensor{"x": batch}, nil)
	env, err := (&ir.Runner{Weight: func(v *ir.Value) (*ir.Tensor, error) { return w[v.Path], nil }}).Run(c.net, input)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return env[c.net.Result].F
}

func save(t *testing.T, path string, tensors map[string]*ir.Tensor, metadata map[string]string) {
	t.Helper()
	var list []tensorfile.Tensor
	for name, x := range tensors {
		list = append(list, tensorfile.New(name, x.Type.Shape, x.F))
	}
	if err := tensorfile.Write(path, list, metadata, tensorfile.Shared); err != nil {
		t.Fatal(err)
	}
}

// drawWeights gives weights near those that training starts with, each its own function of its path.
func drawWeights(f *ir.Func) map[string]*ir.Tensor {
	out := map[string]*ir.Tensor{}
	w, err := weightsOf(f)
	if err != nil {
		panic(err)
	}
	for _, x := range w.order {
		hash := fnv.New64a()
		hash.Write([]byte(x.path))
		r := rand.New(rand.NewPCG(hash.Sum64(), 0)) // public: weights of tests
		tensor := ir.NewTensor(ir.Float(x.shape...))
		for i := range tensor.F {
			switch x.initial.kind {
			case uniform:
				tensor.F[i] = float32(x.initial.value) * (r.Float32() - 0.5) // smaller: polynomials of a deep network grow
			case given:
				tensor.F[i] = 0.5 + r.Float32()
			default:
				tensor.F[i] = float32(x.initial.value)*(1+r.Float32()/4) + r.Float32()/64
			}
		}
		out[x.path] = tensor
	}
	return out
}

// drawn are ops whose examples are no networks, as one weight stands for several; drawnCases have them.
var drawn = []string{"nn.mix", "nn.batchnorm"}

// opCases are networks of the examples of all ops.
func opCases(t *testing.T) (cases []forwardCase) {
	for _, o := range ir.Ops() {
		if rowOf(o) == nil || o.Stages&ir.Net == 0 || slices.Contains(drawn, o.Name) {
			continue
		}
		m, err := ir.Parse(o.Name, "module net\n\n"+functionOf(o))
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		cases = append(cases, forwardCase{name: o.Name, module: m, net: m.Funcs[0]})
	}
	return cases
}

// Functions around an example: of weights alone that give %[1]d elements, and of an input of type %[1]s.
const (
	ofConstants = `func @net(%%x: C f32[%[1]d]) -> f32[1] {
%[2]s
%%r = const.reshape %%1 {shape=[1,%[1]d]} : S f32[1,%[1]d]
%%y = nn.linear %%x, %%r : f32[1]
return %%y
}
`
	ofInput = `func @net(%%x: C %[1]s) -> f32[%[2]d] {
%[3]s
%%y = nn.reshape %%1 {shape=[%[2]d]} : f32[%[2]d]
return %%y
}
`
)

// functionOf makes a function of an op's example: the first weight becomes the input, and for ops on weights alone their result is that of a
// linear layer.
func functionOf(o *ir.Op) string {
	lines := strings.Split(o.Example, "\n")
	_, typ, _ := strings.Cut(lines[len(lines)-1][strings.LastIndex(lines[len(lines)-1], " : ")+3:], "f32")
	n := ir.Float(shapeOf(typ)...).Len()
	if o.Constant {
		return fmt.Sprintf(ofConstants, n, o.Example)
	}
	_, first, _ := strings.Cut(lines[0], " : S ")
	return fmt.Sprintf(ofInput, first, n, strings.Join(lines[1:], "\n"))
}

func shapeOf(text string) (shape []int) {
	for _, side := range strings.Split(strings.Trim(text, "[]"), ",") {
		var n int
		fmt.Sscan(side, &n)
		shape = append(shape, n)
	}
	return shape
}

// drawnCases are random networks: decided when they are emitted, decided when they run, and relaxed.
func drawnCases(t *testing.T) (cases []forwardCase) {
	const networks = 12
	nets := rapid.Custom(func(r *rapid.T) *golden.Drawn { return golden.DrawNet(r, "") })
	for seed := range networks {
		d := nets.Example(seed)
		net := lower(t, d.Space, &pass.Context{Choices: d.Choices}, choices.Resolve)
		relaxed := lower(t, d.Space, &pass.Context{}, choices.Relax)
		folded := lower(t, net, &pass.Context{}, fold.X2act, fold.Fold)
		cases = append(cases,
			forwardCase{fmt.Sprintf("drawn%d.net", seed), net, net.Funcs[0], nil, false},
			forwardCase{fmt.Sprintf("drawn%d.folded", seed), folded, folded.Funcs[0], nil, false},
			forwardCase{fmt.Sprintf("drawn%d.decided", seed), d.Space, net.Funcs[0], d.Choices, false},
			forwardCase{fmt.Sprintf("drawn%d.space", seed), d.Space, relaxed.Funcs[0], nil, false},
			forwardCase{fmt.Sprintf("drawn%d.relaxed", seed), relaxed, relaxed.Funcs[0], nil, false})
	}
	return cases
}

func lower(t *testing.T, m *ir.Module, c *pass.Context, passes ...*pass.Pass) *ir.Module {
	t.Helper()
	m = m.Clone()
	if err := new(pass.Runner).Run(c, m, passes...); err != nil {
		t.Fatal(err)
	}
	return m
}

// exampleCases are the shipped networks; those for large images are given smaller ones, which the reference evaluates in less time.
func exampleCases(t *testing.T) (cases []forwardCase) {
	files, err := filepath.Glob("../../examples/*.sotto")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		m := example(t, file)
		decisions := alternating(m.Funcs[0])
		name := strings.TrimSuffix(filepath.Base(file), ".sotto")
		net := lower(t, m, &pass.Context{Choices: decisions}, choices.Resolve)
		cases = append(cases, forwardCase{name: name, module: m, net: net.Funcs[0], choice: decisions, trained: true})
	}
	return cases
}

// alternating decides the sites of a function for their options in turn.
func alternating(f *ir.Func) (decisions []pass.Decision) {
	for _, s := range choices.Sites(f) {
		decisions = append(decisions, pass.Decision{Site: s.Path, Option: s.Options[len(decisions)%len(s.Options)]})
	}
	return decisions
}

// example loads a shipped space, for images of at most 64 pixels a side and with narrow heads.
func example(t *testing.T, file string) *ir.Module {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("[3, 224, 224]", "[3, 64, 64]", "crop = 224", "crop = 64", "linear(x, 4096)", "linear(x, 32)").Replace(string(src))
	space, err := frontend.Load(filepath.Base(file), []byte(text), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return lower(t, space.Module, &pass.Context{}, clean.DCE)
}
