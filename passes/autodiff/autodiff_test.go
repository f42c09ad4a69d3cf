package autodiff_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes/autodiff"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
)

// A residual block of two choices, with an activation of trained coefficients, behind which a relaxed pooling: no kinks but the ReLU's.
const space = `module space
func @net(%image: C f32[1,6,6]) -> f32[3] {
  %w1 = param @conv1.weight : S f32[2,1,3,3]
  %w2 = param @conv2.weight : S f32[2,1,3,3]
  %g = param @bn.weight : S f32[2]
  %b = param @bn.bias : S f32[2]
  %m = param @bn.running_mean : S f32[2]
  %v = param @bn.running_var : S f32[2]
  %a0 = param @act.a : S f32[1]
  %a1 = param @act.b : S f32[1]
  %a2 = param @act.c : S f32[1]
  %f = param @fc.weight : S f32[3,8]
  %fb = param @fc.bias : S f32[3]
  %c1 = nn.conv2d %image, %w1 {pad=[1,1], stride=[2,2]} : f32[2,3,3]  @0:0:0/conv1
  %bn = nn.batchnorm %c1, %g, %b, %m, %v : f32[2,3,3]  @0:0:0/bn
  %act = choice {site="act#1", choice="act"} : f32[2,3,3] {
  option relu:
    %relu = nn.relu %bn : f32[2,3,3]
    yield %relu
  option x2act:
    %x2 = nn.x2act %bn, %a0, %a1, %a2 {scale=0.5} : f32[2,3,3]
    yield %x2
  }
  %c2 = nn.conv2d %act, %w2 {pad=[1,1], groups=2} : f32[2,3,3]  @0:0:0/conv2
  %sum = nn.add %c2, %bn : f32[2,3,3]
  %pool = choice {site="pool#1", choice="pool"} : f32[2,2,2] {
  option max:
    %max = nn.maxpool %sum {kernel=[2,2]} : f32[2,2,2]
    yield %max
  option avg:
    %avg = nn.avgpool %sum {kernel=[2,2]} : f32[2,2,2]
    yield %avg
  }
  %flat = nn.reshape %pool {shape=[8]} : f32[8]
  %fc = nn.linear %flat, %f, %fb : f32[3]  @0:0:0/fc
  return %fc
}`

const batch = 4

// trained makes the training functions of the space, relaxed or with decisions.
func trained(t *testing.T, how pass.Training, decisions ...pass.Decision) *ir.Module {
	m, err := ir.Parse("t.ir", space)
	if err != nil {
		t.Fatal(err)
	}
	decide := choices.Relax
	if len(decisions) > 0 {
		decide = choices.Resolve
	}
	how.Batch = batch
	c := &pass.Context{Training: &how, Choices: decisions}
	if err := (&pass.Runner{}).Run(c, m, clean.Shapes, decide, autodiff.Autodiff, clean.Identities, clean.CSE, clean.DCE); err != nil {
		t.Fatal(err)
	}
	return m
}

// state holds what functions read and overwrite.
type state map[string]*ir.Tensor

// Weight gives the tensor of a path: zeros of what an optimiser keeps, ones of a variance, else numbers drawn by the path.
func (s state) weight(v *ir.Value) (*ir.Tensor, error) {
	if s[v.Path] == nil {
		h := fnv.New64a()
		h.Write([]byte(v.Path))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1)) // public: weights of a test
		x := ir.NewTensor(v.Type)
		for i := range x.F {
			switch {
			case strings.Contains(v.Path, ".sgd.") || strings.Contains(v.Path, ".adam."):
			case strings.HasSuffix(v.Path, ".running_var"):
				x.F[i] = 1
			default:
				x.F[i] = float32(rng.IntN(128)-64)/64 + 1.0/128
			}
		}
		s[v.Path] = x
	}
	return s[v.Path], nil
}

// run runs a function once and gives its result.
func (s state) run(t *testing.T, m *ir.Module, name string, inputs ...*ir.Tensor) float64 {
	f := m.Func(name)
	r := ir.Runner{Weight: s.weight, Assign: func(v *ir.Value, x *ir.Tensor) { s[v.Path] = &ir.Tensor{Type: x.Type, F: slices.Clone(x.F)} }}
	env, err := r.Run(f, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return float64(env[f.Result].F[0])
}

// samples draws a batch of images whose class is where they are bright.
func samples(seed uint64) (image, label *ir.Tensor) {
	rng := rand.New(rand.NewPCG(seed, 2)) // public: inputs of a test
	image, label = ir.NewTensor(ir.Float(1, 6, 6).Batched(batch)), ir.NewTensor(ir.Float(3).Batched(batch))
	for s := range batch {
		class := rng.IntN(3)
		label.F[s*3+class] = 1
		for i := range 36 {
			image.F[s*36+i] = rng.Float32()
			if i/12 == class {
				image.F[s*36+i] += 1
			}
		}
	}
	return image, label
}

func numbers(x ...float32) *ir.Tensor { return &ir.Tensor{Type: ir.Float(len(x)), F: x} }

// The gradient of the whole function, by weights and logits, what decisions cost included, is that of finite differences.
func TestGradientsOfANetworkAgreeWithFiniteDifferences(t *testing.T) {
	m := trained(t, pass.Training{Optimiser: pass.SGD{}, Smoothing: 0.1, Costs: true})
	image, label := samples(1)
	step := numbers(1, 1)
	s := state{}
	s.run(t, m, "gradient", image, label, step)
	for _, path := range slices.Sorted(maps.Keys(s)) {
		g := s[path+".grad"]
		if g == nil {
			continue
		}
		for i, got := range g.F {
			const h = 1.0 / 256 // small beside what turns, large beside rounding
			along := func(by float32) float64 {
				moved := maps.Clone(s)
				x := slices.Clone(s[path].F)
				x[i] += by
				moved[path] = &ir.Tensor{Type: s[path].Type, F: x}
				return moved.run(t, m, "gradient", image, label, step)
			}
			want := (along(h) - along(-h)) / (2 * h)
			if math.Abs(float64(got)-want) > 2e-3*max(1, math.Abs(want)) {
				t.Errorf("by %s[%d]: %g, by finite differences %g", path, i, got, want)
			}
		}
	}
	for _, path := range []string{"act#1.logits", "pool#1.logits", "act.a", "bn.bias", "conv1.weight", "fc.bias"} {
		if s[path+".grad"] == nil {
			t.Errorf("no gradient by %s", path)
		}
	}
	for _, path := range []string{"bn.running_mean", "act#1.costs"} {
		if s[path] == nil && path != "bn.running_mean" || s[path+".grad"] != nil {
			t.Errorf("%s is read: %v, has a gradient: %v", path, s[path] != nil, s[path+".grad"] != nil)
		}
	}
}

// The gradient by the logits alone is the same.
func TestGradientOfLogitsIsThatOfAll(t *testing.T) {
	m := trained(t, pass.Training{Optimiser: pass.SGD{}})
	image, label := samples(1)
	all, alone := state{}, state{}
	a, b := all.run(t, m, "gradient", image, label, numbers(1, 1)), alone.run(t, m, "gradient.logits", image, label, numbers(1, 1))
	if a != b {
		t.Errorf("the losses are %g and %g", a, b)
	}
	for path, x := range alone {
		if strings.HasSuffix(path, ".grad") && !slices.Equal(x.F, all[path].F) {
			t.Errorf("%s is %v and %v", path, x.F, all[path].F)
		}
	}
	if alone["fc.weight.grad"] != nil || alone["act#1.logits.grad"] == nil {
		t.Error("@gradient.logits leaves other gradients than those of logits")
	}
}

// Every optimiser makes the loss smaller, and the logits stay.
func TestStepsMakeTheLossSmaller(t *testing.T) {
	for name, how := range map[string]pass.Training{
		"sgd":      {Optimiser: pass.SGD{Momentum: 0.9}, Decay: 1e-4},
		"nesterov": {Optimiser: pass.SGD{Momentum: 0.9, Nesterov: true}, Decay: 1e-4, Decays: pass.Matrices},
		"clipped":  {Optimiser: pass.SGD{}, Clip: 0.5},
		"adam":     {Optimiser: pass.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Smoothing: 0.05},
	} {
		m := trained(t, how)
		s, first, last := state{}, 0.0, 0.0
		for n := range 40 {
			image, label := samples(uint64(n % 4))
			loss := s.run(t, m, "step", image, label, numbers(0.03), numbers(1, float32(n+1)))
			if n < 4 {
				first += loss
			}
			if n >= 36 {
				last += loss
			}
		}
		if !(last < 0.6*first) {
			t.Errorf("%s: the loss of four batches is %g, and %g after ten rounds", name, first, last)
		}
		fresh, _ := state{}.weight(&ir.Value{Path: "act#1.logits", Type: ir.Float(2)})
		if !slices.Equal(fresh.F, s["act#1.logits"].F) {
			t.Errorf("%s: the logits have moved", name)
		}
	}
}

// Evaluation with running statistics gives, after training, what training gave.
func TestEvaluationKnowsWhatWasTrained(t *testing.T) {
	m := trained(t, pass.Training{Optimiser: pass.SGD{Momentum: 0.9}}, pass.Decision{Site: "act", Option: "relu"}, pass.Decision{Site: "pool", Option: "avg"})
	if m.Func("gradient.logits") != nil {
		t.Error("a network without decisions has gradients of logits")
	}
	s := state{}
	for n := range 200 {
		image, label := samples(uint64(n % 8))
		s.run(t, m, "step", image, label, numbers(0.02), numbers(1, float32(n+1)))
	}
	correct := float32(0)
	for n := range 8 {
		image, label := samples(uint64(n))
		s.run(t, m, "eval", image, label)
		correct += s["metrics.correct"].F[0]
	}
	if correct < 0.9*8*batch {
		t.Errorf("%g of %d samples are right", correct, 8*batch)
	}
	image, label := samples(0)
	clear(label.F)
	if s.run(t, m, "eval", image, label); s["metrics.correct"].F[0] != 0 {
		t.Error("samples without label count as correct")
	}
}

// Weights decay as they are told.
func TestDecayIsOfTheWeightsToldOf(t *testing.T) {
	for _, c := range []struct {
		of   pass.Decayed
		want string
	}{{pass.All, "[conv1.weight fc.bias]"}, {pass.Matrices, "[conv1.weight]"}} {
		m := trained(t, pass.Training{Optimiser: pass.SGD{}, Decay: 0.5, Decays: c.of})
		var got []string
		for _, v := range m.Func("step").Body {
			if v.Is("sgd.velocity") && v.Float("decay") == 0.5 && slices.Contains([]string{"conv1.weight", "fc.bias"}, v.Path) {
				got = append(got, v.Path)
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v decay, want %s", got, c.want)
		}
	}
}

// A pass that nobody has told how to train says so.
func TestTrainingHasToBeSaid(t *testing.T) {
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[4]) -> f32[4] {\nreturn %x }")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, autodiff.Autodiff); err == nil || !strings.Contains(err.Error(), "accepted are a batch") {
		t.Errorf("got %v", err)
	}
}
