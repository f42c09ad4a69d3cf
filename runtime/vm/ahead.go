package vm

import (
	"math"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// What the online phase fetches from slots is known before there is an input, so it is brought into memory when the offline phase has
// ended, or was read from a store: as far as the machine's budget lasts, in the order of its use. Each slot is read to memory that is
// enough for a buffer until the next Fill, and its Fill puts that in the buffer's place: online nothing is copied.

// DefaultOnline is how many bytes a machine's buffers and what waits for the online phase may take when that begins: Tuning, half of
// what a party may take for any network. What makes the material is gone by then, and weights are there twice at most.
const DefaultOnline = cost.ResidentOnline

// onlineRoom is what the online phase may have in memory beside the buffers of a program, beyond DefaultResident.
func onlineRoom(p *program.Program) int64 { return max(0, DefaultOnline-DefaultResident-p.Memory()) }

// shelved is a buffer's memory with what a slot held.
type shelved[W ring.Word] struct {
	ring []W
	bits ring.Bits
}

// readAhead brings slots of the online phase into memory, as far as the budget lasts.
func (m *Machine[W]) readAhead() error {
	m.store.extend(m.ahead)
	needs := fillNeeds(m.Program)
	for _, l := range m.Program.Online {
		for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
			if in.Op != program.Fill {
				continue
			}
			if err := m.shelve(in.Ints[0], in.Out[0], needs[in.Ints[0]]); err != nil {
				return err
			}
		}
	}
	m.spent = slices.Grow(m.spent, len(m.shelf)) // all of it gives its place to other memory in the end
	return nil
}

// fillNeeds gives, by slot, how many elements of its buffer are used from its Fill to the next one in the online phase, or to the end.
func fillNeeds(p *program.Program) map[int]int {
	needs := map[int]int{}
	last := make([]int, len(p.Buffers)) // slot that was fetched to each, from 1
	uses := func(o program.Operand) {
		if slot := last[o.Buf]; slot != 0 {
			needs[slot] = max(needs[slot], o.Len)
		}
	}
	for _, l := range p.Online {
		for _, in := range slices.Concat(l.Send, l.Recv, l.Compute) {
			if in.Op == program.Fill {
				last[in.Out[0].Buf] = in.Ints[0]
			}
			for _, o := range slices.Concat(in.In, in.Out) {
				uses(o)
			}
		}
	}
	if p.Output.Buf >= 0 {
		uses(program.Operand{Buf: p.Output.Buf, Len: p.Output.Len()})
	}
	return needs
}

// shelve reads a slot to memory for need elements of the buffer of o, if the budget lasts for them.
func (m *Machine[W]) shelve(slot int, o program.Operand, need int) error {
	if !m.store.swap(m.heldBy(slot), m.elementBytes(o.Buf, need)) {
		return nil
	}
	b := m.memoryFor(o.Buf, need)
	m.shelf[slot] = b
	return m.readSlot(slot, b.bytes(o.Len))
}

// heldBy is how much of the budget a slot takes as it is.
func (m *Machine[W]) heldBy(slot int) int {
	m.slotsMu.Lock()
	defer m.slotsMu.Unlock()
	if k, ok := m.slots[slot].(*kept); ok {
		return k.held()
	}
	return 0
}

// unshelve puts what was read ahead of a slot in the place of a buffer, or reports that nothing was.
func (m *Machine[W]) unshelve(slot int, buf int) bool {
	m.slotsMu.Lock()
	defer m.slotsMu.Unlock()
	b, ok := m.shelf[slot]
	if !ok {
		return false
	}
	delete(m.shelf, slot)
	before := m.exchange(buf, b)
	if m.own[buf].empty() {
		m.own[buf] = before
	} else {
		m.spent = append(m.spent, before)
	}
	return true
}

// whole gives a buffer its own memory back, if it has another's, which may be shorter.
func (m *Machine[W]) whole(buf int) {
	m.slotsMu.Lock()
	defer m.slotsMu.Unlock()
	if own := m.own[buf]; !own.empty() {
		m.spent = append(m.spent, m.exchange(buf, own))
		m.own[buf] = shelved[W]{}
	}
}

// exchange gives a buffer other memory, and what it had.
func (m *Machine[W]) exchange(buf int, b shelved[W]) (before shelved[W]) {
	before = shelved[W]{m.ring[buf], m.bits[buf]}
	m.ring[buf], m.bits[buf] = b.ring, b.bits
	return before
}

func (m *Machine[W]) elementBytes(buf, n int) int {
	if m.Program.Buffers[buf].Kind == program.Bits {
		return ring.BitWords(n) * 8
	}
	return n * ring.Width[W]() / 8
}

func (m *Machine[W]) memoryFor(buf, n int) shelved[W] {
	if m.Program.Buffers[buf].Kind == program.Bits {
		return shelved[W]{bits: ring.NewBits(n)}
	}
	return shelved[W]{ring: make([]W, n)}
}

// bytes of the first n elements, or bits in whole words.
func (b shelved[W]) bytes(n int) []byte {
	if b.ring == nil {
		return ring.Bytes(b.bits.Words()[:ring.BitWords(n)])
	}
	return ring.Bytes(b.ring[:n])
}

func (b shelved[W]) empty() bool { return b.ring == nil && b.bits.Words() == nil }

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
	for _, o := range m.Program.Given() {
		untouched[o.Buf] = false // the caller fills it, perhaps already
	}
	for i, n := range carried(m.Program) {
		if untouched[i] && n == 0 {
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
