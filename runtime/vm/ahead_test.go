package vm

import (
	"bytes"
	"errors"
	"io"
	"maps"
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
		if err := m.each(Computing, m.Program.Online[0].Compute, m.compute); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.ring[0][:7], words) || len(m.ring[0]) != map[bool]int{true: 7, false: 10}[resident > 0] || !slices.Equal(m.bits[1].Words(), bits) {
			t.Errorf("with %d bytes: %v and %v", resident, m.ring[0], m.bits[1].Words())
		}
		m.Wipe()
		if before[9] != 0 || m.ring[0][0] != 0 {
			t.Errorf("with %d bytes: not wiped", resident)
		}
	}
}

// cutShort is a stream with less than its slot, which counts how often it is closed.
type cutShort struct {
	inMemory
	closed *int
}

func (s *cutShort) Close() error { *s.closed++; return nil }

// TestStreamsOfSlotsAreClosed: also where they end too early, read ahead or not.
func TestStreamsOfSlotsAreClosed(t *testing.T) {
	for _, resident := range []int64{0, 1 << 20} {
		m, err := New[uint32](fillingProgram(), nil, &OTs{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.restored = true
		m.Keep(resident)
		closed := 0
		m.Streams = func(StreamName) (Stream, error) { return &cutShort{closed: &closed}, nil }
		err = m.readAhead()
		if err == nil {
			err = m.each(Computing, m.Program.Online[0].Compute, m.compute)
		}
		if !errors.Is(err, io.EOF) || closed != 1 {
			t.Errorf("with %d bytes: %v, closed %d times, want the early end and 1", resident, err, closed)
		}
	}
}

// TestFillNeeds: memory for a slot lasts for what its buffer is used for until the next Fill, or for the output.
func TestFillNeeds(t *testing.T) {
	p := fillingProgram()
	p.Online = append(p.Online, program.Level{
		Send:    []program.Instr{{Op: program.SendRing, In: []program.Operand{operand(0, 9)}, Ints: []int{32}}},
		Compute: []program.Instr{{Op: program.Fill, Out: []program.Operand{operand(0, 4)}, Ints: []int{3}}, {Op: program.Add, Out: []program.Operand{operand(0, 6)}, In: []program.Operand{operand(0, 5), operand(0, 5)}}},
	})
	if got, want := fillNeeds(p), map[int]int{1: 9, 2: 70, 3: 6}; !maps.Equal(got, want) {
		t.Errorf("needs %v, want %v", got, want)
	}
	p.Output = program.Tensor{Shape: []int{2, 5}, Buf: 0}
	if got, want := fillNeeds(p), map[int]int{1: 9, 2: 70, 3: 10}; !maps.Equal(got, want) {
		t.Errorf("with an output: needs %v, want %v", got, want)
	}
}

// TestBufferIsWholeAgain: a buffer that has the short memory of one slot takes all of the next, which was not read ahead.
func TestBufferIsWholeAgain(t *testing.T) {
	p := fillingProgram()
	p.Online = append(p.Online, program.Level{Compute: []program.Instr{{Op: program.Fill, Out: []program.Operand{operand(0, 10)}, Ints: []int{3}}}})
	m, err := New[uint32](p, nil, &OTs{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.restored = true
	m.Keep(28)
	second := []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	m.Streams = func(n StreamName) (Stream, error) {
		s := &inMemory{}
		s.Write(map[int][]byte{1: make([]byte, 28), 2: make([]byte, 16), 3: ring.Bytes(second)}[n.Batch])
		return s, nil
	}
	if err := m.readAhead(); err != nil {
		t.Fatal(err)
	}
	own := m.ring[0]
	for i, want := range []int{7, 10} {
		if err := m.each(Computing, m.Program.Online[i].Compute, m.compute); err != nil {
			t.Fatal(err)
		}
		if len(m.ring[0]) != want {
			t.Errorf("after level %d the buffer has %d elements, want %d", i, len(m.ring[0]), want)
		}
	}
	if !slices.Equal(m.ring[0], second) || &m.ring[0][0] != &own[0] {
		t.Errorf("%v, want the second slot in the buffer's own memory", m.ring[0])
	}
}

// TestReadAheadOfAFullStore: what lies in the store's memory gives its place to what is read of it, and the budget comes out even.
func TestReadAheadOfAFullStore(t *testing.T) {
	m, err := New[uint32](fillingProgram(), nil, &OTs{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Keep(28 + 16)
	for _, in := range m.Program.Online[0].Compute {
		if err := m.spill(in.Ints[0], in.Out[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.readAhead(); err != nil {
		t.Fatal(err)
	}
	if len(m.shelf) != 2 || m.store.room != 0 {
		t.Errorf("%d slots were read ahead, and %d bytes are left", len(m.shelf), m.store.room)
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
