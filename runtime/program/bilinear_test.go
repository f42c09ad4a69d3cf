package program

import (
	"strings"
	"testing"

	"sotto/ir/cost"
)

// TestBilinearItems: what a manifest says of a product of two masks is held to their sizes, and to memory.
func TestBilinearItems(t *testing.T) {
	conv := []int{5, 4, 6, 7, 6, 3, 3, 2, 2, 1, 1, 1, 1, 2}
	const x, w, y = 5 * 4 * 6 * 7, 6 * 2 * 3 * 3, 5 * 6 * 3 * 4
	with := func(at, v int) []int {
		ints := append([]int(nil), conv...)
		ints[at] = v
		return ints
	}
	for _, c := range []struct {
		op      Opcode
		ints    []int
		n, a, b int
		want    string
	}{
		{Mul, nil, 7, 7, 7, ""},
		{Mul, nil, 7, 7, 8, "7 products of 7 and 8"},
		{Mul, []int{1}, 7, 7, 7, "no bilinear map"},
		{Conv, conv, y, x, w, "no bilinear map"},
		{BatchConv, conv, y, x, w, ""},
		{BatchConvX, conv, x, y, w, ""},
		{BatchConvW, conv, w, x, y, ""},
		{BatchConv, conv[:13], y, x, w, "no bilinear map"},
		{BatchConv, conv, y, w, x, "accepted are"},
		{BatchConvX, conv, x, w, y, "accepted are"},
		{BatchConvW, conv, w + 1, x, y, "accepted are"},
		{BatchConv, with(0, 0), y, x, w, "a batch of 0"},
		{BatchConv, with(0, maxElements), y, x, w, "samples of"},
		{BatchConv, with(0, -1), y, x, w, "a batch of -1"},
		{BatchConv, with(13, 3), y, x, w, "groups"},
		{BatchConv, with(9, 1<<20), y, x, w, "of"},
		{BatchConvX, []int{1, 1, 1, 1, 1 << 20, 2, 2, 1, 1, 500, 500, 1000, 1000, 1}, 1, 1 << 20, 4 << 20, "padding of 1 samples"}, // the gradient's zeros
		{BatchConvX, []int{1, 1, 1000, 1000, 1, 1, 1, 1000, 1000, 0, 0, 1, 1, 1}, 1000 * 1000, 1, 1, ""},
	} {
		m := &Manifest{Version: Version, Deploy: cost.Outsourced, Ring: 64, Items: []Item{{Kind: Mask, N: c.a}, {Kind: Mask, N: c.b},
			{Kind: Bilinear, N: c.n, Args: []int{0, 1}, Op: c.op, Ints: c.ints}}}
		if err := m.Check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v of %d and %d to %d: got %v, want %q", c.op, c.ints, c.a, c.b, c.n, err, c.want)
		}
		p := &Program{Ring: 64, Layers: []Layer{{}}, Buffers: []Buffer{{Ring, 1 << 20}}}
		in := Instr{Op: c.op, Ints: c.ints, Out: []Operand{{Len: c.n}}, In: []Operand{{Len: c.a}, {Len: c.b}, {Len: c.n}}}
		if err := p.checkInstr(computing, in); (err == nil) != (c.want == "") {
			t.Errorf("as an instruction, %s %v of %d and %d to %d: %v", c.op, c.ints, c.a, c.b, c.n, err)
		}
	}
}

// TestBilinearArguments: a product is of two masks that stand before it.
func TestBilinearArguments(t *testing.T) {
	for _, args := range [][]int{{0}, {0, 0, 0}, {0, 1}, {0, 2}, {-1, 0}} {
		m := &Manifest{Version: Version, Deploy: cost.Outsourced, Ring: 64, Items: []Item{{Kind: Mask, N: 3}, {Kind: Bilinear, N: 3, Args: args, Op: Mul}}}
		if m.Check() == nil {
			t.Errorf("accepted arguments %v", args)
		}
	}
}
