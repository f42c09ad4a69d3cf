package ir

import (
	"errors"
	"fmt"
	"slices"

	"sotto/ir/cost"
)

const ringStages = RingStage | Secure

// Ring ops compute over Z/2^l. In RING nobody holds shares; in SECURE the local ones act on each party's share, and linear
// layers on a masked (client-server) or opened (outsourced) input. What fraction bits a result has follows from its
// arguments': products add them.
func init() {
	for _, name := range []string{"conv2d", "linear"} {
		define(linearOp(name))
	}
	define(Op{
		Name: "ring.add", Stages: ringStages, Local: true,
		Doc:      "Elementwise sum.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.add %x, %x : i32q12[8]",
		Operands: []Operand{{"a", ""}, {"b", "of the type of a"}},
		Infer:    inferRingPair,
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return zipRing(v, a, func(x, y int64) int64 { return x + y }), nil
		},
	})
	define(Op{
		Name: "ring.sub", Stages: ringStages, Local: true,
		Doc:      "Elementwise difference.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.sub %x, %x : i32q12[8]",
		Operands: []Operand{{"a", ""}, {"b", "of the type of a"}},
		Infer:    inferRingPair,
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return zipRing(v, a, func(x, y int64) int64 { return x - y }), nil
		},
	})
	define(Op{
		Name: "ring.mulc", Stages: ringStages, Local: true,
		Doc:      "Times a public integer c, which stands for c / 2^frac: the result has frac more fraction bits.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.mulc %x {c=4096, frac=12} : i32q24[8]",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"c", IntAttr, nil, "the integer"}, {"frac", IntAttr, 0, "fraction bits of c"}},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			t := v.Args[0].Type.Of(share)
			t.Elem.Frac += v.Int("frac")
			return t, errors.Join(err, checkRing(t.Elem.Bits, t.Elem.Frac))
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			c := int64(v.Int("c"))
			return mapRing(v, a[0], func(x int64) int64 { return x * c }), nil
		},
	})
	define(Op{
		Name: "ring.addc", Stages: ringStages, Local: true,
		Doc:      "Plus a public integer c; one party adds it.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.addc %x {c=-24576} : i32q12[8]",
		Operands: []Operand{opX},
		Attrs:    []Attr{{"c", IntAttr, nil, "the integer"}},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			return v.Args[0].Type.Of(share), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			c := int64(v.Int("c"))
			return mapRing(v, a[0], func(x int64) int64 { return x + c }), nil
		},
	})
	define(Op{
		Name: "ring.shift", Stages: ringStages, Local: true, Weights: 1,
		Doc:      "Plus a weight, one for all or one a channel: the server adds it, or each party its share of it.",
		Example:  "%x = param @x : S i32q12[2,4,4]\n%c = param @c : S i32q12[2]\n%1 = ring.shift %x, %c : i32q12[2,4,4]",
		Operands: []Operand{opX, {"c", "[1] or [C], of the element type of x"}},
		Infer: func(v *Value) (Type, error) {
			x, c := v.Args[0].Type, v.Args[1].Type
			if !x.Elem.IsRing() || c.Elem != x.Elem {
				return Type{}, fmt.Errorf("%s and %s differ in their elements", x, c)
			}
			if len(c.Shape) != 1 || (c.Shape[0] != 1 && c.Shape[0] != x.Shape[0]) {
				return Type{}, fmt.Errorf("the summand has shape %s, accepted are [1] and [%d]", shapeString(c.Shape), x.Shape[0])
			}
			share, err := sameRing(v.Args[:1])
			return x.Of(share), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			copy(out.I, a[0].I)
			addBias(out.I, a[1].I)
			return out.wrap(), nil
		},
	})
	define(Op{
		Name: "ring.sumpool", Stages: ringStages, Local: true,
		Doc:      "The sum of each window, zeros of the padding counted.",
		Example:  "%x = param @x : S i32q12[8,4,4]\n%1 = ring.sumpool %x {kernel=[4,4]} : i32q12[8,1,1]",
		Operands: []Operand{opImage}, Attrs: []Attr{attrKernel, attrStride, attrPad},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			if err != nil {
				return Type{}, err
			}
			t, err := inferPool(v)
			return t.Of(share), err
		},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Args[0].Type.Len()), in)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k := v.Ints("kernel")
			sumPool(v.window(k[0], k[1]), out.I, a[0].I)
			return out.wrap(), nil
		},
	})
	define(Op{
		Name: "ring.trunc", Stages: RingStage, Slack: 1,
		Doc:      "Division by 2^bits, rounded down; a protocol may give one unit more. The result has bits fewer fraction bits.",
		Example:  "%x = param @x : S i32q24[8]\n%1 = ring.trunc %x {bits=12} : i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrBits},
		Infer: inferTrunc, Eval: evalTrunc,
	})
	define(Op{
		Name: "ring.relu", Stages: RingStage,
		Traits: Traits{Compares: WithZero},
		Doc: "max(x, 0) on the signed representative. With drop > 0 a protocol may take the sign without so many low bits: then a value in" +
			" [-2^drop, 0) may come through as it is; all others are exact.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.relu %x : i32q12[8]",
		Operands: []Operand{opX}, Infer: inferRingRelu,
		Attrs: []Attr{{"drop", IntAttr, 0, "how many low bits the sign may be taken without"}},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return max(x, 0) }), nil
		},
	})
	define(Op{
		Name: "ring.square", Stages: RingStage,
		Doc:      "x*x; fraction bits double.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.square %x : i32q24[8]",
		Operands: []Operand{opX}, Infer: inferSquare, Eval: evalSquare,
	})
	define(Op{
		Name: "ring.maxpool", Stages: RingStage,
		Traits:   Traits{Compares: WithEachOther},
		Doc:      "The greatest element of each window; padding never wins.",
		Example:  "%x = param @x : S i32q12[8,4,4]\n%1 = ring.maxpool %x {kernel=[2,2], stride=[2,2]} : i32q12[8,2,2]",
		Operands: []Operand{opImage}, Attrs: []Attr{attrKernel, attrStride, attrPad},
		Infer: func(v *Value) (Type, error) {
			if _, err := inferRingUnary(v); err != nil {
				return Type{}, err
			}
			return inferPool(v)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k := v.Ints("kernel")
			maxPool(v.window(k[0], k[1]), out.I, a[0].I)
			return out, nil
		},
	})
	define(Op{
		Name: "ring.argmax", Stages: RingStage,
		Traits:   Traits{Compares: WithEachOther},
		Doc:      "Index of the greatest element, the first of equals.",
		Example:  "%x = param @x : S i32q12[8]\n%1 = ring.argmax %x : i32q0[1]",
		Operands: []Operand{{"x", "[N]"}},
		Infer: func(v *Value) (Type, error) {
			if _, err := inferRingUnary(v); err != nil {
				return Type{}, err
			}
			return clear(v.Args[0].Type).With(1).Frac(0), wantVector(v, 0)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, I: []int64{int64(argmax(a[0].I))}}, nil
		},
	})
}

// attrPacking is how a linear layer is packed for the encryption, where that is not as its module says.
var attrPacking = Attr{"packing", StringAttr, "", "how the layer is packed for the encryption by which the parties make its products, where not as the module says: balanced, compact or light"}

var attrBits = Attr{"bits", IntAttr, nil, "how many low bits are dropped"}

// linearOp declares ring.conv2d and ring.linear: the nn op's shapes and reference, with fraction bits, sharing and cost.
func linearOp(name string) Op {
	op := *MustLookup("nn." + name)
	shapes := op.Infer
	op.Name, op.Stages, op.Grad = "ring."+name, ringStages, nil
	op.Attrs = append(slices.Clone(op.Attrs), attrPacking, attrBatch)
	op.Example = map[string]string{
		"conv2d": "%x = param @x : S i32q12[3,8,8]\n%w = param @w : S i32q12[4,3,3,3]\n%1 = ring.conv2d %x, %w {pad=[1,1]} : i32q24[4,8,8]",
		"linear": "%x = param @x : S i32q12[16]\n%w = param @w : S i32q12[10,16]\n%1 = ring.linear %x, %w : i32q24[10]",
	}[name]
	op.Infer = func(v *Value) (Type, error) {
		t, err := shapes(v)
		if err != nil {
			return Type{}, err
		}
		return inferProduct(v, t)
	}
	op.Cost = linearCost
	return op
}

// inferProduct types weights times activations: M with the server's weights gives M (the client's part of the result is
// known offline), E with shared weights gives A, clear with weights gives clear.
func inferProduct(v *Value, t Type) (Type, error) {
	x, w := v.Args[0].Type, v.Args[1].Type
	if _, err := v.Packing(cost.Balanced); err != nil {
		return Type{}, err
	}
	if !x.Elem.IsRing() || !w.Elem.IsRing() || x.Elem.Bits != w.Elem.Bits {
		return Type{}, fmt.Errorf("%s times %s: accepted are elements of one ring", x, w)
	}
	t.Elem = Ring(x.Elem.Bits, x.Elem.Frac+w.Elem.Frac)
	if len(v.Args) > 2 && (v.Args[2].Type.Elem != t.Elem || v.Args[2].Type.Share != w.Share) {
		return Type{}, fmt.Errorf("the bias is %s, accepted are elements %s of the sharing of the weights", v.Args[2].Type, t.Elem)
	}
	switch {
	case x.Share == Masked && w.Share == OfServer:
		t.Share = Masked
	case x.Share == Opened && (w.Share == Arithmetic || w.Share == Opened):
		t.Share = Arithmetic
	case slices.Contains([]Sharing{Clear, OfClient, OfServer}, x.Share) && w.Share == OfServer, x.Share == Clear && w.Share == Clear:
		t.Share = Clear // the latter of a training step, whose weights are nobody's
	default:
		return Type{}, fmt.Errorf("input %s and weights %s: accepted are M with S, E with A or E, or an unshared input with S", x, w)
	}
	return t, checkRing(t.Elem.Bits, t.Elem.Frac)
}

// linearCost: shares of mask*W come from the material; online nothing is sent.
func linearCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	if v.Bilinear() {
		return bilinearCost(l, v, in)
	}
	if l.Source == cost.FromHE {
		heCost(l, v)
	} else {
		dealtCost(l, v)
	}
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		v.drawn(l, p, 1) // its share of the product with the mask
		l.Keep(p, v.vectorBytes())
	}
	for _, p := range evaluators(l.Deploy) {
		l.Compute(p, cost.OfflineEnd, cost.PackWeights, v.Args[1].vectorBytes())
		l.Compute(p, cost.OfflineEnd, cost.Allocate, v.Args[1].vectorBytes())
		v.multiplies(l, p, max(in[0][p], cost.Start))
	}
	if l.Deploy == cost.ClientServer {
		return cost.Ready{cost.Start, in[0][cost.Server]}
	}
	return in[0]
}

// dealtCost: the mask of the weights is opened once a session (F = W - B) and the dealer sends one correction an output element.
// Who hears F multiplies it with its mask.
func dealtCost(l *cost.Ledger, v *Value) {
	bits := v.Type.Elem.Bits
	weights, outs := int64(v.Args[1].Type.Len()), int64(v.Type.Len())
	bytes := v.Args[1].vectorBytes()
	l.Deal(cost.Server, cost.BitBytes(outs, bits))
	openers := []cost.Party{cost.Server}
	if l.Deploy == cost.Outsourced {
		openers = append(openers, cost.Client)
	}
	for _, p := range openers {
		l.Send(p, cost.BitBytes(weights, bits), 0)
		l.Stream(p, p, 1, cost.Expand, bytes)
		l.Stream(p, p, 1, cost.Vectors, 3*bytes)
	}
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		if l.Deploy == cost.Outsourced || p == cost.Client {
			l.Compute(p, 1, cost.Allocate, bytes)
			l.Step(p, 3*bytes) // what is multiplied, packed, and what is read meanwhile
			v.multipliesOnce(l, p, 1)
		}
		l.Compute(cost.Dealer, 0, cost.Expand, bytes)
	}
	l.Compute(cost.Dealer, 0, cost.Allocate, bytes)
	v.multipliesOnce(l, cost.Dealer, 0)
}

// multipliesOnce is multiplies with weights that are packed for it.
func (v *Value) multipliesOnce(l *cost.Ledger, p cost.Party, at cost.Time) {
	bytes := v.Args[1].vectorBytes()
	l.Compute(p, at, cost.PackWeights, bytes)
	l.Compute(p, at, cost.Allocate, bytes)
	v.multiplies(l, p, at)
}

// multiplies records a linear map at a party: its multiply-adds, the weights that it reads, and its vectors.
func (v *Value) multiplies(l *cost.Ledger, p cost.Party, at cost.Time) {
	l.Compute(p, at, cost.ConvKernel(v.Type.Elem.Bits, v.depthwise()), v.MACs())
	l.Compute(p, at, cost.Weights, v.Args[1].vectorBytes())
	l.Compute(p, at, cost.Vectors, v.Args[0].vectorBytes()+2*v.vectorBytes())
}

// depthwise tells of a convolution that each channel has its own.
func (v *Value) depthwise() bool {
	weights := v.Args[1].Type.Shape
	return v.Is("ring.conv2d") && weights[1] == 1 && weights[0] > 1 && v.Int("groups") > 1
}

// evaluators are the parties that compute linear maps online.
func evaluators(d cost.Deployment) []cost.Party {
	if d == cost.ClientServer {
		return []cost.Party{cost.Server}
	}
	return []cost.Party{cost.Client, cost.Server}
}

func inferRingUnary(v *Value) (Type, error) {
	share, err := sameRing(v.Args)
	return v.Args[0].Type.Of(share), err
}

func inferRingRelu(v *Value) (Type, error) {
	t, err := inferRingUnary(v)
	if d, most := v.Int("drop"), t.Elem.Bits-2; err == nil && (d < 0 || d > most) {
		return t, fmt.Errorf("drop %d: accepted are 0 to %d", d, most)
	}
	return t, err
}

// Passes tells whether x, an operand's element, may come through a RING relu as it is although it is negative.
func (v *Value) Passes(x int64) bool {
	return v.Is("ring.relu") && x < 0 && x >= -1<<v.Int("drop") && v.Int("drop") > 0
}

func inferRingPair(v *Value) (Type, error) {
	share, err := sameRing(v.Args)
	if err != nil {
		return Type{}, err
	}
	t, err := sameShapes(v.Args)
	return t.Of(share), err
}

func inferTrunc(v *Value) (Type, error) {
	t := v.Args[0].Type
	if !t.Elem.IsRing() {
		return Type{}, fmt.Errorf("%s is %s, accepted are ring elements", v.Args[0], t)
	}
	if bits := v.Int("bits"); bits < 1 || bits > t.Elem.Frac {
		return Type{}, fmt.Errorf("drops %d bits of %d fraction bits", bits, t.Elem.Frac)
	}
	t.Elem.Frac -= v.Int("bits")
	return clear(t), nil
}

func inferSquare(v *Value) (Type, error) {
	t := v.Args[0].Type
	if !t.Elem.IsRing() {
		return Type{}, fmt.Errorf("%s is %s, accepted are ring elements", v.Args[0], t)
	}
	t.Elem.Frac *= 2
	return clear(t), checkRing(t.Elem.Bits, t.Elem.Frac)
}

func evalTrunc(v *Value, a []*Tensor) (*Tensor, error) {
	f := v.Int("bits")
	return mapRing(v, a[0], func(x int64) int64 { return x >> f }), nil
}

func evalSquare(v *Value, a []*Tensor) (*Tensor, error) {
	return mapRing(v, a[0], func(x int64) int64 { return x * x }), nil
}

func mapRing(v *Value, x *Tensor, f func(int64) int64) *Tensor {
	out := NewTensor(v.Type)
	for i, e := range x.I {
		out.I[i] = f(e)
	}
	return out.wrap()
}

func zipRing(v *Value, a []*Tensor, f func(x, y int64) int64) *Tensor {
	out := NewTensor(v.Type)
	for i := range out.I {
		out.I[i] = f(a[0].I[i], a[1].I[i])
	}
	return out.wrap()
}

// MACs counts the multiply-adds of a linear layer: output elements times the weights each one meets; those of its adjoints, which are as many,
// and of products of elements. Other ops have none.
func (v *Value) MACs() int64 {
	each := func(y, w Type) int64 { return int64(y.Len()) * int64(w.Len()/w.Shape[0]) }
	switch v.Op.Name {
	case "nn.conv2d", "ring.conv2d", "nn.linear", "ring.linear":
		return each(v.Type, v.Args[1].Type)
	case "ring.conv2d.x", "ring.linear.x":
		return each(v.Args[0].Type, v.Args[1].Type)
	case "ring.conv2d.w", "ring.linear.w":
		return each(v.Args[1].Type, v.Type)
	case "ring.mul", "ring.products":
		return int64(v.Args[0].Type.Len())
	}
	return 0
}
