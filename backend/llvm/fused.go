package llvm

import (
	"fmt"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/types"
	"github.com/llir/llvm/ir/value"

	"sotto/runtime/program"
)

// Elementwise instructions behind a convolution become part of it: what they take of its result is still in the nearest cache, and is
// not stored unless something else reads it. The sums of a unit are transposed into scratch memory, a row for each channel, and the
// instructions pass over the rows. Vectors of the result must not lie across two channels, and the bits of a vector be whole bytes.

// fused gives the stages of a convolution with the instructions behind it, and how many instructions these stand for in all: none where
// they cannot be one.
func (m *module) fused(list []program.Instr, at int) (int, []program.Stage) {
	in, first := list[0], 1
	for first < len(list) && list[first].Op == program.TapValue {
		first++
	}
	c, count := chainOf(list[first:])
	if in.Op != program.Conv || count == 0 || c.n != in.Out[0].Len {
		return 0, nil
	}
	g, lanes := program.Geometry(in.Ints[2:]), m.target.Vector/m.elem.Bytes()
	if g.InC == g.Groups || g.OutH()*g.OutW()%lanes != 0 {
		return 0, nil
	}
	c.list = append([]program.Instr{in}, c.list...)
	last := at + first + count - 1
	s, text := m.steps(c, func(buf int) bool { return m.lives.after(buf, c.n, last) })
	if s.stores(in.In[0].Buf) || (lanes%8 != 0 && s.haveBits()) {
		return 0, nil
	}
	name := fmt.Sprintf("conv_%s_%s_then_%s", m.elem, geometryName(g), digest(text))
	return first + count, m.convolution(layer{tag: in.Tag, elem: m.elem, geometry: g, x: buffer(in.In[0]), weight: in.Ints[0], then: s, name: name})
}

// stores tells whether the steps leave something in a buffer.
func (s *steps) stores(buf int) bool {
	for i, a := range s.args {
		if s.live[i] && a == (program.Arg{Kind: program.BufferArg, Index: buf}) {
			return true
		}
	}
	return false
}

func (s *steps) haveBits() bool {
	for _, b := range s.bits {
		if b {
			return true
		}
	}
	return false
}

// then does the steps that follow on the sums of a unit.
func (k convolution) then() {
	b := k.fn
	rows := b.element("rows", k.sums, num(k.chunk*k.width()))
	for v := range k.vectors {
		b.loop("square", fmt.Sprintf("squares of %d pixels x %d channels", k.lanes, k.lanes), num(0), k.count, k.lanes, nil, func(p value.Value, _ []value.Value) []value.Value {
			for j, r := range b.transpose(k.squareRows(b.element("vector.sums", k.sums, num(v*k.lanes)), p)) {
				b.storeVector("row", r, b.element("row.place", rows, b.add("row.at", p, num((v*k.lanes+j)*k.chunk))))
			}
			return nil
		})
	}
	have := b.min("channels", num(k.width()), b.sub("channels.left", num(k.groupOut), k.channel))
	b.each("channel", "what follows, along the pixels of each channel", num(0), have, func(c value.Value) {
		channel := b.add("to.channel", k.groupFirst, c)
		to, row := b.add("to.at", b.mul("to.plane", channel, k.outPix), k.first), b.element("row", rows, b.mul("row.of", c, k.chunk))
		b.loop("lane", "", num(0), k.count, k.lanes, nil, func(p value.Value, _ []value.Value) []value.Value {
			v := &values{fn: b, steps: k.next, at: k.at, element: b.add("element", to, p), have: make([]value.Value, len(k.at)),
				made: b.loadVector("made", b.element("made.place", row, p)), channel: channel, pixels: k.outPix}
			for _, in := range k.next.list {
				v.step(in)
			}
			v.storeElements()
			v.storeBits()
			return nil
		})
	})
}

// bitsAt is the place of this vector's bits.
func (v *values) bitsAt(i int) value.Value {
	b := v.fn
	bytes := b.call("bits.bytes", b.at.NewBitCast(v.at[i], types.I8Ptr))
	at, _ := b.divide("bits.byte", "bits.rest", v.element, 8)
	place := b.call("bits.at", b.at.NewGetElementPtr(types.I8, bytes, at))
	return b.call("bits.place", b.at.NewBitCast(place, types.NewPointer(types.NewInt(uint64(b.vec)))))
}

// storeBits keeps the bits that are read later, those of a vector by themselves.
func (v *values) storeBits() {
	for i, x := range v.have {
		if v.live[i] && v.steps.bits[i] {
			v.fn.at.NewStore(x, v.bitsAt(i)).Align = ir.Align(1)
		}
	}
}

// result is a convolution's, of the products that were made.
func (v *values) result(in program.Instr) value.Value {
	y := v.sum("added", v.made, v.get(in.In[1]))
	for _, w := range v.weights(in) {
		y = v.sum("biased", y, v.weight(w, v.pixels))
	}
	return y
}
