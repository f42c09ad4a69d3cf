package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// circuit gives the index of a circuit in the table that both programs have.
func (e *emitter) circuit(g ir.Garbling) int {
	c := program.Circuit{Name: g.Circuit, Params: g.Params}
	table := e.prog[client].p.Circuits
	i := slices.IndexFunc(table, func(o program.Circuit) bool { return o.Name == c.Name && slices.Equal(o.Params, c.Params) })
	if i < 0 {
		i = len(table)
		for _, s := range e.prog {
			s.p.Circuits = append(s.p.Circuits, c)
		}
	}
	return i
}

// garble emits label OTs and tables for each garbled batch, then the server's labels: see runtime/vm/garbled.go. The parts of
// the outputs are of the given kind.
func (e *emitter) garble(v *ir.Value, kind program.Kind) (colour, permute *part) {
	x, n := e.of[v.Args[0]], v.Type.Len()
	g, _ := ir.GarblingOf(v)
	permute, colour = e.part(server, kind, n, cost.Start), e.part(client, kind, n, cost.Start)
	circuit, lo := e.circuit(g), 0
	for _, count := range g.Parts() {
		ints := []int{e.batches, lo, int(count), circuit}
		zero := x.at[client].ready + 1
		e.step(client, program.GCChoose, program.GCZero, zero, ints, []*part{x.at[client]}, nil, nil)
		e.step(server, program.GCGarble, program.GCTables, zero+1, ints, nil, []*part{permute}, nil)
		labels := x.at[server].ready + 1
		e.step(server, program.GCLabels, program.GCEvaluate, labels, ints, []*part{x.at[server]}, nil, []*part{colour})
		permute.ready, colour.ready = max(permute.ready, zero+1), max(colour.ready, zero+1, labels)
		e.batches++
		lo += int(count)
	}
	return colour, permute
}

// step adds a streamed send and its recv.
func (e *emitter) step(from cost.Party, s, r program.Opcode, at cost.Time, ints []int, in, sendOut, recvOut []*part) {
	e.add(from, timed{s, e.tag, send, at, sendOut, in, ints})
	e.add(from.Other(), timed{r, e.tag, recv, at, recvOut, nil, ints})
}

// drelu: see runtime/nonlin/drelu.go.
func (e *emitter) drelu(v *ir.Value) *shared {
	x, n, width := e.of[v.Args[0]], v.Type.Len(), []int{ir.SignWidth(v)}
	colour, permute := e.garble(v, program.Bits)
	return &shared{at: [2]*part{
		e.compute(client, program.Sign, program.Bits, n, width, colour, x.at[client]),
		e.compute(server, program.Sign, program.Bits, n, width, permute, x.at[server]),
	}}
}

// whole: an op all inside the circuit, whose outputs are shares already.
func (e *emitter) whole(v *ir.Value) *shared {
	result, masks := e.garble(v, program.Ring)
	return &shared{at: [2]*part{result, masks}}
}
