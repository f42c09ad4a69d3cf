package fixedstep_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/autodiff"
	"sotto/passes/clean"
	"sotto/passes/fixedstep"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/protocols"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", autodiff.Autodiff, fixedstep.FixedStep, clean.CSE, clean.DCE)
}

// network has every op that steps are written of: overlapping windows with a border, a skip, a normalisation, biases, both pools.
const network = `module net
func @net(%image: C f32[2,9,9]) -> f32[5] {
  %w = param @conv.weight : S f32[4,2,3,3]
  %c = param @conv.bias : S f32[4]
  %g = param @bn.weight : S f32[4]
  %b = param @bn.bias : S f32[4]
  %m = param @bn.running_mean : S f32[4]
  %v = param @bn.running_var : S f32[4]
  %u = param @skip.weight : S f32[4,4,1,1]
  %f = param @fc.weight : S f32[5,16]
  %h = param @fc.bias : S f32[5]
  %conv = nn.conv2d %image, %w, %c {pad=[1,1]} : f32[4,9,9]  @0:0:0/conv
  %pool = nn.maxpool %conv {kernel=[3,3], stride=[2,2], pad=[1,1]} : f32[4,5,5]  @0:0:0/pool
  %bn = nn.batchnorm %pool, %g, %b, %m, %v : f32[4,5,5]  @0:0:0/bn
  %relu = nn.relu %bn : f32[4,5,5]  @0:0:0/relu
  %skip = nn.conv2d %relu, %u : f32[4,5,5]  @0:0:0/skip
  %sum = nn.add %relu, %skip : f32[4,5,5]  @0:0:0/sum
  %avg = nn.avgpool %sum {kernel=[2,2], stride=[2,2]} : f32[4,2,2]  @0:0:0/avg
  %l = param @act.logits : S f32[3]
  %xa = param @act.a : S f32[1]
  %xb = param @act.b : S f32[1]
  %xc = param @act.c : S f32[1]
  %poly = nn.x2act %avg, %xa, %xb, %xc {scale=0.5} : f32[4,2,2]  @0:0:0/act
  %neg = nn.relu %avg : f32[4,2,2]  @0:0:0/act
  %mix = nn.mix %l, %avg, %neg, %poly : f32[4,2,2]  @0:0:0/act
  %flat = nn.reshape %mix {shape=[16]} : f32[16]
  %fc = nn.linear %flat, %f, %h : f32[5]  @0:0:0/fc
  return %fc {name="y"}
}`

// module parses a network, or gives the test up.
func module(t *testing.T, text string) *ir.Module {
	t.Helper()
	m, err := ir.Parse("net.ir", text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// both gives a training function of a network in float, and in fixed point.
func both(t *testing.T, c *pass.Context, name string) (float, ring *ir.Func) {
	t.Helper()
	return bothOf(t, network, c, name)
}

func bothOf(t *testing.T, network string, c *pass.Context, name string) (float, ring *ir.Func) {
	t.Helper()
	m := module(t, network)
	if err := (&pass.Runner{}).Run(c, m, passes.ToTrain...); err != nil {
		t.Fatal(err)
	}
	n := m.Clone()
	if err := (&pass.Runner{}).Run(c, n, passes.ToFixedStep...); err != nil {
		t.Fatal(err)
	}
	return m.Func(name), n.Func(name)
}

// state is drawn by path, as numbers that the ring holds exactly.
func state(v *ir.Value) []float32 {
	x := make([]float32, v.Type.Len())
	rng := rand.New(rand.NewPCG(uint64(len(v.Path)), uint64(v.Path[0]))) // public: weights of a test
	for i := range x {
		x[i] = float32(math.Round(rng.NormFloat64()*(1<<12)) / (1 << 13))
		if strings.HasSuffix(v.Path, "var") || v.Path == "bn.weight" {
			x[i] = 1 + x[i]/8
		}
		if strings.HasSuffix(v.Path, "velocity") {
			x[i] /= 16
		}
	}
	return x
}

// inputs are images, labels, rate and step.
func inputs(f *ir.Func) [][]float32 {
	rng := rand.New(rand.NewPCG(1, 2)) // public: images of a test
	images, labels := make([]float32, f.Params[0].Type.All()), make([]float32, f.Params[1].Type.All())
	for i := range images {
		images[i] = float32(math.Round(rng.NormFloat64()*1024) / 1024)
	}
	for s := range f.Params[1].Type.Batch {
		labels[s*5+rng.IntN(5)] = 1
	}
	return [][]float32{images, labels, {1. / 16}, {1, 1}}
}

// run runs a step and gives every value by its name, and the new state by its path after an at. Nothing may leave the ring.
func run(t *testing.T, f *ir.Func, x [][]float32) map[string][]float64 {
	t.Helper()
	return runFrom(t, f, state, x)
}

func runFrom(t *testing.T, f *ir.Func, state func(*ir.Value) []float32, x [][]float32) map[string][]float64 {
	t.Helper()
	out := map[string][]float64{}
	quantised := func(t ir.Type, x []float32) *ir.Tensor {
		if t.Elem.Float {
			return &ir.Tensor{Type: t, F: x}
		}
		return ir.Quantize(t, x)
	}
	r := ir.Runner{
		Weight: func(v *ir.Value) (*ir.Tensor, error) { return quantised(v.Type, state(v)), nil },
		Assign: func(v *ir.Value, x *ir.Tensor) { out["@"+v.Path] = x.Real() },
		Visit: func(v *ir.Value, x *ir.Tensor) {
			out[v.Name] = x.Real()
			for _, e := range x.I {
				if max(e, ^e) >= 1<<62 {
					t.Fatalf("%s: %s %s leaves the ring: %d", f.Params[0].Type, v.Name, v.Op.Name, e)
				}
			}
		},
	}
	in := make([]*ir.Tensor, len(f.Params))
	for i, p := range f.Params {
		in[i] = quantised(p.Type, x[i])
	}
	if _, err := r.Run(f, in...); err != nil {
		t.Fatal(err)
	}
	return out
}

// farthest is the greatest difference of two vectors.
func farthest(a, b []float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// A step in fixed point is the step in float: every value that both have, and what they leave as state, within some units of the last place
// of activations, times what gradients have more. Limit is nearly softmax.
func TestAStepIsThatInFloat(t *testing.T) {
	for _, how := range []pass.Training{
		{Batch: 8, Optimiser: pass.SGD{Momentum: 0.9, Nesterov: true}, Decay: 1e-3, Smoothing: 0.1, Softmax: pass.Limit, OfLogits: pass.SGD{Momentum: 0.5}, Costs: true},
		{Batch: 6, Optimiser: pass.SGD{}, Softmax: pass.Limit, OfLogits: pass.SGD{}},
	} {
		for _, frac := range []int{13, 16, 20} {
			for name, least := range map[string]int{"step": 40, "step.logits": 25} {
				float, ring := both(t, &pass.Context{Training: &how, Frac: frac}, name)
				near(t, float, ring, frac, least)
			}
		}
	}
}

// near holds the values of a step in fixed point against those in float, of which at least some have one.
func near(t *testing.T, float, ring *ir.Func, frac, least int) {
	t.Helper()
	x := inputs(float)
	want, got := run(t, float, x), run(t, ring, x)
	const units = 48     // of the last place of activations: what sums of dozens of rounded products come to
	const softmax = 3e-3 // relative, of the limit that stands for it
	compared := 0
	for name, w := range want {
		g, ok := got[name]
		if !ok || len(g) != len(w) || strings.HasPrefix(name, "metrics") {
			continue
		}
		compared++
		of := size(w)
		if len(w) <= 3 { // gradients by numbers for all elements, and by logits: sums in which the most of what softmax is off by does not cancel
			of = max(of, 0.5)
		}
		within := units*math.Ldexp(1, -frac) + softmax*of
		if off := farthest(w, g); off > within {
			t.Errorf("@%s, %d fraction bits: %s is off by %g of %g, accepted is %g", float.Name, frac, name, off, size(w), within)
		}
	}
	if compared < least || got["@act.logits"] == nil == (float.Name == "step.logits") {
		t.Errorf("@%s: %d values have one to compare with, there should be %d and more, logits among them: %v", float.Name, compared, least, got["@act.logits"])
	}
}

// normalised is a network whose channels are normalised as they come.
const normalised = `module net
func @net(%image: C f32[4,8,8]) -> f32[5] {
  %w = param @conv.weight : S f32[4,4,1,1]
  %g = param @bn.weight : S f32[4]
  %b = param @bn.bias : S f32[4]
  %m = param @bn.running_mean : S f32[4]
  %v = param @bn.running_var : S f32[4]
  %f = param @fc.weight : S f32[5,256]
  %conv = nn.conv2d %image, %w : f32[4,8,8]  @0:0:0/conv
  %bn = nn.batchnorm %conv, %g, %b, %m, %v : f32[4,8,8]  @0:0:0/bn
  %flat = nn.reshape %bn {shape=[256]} : f32[256]
  %fc = nn.linear %flat, %f : f32[5]  @0:0:0/fc
  return %fc {name="y"}
}`

// At whatever scale, channels of any variance are normalised, forward and backward, without anything leaving the ring: dead ones, ones as small as eps, and
// those of both ends of the domain, where gradients are those in float.
func TestChannelsOfAnyVarianceStayInTheRing(t *testing.T) {
	const batch, pixels = 8, 64
	labels := make([]float32, batch*5)
	for s := range batch {
		labels[s*5+s%5] = 1
	}
	weights := func(v *ir.Value) []float32 {
		x := state(v)
		for i := range x {
			switch v.Path {
			case "conv.weight": // none: channels come as they are
				x[i] = float32(1 - min(i%5, 1))
			case "bn.weight":
				x[i] = 1
			}
		}
		return x
	}
	for _, deviations := range [][]float64{{0, 1e-6, math.Sqrt(1e-5), 1}, {1. / 60, 0.1, 0.3, 1}, {1, 4, 16, 60}} {
		rng := rand.New(rand.NewPCG(3, 4)) // public: images of a test
		images := make([]float32, batch*4*pixels)
		for i := range images {
			images[i] = float32(1 + deviations[i/pixels%4]*rng.NormFloat64())
		}
		for frac := 13; frac <= 20; frac++ {
			how := pass.Training{Batch: batch, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.Limit}
			float, ring := bothOf(t, normalised, &pass.Context{Training: &how, Frac: frac}, "step")
			in := [][]float32{images, labels, {1. / 16}, {1, 1}}
			want, got := runFrom(t, float, weights, in), runFrom(t, ring, weights, in)
			if deviations[0] == 0 { // roots of dead channels are too small, and what hangs on them differs
				continue
			}
			back := float.Body[slices.IndexFunc(float.Body, func(v *ir.Value) bool { return v.Is("grad.batchnorm.x") })].Name
			for c, d := range deviations {
				w, g := channel(want[back], c), channel(got[back], c)
				within := 48*math.Ldexp(1, -frac) + 1e-2*size(w)
				if off := farthest(w, g); off > within {
					t.Errorf("%d fraction bits, deviation %g: gradients are off by %g of %g, accepted is %g", frac, d, off, size(w), within)
				}
			}
		}
	}
}

// channel is one of four channels of 64 pixels, of all samples.
func channel(x []float64, c int) (out []float64) {
	for at := c * 64; at < len(x); at += 4 * 64 {
		out = append(out, x[at:at+64]...)
	}
	return out
}

func size(x []float64) (most float64) {
	for _, e := range x {
		most = max(most, math.Abs(e))
	}
	return most
}

// A step is the same whenever it is written, also where two pools are one.
func TestAStepIsWrittenTheSame(t *testing.T) {
	twice := strings.Replace(network, "%pool = nn.maxpool %conv", "%again = nn.maxpool %conv {kernel=[3,3], stride=[2,2], pad=[1,1]} : f32[4,5,5]  @0:0:0/again\n  %pool = nn.maxpool %conv", 1)
	twice = strings.Replace(twice, "nn.add %relu, %skip", "nn.add %again, %skip", 1)
	how, first := pass.Training{Batch: 4, Optimiser: pass.SGD{}}, ""
	for range 20 {
		m := module(t, twice)
		if err := (&pass.Runner{}).Run(&pass.Context{Training: &how}, m, autodiff.Autodiff, fixedstep.FixedStep); err != nil {
			t.Fatal(err)
		}
		if text := m.String(); first == "" {
			first = text
		} else if text != first {
			t.Fatal("two steps of one network differ")
		}
	}
}

// A step compares each element of a relu or a max-pool once, and the backward pass never; beside those, normalisation and softmax compare a few
// numbers to begin with.
func TestSignsAreComputedOnce(t *testing.T) {
	how := pass.Training{Batch: 8, Optimiser: pass.SGD{Momentum: 0.9}}
	_, ring := both(t, &pass.Context{Training: &how}, "step")
	signs := map[string]int{}
	for _, v := range ring.Body {
		if v.Is("ring.drelu") {
			signs[v.Path] += v.Type.Len()
		}
	}
	const windows, last = 4 * 5 * 5, 4 * (5*5*9 - 2*5*3 - 2*5*3 + 4) // windows, and what stands in them: borders leave three or five of nine out
	if signs["relu"] != 4*5*5 || signs["pool"] != last-windows {
		t.Errorf("signs of %v elements: want relu %d, pool %d", signs, 4*5*5, last-windows)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		change [2]string
		how    pass.Training
		frac   int
		want   string
	}{
		{[2]string{"nn.relu ", "nn.relu6 "}, pass.Training{Batch: 4, Optimiser: pass.SGD{}}, 0, "nn.relu6 is not trained in fixed point yet"},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.Adam{}}, 0, "adam.mean is not trained in fixed point yet"},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.SGD{}, Softmax: "exp"}, 0, `softmax "exp": accepted are [taylor relu ode limit]`},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.SGD{}}, 21, "21 fraction bits: accepted are 13 to 20"},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.SGD{}, Decay: 1e-6}, 0, "decay of 1e-06: accepted are 0, and 7.6e-06 and more"},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 1e-7}}, 0, "momentum of 1e-07: accepted are 0"},
		{[2]string{}, pass.Training{Batch: 4, Optimiser: pass.SGD{}, Smoothing: 1e-5}, 0, "what leaves each of 5 classes 1.5e-05 and more"},
	} {
		m := module(t, strings.Replace(network, c.change[0], c.change[1], 1))
		err := (&pass.Runner{}).Run(&pass.Context{Training: &c.how, Frac: c.frac}, m, append(passes.ToTrain[:len(passes.ToTrain):len(passes.ToTrain)], passes.ToFixedStep...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	for body, want := range map[string]string{
		"%1 = grad.batchnorm.sums %x, %w, %x : f32[4]\n%2 = assign @w %1 : f32[4]": "grad.batchnorm.sums reads %w, a result of param",
		"%1 = train.correct %x, %y : f32[1]\n%2 = assign @v %1 : f32[1]":           "assign reads %1, a result of train.correct",
		"%1 = train.moments %x : f32[4]\n%2 = nn.add %1, %1 : f32[4]":              "nn.add reads %1, a result of train.moments",
		"%1 = train.gather %w {loops=[0,2,1], shape=[2]} : f32[2]":                 "train.gather reads %w, a result of param",
		"%2 = grad.maxpool %i, %i {kernel=[1,1], stride=[1,1]} : f32[2,1,1] x 4":   "a max-pool that is not there",
		"%2 = grad.relu %x, %x : f32[2] x 4":                                       "a relu that elements go around",
	} {
		text := "module train\nfunc @step(%x: f32[2] x 4, %y: f32[2] x 4, %lr: f32[1], %step: f32[2]) -> f32[1] {\n%w = param @w : S f32[4]\n" +
			"%i = nn.reshape %x {shape=[2,1,1]} : f32[2,1,1] x 4\n" + body + "\n%z = train.crossentropy %x, %y : f32[1]\nreturn %z\n}"
		if err := (&pass.Runner{}).Run(&pass.Context{}, module(t, text), fixedstep.FixedStep); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
	m := module(t, network)
	how := pass.Training{Batch: 4, Optimiser: pass.SGD{}}
	all := append(append(passes.ToTrain[:len(passes.ToTrain):len(passes.ToTrain)], passes.ToFixedStep...), protocols.Protocols)
	if err := (&pass.Runner{}).Run(&pass.Context{Training: &how}, m, all...); err == nil || !strings.Contains(err.Error(), "accepted are functions of one sample") {
		t.Errorf("protocols take a training step: %v", err)
	}
}
