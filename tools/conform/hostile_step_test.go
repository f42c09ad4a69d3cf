package conform

import (
	"testing"

	"sotto/backend/twopc"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// stepPair is a pair of programs with what training has beyond inference: products of masks, their instructions, sums and ways back, a public
// number and state.
func stepPair(tb testing.TB) *twopc.Pair {
	tb.Helper()
	conv := []int{2, 2, 4, 4, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1} // 2 samples of 2 x 4 x 4, kernels of 3 x 3
	pool := []int{4, 4, 4, 2, 2, 2, 2, 0, 0}
	const images, weights, windows = 2 * 2 * 4 * 4, 2 * 2 * 3 * 3, 2 * 2 * 2 * 2
	m := &program.Manifest{Version: program.Version, Deploy: cost.Outsourced, Ring: 64, Items: []program.Item{
		{Kind: program.Mask, N: images}, {Kind: program.Mask, N: weights},
		{Kind: program.Bilinear, N: images, Args: []int{0, 1}, Op: program.BatchConv, Ints: conv},
		{Kind: program.Bilinear, N: images, Args: []int{0, 1}, Op: program.BatchConvX, Ints: conv},
		{Kind: program.Bilinear, N: weights, Args: []int{0, 0}, Op: program.BatchConvW, Ints: conv},
		{Kind: program.Bilinear, N: images, Args: []int{0, 0}, Op: program.Mul},
	}}
	var programs [2]*program.Program
	for party := range programs {
		p := &program.Program{Version: program.Version, Party: cost.Party(party), Deploy: cost.Outsourced, Ring: 64, Layers: []program.Layer{{Path: "step"}},
			Input: program.Tensor{Name: "x", Shape: []int{4, 4, 4}, Hi: 1, Buf: 0}, Output: program.Tensor{Name: "y", Shape: []int{1}, Buf: -1},
			Further: []program.Tensor{{Name: "labels", Shape: []int{windows}, Buf: 1}}, Publics: []program.Tensor{{Name: "rate", Shape: []int{1}, Buf: 2}},
			State: []program.State{{Name: "w", Shape: []int{2, 2, 3, 3}, In: 3, Out: 7}}}
		sizes := []int{images, windows, 1, weights, images, weights, images, weights, images, windows, 4}
		for _, n := range sizes {
			p.Buffers = append(p.Buffers, program.Buffer{Len: n})
		}
		at := func(buf int) program.Operand { return program.Operand{Buf: buf, Len: sizes[buf]} }
		for item, buf := range []int{4, 5, 6, 6, 5, 8} {
			p.Imports = append(p.Imports, program.Import{Item: item, Out: at(buf)})
		}
		var list []program.Instr
		emit := func(op program.Opcode, ints []int, to int, from ...int) {
			in := program.Instr{Op: op, Ints: ints, Out: []program.Operand{at(to)}}
			for _, b := range from {
				in.In = append(in.In, at(b))
			}
			list = append(list, in)
		}
		emit(program.BatchConv, conv, 8, 0, 3, 4)
		emit(program.BatchConvX, conv, 6, 0, 3, 8)
		emit(program.BatchConvW, conv, 5, 0, 6, 3)
		emit(program.Mul, nil, 8, 0, 6, 8)
		emit(program.MulPublic, nil, 7, 5, 2)
		emit(program.Unpool, pool, 8, 1)
		emit(program.Sums, []int{2, 4}, 10, 8)
		emit(program.Tour, append([]int{5, 1}, pool...), 9, 1)
		emit(program.Tour, append([]int{7, 0}, pool...), 8, 0)
		p.Online = []program.Level{{Compute: list}}
		programs[party] = p
	}
	seal(tb, programs[0], programs[1], m)
	return &twopc.Pair{Client: programs[0], Server: programs[1], Manifest: m}
}
