package vm

import (
	"bytes"
	"slices"
	"testing"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/program"
)

func operand(buf, n int) program.Operand { return program.Operand{Buf: buf, Len: n} }

// someProgram has a buffer that the online phase reads (0), one that it writes first (1), one of which it reads a part
// after it wrote less (2), the parts of a garbled layer (3), the input (4) and bits (5).
func someProgram() *program.Program {
	p := &program.Program{Party: cost.Server, Ring: 32, Layers: []program.Layer{{Path: "conv"}}}
	p.Buffers = []program.Buffer{{Len: 10}, {Len: 10}, {Len: 10}, {Kind: program.Bits, Len: 128}, {Len: 4}, {Kind: program.Bits, Len: 70}}
	p.Input = program.Tensor{Shape: []int{4}, Buf: 4}
	p.Output = program.Tensor{Shape: []int{1}, Buf: -1}
	p.Online = []program.Level{{
		Send: []program.Instr{{Op: program.SendRing, In: []program.Operand{operand(4, 4)}, Ints: []int{32}}},
		Recv: []program.Instr{
			{Op: program.RecvRing, Out: []program.Operand{operand(1, 10)}, Ints: []int{32}},
			{Op: program.RecvRing, Out: []program.Operand{operand(2, 3)}, Ints: []int{32}},
			{Op: program.GCEvaluate, Out: []program.Operand{operand(3, 128)}, Ints: []int{0, 64, 64, 0}},
		},
		Compute: []program.Instr{
			{Op: program.Add, Out: []program.Operand{operand(1, 7)}, In: []program.Operand{operand(0, 7), operand(1, 7)}},
			{Op: program.Copy, Out: []program.Operand{operand(1, 8)}, In: []program.Operand{operand(2, 8)}},
			{Op: program.MuxChoose, Out: []program.Operand{operand(3, 70)}, In: []program.Operand{operand(3, 70), operand(5, 70)}},
		},
	}}
	p.Circuits = []program.Circuit{{Name: circuit.CarryTask, Params: []int{32, 0}, Scheme: cost.HalfGates}}
	p.Extensions.Garbled = []cost.Labels{{Garbler: cost.Server, OTs: 64 * 31}}
	return p
}

func TestCarried(t *testing.T) {
	if got, want := carried(someProgram()), []int{7, 0, 8, 128, 0, 70}; !slices.Equal(got, want) {
		t.Errorf("the online phase needs %v elements of the buffers, want %v", got, want)
	}
}

func TestSaveRestore(t *testing.T) {
	p := someProgram()
	ots := &OTs{Batches: []Batch{{Key: prg.Block{Lo: 1}, Delta: prg.Block{Lo: 3}, Seed: prg.NewSeed()}}}
	m, err := New[uint32](p, nil, ots, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.ring {
		for j := range m.ring[i] {
			m.ring[i][j] = uint32(100*i + j + 1)
		}
	}
	m.bits[5].Set(69, 1)
	var saved bytes.Buffer
	if err := m.Save(&saved); err != nil {
		t.Fatal(err)
	}
	text := saved.Bytes()
	got, err := Restore[uint32](p, nil, nil, bytes.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := got.OTs.Batches[0]; b.Key != ots.Batches[0].Key || b.Delta != ots.Batches[0].Delta || b.Seed != ots.Batches[0].Seed || b.Hash == nil {
		t.Errorf("batch %+v", b)
	}
	if !slices.Equal(got.ring[0][:7], m.ring[0][:7]) || got.ring[0][7] != 0 || got.ring[1][0] != 0 || got.ring[2][7] != m.ring[2][7] || got.bits[5].Get(69) != 1 {
		t.Errorf("buffers %v", got.ring)
	}
	for _, wrong := range [][]byte{text[:len(text)-1], append(slices.Clone(text), 0), nil} {
		if _, err := Restore[uint32](p, nil, nil, bytes.NewReader(wrong), nil); err == nil {
			t.Errorf("restored from %d bytes of %d", len(wrong), len(text))
		}
	}
}

// TestOTsAreNotStored: a program that extends OTs online cannot be continued by another machine.
func TestOTsAreNotStored(t *testing.T) {
	p := someProgram()
	p.Online[0].Recv = append(p.Online[0].Recv, program.Instr{Op: program.OTPads})
	m, err := New[uint32](p, nil, &OTs{Batches: make([]Batch, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(&bytes.Buffer{}); err == nil {
		t.Error("saved")
	}
}
