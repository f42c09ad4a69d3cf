package program

import (
	"slices"

	"sotto/ir/cost"
)

// Held is what a machine that runs the program has in memory. Slots that are put away and fetched while a level sends or receives count as
// if all sends came first.
func (p *Program) Held() cost.Held {
	h := holding{program: p, held: cost.Held{Weights: p.weightBytes()}, touched: make([]bool, len(p.Buffers)), slots: map[int]int64{}}
	for _, im := range p.Imports {
		h.touch(im.Out)
		if im.Slot != 0 {
			h.spill(im.Slot, im.Out)
		}
	}
	for _, l := range p.Offline {
		h.offline(slices.Concat(l.Send, l.Recv, l.Compute))
	}
	h.held.OfflineBuffers, h.held.Slots = h.buffers(), h.now
	if len(p.State) > 0 {
		for _, o := range p.Given() {
			h.touch(o)
		}
	}
	for _, l := range p.Online {
		h.online(slices.Concat(l.Send, l.Recv, l.Compute))
	}
	h.held.Buffers = h.buffers()
	return h.held
}

// holding goes through a program.
type holding struct {
	program *Program
	held    cost.Held
	touched []bool        // by buffer: something is written there
	slots   map[int]int64 // bytes by slot
	now     int64         // in slots
}

func (h *holding) touch(o Operand) { h.touched[o.Buf] = true }

func (h *holding) spill(slot int, o Operand) {
	h.slots[slot] = h.program.bytes(h.program.Buffers[o.Buf].Kind, o.Len)
	h.now += h.slots[slot]
	h.held.OfflineSlots = max(h.held.OfflineSlots, h.now)
}

func (h *holding) offline(list []Instr) {
	for _, in := range list {
		switch in.Op {
		case Spill:
			h.spill(in.Ints[0], in.In[0])
		case Fill:
			h.now -= h.slots[in.Ints[0]]
		}
		for _, o := range in.Out {
			h.touch(o)
		}
	}
}

// online counts buffers that something is computed or received into, and the weights of linear maps: what is fetched takes its memory along.
func (h *holding) online(list []Instr) {
	for _, in := range list {
		if in.Op == Fill {
			continue
		}
		for _, o := range in.Out {
			h.touch(o)
		}
		if (in.Op == Conv || in.Op == Linear) && !in.Elementwise() {
			h.held.Packed += h.program.bytes(Ring, h.program.Weights[in.Ints[0]].Len)
		}
	}
}

func (h *holding) buffers() (n int64) {
	for i, b := range h.program.Buffers {
		if h.touched[i] {
			n += h.program.bytes(b.Kind, b.Len)
		}
	}
	return n
}

func (p *Program) weightBytes() (n int64) {
	for _, w := range p.Weights {
		n += p.bytes(Ring, w.Len)
	}
	return n
}

// bytes is the memory of n elements.
func (p *Program) bytes(k Kind, n int) int64 {
	if k == Bits {
		return (int64(n) + 7) / 8
	}
	return int64(n) * int64(p.Ring/8)
}
