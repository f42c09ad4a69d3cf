package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// circuit gives the index of a circuit in the table that both programs have.
func (e *emitter) circuit(g ir.Garbling) int {
	c := program.Circuit{Name: g.Circuit, Params: g.Params, Scheme: g.Scheme}
	table := e.prog[client].p.Circuits
	i := slices.IndexFunc(table, func(o program.Circuit) bool {
		return o.Name == c.Name && o.Scheme == c.Scheme && slices.Equal(o.Params, c.Params)
	})
	if i < 0 {
		i = len(table)
		for _, s := range e.prog {
			s.p.Circuits = append(s.p.Circuits, c)
		}
	}
	return i
}

// outputs is where a garbled op's go: the client's, and the server's, which come with the garbling or enter it as masks.
type outputs struct {
	client  *part
	garble  program.Opcode
	permute []*part
	masks   []*part
}

// garble emits of x, the parts of v's argument, label OTs and tables for each garbled batch, then the server's labels: see runtime/vm/garbled.go.
func (e *emitter) garble(v *ir.Value, x *shared, to outputs) {
	g, _ := ir.GarblingOf(v)
	circuit, lo := e.circuit(g), 0
	for _, count := range g.Parts() {
		ints := []int{e.batches, lo, int(count), circuit}
		zero := e.labelOTs(x.at[client], int(count*g.Wires), ints)
		e.step(server, to.garble, program.GCTables, zero+1, ints, to.masks, to.permute, nil)
		labels := x.at[server].ready + 1
		e.step(server, program.GCLabels, program.GCEvaluate, labels, ints, []*part{x.at[server]}, nil, []*part{to.client})
		to.client.ready = max(to.client.ready, zero+1, labels)
		for _, p := range to.permute {
			p.ready = max(p.ready, zero+1)
		}
		e.batches++
		lo += int(count)
	}
}

// step adds a streamed send and its recv.
func (e *emitter) step(from cost.Party, s, r program.Opcode, at cost.Time, ints []int, in, sendOut, recvOut []*part) {
	e.add(from, timed{s, e.tag, send, at, sendOut, in, ints})
	e.add(from.Other(), timed{r, e.tag, recv, at, recvOut, nil, ints})
}

// drelu: see runtime/nonlin/drelu.go.
func (e *emitter) drelu(v *ir.Value) *shared {
	x, n, width := e.of[v.Args[0]], v.Type.Len(), []int{ir.SignWidth(v)}
	colour, permute := e.part(client, program.Bits, n, cost.Start), e.part(server, program.Bits, n, cost.Start)
	if drop := v.Int("drop"); drop > 0 { // the low bits that the circuit leaves out round the server's share up: runtime/nonlin/coarse.go
		x = e.serverOnly(x, program.AddC, []int{1<<drop - 1})
	}
	e.garble(v, x, outputs{client: colour, garble: program.GCGarble, permute: []*part{permute}})
	return &shared{at: [2]*part{
		e.compute(client, program.Sign, program.Bits, n, width, colour, x.at[client]),
		e.compute(server, program.Sign, program.Bits, n, width, permute, x.at[server]),
	}}
}

// whole: an op all inside the circuit, whose outputs are shares already.
func (e *emitter) whole(v *ir.Value) *shared {
	n := v.Type.Len()
	result, masks := e.part(client, program.Ring, n, cost.Start), e.compute(server, program.GCDraw, program.Ring, n, nil)
	e.garble(v, e.of[v.Args[0]], outputs{client: result, garble: program.GCRemask, masks: []*part{masks}})
	return &shared{at: [2]*part{result, masks}}
}
