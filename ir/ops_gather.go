package ir

import (
	"fmt"
	"slices"
	"strings"

	"sotto/ir/cost"
)

// Linearised ReLUs: a mask that both parties know says which elements of a tensor keep theirs (SNL, AutoReP, DeepReDuce). The kept
// elements are gathered, compared in one batch, and scattered back among the others, each party moving its own share.
//
// A mask is written as a list of half-open ranges of elements in row-major order, [lo, hi, lo, hi, ...], each beginning behind the
// one before it: a mask by channels is short, and one by pixels has two numbers a run.

// attrKeep is the mask of a ReLU.
var attrKeep = Attr{"keep", IntsAttr, []int(nil), "ranges lo, hi of the elements it is applied to, the others pass as they are; none: all"}

// Ranges calls f for each range of a mask, with the number of kept elements before it.
func Ranges(keep []int, f func(at, lo, hi int)) {
	at := 0
	for i := 0; i+1 < len(keep); i += 2 {
		f(at, keep[i], keep[i+1])
		at += keep[i+1] - keep[i]
	}
}

// Kept is the number of elements in the ranges of a mask.
func Kept(keep []int) (n int) {
	Ranges(keep, func(_, lo, hi int) { n += hi - lo })
	return n
}

// Rectified is the number of elements that an op which is a ReLU is applied to, of other ops none.
func (v *Value) Rectified() int {
	switch {
	case !v.Op.ReLU:
		return 0
	case len(v.Ints("keep")) > 0:
		return Kept(v.Ints("keep"))
	}
	return v.Type.Len()
}

// checkKeep demands ranges in order that lie within n elements and do not touch.
func checkKeep(keep []int, n int) error {
	end := -1
	for i, x := range keep {
		if x <= end || x > n {
			return fmt.Errorf("keep has %d after %d: accepted are ascending ends of ranges within %d elements that do not touch", x, keep[max(i-1, 0)], n)
		}
		end = x
	}
	if len(keep)%2 != 0 {
		return fmt.Errorf("keep has %d numbers: accepted are pairs", len(keep))
	}
	return nil
}

func init() {
	define(Op{
		Name: "ring.gather", Stages: ringStages, Local: true,
		Doc:      "The elements of the ranges keep, one behind the other.",
		Example:  "%x = param @x : S i32q12[8,4,4]\n%1 = ring.gather %x {keep=[0,16,20,24]} : i32q12[20]",
		Operands: []Operand{{"x", ""}},
		Attrs:    []Attr{requiredKeep},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			if err != nil {
				return Type{}, err
			}
			x := v.Args[0].Type
			return x.With(Kept(v.Ints("keep"))).Of(share), checkKeep(v.Ints("keep"), x.Len())
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			Ranges(v.Ints("keep"), func(at, lo, hi int) { copy(out.I[at:], a[0].I[lo:hi]) })
			return out, nil
		},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		},
	})
	define(Op{
		Name: "ring.scatter", Stages: ringStages, Local: true,
		Doc:      "x with its elements in the ranges keep replaced by those of y, one behind the other.",
		Example:  "%x = param @x : S i32q12[8,4,4]\n%y = param @y : S i32q12[20]\n%1 = ring.scatter %x, %y {keep=[0,16,20,24]} : i32q12[8,4,4]",
		Operands: []Operand{{"x", ""}, {"y", "[elements that are kept]"}},
		Attrs:    []Attr{requiredKeep},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			if err != nil {
				return Type{}, err
			}
			x, keep := v.Args[0].Type, v.Ints("keep")
			if err := wantShape(v, 1, Kept(keep)); err != nil {
				return Type{}, err
			}
			return x.Of(share), checkKeep(keep, x.Len())
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			copy(out.I, a[0].I)
			Ranges(v.Ints("keep"), func(at, lo, hi int) { copy(out.I[lo:hi], a[1].I[at:]) })
			return out, nil
		},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			movedCost(l, int64(Kept(v.Ints("keep"))), in)
			return localCost(l, v, in) // x is copied
		},
	})
}

// requiredKeep is the mask of a movement, which is of no use without one.
var requiredKeep = Attr{"keep", IntsAttr, nil, "ranges lo, hi of elements"}

// masked gives an op that is a ReLU a mask of the elements it is applied to: Eval leaves the others as they are, and so Range has them.
func masked(o Op) Op {
	infer, bounds, eval := o.Infer, o.Range, o.Eval
	o.Attrs = append(slices.Clone(o.Attrs), attrKeep)
	o.Doc = strings.TrimSuffix(o.Doc, ".") + ", where keep has it."
	o.Infer = func(v *Value) (Type, error) {
		if err := checkKeep(v.Ints("keep"), v.Args[0].Type.Len()); err != nil {
			return Type{}, err
		}
		return infer(v)
	}
	o.Range = func(v *Value, in []Interval, weights [][]float32) Interval {
		out := bounds(v, in, weights)
		if len(v.Ints("keep")) > 0 {
			out = out.Union(in[0])
		}
		return out
	}
	o.Eval = func(v *Value, args []*Tensor) (*Tensor, error) {
		out, err := eval(v, args)
		if keep := v.Ints("keep"); err == nil && len(keep) > 0 {
			rectified := slices.Clone(out.F)
			copy(out.F, args[0].F)
			Ranges(keep, func(_, lo, hi int) { copy(out.F[lo:hi], rectified[lo:hi]) })
		}
		return out, err
	}
	return o
}
