package llvm

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
)

// geometries that a convolution with steps behind it may have or not: channels that fill panels or not, blocks, strides, groups, results
// of 64, 16 and 49 pixels.
var followed = []kernel.Conv{
	{InC: 5, InH: 8, InW: 8, OutC: 20, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1},
	{InC: 12, InH: 16, InW: 16, OutC: 66, KH: 1, KW: 1, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Groups: 2},
	{InC: 40, InH: 24, InW: 32, OutC: 7, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
	{InC: 300, InH: 4, InW: 4, OutC: 33, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 2, PadW: 2, DilH: 2, DilW: 2, Groups: 1},
	{InC: 6, InH: 7, InW: 7, OutC: 9, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 3},
	{InC: 5, InH: 8, InW: 8, OutC: 5, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 5},
	{InC: 3, InH: 33, InW: 9, OutC: 6, KH: 5, KW: 2, StrideH: 2, StrideW: 1, PadH: 1, DilH: 1, DilW: 1, Groups: 3},
	{InC: 4, InH: 24, InW: 24, OutC: 4, KH: 3, KW: 3, StrideH: 3, StrideW: 3, DilH: 1, DilW: 1, Groups: 4},
}

// drawnBehind is a program of random elementwise instructions behind a convolution. Its input is buffer 0 in half of them, which the
// instructions write.
func drawnBehind(rng *rand.Rand, bits int, c kernel.Conv) *program.Program {
	p := drawnOf(rng, bits, c.OutLen(), c.OutH()*c.OutW())
	x := rng.IntN(2) * len(p.Buffers)
	if x > 0 {
		p.Buffers = append(p.Buffers, program.Buffer{Kind: program.Ring})
		p.Online[0].Recv = append(p.Online[0].Recv, program.Instr{Op: program.RecvRing, Ints: []int{bits}, Out: []program.Operand{{Buf: x, Len: c.InLen()}}})
	}
	p.Buffers[x].Len = max(p.Buffers[x].Len, c.InLen())
	p.Online[0].Recv[x].Out[0].Len = p.Buffers[x].Len
	p.Weights = append(p.Weights, program.Weight{Name: "kernel", Len: c.WeightLen()}, program.Weight{Name: "bias", Len: c.OutC})
	bias := -1
	if rng.IntN(2) == 0 {
		bias = len(p.Weights) - 1
	}
	ints := []int{len(p.Weights) - 2, bias, c.InC, c.InH, c.InW, c.OutC, c.KH, c.KW, c.StrideH, c.StrideW, c.PadH, c.PadW, c.DilH, c.DilW, c.Groups, c.WeightLen() / c.Groups}
	conv := program.Instr{Op: program.Conv, Ints: ints, In: []program.Operand{{Buf: x, Len: c.InLen()}, {Buf: 2, Len: c.OutLen()}}, Out: []program.Operand{{Buf: 1, Len: c.OutLen()}}}
	if c.Groups == c.InC && c.InC == c.OutC && rng.IntN(2) == 0 { // a pool
		conv.Op, conv.In = program.SumPool, conv.In[:1]
		conv.Ints = []int{c.InC, c.InH, c.InW, c.KH, c.KW, c.StrideH, c.StrideW, c.PadH, c.PadW}
	}
	p.Online[1].Compute = append([]program.Instr{conv, {Op: program.TapValue, In: conv.Out, Ints: []int{0}}}, p.Online[1].Compute...)
	if x == 0 { // what is left there is shown
		last := program.Operand{Buf: x, Len: c.OutLen()}
		p.Online[1].Compute = append(p.Online[1].Compute, program.Instr{Op: program.Add, In: []program.Operand{{Buf: 1, Len: c.OutLen()}, {Buf: 3, Len: c.OutLen()}}, Out: []program.Operand{last}})
		p.Online[2].Send = append(p.Online[2].Send, program.Instr{Op: program.SendRing, In: []program.Operand{last}, Ints: []int{bits}})
	}
	return p
}

// TestConvolutionsWithSteps: a convolution with what follows it sends what the machine does that runs one by one.
func TestConvolutionsWithSteps(t *testing.T) {
	fused := map[string]int{"conv": 0, "depthwise": 0, "sumpool": 0}
	for i, clang := range clangs(t) {
		for j, target := range runnable(t) {
			for g, c := range followed {
				rng := rand.New(rand.NewPCG(uint64(10*i+j), uint64(g)))
				for range 3 {
					p, q := drawnBehind(rng, 32, c), drawnBehind(rng, 64, c)
					checkProgram[uint32](t, clang, target, p)
					checkProgram[uint64](t, clang, target, q)
					k, err := Compile(p, target)
					if err != nil {
						t.Fatal(err)
					}
					for kind := range fused {
						for name := range strings.FieldsSeq(k.Text) {
							if strings.HasPrefix(name, "@"+kind+"_") && strings.Contains(name, "_then_") {
								fused[kind]++
							}
						}
					}
				}
			}
		}
	}
	for kind, n := range fused {
		if n == 0 {
			t.Errorf("no %s is fused with what follows", kind)
		}
	}
}
