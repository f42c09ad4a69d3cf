package golden

import (
	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
)

// DrawnStep is a random small network of what is trained in fixed point, with everything that one step of its training takes.
type DrawnStep struct {
	Net    *ir.Module
	Pass   pass.Context
	State  PublicWeights
	Images []float32
	Labels []float32
}

// stepRate is the learning rate of drawn steps.
const stepRate = 1. / 16

// DrawStep draws convolutions, normalisations, relus, pools of both kinds, sums and a linear layer behind them, an optimiser, and what stands for softmax.
func DrawStep(t *rapid.T) *DrawnStep {
	g := &generator{t: t, paths: map[string]int{}}
	x := &ir.Value{Name: "image", Op: ir.Input, Type: ir.Float(g.int(1, 2, "channels"), g.int(4, 6, "height"), g.int(4, 6, "width")).Of(ir.OfClient)}
	g.f = &ir.Func{Name: "net", Params: []*ir.Value{x}}
	g.b = ir.NewBuilder(g.f)
	g.values = []*ir.Value{x, g.conv(x)}
	for range g.int(1, 4, "layers") {
		of := g.values[len(g.values)-1]
		kinds := []func(*ir.Value) *ir.Value{g.conv, g.normalised, g.relu, g.pool, g.sum, g.mix}
		g.values = append(g.values, rapid.SampledFrom(kinds).Draw(t, "layer")(of))
	}
	g.f.Result = g.head("")
	d := &DrawnStep{Net: &ir.Module{Stage: ir.Net, Funcs: []*ir.Func{g.f}}, State: PublicWeights{Seed: rapid.Uint64().Draw(t, "state")}}
	d.Pass.Training = &pass.Training{
		Batch:     g.int(2, 4, "batch"),
		OfLogits:  pass.SGD{Momentum: 0.5},
		Costs:     true,
		Optimiser: rapid.SampledFrom([]pass.Optimiser{pass.SGD{}, pass.SGD{Momentum: 0.9}, pass.SGD{Momentum: 0.9, Nesterov: true}}).Draw(t, "optimiser"),
		Decay:     rapid.SampledFrom([]float64{0, 1e-3}).Draw(t, "decay"),
		Smoothing: rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "smoothing"),
		Softmax:   rapid.SampledFrom([]pass.Softmax{pass.Taylor, pass.ShiftedReLU, pass.Limit}).Draw(t, "softmax"),
	}
	batch := d.Pass.Training.Batch
	d.Images = rapid.SliceOfN(rapid.Float32Range(-1, 1), batch*x.Type.Len(), batch*x.Type.Len()).Draw(t, "images")
	classes := g.f.Result.Type.Len()
	d.Labels = make([]float32, batch*classes)
	for s := range batch {
		d.Labels[s*classes+g.int(0, classes-1, "label")] = 1
	}
	return d
}

func (g *generator) relu(x *ir.Value) *ir.Value {
	b, _ := g.at("relu")
	return b.Must("nn.relu", nil, x)
}

// mix draws a decision between a value, its relu, and what came before in its shape.
func (g *generator) mix(x *ir.Value) *ir.Value {
	b, path := g.at("mix")
	return b.Must("nn.mix", nil, g.weight(b, path+".logits", 4), x, g.relu(x), g.polynomial(x), g.like(x, 0))
}

func (g *generator) polynomial(x *ir.Value) *ir.Value {
	b, path := g.at("x2act")
	args := []*ir.Value{x}
	for _, name := range []string{".a", ".b", ".c"} {
		args = append(args, g.weight(b, path+name, 1))
	}
	return b.Must("nn.x2act", ir.Attrs{"scale": rapid.SampledFrom([]float64{1, 0.5}).Draw(g.t, "scale")}, args...)
}

// Inputs gives a step's inputs as numbers of the ring: images, labels and learning rate.
func (d *DrawnStep) Inputs(f *ir.Func) []*ir.Tensor {
	out := make([]*ir.Tensor, len(f.Params)) // what decides takes none
	for i, p := range f.Params {
		out[i] = ir.Quantize(p.Type, [][]float32{d.Images, d.Labels, {stepRate}}[i])
	}
	return out
}

// Tensor gives a state tensor as numbers of the ring.
func (d *DrawnStep) Tensor(v *ir.Value) (*ir.Tensor, error) {
	x, err := d.State.Weight(v.Path, v.Type.Shape)
	if err != nil {
		return nil, err
	}
	return ir.Quantize(v.Type, x), nil
}

// Run evaluates a step, and gives the numbers of all its values by name, and of the state that it leaves by path.
func (d *DrawnStep) Run(f *ir.Func) (values, state map[string][]int64, err error) {
	values, state = map[string][]int64{}, map[string][]int64{}
	r := ir.Runner{Weight: d.Tensor,
		Visit:  func(v *ir.Value, x *ir.Tensor) { values[v.Name] = x.I },
		Assign: func(v *ir.Value, x *ir.Tensor) { state[v.Path] = x.I },
	}
	_, err = r.Run(f, d.Inputs(f)...)
	return values, state, err
}
