package twopc

import (
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// fssDrelu: each party sends x_i + r_i; both evaluate their keys at the sum. See runtime/fss.
func (e *emitter) fssDrelu(v *ir.Value) *shared {
	x, n, width := e.of[v.Args[0]], v.Type.Len(), ir.SignWidth(v)
	item := e.item(program.Item{Kind: program.Compare, N: n, Ints: []int{width}})
	var mine, theirs [2]*part
	for _, p := range []cost.Party{client, server} {
		mine[p] = e.ring(p, program.Add, x.at[p], e.material(p, item, 0))
		theirs[p.Other()] = e.send(p, mine[p], width)
	}
	out := &shared{}
	for _, p := range []cost.Party{client, server} {
		y := e.ring(p, program.Add, mine[p], theirs[p])
		out.at[p] = e.compute(p, program.FSSSign, program.Bits, n, []int{item, width}, y)
	}
	return out
}
