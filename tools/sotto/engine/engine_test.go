package engine

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/search"
)

// bars are images of 8x8 with a bright row, which is their class, behind noise.
type bars struct{ size int }

func (b bars) Size() int                { return b.size }
func (bars) Classes() int               { return 4 }
func (bars) Samples(s search.Split) int { return 60 }
func (b bars) Batches(search.Split) int { return 60 / b.size }

func (b bars) Fill(of search.Batch, images, labels []float32) error {
	rng := rand.New(rand.NewPCG(uint64(of.Split), uint64(of.Number))) // public: images of a test
	clear(labels)
	for s := range b.size {
		b.draw(rng, images[s*64:(s+1)*64], labels[s*4:(s+1)*4])
	}
	return nil
}

func (bars) draw(rng *rand.Rand, image, label []float32) {
	class := rng.IntN(len(label))
	label[class] = 1
	for i := range image {
		image[i] = float32(rng.NormFloat64()) / 2
		if i/16 == class && i/8%2 == 0 {
			image[i] += 2
		}
	}
}

func (b bars) Whole(s search.Split, number int, images, labels []float32) (int, error) {
	clear(images)
	clear(labels)
	n := max(0, min(b.size, 60-number*b.size))
	for i := range n {
		b.draw(rand.New(rand.NewPCG(99, uint64(number*b.size+i))), images[i*64:(i+1)*64], labels[i*4:(i+1)*4]) // public: images of a test
	}
	return n, nil
}

// source is a space of some width with a residual block, dropout and a choice.
const source = `
choice act(x) = relu(x) | x2act(x)
net bars {
  input image: f32[1, 8, 8] from client
  x = conv(image, WIDTH, kernel = 3, pad = 1) as conv1 |> batchnorm as bn1 |> act
  y = conv(x, WIDTH, kernel = 3, pad = 1) as conv2 |> batchnorm as bn2
  x = act(x + y) |> maxpool(2, stride = 2)
  output logits = x |> flatten |> dropout(0.2) |> linear(4) as fc to client
}`

// network elaborates the source and runs passes.
func elaborated(t *testing.T, width int, list []*pass.Pass) *ir.Module {
	t.Helper()
	space, err := frontend.Load("bars.sotto", []byte(strings.ReplaceAll(source, "WIDTH", fmt.Sprint(width))), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &pass.Context{Choices: []pass.Decision{{Site: "act", Option: "relu"}}}
	if err := (&pass.Runner{}).Run(c, space.Module, list...); err != nil {
		t.Fatal(err)
	}
	return space.Module
}

func options() Options {
	return Options{
		Training: pass.Training{Optimiser: pass.SGD{Momentum: 0.9, Nesterov: true}, Decay: 1e-4, Clip: 5},
		Seed:     3,
		Init:     drawn,
	}
}

// drawn gives weights for tests: drawn by the path, but ones and zeros for normalisations.
func drawn(path string, shape []int) ([]float32, error) {
	x := make([]float32, ir.Float(shape...).Len())
	rng := rand.New(rand.NewPCG(uint64(len(path)), uint64(path[len(path)-1]))) // public: weights of a test
	for i := range x {
		switch {
		case strings.HasSuffix(path, "running_var"), strings.HasPrefix(path, "bn") && strings.HasSuffix(path, ".weight"):
			x[i] = 1
		case len(shape) > 1:
			x[i] = float32(rng.NormFloat64()) / 4
		}
	}
	return x, nil
}

func engineOf(t *testing.T, list []*pass.Pass, o Options, size int) *Engine {
	t.Helper()
	e, err := New(elaborated(t, 6, list), o, bars{size})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func stepped(t *testing.T, e *Engine, from, to int) (last search.Metrics) {
	t.Helper()
	for n := from; n < to; n++ {
		m, err := e.Step(search.Batch{Number: n}, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		last = m
	}
	return last
}

// Training finds the bars, with every optimiser, and evaluation counts the samples of a last batch that is not whole.
func TestTrainingLearns(t *testing.T) {
	for name, o := range map[string]pass.Optimiser{"sgd": pass.SGD{Momentum: 0.9}, "adam": pass.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}} {
		how := options()
		how.Training.Optimiser = o
		e := engineOf(t, passes.ToTrainable, how, 16)
		before, err := e.Eval(search.Test)
		if err != nil {
			t.Fatal(err)
		}
		rate := map[string]float64{"sgd": 0.05, "adam": 0.01}[name]
		for n := range 60 {
			if _, err := e.Step(search.Batch{Number: n}, rate); err != nil {
				t.Fatal(err)
			}
		}
		after, err := e.Eval(search.Test)
		if err != nil {
			t.Fatal(err)
		}
		if after.Samples != 60 || after.Accuracy < 0.9 || after.Loss > before.Loss/2 {
			t.Errorf("%s: from %+v to %+v", name, before, after)
		}
	}
}

// A run that was restored goes on as the one that was not, bit for bit.
func TestRestoredRunsGoOnTheSame(t *testing.T) {
	e := engineOf(t, passes.ToSupernet, options(), 8)
	stepped(t, e, 0, 5)
	saved := e.State()
	stepped(t, e, 5, 9)
	other := engineOf(t, passes.ToSupernet, options(), 8)
	if err := other.Restore(saved); err != nil {
		t.Fatal(err)
	}
	stepped(t, other, 5, 9)
	if !maps.EqualFunc(e.State(), other.State(), slices.Equal) {
		t.Error("the states differ")
	}
	delete(saved, "fc.weight")
	if err := other.Restore(saved); err == nil || !strings.Contains(err.Error(), "fc.weight has 0 elements, accepted are 576") && !strings.Contains(err.Error(), "fc.weight") {
		t.Errorf("restored without a weight: %v", err)
	}
}

// Gradients change no state, those of logits alone are those of both, and they are what finite differences are.
func TestGradientChangesNothing(t *testing.T) {
	e := engineOf(t, passes.ToSupernet, options(), 8)
	stepped(t, e, 0, 3)
	before, b := e.State(), search.Batch{Split: search.Valid, Number: 2}
	dw, da, alone := make([]float32, e.Len(search.Weights)), make([]float32, e.Len(search.Logits)), make([]float32, e.Len(search.Logits))
	loss, err := e.Gradient(b, dw, da)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Gradient(b, nil, alone); err != nil || !slices.Equal(da, alone) {
		t.Errorf("logits' gradients are %v and %v: %v", da, alone, err)
	}
	if !maps.EqualFunc(before, e.State(), slices.Equal) {
		t.Error("the state is another")
	}
	logits := make([]float32, e.Len(search.Logits))
	e.Get(search.Logits, logits)
	for i := range logits {
		const h = 1.0 / 64
		moved := slices.Clone(logits)
		moved[i] += h
		e.Set(search.Logits, moved)
		more, err := e.Gradient(b, nil, alone)
		if err != nil {
			t.Fatal(err)
		}
		e.Set(search.Logits, logits)
		if d := (more - loss) / h; math.Abs(d-float64(da[i])) > 0.05*max(0.1, math.Abs(d)) {
			t.Errorf("by logit %d: %g, by differences %g", i, da[i], d)
		}
	}
	if len(dw) != len(velocities(e)) {
		t.Error("velocities are not as many as weights")
	}
}

func velocities(e *Engine) []float32 {
	v := make([]float32, e.Len(search.Velocity))
	e.Get(search.Velocity, v)
	return v
}

// Answers are those of evaluation, for any number of images.
func TestAnswers(t *testing.T) {
	e := engineOf(t, passes.ToTrainable, options(), 16)
	stepped(t, e, 0, 30)
	right, all := 0, 0
	images, labels := make([]float32, 16*64), make([]float32, 16*4)
	for number := 0; ; number++ {
		n, err := bars{16}.Whole(search.Test, number, images, labels)
		if err != nil || n == 0 {
			break
		}
		y, err := e.Answers(images, n)
		if err != nil {
			t.Fatal(err)
		}
		for s := range n {
			all++
			if best(y[s*4:s*4+4]) == best(labels[s*4:s*4+4]) {
				right++
			}
		}
	}
	m, err := e.Eval(search.Test)
	if err != nil || all != m.Samples || math.Abs(m.Accuracy*float64(all)-float64(right)) > 1e-6 {
		t.Errorf("%d of %d, evaluation says %+v: %v", right, all, m, err)
	}
}

func best(x []float32) int { return slices.Index(x, slices.Max(x)) }

// Networks of a space share tensors of one shape, and a store that was restored goes on the same.
func TestMacroSharesWeights(t *testing.T) {
	make := func() *Macro {
		return NewMacro(func(o []int) (*ir.Module, Init, error) {
			return elaborated(t, 4+2*o[0], passes.ToTrainable), drawn, nil
		}, options(), bars{8})
	}
	m := make()
	train := func(m *Macro, from, to int) {
		for n := from; n < to; n++ {
			if _, err := m.Train([]int{n % 2}, search.Batch{Number: n}, 0.05); err != nil {
				t.Fatal(err)
			}
		}
	}
	train(m, 0, 4)
	saved := m.State()
	train(m, 4, 8)
	other := make()
	if err := other.Restore(saved); err != nil {
		t.Fatal(err)
	}
	train(other, 4, 8)
	if !maps.EqualFunc(m.State(), other.State(), slices.Equal) {
		t.Error("the states differ")
	}
	small, err := m.Network([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	great, err := m.Network([]int{1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(small["fc.bias"], great["fc.bias"]) || len(small["conv1.weight"]) == len(great["conv1.weight"]) {
		t.Error("tensors of one path and shape are not one")
	}
	before := m.State()
	if x, err := m.Eval([]int{0}, search.Batch{Split: search.Valid}); err != nil || x.Samples != 8 || !maps.EqualFunc(before, m.State(), slices.Equal) {
		t.Errorf("evaluation gives %+v, %v", x, err)
	}
}

// What no engine can train is refused with a reason.
func TestRefusals(t *testing.T) {
	net := elaborated(t, 6, passes.ToTrainable)
	short := options()
	short.Init = func(string, []int) ([]float32, error) { return nil, nil }
	for want, try := range map[string]func() (*Engine, error){
		"0 elements, accepted are":  func() (*Engine, error) { return New(net, short, bars{8}) },
		"accepted are a batch of 1": func() (*Engine, error) { return New(net, options(), bars{0}) },
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
