package ir

import (
	"fmt"

	"sotto/ir/cost"
)

func init() {
	define(Op{
		Name: "fss.drelu", Stages: Secure,
		Doc: "1 where x >= 0, by a distributed comparison function whose keys a dealer makes: both parties send x_i + r_i mod 2^width, r from" +
			" the keys, and each evaluates its key at x + r. A part that is known offline is sent offline.",
		Example:  "%x = param @x : A i32q12[8]\n%1 = fss.drelu %x {width=20} : B u1[8]",
		Operands: []Operand{opX}, Attrs: []Attr{{"width", IntAttr, 0, "bits that hold every value of x; 0 stands for the ring's"}},
		Infer: func(v *Value) (Type, error) {
			t, err := additiveTo(Boolean)(v)
			if w := v.Int("width"); w < 0 || w == 1 || w > t.Elem.Bits {
				return Type{}, fmt.Errorf("width %d: accepted are 2 to %d, or 0", w, t.Elem.Bits)
			}
			t.Elem = U1
			return t, err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return int64(^uint64(x) >> 63) }), nil
		},
		Cost: comparisonCost,
	})
}

// comparisonCost: see runtime/fss.
func comparisonCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	n, width := int64(v.Type.Len()), SignWidth(v)
	var arrives cost.Ready
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		l.Deal(p, cost.ComparisonKeyBytes(n, width))
		l.Compute(p, cost.Work{AES: cost.ComparisonAES(n, width)})
		arrives[p.Other()] = l.Send(p, cost.BitBytes(n, width), in[0][p])
	}
	return in[0].Max(arrives)
}
