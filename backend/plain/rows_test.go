package plain

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sotto/ir"
)

// alias are the ops that compute nothing.
var alias = map[string]bool{"param": true, "assign": true, "nn.reshape": true, "nn.dropout": true}

// Every op that a function of TRAIN may have has a row.
func TestEveryOpHasARow(t *testing.T) {
	for _, o := range ir.Ops() {
		if _, ok := rows[o.Name]; o.Stages&(ir.Train) != 0 && !ok && !alias[o.Name] {
			t.Errorf("%s has no row in rows.go", o.Name)
		}
	}
	for name := range rows {
		if o, ok := ir.Lookup(name); !ok || o.Stages&(ir.Net|ir.Train) == 0 {
			t.Errorf("the row %s is of no op of TRAIN or NET", name)
		}
	}
}

// example gives the value that an op's example computes.
func example(t *testing.T, o *ir.Op) *ir.Value {
	t.Helper()
	lines := strings.Split(o.Example, "\n")
	name, rest, _ := strings.Cut(lines[len(lines)-1], " = ")
	stage := "train"
	if o.Stages&ir.Train == 0 {
		stage = "net"
	}
	typ := rest[strings.LastIndex(rest, " : ")+len(" : "):]
	m, err := ir.Parse(o.Name, fmt.Sprintf("module %s\nfunc @example() -> %s {\n%s\nreturn %s\n}\n", stage, typ, o.Example, name))
	if err != nil {
		t.Fatal(err)
	}
	return m.Funcs[0].Result
}

// alone is a function of one op, as its example has it: operands are inputs, of n samples if a row wants them so and mask has their bit.
func alone(t *testing.T, v *ir.Value, n int, mask uint) *ir.Func {
	t.Helper()
	f := &ir.Func{Name: "alone"}
	b := ir.NewBuilder(f)
	var args []*ir.Value
	for i, a := range v.Args {
		if v.Is("train.batchnorm") && a.Is("train.moments") { // those of the normalised tensor are demanded
			args = append(args, b.Must(a.Op.Name, a.Attrs, args[0]))
			continue
		}
		arg := &ir.Value{Name: fmt.Sprintf("in%d", i), Op: ir.Input, Type: a.Type.Of(ir.Clear)}
		if n > 0 && batchable(v, i) && mask>>i&1 == 1 {
			arg.Type = arg.Type.Batched(n)
		}
		f.Params, args = append(f.Params, arg), append(args, arg)
	}
	out, err := b.EmitAs("out", v.Op.Name, v.Attrs, args...)
	if all := uint(1)<<len(v.Args) - 1; err != nil && mask != all {
		return nil // it takes no operand that is one for all samples
	} else if err != nil {
		t.Fatalf("%s: %v", v.Op.Name, err)
	}
	f.Result = out
	return f
}

// batchable tells whether an operand may be there for every sample: what only says how samples are computed may not.
func batchable(v *ir.Value, i int) bool {
	one := map[string][]int{"grad.batchnorm.sums": {1}, "grad.batchnorm.x": {1, 2, 3}, "grad.x2act.x": {1, 2}, "grad.crossentropy": {2},
		"train.running.mean": {0, 1}, "train.running.var": {0, 1}, "clip.scale": {0, 1}, "train.expected": {0, 1}, "clip.norm": {0, 1}}[v.Op.Name]
	for _, k := range one {
		if i == k {
			return false
		}
	}
	return !(v.Op.Weights > 0 && i >= v.Op.Weights || v.Op.Decides && i == 0) &&
		!strings.HasPrefix(v.Op.Name, "sgd.") && !strings.HasPrefix(v.Op.Name, "adam.")
}

// draw gives numbers for a tensor; those that stand for variances, rates and steps are positive.
func draw(rng *rand.Rand, n int, positive bool) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		if positive {
			x[i] = float32(math.Abs(float64(x[i]))) + 0.5
		}
	}
	return x
}

// close compares with the reference: differences are rounding.
func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	scale := 1.0
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 4e-6*scale) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// compare runs a function as a program and by reference, with state of its own for each.
func compare(t *testing.T, what string, f *ir.Func, rng *rand.Rand) {
	t.Helper()
	p, err := Compile(f)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var inputs [][]float32
	var tensors []*ir.Tensor
	for _, v := range f.Params {
		x := draw(rng, v.Type.All(), true)
		if v.Type.Batch > 0 || strings.HasPrefix(f.Name, "signed") {
			x = draw(rng, v.Type.All(), false)
		}
		inputs, tensors = append(inputs, x), append(tensors, &ir.Tensor{Type: v.Type, F: append([]float32(nil), x...)})
	}
	compareOn(t, what, f, p, State{}, inputs, tensors)
}

func compareOn(t *testing.T, what string, f *ir.Func, p *Program, state State, inputs [][]float32, tensors []*ir.Tensor) {
	t.Helper()
	left := State{}
	runner := ir.Runner{
		Weight: func(v *ir.Value) (*ir.Tensor, error) {
			return &ir.Tensor{Type: v.Type, F: append([]float32(nil), state[v.Path]...)}, nil
		},
		Assign: func(v *ir.Value, x *ir.Tensor) { left[v.Path] = x.F },
	}
	env, err := runner.Run(f, tensors...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	m := &Memory{}
	got, err := p.Run(m, state, inputs...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	closeTo(t, what, got, env[f.Result].F)
	for path, x := range left {
		closeTo(t, what+": state "+path, state[path], x)
	}
}

// Every row computes what its op says, of one sample and of several, where some operands are one for all.
func TestRowsAgainstReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name := range rows {
		o := ir.MustLookup(name)
		v := example(t, o)
		for _, n := range []int{0, 1, 3} {
			masks := []uint{1<<len(v.Args) - 1}
			for i := range v.Args {
				if n > 0 && i > 0 {
					masks = append(masks, masks[0]&^(1<<i))
				}
			}
			for _, mask := range masks {
				if f := alone(t, v, n, mask); f != nil {
					compare(t, fmt.Sprintf("%s of %d samples, operands %b", name, n, mask), f, rng)
				}
			}
		}
	}
}
