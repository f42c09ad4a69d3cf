package vm

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// inMemory is a stream over bytes.
type inMemory struct{ bytes.Buffer }

func (*inMemory) Close() error { return nil }

// fillingProgram fetches slot 1 into a part of buffer 0, and slot 2 into bits.
func fillingProgram() *program.Program {
	p := &program.Program{Ring: 32, Layers: []program.Layer{{Path: "conv"}}}
	p.Buffers = []program.Buffer{{Len: 10}, {Kind: program.Bits, Len: 100}}
	p.Input, p.Output = program.Tensor{Buf: -1}, program.Tensor{Buf: -1}
	p.Online = []program.Level{{Compute: []program.Instr{
		{Op: program.Fill, Out: []program.Operand{operand(0, 7)}, Ints: []int{1}},
		{Op: program.Fill, Out: []program.Operand{operand(1, 70)}, Ints: []int{2}},
	}}}
	return p
}

// TestReadAhead: what slots hold is where their Fill puts it, whether it was read ahead or the budget was too small for that, and
// what a buffer had before is wiped in the end.
func TestReadAhead(t *testing.T) {
	words, bits := []uint32{1, 2, 3, 4, 5, 6, 7}, []uint64{8, 9}
	for _, resident := range []int64{0, 41, 1 << 20} {
		m, err := New[uint32](fillingProgram(), nil, &OTs{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.restored = true
		m.Keep(resident)
		opened := 0
		m.Streams = func(n StreamName) (Stream, error) {
			opened++
			s := &inMemory{}
			s.Write(map[int][]byte{1: ring.Bytes(words), 2: ring.Bytes(bits)}[n.Batch])
			return s, nil
		}
		if err := m.readAhead(); err != nil {
			t.Fatal(err)
		}
		if want := map[int64]int{0: 0, 41: 1, 1 << 20: 2}[resident]; opened != want {
			t.Errorf("with %d bytes %d slots were read ahead, want %d", resident, opened, want)
		}
		before := m.ring[0]
		before[9] = 1
		if err := m.each(m.Program.Online[0].Compute, m.compute); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.ring[0][:7], words) || len(m.ring[0]) != 10 || !slices.Equal(m.bits[1].Words(), bits) {
			t.Errorf("with %d bytes: %v and %v", resident, m.ring[0], m.bits[1].Words())
		}
		m.Wipe()
		if before[9] != 0 || m.ring[0][0] != 0 {
			t.Errorf("with %d bytes: not wiped", resident)
		}
	}
}

// TestReadAheadNamesTheSlot: a slot that holds less than its buffer ends the session.
func TestReadAheadNamesTheSlot(t *testing.T) {
	m, err := New[uint32](fillingProgram(), nil, &OTs{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.restored = true
	m.Streams = func(StreamName) (Stream, error) { return &inMemory{}, nil }
	if err := m.readAhead(); err == nil || err.Error() != "slot 1: "+io.EOF.Error() {
		t.Errorf("error %v", err)
	}
}
