package ir

import (
	"fmt"

	"sotto/ir/cost"
)

// A truncation and the quadratic of its result are one op where the client's part of the operand is known offline: what is left of the
// truncation is one bit of each party, and its products travel with the quadratic's.
func init() {
	define(Op{
		Name: "ot.quadratic", Stages: Secure, Weights: 1,
		Doc: "2^k*z*z + b*z of z = x / 2^bits, as ot.trunc divides, b one a channel, k the fraction bits that b has more than z: the server's" +
			" message of beaver.quadratic, of its truncated share, and a COT each way for what the wrap of the shares takes off, mod 2^bits.",
		Example:  "%x = param @x : M i32q24[2,4,4]\n%b = param @b : S i32q13[2]\n%1 = ot.quadratic %x, %b {bits=12} : A i32q25[2,4,4]",
		Operands: []Operand{{"x", "M [C,H,W] or [C]"}, {"b", "[C], or [C,1,1,1], at least as many fraction bits as z"}}, Attrs: []Attr{attrBits},
		Infer: func(v *Value) (Type, error) {
			if x := v.Args[0].Type; x.Share != Masked {
				return Type{}, fmt.Errorf("%s is %s, accepted are M ring elements", v.Args[0], x)
			}
			z, err := truncType(v)
			if err != nil {
				return Type{}, err
			}
			return quadraticOf(v, z.Of(Masked))
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out := NewTensor(v.Type)
			k, per, f := v.SlopeShift(), len(out.I)/len(a[1].I), v.Int("bits")
			for i, x := range a[0].I {
				z := x >> f
				out.I[i] = z*z<<k + a[1].I[i/per]*z
			}
			return out.wrap(), nil
		},
		Cost: roundedCost,
	})
}

// roundedCost: see runtime/nonlin/rounded.go. Each party receives in one direction of the OTs.
func roundedCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	v.crossed(l)
	n := int64(v.Type.Len())
	out, pads := in[0], cost.Start
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		pads = max(pads, l.RandomOT(p, n))
	}
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		to := p.Other()
		opened, choice := v.sends(l, p, in[0][p]), l.SendVector(p, n, 1, in[0][p])
		offered := l.SendVector(p, n, v.Int("bits"), max(pads, in[0][p]))
		out[to] = max(out[to], pads, opened, choice, offered)
		packs(l, p, offered, n)
		v.steps(l, p, in[0][p], 2)              // the share that truncation gives
		v.steps(l, p, max(pads, in[0][p]), 5)   // the correlation
		v.steps(l, p, in[0][p], 3)              // what is opened
		v.steps(l, to, max(offered, opened), 4) // what came of the OTs
	}
	v.steps(l, cost.Client, max(pads, in[0][cost.Client]), 4+3) // what its own part takes off the products, twice
	v.steps(l, cost.Client, out[cost.Client], 6)
	v.steps(l, cost.Server, out[cost.Server], 5)
	return out
}
