package ir

import "sotto/ir/cost"

// What ops tell a ledger of their local work: each call stands for an instruction of the party's program.

// steps records that a party runs an instruction on so many vectors of v's elements, read or written, at a moment.
func (v *Value) steps(l *cost.Ledger, p cost.Party, at cost.Time, vectors int) {
	l.Compute(p, max(at, cost.Start), cost.Vectors, int64(vectors)*v.vectorBytes())
}

// vectorBytes is the memory of one part of v.
func (v *Value) vectorBytes() int64 {
	return (int64(v.Type.Len())*int64(v.Type.Elem.Bits) + 7) / 8
}

// packs records that n elements are packed to some bits for a message of from that arrives at a moment, and unpacked.
func packs(l *cost.Ledger, from cost.Party, arrives cost.Time, n int64) {
	l.Stream(from, from, arrives, cost.PackBits, n)
	l.Stream(from, from.Other(), arrives, cost.PackBits, n)
}

// together gives the moment from which each party has its parts of all arguments of a local op.
func together(in []cost.Ready) cost.Ready {
	ready := cost.Ready{cost.Start, cost.Start}
	for _, r := range in {
		ready = ready.Max(r)
	}
	return ready
}

// localCost is that of an op that each party computes on its part alone: it reads its arguments and writes its result.
func localCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	ready := together(in)
	if !v.Op.Local || !v.Type.Share.Additive() {
		return ready
	}
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		bytes := v.vectorBytes()
		for _, a := range v.Args {
			bytes += a.vectorBytes()
		}
		l.Compute(p, ready[p], cost.Vectors, bytes)
	}
	return ready
}

// movedCost is that of a local op that brings elements to other places: n of them at each party.
func movedCost(l *cost.Ledger, n int64, in []cost.Ready) cost.Ready {
	ready := together(in)
	l.Both(ready, cost.Gather, n)
	return ready
}

// drawn records vectors of v's elements that a party takes from its material: expanded, put away and fetched when they are used.
func (v *Value) drawn(l *cost.Ledger, p cost.Party, vectors int) {
	bytes := int64(vectors) * v.vectorBytes()
	l.Compute(p, cost.Start, cost.Expand, bytes)
	l.Compute(p, cost.Start, cost.Spill, bytes)
	l.Compute(p, cost.Start, cost.Allocate, bytes)
}

// expanded records that a dealer expands vectors of v's elements, of both parties, for what it makes of them.
func (v *Value) expanded(l *cost.Ledger, vectors int) {
	if l.Source == cost.FromDealer {
		l.Compute(cost.Dealer, 0, cost.Expand, int64(vectors)*v.vectorBytes())
	}
}

// crossed records the material of a product of v's elements with what the client's mask of them is: the server's correction, the mask, and
// shares of both parties, made by the two where no dealer does.
func (v *Value) crossed(l *cost.Ledger) {
	l.Deal(cost.Server, v.bytes())
	v.drawn(l, cost.Client, 1)
	v.drawn(l, cost.Server, 2)
	if l.Source == cost.FromHE {
		l.Elementwise(int64(v.Type.Len()), v.Type.Elem.Bits)
	} else {
		l.Keep(cost.Server, v.vectorBytes()) // the correction
	}
}
