package twopc

import (
	"sotto/ir"
	"sotto/runtime/program"
)

// quadratic: see runtime/nonlin/quadratic.go.
func (e *emitter) quadratic(v *ir.Value) *shared {
	x, n := e.of[v.Args[0]], v.Type.Len()
	item := e.item(program.Item{Kind: program.Cross, N: n, Args: []int{e.maskItem(x.mask)}})
	k := v.SlopeShift()
	slope := []int{e.weight(server, v.Args[1]), k}
	blind := e.material(server, item, 1)
	g := e.send(server, e.compute(server, program.QuadraticBlind, program.Ring, n, slope, x.at[server], blind), e.bits)
	return &shared{at: [2]*part{
		e.compute(client, program.QuadraticClient, program.Ring, n, []int{k}, x.at[client], g, e.material(client, item, 0)),
		e.compute(server, program.QuadraticServer, program.Ring, n, slope, x.at[server], e.material(server, item, 0)),
	}}
}
