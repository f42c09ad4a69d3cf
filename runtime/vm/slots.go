package vm

import (
	"errors"
	"fmt"
	"io"

	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Slots hold what waits long for its use: most of what the offline phase makes for the online one. They are streams, so that
// they stay in memory as far as the machine's budget lasts and lie in its file beyond, or wherever stored material is kept.

// slot is the bytes of an operand of either kind.
func (m *Machine[W]) slot(o program.Operand) []byte {
	if m.Program.Buffers[o.Buf].Kind == program.Bits {
		return ring.Bytes(m.b(o).Words())
	}
	return ring.Bytes(m.r(o))
}

// spill puts an operand away.
func (m *Machine[W]) spill(slot int, o program.Operand) error {
	s, err := m.open(StreamName{Slots, slot})
	if err != nil {
		return err
	}
	m.slotsMu.Lock()
	m.slots[slot] = s
	m.slotsMu.Unlock()
	return inPieces(m.slot(o), s)
}

// slotPiece bytes are put away at a time, so that what goes to the file needs little memory on its way.
const slotPiece = 1 << 20

func inPieces(b []byte, to Stream) error {
	for len(b) > 0 {
		n := min(len(b), slotPiece)
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	if k, ok := to.(*kept); ok {
		k.scratch = nil
	}
	return nil
}

// fetch brings back what a slot holds, which is then gone.
func (m *Machine[W]) fetch(slot int, o program.Operand) error {
	if m.unshelve(slot, o.Buf) {
		return nil
	}
	m.whole(o.Buf)
	return m.readSlot(slot, m.slot(o))
}

// readSlot reads what a slot holds to b and closes its stream.
func (m *Machine[W]) readSlot(slot int, b []byte) error {
	s, err := m.takeSlot(slot)
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(s, b); err != nil {
		return errors.Join(fmt.Errorf("slot %d: %w", slot, err), s.Close())
	}
	return s.Close()
}

// takeSlot gives a slot's stream, to be read once.
func (m *Machine[W]) takeSlot(slot int) (Stream, error) {
	m.slotsMu.Lock()
	s := m.slots[slot]
	delete(m.slots, slot)
	m.slotsMu.Unlock()
	switch {
	case s != nil:
		return s, nil
	case m.restored:
		return m.open(StreamName{Slots, slot})
	}
	return nil, fmt.Errorf("slot %d: %w", slot, errOrder)
}

// moveSlot runs an instruction that puts away or fetches, or reports that it is none.
func (m *Machine[W]) moveSlot(in program.Instr) (bool, error) {
	switch in.Op {
	case program.Spill:
		return true, m.spill(in.Ints[0], in.In[0])
	case program.Fill:
		return true, m.fetch(in.Ints[0], in.Out[0])
	}
	return false, nil
}
