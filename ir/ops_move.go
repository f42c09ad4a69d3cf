package ir

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sotto/ir/cost"
)

// Movements put elements in other places. They mean the same on floats, on ring elements and on shares, so each is declared
// once, as the nn op, and defined twice: nn.X in SPACE and NET, ring.X in RING and SECURE. What fixed point, protocols and back ends ask
// follows from that it is one.
func init() {
	defineMovement("concat", Op{
		Doc: "The arguments one after the other along the first dimension.", Variadic: true,
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = nn.concat %x, %x : f32[6,4,4]",
		Operands: []Operand{{"x", "equal in all but the first dimension"}},
		Traits:   Traits{Unchanged: func(v *Value) bool { return len(v.Args) == 1 }},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			out, at := make([]*Value, len(v.Args)), 0
			for i, a := range v.Args {
				out[i] = b.part(dy, at, a.Type.Shape)
				at += a.Type.Len()
			}
			return out
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
	})
	defineMovement("pad", Op{
		Range:    rangeWithZero,
		Doc:      "Zeros around every channel.",
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = nn.pad %x {sides=[1,1,0,0]} : f32[3,6,4]",
		Operands: []Operand{opImage},
		Attrs:    []Attr{{"sides", IntsAttr, nil, "top, bottom, left, right"}},
		Traits:   Traits{ByChannel: true, Unchanged: sameType},
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
		Grad: func(b *Builder, v, dy *Value) []*Value { // what stands inside
			p, x, y := v.Ints("sides"), v.Args[0].Type.Shape, v.Type.Shape
			inside := Loops{p[0]*y[2] + p[2], []Loop{{x[0], y[1] * y[2]}, {x[1], y[2]}, {x[2], 1}}}
			return []*Value{b.gather(dy, inside, x)}
		},
	})
	defineMovement("slice", Op{
		Range:    rangeWithZero,
		Doc:      "Every stride-th row and column from start on, zeros beyond the edge: a side of n becomes ceil(n/stride).",
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = nn.slice %x {stride=2} : f32[3,2,2]",
		Operands: []Operand{opImage},
		Attrs:    []Attr{{"start", IntAttr, 0, "first row and column"}, {"stride", IntAttr, 1, "step in rows and columns"}},
		Traits:   Traits{ByChannel: true, Drops: true, Unchanged: func(v *Value) bool { return sameType(v) && v.Int("start") == 0 }},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantRank(v, 0, 3), v.within("start", 0, 1<<20), v.within("stride", 1, 1<<20)); err != nil {
				return Type{}, err
			}
			stride, s := v.Int("stride"), v.Args[0].Type.Shape
			return v.Args[0].Type.With(s[0], (s[1]+stride-1)/stride, (s[2]+stride-1)/stride), nil
		},
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return movePlanes(v, args[0], v.Int("stride"), v.Int("start"), v.Int("start")), nil
		},
		Grad: func(b *Builder, v, dy *Value) []*Value {
			start, stride, x, y := v.Int("start"), v.Int("stride"), v.Args[0].Type.Shape, v.Type.Shape
			rows, cols := (x[1]-start+stride-1)/stride, (x[2]-start+stride-1)/stride // that are not beyond the edge
			if rows <= 0 || cols <= 0 {
				return []*Value{nil}
			}
			if rows < y[1] || cols < y[2] {
				dy = b.gather(dy, Loops{0, []Loop{{y[0], y[1] * y[2]}, {rows, y[2]}, {cols, 1}}}, []int{y[0], rows, cols})
			}
			return []*Value{b.scatter(dy, Loops{start*x[2] + start, []Loop{{x[0], x[1] * x[2]}, {rows, stride * x[2]}, {cols, stride}}}, x)}
		},
	})
	defineMovement("upsample", Op{
		Doc:      "Every element becomes a square of factor by factor of it (nearest neighbour): y[c,i,j] = x[c,i/factor,j/factor].",
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = nn.upsample %x : f32[3,8,8]",
		Operands: []Operand{opImage},
		Attrs:    []Attr{{"factor", IntAttr, 2, "how often each row and each column is repeated"}},
		Traits: Traits{ByChannel: true, Unchanged: sameType, Loops: func(v *Value) Loops {
			s, f := v.Args[0].Type.Shape, v.Int("factor")
			return Loops{Of: []Loop{{s[0] * s[1], s[2]}, {f, 0}, {s[2], 1}, {f, 0}}}
		}},
		Infer: func(v *Value) (Type, error) {
			if err := errors.Join(wantRank(v, 0, 3), v.within("factor", 1, 1<<10)); err != nil {
				return Type{}, err
			}
			f, s := v.Int("factor"), v.Args[0].Type.Shape
			return v.Args[0].Type.With(s[0], s[1]*f, s[2]*f), nil
		},
	})
	defineMovement("reshape", Op{
		Doc:      "The same elements in the same order under another shape; flatten is a reshape to [N].",
		Example:  "%x = param @x : S f32[3,4,4]\n%1 = nn.reshape %x {shape=[48]} : f32[48]",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"shape", IntsAttr, nil, "the new shape"}},
		Traits:   Traits{Unchanged: sameType},
		Cost:     func(_ *cost.Ledger, _ *Value, in []cost.Ready) cost.Ready { return together(in) },
		Infer:    inferReshape,
		Grad:     func(b *Builder, v, dy *Value) []*Value { return []*Value{b.reshaped(dy, v.Args[0].Type.Shape)} },
		Eval: func(v *Value, args []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, F: args[0].F, I: args[0].I}, nil
		},
	})
}

// defineMovement defines nn.X and ring.X of one declaration: that of nn.X, whose example is ring.X's on ring elements.
func defineMovement(name string, o Op) {
	o.Moves, o.HandsOn = true, AllFactors
	if o.Cost == nil {
		o.Cost = func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		}
	}
	if o.Eval == nil {
		o.Eval = func(v *Value, args []*Tensor) (*Tensor, error) { return o.Loops(v).move(v, args[0]), nil }
	}
	if o.Grad == nil {
		o.Grad = func(b *Builder, v, dy *Value) []*Value {
			return []*Value{b.scatter(dy, o.Loops(v), v.Args[0].Type.Shape)}
		}
	}
	nn, ring := o, o
	ring.Grad = nil
	nn.Name, nn.Stages = "nn."+name, nnStages
	nn.Infer = func(v *Value) (Type, error) {
		t, err := o.Infer(v)
		return clear(t), err
	}
	define(nn)

	ring.Name, ring.Stages, ring.Local = "ring."+name, RingStage|Secure, true
	ring.Example = strings.NewReplacer("f32", "i32q12", " nn.", " ring.").Replace(o.Example)
	ring.Infer = func(v *Value) (Type, error) {
		share, err := sameRing(v.Args)
		if err != nil {
			return Type{}, err
		}
		t, err := o.Infer(v)
		return t.Of(share), err
	}
	define(ring)
}

func inferReshape(v *Value) (Type, error) {
	t := v.Args[0].Type.With(v.Ints("shape")...)
	if err := checkShape(t.Shape); err != nil {
		return Type{}, err
	}
	if t.Len() != v.Args[0].Type.Len() {
		return Type{}, fmt.Errorf("%s does not hold as many elements as %s", shapeString(t.Shape), shapeString(v.Args[0].Type.Shape))
	}
	return t, nil
}

// sameType tells whether v has the type of its one argument, but for the sharing.
func sameType(v *Value) bool {
	return slices.Equal(v.Type.Shape, v.Args[0].Type.Shape)
}

// within refuses an integer attribute outside a range.
func (v *Value) within(name string, least, most int) error {
	if n := v.Int(name); n < least || n > most {
		return fmt.Errorf("%s is %d; accepted are integers from %d to %d", name, n, least, most)
	}
	return nil
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
