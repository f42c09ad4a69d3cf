package twopc_test

import "sotto/runtime/program"

// comparison follows the OTs and triples of a comparison: choices, masks and triples hide one message each, a triple's planes one a
// level, and what is computed with a peer's answer belongs to the question.
func (u use) comparison() {
	switch u.Op {
	case program.CompareChoose:
		u.want(1, program.OTDraw, 0)
		u.pads[u.args[1]]++
	case program.CompareTurn:
		u.want(0, program.OT16Pads, 0)
		u.want(1, program.RecvBits, 0)
		u.pads[u.args[0]]++
	case program.CompareAnswer:
		u.want(1, program.CompareTurn, 0)
		u.want(2, program.CompareTurn, 1)
		u.same(1, 2)
		u.pads[u.args[1]]++
	case program.CompareSelect:
		u.want(1, program.RecvBits, 0)
		u.want(2, program.OT16Choose, 0)
	case program.CompareOpen:
		u.want(1, program.OTDraw, 0)
		u.want(2, program.BitsPads, 1)
		for _, i := range []int{1, 2} {
			plane := u.args[i]
			plane.level = 1 + u.Ints[1]
			u.pads[plane]++
		}
	case program.CompareJoin:
		u.want(1, program.CompareOpen, 0)
		u.want(2, program.RecvBits, 0)
		u.want(3, program.BitsPads, 1)
		u.want(4, program.Products, 0)
		if own := u.from[u.args[1]]; own[0] != u.args[0] || own[2] != u.args[3] || u.from[u.args[4]][0] != own[1] || u.from[u.args[4]][1] != own[2] {
			u.t.Fatalf("%s of layer %d: nodes, triples and what was opened do not belong together", u.Op, u.Tag)
		}
	case program.Products:
		u.want(0, program.OTDraw, 0)
		u.want(1, program.BitsPads, 1)
		u.want(2, program.BitsPads, 0)
		u.want(3, program.BitsChoose, 0)
		u.same(1, 2)
	case program.ArithmeticCorrelate:
		u.correlate(1, 2)
	case program.ArithmeticReceive:
		u.choice(2, 3, 1, program.MuxChoose)
		u.want(4, program.RecvRing, 0)
	case program.ArithmeticSend:
		u.want(1, program.RecvBits, 0)
		u.want(2, program.OTPads, 0)
	}
}
