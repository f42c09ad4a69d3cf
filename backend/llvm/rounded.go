package llvm

import (
	"github.com/llir/llvm/ir/value"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// rounded computes a step of a quadratic of a truncated value: see runtime/nonlin/rounded.go, whose formulas these are.
func (v *values) rounded(in program.Instr, x func(i int) value.Value) value.Value {
	k := v.rounding(in)
	switch in.Op {
	case program.RoundedCorrelate: // x, t, p0, p1
		return v.and(v.minus(k.lacking(in, x(0), x(1)), v.minus(x(3), x(2))), k.low)
	case program.RoundedClient: // t, g, u, w, v, e, own e, c
		bits := v.minus(v.negateIf(v.keepIf(x(4), x(7)), x(6)), v.keepIf(x(3), x(5)))
		own := v.product("cross", x(0), v.sum("slope", v.product("scaled", x(0), v.all(1<<in.Ints[1])), x(1)))
		return v.sum("quadratic", v.sum("fixed", own, x(2)), k.high(bits))
	case program.RoundedServer: // x, t, u, o, own e, e
		d := k.lacking(in, x(0), x(1))
		bits := v.sum("bits", v.negateIf(x(3), x(4)), v.minus(d, v.keepIf(d, x(5))))
		own := v.product("own", x(1), v.sum("slope", v.product("scaled", x(1), v.all(1<<in.Ints[2])), v.slope(in)))
		return v.minus(v.sum("held", own, x(2)), k.high(bits))
	}
	known := v.all(0) // of the wrap
	if v.party == cost.Client {
		known = k.top(x(0))
	}
	return k.divide(x(0), known)
}

// high is a number times h.
func (k rounding) high(x value.Value) value.Value {
	return k.call("high", k.fn.at.NewShl(x, k.wrap))
}

// lacking is the server's d, before it is reduced.
func (k rounding) lacking(in program.Instr, x, t value.Value) value.Value {
	lost := k.all(1 << (uint(8*k.elem.Bytes()) - uint(in.Ints[1]) + uint(in.Ints[2])))
	slope := k.minus(k.sum("slope", k.product("twice", t, k.all(2<<in.Ints[2])), k.slope(in)), lost)
	return k.and(slope, k.minus(k.all(0), k.top(x)))
}
