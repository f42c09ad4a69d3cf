package vm

import (
	"sotto/runtime/nonlin"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// Elementwise instructions compute a stretch of their elements as well as all of them, so that messages can be made and used piece by
// piece (stream.go), and all of them by both cores.

// span is elements lo to hi-1 of vectors; lo is a multiple of 64, and hi one too or their length.
type span struct{ lo, hi int }

// part computes spans of an instruction, on both cores. A machine has one, which is whatever it computes.
type part[W ring.Word] struct {
	m  *Machine[W]
	in program.Instr
}

// Do computes elements lo to hi-1.
func (p *part[W]) Do(lo, hi int) {
	for ; lo < hi; lo += parcel { // a span is computed without more workers
		p.m.elementwise(p.in, span{lo, min(lo+parcel, hi)})
	}
}

// parted computes all of an instruction that can be cut into spans, or reports that it is none.
func (m *Machine[W]) parted(in program.Instr) bool {
	if !m.elementwise(in, span{}) { // of nothing: it says what it is
		return false
	}
	m.part.in = in
	ring.Run(in.Out[0].Len, parcel, m.part)
	return true
}

// elementwise computes a span of an instruction that can be cut, or reports that it is none.
func (m *Machine[W]) elementwise(in program.Instr, s span) bool {
	return m.elements(in, s) || m.rounded(in, s) || m.signs(in, s)
}

func (m *Machine[W]) rOf(o program.Operand, s span) []W { return m.ring[o.Buf][s.lo:s.hi] }

// bOf gives bits, and clears those of the last word that are beyond them.
func (m *Machine[W]) bOf(o program.Operand, s span) ring.Bits {
	return ring.WrapBits(m.bits[o.Buf].Words()[s.lo/64:ring.BitWords(s.hi)], s.hi-s.lo)
}

// elements runs a span of an elementwise instruction, or reports that it is none.
func (m *Machine[W]) elements(in program.Instr, s span) bool {
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	switch in.Op {
	case program.Add:
		ring.Add(m.rOf(in.Out[0], s), r(0), r(1))
	case program.Sub:
		ring.Sub(m.rOf(in.Out[0], s), r(0), r(1))
	case program.MulC:
		ring.MulConst(m.rOf(in.Out[0], s), r(0), W(in.Ints[0]))
	case program.Mul:
		mulAdd(m.rOf(in.Out[0], s), r(0), r(1), r(2))
	case program.MulPublic:
		ring.MulConst(m.rOf(in.Out[0], s), r(0), m.r(in.In[1])[0])
	case program.AddC:
		ring.AddConst(m.rOf(in.Out[0], s), r(0), W(in.Ints[0]))
	case program.Copy:
		copy(m.rOf(in.Out[0], s), r(0))
	case program.Shift:
		shift(m.rOf(in.Out[0], s), r(0), m.factors(in, 0, s))
	case program.Conv:
		if !in.Elementwise() {
			return false
		}
		m.scale(in, s)
	default:
		return m.truncates(in, s) || m.squares(in, s) || m.roundedElements(in, s)
	}
	return true
}

// scale is a convolution with one weight for each channel.
func (m *Machine[W]) scale(in program.Instr, s span) {
	out, x := m.rOf(in.Out[0], s), m.rOf(in.In[0], s)
	m.factors(in, 0, s).Each("scale", len(out), func(lo, hi int, w W) { ring.MulConst(out[lo:hi], x[lo:hi], w) })
	ring.Add(out, out, m.rOf(in.In[1], s))
	if in.Ints[1] >= 0 {
		shift(out, out, m.factors(in, 1, s))
	}
}

// factors gives the factors of an instruction's channels: the weight that the number at a place names.
func (m *Machine[W]) factors(in program.Instr, at int, s span) nonlin.Factors[W] {
	f := nonlin.PerChannel(m.Weights[in.Ints[at]], in.Out[0].Len)
	f.First = s.lo
	return f
}

// shift adds its factor to each element.
func shift[W ring.Word](out, x []W, c nonlin.Factors[W]) {
	c.Each("shift", len(out), func(lo, hi int, c W) { ring.AddConst(out[lo:hi], x[lo:hi], c) })
}

func (m *Machine[W]) truncates(in program.Instr, s span) bool {
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	b := func(i int) ring.Bits { return m.bOf(in.In[i], s) }
	trunc := func() nonlin.Trunc[W] { return nonlin.Trunc[W]{F: in.Ints[0], Party: m.Program.Party} }
	switch in.Op {
	case program.TruncChoose:
		trunc().Choose(m.bOf(in.Out[0], s), r(0), b(1))
	case program.TruncCorrelate:
		trunc().Correlate(m.rOf(in.Out[0], s), r(0), r(1), r(2))
	case program.TruncReceive:
		trunc().Receive(m.rOf(in.Out[0], s), r(0), b(1), b(2), r(3), r(4))
	case program.TruncSend:
		trunc().Send(m.rOf(in.Out[0], s), r(0), b(1), r(2))
	default:
		return false
	}
	return true
}

func (m *Machine[W]) squares(in program.Instr, s span) bool {
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	switch in.Op {
	case program.SquareClient:
		nonlin.SquareMaskedClient(m.rOf(in.Out[0], s), r(0), r(1), r(2))
	case program.SquareServer:
		nonlin.SquareMaskedServer(m.rOf(in.Out[0], s), r(0), r(1))
	case program.SquareOpened:
		nonlin.SquareOpened(m.rOf(in.Out[0], s), r(0), r(1), r(2), m.Program.Party)
	case program.QuadraticBlind:
		nonlin.QuadraticBlind(m.rOf(in.Out[0], s), r(0), r(1), m.factors(in, 0, s), in.Ints[1])
	case program.QuadraticClient:
		nonlin.QuadraticClient(m.rOf(in.Out[0], s), r(0), r(1), r(2), in.Ints[0])
	case program.QuadraticServer:
		nonlin.QuadraticServer(m.rOf(in.Out[0], s), r(0), r(1), m.factors(in, 0, s), in.Ints[1])
	default:
		return false
	}
	return true
}

func (m *Machine[W]) roundedElements(in program.Instr, s span) bool {
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	b := func(i int) ring.Bits { return m.bOf(in.In[i], s) }
	// What is dropped is the first number or, behind a weight, the second; what the square is multiplied by follows.
	step := func(at int) nonlin.Rounded[W] { return nonlin.Rounded[W]{F: in.Ints[at], K: in.Ints[at+1]} }
	switch in.Op {
	case program.RoundedShare:
		nonlin.Rounded[W]{F: in.Ints[0]}.Share(m.rOf(in.Out[0], s), r(0), m.Program.Party)
	case program.RoundedCorrelate:
		step(1).Correlate(m.rOf(in.Out[0], s), r(0), r(1), r(2), r(3), m.factors(in, 0, s))
	case program.RoundedClient:
		step(0).Client(m.rOf(in.Out[0], s), r(0), r(1), r(2), r(3), r(4), b(5), b(6), b(7))
	case program.RoundedServer:
		step(1).Server(m.rOf(in.Out[0], s), r(0), r(1), r(2), r(3), b(4), b(5), m.factors(in, 0, s))
	default:
		return false
	}
	return true
}
