package protocols

import (
	"slices"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// Whole ops: a relu, a relu6, a maxpool or an argmax all inside one garbled circuit, with the truncation of a relu's or
// maxpool's operand.

// whole emits v as one garbled op, or gives nil if it is none.
func (a *assigner) whole(v *ir.Value) *ir.Value {
	switch {
	case v.Is("ring.relu"):
		o := a.entering(v.Args[0], v)
		return a.B.At(v).MustAs(v.Name, "gc.relu", o.attrs(), o.x)
	case v.Is("ring.sub"):
		return a.clip(v)
	case v.Is("ring.maxpool"):
		return a.wholeMaxpool(v)
	case v.Is("ring.argmax") && v.Args[0].Type.Len() > 1:
		x := v.Args[0]
		o := entering{a.mask(a.To[x]), reluWidth(x), 0}
		return a.B.At(v).MustAs(v.Name, "gc.argmax", o.attrs(), o.x)
	}
	return nil
}

// entering is what a circuit takes: the masked form of a value of width bits, of which it drops the lowest first.
type entering struct {
	x           *ir.Value
	width, drop int
}

// entering gives what a circuit that computes v takes for x: a truncated value enters as it was before, since a circuit truncates for nothing.
func (a *assigner) entering(x, v *ir.Value) entering {
	source, drop := a.source(x, v), 0
	if source != x {
		drop = x.Int("bits")
	}
	const kept = 2 // a sign and a bit at least are left
	return entering{a.mask(a.To[source]), max(reluWidth(source), drop+kept), drop}
}

func (e entering) attrs() ir.Attrs {
	attrs := ir.Attrs{}
	if e.drop > 0 {
		attrs["bits"] = e.drop
	}
	if e.width < e.x.Type.Elem.Bits {
		attrs["width"] = e.width
	}
	return attrs
}

// clip emits relu(x) - relu(x - most).
func (a *assigner) clip(v *ir.Value) *ir.Value {
	most := clips(v)
	if most == 0 {
		return nil
	}
	o := a.entering(v.Args[0].Args[0], v)
	attrs := o.attrs()
	attrs["most"] = most
	return a.B.At(v).MustAs(v.Name, "gc.clip", attrs, o.x)
}

// clips recognises relu(x) - relu(x - most), of which something reaches most; 0 is none.
func clips(v *ir.Value) int {
	if !v.Is("ring.sub") {
		return 0
	}
	low, high := v.Args[0], v.Args[1]
	if !low.Is("ring.relu") || !high.Is("ring.relu") || !high.Args[0].Is("ring.addc") || high.Args[0].Args[0] != low.Args[0] {
		return 0
	}
	most, x := -high.Args[0].Int("c"), low.Args[0]
	kept := reluWidth(x)
	if x.Is("ring.trunc") {
		kept = min(kept, reluWidth(x.Args[0])-x.Int("bits"))
	}
	if most < 1 || kept < 2 || most>>(kept-1) > 0 {
		return 0
	}
	return most
}

// takenWhole tells whether circuits truncate in v's stead. They round down: where others read the result of a one-COT truncation as well, it
// is rounded once, for all.
func (a *assigner) takenWhole(v *ir.Value) bool {
	if a.truncation(v) == pass.ExactTruncation {
		return true
	}
	return a.leadsOnlyTo(v, a.truncates)
}

// truncates tells whether a reader of a truncation is, or leads only to, a circuit that truncates.
func (a *assigner) truncates(r *ir.Value) bool {
	switch {
	case r.Is("ring.relu"), r.Is("ring.maxpool"):
		return a.way(r) == pass.GarbledWhole
	case r.Is("ring.addc"):
		return a.leadsOnlyTo(r, func(high *ir.Value) bool {
			return high.Is("ring.relu") && a.leadsOnlyTo(high, func(v *ir.Value) bool { return clips(v) > 0 && a.way(v) == pass.GarbledWhole })
		})
	}
	return false
}

// leadsOnlyTo tells whether all readers of a value are of a kind.
func (a *assigner) leadsOnlyTo(v *ir.Value, kind func(*ir.Value) bool) bool {
	return a.Old.Result != v && !slices.ContainsFunc(a.readers[v], func(r *ir.Value) bool { return !kind(r) })
}

// wholeMaxpool lays the windows out and takes the greatest of each.
func (a *assigner) wholeMaxpool(v *ir.Value) *ir.Value {
	o, b := a.entering(v.Args[0], v), a.B.At(v)
	geometry, attrs, k := v.Attrs.Only("kernel", "stride", "pad"), o.attrs(), v.Ints("kernel")
	geometry["image"] = o.x.Type.Shape
	attrs["of"] = k[0] * k[1]
	windows := b.MustAs(v.Name+".w", "tour.windows", geometry, o.x)
	return b.MustAs(v.Name, "ring.reshape", ir.Attrs{"shape": v.Type.Shape}, b.MustAs(v.Name+".x", "gc.maxpool", attrs, windows))
}

// garble sets how the AND gates of every garbled op are garbled.
func (a *assigner) garble(s cost.Scheme) {
	for _, v := range a.New.Body {
		if _, garbled := ir.GarblingOf(v); garbled && s != cost.HalfGates {
			v.Set("scheme", string(s))
		}
	}
}
