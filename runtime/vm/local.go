package vm

import (
	"fmt"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Move applies a movement or pooling to ring vectors: what a party does to its shares, and what the maker of the material
// does to masks.
func Move[W ring.Word](op program.Opcode, ints []int, out []W, in ...[]W) error {
	m := new(kernel.Mover[W])
	defer m.Wipe()
	return move(m, op, ints, out, in)
}

func move[W ring.Word](m *kernel.Mover[W], op program.Opcode, ints []int, out []W, in [][]W) error {
	switch op {
	case program.Copy:
		copy(out, in[0])
		return nil
	case program.Concat:
		return kernel.Concat(out, 1, in...)
	case program.Pad:
		return m.Pad2D(program.PadGeometry(ints), out, in[0])
	case program.Slice:
		return m.Slice2D(program.SliceGeometry(ints), out, in[0])
	case program.Walk:
		return m.Walk(program.LoopsOf(ints), out, in[0])
	case program.SumPool:
		return m.SumPool(kernel.Pool(program.PoolGeometry(ints)), out, in[0])
	case program.Unpool:
		return kernel.Unpool(kernel.Pool(program.PoolGeometry(ints)), out, in[0])
	case program.Sums:
		return kernel.SumStretches(ints[0], out, in[0])
	case program.Gather:
		gather(ints, out, in[0])
		return nil
	case program.Scatter:
		scatter(ints, out, in[0], in[1])
		return nil
	case program.Tour:
		tour(ints, out, in)
		return nil
	}
	return fmt.Errorf("%s moves nothing", op)
}

// Product applies a linear map with weights w to x.
func Product[W ring.Word](op program.Opcode, ints []int, out, x, w []W) error {
	switch op {
	case program.Conv:
		return kernel.Conv2D(program.Geometry(ints), out, x, w)
	case program.Linear:
		return kernel.Linear(out, w, x, ints[0], ints[1])
	}
	return fmt.Errorf("%s is not a linear map", op)
}
