package twopc

import (
	"slices"

	"sotto/ir"
	"sotto/runtime/program"
)

// row says how an op of SECURE is emitted, and which of the user's ops a layer computes that has it: none, if that depends on its other ops.
type row struct {
	op   string
	emit func(*emitter, *ir.Value) *shared
	user string
}

// rows has every op that is no weight, but for movements by loops, in falling order of how much a layer's having it says. The user's names are
// those of `sotto check`, that is of NET ops without their prefix; an op with the name of a NET op computes that by itself.
var rows = []row{
	{"ring.iota", (*emitter).iota, "argmax"},
	{"tour.start", each(tour(0)), "maxpool"},
	{"tour.left", each(tour(1)), ""},
	{"tour.right", each(tour(2)), ""},
	{"tour.next", each(tour(3)), ""},
	{"tour.windows", each(tour(4)), ""},
	{"gc.argmax", (*emitter).whole, "argmax"},
	{"gc.maxpool", (*emitter).whole, "maxpool"},
	{"gc.clip", (*emitter).whole, ""},
	{"gc.relu", (*emitter).whole, "relu"},
	{"beaver.square", (*emitter).square, "x2act"},
	{"beaver.quadratic", (*emitter).quadratic, "x2act"},
	{"ot.quadratic", (*emitter).rounded, "x2act"},
	{"gc.drelu", (*emitter).drelu, "relu"},
	{"fss.drelu", (*emitter).fssDrelu, "relu"},
	{"ot.drelu", (*emitter).sign, "relu"},
	{"fss.relu", (*emitter).fssRelu, "relu"},
	{"batchnorm", nil, "batchnorm"}, // a layer with the weights of one: which no convolution took in, and which is a convolution by itself
	{"ring.conv2d", (*emitter).linear, "conv2d"},
	{"ring.linear", (*emitter).linear, "linear"},
	{"ring.sumpool", each(sumpool), "avgpool"},
	{"ring.conv2d.x", (*emitter).bilinear, "conv2d"},
	{"ring.conv2d.w", (*emitter).bilinear, "conv2d"},
	{"ring.linear.x", (*emitter).bilinear, "linear"},
	{"ring.linear.w", (*emitter).bilinear, "linear"},
	{"ring.products", (*emitter).bilinear, "batchnorm"},
	{"ring.mul", (*emitter).bilinear, ""},
	{"ring.mulp", (*emitter).mulp, ""},
	{"ring.sums", each(sums), ""},
	{"ring.unpool", each(unpool), ""},
	{"ring.spread", (*emitter).spread, ""},
	{"tour.winners", each(tour(5)), ""},
	{"tour.unpair", each(tour(6)), ""},
	{"tour.return", each(tour(7)), ""},
	{"state", (*emitter).state, ""},
	{"assign", (*emitter).assign, ""},
	{"ot.arithmetic", (*emitter).integer, ""},

	{"mask", (*emitter).mask, ""},
	{"open", (*emitter).open, ""},
	{"reveal", (*emitter).reveal, ""},
	{"ot.trunc", (*emitter).trunc, ""},
	{"ot.trunc.exact", (*emitter).exactTrunc, ""},
	{"ot.mux", (*emitter).mux, ""},

	{"ring.add", each(func(*ir.Value) (program.Opcode, []int) { return program.Add, nil }), ""},
	{"ring.sub", each(func(*ir.Value) (program.Opcode, []int) { return program.Sub, nil }), ""},
	{"ring.mulc", each(func(v *ir.Value) (program.Opcode, []int) { return program.MulC, []int{v.Int("c")} }), ""},
	{"ring.addc", (*emitter).addc, ""},
	{"ring.shift", (*emitter).shift, ""},
	{"ring.reshape", (*emitter).reshape, ""},
	{"ring.concat", each(func(*ir.Value) (program.Opcode, []int) { return program.Concat, nil }), ""},
	{"ring.pad", each(pad), ""},
	{"ring.slice", each(slice), ""},
	{"ring.gather", each(func(v *ir.Value) (program.Opcode, []int) { return program.Gather, v.Ints("keep") }), ""},
	{"ring.scatter", each(func(v *ir.Value) (program.Opcode, []int) { return program.Scatter, v.Ints("keep") }), ""},
}

// loops emits movements that say by nested loops where their elements come from.
var loops = row{emit: each(func(v *ir.Value) (program.Opcode, []int) { return program.Walk, v.Op.Loops(v).Flat() })}

// rowOf gives the row of an op, one without emit if it has none.
func rowOf(o *ir.Op) row {
	if i := slices.IndexFunc(rows, func(r row) bool { return r.op == o.Name }); i >= 0 {
		return rows[i]
	}
	if o.Loops != nil {
		return loops
	}
	return row{}
}
