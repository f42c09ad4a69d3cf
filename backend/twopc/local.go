package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// instruction gives the instruction of an op that each party computes on its part alone.
type instruction func(v *ir.Value) (program.Opcode, []int)

// each emits such an op.
func each(of instruction) func(*emitter, *ir.Value) *shared {
	return func(e *emitter, v *ir.Value) *shared {
		args := e.args(v)
		op, ints := of(v)
		out := &shared{}
		if v.Op.Moves {
			out.mask = moved(op, ints, v.Type.Len(), args)
		}
		for p := range out.at {
			in := make([]*part, len(args))
			for i, a := range args {
				in[i] = a.at[p]
			}
			out.at[p] = e.compute(cost.Party(p), op, program.Ring, v.Type.Len(), ints, in...)
		}
		return out
	}
}

// moved is the mask of a moved masked value, if every argument's was drawn.
func moved(op program.Opcode, ints []int, n int, args []*shared) *mask {
	m := &mask{item: -1, n: n, op: op, ints: ints}
	for _, a := range args {
		if a.mask == nil {
			return nil
		}
		m.args = append(m.args, a.mask)
	}
	return m
}

// reshape: the same elements in the same order.
func (e *emitter) reshape(v *ir.Value) *shared { return e.args(v)[0] }

func (e *emitter) addc(v *ir.Value) *shared {
	return e.serverOnly(e.of[v.Args[0]], program.AddC, []int{v.Int("c")})
}

// serverOnly applies an op to the server's part and leaves the client's.
func (e *emitter) serverOnly(x *shared, op program.Opcode, ints []int) *shared {
	return &shared{at: [2]*part{x.at[client], e.compute(server, op, program.Ring, x.at[server].n, ints, x.at[server])}}
}

// shift adds a weight: the server's, or each party's share of it.
func (e *emitter) shift(v *ir.Value) *shared {
	x := e.of[v.Args[0]]
	out := e.serverOnly(x, program.Shift, []int{e.weight(server, v.Args[1])})
	if e.m.Deploy == cost.Outsourced {
		out.at[client] = e.compute(client, program.Shift, program.Ring, x.at[client].n, []int{e.weight(client, v.Args[1])}, x.at[client])
	}
	return out
}

func pad(v *ir.Value) (program.Opcode, []int) {
	return program.Pad, slices.Concat(v.Args[0].Type.Shape, v.Ints("sides"))
}

func slice(v *ir.Value) (program.Opcode, []int) {
	return program.Slice, append(slices.Clone(v.Args[0].Type.Shape), v.Int("start"), v.Int("stride"))
}

func sumpool(v *ir.Value) (program.Opcode, []int) {
	return program.SumPool, slices.Concat(v.Args[0].Type.Shape, v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
}

// tour gives a step of a tournament: the one with a number.
func tour(which int) instruction {
	return func(v *ir.Value) (program.Opcode, []int) {
		stage := 0
		if _, staged := ir.FindAttr(v.Op.Attrs, "stage"); staged {
			stage = v.Int("stage")
		}
		return program.Tour, slices.Concat([]int{which, stage}, v.Ints("image"), v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
	}
}
