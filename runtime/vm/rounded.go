package vm

import (
	"sotto/runtime/nonlin"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// rounded runs a span of an offline step of a quadratic of a truncated value, or reports that it is none: see runtime/nonlin/rounded.go.
func (m *Machine[W]) rounded(in program.Instr, s span) bool {
	r := func(i int) []W { return m.rOf(in.In[i], s) }
	b := func(i int) ring.Bits { return m.bOf(in.In[i], s) }
	step := func() nonlin.Rounded[W] { return nonlin.Rounded[W]{F: in.Ints[0], K: in.Ints[1]} }
	shift := func() nonlin.Rounded[W] { return nonlin.Rounded[W]{F: in.Ints[0]} }
	switch in.Op {
	case program.RoundedOffer:
		step().Offer(m.rOf(in.Out[0], s), r(0), r(1), r(2), r(3))
	case program.RoundedFix:
		shift().Fix(m.rOf(in.Out[0], s), r(0), r(1), r(2), b(3))
	case program.RoundedTurn:
		step().Turn(m.rOf(in.Out[0], s), r(0), r(1), r(2))
	case program.RoundedPad:
		shift().Pad(m.rOf(in.Out[0], s), r(0), r(1), b(2))
	case program.RoundedHold:
		shift().Hold(m.rOf(in.Out[0], s), r(0), r(1), r(2), r(3), b(4))
	default:
		return false
	}
	return true
}
