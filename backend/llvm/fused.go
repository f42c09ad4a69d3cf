package llvm

import (
	"fmt"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/types"
	"github.com/llir/llvm/ir/value"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
)

// Elementwise instructions behind a convolution or a pool become part of it: what they take of its result is still in the nearest cache,
// and is not stored unless something else reads it. The sums of a unit are transposed into scratch memory, a row for each channel (those of
// a depthwise convolution and of a pool are one), and the instructions pass over the rows. Vectors of the result must not lie across two
// channels, and the bits of a vector be whole bytes.

// fused gives the stages of a convolution or a pool with the instructions behind it, and how many instructions these stand for in all: none
// where they cannot be one.
func (m *module) fused(list []program.Instr, at int) (int, []program.Stage) {
	in, first := list[0], 1
	for first < len(list) && list[first].Op == program.TapValue {
		first++
	}
	c, count := chainOf(list[first:])
	g, windows := windowsOf(in)
	lanes := m.target.Vector / m.elem.Bytes()
	if !windows || count == 0 || c.n != in.Out[0].Len || g.OutH()*g.OutW()%lanes != 0 {
		return 0, nil
	}
	c.list = append([]program.Instr{in}, c.list...)
	last := at + first + count - 1
	s, text := m.steps(c, func(buf int) bool { return m.lives.after(buf, c.n, last) })
	if s.stores(in.In[0].Buf) || (lanes%8 != 0 && s.haveBits()) {
		return 0, nil
	}
	l := layer{tag: in.Tag, elem: m.elem, geometry: g, x: buffer(in.In[0]), weight: in.Ints[0], then: s,
		name: fmt.Sprintf("%s_%s_%s_then_%s", kindOf(in.Op, g), m.elem, geometryName(g), digest(text))}
	if in.Op == program.SumPool {
		return first + count, []program.Stage{m.channelsThen(l)}
	}
	return first + count, m.convolution(l)
}

// windowsOf gives the geometry of a convolution, or of a pool as one of a channel a group; ok is false for other instructions.
func windowsOf(in program.Instr) (c kernel.Conv, ok bool) {
	switch in.Op {
	case program.Conv:
		return program.Geometry(in.Ints[2:]), true
	case program.SumPool:
		t := program.PoolGeometry(in.Ints)
		return kernel.Conv{InC: t.C, InH: t.H, InW: t.W, OutC: t.C, KH: t.KH, KW: t.KW, StrideH: t.StrideH, StrideW: t.StrideW, PadH: t.PadH, PadW: t.PadW, DilH: 1, DilW: 1, Groups: t.C}, true
	}
	return c, false
}

// kindOf names what a function computes first.
func kindOf(op program.Opcode, c kernel.Conv) string {
	switch {
	case op == program.SumPool:
		return "sumpool"
	case c.InC == c.Groups:
		return "depthwise"
	}
	return "conv"
}

// channelsThen gives the stage of a depthwise convolution or a pool with what follows.
func (m *module) channelsThen(l layer) program.Stage {
	c := l.geometry
	s := program.Stage{Tag: l.tag, Units: c.OutC, Grain: rowsGrain(c), Args: []program.Arg{l.x, m.worker(l.elem, paddedPlane(c)+c.OutH()*c.OutW())}}
	weights := l.then.list[0].Op == program.Conv
	if weights {
		s.Args = append(s.Args, program.Arg{Kind: program.WeightArg, Index: l.weight})
	}
	first := len(s.Args)
	s.Args = append(s.Args, l.then.args...)
	for _, in := range l.then.list {
		s.Symbol = m.function(l.name, in.Tag, func(name string) *fn {
			b := begin(name, l.elem, pixelLanes(c, m.target.Vector/l.elem.Bytes()))
			k := perChannel{fn: b, Conv: c, x: b.buffer("x", 0), padded: b.buffer("padded", 1), next: l.then, at: l.then.pointers(b, first), lanes: m.target.Vector / l.elem.Bytes()}
			k.y = b.element("sums", k.padded, num(paddedPlane(c)))
			if weights {
				k.w = b.buffer("w", 2)
			}
			b.each("channel", "", b.lo, b.hi, k.channel)
			b.end()
			return b
		})
	}
	return s
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
		k.next.along(b, k.at, made{row: row, to: to, channel: channel, count: k.count, pixels: k.outPix})
	})
}

// made is a row of sums of a channel.
type made struct {
	row, to        value.Value // where the first is, and which element of the result
	channel, count value.Value
	pixels         int // of the channel
}

// along does the steps on a row.
func (s *steps) along(b *fn, at []value.Value, m made) {
	b.loop("lane", "", num(0), m.count, b.vec, nil, func(p value.Value, _ []value.Value) []value.Value {
		v := &values{fn: b, steps: s, at: at, element: b.add("element", m.to, p), have: make([]value.Value, len(at)),
			made: b.loadVector("made", b.element("made.place", m.row, p)), channel: m.channel, pixels: m.pixels}
		for _, in := range s.list {
			v.step(in)
		}
		v.storeElements()
		v.storeBits()
		return nil
	})
}

// then does the steps that follow on the sums of a channel, in vectors of all lanes.
func (k perChannel) then(channel value.Value) {
	pixels, wide := k.OutH()*k.OutW(), *k.fn
	wide.vec = k.lanes
	k.next.along(&wide, k.at, made{row: k.y, to: wide.mul("to", channel, pixels), channel: channel, count: num(pixels), pixels: pixels})
	k.fn.at = wide.at
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
