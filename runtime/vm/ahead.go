package vm

import (
	"fmt"
	"io"
	"math"
	"slices"

	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// What the online phase fetches from slots is known before there is an input, so it is brought into memory when the offline phase has
// ended, or was read from a store: as far as the machine's budget lasts, in the order of its use. Each slot is read to memory that is a
// whole buffer, and its Fill puts that in the buffer's place: online nothing is copied.

// shelved is a buffer's memory with what a slot held.
type shelved[W ring.Word] struct {
	ring []W
	bits ring.Bits
}

// readAhead brings slots of the online phase into memory, until the budget is used up.
func (m *Machine[W]) readAhead() error {
	for _, l := range m.Program.Online {
		for _, list := range [][]program.Instr{l.Send, l.Recv, l.Compute} {
			for _, in := range list {
				if in.Op != program.Fill {
					continue
				}
				if full, err := m.shelve(in.Ints[0], in.Out[0]); full || err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// shelve reads a slot to memory for the buffer of o, unless the budget is used up.
func (m *Machine[W]) shelve(slot int, o program.Operand) (full bool, err error) {
	if !m.store.claim(m.bufferBytes(o.Buf)) {
		return true, nil
	}
	s, err := m.takeSlot(slot)
	if err != nil {
		return false, err
	}
	b := m.newBuffer(o.Buf)
	m.shelf[slot] = b
	if _, err := io.ReadFull(s, b.bytes(o.Len)); err != nil {
		return false, fmt.Errorf("slot %d: %w", slot, err)
	}
	return false, s.Close()
}

// unshelve puts what was read ahead of a slot in the place of a buffer, or reports that nothing was.
func (m *Machine[W]) unshelve(slot int, buf int) bool {
	m.slotsMu.Lock()
	defer m.slotsMu.Unlock()
	b, ok := m.shelf[slot]
	if ok {
		delete(m.shelf, slot)
		m.spent = append(m.spent, shelved[W]{m.ring[buf], m.bits[buf]})
		m.ring[buf], m.bits[buf] = b.ring, b.bits
	}
	return ok
}

func (m *Machine[W]) bufferBytes(buf int) int {
	b := m.Program.Buffers[buf]
	if b.Kind == program.Bits {
		return len(ring.Bytes(m.bits[buf].Words()))
	}
	return b.Len * ring.Width[W]() / 8
}

func (m *Machine[W]) newBuffer(buf int) shelved[W] {
	b := m.Program.Buffers[buf]
	if b.Kind == program.Bits {
		return shelved[W]{bits: ring.NewBits(b.Len)}
	}
	return shelved[W]{ring: make([]W, b.Len)}
}

// bytes of the first n elements, or bits in whole words.
func (b shelved[W]) bytes(n int) []byte {
	if b.ring == nil {
		return ring.Bytes(b.bits.Words()[:ring.BitWords(n)])
	}
	return ring.Bytes(b.ring[:n])
}

func (b shelved[W]) wipe() {
	ring.Wipe(b.ring)
	ring.Wipe(b.bits.Words())
}

// touch writes to every buffer that the online phase computes or receives into, and makes those through which labels pass, so that the
// system gives them memory before there is an input. What was carried over has its memory.
func (m *Machine[W]) touch() error {
	untouched := make([]bool, len(m.ring))
	for _, l := range m.Program.Online {
		for _, in := range slices.Concat(l.Recv, l.Compute) {
			for _, o := range in.Out {
				untouched[o.Buf] = untouched[o.Buf] || in.Op != program.Fill
			}
		}
	}
	for i, n := range carried(m.Program) {
		if untouched[i] && n == 0 && i != m.Program.Input.Buf { // the caller fills that one, perhaps already
			shelved[W]{m.ring[i], m.bits[i]}.wipe()
		}
	}
	return m.touchRelays()
}

// touchRelays makes room for the labels of the online phase's garbled parts.
func (m *Machine[W]) touchRelays() error {
	for _, l := range m.Program.Online {
		for _, in := range slices.Concat(l.Send, l.Recv) {
			if in.Op != program.GCLabels && in.Op != program.GCEvaluate {
				continue
			}
			p, err := m.gcPart(in)
			if err != nil {
				return err
			}
			for i := range relayed {
				if in.Op == program.GCLabels {
					room(&m.relays[sends][i].labels, p.chunk*p.Wires())
				} else {
					room(&m.relays[receives][i].theirs, p.chunk*p.Wires())
				}
			}
		}
	}
	for d := range m.relays {
		for i := range m.relays[d] {
			m.relays[d][i].wipe(math.MaxInt)
		}
	}
	return nil
}
