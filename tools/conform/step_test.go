package conform

import (
	"fmt"
	"slices"
	"testing"

	"sotto/backend/twopc"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
	"sotto/passes/unbatch"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// lenet is of LeNet's form, with normalisations: of each pool one, or two of a kind.
const lenet = `net lenet {
  input image: f32[1, 12, 12] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 4, kernel = 5, pad = 2) as conv1 |> batchnorm as bn1 |> %[1]s(2) as pool1 |> relu as relu1
  x = conv(x, 6, kernel = 3) as conv2 |> batchnorm as bn2 |> relu as relu2 |> %[2]s(2, stride = 2) as pool2
  x = flatten(x) |> linear(12) as fc1 |> relu as relu3
  output logits = x |> linear(5) as fc2 to client
}`

// step is a training step, compiled, with its batch and state.
type step struct {
	*Net
	inputs []*ir.Tensor
	state  golden.PublicWeights
	whole  *ir.Module // all functions of training, in RING
}

// compileStep compiles the step of a network's weights; of a space, if that has an optimiser, that of its decisions' logits.
func compileStep(t testing.TB, text string, c *pass.Context) *step {
	t.Helper()
	of, name := passes.ToTrainable, "step"
	if c.Training.OfLogits != nil {
		of, name = passes.ToSupernet, "step.logits"
	}
	m, err := frontend.Load("step.sotto", []byte(text), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toRing := slices.Concat(of, passes.ToTrain, passes.ToFixedStep, []*pass.Pass{unbatch.Unbatch})
	if err := (&pass.Runner{}).Run(c, m.Module, toRing...); err != nil {
		t.Fatal(err)
	}
	s := functionOf(t, m.Module, name, c)
	f := s.Ring.Funcs[0]
	images, labels := image(5, f.Params[0].Type.Len()), make([]float32, f.Params[1].Type.Len())
	classes := len(labels) / c.Training.Batch
	for i := range c.Training.Batch {
		labels[i*classes+i%classes] = 1
	}
	for i, x := range [][]float32{images, labels, {1. / 16}} {
		s.inputs = append(s.inputs, ir.Quantize(f.Params[i].Type, x))
	}
	return s
}

// functionOf compiles one of the functions of training, which are in RING.
func functionOf(t testing.TB, m *ir.Module, name string, c *pass.Context) *step {
	t.Helper()
	s := &step{Net: &Net{Context: c, Dir: t.TempDir(), Ring: m.Clone()}, state: golden.PublicWeights{Seed: 1}, whole: m}
	s.Ring.Funcs = []*ir.Func{s.Ring.Func(name)}
	s.Secure = s.Ring.Clone()
	err := (&pass.Runner{}).Run(c, s.Secure, passes.ToPrivateStep...)
	if err == nil {
		s.Pair, err = twopc.EmitTuned(s.Secure, s.Secure.Funcs[0], asIfLarge)
	}
	if err == nil {
		err = s.write()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tensor gives a state tensor before the step.
func (s *step) tensor(v *ir.Value) (*ir.Tensor, error) {
	x, err := s.state.Weight(v.Path, v.Type.Shape)
	if err != nil {
		return nil, err
	}
	return ir.Quantize(v.Type, x), nil
}

// shares are what both parties begin with.
func (s *step) shares(t testing.TB) (in [2]party.Input) {
	t.Helper()
	for p := range in {
		in[p].State = map[string][]int64{}
	}
	if len(s.inputs) > 0 {
		images, labels := split(s.inputs[0]), split(s.inputs[1])
		for p := range in {
			in[p].Share, in[p].Further, in[p].Publics = images[p], [][]int64{labels[p]}, s.inputs[2].I
		}
	}
	for _, v := range s.Secure.Funcs[0].Body {
		if v.Is("state") {
			x, err := s.tensor(v)
			if err != nil {
				t.Fatal(err)
			}
			parts := split(x)
			in[0].State[v.Path], in[1].State[v.Path] = parts[0], parts[1]
		}
	}
	return in
}

// A step between two parties computes each of its values as the step in the clear does on the same arguments, within a unit where it truncates,
// and so each tensor of state that it leaves; it sends, and takes from the dealer if one makes its material, exactly what the op table declares.
func TestTrainingSteps(t *testing.T) {
	for _, c := range []struct {
		first, second string
		nonlinear     pass.Nonlinear
		softmax       pass.Softmax
		ot            cost.OT
		batch         int
		source        cost.Source
		elementwise   cost.Elementwise
	}{
		{"maxpool", "maxpool", pass.OTSign, pass.Taylor, cost.SoftSpoken, 4, cost.FromDealer, cost.ByGilboa},
		{"avgpool", "avgpool", pass.DealtSign, pass.ShiftedReLU, cost.Ferret, 4, cost.FromDealer, cost.ByGilboa},
		{"maxpool", "avgpool", pass.GarbledSign, pass.Limit, cost.SoftSpoken, 2, cost.FromDealer, cost.ByGilboa},
		{"maxpool", "avgpool", pass.OTSign, pass.ShiftedReLU, cost.SoftSpoken, 2, cost.FromHE, cost.ByGilboa},
		{"avgpool", "maxpool", pass.GarbledSign, pass.Taylor, cost.Ferret, 2, cost.FromHE, cost.BySIMD},
	} {
		t.Run(fmt.Sprintf("%s-%s-%s-%s", c.first, c.second, c.nonlinear, c.source), func(t *testing.T) {
			how := pass.Training{Batch: c.batch, Optimiser: pass.SGD{Momentum: 0.9}, Decay: 1e-3, Softmax: c.softmax}
			s := compileStep(t, fmt.Sprintf(lenet, c.first, c.second), &pass.Context{Deploy: cost.Outsourced, Source: c.source, Training: &how,
				Protocols: pass.Protocols{Nonlinear: c.nonlinear}, OT: cost.AlwaysOT(c.ot), Elementwise: cost.AlwaysElementwise(c.elementwise)})
			client, server := wiretest.SecurePair(t, wire.Options{})
			p, err := s.playWith(s.shares(t), [2]*wire.Conn{client, server})
			if err != nil {
				t.Fatal(err)
			}
			s.check(t, p)
		})
	}
}

// So does the step that a search takes on the logits of its decisions: between activations, pools and layers, one of them in another.
func TestStepsOfLogits(t *testing.T) {
	const space = `choice act(x) = relu(x) | x2act(x)
choice pool(x) = maxpool(x, 2) | avgpool(x, 2)
net space {
  input image: f32[1, 8, 8] from client
  x = conv(image, 3, kernel = 3, pad = 1) as conv1 |> batchnorm as bn1 |> act as act1 |> pool as pool1
  x = x + act(conv(x, 3, kernel = 3, pad = 1))
  output logits = flatten(x) |> linear(5) as fc to client
}`
	how := pass.Training{Batch: 2, Optimiser: pass.SGD{}, OfLogits: pass.SGD{Momentum: 0.5}, Costs: true, Softmax: pass.ShiftedReLU}
	s := compileStep(t, space, &pass.Context{Deploy: cost.Outsourced, Source: cost.FromDealer, Training: &how, Protocols: pass.Protocols{Nonlinear: pass.DealtSign}})
	client, server := wiretest.SecurePair(t, wire.Options{})
	p, err := s.playWith(s.shares(t), [2]*wire.Conn{client, server})
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, p)
	s.decides(t)
}

// decides has both parties find the greatest logit of every site, of state alone.
func (s *step) decides(t *testing.T) {
	t.Helper()
	d := functionOf(t, s.whole, "decide", s.Context)
	client, server := wiretest.SecurePair(t, wire.Options{})
	p, err := d.playWith(d.shares(t), [2]*wire.Conn{client, server})
	if err != nil {
		t.Fatal(err)
	}
	f := d.Ring.Funcs[0]
	env, err := (&ir.Runner{Weight: d.tensor}).Run(f)
	if err != nil {
		t.Fatal(err)
	}
	if want := env[f.Result].Real(); !slices.Equal(p.Output, want) || len(want) != 3 {
		t.Errorf("the parties decide for options %v, the greatest logits are those of %v", p.Output, want)
	}
	checkCosts(t, d.Net, p)
}

func (s *step) check(t *testing.T, p *Played) {
	t.Helper()
	f, env := s.Ring.Funcs[0], ir.Env{}
	for i, x := range s.inputs {
		env[f.Params[i]] = x
	}
	left, compared := map[string][]int64{}, 0
	diffs, _, err := compareOn(f, s.tensor, env, p.Taps, func(d Difference, x *ir.Tensor) {
		if p.Taps[d.Value.Name] != nil {
			compared++
		}
		if d.Value.Overwrites() {
			left[d.Value.Path] = x.I
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diffs {
		t.Errorf("%s", d)
	}
	if compared < len(f.Body)/2 {
		t.Errorf("%d of %d values are compared", compared, len(f.Body))
	}
	for path, want := range left {
		a, b := p.Results[0].State[path], p.Results[1].State[path]
		for i := range want {
			if len(a) != len(want) || len(b) != len(want) || a[i]+b[i] != want[i] {
				t.Errorf("@%s is left as %v and %v, the parties held %v", path, a, b, want)
				break
			}
		}
	}
	if len(left) == 0 || len(left) != len(p.Results[0].State) {
		t.Errorf("%d tensors of state are left, the step replaces %d", len(p.Results[0].State), len(left))
	}
	checkCosts(t, s.Net, p)
}
