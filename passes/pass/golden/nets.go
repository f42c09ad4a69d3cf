package golden

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
)

// Drawn is a random small network with everything that compiling and running it takes. It is for property tests:
// its weights are a function of their paths, and so no secret.
type Drawn struct {
	Space   *ir.Module
	Choices []pass.Decision // one for each site
	Weights PublicWeights
	Input   []float32
}

// Context gives a context to compile with, calibrated on the input itself.
func (d *Drawn) Context() *pass.Context {
	return &pass.Context{Choices: d.Choices, Weights: d.Weights, Calibration: [][]float32{d.Input}}
}

// Tensor gives the input for a function of any stage: floats, or numbers rounded to the ring.
func (d *Drawn) Tensor(f *ir.Func) *ir.Tensor {
	t := f.Params[0].Type
	if t.Elem.Float {
		return &ir.Tensor{Type: t, F: d.Input}
	}
	return ir.Quantize(t, d.Input)
}

// DrawNet draws a network of a few layers: convolutions with strides, pads, dilation and groups, batch normalisations,
// activations and choices between them, pools, additions and concatenations of what came before, movements. The last op
// is one of those named; "" is a linear layer.
func DrawNet(t *rapid.T, last ...string) *Drawn {
	g := &generator{t: t, paths: map[string]int{}}
	shape := []int{g.int(1, 3, "channels"), g.int(4, 7, "height"), g.int(4, 7, "width")}
	x := &ir.Value{Name: "image", Op: ir.Input, Type: ir.Float(shape...)}
	g.f = &ir.Func{Name: "net", Params: []*ir.Value{x}}
	g.b = ir.NewBuilder(g.f)
	g.values = []*ir.Value{x}
	for range g.int(1, 6, "layers") {
		g.layer()
	}
	g.f.Result = g.head(rapid.SampledFrom(last).Draw(t, "last"))
	d := &Drawn{Space: &ir.Module{Stage: ir.Space, Funcs: []*ir.Func{g.f}}, Choices: g.choices}
	d.Weights = PublicWeights{Seed: rapid.Uint64().Draw(t, "weights")}
	d.Input = rapid.SliceOfN(rapid.Float32Range(0, 1), x.Type.Len(), x.Type.Len()).Draw(t, "input")
	if err := ir.Check(d.Space); err != nil {
		t.Fatalf("the generator drew a module that does not verify: %v", err)
	}
	return d
}

type generator struct {
	t       *rapid.T
	f       *ir.Func
	b       *ir.Builder
	values  []*ir.Value // images so far, the input first
	paths   map[string]int
	choices []pass.Decision
}

func (g *generator) int(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(g.t, label) }

// path gives a layer's name: conv#1, conv#2.
func (g *generator) path(op string) string {
	g.paths[op]++
	return fmt.Sprintf("%s#%d", op, g.paths[op])
}

// layer appends a random layer behind the last value or, in one of four draws, behind any.
func (g *generator) layer() {
	x := g.values[len(g.values)-1]
	if g.int(0, 3, "branch") == 0 {
		x = rapid.SampledFrom(g.values).Draw(g.t, "from")
	}
	kinds := []func(*ir.Value) *ir.Value{g.conv, g.conv, g.normalised, g.activation, g.choice, g.pool, g.sum, g.concat, g.moved, g.declared, g.factor}
	g.values = append(g.values, rapid.SampledFrom(kinds).Draw(g.t, "layer")(x))
}

func (g *generator) at(op string) (*ir.Builder, string) {
	path := g.path(op)
	b := *g.b
	b.Path = path
	return &b, path
}

func (g *generator) weight(b *ir.Builder, path string, shape ...int) *ir.Value {
	w, err := b.Param(path, shape...)
	if err != nil {
		g.t.Fatal(err)
	}
	return w
}

func (g *generator) conv(x *ir.Value) *ir.Value {
	b, path := g.at("conv")
	c := x.Type.Shape[0]
	groups := rapid.SampledFrom([]int{1, c}).Draw(g.t, "groups")
	k := g.int(1, min(3, x.Type.Shape[1], x.Type.Shape[2]), "kernel")
	pad := g.int(0, k/2, "pad")
	dilation := 1
	if k > 1 && min(x.Type.Shape[1], x.Type.Shape[2])+2*pad >= 2*(k-1)+1 {
		dilation = g.int(1, 2, "dilation")
	}
	outs := groups * g.int(1, max(1, 4/groups), "outs")
	args := []*ir.Value{x, g.weight(b, path+".weight", outs, c/groups, k, k)}
	if rapid.Bool().Draw(g.t, "bias") {
		args = append(args, g.weight(b, path+".bias", outs))
	}
	stride := g.int(1, 2, "stride")
	return b.Must("nn.conv2d", ir.Attrs{"stride": []int{stride, stride}, "pad": []int{pad, pad}, "dilation": []int{dilation, dilation},
		"groups": groups}, args...)
}

func (g *generator) normalised(x *ir.Value) *ir.Value {
	if rapid.Bool().Draw(g.t, "after conv") {
		x = g.conv(x)
	}
	b, path := g.at("batchnorm")
	args := []*ir.Value{x}
	for _, name := range []string{".gamma", ".beta", ".mean", ".var"} {
		args = append(args, g.weight(b, path+name, x.Type.Shape[0]))
	}
	return b.Must("nn.batchnorm", nil, args...)
}

func (g *generator) activation(x *ir.Value) *ir.Value { return g.activated(g.b, x) }

func (g *generator) activated(into *ir.Builder, x *ir.Value) *ir.Value {
	op := rapid.SampledFrom([]string{"nn.relu", "nn.relu", "nn.relu6", "nn.x2act", "nn.negate", "nn.square", "nn.dropout"}).Draw(g.t, "activation")
	b := *into
	b.Path = g.path(op[len("nn."):])
	if op != "nn.x2act" {
		return b.Must(op, nil, x)
	}
	args := []*ir.Value{x}
	for _, name := range []string{".a", ".b", ".c"} {
		args = append(args, g.weight(&b, b.Path+name, 1))
	}
	return b.Must(op, ir.Attrs{"scale": 0.5}, args...)
}

// choice offers an activation, nothing, or the other way round, and decides.
func (g *generator) choice(x *ir.Value) *ir.Value {
	b, path := g.at("act")
	some, none := &ir.Option{Label: "some"}, &ir.Option{Label: "none", Result: x}
	some.Result = g.activated(b.In(some), x)
	v, err := b.Choice(path, "", some, none)
	if err != nil {
		g.t.Fatal(err)
	}
	g.choices = append(g.choices, pass.Decision{Site: path, Option: rapid.SampledFrom([]string{"some", "none"}).Draw(g.t, "option")})
	return v
}

func (g *generator) pool(x *ir.Value) *ir.Value {
	op := rapid.SampledFrom([]string{"nn.maxpool", "nn.avgpool"}).Draw(g.t, "pool")
	b, _ := g.at(op[len("nn."):])
	k := g.int(1, min(3, x.Type.Shape[1], x.Type.Shape[2]), "kernel")
	s, p := g.int(1, 2, "stride"), g.int(0, k/2, "pad")
	return b.Must(op, ir.Attrs{"kernel": []int{k, k}, "stride": []int{s, s}, "pad": []int{p, p}}, x)
}

// like draws a value whose shape agrees with that of x from a dimension on; x itself is one.
func (g *generator) like(x *ir.Value, from int) *ir.Value {
	var fit []*ir.Value
	for _, v := range g.values {
		if slices.Equal(v.Type.Shape[from:], x.Type.Shape[from:]) {
			fit = append(fit, v)
		}
	}
	return rapid.SampledFrom(fit).Draw(g.t, "with")
}

func (g *generator) sum(x *ir.Value) *ir.Value {
	b, _ := g.at("add")
	return b.Must("nn.add", nil, x, g.like(x, 0))
}

func (g *generator) concat(x *ir.Value) *ir.Value {
	b, _ := g.at("concat")
	if y := g.like(x, 1); x.Type.Shape[0]+y.Type.Shape[0] <= 8 {
		return b.Must("nn.concat", nil, x, y)
	}
	return b.Must("nn.concat", nil, x)
}

func (g *generator) moved(x *ir.Value) *ir.Value {
	b, _ := g.at("move")
	if rapid.Bool().Draw(g.t, "slice") {
		return b.Must("nn.slice", ir.Attrs{"start": g.int(0, 1, "start"), "stride": g.int(1, 2, "stride")}, x)
	}
	return b.Must("nn.pad", ir.Attrs{"sides": rapid.SliceOfN(rapid.IntRange(0, 1), 4, 4).Draw(g.t, "sides")}, x)
}

// declared draws any op of one image without weights that may stand anywhere in a network, with the attributes of its example, if they suit
// the image.
func (g *generator) declared(x *ir.Value) *ir.Value {
	var ops []*ir.Op
	for _, o := range ir.Ops() {
		if o.Stages&ir.Space != 0 && len(o.Operands) == 1 && o.Weights == 0 && !slices.Contains(ends, o.Name) {
			ops = append(ops, o)
		}
	}
	o := rapid.SampledFrom(ops).Draw(g.t, "op")
	b, _ := g.at(o.Name[len("nn."):])
	const most = 512 // elements
	attrs := exampleOf(o).Declared()
	y, err := ir.NewBuilder(&ir.Func{}).Emit(o.Name, attrs, x)
	if err != nil || len(y.Type.Shape) != 3 || y.Type.Len() > most {
		return x
	}
	return b.Must(o.Name, attrs, x)
}

func (g *generator) factor(x *ir.Value) *ir.Value {
	op := rapid.SampledFrom([]string{"nn.scale", "nn.shift"}).Draw(g.t, "factor")
	b, path := g.at(op[len("nn."):])
	n := rapid.SampledFrom([]int{1, x.Type.Shape[0]}).Draw(g.t, "factors")
	return b.Must(op, nil, x, g.weight(b, path+".factor", n))
}

func (g *generator) head(last string) *ir.Value {
	x := g.values[len(g.values)-1]
	b, path := g.at("fc")
	flat := b.Must("nn.reshape", ir.Attrs{"shape": []int{x.Type.Len()}}, x)
	y := b.Must("nn.linear", nil, flat, g.weight(b, path+".weight", 3, x.Type.Len()))
	if last != "" {
		y = b.Must(last, nil, y)
	}
	return y
}

// PublicWeights are reproducible numbers that keep small networks in the range of one: uniform in 1/sqrt(fan-in), factors
// and variances in [0.5, 1.5), the coefficients of squares small and of either sign.
type PublicWeights struct{ Seed uint64 }

// Weight gives the tensor at path.
func (w PublicWeights) Weight(path string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	h.Write([]byte(path))
	rng := rand.New(rand.NewPCG(w.Seed, h.Sum64()))
	out := make([]float32, ir.Float(shape...).Len())
	spread := 1 / math.Sqrt(float64(len(out)/shape[0]))
	for i := range out {
		x := 2*rng.Float64() - 1
		switch path[strings.LastIndexByte(path, '.'):] {
		case ".var", ".gamma", ".factor":
			x = 1 + x/2
		case ".a":
			x = math.Copysign(0.05+0.2*math.Abs(x), x)
		default:
			x *= spread
		}
		out[i] = float32(x)
	}
	return out, nil
}
