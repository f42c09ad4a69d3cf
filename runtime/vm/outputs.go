package vm

import (
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// What becomes of the outputs of a garbled circuit. Bits are shared as they are: the garbler's permute bit and the evaluator's
// colour bit add up to the output. Of a number in the ring the circuit gives y - r for a mask r that the garbler draws and enters
// early: r is its share. The permute bits then travel behind the tables of their chunk, as words of the ring, and what
// they and the colour bits add up to is the evaluator's share.

// tableBytes is what n instances' tables take, with the permute bits that go with them.
func (p *gcPart[W]) tableBytes(n int) int {
	return 2*prg.BlockBytes*n*p.ANDs() + n*p.Ring/8
}

// garblerOutputs are the garbler's outputs of a part, chunk by chunk.
type garblerOutputs[W ring.Word] struct {
	ring    int
	lo      int
	bits    ring.Bits // or:
	masks   []W
	early   ring.Bits
	permute []uint64
	decode  []W
}

func (m *Machine[W]) garblerOutputs(p *gcPart[W], in program.Instr) *garblerOutputs[W] {
	o := &garblerOutputs[W]{ring: p.Ring, lo: p.lo}
	if p.Ring == 0 {
		o.bits = m.b(in.Out[0])
		return o
	}
	o.masks = m.r(in.In[0])
	o.permute, o.decode = make([]uint64, ring.PlaneWords(p.chunk, p.Ring)), make([]W, p.chunk)
	return o
}

// before gives the early inputs of instances first to first+n-1 and where their permute bits go.
func (o *garblerOutputs[W]) before(first, n int) (early, permute []uint64) {
	if o.ring == 0 {
		return nil, o.bits.Slice(o.lo+first, o.lo+first+n).Words()
	}
	masks := o.masks[o.lo+first : o.lo+first+n]
	o.early = ring.NewBits(n * o.ring)
	ring.InstanceBits(o.early, masks, o.ring)
	return o.early.Words(), o.permute[:ring.PlaneWords(n, o.ring)]
}

// after gives what the evaluator needs of the n instances' permute bits.
func (o *garblerOutputs[W]) after(n int) []byte {
	if o.ring == 0 {
		return nil
	}
	ring.Wipe(o.early.Words())
	ring.FromPlanes(o.decode[:n], o.permute[:ring.PlaneWords(n, o.ring)], o.ring)
	return ring.Bytes(o.decode[:n])
}

// evaluatorOutputs are the evaluator's outputs of a part, chunk by chunk.
type evaluatorOutputs[W ring.Word] struct {
	ring    int
	lo      int
	bits    ring.Bits // or:
	results []W
	chunk   []W // of the results
	colour  []uint64
	decode  []W
}

func (m *Machine[W]) evaluatorOutputs(p *gcPart[W], out program.Operand) *evaluatorOutputs[W] {
	o := &evaluatorOutputs[W]{ring: p.Ring, lo: p.lo}
	if p.Ring == 0 {
		o.bits = m.b(out)
		return o
	}
	o.results, o.colour, o.decode = m.r(out), make([]uint64, ring.PlaneWords(p.chunk, p.Ring)), make([]W, p.chunk)
	return o
}

// before gives where the bytes of the permute bits of instances first to first+n-1 go, and their colour bits.
func (o *evaluatorOutputs[W]) before(first, n int) (permute []byte, colour []uint64) {
	if o.ring == 0 {
		return nil, o.bits.Slice(o.lo+first, o.lo+first+n).Words()
	}
	o.chunk = o.results[o.lo+first : o.lo+first+n]
	return ring.Bytes(o.decode[:n]), o.colour[:ring.PlaneWords(n, o.ring)]
}

// after decodes the chunk.
func (o *evaluatorOutputs[W]) after() {
	if o.ring == 0 {
		return
	}
	ring.FromPlanes(o.chunk, o.colour[:ring.PlaneWords(len(o.chunk), o.ring)], o.ring)
	for i, p := range o.decode[:len(o.chunk)] {
		o.chunk[i] ^= p
	}
}
