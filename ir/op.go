package ir

import (
	"fmt"
	"maps"
	"slices"

	"sotto/ir/cost"
)

// Op declares an operation: everything the rest of the compiler asks of it.
type Op struct {
	Name    string
	Doc     string // one or two sentences; formulas with their source
	Example string // lines of a function body that use it; the op's own is the last
	Stages  Stage  // stages it is legal in, or-ed
	// Operands name the arguments in order. The last may repeat (Variadic); the last Optional ones may be missing.
	Operands []Operand
	Variadic bool
	Optional int
	Weights  int // from this operand on they are weights: params, or computed from such alone; 0: none has to be
	Attrs    []Attr

	// Infer gives the type of the result, or says what clashes. Nil means that the written type is the type.
	Infer func(v *Value) (Type, error)
	// Eval is the reference evaluation, on floats or on ring elements by the type of the result. Nil for ops that have no
	// meaning without a peer.
	Eval func(v *Value, args []*Tensor) (*Tensor, error)
	// Grad builds the gradients by the arguments of dy, that by v: of the argument's shape, for each sample or over the batch as the rule likes; nil
	// for an argument that nothing is differentiated by.
	Grad func(b *Builder, v, dy *Value) []*Value
	// NoGradient says why there is no Grad.
	NoGradient string
	// Training builds what v computes of the arguments while a network is trained, with what it keeps as state: nil, if that is the same.
	Training func(t *Training, v *Value, args []*Value) (*Value, error)

	// Sums says that the result sums over the batch, or has a mean of it: it is one for all samples, and Eval sees them all. The other ops are
	// declared on one sample and computed on each: their result is batched if an argument is.
	Sums bool
	// Numbered says that what an op computes of a sample depends on the sample's number: Eval sees the batch, and gives one.
	Numbered bool
	// Decides says that the first argument holds the logits of a decision, one for all samples: weights that are trained apart from the others.
	Decides bool
	// Random says that each use of the op draws anew while a network is trained: two of the same arguments are not one.
	Random bool
	// State says that the value stands for the state tensor at its path: it reads it, or overwrites it at the end of the function.
	State bool
	// Range bounds the result by the bounds of the arguments (interval arithmetic). Nil: the result has no elements that the
	// arguments do not have.
	Range func(v *Value, in []Interval, weights [][]float32) Interval
	// Ring makes an nn op of ring ops, of arguments at one scale: of all the fraction bits that they have if it hands all factors on, else
	// truncated to those of activations, as what is compared is. Nil: the ring op of its name does it, or passes/fixed knows better.
	Ring func(b *Builder, v *Value, args []*Value) *Value
	// Slack is how far above the reference a protocol's result may lie, in units of the last place: the stated interval.
	Slack int
	// Cost tells the ledger what the op's protocol sends and computes, and when the parts of its result are there. Nil means
	// that it is local: each party has its part as soon as it has the arguments'.
	Cost func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready
	// Local says that the op is linear and computed on each party's share alone.
	Local bool
	Traits
	// Constant ops are evaluated when a bundle is made if all their arguments are weights.
	Constant bool
	// Inner says of an nn op that users do not write it by its name: passes make it, or the frontend for an operator or another layer.
	Inner bool
}

// Traits are what passes and back ends ask of an op instead of its name. A test holds them against the reference evaluation, but for
// Unchanged, which networks drawn at random do, and ReLU and Compares, which are held against what an op is lowered to.
type Traits struct {
	// HandsOn says which factors the result has if all arguments, weights too, have them. fold leaves such factors in activations.
	HandsOn Factors
	// ReLU says of an op on each element alone that it takes comparisons with zero: its elements are counted as one ReLU each, gates may
	// leave some out, by an attribute that define adds, and passes that take ReLUs away do so with it.
	ReLU bool
	// KeepsOrder says of an op on each element alone that it never falls and leaves zero as it is: what moves elements, brings zeros in or takes
	// the greatest of some may come before it or after.
	KeepsOrder bool
	// Compares says of a RING op what it compares, if it does: several protocols can, and which one is chosen for each.
	Compares Comparison
	// ByElement says that element i of the result comes of elements i of the activations alone.
	ByElement bool
	// ByChannel says that slice i of the result along its first dimension comes of slices i of the activations alone, so that bounds are
	// kept by channel.
	ByChannel bool
	// Moves says that the result has no elements but those of the arguments and zeros, at places that do not depend on values: a movement of a
	// drawn mask is known to the material's maker, and a ReLU may change places with it.
	Moves bool
	// Drops says of a movement that it may leave elements of its arguments out.
	Drops bool
	// Loops says where a movement's elements come from, if nested loops over its one argument do: then it needs no Eval, and back ends nothing.
	Loops func(v *Value) Loops
	// Unchanged tells whether v is its first argument as it is. Nil: never.
	Unchanged func(v *Value) bool
}

// Factors is a set of numbers that activations may be multiplied by.
type Factors uint8

const (
	NoFactor Factors = iota
	PositiveFactors
	AllFactors
)

// Comparison is what a RING op compares.
type Comparison uint8

const (
	NoComparison  Comparison = iota
	WithZero                 // each element with zero
	WithEachOther            // elements with each other
)

// Operand names and documents an argument.
type Operand struct{ Name, Doc string }

// Input is the op of a function's parameters.
var Input = &Op{Name: "input", Doc: "a parameter of the function"}

var table = map[string]*Op{}

func define(o Op) {
	if table[o.Name] != nil {
		Bugf("op %s is declared twice", o.Name)
	}
	if o.ReLU {
		o = masked(o)
	}
	table[o.Name] = &o
}

// Lookup finds an op by name.
func Lookup(name string) (*Op, bool) {
	o, ok := table[name]
	return o, ok
}

// MustLookup finds an op the compiler knows to exist.
func MustLookup(name string) *Op {
	o, ok := table[name]
	if !ok {
		Bugf("no op is called %q", name)
	}
	return o
}

// Ops lists the table by name.
func Ops() []*Op {
	names := slices.Sorted(maps.Keys(table))
	ops := make([]*Op, len(names))
	for i, n := range names {
		ops[i] = table[n]
	}
	return ops
}

// arity refuses a wrong number of arguments.
func (o *Op) arity(n int) error {
	most, least := len(o.Operands), len(o.Operands)-o.Optional
	if n < least || (n > most && !o.Variadic) {
		return fmt.Errorf("%s takes %s, not %d", o.Name, o.arityText(least, most), n)
	}
	return nil
}

func (o *Op) arityText(least, most int) string {
	switch {
	case o.Variadic:
		return fmt.Sprintf("%d or more arguments", least)
	case least != most:
		return fmt.Sprintf("%d to %d arguments", least, most)
	}
	return fmt.Sprintf("%d argument(s)", most)
}

// infer checks the arguments and attributes of v and gives the type of its result.
func (v *Value) infer() (Type, error) {
	if err := v.Op.arity(len(v.Args)); err != nil {
		return Type{}, err
	}
	if err := v.checkAttrs(); err != nil {
		return Type{}, err
	}
	batch, err := v.batch()
	if err != nil {
		return Type{}, err
	}
	if v.Op.Infer == nil {
		return v.Type, v.Type.check()
	}
	if n := v.joined(); n != 0 {
		return v.inferJoined(n)
	}
	t, err := v.Op.Infer(v)
	if err != nil {
		return Type{}, fmt.Errorf("%s: %w", v.Op.Name, err)
	}
	t.Batch = batch
	return t, t.check()
}

func (v *Value) checkWeights() error {
	if v.Op.Weights == 0 {
		return nil
	}
	for i, a := range v.Args[v.Op.Weights:] {
		if !a.IsConstant() && a.Type.Share != Opened { // of a training step, whose weights are state
			return fmt.Errorf("%s: %s is %s, a result of %s: accepted is a weight", v.Op.Name, v.operandName(v.Op.Weights+i), a, a.Op.Name)
		}
	}
	return nil
}

// batch gives the batch of v's result by those of its arguments.
func (v *Value) batch() (int, error) {
	var first *Value
	for i, a := range v.Args {
		switch {
		case a.Type.Batch == 0:
		case v.Op.oneForAll(i):
			return 0, fmt.Errorf("%s: %s is %s, accepted is one for all samples", v.Op.Name, v.operandName(i), a.Type)
		case first == nil:
			first = a
		case a.Type.Batch != first.Type.Batch:
			return 0, fmt.Errorf("%s: %s is %s and %s is %s: the batches differ", v.Op.Name, first, first.Type, a, a.Type)
		}
	}
	if v.Op.Sums || first == nil {
		return 0, nil
	}
	return first.Type.Batch, nil
}

// oneForAll tells whether an argument is the same for all samples: weights, and what a batch is normalised by.
func (o *Op) oneForAll(arg int) bool {
	return o.Weights > 0 && arg >= o.Weights || o.Decides && arg == 0
}

// Retype infers v's type anew and stores it.
func (v *Value) Retype() error {
	t, err := v.infer()
	if err != nil {
		return fmt.Errorf("%s: %s (%s): %w", v.Pos, v, v.Path, err)
	}
	v.Type = t
	return nil
}
