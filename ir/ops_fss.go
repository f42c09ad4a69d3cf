package ir

import (
	"fmt"

	"sotto/ir/cost"
)

// Ops by function secret sharing, with keys that a dealer makes: see runtime/fss. They take any additive sharing; a part that is
// known offline is masked and sent offline.

func init() {
	define(Op{
		Name: "fss.drelu", Stages: Secure,
		Doc: "1 where x >= 0, by a distributed comparison function whose keys a dealer makes: both parties send x_i + r_i mod 2^width, r from" +
			" the keys, and each evaluates its key at x + r. A part that is known offline is sent offline.",
		Example:  "%x = param @x : A i32q12[8]\n%1 = fss.drelu %x {width=20} : B u1[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth},
		Infer: func(v *Value) (Type, error) {
			t, err := inferCompared(v)
			t.Elem = U1
			return t.Of(Boolean), err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return int64(^uint64(x) >> 63) }), nil
		},
		Cost: comparisonCost,
	})
	define(Op{
		Name: "fss.relu", Stages: Secure, Slack: 1,
		Doc: "max(x / 2^bits, 0), with keys from a dealer and without OT: x + r is opened as in fss.drelu, with a bit more, and truncated with it;" +
			" the sign is that of the truncated value, so that keys are shorter; one bit each way selects. Where x >= 0 floor + {0,1}, the one with" +
			" the probability of the dropped fraction; exact for bits = 0.",
		Example:  "%x = param @x : M i32q24[8]\n%1 = fss.relu %x {width=28, bits=12} : A i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth, {"bits", IntAttr, 0, "how many low bits a truncation drops"}},
		Infer: func(v *Value) (Type, error) {
			t, err := inferCompared(v)
			if err != nil {
				return Type{}, err
			}
			width, bits := SignWidth(v), v.Int("bits")
			if most := min(t.Elem.Frac, width-2); bits < 0 || bits > most {
				return Type{}, fmt.Errorf("drops %d bits: accepted are 0 to %d", bits, most)
			}
			if bits > 0 && width == t.Elem.Bits {
				return Type{}, fmt.Errorf("drops %d bits of values that fill the ring: accepted are values of at most %d bits", bits, width-1)
			}
			t.Elem.Frac -= bits
			return t.Of(Arithmetic), nil
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return max(x>>v.Int("bits"), 0) }), nil
		},
		Cost: rectificationCost,
	})
}

// TakesKeys tells whether an op takes keys that a dealer alone makes. Both parties evaluate them online.
func (v *Value) TakesKeys() bool { return v.Is("fss.drelu") || v.Is("fss.relu") }

// inferCompared demands shares and a width that their ring has.
func inferCompared(v *Value) (Type, error) {
	t, err := additiveTo(Arithmetic)(v)
	if err != nil {
		return Type{}, err
	}
	if w := v.Int("width"); w < 0 || w == 1 || w > t.Elem.Bits {
		return Type{}, fmt.Errorf("width %d: accepted are 2 to %d, or 0", w, t.Elem.Bits)
	}
	return t, nil
}

// keysCost records the keys of comparisons of width bits, their evaluation, and the opening of opened bits, and gives the moment
// each party has what was opened.
func keysCost(l *cost.Ledger, v *Value, width, opened int, in cost.Ready) cost.Ready {
	n, x := int64(v.Type.Len()), v.Args[0]
	roots := cost.ComparisonRootBytes(n)
	var arrives cost.Ready
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		l.Deal(p, cost.ComparisonKeyBytes(n, width))
		l.KeepKeys(p, cost.ComparisonKeyBytes(n, width))
		l.Take(p, cost.Allocate, cost.ComparisonKeyBytes(n, width)+roots)
		l.Take(p, cost.Expand, roots)
		l.Compute(cost.Dealer, 0, cost.Expand, roots)
		x.drawn(l, p, 1)
		x.expanded(l, 1)
		x.steps(l, p, in[p], 3)
		arrives[p.Other()] = l.SendVector(p, n, opened, in[p])
		l.Stream(p, p, in[p]+1, cost.PackBits, n)
		l.Stream(p, p.Other(), in[p]+1, cost.PackBits, n)
	}
	l.Compute(cost.Dealer, 0, cost.DealKey, cost.DealtComparisonAES(n, width))
	heard := in.Max(arrives)
	for p, at := range heard {
		x.steps(l, cost.Party(p), at, 3)
	}
	l.Both(heard, cost.EvaluateKey, cost.ComparisonAES(n, width))
	return heard
}

func comparisonCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	return keysCost(l, v, SignWidth(v), SignWidth(v), in[0])
}

func rectificationCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	n, ring, width := int64(v.Type.Len()), v.Type.Elem.Bits, SignWidth(v)
	l.Deal(cost.Server, cost.SelectionBytes(n, ring))
	l.KeepKeys(cost.Server, cost.SelectionBytes(n, ring))
	opened := keysCost(l, v, cost.RectifyComparison(width, v.Int("bits"), ring), cost.RectifyOpening(width, ring), in[0])
	var arrives cost.Ready
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		arrives[p.Other()] = l.SendVector(p, n, 1, opened[p])
	}
	return opened.Max(arrives)
}
