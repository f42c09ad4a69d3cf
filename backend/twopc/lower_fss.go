package twopc

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// opening emits x + r for the mask of an item with keys, of which both parties send width bits.
func (e *emitter) opening(x *shared, item, width int) (y [2]*part) {
	var mine, theirs [2]*part
	for _, p := range []cost.Party{client, server} {
		mine[p] = e.ring(p, program.Add, x.at[p], e.material(p, item, 0))
		theirs[p.Other()] = e.send(p, mine[p], width)
	}
	for _, p := range []cost.Party{client, server} {
		y[p] = e.ring(p, program.Add, mine[p], theirs[p])
	}
	return y
}

// fssDrelu: both parties evaluate their keys at what is opened. See runtime/fss.
func (e *emitter) fssDrelu(v *ir.Value) *shared {
	n, width := v.Type.Len(), ir.SignWidth(v)
	item := e.item(program.Item{Kind: program.Compare, N: n, Ints: []int{width}})
	out := &shared{}
	for p, y := range e.opening(e.of[v.Args[0]], item, width) {
		out.at[p] = e.compute(cost.Party(p), program.FSSSign, program.Bits, n, []int{item, width}, y)
	}
	return out
}

// fssRelu: a second opening, of a bit, selects. See runtime/fss, relu.go.
func (e *emitter) fssRelu(v *ir.Value) *shared {
	n, width, bits := v.Type.Len(), ir.SignWidth(v), v.Int("bits")
	item := e.item(program.Item{Kind: program.Rectify, N: n, Ints: []int{width, bits}})
	var own, peer, p, q [2]*part
	for i, y := range e.opening(e.of[v.Args[0]], item, cost.RectifyOpening(width, e.bits)) {
		at := cost.Party(i)
		own[i], p[i], q[i] = e.part(at, program.Bits, n, y.ready), e.part(at, program.Ring, n, y.ready), e.part(at, program.Ring, n, y.ready)
		e.add(at, timed{program.FSSRectify, e.tag, compute, y.ready, []*part{own[i], p[i], q[i]}, []*part{y}, []int{item, width, bits}})
		peer[at.Other()] = e.send(at, own[i], 1)
	}
	out := &shared{}
	for i := range out.at {
		out.at[i] = e.compute(cost.Party(i), program.FSSSelect, program.Ring, n, nil, own[i], peer[i], p[i], q[i])
	}
	return out
}
