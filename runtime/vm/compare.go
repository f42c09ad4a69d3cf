package vm

import (
	"sotto/runtime/nonlin"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// comparison runs a step of a comparison by OT, or reports that it is none.
func (m *Machine[W]) comparison(in program.Instr) bool {
	r := func(i int) []W { return m.r(in.In[i]) }
	b := func(i int) ring.Bits { return m.b(in.In[i]) }
	compare := func() nonlin.Compare[W] { return nonlin.Compare[W]{Bits: in.Ints[0]} }
	switch in.Op {
	case program.CompareChoose:
		compare().Choose(m.b(in.Out[0]), r(0), b(1))
	case program.CompareTurn:
		compare().Turn(m.b(in.Out[0]), m.b(in.Out[1]), b(0), b(1))
	case program.CompareAnswer:
		compare().Answer(m.b(in.Out[0]), m.b(in.Out[1]), r(0), b(1), b(2))
	case program.CompareSelect:
		compare().Select(m.b(in.Out[0]), r(0), b(1), b(2))
	case program.CompareOpen:
		compare().Open(m.b(in.Out[0]), b(0), b(1), b(2), in.Ints[1])
	case program.CompareJoin:
		compare().Join(m.b(in.Out[0]), b(0), b(1), b(2), b(3), b(4), in.Ints[1])
	default:
		return false
	}
	return true
}

// signs runs a span of what comes before or after a comparison, or reports that it is none.
func (m *Machine[W]) signs(in program.Instr, s span) bool {
	var mux nonlin.Mux[W]
	var arithmetic nonlin.Arithmetic[W]
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	b := func(i int) ring.Bits { return m.bOf(in.In[i], s) }
	switch in.Op {
	case program.Coarse:
		nonlin.Coarse(m.rOf(in.Out[0], s), r(0), in.Ints[0], m.Program.Party)
	case program.Sign:
		nonlin.Sign(m.bOf(in.Out[0], s), b(0), r(1), in.Ints[0], m.Program.Party)
	case program.TruncExcess:
		nonlin.Excess(m.bOf(in.Out[0], s), b(0), r(1), in.Ints[0])
	case program.MuxChoose:
		mux.Choose(m.bOf(in.Out[0], s), b(0), b(1))
	case program.MuxCorrelate:
		mux.Correlate(m.rOf(in.Out[0], s), r(0), b(1), r(2), r(3))
	case program.MuxOutput:
		mux.Output(m.rOf(in.Out[0], s), r(0), b(1), b(2), r(3), b(4), b(5), r(6), r(7))
	case program.ArithmeticCorrelate:
		arithmetic.Correlate(m.rOf(in.Out[0], s), b(0), r(1), r(2))
	case program.ArithmeticReceive:
		arithmetic.Receive(m.rOf(in.Out[0], s), b(0), b(1), b(2), r(3), r(4))
	case program.ArithmeticSend:
		arithmetic.Send(m.rOf(in.Out[0], s), b(0), b(1), r(2))
	default:
		return false
	}
	return true
}
