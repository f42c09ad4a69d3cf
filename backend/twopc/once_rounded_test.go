package twopc_test

import "sotto/runtime/program"

// rounded holds a step of a quadratic of a truncated value to the OTs and messages that it is of.
func (u use) rounded() {
	switch u.Op {
	case program.RoundedOffer, program.RoundedCorrelate:
		u.correlate(2, 3)
	case program.RoundedFix:
		u.want(1, program.OTPads, 0)
		c := u.chosenBy(3)
		u.choice(c, 2, 3, program.TruncChoose)
	case program.RoundedTurn:
		u.want(2, program.OTPads, 0)
	case program.RoundedPad:
		u.want(1, program.RecvRing, 0)
		u.want(2, program.OTDraw, 0)
		u.want(0, program.OTChoose, 0)
		if u.from[u.args[0]][0] != u.args[2] {
			u.t.Fatalf("%s of layer %d: choice and pad come from different OTs", u.Op, u.Tag)
		}
	case program.RoundedHold:
		u.want(1, program.RecvRing, 0)
		u.want(3, program.OTPads, 0)
		u.want(4, program.RecvBits, 0)
	case program.RoundedClient:
		u.want(1, program.RecvRing, 0)
		u.want(3, program.RoundedTurn, 0)
		u.want(4, program.RecvRing, 0)
		u.want(5, program.RecvBits, 0)
		u.want(6, program.TruncChoose, 0)
		u.want(7, program.OTDraw, 0)
		if u.from[u.args[6]][1] != u.args[7] {
			u.t.Fatalf("%s of layer %d: choice bits do not belong to its message", u.Op, u.Tag)
		}
	case program.RoundedServer:
		u.want(3, program.RoundedPad, 0)
		u.want(4, program.TruncChoose, 0)
		u.want(5, program.RecvBits, 0)
		if u.from[u.args[3]][2] != u.from[u.args[4]][1] {
			u.t.Fatalf("%s of layer %d: choice bits do not belong to its message", u.Op, u.Tag)
		}
	}
}

// chosenBy adds the choice bits that made argument e to the arguments, unless they are there, and says where they are.
func (u *use) chosenBy(e int) int {
	c := u.from[u.args[e]][1]
	for i, a := range u.args {
		if a == c {
			return i
		}
	}
	u.args = append(u.args, c)
	return len(u.args) - 1
}
