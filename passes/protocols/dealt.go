package protocols

import (
	"fmt"

	"sotto/ir"
	"sotto/passes/pass"
)

// takenIn tells whether a dealt relu truncates in v's stead. It rounds as one COT does, and a truncation that others read as well is
// rounded once, for all.
func (a *assigner) takenIn(v *ir.Value) bool {
	return len(a.readers[v]) == 1 && a.Old.Result != v && a.truncation(v) == pass.OneCOT
}

// dealtRelu emits a relu by dealt keys, with the truncation of its operand where that is for nothing else.
func (a *assigner) dealtRelu(v *ir.Value) *ir.Value {
	source, drop := a.source(v.Args[0], v), 0
	if source != v.Args[0] {
		drop = v.Args[0].Int("bits")
	}
	return a.rectify(v, v.Name, a.To[source], reluWidth(source), drop)
}

// rectify emits max(x, 0) less its drop lowest bits, x's values having width bits. What is truncated has two bits fewer than
// the ring, as every truncation demands (passes/fixed).
func (a *assigner) rectify(at *ir.Value, name string, x *ir.Value, width, drop int) *ir.Value {
	attrs := ir.Attrs{}
	if drop > 0 {
		const kept = 2 // a sign and a bit at least are left
		attrs["bits"] = drop
		width = min(max(width, drop+kept), x.Type.Elem.Bits-1)
	}
	if width < x.Type.Elem.Bits {
		attrs["width"] = width
	}
	return a.B.At(at).MustAs(name, "fss.relu", attrs, a.compared(at, x))
}

// gain is max(diff, 0) in a stage of a tournament, for values alone: where indices are carried along, the sign is wanted too.
func (t *tournament) gain(s int, diff *ir.Value) *ir.Value {
	return t.rectify(t.v, fmt.Sprintf("%s.u%d", t.v.Name, s), diff, differenceWidth(t.v.Args[0]), 0)
}
