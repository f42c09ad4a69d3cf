package ir

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"sotto/ir/cost"
)

// What a training step in fixed point has beyond inference: products of two values that are both activations or gradients, sums over the batch,
// signs that are values of their own, since the backward pass reads them again, and the adjoints of pools. passes/fixedstep builds steps of
// them.
func init() {
	defineAdjoints()
	defineProducts()
	defineSigns()
	defineTournamentAdjoints()
	define(Op{
		Name: "state", Stages: Secure, State: true,
		Doc:     "Each party's share of the state tensor at the path, as the function before left it: weights, momenta, running statistics.",
		Example: "%w = state @conv1.weight : A i64q24[8,3,3,3]",
		Infer: func(v *Value) (Type, error) {
			if v.Path == "" || v.Type.Share != Arithmetic || !v.Type.Elem.IsRing() {
				return Type{}, fmt.Errorf("%s at path %q: accepted are shared ring elements at a path", v.Type, v.Path)
			}
			return v.Type, v.Type.check()
		},
		Cost: func(*cost.Ledger, *Value, []cost.Ready) cost.Ready {
			return cost.Ready{cost.OnlineStart, cost.OnlineStart} // whoever makes material ahead does not know it
		},
	})
}

// ringProduct types a product of v's first two arguments, of a shape: fraction bits add. In SECURE both are opened, and the product is shared.
func ringProduct(v *Value, shape Type) (Type, error) {
	t, err := multiplied(v, shape)
	a, b := v.Args[0].Type, v.Args[1].Type
	switch {
	case err != nil:
	case a.Share == Opened && b.Share == Opened:
		t.Share = Arithmetic
	case shares(a) || shares(b):
		err = fmt.Errorf("%s times %s: accepted are two opened values, or unshared ones", a, b)
	}
	return t, err
}

// multiplied is the type of a product of v's first two arguments, whoever knows them.
func multiplied(v *Value, shape Type) (Type, error) {
	a, b := v.Args[0].Type.Elem, v.Args[1].Type.Elem
	if !a.IsRing() || !b.IsRing() || a.Bits != b.Bits {
		return Type{}, fmt.Errorf("%s times %s: accepted are elements of one ring", v.Args[0].Type, v.Args[1].Type)
	}
	shape.Elem = Ring(a.Bits, a.Frac+b.Frac)
	return clear(shape), checkRing(shape.Elem.Bits, shape.Elem.Frac)
}

// shares tells whether both parties have parts of what has a type.
func shares(t Type) bool { return t.Share.Additive() || t.Share == Opened }

// Bilinear tells whether v is a product of two values that were opened: its material is a product of their masks.
func (v *Value) Bilinear() bool {
	return len(v.Args) > 1 && v.Args[0].Type.Share == Opened && v.Args[1].Type.Share == Opened
}

// bilinearCost is that of a product of opened values E and F whose masks are A and B: each party computes f(E, B_i + i*F) + f(A_i, F) + C_i with shares
// of C = f(A, B) from the material (Beaver). Nothing is sent.
func bilinearCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	ready := together(in)
	if l.Source == cost.FromHE {
		heBilinearCost(l, v)
	} else {
		l.Deal(cost.Server, v.bytes())
		l.Keep(cost.Server, v.vectorBytes()) // the correction
		v.times(l, cost.Dealer, 0)
		v.expanded(l, 1)
	}
	v.Args[1].steps(l, cost.Server, ready[cost.Server], 3) // B_1 + F
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		v.drawn(l, p, 1)
		v.times(l, p, ready[p])
		v.times(l, p, ready[p])
	}
	return ready
}

// times records a product of v's arguments' elements at a party.
func (v *Value) times(l *cost.Ledger, p cost.Party, at cost.Time) {
	if !v.Is("ring.mul") { // which is a step on vectors alone
		l.Compute(p, at, cost.BatchKernel(v.Type.Elem.Bits), v.MACs())
	}
	l.Compute(p, at, cost.Vectors, v.Args[0].vectorBytes()+v.Args[1].vectorBytes()+2*v.vectorBytes())
}

// defineAdjoints defines the gradients of linear layers: shapes are those of the ops of TRAIN.
func defineAdjoints() {
	adjoint := func(name, example string, eval func(v *Value, a []*Tensor, sum []int64)) {
		op := *MustLookup("grad." + name)
		shapes := op.Infer
		op.Name, op.Stages, op.Example, op.Cost = "ring."+name, ringStages, example, bilinearCost
		op.Attrs = append(slices.Clone(op.Attrs), attrBatch)
		op.Infer = func(v *Value) (Type, error) {
			t, err := shapes(v)
			if err != nil {
				return Type{}, err
			}
			return ringProduct(v, t)
		}
		op.Eval = func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			eval(v, a, out.I)
			return out.wrap(), nil
		}
		define(op)
	}
	overBatch := func(v *Value, a []*Tensor, sum []int64, one func(x, dy *Tensor, sum []int64)) {
		var adding sync.Mutex
		both(max(1, a[0].Type.Batch, a[1].Type.Batch), func(lo, hi int) {
			part := make([]int64, len(sum))
			for s := lo; s < hi; s++ {
				one(a[0].sample(s), a[1].sample(s), part)
			}
			adding.Lock()
			defer adding.Unlock()
			for i, x := range part { // mod 2^64: in any order
				sum[i] += x
			}
		})
	}
	adjoint("conv2d.x", "%d = param @d : S i64q16[4,4,4]\n%w = param @w : S i64q16[4,3,3,3]\n%1 = ring.conv2d.x %d, %w {stride=[2,2], pad=[1,1], size=[8,8]} : i64q32[3,8,8]",
		func(v *Value, a []*Tensor, sum []int64) {
			v.tapRows(v.Type.Shape, a[1].Type.Shape, func(dy, x, w, n, step int) {
				weight := a[1].I[w]
				for i, d := range a[0].I[dy : dy+n] {
					sum[x+i*step] += d * weight
				}
			})
		})
	adjoint("conv2d.w", "%x = param @x : S i64q16[3,8,8]\n%d = param @d : S i64q16[4,4,4]\n%1 = ring.conv2d.w %x, %d {stride=[2,2], pad=[1,1], kernel=[3,3]} : i64q32[4,3,3,3]",
		func(v *Value, a []*Tensor, sum []int64) {
			overBatch(v, a, sum, func(x, dy *Tensor, sum []int64) {
				v.tapRows(x.Type.Shape, v.Type.Shape, func(y, at, w, n, step int) {
					for i, d := range dy.I[y : y+n] {
						sum[w] += d * x.I[at+i*step]
					}
				})
			})
		})
	adjoint("linear.x", "%d = param @d : S i64q16[10]\n%w = param @w : S i64q16[10,16]\n%1 = ring.linear.x %d, %w : i64q32[16]",
		func(v *Value, a []*Tensor, sum []int64) {
			for i, w := range a[1].I {
				sum[i%len(sum)] += w * a[0].I[i/len(sum)]
			}
		})
	adjoint("linear.w", "%x = param @x : S i64q16[16]\n%d = param @d : S i64q16[10]\n%1 = ring.linear.w %x, %d : i64q32[10,16]",
		func(v *Value, a []*Tensor, sum []int64) {
			overBatch(v, a, sum, func(x, dy *Tensor, sum []int64) {
				for i := range sum {
					sum[i] += dy.I[i/len(x.I)] * x.I[i%len(x.I)]
				}
			})
		})
	define(Op{
		Name: "ring.unpool", Stages: ringStages, Local: true,
		Doc:      "The adjoint of ring.sumpool: dy of each window at each of its elements, added up.",
		Example:  "%d = param @d : S i64q16[8,2,2]\n%1 = ring.unpool %d {kernel=[2,2], stride=[2,2], size=[4,4]} : i64q16[8,4,4]",
		Operands: []Operand{opDy}, Attrs: MustLookup("grad.avgpool").Attrs,
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			if err != nil {
				return Type{}, err
			}
			t, err := MustLookup("grad.avgpool").Infer(v)
			return v.Args[0].Type.With(t.Shape...).Of(share), err
		},
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return movedCost(l, int64(v.Type.Len()), in)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			v.windows(v.Type.Shape, func(dy int, places []int) {
				for _, at := range places {
					out.I[at] += a[0].I[dy]
				}
			})
			return out.wrap(), nil
		},
	})
}

// defineProducts defines elementwise products, sums over the batch, and what goes back from a number a stretch to all of its elements.
func defineProducts() {
	attrN := MustLookup("grad.sums").Attrs[0]
	stretches := func(v *Value) (Type, error) {
		if n, of := v.Int("n"), v.Args[0].Type.Len(); n < 1 || of%n != 0 {
			return Type{}, fmt.Errorf("n is %d, accepted are divisors of %d", n, of)
		}
		t, err := sameShapes(v.Args)
		return t.With(v.Int("n")), err
	}
	define(Op{
		Name: "ring.mul", Stages: ringStages, Cost: bilinearCost,
		Doc:      "Elementwise product; fraction bits add.",
		Example:  "%x = param @x : S i64q16[8]\n%1 = ring.mul %x, %x : i64q32[8]",
		Operands: []Operand{{"a", ""}, {"b", "of the shape of a"}},
		Infer: func(v *Value) (Type, error) {
			t, err := sameShapes(v.Args)
			if err != nil {
				return Type{}, err
			}
			return ringProduct(v, t)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return zipRing(v, a, func(x, y int64) int64 { return x * y }), nil
		},
	})
	define(Op{
		Name: "ring.mulp", Stages: ringStages, Local: true,
		Doc:      "Times one public number that is not known before the function runs, as a learning rate; fraction bits add.",
		Example:  "%x = param @x : S i64q16[8]\n%r = param @r : S i64q20[1]\n%1 = ring.mulp %x, %r : i64q36[8]",
		Operands: []Operand{opX, {"p", "[1], public"}},
		Infer: func(v *Value) (Type, error) {
			if err := wantShape(v, 1, 1); err != nil {
				return Type{}, err
			}
			t, err := multiplied(v, v.Args[0].Type)
			if x, p := v.Args[0].Type, v.Args[1].Type; shares(x) {
				if !x.Share.Additive() || p.Share != Public {
					return Type{}, fmt.Errorf("%s times %s: accepted are shares times a public number", x, p)
				}
				t.Share = Arithmetic
			}
			return t, err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return x * a[1].I[0] }), nil
		},
	})
	define(Op{
		Name: "ring.sums", Stages: ringStages, Sums: true, Local: true,
		Doc:      "Sums of n equal stretches of the samples, over the batch.",
		Example:  "%d = param @d : S i64q16[2,4,4]\n%1 = ring.sums %d {n=2} : i64q16[2]",
		Operands: []Operand{opX}, Attrs: []Attr{attrN, attrBatch},
		Infer: func(v *Value) (Type, error) {
			share, err := sameRing(v.Args)
			if err != nil {
				return Type{}, err
			}
			t, err := stretches(v)
			return t.Of(share), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return v.sumStretches(a[0].Type, func(at int) int64 { return a[0].I[at] }), nil
		},
	})
	define(Op{
		Name: "ring.products", Stages: ringStages, Sums: true, Cost: bilinearCost,
		Doc:      "Sums of a*b over n equal stretches of the samples and over the batch; fraction bits add.",
		Example:  "%d = param @d : S i64q16[2,4,4]\n%1 = ring.products %d, %d {n=2} : i64q32[2]",
		Operands: []Operand{{"a", ""}, {"b", "of the shape of a"}}, Attrs: []Attr{attrN, attrBatch},
		Infer: func(v *Value) (Type, error) {
			t, err := stretches(v)
			if err != nil {
				return Type{}, err
			}
			return ringProduct(v, t)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			longer := a[0].Type
			if a[1].Type.Batch > 0 {
				longer = a[1].Type
			}
			x, y := a[0].I, a[1].I
			return v.sumStretches(longer, func(at int) int64 { return x[at%len(x)] * y[at%len(y)] }), nil
		},
	})
	define(Op{
		Name: "ring.spread", Stages: ringStages, Local: true,
		Doc:      "Each number at all elements of its stretch, or of that of each of batch samples: the adjoint of ring.sums.",
		Example:  "%x = param @x : S i64q16[2]\n%1 = ring.spread %x {shape=[2,4,4]} : i64q16[2,4,4]",
		Operands: []Operand{{"x", "[n], n a divisor of the elements of the result, or of a sample of it"}},
		Attrs:    []Attr{{"shape", IntsAttr, nil, "of the result"}, {attrBatch.Name, IntAttr, 0, "how many samples the first dimension has of the result; 0: it is that of one"}},
		Traits: Traits{Moves: true, Loops: func(v *Value) Loops {
			n, samples := v.Args[0].Type.Len(), max(1, v.Int("batch"))
			return Loops{Of: []Loop{{samples, 0}, {n, 1}, {v.Type.Len() / samples / n, 0}}}
		}},
		Infer: func(v *Value) (Type, error) {
			share, err := v.Args[0].Type.Share, error(nil)
			if share != Opened { // a mask moves with what it hides
				share, err = sameRing(v.Args)
			}
			t := v.Args[0].Type.With(v.Ints("shape")...).Of(share)
			if err := errors.Join(err, wantVector(v, 0), checkShape(t.Shape)); err != nil {
				return Type{}, err
			}
			n, samples := v.Args[0].Type.Len(), v.Int("batch")
			if samples < 0 || t.Shape[0]%max(1, samples) != 0 || t.Len()/max(1, samples)%n != 0 {
				return Type{}, fmt.Errorf("%d numbers for each of %d samples do not go evenly into shape %s", n, max(1, samples), shapeString(t.Shape))
			}
			return t, nil
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) { return v.Op.Loops(v).move(v, a[0]), nil },
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			n := int64(v.Type.Len())
			if v.Type.Share == Opened { // and each party's share of its mask
				n *= 2
			}
			return movedCost(l, n, in)
		},
	})
}

// sumStretches adds f of every element's place in a batch of a type within each of v's stretches.
func (v *Value) sumStretches(of Type, f func(at int) int64) *Tensor {
	out, n := NewTensor(v.Type), v.Type.Len()
	per := of.Len() / n
	for at := range of.All() {
		out.I[at/per%n] += f(at)
	}
	return out.wrap()
}

// defineSigns defines comparisons whose bit is a value.
func defineSigns() {
	bit := func(v *Value) error {
		if v.Args[0].Type.Elem != U1 {
			return fmt.Errorf("%s is %s, accepted are bits", v.operandName(0), v.Args[0].Type)
		}
		return nil
	}
	define(Op{
		Name: "ring.drelu", Stages: RingStage,
		Doc:      "1 where x >= 0: the derivative of max(x, 0), one at zero.",
		Example:  "%x = param @x : S i64q16[8]\n%1 = ring.drelu %x : u1[8]",
		Operands: []Operand{opX},
		Infer: func(v *Value) (Type, error) {
			t, err := inferRingUnary(v)
			t.Elem = U1
			return clear(t), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for i, x := range a[0].I {
				out.I[i] = ^x >> 63 & 1
			}
			return out, nil
		},
	})
	define(Op{
		Name: "ring.mux", Stages: RingStage,
		Doc:      "d*x for bits d.",
		Example:  "%d = param @d : B u1[8]\n%x = param @x : S i64q16[8]\n%1 = ring.mux %d, %x : i64q16[8]",
		Operands: []Operand{{"d", "bits"}, {"x", "of the shape of d"}},
		Infer: func(v *Value) (Type, error) {
			_, err := sameShapes(v.Args)
			if err = errors.Join(err, bit(v)); err == nil && !v.Args[1].Type.Elem.IsRing() {
				err = fmt.Errorf("x is %s, accepted are ring elements", v.Args[1].Type)
			}
			return clear(v.Args[1].Type), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return zipRing(v, a, func(d, x int64) int64 { return -d & x }), nil
		},
	})
	define(Op{
		Name: "ring.pick", Stages: RingStage,
		Doc:      "A public integer c where a bit is 1, else 0.",
		Example:  "%d = param @d : B u1[8]\n%1 = ring.pick %d {c=4096, bits=64, frac=16} : i64q16[8]",
		Operands: []Operand{{"d", "bits"}},
		Attrs:    []Attr{{"c", IntAttr, nil, "the integer"}, {"bits", IntAttr, nil, "of the ring"}, {"frac", IntAttr, 0, "fraction bits of the result"}},
		Infer: func(v *Value) (Type, error) {
			t := clear(v.Args[0].Type)
			t.Elem = Ring(v.Int("bits"), v.Int("frac"))
			return t, errors.Join(bit(v), checkRing(t.Elem.Bits, t.Elem.Frac))
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(d int64) int64 { return d * int64(v.Int("c")) }), nil
		},
	})
}

// defineTournamentAdjoints defines the way back through a tournament: gradients of the elements of a stage from those of its winners, which the
// bits of its comparisons have parted.
func defineTournamentAdjoints() {
	geometry := MustLookup("tour.left").Attrs
	const said = "{image=[1,4,4], kernel=[2,2], stride=[2,2]"
	back := func(name, doc, example string, attrs []Attr, operands []Operand, size func(v *Value, stage int) (in []int, shape []int), eval func(v *Value, a []*Tensor, out []int64)) {
		define(Op{
			Name: "tour." + name, Stages: ringStages, Local: true, Doc: doc, Example: example, Attrs: attrs, Operands: operands,
			Infer: func(v *Value) (Type, error) {
				if _, err := v.Tournament(); err != nil {
					return Type{}, err
				}
				stage := 0
				if _, staged := FindAttr(attrs, "stage"); staged {
					stage = v.Int("stage")
				}
				in, shape := size(v, stage)
				for i, n := range in {
					if v.Args[i].Type.Len() != n {
						return Type{}, fmt.Errorf("%s has %d elements, accepted are %d", v.operandName(i), v.Args[i].Type.Len(), n)
					}
				}
				share, err := sameRing(v.Args)
				return v.Args[0].Type.With(shape...).Of(share), err
			},
			Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
				out := NewTensor(v.Type)
				eval(v, a, out.I)
				return out.wrap(), nil
			},
			Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
				ready := together(in)
				l.Both(ready, cost.Tour, int64(max(v.Type.Len(), v.Args[0].Type.Len())))
				return ready
			},
		})
	}
	live := Operand{"dnext", "gradients of the elements that are left behind the stage"}
	back("winners", "Of the gradients behind a stage, those of its winners, one a pair.",
		"%d = param @d : S i64q16[8]\n%1 = tour.winners %d "+said+", stage=0} : i64q16[8]", geometry, []Operand{live},
		func(v *Value, s int) ([]int, []int) {
			t, _ := v.Tournament()
			return []int{t.Live(s + 1)}, []int{t.Pairs(s)}
		},
		func(v *Value, a []*Tensor, out []int64) {
			t, _ := v.Tournament()
			for i, j := range t.MergeIndex(v.Int("stage")) {
				if int(j) < len(out) {
					out[j] = a[0].I[i]
				}
			}
		})
	back("unpair", "The gradients of a stage's elements: those of both sides of every pair, and of elements that had no opponent.",
		"%d = param @d : S i64q16[8]\n%1 = tour.unpair %d, %d, %d "+said+", stage=0} : i64q16[16]", geometry,
		[]Operand{{"dleft", "one a pair"}, {"dright", "one a pair"}, live},
		func(v *Value, s int) ([]int, []int) {
			t, _ := v.Tournament()
			return []int{t.Pairs(s), t.Pairs(s), t.Live(s + 1)}, []int{t.Live(s)}
		},
		func(v *Value, a []*Tensor, out []int64) {
			t, _ := v.Tournament()
			left, right := t.PairIndex(v.Int("stage"))
			for k := range left {
				out[left[k]], out[right[k]] = a[0].I[k], a[1].I[k]
			}
			for i, j := range t.MergeIndex(v.Int("stage")) {
				if int(j) >= len(left) {
					out[int(j)-len(left)] = a[2].I[i]
				}
			}
		})
	back("return", "The adjoint of tour.start: the gradients of all windows' elements, added up at their places in the image.",
		"%d = param @d : S i64q16[16]\n%1 = tour.return %d "+said+"} : i64q16[1,4,4]", MustLookup("tour.start").Attrs,
		[]Operand{{"d", "of every window's elements, as tour.start lays them out"}},
		func(v *Value, _ int) ([]int, []int) {
			t, _ := v.Tournament()
			return []int{t.Live(0)}, slices.Clone(v.Ints("image"))
		},
		func(v *Value, a []*Tensor, out []int64) {
			t, _ := v.Tournament()
			for i, at := range t.InitialIndex() {
				out[at] += a[0].I[i]
			}
		})
}
