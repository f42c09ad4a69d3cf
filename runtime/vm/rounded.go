package vm

import (
	"sotto/runtime/nonlin"
	"sotto/runtime/program"
	"sotto/runtime/ring"
)

// rounded runs a step of a quadratic of a truncated value, or reports that it is none: see runtime/nonlin/rounded.go.
func (m *Machine[W]) rounded(in program.Instr) bool {
	r := func(i int) []W { return m.r(in.In[i]) }
	b := func(i int) ring.Bits { return m.b(in.In[i]) }
	// What is dropped is the first number or, behind a weight, the second; what the square is multiplied by follows.
	step := func(at int) nonlin.Rounded[W] { return nonlin.Rounded[W]{F: in.Ints[at], K: in.Ints[at+1]} }
	shift := func() nonlin.Rounded[W] { return nonlin.Rounded[W]{F: in.Ints[0]} }
	switch in.Op {
	case program.RoundedShare:
		shift().Share(m.r(in.Out[0]), r(0), m.Program.Party)
	case program.RoundedOffer:
		step(0).Offer(m.r(in.Out[0]), r(0), r(1), r(2), r(3))
	case program.RoundedFix:
		shift().Fix(m.r(in.Out[0]), r(0), r(1), r(2), b(3))
	case program.RoundedTurn:
		step(0).Turn(m.r(in.Out[0]), r(0), r(1), r(2))
	case program.RoundedPad:
		shift().Pad(m.r(in.Out[0]), r(0), r(1), b(2))
	case program.RoundedHold:
		shift().Hold(m.r(in.Out[0]), r(0), r(1), r(2), r(3), b(4))
	case program.RoundedCorrelate:
		step(1).Correlate(m.r(in.Out[0]), r(0), r(1), r(2), r(3), m.Weights[in.Ints[0]])
	case program.RoundedClient:
		step(0).Client(m.r(in.Out[0]), r(0), r(1), r(2), r(3), r(4), b(5), b(6), b(7))
	case program.RoundedServer:
		step(1).Server(m.r(in.Out[0]), r(0), r(1), r(2), r(3), b(4), b(5), m.Weights[in.Ints[0]])
	default:
		return false
	}
	return true
}
