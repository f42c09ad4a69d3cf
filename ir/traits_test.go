package ir

import (
	"slices"
	"testing"
)

// traitsOf finds out by the reference evaluation of an op's example what traits it has.
type traitsOf struct {
	t    *testing.T
	v    *Value
	args []*Tensor
}

func (o *traitsOf) eval(args []*Tensor) []float32 {
	out, err := EvalOne(o.v, args)
	if err != nil {
		o.t.Fatalf("%s: %v", o.v.Op.Name, err)
	}
	return slices.Clone(out.F)
}

// changed gives the arguments with f applied to their elements.
func (o *traitsOf) changed(f func(arg, i int, x float32) float32) []*Tensor {
	out := make([]*Tensor, len(o.args))
	for a, x := range o.args {
		out[a] = &Tensor{Type: x.Type, F: slices.Clone(x.F)}
		for i := range x.F {
			out[a].F[i] = f(a, i, x.F[i])
		}
	}
	return out
}

// scales tells whether the result has a factor that all arguments have.
func (o *traitsOf) scales(by float32) bool {
	want := o.eval(o.args)
	for i := range want {
		want[i] *= by
	}
	return slices.Equal(want, o.eval(o.changed(func(_, _ int, x float32) float32 { return by * x })))
}

func (o *traitsOf) handsOn() Factors {
	const far = 16 // beyond what relu6 clips at
	switch {
	case !o.scales(far):
		return NoFactor
	case !o.scales(-far):
		return PositiveFactors
	}
	return AllFactors
}

// activation tells whether an argument is no weight.
func (o *traitsOf) activation(arg int) bool { return o.v.Op.Weights == 0 || arg < o.v.Op.Weights }

// byChannel changes one slice of the activations after the other, and looks which slices of the result change.
func (o *traitsOf) byChannel() bool {
	channels := o.v.Type.Shape[0]
	for a, x := range o.args {
		if o.activation(a) && x.Type.Shape[0] != channels {
			return false
		}
	}
	before := o.eval(o.args)
	per := len(before) / channels
	for c := range channels {
		after := o.eval(o.changed(func(a, i int, x float32) float32 {
			if o.activation(a) && i/(len(o.args[a].F)/channels) == c {
				return x + 1
			}
			return x
		}))
		for i := range after {
			if after[i] != before[i] && i/per != c {
				return false
			}
		}
	}
	return true
}

// byElement changes one element of the activations after the other, and looks which elements of the result change.
func (o *traitsOf) byElement() bool {
	for a, x := range o.args {
		if o.activation(a) && !slices.Equal(x.Type.Shape, o.v.Type.Shape) {
			return false
		}
	}
	before := o.eval(o.args)
	for at := range before {
		after := o.eval(o.changed(func(a, i int, x float32) float32 {
			if o.activation(a) && i == at {
				return x + 1
			}
			return x
		}))
		for i := range after {
			if after[i] != before[i] && i != at {
				return false
			}
		}
	}
	return true
}

// keepsOrder tells whether an op on each element alone never falls, from far below zero to far above, and has zero for zero, whatever the
// other arguments are.
func (o *traitsOf) keepsOrder() bool {
	if len(o.args) > 1 || !o.byElement() {
		return false
	}
	n := len(o.args[0].F)
	out := o.eval(o.changed(func(_, i int, _ float32) float32 { return float32(i - n/2) }))
	return out[n/2] == 0 && slices.IsSorted(out)
}

// moves tells whether every element is one of the arguments' or zero, wherever the greatest of them are, and drops whether one is missing.
func (o *traitsOf) moves() (moves, drops bool) {
	numbered := o.changed(func(a, i int, _ float32) float32 { return float32(1 + 1000*a + i) })
	var all []float32
	for _, x := range numbered {
		all = append(all, x.F...)
	}
	out := o.eval(numbered)
	moves = o.handsOn() == AllFactors
	for _, y := range out {
		moves = moves && (y == 0 || slices.Contains(all, y))
	}
	return moves, moves && slices.ContainsFunc(all, func(x float32) bool { return !slices.Contains(out, x) })
}

// Passes and back ends go by these traits. One that is declared and not there makes wrong results; one that is there and not declared makes
// networks dearer, which no other test would notice.
func TestTraitsAreThoseOfTheEvaluation(t *testing.T) {
	for _, op := range Ops() {
		if op.Stages&Net == 0 || op.Eval == nil || op.Constant {
			continue
		}
		m, err := Parse(op.Name, wrapExample(op))
		if err != nil {
			t.Fatal(err)
		}
		f := m.Funcs[0]
		o := traitsOf{t: t, v: f.Result}
		for i, a := range f.Result.Args { // even if they are one value in the example
			x, _ := exampleWeight(a)
			for j := range x.F {
				x.F[j] += float32(i) / 8
			}
			o.args = append(o.args, x)
		}
		if got := o.handsOn(); got != op.HandsOn {
			t.Errorf("%s: the block says HandsOn: %d, the evaluation of the example %d", op.Name, op.HandsOn, got)
		}
		if got := o.byChannel(); got != op.ByChannel {
			t.Errorf("%s: the block says ByChannel: %v, the evaluation of the example %v", op.Name, op.ByChannel, got)
		}
		if got := o.byElement(); got != op.ByElement {
			t.Errorf("%s: the block says ByElement: %v, the evaluation of the example %v", op.Name, op.ByElement, got)
		}
		if got := o.keepsOrder(); got != op.KeepsOrder {
			t.Errorf("%s: the block says KeepsOrder: %v, the evaluation of the example %v", op.Name, op.KeepsOrder, got)
		}
		_, twin := table["ring."+op.Name[len("nn."):]]
		moves, drops := o.moves()
		if op.Moves != (moves && twin) { // an op without a ring form, as dropout, is not computed anywhere
			t.Errorf("%s: the block says Moves: %v, the evaluation of the example %v", op.Name, op.Moves, moves)
		}
		if op.Moves && op.Drops != drops {
			t.Errorf("%s: the block says Drops: %v, the evaluation of the example %v", op.Name, op.Drops, drops)
		}
		if same := slices.Equal(o.eval(o.args), o.args[0].F); op.Unchanged != nil && op.Unchanged(f.Result) && !same {
			t.Errorf("%s: the block says that the example is unchanged", op.Name)
		}
	}
}

// A loop nest that leaves the argument, or fills another number of elements, is a bug of the block.
func TestLoopsFillTheResult(t *testing.T) {
	for _, op := range Ops() {
		if op.Loops == nil {
			continue
		}
		m, err := Parse(op.Name, wrapExample(op))
		if err != nil {
			t.Fatal(err)
		}
		v, n := m.Funcs[0].Result, 0
		op.Loops(v).each(func(_, from int) {
			if n++; from < 0 || from >= v.Args[0].Type.Len() {
				t.Errorf("%s: the loops come to element %d of %d", op.Name, from, v.Args[0].Type.Len())
			}
		})
		if n != v.Type.Len() {
			t.Errorf("%s: the loops give %d elements of %d", op.Name, n, v.Type.Len())
		}
	}
}

// Gates leave elements of a ReLU out by its mask.
func TestReLUsHaveAMask(t *testing.T) {
	for _, op := range Ops() {
		if _, has := FindAttr(op.Attrs, attrKeep.Name); has != op.ReLU && op.Stages&Net != 0 {
			t.Errorf("%s: the block says ReLU: %v, and it has a mask: %v", op.Name, op.ReLU, has)
		}
		if op.ReLU && !op.ByElement {
			t.Errorf("%s is a ReLU, and not on each element alone", op.Name)
		}
	}
}
