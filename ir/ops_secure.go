package ir

import (
	"errors"
	"fmt"

	"sotto/ir/cost"
)

// Protocol ops of SECURE. Cost gives every message of the protocol with the moment its sender can send it; the runtime's
// implementation sends exactly these. n is the number of elements, l the ring width.
func init() {
	define(Op{
		Name: "mask", Stages: Secure,
		Doc: "The client re-masks: it sends x0 - r with r fresh from the offline phase (x - r if x is its own), so that it knows its part" +
			" before the inputs come. Restores the invariant of the client-server deployment.",
		Example:  "%x = param @x : A i32q12[8]\n%1 = mask %x : M i32q12[8]",
		Operands: []Operand{opX},
		Infer: func(v *Value) (Type, error) {
			t := v.Args[0].Type
			if !t.Elem.IsRing() || (!t.Share.Additive() && t.Share != OfClient) {
				return Type{}, fmt.Errorf("%s is %s, accepted are ring elements shared A or M, or the client's", v.Args[0], t)
			}
			return t.Of(Masked), nil
		},
		Eval: identity,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			arrives := v.sends(l, cost.Client, in[0][cost.Client])
			v.drawn(l, cost.Client, 1)
			v.steps(l, cost.Client, in[0][cost.Client], 3)
			if v.Args[0].Type.Share == OfClient {
				return cost.Ready{cost.Start, arrives}
			}
			server := max(in[0][cost.Server], arrives)
			v.steps(l, cost.Server, server, 3)
			return cost.Ready{cost.Start, server}
		},
	})
	define(Op{
		Name: "open", Stages: Secure,
		Doc:      "Both parties send x_i - a_i with a shared from the offline phase: both then know x - a (Beaver).",
		Example:  "%x = param @x : A i32q12[8]\n%1 = open %x : E i32q12[8]",
		Operands: []Operand{opX},
		Infer:    additiveTo(Opened), Eval: identity,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			toServer := v.sends(l, cost.Client, in[0][cost.Client])
			toClient := v.sends(l, cost.Server, in[0][cost.Server])
			opened := in[0].Max(cost.Ready{toClient, toServer})
			v.expanded(l, 2)
			for _, p := range []cost.Party{cost.Client, cost.Server} {
				v.drawn(l, p, 1)
				v.steps(l, p, in[0][p], 3)
				v.steps(l, p, opened[p], 3)
			}
			return opened
		},
	})
	define(Op{
		Name: "reveal", Stages: Secure,
		Doc:      "The server sends its part; the client learns x.",
		Example:  "%x = param @x : A i32q12[8]\n%1 = reveal %x : C i32q12[8]",
		Operands: []Operand{opX},
		Infer:    additiveTo(OfClient), Eval: identity,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			arrives := v.sends(l, cost.Server, in[0][cost.Server])
			known := max(in[0][cost.Client], arrives)
			v.steps(l, cost.Client, known, 3)
			return cost.Ready{known, in[0][cost.Server]}
		},
	})
	define(Op{
		Name: "ot.trunc", Stages: Secure, Slack: 1,
		Doc: "Division by 2^bits by one COT (result floor + {0,1}, the one with the probability of the dropped fraction; x in [-2^(l-2), 2^(l-2))):" +
			" w = msb(y0) OR msb(y1) of y = x + 2^(l-2) is the wrap of the shares, shared mod 2^bits. The party whose part is known offline sends the correlation.",
		Example:  "%x = param @x : A i32q24[8]\n%1 = ot.trunc %x {bits=12} : A i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrBits},
		Infer: truncType, Eval: evalTrunc, Cost: truncCost,
	})
	define(Op{
		Name: "ot.mux", Stages: Secure,
		Doc: "d*x for a shared bit by two COTs, party i the sender with correlation x_i*(1-2*d_i), the other's choice d_(1-i); each adds" +
			" x_i*d_i. One crossed exchange.",
		Example:  "%x = param @x : A i32q12[8]\n%d = param @d : B u1[8]\n%1 = ot.mux %d, %x : A i32q12[8]",
		Operands: []Operand{{"d", "B u1"}, {"x", "A or M"}},
		Infer: func(v *Value) (Type, error) {
			d, x := v.Args[0].Type, v.Args[1].Type
			if d.Share != Boolean || d.Elem != U1 || !x.Share.Additive() || !x.Elem.IsRing() {
				return Type{}, fmt.Errorf("takes a B u1 and an A or M value, not %s and %s", d, x)
			}
			if _, err := sameShapes(v.Args); err != nil {
				return Type{}, err
			}
			return x.Of(Arithmetic), nil
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return zipRing(v, a, func(d, x int64) int64 { return d * x }), nil
		},
		Cost: muxCost,
	})
	define(Op{
		Name: "beaver.square", Stages: Secure,
		Doc: "x*x. Opened: i*E^2 + 2*E*a_i + [a^2]_i, local. Masked: the server sends (x - r) - b, given shares of r*b: one message for" +
			" the cross term.",
		Example:  "%x = param @x : E i32q12[8]\n%1 = beaver.square %x : A i32q24[8]",
		Operands: []Operand{{"x", "M or E"}},
		Infer: func(v *Value) (Type, error) {
			if s := v.Args[0].Type.Share; s != Masked && s != Opened {
				return Type{}, fmt.Errorf("%s is %s, accepted is M or E", v.Args[0], v.Args[0].Type)
			}
			t, err := inferSquare(v)
			return t.Of(Arithmetic), err
		},
		Eval: evalSquare,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			v.crossed(l)
			if v.Args[0].Type.Share == Opened {
				for _, p := range []cost.Party{cost.Client, cost.Server} {
					v.steps(l, p, in[0][p], 4)
				}
				return in[0]
			}
			arrives := v.sends(l, cost.Server, in[0][cost.Server])
			v.steps(l, cost.Server, in[0][cost.Server], 3)
			v.steps(l, cost.Server, in[0][cost.Server], 3)
			v.steps(l, cost.Client, arrives, 4)
			return cost.Ready{arrives, in[0][cost.Server]}
		},
	})
	define(Op{
		Name: "ring.iota", Stages: Secure,
		Doc:      "0, 1, ... n-1, public, as shares: the server's part is the number, the client's zero.",
		Example:  "%1 = ring.iota {n=8, bits=32} : M i32q0[8]",
		Attrs:    []Attr{{"n", IntAttr, nil, "how many"}, {"bits", IntAttr, nil, "of the ring"}},
		Operands: nil,
		Infer: func(v *Value) (Type, error) {
			return Type{Share: Masked, Elem: Ring(v.Int("bits"), 0), Shape: []int{v.Int("n")}}, checkRing(v.Int("bits"), 0)
		},
		Eval: func(v *Value, _ []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			for i := range out.I {
				out.I[i] = int64(i)
			}
			return out, nil
		},
		Local: true,
	})
	defineTournament()
}

// sends records that a party sends its part of v.
func (v *Value) sends(l *cost.Ledger, from cost.Party, ready cost.Time) cost.Time {
	return l.SendVector(from, int64(v.Type.Len()), v.Type.Elem.Bits, ready)
}

// bytes is the size of one part of v, packed.
func (v *Value) bytes() int64 { return cost.BitBytes(int64(v.Type.Len()), v.Type.Elem.Bits) }

func additiveTo(s Sharing) func(*Value) (Type, error) {
	return func(v *Value) (Type, error) {
		t := v.Args[0].Type
		if !t.Elem.IsRing() || !t.Share.Additive() {
			return Type{}, fmt.Errorf("%s is %s: %w", v.Args[0], t, errNotShared)
		}
		return t.Of(s), nil
	}
}

// TruncReceiver is the party with the choice bit in a truncation: the one whose part comes later.
func TruncReceiver(x Type) cost.Party {
	if x.Share == Masked {
		return cost.Server
	}
	return cost.Client
}

func truncCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	n, receiver := int64(v.Type.Len()), TruncReceiver(v.Args[0].Type)
	sender := receiver.Other()
	pads := l.RandomOT(receiver, n)
	correction := l.SendVector(receiver, n, 1, in[0][receiver])
	correlation := l.SendVector(sender, n, v.Int("bits"), max(pads, in[0][sender]))
	packs(l, sender, correlation, n)
	out := in[0]
	out[sender] = max(out[sender], pads, correction)
	out[receiver] = max(out[receiver], correlation)
	v.steps(l, receiver, in[0][receiver], 1)
	v.steps(l, sender, max(pads, in[0][sender]), 4)
	v.steps(l, sender, out[sender], 3)
	v.steps(l, receiver, out[receiver], 4)
	return out
}

func muxCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	n, both := int64(v.Type.Len()), in[0].Max(in[1])
	out := both
	for _, sender := range []cost.Party{cost.Client, cost.Server} {
		receiver := sender.Other()
		pads := l.RandomOT(receiver, n)
		correction := l.SendVector(receiver, n, 1, in[0][receiver])
		correlation := v.sends(l, sender, max(pads, both[sender]))
		out[sender] = max(out[sender], pads, correction)
		out[receiver] = max(out[receiver], correlation)
		v.steps(l, sender, max(pads, both[sender]), 4)
	}
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		v.steps(l, p, out[p], 5)
	}
	return out
}

// Tournament ops lay the elements of pooling windows out for pairwise comparison; elements in the padding are left out.
// image, kernel, stride and pad describe the windows, stage counts the comparisons done.
func defineTournament() {
	attrs := []Attr{{"image", IntsAttr, nil, "[C,H,W] of what is pooled"}, attrKernel, attrStride, attrPad}
	staged := append(attrs[:4:4], Attr{"stage", IntAttr, nil, "from 0"})
	local := func(name, doc, example string, attrs []Attr, operands []Operand, size func(t cost.Tournament, v *Value) (in []int, out int)) {
		define(Op{
			Name: "tour." + name, Stages: ringStages, Local: true, Doc: doc, Example: example, Attrs: attrs, Operands: operands,
			Infer: func(v *Value) (Type, error) {
				t, err := v.Tournament()
				if err != nil {
					return Type{}, err
				}
				in, out := size(t, v)
				for i, n := range in {
					if v.Args[i].Type.Len() != n {
						return Type{}, fmt.Errorf("%s has %d elements, accepted are %d", v.operandName(i), v.Args[i].Type.Len(), n)
					}
				}
				share, err := sameRing(v.Args)
				return v.Args[0].Type.With(out).Of(share), err
			},
			Eval: evalTournament,
			Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
				ready := together(in)
				l.Both(ready, cost.Tour, int64(v.Type.Len()))
				return ready
			},
		})
	}
	const geometry = "{image=[1,4,4], kernel=[2,2], stride=[2,2]"
	x := []Operand{opX}
	live := []Operand{{"live", "the elements still in the tournament, window by window"}}
	local("start", "The elements of every window, window by window, row by row.",
		"%x = param @x : A i32q12[1,4,4]\n%1 = tour.start %x "+geometry+"} : A i32q12[16]", attrs, x,
		func(t cost.Tournament, v *Value) ([]int, int) { return []int{t.C * t.H * t.W}, t.Live(0) })
	local("windows", "The elements of every window, window by window, row by row, as many of each: what lies in the padding is a copy of the"+
		" window's first element.",
		"%x = param @x : A i32q12[1,4,4]\n%1 = tour.windows %x "+geometry+"} : A i32q12[16]", attrs, x,
		func(t cost.Tournament, v *Value) ([]int, int) {
			return []int{t.C * t.H * t.W}, t.Windows() * t.KH * t.KW
		})
	for _, side := range []string{"left", "right"} {
		local(side, "The "+side+" element of every pair of this stage.",
			"%x = param @x : A i32q12[16]\n%1 = tour."+side+" %x "+geometry+", stage=0} : A i32q12[8]", staged, live,
			func(t cost.Tournament, v *Value) ([]int, int) {
				s := v.Int("stage")
				return []int{t.Live(s)}, t.Pairs(s)
			})
	}
	local("next", "The winners of this stage and the elements that had no opponent, window by window.",
		"%x = param @x : A i32q12[16]\n%w = param @w : A i32q12[8]\n%1 = tour.next %w, %x "+geometry+", stage=0} : A i32q12[8]", staged,
		[]Operand{{"winners", "one a pair"}, live[0]},
		func(t cost.Tournament, v *Value) ([]int, int) {
			s := v.Int("stage")
			return []int{t.Pairs(s), t.Live(s)}, t.Live(s + 1)
		})
}

// Tournament gives the geometry that a tour op's attributes describe.
func (v *Value) Tournament() (cost.Tournament, error) {
	im, k, s, p := v.Ints("image"), v.Ints("kernel"), v.Ints("stride"), v.Ints("pad")
	if len(im) != 3 || len(k) != 2 || len(s) != 2 || len(p) != 2 {
		return cost.Tournament{}, errors.New("image takes three integers, kernel, stride and pad two")
	}
	if err := checkShape(im); err != nil {
		return cost.Tournament{}, err
	}
	t := cost.Tournament{C: im[0], H: im[1], W: im[2], KH: k[0], KW: k[1], StrideH: s[0], StrideW: s[1], PadH: p[0], PadW: p[1]}
	if err := t.Check(); err != nil {
		return t, err
	}
	if _, staged := FindAttr(v.Op.Attrs, "stage"); staged && (v.Int("stage") < 0 || v.Int("stage") >= t.Stages()) {
		return t, fmt.Errorf("stage %d of a tournament of %d", v.Int("stage"), t.Stages())
	}
	return t, nil
}

func evalTournament(v *Value, a []*Tensor) (*Tensor, error) {
	t, err := v.Tournament()
	if err != nil {
		return nil, err
	}
	all := a[0].I
	var index []int32
	switch v.Op.Name {
	case "tour.start":
		index = t.InitialIndex()
	case "tour.windows":
		index = t.WindowIndex()
	case "tour.left":
		index, _ = t.PairIndex(v.Int("stage"))
	case "tour.right":
		_, index = t.PairIndex(v.Int("stage"))
	case "tour.next":
		index, all = t.MergeIndex(v.Int("stage")), append(append([]int64{}, all...), a[1].I...)
	}
	out := NewTensor(v.Type)
	for i, j := range index {
		out.I[i] = all[j]
	}
	return out, nil
}
