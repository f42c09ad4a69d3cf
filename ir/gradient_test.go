package ir

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// moreGeometries are examples besides the ops' own, by what they have.
var moreGeometries = []string{
	"%x = param @x : S f32[4,5,6]\n%w = param @w : S f32[6,2,3,2]\n%b = param @b : S f32[6]\n%1 = nn.conv2d %x, %w, %b {stride=[2,1], pad=[1,2], dilation=[1,2], groups=2} : f32[6,3,8]",
	"%x = param @x : S f32[4,7,5]\n%w = param @w : S f32[4,1,3,3]\n%1 = nn.conv2d %x, %w {stride=[2,2], groups=4} : f32[4,3,2]",
	"%x = param @x : S f32[3,5,5]\n%w = param @w : S f32[2,3,1,1]\n%1 = nn.conv2d %x, %w {stride=[2,2]} : f32[2,3,3]",
	"%x = param @x : S f32[6]\n%w = param @w : S f32[4,6]\n%b = param @b : S f32[4]\n%1 = nn.linear %x, %w, %b : f32[4]",
	"%x = param @x : S f32[3,5,4]\n%1 = nn.maxpool %x {kernel=[3,3], stride=[2,2], pad=[1,1]} : f32[3,3,2]",
	"%x = param @x : S f32[3,5,4]\n%1 = nn.avgpool %x {kernel=[3,2], stride=[2,1], pad=[1,1]} : f32[3,3,5]",
	"%x = param @x : S f32[2,4]\n%1 = nn.relu %x {keep=[1,4]} : f32[2,4]",
	"%x = param @x : S f32[12]\n%1 = nn.relu6 %x {keep=[0,2,5,9]} : f32[12]",
	"%x = param @x : S f32[2,3,3]\n%a = param @a : S f32[1]\n%1 = nn.x2act %x, %a, %a, %a {scale=0.5} : f32[2,3,3]",
	"%x = param @x : S f32[2,3,3]\n%s = param @s : S f32[1]\n%1 = nn.scale %x, %s : f32[2,3,3]",
	"%x = param @x : S f32[2,3,3]\n%s = param @s : S f32[1]\n%1 = nn.shift %x, %s : f32[2,3,3]",
	"%x = param @x : S f32[2,3,3]\n%s = param @s : S f32[1]\n%1 = nn.quadratic %x, %s : f32[2,3,3]",
	"%x = param @x : S f32[2,4,3]\n%1 = nn.pad %x {sides=[2,0,1,3]} : f32[2,6,7]",
	"%x = param @x : S f32[2,5,4]\n%1 = nn.slice %x {start=1, stride=2} : f32[2,3,2]",
	"%x = param @x : S f32[2,3,3]\n%1 = nn.slice %x {start=3, stride=2} : f32[2,2,2]",
	"%x = param @x : S f32[2,3,2]\n%1 = nn.upsample %x {factor=3} : f32[2,9,6]",
	"%x = param @x : S f32[2,3,2]\n%y = param @y : S f32[1,3,2]\n%1 = nn.concat %x, %y, %x : f32[5,3,2]",
	"%x = param @x : S f32[8]\n%l = param @l : S f32[8]\n%1 = train.crossentropy %x, %l {smoothing=0.25} : f32[1]",
}

// given are arguments that nothing is differentiated by.
var given = map[string][]int{"nn.batchnorm": {3, 4}, "train.batchnorm": {3}, "train.dropout": {1}, "train.crossentropy": {1}, "train.expected": {1}}

func TestEveryOpOfNetworksHasAGradientOrSaysWhyNot(t *testing.T) {
	for _, o := range Ops() {
		if o.Stages&(Space|Net|Train) != 0 && len(o.Operands) > 0 && (o.Grad == nil) == (o.NoGradient == "") {
			t.Errorf("%s: accepted is a gradient, or why there is none", o.Name)
		}
	}
}

func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	examples := slices.Clone(moreGeometries)
	for _, o := range Ops() {
		if o.Grad != nil {
			examples = append(examples, o.Example)
		}
	}
	for _, text := range examples {
		op := &Op{Name: "train", Stages: Train, Example: text}
		m, err := Parse("t.ir", wrapExample(op))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, batch := range []int{0, 1, 3} {
			d := differentiatedExample(t, m.Funcs[0].Result, batch)
			t.Run(fmt.Sprintf("%s x %d", d.y.Op.Name, batch), d.compare)
		}
	}
}

// differentiated is a function of inputs with its gradients.
type differentiated struct {
	f     *Func
	y, dy *Value
	grads map[*Value]*Value
	at    []*Tensor // where
}

// differentiatedExample makes a function of an example's value: every argument is an input of its own, batched if it may be.
func differentiatedExample(t *testing.T, example *Value, batch int) *differentiated {
	d, rng := &differentiated{f: &Func{Name: "f"}}, rand.New(rand.NewPCG(1, uint64(batch))) // public: inputs of a test
	b := NewBuilder(d.f)
	input := func(typ Type, x func(i int) float32) *Value {
		v := &Value{Name: fmt.Sprintf("x%d", len(d.f.Params)), Op: Input, Type: clear(typ)}
		d.f.Params = append(d.f.Params, v)
		at := NewTensor(v.Type)
		for i := range at.F {
			at.F[i] = x(i)
		}
		d.at = append(d.at, at)
		return v
	}
	args, by, first := make([]*Value, len(example.Args)), map[*Value]bool{}, map[*Value]*Value{}
	for i, a := range example.Args {
		if !a.Is("param") { // computed of another argument
			args[i] = b.MustAs("", a.Op.Name, a.Attrs, first[a.Args[0]])
			continue
		}
		typ := a.Type.Batched(batch)
		if example.Op.oneForAll(i) {
			typ.Batch = 0
		}
		args[i] = input(typ, apart(rng, typ.All(), example.operandName(i)))
		by[args[i]] = !slices.Contains(given[example.Op.Name], i)
		if first[a] == nil {
			first[a] = args[i]
		}
	}
	for v, is := range by {
		if !is {
			delete(by, v)
		}
	}
	d.y = b.Must(example.Op.Name, example.Declared(), args...)
	d.dy = input(d.y.Type, apart(rng, d.y.Type.All(), "dy"))
	var err error
	if d.grads, err = Gradients(b, d.y, d.dy, by); err != nil {
		t.Fatal(err)
	}
	d.f.Result = d.y
	if err := Check(&Module{Stage: Train, Funcs: []*Func{d.f}}); err != nil {
		t.Fatal(err)
	}
	for v := range by {
		if d.grads[v] == nil && d.y.Attrs["start"] != 3 { // a slice of nothing
			t.Errorf("%s has no gradient by %s", d.y.Op.Name, v)
		}
	}
	return d
}

// Numbers of tests lie this far apart and from the kinks of activations, so that steps of a quarter of it cross none.
const spacing = 1.0 / 16

// apart gives distinct numbers around zero in random order; of a variance, above zero.
func apart(rng *rand.Rand, n int, operand string) func(i int) float32 {
	order := rng.Perm(n)
	return func(i int) float32 {
		x := (float32(order[i]-n/2) + 0.5) * spacing
		switch operand {
		case "var":
			x = float32(math.Abs(float64(x))) + 1
		case "step":
			x = float32(order[i] + 1)
		}
		return x
	}
}

// value gives the tensors of the function at a place.
func (d *differentiated) value(t *testing.T, at []*Tensor) Env {
	env, err := (&Runner{Keep: func(*Value) bool { return true }}).Run(d.f, at...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// along is the derivative of sum dy*y along an element of an input, by a central difference.
func (d *differentiated) along(t *testing.T, input, element int) float64 {
	const h = spacing / 4
	var y [2][]float32
	for i, by := range []float32{-h, h} {
		at := slices.Clone(d.at)
		at[input] = &Tensor{Type: at[input].Type, F: slices.Clone(at[input].F)}
		at[input].F[element] += by
		y[i] = d.value(t, at)[d.y].F
	}
	sum := 0.0
	for i := range y[0] {
		sum += float64(d.at[len(d.at)-1].F[i]) * (float64(y[1][i]) - float64(y[0][i]))
	}
	return sum / (2 * h)
}

func (d *differentiated) compare(t *testing.T) {
	const relative, absolute = 1e-3, 1e-4 // of the greatest; single precision divided by a step, and the third derivative
	env := d.value(t, d.at)
	for i, p := range d.f.Params {
		g := d.grads[p]
		if g == nil {
			continue
		}
		want, most := make([]float64, p.Type.All()), 0.0
		for at := range want {
			want[at] = d.along(t, i, at)
			most = max(most, math.Abs(want[at]))
		}
		for at, got := range env[g].F {
			if off := math.Abs(float64(got) - want[at]); !(off <= relative*most+absolute) {
				t.Errorf("by %s, element %d: %g, by finite differences %g\n%s", p, at, got, want[at], &Module{Stage: Train, Funcs: []*Func{d.f}})
				return
			}
		}
	}
}

func TestAnOpWithoutGradientIsNamed(t *testing.T) {
	m, err := Parse("t.ir", "module train\nfunc @f(%x: f32[4], %d: f32[1]) -> f32[1] {\n%1 = nn.argmax %x : f32[1]  @0:0:0/head\nreturn %1 }")
	if err != nil {
		t.Fatal(err)
	}
	f := m.Funcs[0]
	_, err = Gradients(NewBuilder(f), f.Result, f.Params[1], map[*Value]bool{f.Params[0]: true})
	if err == nil || !strings.Contains(err.Error(), "%1 (head): nn.argmax has no gradient: it is constant but where it jumps") {
		t.Errorf("got %v", err)
	}
}
