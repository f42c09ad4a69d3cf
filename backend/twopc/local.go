package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// local emits an op that acts on each party's share alone.
func (e *emitter) local(v *ir.Value) *shared {
	args := e.args(v)
	switch v.Op.Name {
	case "ring.reshape":
		return args[0] // the same elements in the same order
	case "ring.addc":
		return e.serverOnly(args[0], program.AddC, []int{v.Int("c")})
	case "ring.shift":
		return e.shift(v, args[0])
	}
	op, ints := movement(v)
	out := &shared{mask: moved(op, ints, v.Type.Len(), args)}
	for p := range out.at {
		in := make([]*part, len(args))
		for i, a := range args {
			in[i] = a.at[p]
		}
		out.at[p] = e.compute(cost.Party(p), op, program.Ring, v.Type.Len(), ints, in...)
	}
	return out
}

// moved is the mask of a moved masked value, if the op moves elements and every argument's mask was drawn.
func moved(op program.Opcode, ints []int, n int, args []*shared) *mask {
	if !slices.Contains([]program.Opcode{program.Concat, program.Pad, program.Slice}, op) {
		return nil
	}
	m := &mask{item: -1, n: n, op: op, ints: ints}
	for _, a := range args {
		if a.mask == nil {
			return nil
		}
		m.args = append(m.args, a.mask)
	}
	return m
}

// serverOnly applies an op to the server's part and leaves the client's.
func (e *emitter) serverOnly(x *shared, op program.Opcode, ints []int) *shared {
	return &shared{at: [2]*part{x.at[client], e.compute(server, op, program.Ring, x.at[server].n, ints, x.at[server])}}
}

// shift adds a weight: the server's, or each party's share of it.
func (e *emitter) shift(v *ir.Value, x *shared) *shared {
	out := e.serverOnly(x, program.Shift, []int{e.weight(server, v.Args[1])})
	if e.m.Deploy == cost.Outsourced {
		out.at[client] = e.compute(client, program.Shift, program.Ring, x.at[client].n, []int{e.weight(client, v.Args[1])}, x.at[client])
	}
	return out
}

// movement gives the instruction of a local op.
func movement(v *ir.Value) (program.Opcode, []int) {
	s := v.Args[0].Type.Shape
	switch v.Op.Name {
	case "ring.add":
		return program.Add, nil
	case "ring.sub":
		return program.Sub, nil
	case "ring.mulc":
		return program.MulC, []int{v.Int("c")}
	case "ring.concat":
		return program.Concat, nil
	case "ring.pad":
		return program.Pad, append(slices.Clone(s), v.Ints("sides")...)
	case "ring.slice":
		return program.Slice, append(slices.Clone(s), v.Int("start"), v.Int("stride"))
	case "ring.gather":
		return program.Gather, v.Ints("keep")
	case "ring.scatter":
		return program.Scatter, v.Ints("keep")
	case "ring.sumpool":
		return program.SumPool, slices.Concat(s, v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
	case "tour.start", "tour.left", "tour.right", "tour.next", "tour.windows":
		which := slices.Index([]string{"start", "left", "right", "next", "windows"}, v.Op.Name[len("tour."):])
		stage := 0
		if _, staged := ir.FindAttr(v.Op.Attrs, "stage"); staged {
			stage = v.Int("stage")
		}
		return program.Tour, slices.Concat([]int{which, stage}, v.Ints("image"), v.Ints("kernel"), v.Ints("stride"), v.Ints("pad"))
	}
	ir.Bugf("no instruction for %s", v.Op.Name)
	return "", nil
}
