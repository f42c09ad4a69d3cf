package program

import (
	"testing"

	"sotto/ir/cost"
)

// TestHeld: slots add up until they are fetched, a buffer counts once something is written there, and a weight for each channel is not packed.
func TestHeld(t *testing.T) {
	at := func(buf, n int) Operand { return Operand{Buf: buf, Len: n} }
	scale := []int{1, -1, 2, 1, 1, 2, 1, 1, 1, 1, 0, 0, 1, 1, 2, 2} // a convolution of 2x1x1, one weight a channel
	p := &Program{Ring: 32, Weights: []Weight{{Name: "w", Len: 6}, {Name: "scale", Len: 2}},
		Buffers: []Buffer{{Ring, 10}, {Ring, 20}, {Bits, 70}, {Ring, 3}, {Ring, 2}, {Ring, 99}},
		Imports: []Import{{Out: at(0, 10), Slot: 1}, {Out: at(0, 7), Slot: 2}},
		Offline: []Level{{Recv: []Instr{{Op: RecvBits, Out: []Operand{at(2, 70)}}, {Op: Spill, In: []Operand{at(2, 70)}, Ints: []int{3}}}},
			{Compute: []Instr{{Op: Fill, Out: []Operand{at(1, 10)}, Ints: []int{1}}, {Op: Spill, In: []Operand{at(1, 5)}, Ints: []int{4}}}}},
		Online: []Level{{Compute: []Instr{{Op: Fill, Out: []Operand{at(5, 7)}, Ints: []int{2}},
			{Op: Linear, Out: []Operand{at(3, 3)}, Ints: []int{0, -1, 3, 2}}, {Op: Conv, Out: []Operand{at(4, 2)}, Ints: scale}}}},
	}
	want := cost.Held{Weights: 4 * 8, Packed: 4 * 6, OfflineBuffers: 4*(10+20) + 9, Buffers: 4*(10+20+3+2) + 9, OfflineSlots: 40 + 28 + 9, Slots: 28 + 9 + 20}
	if got := p.Held(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
