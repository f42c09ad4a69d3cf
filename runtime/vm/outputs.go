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
	return prg.BlockBytes*n*p.table + n*p.Ring/8
}

// outputs are a party's shares of the outputs of a whole layer: bits, or words of the ring, which the garbler enters.
type outputs[W ring.Word] struct {
	bits  ring.Bits
	words []W
}

func (m *Machine[W]) outputs(in program.Instr) outputs[W] {
	o := in.In
	if in.Op != program.GCRemask {
		o = in.Out
	}
	if m.Program.Buffers[o[0].Buf].Kind == program.Bits {
		return outputs[W]{bits: m.b(o[0])}
	}
	return outputs[W]{words: m.r(o[0])}
}

// early packs the masks of instances first to first+n-1 as the garbler's early inputs.
func (p *gcPart[W]) early(o outputs[W], first, n int) ring.Bits {
	b := ring.NewBits(n * p.Ring)
	if p.Ring > 0 {
		ring.InstanceBits(b, o.words[p.lo+first:p.lo+first+n], p.Ring)
	}
	return b
}

// bits gives where the permute or colour bits of instances first to first+n-1 go: the shares themselves, or planes of a chunk.
func (p *gcPart[W]) bits(o outputs[W], first, n int, c *chunk[W]) []uint64 {
	if p.Ring == 0 {
		return o.bits.Slice(p.lo+first, p.lo+first+n).Words()
	}
	return room(&c.planes, ring.PlaneWords(n, p.Ring))
}

// encode makes words of a chunk's permute bits, if they travel: none of those of an earlier part are left otherwise.
func (p *gcPart[W]) encode(c *chunk[W], n int) {
	c.permute = c.permute[:0]
	if p.Ring > 0 {
		ring.FromPlanes(room(&c.permute, n), c.planes, p.Ring)
	}
}

// decode makes shares of a chunk's colour bits and the permute bits that came behind its tables, if these are words.
func (p *gcPart[W]) decode(o outputs[W], first, n int, c *chunk[W], permute []byte) {
	if p.Ring == 0 {
		return
	}
	out := o.words[p.lo+first : p.lo+first+n]
	ring.FromPlanes(out, c.planes, p.Ring)
	words := room(&c.permute, n)
	copy(ring.Bytes(words), permute)
	for i, w := range words {
		out[i] ^= w
	}
}
