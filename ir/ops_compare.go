package ir

import (
	"fmt"

	"sotto/ir/cost"
)

// CompareReceiver is the party that chooses in the OTs of a comparison: its corrections need its share alone, and that of a
// masked value is known offline.
const CompareReceiver = cost.Client

// Comparisons by oblivious transfer: see runtime/nonlin/compare.go and exact.go.
func init() {
	define(Op{
		Name: "ot.drelu", Stages: Secure,
		Doc: "1 where x >= 0, by comparing the low width-1 bits of the shares: a 1-of-16 OT for each four bits, then a tree of ANDs over the" +
			" digits; the top bits stay outside. The client chooses: of a masked value its corrections are sent offline. With drop > 0 the" +
			" sign is that of ot.trunc's result by so many bits on the same shares, so 1 may come of x >= -2^drop, and the low bits are" +
			" compared by nobody; x is below 2^(width-1) - 2^drop.",
		Example:  "%x = param @x : A i32q12[8]\n%1 = ot.drelu %x {width=20} : B u1[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth, attrDrop},
		Infer: signType,
		Eval:  evalSign,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return carryCost(l, int64(v.Type.Len()), SignWidth(v)-1-v.Int("drop"), in[0])
		},
	})
	define(Op{
		Name: "ot.trunc.exact", Stages: Secure,
		Doc: "Division by 2^bits, rounding down (x in [-2^(l-2), 2^(l-2))): ot.trunc less the unit that it leaves to chance, which the carry of" +
			" the low bits tells, by a comparison of bits bits and a COT that makes its bit a ring element.",
		Example:  "%x = param @x : A i32q24[8]\n%1 = ot.trunc.exact %x {bits=12} : A i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrBits},
		Infer: truncType, Eval: evalTrunc, Cost: exactTruncCost,
	})
}

func init() {
	define(Op{
		Name: "ot.arithmetic", Stages: Secure,
		Doc:      "A shared bit as a ring element, 0 or 1: d0 + d1 - 2*d0*d1, whose product is a COT.",
		Example:  "%x = param @x : A i64q16[8]\n%d = ot.drelu %x : B u1[8]\n%1 = ot.arithmetic %d {bits=64} : A i64q0[8]",
		Operands: []Operand{{"d", "B u1"}}, Attrs: []Attr{{"bits", IntAttr, nil, "of the ring"}},
		Infer: func(v *Value) (Type, error) {
			t := v.Args[0].Type
			if t.Share != Boolean || t.Elem != U1 {
				return Type{}, fmt.Errorf("%s is %s, accepted are shared bits", v.operandName(0), t)
			}
			t.Elem = Ring(v.Int("bits"), 0)
			return t.Of(Arithmetic), checkRing(t.Elem.Bits, 0)
		},
		Eval: identity,
		Cost: func(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
			return arithmeticCost(l, v, CompareReceiver, in[0], in[0])
		},
	})
}

var attrDrop = Attr{"drop", IntAttr, 0, "how many low bits a truncation of x drops, whose result's sign is wanted"}

// signType is the type of a sign: one bit an element.
func signType(v *Value) (Type, error) {
	t, err := additiveTo(Boolean)(v)
	if err != nil {
		return Type{}, err
	}
	if w := v.Int("width"); w < 0 || w == 1 || w > t.Elem.Bits {
		return Type{}, fmt.Errorf("width %d: accepted are 2 to %d, or 0", w, t.Elem.Bits)
	}
	if d, w := v.Int("drop"), SignWidth(v); d < 0 || d > w-2 {
		return Type{}, fmt.Errorf("drop %d of %d bits: accepted are 0 to %d", d, w, w-2)
	}
	t.Elem = U1
	return t, nil
}

func evalSign(v *Value, a []*Tensor) (*Tensor, error) {
	return mapRing(v, a[0], func(x int64) int64 { return int64(^uint64(x) >> 63) }), nil
}

// truncType is the type of a truncation, whose protocols need two bits of room above the value and one below.
func truncType(v *Value) (Type, error) {
	if _, err := additiveTo(Arithmetic)(v); err != nil {
		return Type{}, err
	}
	if bits, most := v.Int("bits"), v.Args[0].Type.Elem.Bits-3; bits > most {
		return Type{}, fmt.Errorf("drops %d bits, accepted are at most %d in a ring of %d", bits, most, most+3)
	}
	t, err := inferTrunc(v)
	return t.Of(Arithmetic), err
}

// carryCost is that of the carry out of the low bits of the shares of n values. The sender of the OTs begins a wave when it has the
// outcome of the one before.
func carryCost(l *cost.Ledger, n int64, bits int, in cost.Ready) (out cost.Ready) {
	for _, wave := range cost.Waves(n) {
		sender := CompareReceiver.Other()
		in[sender] = max(in[sender], out[sender])
		out = out.Max(waveCost(l, wave, bits, in))
	}
	return out
}

func waveCost(l *cost.Ledger, n int64, bits int, in cost.Ready) cost.Ready {
	c, receiver, sender := cost.Comparison{Bits: bits}, CompareReceiver, CompareReceiver.Other()
	masks := l.OT16(receiver, cost.Padded(n)*int64(c.Digits()))
	corrections := l.Send(receiver, cost.PlaneBytes(n, c.ChoicePlanes()), in[receiver])
	var at cost.Ready
	at[sender] = max(in[sender], masks, corrections)
	at[receiver] = max(in[receiver], masks, l.Send(sender, cost.PlaneBytes(n, c.MessagePlanes()), at[sender]))
	digits := cost.Padded(n) * int64(c.Digits())
	l.Compute(receiver, max(in[receiver], cost.Start), cost.Digit, digits)
	l.Compute(sender, max(masks, corrections), cost.Turn, digits)
	l.Compute(sender, at[sender], cost.Digit, digits)
	l.Compute(receiver, at[receiver], cost.Digit, digits)
	if c.Levels() == 0 {
		return at
	}
	triples := l.Triples(cost.Padded(n) * int64(c.Triples()))
	for level := range c.Levels() {
		at = crossed(l, cost.PlaneBytes(n, c.OpenedPlanes(level)), at.Max(cost.Ready{triples, triples}))
	}
	return at
}

// crossed records that both parties send so many bytes, and gives the moments from which each has sent and heard.
func crossed(l *cost.Ledger, bytes int64, from cost.Ready) cost.Ready {
	toServer, toClient := l.Send(cost.Client, bytes, from[cost.Client]), l.Send(cost.Server, bytes, from[cost.Server])
	return from.Max(cost.Ready{cost.Client: toClient, cost.Server: toServer})
}

func exactTruncCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	n, receiver := int64(v.Type.Len()), TruncReceiver(v.Args[0].Type)
	quotient := truncCost(l, v, in)
	excess := carryCost(l, n, v.Int("bits"), in[0])
	return arithmeticCost(l, v, receiver, excess, quotient.Max(excess))
}

// arithmeticCost is that of ring elements of v's type made of bits that are there at a moment, with what else is needed for v from out on.
func arithmeticCost(l *cost.Ledger, v *Value, receiver cost.Party, bits, out cost.Ready) cost.Ready {
	n, sender := int64(v.Type.Len()), receiver.Other()
	pads := l.RandomOT(receiver, n)
	correction := l.SendVector(receiver, n, 1, bits[receiver])
	correlation := l.SendVector(sender, n, v.Type.Elem.Bits-1, max(pads, bits[sender]))
	out[sender] = max(out[sender], pads, correction)
	out[receiver] = max(out[receiver], pads, correlation)
	packs(l, sender, correlation, n)
	v.steps(l, sender, max(pads, bits[sender]), 4)
	v.steps(l, sender, out[sender], 4)
	v.steps(l, receiver, out[receiver], 4)
	return out
}
