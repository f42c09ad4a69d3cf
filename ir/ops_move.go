package ir

import (
	"errors"
	"fmt"
	"slices"

	"sotto/ir/cost"
)

// Movements put elements in other places. They mean the same on floats, on ring elements and on shares, so each is declared
// once and defined twice: nn.X in SPACE and NET, ring.X in RING and SECURE.
var movements = map[string]Op{
	"concat": {
		Doc: "The arguments one after the other along the first dimension.", Variadic: true,
		Operands: []Operand{{"x", "equal in all but the first dimension"}},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		},
		Infer: func(v *Value) (Type, error) {
			shape := slices.Clone(v.Args[0].Type.Shape)
			for _, a := range v.Args[1:] {
				if !slices.Equal(a.Type.Shape[1:], shape[1:]) {
					return Type{}, fmt.Errorf("shapes %s and %s differ in more than the first dimension", shapeString(v.Args[0].Type.Shape), shapeString(a.Type.Shape))
				}
				shape[0] += a.Type.Shape[0]
			}
			return v.Args[0].Type.With(shape...), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			out := &Tensor{Type: v.Type}
			for _, a := range args {
				out.F, out.I = append(out.F, a.F...), append(out.I, a.I...)
			}
			return out, nil
		},
	},
	"pad": {
		Range:    rangeWithZero,
		Doc:      "Zeros around every channel.",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"sides", IntsAttr, nil, "top, bottom, left, right"}},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		},
		Infer: func(v *Value) (Type, error) {
			if err := wantRank(v, 0, 3); err != nil {
				return Type{}, err
			}
			p, s := v.Ints("sides"), v.Args[0].Type.Shape
			if len(p) != 4 || slices.Min(p) < 0 || slices.Max(p) > 1<<20 {
				return Type{}, fmt.Errorf("sides is %s, accepted are four integers from 0 to 2^20", shapeString(p))
			}
			return v.Args[0].Type.With(s[0], s[1]+p[0]+p[1], s[2]+p[2]+p[3]), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			p := v.Ints("sides")
			return movePlanes(v, args[0], 1, -p[0], -p[2]), nil
		},
	},
	"slice": {
		Range:    rangeWithZero,
		Doc:      "Every stride-th row and column from start on, zeros beyond the edge: a side of n becomes ceil(n/stride).",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"start", IntAttr, 0, "first row and column"}, {"stride", IntAttr, 1, "step in rows and columns"}},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		},
		Infer: func(v *Value) (Type, error) {
			if err := wantRank(v, 0, 3); err != nil {
				return Type{}, err
			}
			start, stride, s := v.Int("start"), v.Int("stride"), v.Args[0].Type.Shape
			if stride < 1 || start < 0 || start > 1<<20 {
				return Type{}, fmt.Errorf("start %d and stride %d: accepted are start from 0 and stride from 1", start, stride)
			}
			return v.Args[0].Type.With(s[0], (s[1]+stride-1)/stride, (s[2]+stride-1)/stride), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return movePlanes(v, args[0], v.Int("stride"), v.Int("start"), v.Int("start")), nil
		},
	},
	"reshape": {
		Doc:      "The same elements in the same order under another shape; flatten is a reshape to [N].",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"shape", IntsAttr, nil, "the new shape"}},
		Cost:     func(_ *cost.Ledger, _ *Value, in []cost.Ready) cost.Ready { return together(in) },
		Infer: func(v *Value) (Type, error) {
			t := v.Args[0].Type.With(v.Ints("shape")...)
			if err := checkShape(t.Shape); err != nil {
				return Type{}, err
			}
			if t.Len() != v.Args[0].Type.Len() {
				return Type{}, fmt.Errorf("%s does not hold as many elements as %s", shapeString(t.Shape), shapeString(v.Args[0].Type.Shape))
			}
			return t, nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, F: args[0].F, I: args[0].I}, nil
		},
	},
}

var movementExamples = map[string]string{
	"concat":  "%%x = param @x : S %[1]s[3,4,4]\n%%1 = %[2]s.concat %%x, %%x : %[3]s[6,4,4]",
	"pad":     "%%x = param @x : S %[1]s[3,4,4]\n%%1 = %[2]s.pad %%x {sides=[1,1,0,0]} : %[3]s[3,6,4]",
	"slice":   "%%x = param @x : S %[1]s[3,4,4]\n%%1 = %[2]s.slice %%x {stride=2} : %[3]s[3,2,2]",
	"reshape": "%%x = param @x : S %[1]s[3,4,4]\n%%1 = %[2]s.reshape %%x {shape=[48]} : %[3]s[48]",
}

func defineMovement(name string) {
	nn := movements[name]
	infer := nn.Infer
	nn.Name, nn.Stages = "nn."+name, nnStages
	nn.Example = fmt.Sprintf(movementExamples[name], "f32", "nn", "f32")
	nn.Infer = func(v *Value) (Type, error) {
		t, err := infer(v)
		return clear(t), err
	}
	define(nn)

	ring := movements[name]
	ring.Name, ring.Stages, ring.Local = "ring."+name, RingStage|Secure, true
	ring.Example = fmt.Sprintf(movementExamples[name], "i32q12", "ring", "i32q12")
	ring.Infer = func(v *Value) (Type, error) {
		share, err := sameRing(v.Args)
		if err != nil {
			return Type{}, err
		}
		t, err := infer(v)
		return t.Of(share), err
	}
	define(ring)
}

// sameRing demands ring arguments of one element type that are all clear or all shared, and gives the sharing of a local
// op's result: masked if all are, else arithmetic.
func sameRing(args []*Value) (Sharing, error) {
	share, first := args[0].Type.Share, args[0].Type.Elem
	for _, a := range args {
		switch t := a.Type; {
		case !t.Elem.IsRing():
			return 0, fmt.Errorf("%s is %s, accepted are ring elements", a, t)
		case t.Elem != first:
			return 0, fmt.Errorf("%s is %s, but %s is %s", args[0], first, a, t.Elem)
		case t.Share == share:
		case t.Share.Additive() && share.Additive():
			share = Arithmetic
		default:
			return 0, fmt.Errorf("%s is %s and %s is %s: they are not shared alike", args[0], args[0].Type, a, t)
		}
	}
	if share == OfServer || share == OfClient {
		return Clear, nil
	}
	if share != Clear && !share.Additive() {
		return 0, errors.New("local ops take additive shares")
	}
	return share, nil
}

func movePlanes(v *Value, x *Tensor, stride, oy, ox int) *Tensor {
	out := NewTensor(v.Type)
	d, s := v.Type.Shape, x.Type.Shape
	if v.Type.Elem.Float {
		place(out.F, d[0], d[1], d[2], x.F, s[1], s[2], stride, oy, ox)
	} else {
		place(out.I, d[0], d[1], d[2], x.I, s[1], s[2], stride, oy, ox)
	}
	return out
}
