package vm

import (
	"fmt"

	"sotto/ir/cost"
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
		return tour(m, ints, out, in)
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

func tour[W ring.Word](m *kernel.Mover[W], ints []int, out []W, in [][]W) error {
	t, stage := program.PoolGeometry(ints[2:]), ints[1]
	switch ints[0] {
	case 0:
		return m.Gather(out, in[0], t.InitialIndex())
	case 1:
		left, _ := t.PairIndex(stage)
		return m.Gather(out, in[0], left)
	case 2:
		_, right := t.PairIndex(stage)
		return m.Gather(out, in[0], right)
	case 4:
		return m.Gather(out, in[0], t.WindowIndex())
	case 5:
		tourWinners(out, in[0], t.MergeIndex(stage))
		return nil
	case 6:
		tourUnpair(out, in, t, stage)
		return nil
	case 7:
		return kernel.ScatterAdd(out, in[0], t.InitialIndex())
	}
	return m.GatherPair(out, in[0], in[1], t.MergeIndex(stage))
}

// tourWinners sets out to what lies behind a stage at the places of its winners.
func tourWinners[W ring.Word](out, next []W, merge []int32) {
	for i, from := range merge {
		if int(from) < len(out) {
			out[from] = next[i]
		}
	}
}

// tourUnpair puts both sides of every pair, and what had no opponent, where they lay before a stage.
func tourUnpair[W ring.Word](out []W, in [][]W, t cost.Tournament, stage int) {
	left, right := t.PairIndex(stage)
	for i := range left {
		out[left[i]], out[right[i]] = in[0][i], in[1][i]
	}
	for i, from := range t.MergeIndex(stage) {
		if alone := int(from) - len(left); alone >= 0 {
			out[alone] = in[2][i]
		}
	}
}
